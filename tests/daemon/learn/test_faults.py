"""Each failure from outside is counted by what is away."""

import sqlite3

import pytest

from daemon.learn.faults import OUTSIDE, waiting_for
from daemon.learn.taker import BrokenChainError
from daemon.outage import Need
from model.learning.errors import DeviceError
from model.publishing.errors import ExportError, RepositoryUnavailableError
from model.store.errors import StateUnavailableError
from streaming.buffer import BufferFullError, BufferUnavailableError

NEEDS = {
    OSError: Need.DISK,
    StateUnavailableError: Need.DISK,
    sqlite3.OperationalError: Need.DISK,
    BufferFullError: Need.REDIS_MEMORY,
    BufferUnavailableError: Need.REDIS,
    BrokenChainError: Need.RECORDS,
    DeviceError: Need.DEVICE,
    ExportError: Need.EXPORTER,
    RepositoryUnavailableError: Need.REPOSITORY,
}


@pytest.mark.parametrize("kind", NEEDS)
def test_a_failure_says_what_is_away(kind):
    away = waiting_for(kind("gone"))
    assert away.need is NEEDS[kind]
    assert away.what and away.cure


def test_everything_from_outside_is_known():
    assert set(OUTSIDE) <= set(NEEDS)
