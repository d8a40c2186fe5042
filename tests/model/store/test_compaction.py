from pathlib import Path

import numpy as np
import pytest

from model.store import StateDirectory, StoreRules, verify
from tests.support.windows import labelled, open_state, picture, take, window

ROW = 48


def emptied(path: Path, **rules: float) -> StateDirectory:
    """Return a state whose first segments are mostly dead."""
    state = open_state(path, StoreRules(bytes_max=100 * ROW, **rules))
    for start in range(0, 400, 40):
        take(state, labelled(range(start, start + 40)))
    return state


def contents(state: StateDirectory) -> dict[int, bytes]:
    keys = [row[0] for row in state._database.execute("SELECT sample FROM samples ORDER BY sample")]
    return dict(zip(keys, (one.tobytes() for one in state._batch(keys).pixels_NHWC), strict=True))


def test_live_rows_move_together_and_the_old_files_go(tmp_path: Path):
    with emptied(tmp_path) as state:
        before, files = contents(state), len(list((tmp_path / "segments").iterdir()))
        tidied = state.tidy()
        assert tidied.rows_moved > 0 and tidied.files_removed > 1 and tidied.bytes_freed > 0
        assert contents(state) == before
        assert all(pixels == picture(key - 1).tobytes() for key, pixels in before.items())
        assert len(list((tmp_path / "segments").iterdir())) < files
        while state.tidy().rows_moved:
            pass
        fill = state._database.execute("SELECT min(live * 1.0 / row_count) FROM segments").fetchone()[0]
        assert fill >= 0.5 and contents(state) == before
    assert verify(tmp_path) == []


def test_nothing_to_do_is_nothing_done(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(40)))
        tidied = state.tidy()
        assert (tidied.files_removed, tidied.bytes_freed, tidied.rows_moved) == (0, 0, 0)


def test_one_compaction_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("model.store.compaction.BYTES_MAX", 12 * ROW)
    with emptied(tmp_path, compact_below=0.9) as state:
        assert 0 < state.tidy().rows_moved <= 12


def test_the_open_claim_and_the_draw_do_not_notice(tmp_path: Path):
    with emptied(tmp_path, compact_below=0.99) as state:
        claim = state.claim(window(labelled(range(400, 440)), 400), seed=1, state=None)
        fresh = state.fresh(claim).pixels_NHWC
        replay = state.draw_replay(claim, 50, np.random.default_rng(1)).batch
        assert state.tidy().rows_moved > 0
        again = state.draw_replay(claim, 50, np.random.default_rng(1)).batch
        assert (again.samples == replay.samples).all() and (again.pixels_NHWC == replay.pixels_NHWC).all()
        assert (state.fresh(claim).pixels_NHWC == fresh).all() and state.open_claim() == claim


@pytest.mark.parametrize("step", ["compaction.before", "compaction.inside", "compaction.after"])
def test_a_crash_within_it_loses_nothing(tmp_path: Path, step: str):
    class CrashError(Exception):
        pass

    def crash(reached: str) -> None:
        if reached == step:
            raise CrashError

    with emptied(tmp_path) as state:
        before = contents(state)
        state._reached = crash
        with pytest.raises(CrashError):
            state.tidy()
    with open_state(tmp_path, StoreRules(bytes_max=100 * ROW)) as state:
        assert contents(state) == before
        state.tidy()
        assert contents(state) == before
    assert verify(tmp_path) == []
