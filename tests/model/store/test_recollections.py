"""What was answered to a sample: written with its round, gone with it, and of no use while nothing is evicted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.store import Fate, StateDirectory, StoreRules
from tests.support.windows import held, labelled, open_state, refused, take, window

ROW = 48
SMALL = StoreRules(bytes_max=40 * ROW, holdout_first=0, holdout_fraction=0.0)


def learn(state: StateDirectory, start: int, fill: float, fate: Fate = Fate.ACCEPTED) -> np.ndarray:
    """Commit a round of 20 whose samples were all answered with `fill`; return their keys."""
    offset = 0 if start == 0 else next(iter(state.ledger.positions().values()))
    claim = state.claim(window(labelled(range(start, start + 20)), offset), seed=7, state=None)
    samples = state.fresh(claim).samples
    commit = held() if fate is Fate.ACCEPTED else refused(fate)
    state.commit(claim, replace(commit, fresh_logits=(samples, np.full((20, 2), fill, np.float32))))
    return samples


def draw(state: StateDirectory):
    claim = state.claim(
        window(labelled(range(900, 902)), next(iter(state.ledger.positions().values()))), seed=7, state=None
    )
    replay = state.draw_replay(claim, 30, np.random.default_rng(0))
    state.commit(claim, held())
    return replay


def test_nothing_is_recollected_before_something_was_evicted(tmp_path: Path):
    with open_state(tmp_path, SMALL) as state:
        learn(state, 0, 1.5)
        assert draw(state).recollected is None


def test_samples_come_with_what_was_answered_to_them_and_how_much_was_forgotten(tmp_path: Path):
    with open_state(tmp_path, SMALL) as state:
        rounds = [learn(state, start, start / 8) for start in range(0, 100, 20)]
        replay = draw(state)
        known = replay.recollected
        assert known is not None
        assert known.forgotten == 1 - 40 / 100
        for sample, row in zip(replay.batch.samples, known.logits, strict=True):
            number = next(index for index, keys in enumerate(rounds) if sample in keys)
            assert (row == number * 20 / 8).all()


def test_what_is_forgotten_is_told_by_class(tmp_path: Path):
    with open_state(tmp_path, SMALL) as state:
        take(state, labelled(range(20)))
        assert state.ledger.forgotten_by_class(2).tolist() == [0.0, 0.0], "nothing was evicted yet"
        more = [(seed, "dog") for seed in range(100, 180)]
        take(state, more)
        names = state.ledger.classes()
        found = dict(zip(names, state.ledger.forgotten_by_class(3), strict=False))
        stored = state.ledger.class_counts()
        assert found["cat"] == 0.0, "the smallest class is spared"
        assert found["dog"] == pytest.approx(1 - stored["dog"] / 90)
        assert state.ledger.forgotten_by_class(3)[2] == 0.0, "a class that nothing came of has lost nothing"


def test_what_leaves_takes_its_recollection_along(tmp_path: Path):
    with open_state(tmp_path, SMALL) as state:
        for start in range(0, 100, 20):
            learn(state, start, 1.0)
        count = state._database.execute("SELECT count(*) FROM recollections").fetchone()[0]
        assert count == 40


def test_a_refused_window_leaves_none_and_a_new_label_drops_it(tmp_path: Path):
    with open_state(tmp_path, SMALL) as state:
        for start in range(0, 60, 20):
            learn(state, start, 1.0)
        samples = set(learn(state, 200, 9.0, Fate.SUSPECT).tolist())
        kept = {row[0] for row in state._database.execute("SELECT sample FROM recollections")}
        assert not samples & kept
        seed = next(iter(range(40, 60)))
        take(state, [(seed, "dog" if seed % 2 == 0 else "cat")])
        again = {row[0] for row in state._database.execute("SELECT sample FROM recollections")}
        assert len(kept - again) <= 2
        digests = state._database.execute(
            "SELECT count(*) FROM recollections JOIN samples USING (sample) JOIN labels USING (label)"
            " WHERE samples.offset = ? AND name = 'dog'",
            (seed,),
        ).fetchone()
        assert digests[0] == 0


def test_a_class_that_came_later_is_unknown(tmp_path: Path):
    with open_state(tmp_path, SMALL) as state:
        for start in range(0, 100, 20):
            learn(state, start, 1.0)
        take(state, [(500 + index, "bird") for index in range(3)])
        known = draw(state).recollected
        assert known is not None and known.logits.shape[1] == 3
        assert np.isnan(known.logits[:, 2]).all()
