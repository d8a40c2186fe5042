"""A round is stopped at every durable step, in place of a kill, and done again: the outcome is the undisturbed one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.store import StateDirectory, StoreRules, verify
from tests.support.windows import LOG, adopt, held, labelled, open_state, published, take, window

RULES = StoreRules(bytes_max=90 * 48, compact_below=0.99)
STEPS = [
    *("segment.before", "segment.after", "claim.before", "claim.inside", "claim.after"),
    *("weights.before", "weights.after", "commit.before", "commit.inside", "commit.after"),
    *("publication.before", "publication.after", "compaction.before", "compaction.inside", "compaction.after"),
]


class CrashError(BaseException):
    """Stands for a kill: no `except Exception` may hold it up."""


def crash_at(step: str) -> Callable[[str], None]:
    def reached(now: str) -> None:
        if now == step:
            raise CrashError(step)

    return reached


def play_round(state: StateDirectory, drawn: list[bytes]) -> None:
    """Go on with the second round from wherever it stands, as a learner does after each start."""
    pending = state.ledger.unpublished()
    if pending is None and state.ledger.last_round() < 2:
        claim = state.open_claim()
        if claim is None:
            claim = state.claim(window(labelled(range(80, 140), ("cat", "owl")), 80), seed=9, state=None)
        replay = state.draw_replay(claim, 40, np.random.default_rng([claim.seed, claim.round]))
        drawn.append(replay.batch.samples.tobytes() + state.fresh(claim).pixels_NHWC.tobytes())
        state.commit(claim, published(state, claim))
        pending = state.ledger.unpublished()
    if pending is not None:
        state.mark_published(pending.version)
    state.tidy()


def contents(state: StateDirectory) -> list[tuple[object, ...]]:
    """Return what must not depend on crashes: all rows but those about where pixels lie."""
    return [
        *state._database.execute(
            "SELECT sample, round, offset, label, role, slot, digest FROM samples ORDER BY sample"
        ),
        *state._database.execute("SELECT * FROM spans"),
        *state._database.execute("SELECT * FROM rounds"),
        *state._database.execute("SELECT * FROM tallies"),
        *state._database.execute("SELECT * FROM labels"),
        *state._database.execute("SELECT * FROM versions"),
        *state._database.execute("SELECT version, cause FROM champions"),
        *state._database.execute("SELECT * FROM weights"),
    ]


def undisturbed(path: Path) -> tuple[list[tuple[object, ...]], list[bytes]]:
    drawn: list[bytes] = []
    with open_state(path, RULES) as state:
        take(state, labelled(range(80)))
        play_round(state, drawn)
        return contents(state), drawn


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_changes_nothing(tmp_path: Path, step: str):
    expected, (draw,) = undisturbed(tmp_path / "undisturbed")
    path = tmp_path / "crashed"
    drawn: list[bytes] = []
    with open_state(path, RULES) as state:
        take(state, labelled(range(80)))
    with open_state(path, RULES, crash_at(step)) as state, pytest.raises(CrashError, match=step):
        play_round(state, drawn)
    with open_state(path, RULES) as state:
        play_round(state, drawn)
        assert contents(state) == expected
        assert state.ledger.positions() == {LOG: 140}
        assert state.open_claim() is None and state.ledger.unpublished() is None
        champion = state.ledger.champion()
        assert champion is not None and champion.version == 1
    assert set(drawn) == {draw}
    assert verify(path) == []


def test_a_real_kill_at_any_step_leaves_a_whole_state(tmp_path: Path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom tests.support.windows import *\n"
        "from tests.model.store.test_crashes import RULES, play_round\n"
        "kill = lambda now: now == sys.argv[2] and os._exit(9)\n"
        "state = open_state(Path(sys.argv[1]), RULES, kill); play_round(state, [])\n"
    )
    expected, _ = undisturbed(tmp_path / "undisturbed")
    for step in ("segment.after", "claim.inside", "claim.after", "commit.inside", "commit.after"):
        path = tmp_path / step
        with open_state(path, RULES) as state:
            take(state, labelled(range(80)))
        child = subprocess.run([sys.executable, "-c", code, str(path), step], check=False)
        assert child.returncode == 9
        with open_state(path, RULES) as state:
            play_round(state, [])
            assert contents(state) == expected
        assert verify(path) == []


def test_an_orphan_of_a_crash_is_swept_and_the_claim_s_own_file_is_not(tmp_path: Path):
    for step, files in (("segment.after", 0), ("claim.after", 1)):
        path = tmp_path / step
        with open_state(path, reached=crash_at(step)) as state, pytest.raises(CrashError):
            take(state, labelled(range(20)))
        assert len(list((path / "segments").iterdir())) == 1
        open_state(path).close()
        assert len(list((path / "segments").iterdir())) == files


def test_closing_with_an_open_claim_is_as_safe_as_a_crash(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(20))), seed=1, state=None)
        adopt(state, "half trained")
    with open_state(tmp_path) as state:
        assert state.open_claim() == claim
        state.commit(claim, held())
    assert verify(tmp_path) == []
