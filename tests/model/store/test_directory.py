import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from model.store import (
    ImageSizeError,
    MissingFileError,
    SchemaVersionError,
    StateLockedError,
    StateUnusableError,
)
from tests.support.windows import adopt, labelled, open_state, published, take, window


def test_a_new_directory_has_its_folders_and_a_lasting_identity(tmp_path: Path):
    path = tmp_path / "deep" / "state"
    with open_state(path) as state:
        identity = state.ledger.state_id()
        assert state.ledger.image_size() == 4
        assert state.ledger.positions() == {} and state.ledger.classes() == ()
        assert state.open_claim() is None and state.ledger.current_state() is None
    assert {one.name for one in path.iterdir()} >= {".lock", "tidemill.db", "segments", "weights"}
    with open_state(path) as state:
        assert state.ledger.state_id() == identity
    with open_state(tmp_path / "other") as other:
        assert other.ledger.state_id() != identity


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path):
    with open_state(tmp_path), pytest.raises(StateLockedError, match=f"process {os.getpid()}") as refusal:
        open_state(tmp_path)
    assert refusal.value.pid == os.getpid()
    open_state(tmp_path).close()


def test_the_lock_dies_with_its_process(tmp_path: Path):
    code = "import sys, time\nfrom tests.support.windows import open_state\nfrom pathlib import Path\n"
    code += "open_state(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "open\n"
    with pytest.raises(StateLockedError) as refusal:
        open_state(tmp_path)
    assert refusal.value.pid == child.pid
    child.kill()
    child.communicate()
    open_state(tmp_path).close()


def test_another_image_size_is_refused(tmp_path: Path):
    open_state(tmp_path, size=4).close()
    with pytest.raises(ImageSizeError, match=r"image\.size=8.*image\.size=4"):
        open_state(tmp_path, size=8)


def test_a_database_of_another_schema_is_refused(tmp_path: Path):
    open_state(tmp_path).close()
    database = sqlite3.connect(tmp_path / "tidemill.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(SchemaVersionError, match="schema 99"):
        open_state(tmp_path)


@pytest.mark.parametrize("content", [b"this is no database, but a long text instead" * 100, None])
def test_what_is_not_our_database_is_refused(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "tidemill.db").write_bytes(content)
    else:
        database = sqlite3.connect(tmp_path / "tidemill.db")
        database.execute("CREATE TABLE theirs (x)")
        database.close()
    with pytest.raises(SchemaVersionError, match="not a Tidemill database"):
        open_state(tmp_path)


def test_a_refusal_lets_go_of_the_lock(tmp_path: Path):
    open_state(tmp_path).close()
    with pytest.raises(ImageSizeError):
        open_state(tmp_path, size=8)
    open_state(tmp_path).close()


@pytest.mark.parametrize("path", ["/proc/tidemill-state", None])
def test_a_place_that_cannot_be_written_names_the_setting(tmp_path: Path, path: str | None):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StateUnusableError, match=r"paths\.state="):
        open_state(Path(path) if path else file)


@pytest.mark.parametrize("call", ["model.store.lock.os.open", "model.durable.Path.mkdir"])
def test_a_read_only_file_system_names_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(call, refuse)
        with pytest.raises(StateUnusableError, match=r"paths\.state=.*Read-only file system"):
            open_state(tmp_path)
    open_state(tmp_path).close()


def test_the_start_sweeps_what_no_row_names_and_nothing_else(tmp_path: Path):
    with open_state(tmp_path) as state:
        claim = take(state, labelled(range(20)))
        digest = adopt(state, "weights")
        kept = set((tmp_path / "segments").iterdir())
    assert claim.round == 1
    for orphan in ("segments/ab.seg", "segments/ab.seg.tmp", "weights/x.safetensors", "weights/staged"):
        (tmp_path / orphan).write_text("")
    with open_state(tmp_path) as state:
        assert set((tmp_path / "segments").iterdir()) == kept
        assert not state.weights_path(digest).exists()
        assert list((tmp_path / "weights").iterdir()) == []


@pytest.mark.parametrize("folder", ["segments", "weights"])
def test_the_start_refuses_when_a_named_file_is_gone(tmp_path: Path, folder: str):
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(20))), seed=1, state=None)
        state.commit(claim, published(state, claim))
    (victim,) = (tmp_path / folder).iterdir()
    victim.unlink()
    with pytest.raises(MissingFileError, match=victim.name):
        open_state(tmp_path)


def test_the_module_is_free_of_torch():
    code = "import sys, model.store; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
