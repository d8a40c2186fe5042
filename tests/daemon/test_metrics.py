"""Names are those of the contract, and no label grows without bound."""

import pytest

from daemon.health import encode_metrics
from daemon.ingest.observer import IngestObserver, Pause
from daemon.learn.observer import (
    BufferFacts,
    Champion,
    Freshness,
    Judgement,
    LearnObserver,
    Outcome,
    Past,
    Relabelled,
    Stage,
    Wait,
)
from daemon.metrics import (
    CLASSES_MAX,
    DiskMetrics,
    IngestMetrics,
    LearnMetrics,
    OutageMetrics,
    RedisMetrics,
    RunMetrics,
    ServeMetrics,
    new_registry,
    show_build,
)
from daemon.metrics.followers import CLIENTS_MAX, Client, Followers
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
    assert [value(registry, "rounds_total", outcome=outcome.value) for outcome in Outcome] == [0] * len(Outcome)
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
    assert value(registry, "model_version") is None
    waits = {Wait.KAFKA: [0.5], Wait.BUFFER: [0.25], Wait.ROUND: [1.0, 1.0, 1.0], Wait.PUBLISH: [0.1, 0.1, 0.1]}
    learn.published(Champion(7, "resnet18", 10, 3_000), 0.2, [Freshness(9, [1.0, 5.0, -3.0], waits)])
    assert value(registry, "model_version") == 7
    assert value(registry, "model_published_timestamp_seconds") == 3
    assert value(registry, "freshness_seconds_count") == 3
    assert value(registry, "freshness_seconds_sum") == 6
    assert value(registry, "publish_seconds_count") == 1
    counted = {wait.value: value(registry, "freshness_stage_seconds_count", stage=wait.value) for wait in Wait}
    assert counted == {"kafka": 1, "buffer": 1, "round": 3, "publish": 3}
    assert value(registry, "freshness_stage_seconds_sum", stage="round") == 3


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
        names = ("retries_total", "outage_seconds_total", "outage_since_timestamp_seconds", "outage_ongoing")
        return [value(registry, name, what=need) for name in names]

    assert shown("kafka") == shown("redis") == [0, 0, None, 0]
    metrics.failed(Need.KAFKA, 0.0)
    now_ms = 9_000
    metrics.failed(Need.KAFKA, 4.0)
    assert shown("kafka") == [2, 4, 5, 1]
    metrics.recovered(Need.KAFKA, 1.0)
    assert shown("kafka") == [2, 5, None, 0]
    metrics.failed(Need.KAFKA, 0.0)
    assert shown("kafka") == [3, 5, 9, 1]
    assert shown("redis") == [0, 0, None, 0]


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


def shown(registry, name: str) -> dict[tuple[str, ...], float]:
    """Every sample of a metric by its label values."""
    samples = (one for family in registry.collect() for one in family.samples)
    return {tuple(one.labels.values()): one.value for one in samples if one.name == f"tidemill_{name}"}


UNKNOWN_AT_START = """
    buffer_samples buffer_dead_letters buffer_bytes buffer_oldest_timestamp_seconds dead_letters unlearnt_records
    store_samples quarantined_windows classes store_bytes repository_versions repository_bytes model_version model_info
    model_published_timestamp_seconds commit_timestamp_seconds prequential_accuracy holdout_accuracy class_accuracy
    forgetting train_holdout_gap negative_flip_rate train_loss train_samples_per_second challenger_turns refusals_in_row
    round_number round_stage
"""


def test_what_is_not_known_yet_is_not_there(registry, learn):
    names = UNKNOWN_AT_START.split()
    assert {name: shown(registry, name) for name in names} == {name: {} for name in names}


def test_nothing_waiting_has_no_oldest(registry, learn):
    learn.buffer_seen(BufferFacts(1, 0, 10, 9_000))
    assert value(registry, "buffer_oldest_timestamp_seconds") == 9
    learn.buffer_seen(BufferFacts(0, 0, 0, None))
    assert value(registry, "buffer_oldest_timestamp_seconds") is None
    assert value(registry, "buffer_samples") == 0


def test_without_a_champion_nothing_is_said_of_one(registry, learn):
    learn.champion_known(Champion(7, "resnet18", 10, 3_000))
    learn.champion_known(None)
    for name in ("model_version", "model_info", "model_published_timestamp_seconds"):
        assert shown(registry, name) == {}


def test_a_round_in_progress_shows_where_it_is(registry, learn):
    def now():
        stages = {name for (name,), stands in shown(registry, "round_stage").items() if stands}
        return value(registry, "round_number"), stages

    learn.stage_started(Stage.PUBLISH)
    assert now() == (None, set()), "what is done between rounds is no round"
    learn.stage_started(Stage.CLAIM)
    learn.round_started(8, 100)
    assert now() == (8, {"claim"})
    learn.stage_ended(Stage.CLAIM, 1.0)
    learn.stage_started(Stage.TRAIN)
    assert now() == (8, {"train"})
    assert "take" not in {name for (name,) in shown(registry, "round_stage")}
    learn.round_ended(8, Outcome.REFUSED, 3.0)
    assert now() == (None, set())
    assert shown(registry, "round_stage") == {}
    learn.stage_started(Stage.CLAIM)
    learn.stage_started(Stage.TAKE)
    assert now() == (None, set()), "a claim that did not come about"


def test_refusals_are_counted_in_a_row_and_go_on_after_a_restart(registry, learn):
    known = {Outcome.PUBLISHED: 5, Outcome.HELD: 1, Outcome.REFUSED: 3, Outcome.EMPTY: 2, Outcome.FAILED: 4}
    learn.past_known(Past(known, 2, 7, 3))
    assert shown(registry, "rounds_total") == {(outcome.value,): count for outcome, count in known.items()}
    assert (value(registry, "waiting_dropped_total"), value(registry, "versions_retired_total")) == (7, 3)
    rows = []
    ends = (Outcome.REFUSED, Outcome.EMPTY, Outcome.FAILED, Outcome.REFUSED, Outcome.HELD, Outcome.REFUSED)
    for outcome in (*ends, Outcome.PUBLISHED):
        learn.round_ended(1, outcome, 1.0)
        rows.append(value(registry, "refusals_in_row"))
    assert rows == [3, 3, 3, 4, 0, 1, 0]


def test_freshness_names_its_round_in_open_metrics(registry, learn):
    learn.published(Champion(7, "resnet18", 10, 3_000), 0.2, [Freshness(9, [5.0], {Wait.KAFKA: [1.0]})])
    content_type, body = encode_metrics(registry, "application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    (line,) = [one for one in body.decode().splitlines() if 'freshness_seconds_bucket{le="10.0"}' in one]
    assert '# {round="9"} 5.0' in line
    assert "# {" not in encode_metrics(registry, "")[1].decode()


def test_dead_letters_are_shown_by_every_reason(registry, learn):
    learn.dead_letters_seen({"empty": 4, "of_a_later_version": 2})
    found = shown(registry, "dead_letters")
    assert (found[("empty",)], found[("too_large",)], found[("other",)]) == (4, 0, 2)
    assert len(found) == len(Reason) + 1


def test_loss_is_counted_from_the_moment_a_partition_is_ours(registry, ingest):
    assert shown(registry, "records_expired_total") == {}
    ingest.assigned("images", 3)
    assert shown(registry, "records_expired_total") == {("images", "3"): 0}
    ingest.expired("images", 3, 80)
    ingest.assigned("images", 3)
    assert shown(registry, "records_expired_total") == {("images", "3"): 80}


def test_the_age_of_what_waits_grows_at_each_scrape(registry):
    now_ms = 10_000
    metrics = IngestMetrics(registry, lambda: now_ms)
    assert shown(registry, "kafka_lag_seconds") == {}
    metrics.oldest("images", 0, 4_000)
    metrics.oldest("images", 1, None)
    metrics.oldest("images", 2, 99_000)
    assert shown(registry, "kafka_lag_seconds") == {("images", "0"): 6, ("images", "1"): 0, ("images", "2"): 0}
    now_ms = 12_500
    assert shown(registry, "kafka_lag_seconds")["images", "0"] == 8.5
    metrics.lag("images", 0, None)
    assert ("images", "0") not in shown(registry, "kafka_lag_seconds")


def test_no_transaction_has_no_beginning(registry, ingest):
    ingest.uncommitted("images", 0, 0, 0)
    assert shown(registry, "uncommitted_since_timestamp_seconds") == {}
    ingest.uncommitted("images", 0, 7, 5_000)
    assert shown(registry, "uncommitted_since_timestamp_seconds") == {("images", "0"): 5}
    ingest.uncommitted("images", 0, 0, 0)
    assert shown(registry, "uncommitted_since_timestamp_seconds") == {}
    assert shown(registry, "uncommitted_records") == {("images", "0"): 0}


def test_build_and_disks(registry, tmp_path):
    show_build(registry, "learn")
    DiskMetrics(registry, {"state": tmp_path, "models": tmp_path / "not" / "yet"})
    ((labels, one),) = shown(registry, "build_info").items()
    assert (labels[2], one) == ("learn", 1)
    free, size = shown(registry, "disk_free_bytes"), shown(registry, "disk_size_bytes")
    assert size[("state",)] == size[("models",)] > free[("state",)] > 0


def test_commands_of_redis_are_a_closed_list(registry):
    metrics = RedisMetrics(registry)
    metrics.took("append", 0.002)
    metrics.took("FLUSHALL", 0.1)
    found = shown(registry, "redis_command_seconds_count")
    assert (found[("append",)], found[("other",)], found[("trim",)]) == (1, 1, 0)
    assert ("FLUSHALL",) not in found


def test_followers_are_distinct_clients_of_the_last_ten_minutes(registry):
    now = 0.0
    followers = Followers(registry, lambda: now)
    followers.asked(Client("default", "10.0.0.1", "a"), 3)
    assert shown(registry, "followers") == {}, "no such model is served"
    followers.newest_known("default", 30)
    for address, version in (("1", 30), ("2", 30), ("2", 21), ("3", 20), ("4", 1), ("5", 0), ("6", 31), ("1", 30)):
        followers.asked(Client("default", address, "agent"), version)
    expected = {"30": 1, "21": 1, "older": 2, "none": 1, "unknown": 1}
    assert shown(registry, "followers") == {("default", name): count for name, count in expected.items()}
    now = 500.0
    followers.asked(Client("default", "1", "agent"), 30)
    now = 601.0
    assert shown(registry, "followers") == {("default", "30"): 1}


def test_no_more_clients_are_remembered_than_the_limit(registry):
    followers = Followers(registry, lambda: 0.0)
    followers.newest_known("default", 1)
    for number in range(CLIENTS_MAX + 10):
        followers.asked(Client("default", str(number), "x" * 10_000), 1)
    assert shown(registry, "followers") == {("default", "1"): CLIENTS_MAX}
    assert all(len(client.agent) <= 200 for client in followers._asked)
