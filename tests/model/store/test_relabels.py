"""Stored pictures under another label: what is applied, what waits, and what a rollback gives back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.store import Fate, NewVersion, Outcome, StateDirectory, StoreRules, verify
from model.store.class_changes import class_handlers
from model.store.facts import RelabelOutcome
from model.store.handlers import HANDLERS
from model.store.relabels import UNAPPLIED_MAX
from model.store.requests import Request
from model.store.rollback import KIND, rollback_handler
from model.window import Arrival
from tests.support.windows import LOG, adopt, held, labelled, open_state, refused, window

CATS = [(seed, "cat") for seed in range(40)]
DOGS = [(seed, "dog") for seed in range(100, 140)]
NO_DOUBT: dict[int, RelabelOutcome] = {}
RULES = StoreRules(relabel_class_max=0.5, relabel_holdout_max=0.9)


@pytest.fixture
def state(tmp_path: Path):
    with open_state(tmp_path, RULES) as one:
        take_version(one, [*CATS, *DOGS])
        yield one
    assert verify(tmp_path) == []


def take_version(state: StateDirectory, pictures, source: str = "", doubts=NO_DOUBT) -> None:
    """Take a window in and publish a version."""
    claim = claim_from(state, pictures, source)
    digest = adopt(state, f"weights of {claim.version}")
    manifest = {"version": claim.version, "classes": list(claim.classes)}
    new = NewVersion(claim.version, manifest, "ab" * 32)
    state.commit(claim, held(outcome=Outcome.PUBLISHED, state=digest, version=new, relabels=doubts))
    state.mark_published(claim.version)


def claim_from(state: StateDirectory, pictures, source: str = ""):
    one = window(pictures, state.ledger.positions().get(LOG, 0))
    if source:
        one = replace(one, arrivals=tuple(replace(arrival, source=source) for arrival in one.arrivals))
    return state.claim(one, seed=1, state=state.ledger.current_state())


def send(state: StateDirectory, pictures, source: str = "second", doubts=NO_DOUBT, commit=None) -> None:
    """Take in a window of known pictures as one that the screen has seen."""
    state.commit(claim_from(state, pictures, source), commit or held(relabels=doubts))


def ask(state: StateDirectory, kind: str, **arguments) -> str:
    number = state._database.execute("SELECT count(*) FROM events").fetchone()[0]
    handlers = {**HANDLERS, **class_handlers(RULES), KIND: rollback_handler(lambda _manifest: "")}
    event = state.answer(Request(f"request-{number}", kind, arguments, 0), handlers)
    state.mark_settled()
    assert event is not None and event.done, event
    return event.answer


def labels(state: StateDirectory, seeds=range(40)) -> dict[str, int]:
    query = (
        "SELECT name, count(*) FROM samples JOIN labels USING (label) WHERE sample IN (SELECT value FROM json_each(?))"
    )
    keys = json.dumps([seed + 1 for seed in seeds])
    return dict(state._database.execute(f"{query} GROUP BY name", (keys,)).fetchall())


def outcomes(state: StateDirectory) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in state.ledger.relabels.counts():
        found[one.outcome] = found.get(one.outcome, 0) + one.pictures
    return found


def test_who_sent_a_relabel_and_what_the_picture_was_before_is_kept(state):
    send(state, [(3, "dog")], "annotator")
    row = state._database.execute(
        "SELECT relabels.round, sample, old, new, topic, partition, offset, sample_id, source, state"
        " FROM relabels JOIN logs USING (log)"
    ).fetchone()
    assert row == (2, 4, "cat", "dog", "images", 0, 80, "id-80", "annotator", "applied")
    assert labels(state) == {"cat": 39, "dog": 1}


def test_a_relabel_is_counted_beside_the_duplicates_that_it_belongs_to(state):
    send(state, [(3, "dog"), (4, "cat"), (5, "dog"), (5, "cat"), (200, "cat")])
    (entry,) = list(state.ledger.rounds())[-1]["lineage"]
    assert (entry["relabelled"], entry["duplicate"], entry["trained"] + entry["holdout"]) == (1, 4, 1)
    assert state.ledger.lineage_since(1)[0]["relabelled"] == 1
    send(state, [(3, "dog")])
    assert "relabelled" not in list(state.ledger.rounds())[-1]["lineage"][0], "it has that label by now"


def test_what_the_screen_doubts_waits_under_its_old_label_and_blames_who_sent_it(state):
    claim = claim_from(state, [(seed, "dog") for seed in range(10)], "liar")
    keys = [one.relabel for one in state.ledger.relabels.of_claim(claim)]
    state.commit(claim, held(relabels=dict.fromkeys(keys, RelabelOutcome.CONTRADICTED)))
    assert labels(state) == {"cat": 40} and outcomes(state) == {"contradicted": 10}
    assert state.ledger.relabels.waiting() == {2: 10}
    assert ask(state, "quarantine.release", parcel=2).endswith("; 10 known pictures got the labels that it gave them")
    assert labels(state) == {"cat": 30, "dog": 10} and state.ledger.relabels.waiting() == {}


def test_what_is_dropped_keeps_its_label(state):
    send(state, [(1, "owl"), (2, "owl")])
    assert outcomes(state) == {"unknown_label": 2}
    assert ask(state, "quarantine.release", parcel=2).endswith("2 wait on, for their new labels are no classes")
    assert ask(state, "quarantine.drop", parcel=2).endswith("2 known pictures keep the labels that they had")
    assert state.ledger.relabels.waiting() == {} and labels(state) == {"cat": 40}


def test_a_suspect_window_relabels_nothing(state):
    send(state, [(1, "dog"), (300, "cat")], commit=refused())
    assert labels(state) == {"cat": 40} and outcomes(state) == {"suspect": 1}
    claim = state.claim_retry(2, seed=1, state=state.ledger.current_state())
    assert [one.new for one in state.ledger.relabels.of_claim(claim)] == ["dog"]
    state.commit(claim, held(relabels=NO_DOUBT))
    assert labels(state) == {"cat": 39, "dog": 1}, "accepted at its retry, with its relabels"


def test_what_came_with_a_window_that_ends_in_quarantine_waits_for_a_person(state):
    send(state, [(1, "dog"), (300, "cat")], commit=refused())
    claim = state.claim_retry(2, seed=1, state=state.ledger.current_state())
    state.commit(claim, refused(Fate.QUARANTINED))
    assert [one.state for one in state.ledger.relabels.counts()] == ["held"]
    ask(state, "quarantine.release", parcel=2)
    assert labels(state) == {"cat": 39, "dog": 1}


def test_a_suspect_window_without_anything_fresh_leaves_its_relabels_to_a_person(state):
    send(state, [(1, "dog")], commit=refused())
    assert [(one.state, one.outcome) for one in state.ledger.relabels.counts()] == [("held", "suspect")]


def test_one_source_relabels_a_share_of_a_class_until_a_person_looks(tmp_path: Path):
    with open_state(tmp_path, StoreRules(relabel_class_max=0.1, relabel_holdout_max=1.0)) as state:
        take_version(state, [*CATS, *DOGS])
        send(state, [(seed, "dog") for seed in range(10)], "eager")
        assert labels(state) == {"cat": 36, "dog": 4} and outcomes(state) == {"applied": 4, "limit": 6}
        send(state, [(seed, "dog") for seed in range(10, 13)], "another")
        assert labels(state) == {"cat": 33, "dog": 7}
        send(state, [(seed, "dog") for seed in range(20, 30)], "a third")
        assert labels(state) == {"cat": 32, "dog": 8}, "all sources together: twice the share"
        assert state.ledger.relabels.since_look() == 8
        assert state.ledger.relabels.at_limit() == ["a third", "eager"]
        assert ask(state, "quarantine.reviewed").startswith("8 pictures were relabelled since the last look")
        assert (state.ledger.relabels.since_look(), state.ledger.relabels.at_limit()) == (0, [])
        send(state, [(seed, "dog") for seed in range(30, 40)], "eager")
        assert labels(state) == {"cat": 28, "dog": 12}
    assert verify(tmp_path) == []


def test_of_the_holdout_less_may_be_relabelled(tmp_path: Path):
    with open_state(tmp_path, StoreRules(relabel_class_max=1.0, relabel_holdout_max=0.05)) as state:
        take_version(state, [(seed, "cat") for seed in range(400)] + [(seed, "dog") for seed in range(400, 500)])
        before = state.ledger.class_counts("holdout")
        send(state, [(seed, "dog") for seed in range(400)])
        after = state.ledger.class_counts("holdout")
        assert 0 < after["dog"] - before["dog"] <= 0.05 * sum(before.values()) + 1
        assert state.ledger.class_counts("train")["dog"] > 90
    assert verify(tmp_path) == []


def test_with_a_limit_of_nothing_a_person_decides_on_each(tmp_path: Path):
    with open_state(tmp_path, StoreRules(relabel_class_max=0.0, relabel_holdout_max=0.0)) as state:
        take_version(state, [*CATS, *DOGS])
        send(state, [(3, "dog")])
        assert outcomes(state) == {"limit": 1} and labels(state) == {"cat": 40}


def test_back_and_forth_ends_with_a_person(state):
    for label in ("dog", "cat", "dog", "cat", "dog"):
        send(state, [(3, label)])
    assert labels(state, [3]) == {"cat": 1} and outcomes(state) == {"applied": 2, "repeated": 1}


def test_what_is_sent_again_and_again_is_kept_a_few_times(state):
    for number in range(3 * UNAPPLIED_MAX):
        send(state, [(3, f"unheard of {number}")])
        send(state, [(4, "unheard of")])
    rows = state._database.execute("SELECT sample, count(*) FROM relabels GROUP BY sample").fetchall()
    assert dict(rows) == {4: UNAPPLIED_MAX, 5: 1}


def whole(state: StateDirectory) -> list[tuple]:
    query = "SELECT sample, name, role, accepted FROM samples JOIN labels USING (label) ORDER BY sample"
    return state._database.execute(query).fetchall()


def test_a_rollback_gives_the_old_labels_back_and_a_return_the_new_ones(state):
    before = whole(state)
    take_version(state, [(3, "dog"), (7, "dog"), (104, "cat")], "liar")
    after = whole(state)
    assert before != after
    ask(state, KIND, version=1)
    assert whole(state) == before, "the pictures themselves were known before: they stay in use"
    ask(state, KIND, version=2)
    assert whole(state) == after
    ask(state, KIND, version=1)
    assert whole(state) == before
    query = "SELECT slot FROM samples WHERE role = 'train' AND label = (SELECT label FROM labels WHERE name = 'cat')"
    found = sorted(row[0] for row in state._database.execute(query))
    assert found == list(range(len(found)))


def test_a_chain_of_relabels_is_taken_back_one_by_one(state):
    take_version(state, [(3, "dog"), (400, "owl")])
    take_version(state, [(3, "owl")])
    ask(state, KIND, version=2)
    assert labels(state, [3]) == {"dog": 1}
    ask(state, KIND, version=1)
    assert labels(state, [3]) == {"cat": 1}
    ask(state, KIND, version=3)
    assert labels(state, [3]) == {"owl": 1}


def test_what_a_person_released_is_taken_back_with_what_came_after_the_version(state):
    send(state, [(3, "unheard of")])
    take_version(state, [(500, "unheard of"), (501, "cat")])
    ask(state, "quarantine.release", parcel=2)
    assert labels(state, [3]) == {"unheard of": 1}
    ask(state, KIND, version=1)
    assert labels(state, [3]) == {"cat": 1}


def test_a_waiting_picture_with_a_known_label_is_taken_in_and_waits_again_after_a_rollback(tmp_path: Path):
    with open_state(tmp_path, StoreRules(class_min_samples=10)) as state:
        take_version(state, [*CATS, *DOGS, *((seed, "catt") for seed in range(600, 605))])
        before = whole(state)
        take_version(state, [(seed, "cat") for seed in range(600, 605)])
        counts = state.ledger.counts()
        assert counts["waiting"] == 0 and counts["train"] + counts["holdout"] == 85
        ask(state, KIND, version=1)
        assert whole(state) == before and state.ledger.counts()["waiting"] == 5
        ask(state, KIND, version=2)
        assert state.ledger.counts() == counts
    assert verify(tmp_path) == []


def test_set_aside_pictures_get_their_label_and_stay_set_aside(state):
    send(state, [(seed, "cat") for seed in range(700, 710)], commit=refused(Fate.QUARANTINED))
    send(state, [(seed, "dog") for seed in range(700, 710)])
    assert state.ledger.counts()["quarantined"] == 10
    ask(state, "quarantine.release", parcel=2)
    assert labels(state, range(80, 90)) == {"dog": 10}


def test_a_new_picture_under_two_labels_is_laid_to_who_sent_the_last(state):
    one = window([(800, "cat"), (800, "dog")], 80)
    arrivals = [replace(arrival, source=source) for arrival, source in zip(one.arrivals, ("good", "bad"), strict=True)]
    assert isinstance(arrivals[0], Arrival)
    claim = state.claim(replace(one, arrivals=tuple(arrivals)), seed=1, state=state.ledger.current_state())
    state.commit(claim, held(relabels=NO_DOUBT))
    query = "SELECT old, new, source, state FROM relabels"
    assert state._database.execute(query).fetchall() == [("cat", "dog", "bad", "overruled")]
    assert state.ledger.relabels.counts() == []


def test_a_relabel_goes_with_its_sample(tmp_path: Path):
    rules = StoreRules(bytes_max=60 * 48, relabel_class_max=1.0, relabel_holdout_max=1.0)
    with open_state(tmp_path, rules) as state:
        take_version(state, [*CATS, *DOGS[:10]])
        send(state, [(seed, "dog") for seed in range(20)])
        for start in range(1000, 1200, 40):
            send(state, labelled(range(start, start + 40)))
        kept = state._database.execute("SELECT count(*) FROM relabels").fetchone()[0]
        there = state._database.execute("SELECT count(*) FROM samples WHERE sample <= 20").fetchone()[0]
        assert kept == there < 20
    assert verify(tmp_path) == []


def test_margins_of_a_relabelled_picture_begin_anew(state):
    state._database.execute("INSERT INTO margins SELECT sample, -4.0, 2, 1 FROM samples WHERE role = 'train'")
    scored = state._database.execute("SELECT count(*) FROM margins").fetchone()[0]
    take_version(state, [(seed, "dog") for seed in range(12)])
    left = np.array(state._database.execute("SELECT sample FROM margins ORDER BY sample").fetchall()).ravel()
    assert (left > 12).all() and len(left) < scored


def test_a_picture_relabelled_and_then_merged_goes_back_and_forth_with_the_versions(state):
    take_version(state, [(3, "dog"), *((seed, "owl") for seed in range(900, 912))])
    take_version(state, [(5, "owl"), (950, "owl")])
    ask(state, "classes.merge", **{"from": "owl", "into": "dog"})
    assert labels(state, [3, 5]) == {"dog": 2}
    take_version(state, [(7, "owl"), (951, "cat")])
    assert labels(state, [7]) == {"dog": 1}, "a merged label means the one that it was merged into"
    after = whole(state)
    ask(state, KIND, version=3)
    assert labels(state, [3, 5, 7]) == {"dog": 1, "owl": 1, "cat": 1}
    ask(state, KIND, version=1)
    assert labels(state, [3, 5, 7]) == {"cat": 3}
    ask(state, KIND, version=4)
    assert whole(state) == after
