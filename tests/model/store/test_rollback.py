"""A rollback in the database: who is champion, what learning goes on from, and what becomes of the samples since."""

from dataclasses import replace

import numpy as np
import pytest

from model.store import NewVersion, OutOfTurnError, Role, StoreRules, leave_request, suspects, verify
from model.store.facts import Observed
from model.store.release import release_parcel
from model.store.rollback import rollback_handler
from tests.support.windows import LOG, adopt, held, labelled, open_state, published, take, window

HANDLERS = {"rollback": rollback_handler(lambda _manifest: ""), "quarantine.release": release_parcel}
ALL_TRAINED = StoreRules(holdout_first=0, holdout_fraction=0.0)
FULL = replace(ALL_TRAINED, bytes_max=100 * 48)
CAT_DOG = ("cat", "dog")
WITH_OWL = ("cat", "owl")


def take_version(state, pictures, answer=None, errors=None):
    """Commit a round that publishes; its manifest names the classes, as every manifest does.

    `answer`: what the model says to each fresh sample for its last class, which it takes them all for.
    """
    start = state.ledger.positions().get(LOG, 0)
    claim = state.claim(window(pictures, start), seed=7, state=state.ledger.current_state())
    commit = published(state, claim)
    new = NewVersion(claim.version, {"version": claim.version, "classes": list(claim.classes)}, "ab" * 32)
    noted = {} if answer is None else told(state.fresh(claim).samples, len(claim.classes), answer)
    if errors is not None:
        noted["replay_budget"] = (0.0, 0.2, errors)
    state.commit(claim, replace(held(outcome=commit.outcome, state=commit.state, version=new), **noted))
    state.mark_published(claim.version)
    return claim


def told(samples, classes, answer):
    logits = np.zeros((len(samples), classes), np.float32)
    logits[:, -1] = answer
    n = len(samples)
    observed = Observed(samples, np.full(n, -1.0), np.ones(n, np.int64), np.full(n, classes - 1))
    return {"fresh_logits": (samples, logits), "observed": observed}


def ask(state, version, handlers=HANDLERS):
    leave_request(state.path, "rollback", {"version": version}, 1_790_000_000_000)
    [event] = state.answer_requests(handlers)
    return event


def roll_back(state, version):
    event = ask(state, version)
    assert event.done, event.answer
    state.mark_settled()
    return event


def roles(state):
    query = "SELECT round, role, count(*) FROM samples GROUP BY round, role"
    return {(number, role): count for number, role, count in state._database.execute(query)}


def everything(state):
    query = "SELECT sample, label, role, slot IS NULL, accepted FROM samples ORDER BY sample"
    return [*state._database.execute(query), *state._database.execute("SELECT * FROM tallies WHERE count > 0")]


@pytest.fixture
def state(tmp_path):
    """Three versions, of rounds 1, 3 and 4; round 2 was held, and `owl` joined with the third version."""
    with open_state(tmp_path, StoreRules(holdout_first=10**6)) as one:
        take_version(one, labelled(range(40)))
        take(one, labelled(range(40, 60)))
        take_version(one, labelled(range(100, 130)))
        take_version(one, labelled(range(200, 240), WITH_OWL))
        yield one
        assert verify(tmp_path) == []


def test_an_earlier_version_is_champion_and_learning_goes_on_from_its_weights(state):
    event = roll_back(state, 2)
    assert "version 2 is champion again, after 3" in event.answer
    assert "40 samples" in event.answer
    ledger = state.ledger
    assert ledger.champion().version == 2
    assert ledger.current_state() == ledger.version(2).state
    claim = state.claim(window(labelled(range(300, 310)), 130), seed=1, state=ledger.current_state())
    assert (claim.version, claim.parent, claim.state) == (4, 2, ledger.version(2).state)
    assert claim.classes == CAT_DOG
    [entry] = ledger.lineage_since(3)
    assert (entry["from"], entry["to"]) == (130, 140), "lineage is since the version before, not since the parent"
    state.commit(claim, held(state=adopt(state, "learnt on")))
    assert ledger.current_state() != ledger.version(2).state


def test_what_was_learnt_since_is_suspect_and_neither_drawn_nor_judged_by(state):
    roll_back(state, 1)
    assert {key for key, count in roles(state).items() if key[0] > 1} == {(n, "suspect") for n in (2, 3, 4)}
    assert {role for number, role in roles(state) if number == 1} == {"train", "holdout"}
    counts = state.ledger.counts()
    assert (counts["suspect"], counts["train"] + counts["holdout"]) == (90, 40)
    claim = state.claim(window(labelled(range(300, 310)), 130), seed=1, state=None)
    assert state.ledger.due_parcel() is None, "what a person rolled back is not learnt again by itself"
    drawn = state.draw_replay(claim, 200, np.random.default_rng(0)).batch.samples
    judged = np.concatenate([batch.samples for batch in state.holdout(1000)])
    assert max(drawn) <= 40 and max(judged) <= 40
    state.commit(claim, held())


def test_a_class_that_joined_since_leaves_and_may_join_again(state):
    roll_back(state, 2)
    assert state.ledger.classes() == CAT_DOG
    claim = take(state, labelled(range(400, 420), ("cat", "emu")))
    assert claim.classes == (*CAT_DOG, "emu"), "the index is free again"
    claim = take(state, labelled(range(500, 520), WITH_OWL))
    assert claim.classes == (*CAT_DOG, "emu", "owl")


def test_what_waited_for_that_class_before_waits_again(tmp_path):
    rules = StoreRules(holdout_first=10**6, class_min_samples=12)
    with open_state(tmp_path, rules) as state:
        take_version(state, [*labelled(range(40)), *((90 + n, "owl") for n in range(8))])
        take_version(state, [*labelled(range(100, 120)), *((190 + n, "owl") for n in range(8))])
        assert state.ledger.classes() == (*CAT_DOG, "owl")
        assert state.ledger.counts()["waiting"] == 0
        roll_back(state, 1)
        assert state.ledger.counts()["waiting"] == 8
        assert state.ledger.counts()["suspect"] == 28
        claim = take(state, [*labelled(range(300, 320)), *((390 + n, "owl") for n in range(8))])
        assert claim.joined == ("owl",)
        assert state.ledger.counts()["waiting"] == 0
    assert verify(tmp_path) == []


def test_rolling_forward_again_gives_back_what_was_set_aside(state):
    before = everything(state)
    roll_back(state, 1)
    take_version(state, labelled(range(300, 340), ("dog", "emu")))
    event = roll_back(state, 3)
    assert "40 samples" in event.answer, "what was learnt in between"
    assert state.ledger.classes() == (*CAT_DOG, "owl")
    assert state.ledger.current_state() == state.ledger.version(3).state
    after = [row for row in everything(state) if not (isinstance(row[0], int) and row[0] > 130)]
    accepted = [row for row in after if len(row) == 5]
    assert accepted == [row for row in before if len(row) == 5]
    counts = state.ledger.counts()
    assert (counts["suspect"], counts["train"] + counts["holdout"]) == (40, 130)


def test_what_a_version_never_learnt_is_not_given_back_to_it(state):
    roll_back(state, 1)
    take_version(state, labelled(range(300, 320)))
    take_version(state, labelled(range(400, 420)))
    roll_back(state, 4)
    suspect = {number for (number, role), _ in roles(state).items() if role == "suspect"}
    assert suspect == {2, 3, 4, 6}, "version 4 came from version 1, and learnt round 5"


def test_rounds_after_a_rollback_count_as_learnt_in_the_next_one(state):
    roll_back(state, 2)
    take_version(state, labelled(range(300, 320)))
    take_version(state, labelled(range(400, 420)))
    roll_back(state, 4)
    suspect = {number for (number, role), _ in roles(state).items() if role == "suspect"}
    assert suspect == {4, 6}


def test_a_picture_relabelled_since_has_its_old_label_again(state):
    take_version(state, [(0, "dog"), *labelled(range(300, 310))])
    roll_back(state, 3)
    row = state._database.execute("SELECT role, name FROM samples JOIN labels USING (label) WHERE sample = 1")
    assert row.fetchone() == ("train", "cat")


def test_what_is_refused_changes_nothing_and_says_what_would_be_right(tmp_path):
    with open_state(tmp_path, StoreRules(versions_kept=2)) as state:
        assert ask(state, 1).answer == "there is no version 1: none was published yet"
        for start in range(0, 100, 20):
            take_version(state, labelled(range(start, start + 20)))
        before = everything(state)
        for version, answer in (
            (9, "there is no version 9: one can roll back to 4, 5"),
            (2, "the weights of version 2 are gone (store.versions_kept): one can roll back to 4, 5"),
            ("4", "no version was named"),
            (True, "no version was named"),
            (None, "no version was named"),
        ):
            event = ask(state, version)
            assert not event.done
            assert event.answer.startswith(answer)
        unservable = ask(state, 4, {"rollback": rollback_handler(lambda _manifest: "its file is gone")})
        assert (unservable.done, unservable.answer) == (False, "version 4 cannot be served any more: its file is gone")
        already = ask(state, 5)
        assert (already.done, already.answer) == (True, "version 5 is champion already: nothing was changed")
        assert everything(state) == before
        assert state.ledger.unsettled() is None
        assert [move.cause for move in state.ledger.moves()] == ["published"] * 5
        state.tidy()
    assert verify(tmp_path) == []


def test_the_weights_of_the_champion_stay_however_old_it_is(tmp_path):
    with open_state(tmp_path, StoreRules(versions_kept=2)) as state:
        for start in range(0, 60, 20):
            take_version(state, labelled(range(start, start + 20)))
        roll_back(state, 2)
        for start in range(100, 160, 20):
            take(state, labelled(range(start, start + 20)), held(state=adopt(state, f"held {start}")))
            state.tidy()
        assert state.weights_path(state.ledger.version(2).state).exists()
        assert 2 in state.ledger.restorable()


def test_no_window_is_taken_before_the_pointer_has_followed(state):
    ask(state, 2)
    assert state.ledger.unsettled().version == 2
    with pytest.raises(OutOfTurnError, match="rollback"):
        state.claim(window(labelled(range(300, 310)), 130), seed=1, state=None)
    state.mark_settled()
    state.mark_settled()
    assert state.ledger.unsettled() is None


def test_two_at_once_end_at_the_last(state):
    for version in (1, 2):
        leave_request(state.path, "rollback", {"version": version}, 1_790_000_000_000 + version)
    assert [event.done for event in state.answer_requests(HANDLERS)] == [True, True]
    assert state.ledger.unsettled().version == state.ledger.champion().version == 2
    state.mark_settled()
    suspect = {number for (number, role), _ in roles(state).items() if role == "suspect"}
    assert suspect == {4}
    assert Role.WAITING not in {role for _, role in roles(state)}


def release(state, parcel):
    leave_request(state.path, "quarantine.release", {"parcel": parcel}, 1_790_000_000_000)
    [event] = state.answer_requests(HANDLERS)
    assert event.done, event.answer


def test_what_was_released_after_a_rollback_belongs_to_what_counts(tmp_path):
    with open_state(tmp_path, ALL_TRAINED) as state:
        take_version(state, labelled(range(40)))
        take_version(state, labelled(range(40, 70)))
        roll_back(state, 1)
        release(state, 2)
        take_version(state, labelled(range(70, 90)))
        take_version(state, labelled(range(90, 100)))
        event = roll_back(state, 3)
        assert "10 samples" in event.answer, "those of version 4, not those released before version 3 was made"
        assert state.ledger.counts()["train"] == 90
    assert verify(tmp_path) == []


def test_what_a_rollback_takes_away_was_not_evicted(tmp_path):
    with open_state(tmp_path, FULL) as state:
        take_version(state, labelled(range(40)))
        take_version(state, labelled(range(40, 110)))
        before = state.ledger.forgotten(), state.ledger.forgotten_by_class(2).tolist()
        assert before[0] == pytest.approx(10 / 110)
        for _ in range(3):
            roll_back(state, 1)
            roll_back(state, 2)
        assert (state.ledger.forgotten(), state.ledger.forgotten_by_class(2).tolist()) == before
    assert verify(tmp_path) == []


def test_a_class_that_left_leaves_no_answers_to_the_next_of_its_number(tmp_path):
    with open_state(tmp_path, FULL) as state:
        take_version(state, labelled(range(90)), answer=5.0, errors=(0.1, 0.2))
        take_version(state, labelled(range(100, 130), WITH_OWL), answer=9.0, errors=(0.1, 0.2, 0.9))
        old = next(iter(state._database.execute("SELECT sample FROM samples WHERE round = 1 AND slot IS NOT NULL")))
        state._database.execute("UPDATE margins SET said = 2 WHERE sample = ?", old)
        roll_back(state, 1)
        assert state.ledger.replay_budget() == (0.0, 0.2, (0.1, 0.2))
        take_version(state, labelled(range(200, 220), ("cat", "bird")))
        assert state.ledger.classes() == ("cat", "dog", "bird")
        release(state, 2)
        claim = state.claim(
            window(labelled(range(300, 302)), state.ledger.positions()[LOG]), seed=7, state=state.ledger.current_state()
        )
        known = state.draw_replay(claim, 400, np.random.default_rng(0)).recollected
        assert known is not None
        assert np.isfinite(known.logits).any(), "what stayed is still held to what was answered to it"
        assert not (known.logits == 9.0).any()
        assert np.isnan(known.logits[:, 2]).all()
        assert {one.predicted for one in suspects.rank(state._database, 999)} == {"dog", None}
        state.commit(claim, held())
    assert verify(tmp_path) == []
