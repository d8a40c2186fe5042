from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.store import Fate, Outcome, Role, StateDirectory, StoreRules, leave_request, verify
from model.store.viewing import Viewer
from tests.support.windows import held, labelled, open_state, picture, refused, take, window


@pytest.fixture
def state(tmp_path: Path):
    """A store of 60 samples and a suspect window of 40, of round 2."""
    with open_state(tmp_path) as one:
        take(one, labelled(range(60)))
        take(one, labelled(range(60, 100)), refused())
        yield one


def retry(state: StateDirectory, commit):
    parcel = state.ledger.due_parcel()
    assert parcel is not None
    claim = state.claim_retry(parcel, seed=3, state=None)
    state.commit(claim, commit)
    return claim


def ask(state: StateDirectory, kind: str, parcel: object):
    leave_request(state.path, kind, {"parcel": parcel}, 0)
    (event,) = state.answer_requests()
    return event


def test_a_retry_claims_the_parcel_alone_and_takes_nothing_in(state):
    positions = state.ledger.positions()
    claim = state.claim_retry(2, seed=3, state=None)
    assert (claim.round, claim.retried, claim.spans) == (3, 2, ())
    shown = {name.offset for name in state.ledger.names(state.window(claim).samples.tolist())}
    assert shown == set(range(60, 100))
    assert len(state.fresh(claim)) + len(state.held_out(claim)) == 40
    assert state.open_claim() == claim and state.ledger.positions() == positions


def test_an_accepted_parcel_gets_the_roles_that_it_would_have_had(state, tmp_path):
    with open_state(tmp_path / "other") as clean:
        take(clean, labelled(range(60)))
        take(clean, labelled(range(60, 100)))
        expected = clean.ledger.counts()
    claim = retry(state, held())
    assert state.ledger.counts() == expected
    assert state.ledger.due_parcel() is None
    assert next(iter(state.ledger.rounds(after=2)))["lineage"] == []
    replayed = state.draw_replay(claim, 500, np.random.default_rng(0)).batch.samples.tolist()
    learnt = {name.offset for name in state.ledger.names(replayed)}
    assert learnt & set(range(60, 100))


def test_what_cannot_be_learnt_is_quarantined_and_what_can_waits_for_another(state):
    take(state, labelled(range(100, 140)), refused())
    retry(state, refused(Fate.QUARANTINED))
    assert state.ledger.counts()["quarantined"] == 40
    retry(state, refused(Fate.SUSPECT))
    assert state.ledger.counts()["suspect"] == 40
    assert state.ledger.due_parcel() is None, "it was tried, and nothing has changed since"
    take(state, labelled(range(140, 150)), held(change=True))
    assert state.ledger.due_parcel() == 3
    assert verify(state.path) == []


def test_retries_and_waiting_parcels_are_bounded(state, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("model.store.parcels.TRIES_MAX", 2)
    monkeypatch.setattr("model.store.parcels.SUSPECTS_MAX", 2)
    for _ in range(2):
        retry(state, refused(Fate.SUSPECT))
        take(state, labelled(range(200, 202)), held(change=True))
    assert state.ledger.counts()["suspect"] == 0, "tried twice"
    for number in range(3):
        take(state, labelled(range(300 + 10 * number, 310 + 10 * number)), refused())
    assert state.ledger.counts()["suspect"] == 20
    monkeypatch.setattr("model.store.parcels.ROUNDS_MAX", 1)
    take(state, labelled(range(400, 402)))
    take(state, labelled(range(410, 412)))
    assert state.ledger.counts()["suspect"] == 0, "waited too long"
    assert verify(state.path) == []


def test_a_change_retires_what_is_stored_of_the_classes_it_contradicts(state):
    before = state.ledger.class_counts(Role.HOLDOUT)
    trained = state.ledger.class_counts(Role.TRAIN)
    claim = state.claim_retry(2, seed=3, state=None)
    ours = state.held_out(claim)
    learnt = int((state.fresh(claim).labels == 0).sum())
    state.commit(claim, held(change=True, contradicted=(0,)))
    after = state.ledger.class_counts(Role.HOLDOUT)
    cats = int((ours.labels == 0).sum())
    assert after.get("cat", 0) == cats and after["dog"] == before["dog"] + len(ours) - cats
    assert state.ledger.class_counts(Role.TRAIN)["cat"] == learnt, "nothing old is replayed"
    assert state.ledger.counts()["quarantined"] == before["cat"] + trained["cat"]
    with Viewer(state.path) as viewer:
        (parcel,) = viewer.parcels()
        assert parcel.parcel == 3 and "meaning" in parcel.reason
    assert verify(state.path) == []
    ask(state, "quarantine.release", 3)
    assert state.ledger.class_counts(Role.TRAIN)["cat"] == learnt + trained["cat"], "a person may give it back"
    assert state.ledger.class_counts(Role.HOLDOUT)["cat"] == cats + before["cat"]


def test_a_class_that_changed_has_lost_nothing_and_said_nothing(tmp_path: Path):
    with open_state(tmp_path, StoreRules(bytes_max=80 * 48, holdout_first=0, holdout_fraction=0.0)) as state:
        claim = state.claim(window(labelled(range(60))), seed=1, state=None)
        samples = state.fresh(claim).samples
        state.commit(claim, replace(held(), fresh_logits=(samples, np.ones((60, 2), np.float32))))
        take(state, labelled(range(100, 160)))
        take(state, labelled(range(200, 220)), refused())
        assert (state.ledger.forgotten_by_class(2) > 0).all()
        claim = state.claim_retry(3, seed=3, state=None)
        state.commit(claim, held(change=True, contradicted=(0,)))
        forgotten = state.ledger.forgotten_by_class(2)
        assert forgotten[0] == 0.0 < forgotten[1], "what was evicted meant something else"
        query = "SELECT DISTINCT class FROM recollections JOIN samples USING (sample) JOIN labels USING (label)"
        assert state._database.execute(query).fetchall() == [(1,)]
    assert verify(tmp_path) == []


def test_a_person_releases_or_drops_a_parcel(state):
    take(state, labelled(range(100, 110)), refused(Fate.QUARANTINED))
    event = ask(state, "quarantine.release", 3)
    assert event.done and event.answer == "released 10 samples of round 3"
    assert state.ledger.counts()["quarantined"] == 0
    event = ask(state, "quarantine.drop", 2)
    assert event.done and event.answer == "dropped 40 samples of round 2"
    assert sum(state.ledger.counts().values()) == 70
    state.tidy()
    assert len(list((state.path / "segments").iterdir())) == 2, "the dropped pixels are gone"
    for wrong in (2, "2", True, None):
        assert not ask(state, "quarantine.release", wrong).done
    assert verify(state.path) == []


def test_nobody_is_blamed_for_what_the_champion_was_not_asked(state):
    with Viewer(state.path) as viewer:
        assert [one.doubted for one in viewer.blamed_sources(2)] == [None]


def test_a_released_sample_of_no_class_waits(tmp_path: Path):
    with open_state(tmp_path, StoreRules(classes_max=2)) as state:
        take(state, labelled(range(20)))
    with open_state(tmp_path, StoreRules(classes_max=3)) as state:
        take(state, [(seed, "owl") for seed in range(20, 40)], refused())
        assert state.ledger.classes() == ("cat", "dog")
        claim = state.claim_retry(2, seed=1, state=None)
        assert len(state.window(claim)) == 0, "nothing of a class that the model has"
        state.commit(claim, held())
        assert state.ledger.counts()["waiting"] == 20
    assert verify(tmp_path) == []


def test_the_samples_of_a_parcel_can_be_looked_at(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(40)))
        claim = state.claim(window(labelled(range(40, 50)), 40), seed=1, state=None)
        said = np.array([0] * 9 + [1])
        state.commit(claim, held(outcome="refused", fate=Fate.SUSPECT, reason="too bad", said=said))
        with Viewer(tmp_path) as viewer:
            (parcel,) = viewer.parcels()
            assert (parcel.parcel, parcel.role, parcel.samples, parcel.reason) == (2, Role.SUSPECT, 10, "too bad")
            assert [(one.name, one.samples, one.doubted) for one in viewer.blamed_sources(2)] == [("camera-1", 10, 4)]
            assert [(one.name, one.doubted) for one in viewer.blamed_labels(2)] == [("dog", 4), ("cat", 0)]
            keys = viewer.samples(2, 7)
            views = viewer.view([*keys, *viewer.samples(2, 7, after=keys[-1])])
            assert [one.predicted for one in views] == ["cat"] * 9 + ["dog"]
            assert [one.name.label for one in views] == ["cat", "dog"] * 5
            for seed, one in enumerate(views, start=40):
                assert (one.pixels_HWC == picture(seed)).all()


@pytest.mark.parametrize("step", ["claim.before", "claim.inside", "claim.after", "commit.inside", "commit.after"])
def test_a_crash_within_a_retry_changes_nothing(tmp_path: Path, step: str):
    class CrashError(BaseException):
        pass

    def crash(now: str) -> None:
        if now == step and armed:
            raise CrashError

    armed = False
    with open_state(tmp_path, reached=crash) as state:
        take(state, labelled(range(60)))
        take(state, labelled(range(60, 100)), refused())
        armed = True
        with pytest.raises(CrashError):
            retry(state, held())
    with open_state(tmp_path) as state:
        claim = state.open_claim()
        if claim is not None:
            state.commit(claim, held())
        elif state.ledger.due_parcel() is not None:
            retry(state, held())
        assert state.ledger.counts()["suspect"] == 0 and state.ledger.last_round() == 3
    assert verify(tmp_path) == []


HARMFUL = {"outcome": Outcome.REFUSED, "fate": Fate.SUSPECT, "verdict": "harmful", "reason": "worse"}


def test_a_window_whose_candidate_was_harmful_is_retried_once_another_was_learnt(tmp_path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(60)), held(verdict="promoted"))
        take(state, labelled(range(60, 100)), held(**HARMFUL))
        assert state.ledger.due_parcel() is None, "from the same state it would be harmful again"
        take(state, labelled(range(100, 140)), held(**HARMFUL))
        take(state, labelled(range(140, 142)), held())
        assert state.ledger.due_parcel() is None, "that one was not trained"
        take(state, labelled(range(142, 180)), held(verdict="promoted"))
        assert state.ledger.due_parcel() == 2
        retry(state, held(verdict="promoted"))
        assert state.ledger.due_parcel() == 3


def test_harmful_windows_in_a_row_are_counted_until_one_is_learnt(tmp_path):
    with open_state(tmp_path) as state:
        count = state.ledger.harmful_in_a_row
        take(state, labelled(range(60)), held(verdict="promoted"))
        take(state, labelled(range(60, 80)), refused())
        assert count(3) == 0, "the screen refused it: nothing was trained"
        take(state, labelled(range(80, 100)), held(**HARMFUL))
        take(state, labelled(range(100, 102)), held())
        take(state, labelled(range(102, 140)), held(**HARMFUL))
        assert [count(number) for number in range(1, 7)] == [0, 0, 0, 1, 1, 2]
        take(state, labelled(range(140, 180)), held(verdict="promoted"))
        assert count(7) == 0
        retry(state, held(**{**HARMFUL, "fate": Fate.QUARANTINED}))
        assert count(8) == 0, "a retry tells of its parcel, not of the windows"
        assert count(6) == 2, "the same round, the same answer"
