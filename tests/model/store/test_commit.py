from pathlib import Path

import numpy as np
import pytest

from model.store import Fate, MissingFileError, NewVersion, Outcome, OutOfTurnError, Role, StoreRules
from model.store.pictures import picture_digest
from tests.support.windows import adopt, held, labelled, open_state, picture, published, refused, take, window


def stored_label(state, seed: int) -> tuple[str, str]:
    query = "SELECT name, role FROM samples JOIN labels USING (label) WHERE digest = ?"
    return state._database.execute(query, (picture_digest(picture(seed)),)).fetchone()


def test_nothing_of_a_claim_is_visible_before_its_commit(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(50))), seed=1, state=None)
        assert sum(state.ledger.counts().values()) == 0 and state.ledger.last_round() == 0
        assert list(state.holdout(100)) == [] and list(state.ledger.rounds()) == []
        state.commit(claim, held())
        counts = state.ledger.counts()
        assert counts["train"] == claim.count("trained") and counts["holdout"] == claim.count("holdout")
        assert state.ledger.bytes_used() == 50 * 48


@pytest.mark.parametrize(("fate", "role"), [(Fate.SUSPECT, "suspect"), (Fate.QUARANTINED, "quarantined")])
def test_a_refused_window_is_set_aside_whole(tmp_path: Path, fate: Fate, role: str):
    with open_state(tmp_path) as state:
        take(state, labelled(range(30)))
        before = state.ledger.counts()
        state_before = state.ledger.current_state()
        take(state, labelled(range(20, 60)), refused(fate))
        after = state.ledger.counts()
        assert after == {**before, role: 30}
        assert state.ledger.current_state() == state_before
        (span,) = next(iter(state.ledger.rounds(after=1)))["lineage"]
        assert (span["trained"], span["holdout"], span["suspect"], span["duplicate"]) == (0, 0, 30, 10)


def test_a_refused_candidate_may_leave_its_samples_accepted(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = take(state, labelled(range(30)), held(outcome=Outcome.REFUSED, reason="nothing to train"))
        assert state.ledger.counts()["train"] == claim.count("trained")


def test_the_newest_accepted_label_counts(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, [(seed, "cat") for seed in range(20)] + [(20, "dog"), (21, "dog")])
        role = stored_label(state, 3)[1]
        claim = state.claim(window([(3, "dog"), (50, "cat")], 22), seed=1, state=None)
        assert claim.relabelled == 1 and stored_label(state, 3) == ("cat", role)
        state.commit(claim, refused())
        assert stored_label(state, 3) == ("cat", role)
        take(state, [(3, "dog"), (51, "cat")])
        assert stored_label(state, 3) == ("dog", role)
        assert stored_label(state, 50) == ("cat", "suspect")
        take(state, [(50, "dog"), (3, "unheard of")])
        assert stored_label(state, 50) == ("dog", "suspect")
        assert stored_label(state, 3) == ("dog", role), "a duplicate alone makes no class"
        assert state.open_claim() is None


def test_waiting_samples_are_taken_in_when_their_label_becomes_a_class(tmp_path: Path):
    with open_state(tmp_path, StoreRules(classes_max=2)) as state:
        take(state, [*labelled(range(10)), *((seed, "owl") for seed in range(10, 40))])
        assert state.ledger.counts()["waiting"] == 30
        assert [name.label for name in state.ledger.aside(Role.WAITING, 5)] == ["owl"] * 5
    with open_state(tmp_path, StoreRules(classes_max=3)) as state:
        take(state, [(41, "owl")])
        counts = state.ledger.counts()
        assert counts["waiting"] == 0 and counts["train"] + counts["holdout"] == 41
        assert state.ledger.class_counts()["owl"] + state.ledger.class_counts(Role.HOLDOUT)["owl"] == 31


def test_a_waiting_sample_that_comes_again_under_a_known_label_is_taken_in(tmp_path: Path):
    with open_state(tmp_path, StoreRules(classes_max=2)) as state:
        take(state, [*labelled(range(10)), (10, "dgo")])
        assert stored_label(state, 10) == ("dgo", "waiting")
        take(state, [(10, "dog")])
        label, role = stored_label(state, 10)
        assert label == "dog" and role in ("train", "holdout")
        assert state.ledger.counts()["waiting"] == 0


def test_a_version_is_pending_until_it_is_marked(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(10))), seed=1, state=None)
        commit = published(state, claim)
        state.commit(claim, commit)
    with open_state(tmp_path) as state:
        pending = state.ledger.unpublished()
        assert pending is not None and (pending.version, pending.parent, pending.state) == (1, None, commit.state)
        assert pending.manifest == {"version": 1} and state.ledger.champion() is None
        state.mark_published(1)
        state.mark_published(1)
        assert state.ledger.unpublished() is None
        champion = state.ledger.champion()
        assert champion is not None and champion.version == 1 and champion.published_at_ms == 1_790_000_000_000
        with pytest.raises(OutOfTurnError):
            state.mark_published(2)
        claim = state.claim(window(labelled(range(10, 20)), 10), seed=1, state=commit.state)
        assert (claim.version, claim.parent) == (2, 1)


def test_a_contradictory_commit_is_refused_whole(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(10))), seed=1, state=None)
        digest = adopt(state, "weights")
        good = NewVersion(1, {}, "ab" * 32)
        for wrong in (
            held(outcome=Outcome.PUBLISHED, state=digest),
            held(version=good, state=digest),
            held(outcome=Outcome.PUBLISHED, version=NewVersion(2, {}, "ab" * 32), state=digest),
            held(outcome=Outcome.PUBLISHED, version=good, state=digest, fate=Fate.SUSPECT),
            held(outcome=Outcome.PUBLISHED, version=good),
        ):
            with pytest.raises(ValueError, match=r"published|version"):
                state.commit(claim, wrong)
        with pytest.raises(MissingFileError):
            state.commit(claim, held(state="0" * 64))
        state.commit(claim, held(state=digest))
        with pytest.raises(OutOfTurnError):
            state.commit(claim, held(state=digest))


def test_weights_stay_for_current_champion_and_the_newest_versions(tmp_path: Path):
    with open_state(tmp_path, StoreRules(versions_kept=2)) as state:
        digests = []
        for number in range(5):
            claim = state.claim(window(labelled(range(10 * number, 10 * number + 10)), 10 * number), seed=1, state=None)
            commit = published(state, claim)
            state.commit(claim, commit)
            state.mark_published(claim.version)
            digests.append(commit.state)
        take(state, labelled(range(50, 60)), held(state=adopt(state, "held one")))
        current = state.ledger.current_state()
        state.tidy()
        names = {one.stem for one in (tmp_path / "weights").iterdir()}
        assert names == {digests[3], digests[4], current} and current not in digests
    open_state(tmp_path).close()


def test_a_refusal_keeps_the_weights_that_the_round_started_from(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(10))), seed=1, state=None)
        commit = published(state, claim)
        state.commit(claim, commit)
        state.mark_published(1)
        claim = state.claim(window(labelled(range(10, 20)), 10), seed=1, state=commit.state)
        state.commit(claim, refused())
        assert state.ledger.current_state() == commit.state
        assert state.tidy().files_removed == 0 and state.weights_path(commit.state).is_file()


def test_replayed_samples_are_remembered_for_a_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("model.store.commits.DRAWS_KEPT", 2)
    with open_state(tmp_path) as state:
        for number in range(5):
            take(state, labelled(range(10 * number, 10 * number + 10)), held(replayed=np.array([1, 2], np.int64)))
        assert [row[0] for row in state._database.execute("SELECT round FROM draws ORDER BY round")] == [4, 5]
