"""`report`: one page that needs nothing else."""

import re
from dataclasses import replace

import pytest

from tests.support.repository import publish
from tests.support.tiny_onnx import tiny_onnx
from tests.support.windows import labelled, open_state, published, refused, take, window

NASTY = "<script>alert(1)</script>"


@pytest.fixture
def learnt(tmp_path):
    """Two versions with a model that answers, and a refused round between them."""
    with open_state(tmp_path / "state") as state:
        for seeds in (range(60), range(100, 160)):
            start = max(state.ledger.positions().values(), default=0)
            claim = state.claim(
                window(labelled(seeds, ("cat", NASTY)), start), seed=7, state=state.ledger.current_state()
            )
            manifest = publish(tmp_path / "models", claim.version, tiny_onnx(max(2, len(claim.classes))))
            manifest["classes"] = list(claim.classes)
            commit = published(state, claim)
            new = replace(commit.version, manifest=manifest, sha256=manifest["file"]["sha256"])
            state.commit(claim, replace(commit, version=new, verdict="promoted", reason="not harmful"))
            state.mark_published(claim.version)
            if claim.version == 1:
                take(state, labelled(range(70, 80), ("cat", NASTY)), refused())
    return tmp_path


def test_the_page_tells_it_all_and_loads_nothing(run, learnt):
    page = learnt / "page.html"
    ran = run("report", "--to", str(page))
    assert ran.status == 0, ran.err
    text = page.read_text()
    assert "asking version 2" in ran.err
    assert "asking version 1" in ran.err
    for heading in ("Accuracy and forgetting", "What is taken for what", "What each round took in", "refused"):
        assert heading in text
    assert text.count("data:image/svg+xml") == 4
    assert "data:image/png" in text, "what it is most wrong about is shown"
    loaded = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", text)
    assert all(address.startswith("data:") for address in loaded)


def test_what_producers_wrote_is_never_markup(run, learnt):
    page = learnt / "page.html"
    run("report", "--to", str(page))
    text = page.read_text()
    assert NASTY not in text
    assert "&lt;script&gt;" in text


def test_a_version_whose_file_is_gone_is_left_out_and_said(run, learnt):
    (learnt / "models" / "default" / "1" / "model.onnx").unlink()
    page = learnt / "page.html"
    ran = run("report", "--to", str(page))
    assert ran.status == 0
    assert "version 1 is left out" in ran.err
    assert page.exists()


def test_without_a_version_it_says_so(run, tmp_path):
    with open_state(tmp_path / "state"):
        pass
    ran = run("report", "--to", str(tmp_path / "page.html"))
    assert ran.status == 1
    assert "no version has been published yet" in ran.err


def test_a_place_that_cannot_be_written_names_the_option(run, learnt):
    ran = run("report", "--to", str(learnt / "nowhere" / "page.html"))
    assert ran.status == 1
    assert "--to" in ran.err
