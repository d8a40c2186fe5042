"""The page as HTML: what it says, what it escapes, what it does where something is missing, broken or old."""

import json
import re
import time

import pytest

from model.publishing.layout import ModelPaths
from model.publishing.learner_status import BYTES_MAX, LearnerStatus
from tests.support.repository import add_version, point_to, publish
from tests.support.serving import Serving

HOSTILE = '"><script>alert(1)</script>'


def status_of(**more):
    facts = {
        "schema": 1,
        "written_ms": time.time_ns() // 1_000_000,
        "every_s": 5.0,
        "tidemill": "0.2.0",
        "ready": True,
        "checks": [],
        "round": None,
        "samples_per_second": 1500.0,
        "rounds": [
            {
                "round": 4,
                "outcome": "refused",
                "version": None,
                "reason": f"not learnt {HOSTILE}",
                "records": 160,
                "trained": 0,
                "seconds": 1.0,
                "committed_at": "2026-11-02T10:02:00Z",
                "prequential_accuracy": 0.3,
            },
            {
                "round": 3,
                "outcome": "published",
                "version": 2,
                "reason": "not worse",
                "records": 160,
                "trained": 150,
                "seconds": 1.0,
                "committed_at": "2026-11-02T10:00:00Z",
                "prequential_accuracy": 0.9,
            },
        ],
        "waiting": {"samples": 12, "dead_letters": 0, "bytes": 100, "oldest_ms": None},
        "lag": [{"topic": "images", "partition": 0, "records": 34}],
        "lag_records": 34,
        "freshness": {"version": 2, "samples": 150, "median_s": 4.25, "p95_s": 40.0},
        "parcels": [
            {"round": 4, "role": "quarantined", "reason": HOSTILE, "samples": 160, "relabels": 0, "source": HOSTILE}
        ],
        "parcels_in_all": 1,
        "sheet": {
            "sha256": "ab" * 32,
            "tile": 96,
            "columns": 6,
            "pictures": [{"label": HOSTILE, "predicted": HOSTILE, "source": HOSTILE, "round": 4}],
        },
        "tasks": [{"what": "1 window in quarantine, 160 samples", "command": "tidemill quarantine list"}],
    }
    return LearnerStatus.model_validate({**facts, **more})


def put(serving, status):
    ModelPaths(serving.repository, "default").status.write_bytes(status.to_bytes())


def text(serving, path="/", code=200):
    answer = serving.client.get(path)
    assert answer.status_code == code
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def test_before_the_first_version_it_says_what_to_do(serving):
    page = text(serving)
    assert "No version yet" in page
    assert "tidemill push" in page
    assert "None" not in page


def test_it_shows_champion_accuracy_rounds_and_what_waits_for_a_person(serving):
    publish(serving.repository, 1)
    publish(serving.repository, 2)
    put(serving, status_of())
    page = text(serving)
    for said in (
        "Champion: version 2",
        "95.0\u00a0% right of 8 held out",
        "34 records",
        "4.2 s median",
        "80 records a minute",
        "1,500 samples a second",
        "12 samples",
        "Wants a person: 1",
        "tidemill quarantine list",
        "refused",
        "published as 2",
    ):
        assert said in page, said
    assert page.count("<caption") == page.count("<table")


def test_what_producers_say_is_text_and_nothing_else(serving):
    publish(serving.repository, 1)
    folder = serving.repository / "default" / "1"
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["classes"] = ["cat", HOSTILE]
    manifest["evaluation"]["per_class"] = {HOSTILE: {"n": 4, "candidate": 0.5, "champion": None}}
    manifest["gate"]["reason"] = HOSTILE
    (folder / "manifest.json").write_text(json.dumps(manifest))
    point_to(serving.repository, 1)
    put(serving, status_of(checks=[{"name": HOSTILE, "ok": False, "reason": HOSTILE}], ready=False))
    page = text(serving)
    assert "alert(1)" in page
    assert HOSTILE not in page
    assert "<script>alert" not in page
    assert not re.search(r'\s(?:on\w+|style)="', page), "a handler or style within the page"


def test_nothing_may_run_or_load_but_what_the_server_wrote(serving):
    publish(serving.repository, 1)
    answer = serving.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    for address in re.findall(r'(?:src|href)="([^"#?]+)', answer.text):
        assert "//" not in address, address
        found = serving.client.get(f"/{address}")
        assert found.status_code == 200, address


def test_every_model_has_a_page_and_the_first_lists_them(serving):
    publish(serving.repository, 1)
    publish(serving.repository, 3, model="birds")
    assert 'href="models/birds"' in text(serving)
    page = text(serving, "/models/birds")
    assert "Champion: version 3" in page
    assert 'href="../models/default"' in page
    assert 'href="../models/birds" aria-current="page"' in page


@pytest.mark.parametrize("name", ["none", "..%2f..", "%3Cscript%3E"])
def test_a_model_that_is_none_is_said_to_be_none(serving, name):
    answer = serving.client.get(f"/models/{name}")
    assert answer.status_code == 404
    assert "<script" not in answer.text


def test_an_old_status_is_called_old(serving):
    publish(serving.repository, 1)
    put(serving, status_of(tasks=[], written_ms=time.time_ns() // 1_000_000 - 600_000))
    page = text(serving)
    assert "too long ago" in page
    assert "it does not run, or cannot write here" in page
    put(serving, status_of(tasks=[]))
    assert "All is well" in text(serving)


@pytest.mark.parametrize("content", [b"{", b'{"schema": 2}', b"\xff", b" " * (BYTES_MAX + 1)])
def test_a_broken_status_hides_nothing_else(serving, content):
    publish(serving.repository, 1)
    ModelPaths(serving.repository, "default").status.write_bytes(content)
    page = text(serving)
    assert "status cannot be read" in page
    assert "Champion: version 1" in page


def test_a_repository_that_cannot_be_read_is_said_and_comes_back(serving):
    publish(serving.repository, 1)
    pointer = serving.repository / "default" / "champion.json"
    pointer.write_text("{")
    answer = serving.client.get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Not readable" in answer.text
    publish(serving.repository, 2)
    assert "version 2" in text(serving)


def test_retired_and_unreadable_versions_are_listed_as_such(serving):
    publish(serving.repository, 5)
    add_version(serving.repository, 4, b"x")
    (serving.repository / "default" / "4" / "manifest.json").write_text("{")
    (serving.repository / "default" / "retired.json").write_text('{"retired": [[1, 3]]}')
    page = text(serving)
    assert page.count(">retired<") == 3
    assert ">unreadable<" in page


def test_the_contact_sheet_is_sent_as_what_it_is(serving):
    publish(serving.repository, 1)
    assert serving.client.get("/models/default/quarantine.webp").status_code == 404
    ModelPaths(serving.repository, "default").sheet.write_bytes(b"RIFF")
    answer = serving.client.get("/models/default/quarantine.webp")
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "image/webp")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_can_be_turned_off(tmp_path):
    one = Serving(tmp_path / "models", "http.page=false")
    try:
        publish(one.repository, 1)
        for path in ("/", "/models/default", "/assets/page.css", "/models/default/quarantine.webp"):
            answer = one.client.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
        assert one.client.get("/v1/models").status_code == 200
    finally:
        one.stop()


def test_without_scripts_it_reloads_and_can_be_told_not_to(serving):
    publish(serving.repository, 1)
    page = text(serving)
    assert re.search(r'<noscript><meta http-equiv="refresh" content="30"></noscript>', page)
    address = re.search(r'<a href="([^"]+)">Stop reloading', page)[1]
    assert "http-equiv" not in text(serving, f"/{address}")
