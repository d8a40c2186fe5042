from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from model.store import Role, StateDirectory
from model.store.replay import apportion, class_shares, draw_slots, evaluation_slots
from tests.support.windows import held, labelled, open_state, picture, take, window


def generator(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def filled(path: Path) -> StateDirectory:
    state = open_state(path)
    take(state, [(seed, "cat") for seed in range(300)] + [(seed, "dog") for seed in range(300, 330)])
    return state


def test_a_class_is_drawn_with_the_root_of_its_count():
    shares = class_shares(np.array([400, 100, 0, 4]))
    assert shares == pytest.approx([20 / 32, 10 / 32, 0, 2 / 32])
    assert class_shares(np.zeros(3, np.int64)).tolist() == [0, 0, 0]


def test_a_class_of_more_weight_is_drawn_more_often():
    counts, weights = np.array([400, 100, 0]), np.array([1.0, 2.0, 5.0])
    assert class_shares(counts, weights).tolist() == [0.5, 0.5, 0]
    drawn = Counter(index for index, _ in draw_slots(counts, class_shares(counts, weights), 120, generator()))
    assert drawn == {0: 60, 1: 60}


def test_every_class_gets_its_expectation_rounded_up_or_down():
    shares = class_shares(np.array([400, 100, 0, 7, 0]))
    totals = np.zeros(5)
    for seed in range(400):
        numbers = apportion(shares, 37, generator(seed))
        assert numbers.sum() == 37
        assert (np.abs(numbers - shares * 37) < 1).all()
        totals += numbers
    assert totals / 400 == pytest.approx(shares * 37, abs=0.15)


def test_none_comes_again_before_all_have_come():
    counts = np.array([10, 1000])
    drawn = Counter(draw_slots(counts, class_shares(counts), 120, generator()))
    first = [drawn[0, slot] for slot in range(10)]
    assert max(first) - min(first) <= 1 and min(first) == 1
    assert max(count for (index, _), count in drawn.items() if index == 1) == 1


def test_a_draw_is_the_same_for_the_same_generator_also_after_a_restart(tmp_path: Path):
    with filled(tmp_path) as state:
        claim = state.claim(window(labelled(range(400, 450)), 330), seed=1, state=None)
        one = state.draw_replay(claim, 64, generator())
        state.count_attempt(claim.round)
        two = state.draw_replay(claim, 64, generator())
        other = state.draw_replay(claim, 64, generator(6))
    with open_state(tmp_path) as state:
        three = state.draw_replay(claim, 64, generator())
    for again in (two, three):
        assert (one.batch.samples == again.batch.samples).all()
        assert (one.batch.pixels_NHWC == again.batch.pixels_NHWC).all()
    assert (one.batch.samples != other.batch.samples).any()


def test_a_draw_holds_accepted_training_samples_of_before_the_claim(tmp_path: Path):
    with filled(tmp_path) as state:
        claim = state.claim(window(labelled(range(400, 450), ("cat", "owl")), 330), seed=1, state=None)
        replay = state.draw_replay(claim, 500, generator())
        assert replay.shares.shape == (3,) and replay.shares[2] == 0 and replay.shares.sum() == pytest.approx(1)
        assert replay.batch.samples.max() <= claim.high_water
        roles = dict(state._database.execute("SELECT sample, role FROM samples"))
        assert {roles[sample] for sample in replay.batch.samples.tolist()} == {Role.TRAIN}
        for index, (sample, label) in enumerate(zip(replay.batch.samples, replay.batch.labels, strict=True)):
            assert (replay.batch.pixels_NHWC[index] == picture(int(sample) - 1)).all()
            assert label == (0 if sample <= 300 else 1)


def test_an_empty_store_gives_an_empty_draw(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(10))), seed=1, state=None)
        replay = state.draw_replay(claim, 10, generator())
        assert len(replay.batch) == 0 and replay.shares.tolist() == [0, 0]


def test_judging_uses_every_class_and_the_same_samples_each_time(tmp_path: Path):
    with filled(tmp_path) as state:
        counts = state.ledger.class_counts(Role.HOLDOUT)
        everything = list(state.holdout(4_000, batch=16))
        assert sum(map(len, everything)) == sum(counts.values()) == state.ledger.counts()["holdout"]
        assert max(map(len, everything)) == 16
        limit = 2 * counts["dog"] + 3
        first, again = (np.concatenate([one.samples for one in state.holdout(limit)]) for _ in range(2))
        assert (first == again).all() and len(first) == limit
        labels = np.concatenate([one.labels for one in state.holdout(limit)])
        assert Counter(labels.tolist()) == {0: counts["dog"] + 3, 1: counts["dog"]}
        claim = state.claim(window(labelled(range(400, 450)), 330), seed=1, state=None)
        assert sum(map(len, state.holdout(4_000))) == sum(counts.values()), "an open claim's are not accepted yet"
        state.commit(claim, held())
        assert sum(map(len, state.holdout(4_000))) > sum(counts.values())


def test_the_evaluation_set_is_evened_out():
    slots = evaluation_slots(np.array([100, 3, 0, 10]), 23)
    assert Counter(index for index, _ in slots) == {0: 10, 1: 3, 3: 10}
    assert slots == sorted(slots)
