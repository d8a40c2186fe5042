from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.store import BrokenChainError, OutOfTurnError, StoreRules
from model.window import LogKey
from tests.support.windows import LOG, held, join, labelled, open_state, picture, published, refused, take, window


def test_a_claim_is_the_same_again_after_a_restart(tmp_path: Path):
    with open_state(tmp_path) as state:
        first = state.claim(window(labelled(range(60)), 100, dead=2, expired=5), seed=2**62, state=None)
        state.commit(first, published(state, first))
        state.mark_published(1)
        current = state.ledger.current_state()
        claim = state.claim(window(labelled(range(50, 120), ("owl", "cat")), 167), seed=3, state=current)
        batches = [state.fresh(claim), state.held_out(claim), state.window(claim)]
    with open_state(tmp_path) as state:
        again = state.open_claim()
        assert again == claim
        assert (again.round, again.seed, again.state, again.version, again.parent) == (2, 3, current, 2, 1)
        assert again.classes == ("cat", "dog", "owl") and again.joined == ("owl",)
        assert (again.high_water, again.last_sample) == (60, 120)
        for before, after in zip(
            batches, (state.fresh(again), state.held_out(again), state.window(again)), strict=True
        ):
            assert (before.samples == after.samples).all() and (before.labels == after.labels).all()
            assert (before.pixels_NHWC == after.pixels_NHWC).all()


def test_fresh_and_held_out_are_the_window_in_claim_order(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(60))), seed=1, state=None)
        fresh, out, both = state.fresh(claim), state.held_out(claim), state.window(claim)
        assert len(fresh) == claim.count("trained") and len(out) == claim.count("holdout") > 0
        assert both.samples.tolist() == list(range(1, 61)) == sorted([*fresh.samples, *out.samples])
        assert (both.pixels_NHWC == np.stack([picture(seed) for seed in range(60)])).all()
        assert both.labels.tolist() == [0, 1] * 30
        assert both.event_times_ms.tolist() == [1_790_000_000_000 + offset for offset in range(60)]


def test_the_classes_of_a_claim_join_at_once_and_leave_with_a_refusal(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, [(0, "cat"), (1, "dog")])
        claim = state.claim(window([(2, "owl"), (3, "cat")], 2), seed=1, state=None)
        assert state.ledger.classes() == ("cat", "dog", "owl")
        state.commit(claim, refused())
        assert state.ledger.classes() == ("cat", "dog")
        claim = take(state, [(4, "ant"), (5, "owl")])
        assert claim.classes == ("cat", "dog", "ant", "owl") == state.ledger.classes()


def test_a_round_that_holds_nothing_new_still_takes_its_range(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(10)))
        claim = state.claim(window(labelled(range(10)), 10, dead=4), seed=1, state=None)
        assert claim.count("duplicate") == 10 and claim.count("dead_lettered") == 4
        assert len(state.fresh(claim)) == len(state.held_out(claim)) == 0
        assert state.fresh(claim).pixels_NHWC.shape == (0, 4, 4, 3)
        assert claim.last_sample == claim.high_water == 10
        state.commit(claim, held())
        assert state.ledger.positions() == {LOG: 24}
        assert len(list((tmp_path / "segments").iterdir())) == 1


def test_nothing_is_claimed_out_of_turn(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(10))), seed=1, state=None)
        with pytest.raises(OutOfTurnError):
            state.claim(window(labelled(range(10, 20)), 10), seed=1, state=None)
        state.commit(claim, published(state, claim))
        with pytest.raises(OutOfTurnError):
            state.claim(window(labelled(range(10, 20)), 10), seed=1, state=None)
        state.mark_published(1)
        with pytest.raises(BrokenChainError):
            state.claim(window(labelled(range(10, 20)), 9), seed=1, state=None)
        state.claim(window(labelled(range(10, 20)), 10), seed=1, state=None)


def test_positions_move_at_the_commit_and_know_a_log_by_its_whole_identity(tmp_path: Path):
    recreated = replace(LOG, topic_id="another")
    released = replace(LOG, incarnation=1)
    with open_state(tmp_path) as state:
        take(state, labelled(range(10)))
        both = join(window(labelled(range(20, 25)), 3, log=recreated), window(labelled(range(30, 32)), 0, log=released))
        claim = state.claim(both, seed=1, state=None)
        assert state.ledger.positions() == {LOG: 10}
        state.commit(claim, held())
        assert state.ledger.positions() == {LOG: 10, recreated: 8, released: 2}
        assert isinstance(next(iter(state.ledger.positions())), LogKey)


def test_attempts_and_deaths_are_counted_apart_and_survive(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(10))), seed=1, state=None)
        assert [state.count_death(1), state.count_attempt(1), state.count_death(1)] == [1, 1, 2]
        with pytest.raises(OutOfTurnError):
            state.count_attempt(2)
    with open_state(tmp_path) as state:
        assert state.open_claim() == replace(claim, attempt=1, deaths=2)
        state.commit(claim, held())
        with pytest.raises(OutOfTurnError):
            state.count_death(1)


def test_the_holdout_share_falls_once_enough_are_held(tmp_path: Path):
    rules = StoreRules(holdout_first=10, holdout_fraction=0.01)
    with open_state(tmp_path, rules) as state:
        assert take(state, labelled(range(200))).holdout_share == 0.2
        claim = take(state, labelled(range(200, 500)))
        assert claim.holdout_share == 0.01 and claim.count("holdout") < 15
