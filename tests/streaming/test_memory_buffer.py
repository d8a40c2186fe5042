"""What the buffer in memory offers beyond the contract (tests/contracts/test_buffer.py): faults on demand."""

import pytest

from streaming.buffer import Appended, BufferFullError, BufferUnavailableError, Stale
from streaming.memory_buffer import MemoryBuffer
from tests.support.entries import LOG, samples


def test_it_can_be_full():
    buffer = MemoryBuffer(bytes_max=1_000)
    assert buffer.append(LOG, 0, samples(range(4), bytes(100)), "brake") == Appended(4)
    for write in (
        lambda: buffer.append(LOG, 4, samples([4]), "brake"),
        lambda: buffer.register(LOG, 5),
        lambda: buffer.open_incarnation("images", "id", 0, 1),
    ):
        with pytest.raises(BufferFullError):
            write()
    assert buffer.append(LOG, 3, samples([3]), "brake") == Stale(4)
    buffer.claim_ownership("state", adopt=False)
    buffer.leave_learnt(LOG, 2)
    buffer.trim(LOG, 2)
    assert buffer.append(LOG, 4, samples([4]), "brake") == Appended(5)


def test_it_can_be_away_and_come_back():
    buffer = MemoryBuffer()
    buffer.append(LOG, 0, samples([0]), "brake")
    buffer.available = False
    for call in (lambda: buffer.append(LOG, 1, samples([1]), "brake"), buffer.logs, buffer.run_id, buffer.bytes_used):
        with pytest.raises(BufferUnavailableError):
            call()
    buffer.available = True
    assert buffer.position(LOG) == 1


def test_it_can_lose_everything_or_only_restart():
    buffer = MemoryBuffer()
    buffer.append(LOG, 0, samples([0]), "brake")
    first = buffer.run_id()
    buffer.restart()
    second = buffer.run_id()
    assert buffer.position(LOG) == 1
    buffer.wipe()
    assert len({first, second, buffer.run_id()}) == 3
    assert buffer.position(LOG) == 0
