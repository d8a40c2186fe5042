"""What waits behind an open transaction is counted at once, and said when it lasts."""

import pytest
from structlog.testing import capture_logs

from daemon.ingest.observer import SilentObserver
from daemon.ingest.transactions import Transactions
from streaming.source import Bounds, Partition
from tests.support.fake_kafka import Clock

IMAGES = Partition("images", 3)


class Seen(SilentObserver):
    def __init__(self):
        self.told = []

    def uncommitted(self, topic, partition, records, since_ms):
        self.told.append((topic, partition, records, since_ms))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def watch(seen, clock):
    return Transactions(seen, "broker:9092", clock, lambda: int(clock.now_s * 1000))


def test_what_waits_is_told_with_the_time_since_when(watch, seen, clock):
    watch.seen(IMAGES, Bounds(0, 20, 20))
    watch.seen(IMAGES, Bounds(0, 20, 221))
    clock.pass_s(5)
    watch.seen(IMAGES, Bounds(0, 20, 240))
    watch.seen(IMAGES, Bounds(0, 241, 241))
    assert seen.told == [
        ("images", 3, 0, 0),
        ("images", 3, 201, 1_000_000),
        ("images", 3, 220, 1_000_000),
        ("images", 3, 0, 0),
    ]
    assert watch.lasting() == ""


def test_one_that_lasts_a_minute_is_said_each_minute_with_the_commands_and_so_is_its_end(watch, clock):
    with capture_logs() as logs:
        for _ in range(26):
            watch.seen(IMAGES, Bounds(0, 20, 221))
            clock.pass_s(5)
        assert [line["seconds"] for line in logs] == [60, 120]
        for command in ("find-hanging --topic images --partition 3", "abort --topic images --partition 3"):
            assert f"kafka-transactions.sh --bootstrap-server broker:9092 {command}" in logs[0]["cure"]
        assert "--start-offset 20" in logs[0]["cure"]
        assert watch.lasting().startswith(
            "images:3: 201 records wait behind a transaction that has been open at offset 20"
        )
        watch.seen(IMAGES, Bounds(0, 222, 222))
    assert (logs[-1]["event"], logs[-1]["seconds"]) == ("the transaction ended", 130)
    assert watch.lasting() == ""


def test_one_transaction_after_the_other_is_no_hanging_one(watch, clock):
    with capture_logs() as logs:
        for start in range(0, 400, 10):
            watch.seen(IMAGES, Bounds(0, start, start + 5))
            clock.pass_s(5)
        assert logs == []
        assert watch.lasting() == ""


def test_what_another_ingestor_reads_is_not_said_here(watch, clock):
    watch.seen(IMAGES, Bounds(0, 20, 221))
    clock.pass_s(100)
    watch.forget(IMAGES)
    assert watch.lasting() == ""


def test_an_ingestor_stays_ready_and_neither_lag_nor_reason_is_calm(rig):
    one = rig()
    one.kafka.send(20)
    one.turn()
    one.source.held_back[Partition("images", 0)] = 201
    one.turn(20, pass_s=6)
    assert one.seen.lags["images", 0] == 201
    assert one.seen.uncommitted_records == {("images", 0): 201}
    assert one.ingestor.ready() == (True, "")
    (check,) = [check for check in one.ingestor.checks() if check.name == "transactions"]
    assert check.ok
    assert "201 records wait" in check.reason
