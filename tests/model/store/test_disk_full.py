import errno
from pathlib import Path

import pytest

from model.store import StateDirectory, StateUnavailableError, verify
from tests.support.windows import adopt, held, labelled, open_state, take, window


def limit_pages(state: StateDirectory, pages: int) -> None:
    """Let SQLite say that the disk is full from here on."""
    state._database.execute(f"PRAGMA max_page_count = {pages}")


def used_pages(state: StateDirectory) -> int:
    return state._database.execute("PRAGMA page_count").fetchone()[0]


def test_no_room_for_the_segment_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_state(tmp_path) as state:
        take(state, labelled(range(20)))
        before = sorted((tmp_path / "segments").iterdir())
        with monkeypatch.context() as patch:
            patch.setattr("model.durable.os.fsync", full)
            with pytest.raises(OSError, match="No space"):
                take(state, labelled(range(20, 40)))
        assert sorted((tmp_path / "segments").iterdir()) == before, "on a full disk a torn file must not stay"
        assert state.open_claim() is None
        take(state, labelled(range(20, 40)))
        assert sum(state.ledger.counts().values()) == 40
    assert verify(tmp_path) == []


def test_no_room_for_the_claim_changes_nothing(tmp_path: Path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(20)))
        limit_pages(state, used_pages(state))
        with pytest.raises(StateUnavailableError, match="full"):
            take(state, labelled(range(100, 1100)))
        assert state.open_claim() is None
        limit_pages(state, 1 << 30)
        take(state, labelled(range(100, 1100)))
        assert sum(state.ledger.counts().values()) == 1020
    assert verify(tmp_path) == []


def test_no_room_for_the_commit_leaves_the_claim_open(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(20))), seed=1, state=None)
        commit = held(reason="x" * 1_000_000, state=adopt(state, "weights"))
        limit_pages(state, used_pages(state))
        with pytest.raises(StateUnavailableError, match="full"):
            state.commit(claim, commit)
        assert state.open_claim() == claim
        assert sum(state.ledger.counts().values()) == 0
        limit_pages(state, 1 << 30)
        state.commit(claim, commit)
        assert sum(state.ledger.counts().values()) == 20
    assert verify(tmp_path) == []
