"""Freshness is what we took: no clock of a producer, however wrong, spoils it, and none of ours."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.learn.freshness import Learnt
from daemon.learn.settlement import Settlement
from daemon.learn.stages import Stages
from daemon.metrics import LearnMetrics
from streaming.cloudevents import read_event
from streaming.memory_buffer import MemoryBuffer
from streaming.records import Record
from tests.support.manifests import EXAMPLE
from tests.support.windows import open_state

NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000


class Pending:
    """The ledger of a new state, but for one version that is to be published."""

    def __init__(self, ledger):
        self._ledger = ledger

    def unpublished(self):
        """See Ledger."""
        return SimpleNamespace(version=EXAMPLE["version"], round=EXAMPLE["round"], manifest=EXAMPLE)

    def __getattr__(self, name):
        return getattr(self._ledger, name)


@pytest.fixture
def ledger(tmp_path):
    with open_state(tmp_path / "state") as state:
        yield Pending(state.ledger)


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def publish(registry, ledger):
    """`publish(event_times_ms, skew_s=0)` publishes a version at NOW_MS by a host so far ahead; returns the log."""
    metrics = LearnMetrics(registry, model="default")

    def run(event_times_ms, skew_s=0.0):
        moment = datetime.fromtimestamp(NOW_MS / 1000 + skew_s, UTC)
        settlement = Settlement(
            SimpleNamespace(ledger=ledger, mark_published=lambda _version: None, tidy=lambda: None),
            SimpleNamespace(publish=lambda *_: moment, staged=lambda _round: None),
            MemoryBuffer(lambda: NOW_MS),
            SimpleNamespace(tell=lambda _manifest: None),
            metrics,
            Stages(metrics, time.monotonic),
            time.monotonic,
            lambda: skew_s,
        )
        times_ms = np.array(event_times_ms, np.int64)
        host_ms = round(NOW_MS + 1000 * skew_s)
        settlement.learnt(Learnt(9, times_ms, times_ms + 500, host_ms - 2_000, host_ms - 300))
        with capture_logs() as lines:
            settlement.settle()
        return [line for line in lines if "ce_time" in line["event"]]

    return run


def value(registry, name):
    return registry.get_sample_value(f"tidemill_{name}")


def event_time_ms(ce_time: bytes | None, timestamp_ms: int) -> int:
    headers = (("ce_label", b"cat"),) + ((("ce_time", ce_time),) if ce_time is not None else ())
    return read_event(Record("images", 0, 0, timestamp_ms, None, b"\x89PNG", headers)).time_ms


@pytest.mark.parametrize(
    ("ce_time", "timestamp_ms"),
    [
        (b"0001-01-01T00:00:00Z", NOW_MS),
        (b"1969-12-31T23:59:59.999Z", NOW_MS),
        (b"1970-01-01T00:00:00.001Z", NOW_MS),
        (b"1980-01-01T00:00:00Z", NOW_MS),
        (b"2000-01-01T00:00:00Z", NOW_MS),
        (b"3000-01-01T00:00:00Z", NOW_MS),
        (b"9999-12-31T23:59:59Z", NOW_MS),
        (None, 1),
        (None, 253_402_300_799_999),
        (b"never", 32_503_680_000_000),
    ],
)
def test_a_time_that_cannot_be_is_counted_and_left_out(publish, registry, ce_time, timestamp_ms):
    odd = event_time_ms(ce_time, timestamp_ms)
    (line,) = publish([NOW_MS - 4_000, odd, NOW_MS - 6_000, odd])
    assert (value(registry, "freshness_seconds_count"), value(registry, "freshness_seconds_sum")) == (2, 10)
    assert value(registry, "event_times_implausible_total") == 2
    assert line["samples"] == 2


@pytest.mark.parametrize("timestamp_ms", [-1, -(2**63), 2**63 - 1, 0])
def test_a_record_without_any_time_is_not_counted_at_all(publish, registry, timestamp_ms):
    none = event_time_ms(None, timestamp_ms)
    assert publish([NOW_MS - 4_000, none]) == []
    assert (value(registry, "freshness_seconds_count"), value(registry, "freshness_seconds_sum")) == (1, 4)
    assert value(registry, "event_times_implausible_total") == 0


@pytest.mark.parametrize(
    ("age_s", "counts", "shown"), [(300, 1, 300), (364 * 86_400, 1, 364 * 86_400), (-299, 1, 0), (-301, 0, 0)]
)
def test_what_may_be_is_counted_as_it_is(publish, registry, age_s, counts, shown):
    publish([NOW_MS - 1000 * age_s])
    assert (value(registry, "freshness_seconds_count"), value(registry, "freshness_seconds_sum")) == (counts, shown)


@pytest.mark.parametrize("skew_s", [-86_400.0, -3600.0, 3600.0, 86_400.0])
def test_a_learners_own_clock_is_set_right_by_that_of_the_buffer(publish, registry, skew_s):
    publish([NOW_MS - 4_000, NOW_MS - 6_000], skew_s)
    assert (value(registry, "freshness_seconds_count"), value(registry, "freshness_seconds_sum")) == (2, 10)
