"""Names are those of the contract, and no label grows without bound."""

import pytest

from daemon.health import encode_metrics
from daemon.ingest.observer import IngestObserver, Pause
from daemon.learn.observer import BufferFacts, Champion, Judgement, LearnObserver, Outcome, Relabelled, Stage
from daemon.metrics import (
    CLASSES_MAX,
    IngestMetrics,
    LearnMetrics,
    OutageMetrics,
    RunMetrics,
    ServeMetrics,
    new_registry,
)
from daemon.outage import Need
from streaming.records import Reason


def value(registry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"tidemill_{name}", labels)


@pytest.fixture
def registry():
    return new_registry()


@pytest.fixture
def learn(registry) -> LearnObserver:
    return LearnMetrics(registry, model="default")


@pytest.fixture
def ingest(registry) -> IngestObserver:
    return IngestMetrics(registry)


def judged(**accuracy: float) -> Judgement:
    return Judgement(0.9, 0.8, 0.01, 0.02, accuracy, 0.03)


def test_ingest_counts_records(registry, ingest):
    ingest.consumed(10)
    ingest.buffered(7)
    ingest.dead_lettered(Reason.EMPTY)
    ingest.duplicate(2)
    ingest.expired("images", 3, 80)
    assert value(registry, "records_consumed_total") == 10
    assert value(registry, "records_buffered_total") == 7
    assert value(registry, "records_dead_lettered_total", reason="empty") == 1
    assert value(registry, "records_dead_lettered_total", reason="too_large") == 0
    assert value(registry, "records_duplicate_total") == 2
    assert value(registry, "records_expired_total", topic="images", partition="3") == 80


def test_ingest_forgets_a_partition_that_is_not_ours_any_more(registry, ingest):
    ingest.lag("images", 0, 5)
    assert value(registry, "consumer_lag_records", topic="images", partition="0") == 5
    ingest.lag("images", 0, None)
    ingest.lag("images", 1, None)
    assert value(registry, "consumer_lag_records", topic="images", partition="0") is None


def test_ingest_shows_pauses_and_their_causes(registry, ingest):
    assert value(registry, "ingest_paused") == 0
    ingest.paused(frozenset({Pause.BRAKE}))
    assert value(registry, "ingest_paused") == 1
    assert value(registry, "ingest_pause_cause", cause="brake") == 1
    ingest.paused(frozenset())
    assert (value(registry, "ingest_paused"), value(registry, "ingest_pause_cause", cause="brake")) == (0, 0)


def test_learn_counts_rounds_from_the_start(registry, learn):
    assert [value(registry, "rounds_total", outcome=outcome.value) for outcome in Outcome] == [0, 0, 0, 0]
    learn.round_ended(1, Outcome.HELD, 2.0)
    assert value(registry, "rounds_total", outcome="held") == 1


def test_learn_shows_what_it_is_told(registry, learn):
    learn.round_started(1, 100)
    learn.stage_started(Stage.TRAIN)
    learn.stage_ended(Stage.TRAIN, 2.0)
    learn.stepped(3, 10, 0.5, 800.0)
    learn.trained(100, 90)
    learn.scored_before(0.7)
    learn.judged(judged(cat=0.9))
    learn.committed(5_000)
    learn.buffer_seen(BufferFacts(7, 2, 700, 9_000))
    learn.unlearnt_seen("images", 2, 11)
    learn.store_seen({"train": 40, "holdout": 10}, 1234)
    learn.waiting_dropped(3)
    learn.relabelled({Relabelled.APPLIED: 2, Relabelled.LIMIT: 5})
    learn.drift_detected(["cat"])
    expected = {
        "train_loss": 0.5,
        "train_samples_per_second": 800,
        "prequential_accuracy": 0.7,
        "forgetting": 0.02,
        "negative_flip_rate": 0.01,
        "train_holdout_gap": 0.03,
        "commit_timestamp_seconds": 5,
        "buffer_samples": 7,
        "buffer_dead_letters": 2,
        "buffer_bytes": 700,
        "buffer_oldest_timestamp_seconds": 9,
        "store_bytes": 1234,
        "waiting_dropped_total": 3,
        "drift_detected_total": 1,
    }
    assert {name: value(registry, name) for name in expected} == expected
    assert value(registry, "round_stage_seconds_count", stage="train") == 1
    assert value(registry, "trained_samples_total", kind="replay") == 90
    assert value(registry, "holdout_accuracy", role="champion") == 0.8
    assert value(registry, "unlearnt_records", topic="images", partition="2") == 11
    assert value(registry, "store_samples", role="holdout") == 10
    assert value(registry, "relabelled_samples_total", outcome="limit") == 5
    assert value(registry, "relabelled_samples_total", outcome="contradicted") == 0


def test_a_publication_shows_version_and_freshness(registry, learn):
    learn.champion_known(None)
    assert value(registry, "model_version") == 0
    learn.published(Champion(7, "resnet18", 10, 3_000), 0.2, [1.0, 5.0, -3.0])
    assert value(registry, "model_version") == 7
    assert value(registry, "model_published_timestamp_seconds") == 3
    assert value(registry, "freshness_seconds_count") == 3
    assert value(registry, "freshness_seconds_sum") == 6
    assert value(registry, "publish_seconds_count") == 1


def test_what_the_champion_is_stands_there_once(registry, learn):
    learn.published(Champion(1, "resnet18", 2, 0), 0.1, [])
    learn.published(Champion(2, "resnet18", 3, 0), 0.1, [])
    assert encode_metrics(registry, "")[1].count(b"tidemill_model_info{") == 1


def test_classes_are_bounded_and_the_worst_are_shown(registry, learn):
    learn.judged(judged(**{f"class{number}": number / 1000 for number in range(CLASSES_MAX + 50)}))
    shown = encode_metrics(registry, "")[1].count(b"tidemill_class_accuracy{")
    assert shown == CLASSES_MAX
    assert value(registry, "class_accuracy", **{"class": "class0"}) == 0
    learn.judged(judged(cat=0.5))
    assert value(registry, "class_accuracy", **{"class": "class0"}) is None


def test_odd_codes_become_one(registry):
    metrics = ServeMetrics(registry)
    metrics.answered("/v1/models/{name}", 200)
    metrics.answered("other", 99999)
    assert value(registry, "http_requests_total", route="/v1/models/{name}", code="200") == 1
    assert value(registry, "http_requests_total", route="other", code="other") == 1


def test_outages_are_counted_and_dated(registry):
    now_ms = 5_000
    metrics = OutageMetrics(registry, [Need.KAFKA, Need.REDIS], lambda: now_ms)

    def shown(need: str) -> list[float | None]:
        names = ("retries_total", "outage_seconds_total", "outage_since_timestamp_seconds")
        return [value(registry, name, what=need) for name in names]

    assert shown("kafka") == shown("redis") == [0, 0, 0]
    metrics.failed(Need.KAFKA, 0.0)
    now_ms = 9_000
    metrics.failed(Need.KAFKA, 4.0)
    assert shown("kafka") == [2, 4, 5]
    metrics.recovered(Need.KAFKA, 1.0)
    assert shown("kafka") == [2, 5, 0]
    metrics.failed(Need.KAFKA, 0.0)
    assert shown("kafka") == [3, 5, 9]
    assert shown("redis") == [0, 0, 0]


def test_roles_are_up_or_down(registry):
    metrics = RunMetrics(registry)
    metrics.role_up("learn", up=True)
    assert value(registry, "role_up", role="learn") == 1
    metrics.role_up("learn", up=False)
    metrics.role_restarted("learn")
    assert (value(registry, "role_up", role="learn"), value(registry, "role_restarts_total", role="learn")) == (0, 1)


def test_every_role_tells_of_its_process(registry):
    text = encode_metrics(registry, "")[1].decode()
    for name in ("process_resident_memory_bytes", "process_open_fds", "python_info", "python_gc_collections_total"):
        assert name in text
    assert "_created" not in text


def test_how_long_decoding_takes_is_a_histogram(registry, ingest):
    ingest.decoded([0.0002, 0.0004, 3.0])
    ingest.decoded([0.0001])
    found = {
        bound: value(registry, "decode_seconds_bucket", le=bound) for bound in ("0.0001", "0.00025", "0.0005", "2.5")
    }
    assert found == {"0.0001": 1, "0.00025": 2, "0.0005": 3, "2.5": 3}
    assert value(registry, "decode_seconds_bucket", le="+Inf") == value(registry, "decode_seconds_count") == 4
    assert value(registry, "decode_seconds_sum") == pytest.approx(3.0007)
