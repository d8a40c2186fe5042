from pathlib import Path

import numpy as np
import pytest

from model.store import Fate, MissingFileError, NewVersion, Outcome, OutOfTurnError, Role, StoreRules, verify
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


RIPE = StoreRules(class_min_samples=10)
FOUNDERS = labelled(range(40))
OWLS = [(seed, "owl") for seed in range(100, 130)]


def found(state, pictures=()) -> None:
    """Publish a first version of cats and dogs."""
    claim = state.claim(window([*FOUNDERS, *pictures]), seed=1, state=None)
    state.commit(claim, published(state, claim))
    state.mark_published(claim.version)


def test_a_new_class_joins_at_its_second_window_and_learns_what_waited_at_once(tmp_path: Path):
    with open_state(tmp_path, RIPE) as state:
        found(state)
        take(state, [*labelled(range(40, 60)), *OWLS[:15]])
        assert state.ledger.classes() == ("cat", "dog") and state.ledger.counts()["waiting"] == 15
        claim = state.claim(window([*labelled(range(60, 80)), OWLS[15], (100, "cat")], 75), seed=1, state=None)
        assert claim.joined == ("owl",)
        fresh = state.fresh(claim)
        owls = fresh.samples[fresh.labels == 2].tolist()
        state.commit(claim, held())
        kept = state.ledger.class_counts()["owl"]
        assert kept + state.ledger.class_counts(Role.HOLDOUT).get("owl", 0) == 15, "one of 16 came again as a cat"
        query = "SELECT sample FROM samples JOIN labels USING (label) WHERE name = 'owl' AND role = 'train'"
        assert sorted(owls) == sorted(row[0] for row in state._database.execute(query))
    assert verify(tmp_path) == []


def test_what_waited_is_explained_by_the_version_that_learnt_it(tmp_path: Path):
    with open_state(tmp_path, RIPE) as state:
        found(state, OWLS[:9])
        take(state, [*labelled(range(40, 60)), *OWLS[9:15]], None)
        assert state.ledger.class_counts()["owl"] > 0
        claim = state.claim(window(labelled(range(60, 70)), 75), seed=1, state=None)
        state.commit(claim, published(state, claim))
        state.mark_published(claim.version)
        first, second = (state.ledger.samples_of(version) for version in (1, 2))
        assert {one.label for one in first.fresh} == {"cat", "dog"} and first.fresh_evicted == 0
        assert sum(one.label == "owl" for one in second.fresh) == state.ledger.class_counts()["owl"]


def test_a_suspect_windows_word_makes_no_class(tmp_path: Path):
    with open_state(tmp_path, RIPE) as state:
        found(state)
        take(state, [*labelled(range(40, 60)), *OWLS[:12]], refused())
        take(state, OWLS[12:18])
        assert state.ledger.classes() == ("cat", "dog"), "six of one accepted window"
        take(state, OWLS[18:24])
        assert state.ledger.classes() == ("cat", "dog", "owl")
        assert state.ledger.counts()["waiting"] == 0, "all that waited are taken in"


def test_a_class_that_joined_in_vain_waits_again_and_joins_later(tmp_path: Path):
    with open_state(tmp_path, RIPE) as state:
        found(state, OWLS[:9])
        claim = take(state, OWLS[9:15], refused())
        assert claim.joined == ("owl",) and state.ledger.classes() == ("cat", "dog")
        assert [(one.label, one.pictures, one.windows) for one in state.ledger.book().waiting()] == [("owl", 9, 1)]
        assert take(state, OWLS[15:16]).joined == ("owl",)
    assert verify(tmp_path) == []


def test_a_thousand_misspelt_labels_make_no_class_and_the_oldest_are_dropped(tmp_path: Path):
    with open_state(tmp_path, StoreRules(class_min_samples=10, waiting_max=50)) as state:
        found(state)
        for start in range(1_000, 1_200, 20):
            take(state, [(seed, f"cta {seed}") for seed in range(start, start + 20)])
        assert state.ledger.classes() == ("cat", "dog")
        assert state.ledger.counts()["waiting"] == 50 and state.ledger.waiting_dropped() == 150
        assert {one.label for one in state.ledger.book().waiting()} == {f"cta {seed}" for seed in range(1_150, 1_200)}
        assert state._database.execute("SELECT count(*) FROM labels").fetchone()[0] == 52
        state.tidy()
    assert verify(tmp_path) == []


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
