"""Each fault alone and all at once: what is said, what to do, and in which order. Well is only what is well."""

from dataclasses import replace

import pytest

from daemon.cli.overview.facts import Brake, CutOff, Disk, Facts, Kafka, Redis, Role, State, Trouble
from daemon.cli.overview.judge import judge
from daemon.cli.overview.problems import KINDS
from daemon.config import Config
from daemon.readiness import Check
from model.store.facts import Version
from model.store.outlook import LastRound, OpenRound, Outlook
from streaming.buffer import LogState, Outcomes
from streaming.kafka_ends import Ends
from streaming.records import Log

NOW = 1_790_000_000_000
PLACE = ("images", "id", 0)
CONFIG = Config()
LOG = LogState(
    Log(*PLACE), 3, 40, 60, 36_000, NOW - 2_000, registered_ms=NOW - 3_000, now_ms=NOW, dead_letters=1, ahead_ms=0
)
OUTLOOK = Outlook(None, LastRound(7, "published", 3, NOW - 60_000), 0, "", 0, 0, None)
MANIFEST = {"file": {"bytes": 10_000_000}}
STATE = State(Version(3, 7, None, MANIFEST, "ab", "cd", NOW), 7, {}, {}, None, {}, {}, {}, OUTLOOK, learner_lives=True)
REDIS = Redis((LOG,), {}, {"here_s": 0.1, "ingestors": []}, "")
KAFKA = Kafka({PLACE: Ends(60, 60)})
ROLES = {name: Role(name, 1, ready=True) for name in ("ingest", "learn", "serve", "run")}
WELL = Facts(
    NOW,
    ROLES,
    REDIS,
    KAFKA,
    STATE,
    (Disk("paths.state", "/s", 10**9, 10**10), Disk("paths.repository", "/m", 10**9, 10**10)),
)


def role(name, check="", reason="", **facts):
    """WELL with a role that says something, or is gone."""
    checks = (Check(check, ok=False, reason=reason),) if check else ()
    return replace(WELL, roles={**ROLES, name: Role(name, 1, ready=False if check else None, checks=checks, **facts)})


def redis(**changes):
    return replace(WELL, redis=replace(REDIS, **changes))


def log(**changes):
    return redis(logs=(replace(LOG, **changes),))


def kafka(**changes):
    return replace(WELL, kafka=replace(KAFKA, **changes))


def outlook(**changes):
    return replace(WELL, state=replace(STATE, outlook=replace(OUTLOOK, **changes)))


def trouble(kind):
    return replace(WELL, troubles=(Trouble(kind, f"{kind} does not answer", "start it"),))


ALONE = [
    (trouble("state"), "state", "state does not answer", "start it"),
    (trouble("redis"), "redis", "redis does not answer", "start it"),
    (trouble("kafka"), "kafka", "kafka does not answer", "start it"),
    (trouble("repository"), "repository", "repository does not answer", "start it"),
    (
        replace(role("learn"), state=replace(STATE, learner_lives=False)),
        "role",
        "no learner runs",
        "start `tidemill run`",
    ),
    (
        replace(log(registered_ms=NOW - 240_000), roles={**ROLES, "ingest": Role("ingest", 1)}),
        "role",
        "no ingestor runs: none has read images:0 lately",
        "tidemill ingest",
    ),
    (
        replace(redis(logs=()), roles={**ROLES, "ingest": Role("ingest", 1)}),
        "role",
        "no ingestor has read images yet",
        "tidemill ingest",
    ),
    (log(registered_ms=NOW - 240_000), "partition", "no ingestor reads images:0", "as many ingestors"),
    (role("ingest", "answers", "it does not answer within 2 s"), "role", "does not answer within 2 s", "restarted"),
    (
        role("run", "learn", "given up: it died 6 times. It is tried again every 10 minutes"),
        "role",
        "learn: given up: it died 6 times",
        "",
    ),
    (role("run", "serve", "dead, to be started again"), "role", "serve: dead", "by itself"),
    (role("ingest", "kafka", "Kafka does not answer"), "kafka", "ingest: Kafka does not answer", "start the brokers"),
    (redis(unsafe="Redis evicts keys"), "eviction", "Redis evicts keys", "noeviction"),
    (role("ingest", "eviction", "Redis evicts keys"), "eviction", "ingest: Redis evicts keys", "noeviction"),
    (role("learn", outages_s={"redis_memory": 9.0}), "redis_memory", "no room (maxmemory)", "raise Redis' maxmemory"),
    (
        replace(WELL, disks=(Disk("paths.state", "/s", 30_000_000, 10**10),)),
        "disk",
        "/s (paths.state) has 30.0 MB free of 10.0 GB, a version may take 40.0 MB",
        "make room there",
    ),
    (role("learn", "learner", "No space", outages_s={"disk": 700.0}), "disk", "learn: No space", "make room"),
    (role("learn", "learner", "device lost"), "learner", "learn: device lost", "bring back what it names"),
    (
        role("learn", "learner", "starting: not all open yet", outages_s={"announcement": 3.0}),
        "learner",
        "starting",
        "",
    ),
    (
        outlook(open=OpenRound(8, NOW - 5_000, "ValueError:\n bad")),
        "training",
        "stands still at round 8, for windows in a row raised the same: ValueError: bad",
        "tidemill quarantine skip",
    ),
    (
        replace(WELL, cut_off=(CutOff("images", 0, 40, 12),)),
        "partition",
        "images:0 stands still: its log ends at 12, and 40 records of it were read",
        "tidemill release --partition images:0",
    ),
    (role("ingest", "partitions", "images:0 cannot be read"), "partition", "images:0 cannot be read", ""),
    (kafka(missing=("images",)), "topic", "topic images does not exist", "kafka.create_topics=true"),
    (kafka(missing=("images.dlq",)), "topic", "the first dead letter would stop its topic", "create it"),
    (role("ingest", "dead_letters", "not taken"), "dead_letters", "not taken", ""),
    (
        redis(brakes=(Brake("one", "images", Outcomes(100, 99), "empty 99 (camera-1 99)"),)),
        "brake",
        "one takes no records of images, for 99 of its last 100 were dead letters: empty 99",
        "tidemill release --brake --name one",
    ),
    (log(bytes_used=2_000_000_000), "buffer", "the buffer is full, 2.0 GB of 1.0 GB", "buffer.bytes_max"),
    (
        replace(WELL, roles={**ROLES, "ingest": Role("ingest", 1, ready=True, pauses=frozenset({"buffer_full"}))}),
        "buffer",
        "the buffer is full, 36.0 kB",
        "",
    ),
    (log(oldest_buffered_ms=NOW - 1_000_000), "late", "2 samples wait, and no round has taken the oldest", "round"),
    (
        kafka(ends={PLACE: Ends(60, 61)}, hanging_s={PLACE: 300.0}),
        "transaction",
        "1 record of images:0 behind the transaction open at offset 60",
        "abort --topic images --partition 0 --start-offset 60",
    ),
    (role("serve", "repository", "paths.repository cannot be read"), "repository", "cannot be read", "bring"),
    (role("serve", "something", "is new"), "not_ready", "serve: is new", ""),
    (
        outlook(refused=3, refused_reason="harmful"),
        "refusals",
        "the last 3 rounds were refused, the newest: harmful",
        "tidemill quarantine list",
    ),
    (role("learn", outages_s={"announcement": 90.0}), "announcement", "not announced", "kafka.announce_topic"),
    (redis(clocks={"here_s": 60.0, "ingestors": []}), "clock", "this host's is 60 s ahead of", "NTP"),
    (
        outlook(quarantined=4, quarantined_lately=1, newest_quarantined=6),
        "quarantine",
        "1 window came into quarantine within a day, 4 wait there",
        "tidemill quarantine show 6",
    ),
]


def test_well_is_what_is_well():
    assert judge(WELL, CONFIG) == []


@pytest.mark.parametrize(
    "facts",
    [
        Facts(NOW, {name: Role(name, 1) for name in ROLES}),
        role("serve"),
        role("ingest"),
        replace(role("learn"), state=None),
        replace(role("learn"), state=replace(STATE, learner_lives=None)),
        kafka(ends={PLACE: Ends(60, 61)}, hanging_s={PLACE: 3.0}),
        kafka(ends={PLACE: Ends(60, 61)}),
        outlook(open=OpenRound(8, NOW - 5_000, "")),
        outlook(refused=2, refused_reason="harmful"),
        outlook(quarantined=4, newest_quarantined=2),
        log(oldest_buffered_ms=NOW - 1_000_000, length=1),
        log(oldest_buffered_ms=None, length=0, dead_letters=0),
        log(registered_ms=NOW - 40_000),
        replace(log(registered_ms=NOW - 240_000), kafka=None),
        replace(WELL, state=replace(STATE, champion=None)),
    ],
    ids=[
        "nothing is known",
        "serve may run elsewhere",
        "so may an ingestor whose partitions are read",
        "so may a learner without a state here",
        "or where locks cannot be seen",
        "a transaction of a moment",
        "a transaction of which the brokers do not say more",
        "an open round",
        "two refusals",
        "an old quarantine",
        "dead letters alone wait",
        "nothing waits",
        "an ingestor that decodes for long",
        "without Kafka nobody knows which partitions there are",
        "no version yet",
    ],
)
def test_what_is_not_known_or_passes_is_no_problem(facts):
    assert judge(facts, CONFIG) == []


@pytest.mark.parametrize(("facts", "kind", "what", "cure"), ALONE, ids=[f"{one[1]}: {one[2][:40]}" for one in ALONE])
def test_a_fault_alone(facts, kind, what, cure):
    (found,) = [one for one in judge(facts, CONFIG) if one.kind == kind]
    assert what in found.what
    assert cure in found.cure
    assert "\n" not in found.what + found.cure
    assert len(judge(facts, CONFIG)) == (
        2 if "announcement" in str(facts.roles["learn"].outages_s) and kind == "learner" else 1
    )


def test_every_kind_of_problem_is_tried():
    assert {kind for _, kind, _, _ in ALONE} == set(KINDS) - {"records", "device", "exporter"}
    for what in ("records", "device", "exporter"):
        (found,) = judge(role("learn", "learner", "x", outages_s={what: 5.0}), CONFIG)
        assert (found.kind, found.seconds) == (what, 5.0)


def test_several_at_once_come_worst_first():
    facts = replace(
        WELL,
        troubles=(Trouble("kafka", "Kafka is away", "start it"),),
        redis=replace(
            REDIS, brakes=(Brake("one", "images", Outcomes(100, 99), ""),), clocks={"here_s": -60.0, "ingestors": []}
        ),
        kafka=None,
        state=replace(STATE, outlook=replace(OUTLOOK, refused=9), learner_lives=False),
        roles={**ROLES, "learn": Role("learn", 1)},
    )
    assert [one.kind for one in judge(facts, CONFIG)] == ["role", "kafka", "brake", "refusals", "clock"]


def test_one_outage_that_all_see_is_told_once_with_its_length():
    checks = (Check("redis", ok=False, reason="gone"),)
    facts = replace(
        trouble("redis"),
        redis=None,
        roles={
            **ROLES,
            "ingest": Role("ingest", 1, ready=False, checks=checks, outages_s={"redis": 20.0}),
            "learn": Role(
                "learn", 1, ready=False, checks=(Check("learner", ok=False, reason="gone"),), outages_s={"redis": 50.0}
            ),
        },
    )
    (found,) = judge(facts, CONFIG)
    assert (found.kind, found.what, found.seconds) == ("redis", "redis does not answer", 50.0)


def test_a_truncated_partition_is_told_once_though_its_ingestor_says_so_too():
    reason = "images:0 is truncated (tidemill release --partition images:0)"
    facts = replace(role("ingest", "partitions", reason), cut_off=(CutOff("images", 0, 40, 12),))
    (found,) = judge(facts, CONFIG)
    assert found.what == f"ingest: {reason}"


def test_a_transaction_that_an_ingestor_calls_long_has_its_cure():
    said = Check("transactions", ok=True, reason="images:0: 1 records wait behind a transaction that has been open")
    roles = {**ROLES, "ingest": Role("ingest", 1, ready=True, checks=(said,))}
    facts = replace(kafka(ends={PLACE: Ends(60, 61)}), roles=roles)
    (found,) = judge(facts, CONFIG)
    assert "abort --topic images" in found.cure
    (found,) = judge(replace(facts, kafka=None), CONFIG)
    assert found.kind == "transaction"


def test_the_job_is_named_in_commands():
    facts = redis(brakes=(Brake("one", "images", Outcomes(100, 99), ""),))
    (found,) = judge(facts, Config(job="birds"))
    assert found.cure.endswith("tidemill release --brake --name one --set job=birds")
