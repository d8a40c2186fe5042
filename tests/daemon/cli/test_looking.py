"""`rounds`, `versions`, `explain`, `status`, `verify`: what the learner wrote, in the shapes of the contract."""

import io
import re
import shutil
import sys

import pytest

from daemon.cli.output import print_table
from model.store import StoreRules
from tests.support.windows import labelled, open_state, take


def test_rounds_as_the_contract_has_them(run, history):
    rounds = run("rounds", "--json").json
    assert [one["round"] for one in rounds] == [1, 2, 3]
    assert [one["outcome"] for one in rounds] == ["published", "refused", "published"]
    assert [one["version"] for one in rounds] == [1, None, 2]
    assert set(rounds[0]) == {
        "round",
        "outcome",
        "version",
        "reason",
        "lineage",
        "prequential_accuracy",
        "seconds",
        "committed_at",
    }
    assert rounds[1]["lineage"][0]["from"] == rounds[0]["lineage"][0]["to"] == 40
    assert rounds[0]["committed_at"].endswith("Z")


def test_rounds_as_a_table(run, history):
    ran = run("rounds")
    assert ran.status == 0
    assert "published" in ran.out
    assert "refused" in ran.out


def test_versions(run, history):
    versions = run("versions", "--json").json
    assert [(one["version"], one["round"], one["champion"]) for one in versions] == [(1, 1, False), (2, 3, True)]
    assert versions[1]["classes"] == ["cat", "dog"]
    assert "95.0 %" in run("versions").out
    kept = [one["restorable"] for one in versions]
    assert (run("versions").out.count(" kept "), run("versions").out.count(" gone ")) == (sum(kept), 2 - sum(kept))


def test_explain_tells_manifest_and_rounds_since_the_parent(run, history):
    told = run("explain", "2", "--json").json
    assert set(told) == {"manifest", "rounds"}
    assert told["manifest"]["version"] == 2
    assert [one["round"] for one in told["rounds"]] == [2, 3]
    assert [one["round"] for one in run("explain", "1", "--json").json["rounds"]] == [1]


def test_explain_tells_how_far_training_samples_are_ahead(run, history):
    assert "97.0 % on samples trained on, +7.0 points to the held out" in run("explain", "2").out


def test_explain_names_the_samples(run, history):
    samples = run("explain", "1", "--json", "--samples").json["samples"]
    assert set(samples["fresh"]) <= {f"id-{number}" for number in range(40)}
    assert samples["fresh"]
    assert samples["replayed"] == []
    shown = run("explain", "1", "--samples").out
    assert samples["fresh"][0] in shown
    assert "camera-1" in shown


def test_explain_of_a_version_that_is_none(run, history):
    ran = run("explain", "9")
    assert ran.status == 1
    assert "no version 9" in ran.err
    assert "newest is 2" in ran.err


def test_status_without_servers_is_what_the_state_knows(run, history):
    ran = run("status", "--json")
    assert ran.status == 0
    told = ran.json
    assert told["champion"]["version"] == 2
    assert told["round"] == 3
    assert told["buffer"] == {"samples": None, "dead_letters": None, "bytes": None}
    [position] = told["positions"]
    assert (position["topic"], position["partition"]) == ("images", 0)
    assert (position["learnt"], position["buffered"], position["end"]) == (80, None, None)
    assert set(told["store"]) == {"train", "holdout", "suspect", "quarantined", "waiting"}
    assert len(told["unreachable"]) == 2
    assert "redis.url" in ran.err
    assert "kafka.bootstrap_servers" in ran.err
    text = run("status").out
    assert "champion  version 2, 2 classes, 95.0 % right of 8 held out" in text
    assert "round     3 was the last: published version 2, " in text
    for unknown in ("buffer", "dead", "followers"):
        assert f"\n{unknown:<9} -\n" in text
    assert "roles     ingest -, learn -, serve -, run -" in text


def test_status_lists_what_waits_for_its_label_to_become_a_class(run, tmp_path):
    with open_state(tmp_path / "state", StoreRules(class_min_samples=10, waiting_max=6)) as state:
        take(state, [*labelled(range(40)), *((seed, "[red]ctas") for seed in range(100, 104))])
        take(state, [*labelled(range(40, 80)), (110, "[red]ctas"), (111, "owl"), (112, "owl"), (113, "ant")])
    told = run("status", "--json").json
    assert told["store"]["waiting"] == 6
    assert told["waiting"] == {
        "dropped": 2,
        "labels": [
            {"label": "[red]ctas", "count": 3, "windows": 2},
            {"label": "owl", "count": 2, "windows": 1},
            {"label": "ant", "count": 1, "windows": 1},
        ],
    }
    text = run("status").out
    assert "waiting   '[red]ctas' 3 in 2 windows, 'owl' 2 in 1 window, 'ant' 1 in 1 window" in text
    assert "2 dropped while they waited (store.waiting_max)" in text


@pytest.mark.parametrize("command", [["status"], ["rounds"], ["versions"], ["explain", "1"], ["verify"]])
def test_without_a_state_there_is_one_line_that_says_what_to_do(run, command):
    ran = run(*command, "--json")
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert "paths.state" in ran.err
    assert "--state" in ran.err


def test_verify_finds_nothing_where_nothing_is_wrong(run, history, monkeypatch):
    # The made-up artefacts are no ONNX files: the repository's own check is tested with real ones, beside it.
    monkeypatch.setattr("daemon.checking.findings.verify_repository", lambda root, model: [])
    ran = run("verify", "--json")
    assert ran.json == {"clean": True, "findings": []}
    assert ran.status == 0
    assert "all is well" in run("verify").err


def test_verify_finds_a_damaged_segment(run, history, monkeypatch):
    monkeypatch.setattr("daemon.checking.findings.verify_repository", lambda root, model: [])
    segment = next((history / "state" / "segments").iterdir())
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    ran = run("verify", "--json")
    assert ran.status == 1
    [found] = ran.json["findings"]
    assert (found["where"], found["kind"]) == ("state", "damaged")
    assert segment.name in found["subject"]
    assert found["cure"]


def test_verify_holds_repository_and_state_against_each_other(run, history):
    shutil.rmtree(history / "models" / "default" / "1")
    kinds = {one["kind"] for one in run("verify", "--json").json["findings"]}
    assert "missing_version" in kinds


def test_verify_sees_a_pointer_that_the_learner_did_not_move(run, history, monkeypatch):
    from tests.support.repository import point_to

    monkeypatch.setattr("daemon.checking.findings.verify_repository", lambda root, model: [])
    point_to(history / "models", 1)
    [found] = run("verify", "--json").json["findings"]
    assert found["kind"] == "other_champion"


def test_verify_overlooks_what_rights_itself(run, history, monkeypatch):
    monkeypatch.setattr("daemon.checking.findings.verify_repository", lambda root, model: [])
    (history / "state" / "segments" / "orphan.seg").write_text("")
    ran = run("verify", "--json")
    assert ran.status == 0
    assert [one["harmless"] for one in ran.json["findings"]] == [True]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("width", ["60", "80", "200"])
def test_a_table_on_a_terminal_cuts_nothing_and_folds_the_last_column_alone(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Terminal())
    key, words = "a.key-that-is-long-enough-to-be-cut", [f"word{number}" for number in range(30)]
    print_table(("key", "committed", "reason"), [(key, "2026-11-24 07:40:27", " ".join(words)), ("b", None, "")])
    shown = re.sub(r"\x1b\[\d*m", "", sys.stdout.getvalue())
    lines = shown.splitlines()
    assert max(map(len, lines)) <= int(width)
    assert shown.split() == ["key", "committed", "reason", key, "2026-11-24", "07:40:27", *words, "b", "-"]
    assert lines[-1].split() == ["b", "-"]


def test_a_table_in_a_pipe_has_a_line_for_each_row(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    keys = run("config", "--keys", "--json").json
    lines = run("config", "--keys").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [one["key"] for one in keys]
    assert all(one["meaning"] in line for one, line in zip(keys, lines[1:], strict=True))
