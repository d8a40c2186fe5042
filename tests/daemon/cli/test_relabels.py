"""What commands say of known pictures that came under other labels, and what a person can do about them."""

from dataclasses import replace

import pytest

from daemon.cli.requests import ask
from model.store.facts import RelabelOutcome
from tests.daemon.cli.conftest import take_version
from tests.support.windows import LOG, held, open_state, window


@pytest.fixture
def relabelled(history):
    """Round 4 relabels five pictures of the history, of which two get their new label; `liar` sent it."""
    with open_state(history / "state") as state:
        one = window([(seed, "dog") for seed in (0, 2, 4, 6, 8)], state.ledger.positions()[LOG])
        one = replace(one, arrivals=tuple(replace(arrival, source="liar") for arrival in one.arrivals))
        claim = state.claim(one, seed=1, state=state.ledger.current_state())
        keys = [relabel.relabel for relabel in state.ledger.relabels.of_claim(claim)]
        doubts = dict.fromkeys(keys[2:], RelabelOutcome.CONTRADICTED)
        state.commit(claim, held(relabels=doubts))
    return history


@pytest.fixture
def answered(relabelled, monkeypatch):
    """A learner carries out what is asked whenever a command waits."""

    def sleep(_seconds):
        with open_state(relabelled / "state") as state:
            state.answer_requests()

    monkeypatch.setitem(ask.__kwdefaults__, "sleep", sleep)


@pytest.mark.usefixtures("relabelled")
def test_what_waits_is_listed_with_who_sent_the_new_labels(run):
    (one,) = [one for one in run("quarantine", "list", "--json").json if one["round"] == 4]
    assert (one["samples"], one["relabels"], one["role"]) == (0, 3, "quarantined")
    assert one["sources"] == [{"name": "liar", "samples": 3, "doubted": 3}]
    assert one["reason"] == (
        "known pictures came under other labels: 3 where the champion finds the old label likelier"
    )
    told = run("quarantine", "show", "4", "--json").json["relabelled"]
    assert {(one["old"], one["new"], one["source"], one["topic"]) for one in told} == {("cat", "dog", "liar", "images")}
    assert "3 known pictures came under other labels, and did not get them" in run("quarantine", "show", "4").out


@pytest.mark.usefixtures("relabelled")
def test_all_relabels_are_listed_by_what_became_of_them(run):
    told = run("quarantine", "relabels", "--json").json
    assert told["since_look"] == 2
    assert [(one["state"], one["pictures"]) for one in told["relabels"]] == [("held", 3), ("applied", 2)]
    assert "2 were relabelled since `tidemill quarantine reviewed`" in run("quarantine", "relabels").out


@pytest.mark.usefixtures("relabelled")
def test_status_says_what_a_person_is_to_look_at(run):
    told = run("status", "--json").json["relabels"]
    assert told == {"waiting": 3, "rounds": [4], "since_look": 2, "at_limit": []}
    assert "relabels  3 known images came under other labels and wait: `tidemill quarantine list`" in run("status").out


@pytest.mark.usefixtures("answered")
def test_a_person_releases_or_drops_them_and_notes_the_look(run):
    assert run("quarantine", "reviewed").out.startswith("2 pictures were relabelled since the last look")
    assert run("quarantine", "relabels", "--json").json["since_look"] == 0
    assert "3 known pictures got the labels that it gave them" in run("quarantine", "release", "4").out
    assert [one["round"] for one in run("quarantine", "list", "--json").json] == [2]
    assert "3 waiting" not in run("status").out


@pytest.mark.usefixtures("answered")
def test_dropped_they_keep_the_labels_that_they_have(run):
    assert "3 known pictures keep the labels that they had" in run("quarantine", "drop", "4").out
    assert run("status", "--json").json["relabels"]["waiting"] == 0
    assert {one["state"] for one in run("quarantine", "relabels", "--json").json["relabels"]} == {"applied", "dropped"}


@pytest.mark.usefixtures("relabelled")
def test_explain_tells_of_the_relabels_of_its_rounds(run, relabelled):
    with open_state(relabelled / "state") as state:
        claim = take_version(state, relabelled, range(500, 510))
        state.mark_published(claim.version)
    told = run("explain", str(claim.version), "--json").json["relabels"]
    assert [(one["source"], one["outcome"], one["pictures"]) for one in told] == [
        ("liar", "contradicted", 3),
        ("liar", "applied", 2),
    ]
    assert "Known images that came under another label" in run("explain", str(claim.version)).out


@pytest.mark.usefixtures("relabelled")
def test_a_round_of_relabels_alone_is_listed_without_samples(run):
    (row,) = [line for line in run("quarantine", "list").out.splitlines() if line.startswith("4 ")]
    assert row.split()[:5] == ["4", "quarantined", "-", "3", "-"], "round, is, samples, relabels, tries"
    assert run("quarantine", "show", "4").out.startswith("Round 4: 3 relabels, for a person to decide; ")
