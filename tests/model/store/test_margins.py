"""How samples fared: added up in commits, forgotten with a label or a sample, ranked by the mean."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.store import Claim, Role, StateDirectory, StoreRules, verify
from model.store.facts import Observed
from model.store.viewing import Viewer
from tests.model.store.test_crashes import CrashError, crash_at
from tests.support.windows import LOG, held, labelled, open_state, refused, take, window

ALL_TRAIN = StoreRules(holdout_first=0, holdout_fraction=0.0)


def seen(samples: np.ndarray, margin: float, *, count: int = 1, said: int = 0) -> Observed:
    """Return what a round saw: each sample `count` times, always with the same margin."""
    n = len(samples)
    return Observed(
        np.sort(samples), np.full(n, margin * count), np.full(n, count, np.int64), np.full(n, said, np.int64)
    )


def begin(state: StateDirectory, seeds: range, labels: tuple[str, ...] = ("cat", "dog")) -> Claim:
    start = state.ledger.positions().get(LOG, 0)
    return state.claim(window(labelled(seeds, labels), start), seed=7, state=None)


def margins(state: StateDirectory) -> dict[int, tuple[float, int, int]]:
    rows = state._database.execute("SELECT sample, total, count, said FROM margins ORDER BY sample").fetchall()
    return {row[0]: row[1:] for row in rows}


def test_margins_add_up_over_rounds_and_outlive_the_process(tmp_path: Path):
    with open_state(tmp_path, ALL_TRAIN) as state:
        claim = begin(state, range(4))
        first = state.fresh(claim).samples
        state.commit(claim, held(observed=seen(first, -1.5)))
    with open_state(tmp_path, ALL_TRAIN) as state:
        claim = begin(state, range(4, 8))
        second = state.fresh(claim).samples
        both = np.concatenate([first[:2], second])
        state.commit(claim, held(observed=seen(both, 2.0, count=2, said=1)))
        expected = dict.fromkeys(first[:2].tolist(), (2.5, 3, 1)) | dict.fromkeys(first[2:].tolist(), (-1.5, 1, 0))
        assert margins(state) == expected | dict.fromkeys(second.tolist(), (4.0, 2, 1))
    assert verify(tmp_path) == []


@pytest.mark.parametrize("step", ["commit.before", "commit.inside", "commit.after"])
def test_a_commit_that_is_done_again_counts_once(tmp_path: Path, step: str):
    with open_state(tmp_path, ALL_TRAIN, crash_at(step)) as state:
        claim = begin(state, range(4))
        samples = state.fresh(claim).samples
        with pytest.raises(CrashError):
            state.commit(claim, held(observed=seen(samples, -1.5)))
    with open_state(tmp_path, ALL_TRAIN) as state:
        if (claim := state.open_claim()) is not None:
            assert margins(state) == {}, "nothing of a round is there before its commit"
            state.commit(claim, held(observed=seen(samples, -1.5)))
        assert margins(state) == dict.fromkeys(samples.tolist(), (-1.5, 1, 0))


def test_a_round_whose_window_is_set_aside_says_nothing_of_its_samples(tmp_path: Path):
    with open_state(tmp_path, ALL_TRAIN) as state:
        claim = begin(state, range(4))
        first = state.fresh(claim).samples
        state.commit(claim, held(observed=seen(first, 1.0)))
        claim = begin(state, range(4, 8))
        both = np.concatenate([first, state.fresh(claim).samples])
        state.commit(claim, replace(refused(), observed=seen(both, -9.0)))
        assert margins(state) == dict.fromkeys(first.tolist(), (1.0, 1, 0))


def test_what_was_seen_under_another_label_is_forgotten(tmp_path: Path):
    with open_state(tmp_path, ALL_TRAIN) as state:
        claim = begin(state, range(4))
        samples = state.fresh(claim).samples
        state.commit(claim, held(observed=seen(samples, -3.0)))
        claim = state.claim(window([(0, "dog"), (50, "cat")], 4), seed=7, state=None)
        replayed = np.concatenate([samples, state.fresh(claim).samples])
        state.commit(claim, held(observed=seen(replayed, -3.0)))
        assert samples[0] not in margins(state)
        assert margins(state)[int(samples[1])] == (-6.0, 2, 0)


def test_margins_leave_with_their_samples(tmp_path: Path):
    rules = StoreRules(bytes_max=10 * 48, holdout_first=0, holdout_fraction=0.0)
    with open_state(tmp_path, rules) as state:
        for start in range(0, 40, 8):
            claim = begin(state, range(start, start + 8))
            state.commit(claim, held(observed=seen(state.fresh(claim).samples, -1.0)))
        kept = {row[0] for row in state._database.execute("SELECT sample FROM samples")}
        assert set(margins(state)) == kept and len(kept) == 10
        state.tidy()
    assert verify(tmp_path) == []


def test_the_ranking_goes_by_the_mean_and_ends_at_zero(tmp_path: Path):
    with open_state(tmp_path, ALL_TRAIN) as state:
        claim = begin(state, range(4))
        samples = state.fresh(claim).samples
        # Often a little below, once far below, once above, never trained on.
        observed = Observed(samples[:3], np.array([-4.0, -3.0, 0.5]), np.array([4, 1, 1]), np.array([1, 0, 0]))
        state.commit(claim, held(observed=observed))
        with Viewer(tmp_path) as viewer:
            found = viewer.suspects(10)
            assert [(one.name.sample, one.ranked.score, one.ranked.observations) for one in found] == [
                (samples[1], -3.0, 1),
                (samples[0], -1.0, 4),
            ]
            assert [one.ranked.predicted for one in found] == ["cat", "dog"]
            assert [one.name.label for one in found] == ["dog", "cat"]
            assert len(viewer.suspects(1)) == 1
            assert (viewer.observed(), viewer.stored_by_label()) == (3, {"cat": 2, "dog": 2})
            assert viewer.stored_by_source() == {"camera-1": 4}


def test_only_samples_that_are_replayed_are_ranked(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = begin(state, range(40))
        samples = state.fresh(claim).samples
        state.commit(claim, held(observed=seen(samples, -1.0)))
        gone = int(samples[0])
        state._database.execute("UPDATE samples SET role = 'quarantined', slot = NULL WHERE sample = ?", (gone,))
        take(state, labelled(range(40, 60)))
        with Viewer(tmp_path) as viewer:
            found = viewer.suspects(100)
        assert {one.name.sample for one in found} == set(samples.tolist()) - {gone}
        assert {one.name.role for one in found} == {Role.TRAIN}


def test_verify_finds_a_held_out_sample_that_was_trained_on(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(40)))
    database = sqlite3.connect(tmp_path / "tidemill.db")
    database.execute("INSERT INTO margins SELECT min(sample), -1.0, 1, 0 FROM samples WHERE role = 'holdout'")
    database.commit()
    database.close()
    (finding,) = verify(tmp_path)
    assert "held out, but was trained on" in finding.message
