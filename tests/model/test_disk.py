"""What a disk refuses is told with the path, and with what is missing there, by every writer."""

import errno
import os
from pathlib import Path

import pytest
import torch

from model.disk import DiskError, amount, describe, is_full, is_read_only, room, writing
from model.durable import replace_durably, write_synced
from model.learning.state import new_state
from model.network.build import build
from model.network.spec import NetworkSpec
from model.publishing.filling import fill
from model.publishing.template import Slot, Template
from model.store.errors import StateUnavailableError
from model.store.lock import DirectoryLock
from model.store.requests import leave_request
from model.store.segments import Segments
from tests.support.disks import leave_free, small_disk  # noqa: F401 - a fixture

BYTES = bytes(100_000)


def weights(folder: Path) -> None:
    state = new_state(build(NetworkSpec("model.network.mlp:mlp", 8, 2), 0), ("a", "b"))
    state.save(folder / "new.safetensors")


def artefact(folder: Path) -> None:
    tensor = torch.zeros(300, 300)
    template = Template(2, b"", b"", (Slot("w", "w", (300, 300), (300, 300), transposed=False),))
    fill(template, {"w": tensor}, {}, folder / "model.onnx")


def request(folder: Path) -> None:
    (folder / "tidemill.db").touch()
    leave_request(folder, "anything", {"text": "x" * 60_000}, 0)


WRITERS = {
    "replace_durably": lambda folder: replace_durably(folder / "one", BYTES),
    "write_synced": lambda folder: write_synced(folder / "one", BYTES),
    "segment": lambda folder: Segments(folder, 100).write(torch.zeros(4, 100, 100, 3, dtype=torch.uint8).numpy()),
    "weights": weights,
    "artefact": artefact,
    "request": request,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_told_with_path_and_bytes(small_disk, name):  # noqa: F811
    folder = small_disk("256k")
    leave_free(folder, 20_000)
    with pytest.raises(DiskError) as refused:
        WRITERS[name](folder)
    assert refused.value.errno == errno.ENOSPC
    assert str(refused.value.filename).startswith(str(folder))
    said = str(refused.value)
    assert "needed" in said and "free there" in said and "missing" in said, said
    assert "\n" not in said


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOSPC])
def test_each_kind_stays_what_it_was(tmp_path, number):
    with pytest.raises(DiskError) as refused, writing(tmp_path / "one", 5_000_000):
        raise OSError(number, os.strerror(number))
    assert refused.value.errno == number
    assert refused.value.strerror == os.strerror(number)
    assert os.strerror(number) in str(refused.value) and str(tmp_path / "one") in str(refused.value)
    assert ("quota" in room(number, tmp_path, 1)) is (number == errno.EDQUOT)


def test_what_names_no_path_gets_one(tmp_path):
    assert str(tmp_path) in describe(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert "free there" in describe(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert describe(OSError(errno.EACCES, "Permission denied", "/x"), tmp_path) == "[Errno 13] Permission denied: '/x'"
    assert "full" in describe(StateUnavailableError("the database is full"), tmp_path)


def test_full_and_read_only(small_disk, tmp_path):  # noqa: F811
    folder = small_disk("64k")
    assert not is_full(folder)
    leave_free(folder, 0)
    assert is_full(folder / "not" / "there")
    assert not is_read_only(folder) and not is_full(tmp_path)


def test_amounts():
    assert [amount(n) for n in (0, 999, 1_000, 45_045_874, 2_500_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "45.0 MB",
        "2.5 GB",
    ]


def test_a_stop_is_noted_on_a_full_disk_and_outlasts_the_next_life(small_disk):  # noqa: F811
    folder = small_disk("64k")
    lock = DirectoryLock(folder)
    assert lock.stopped_in == 0
    leave_free(folder, 0)
    lock.note_stop(17)
    lock.release()
    for _ in range(2):  # the second: the one before was killed before it looked
        lock = DirectoryLock(folder)
        assert lock.stopped_in == 17
        lock.release()
    lock = DirectoryLock(folder)
    lock.note_stop(0)
    lock.release()
    assert DirectoryLock(folder).stopped_in == 0
