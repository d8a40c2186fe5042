"""Every number of the configuration at both of its ends, through the code that uses it.

The numbers come from the configuration's own tree: one that is added later is run as well, or the test fails.
"""

import uuid

import httpx
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from daemon.config.keys import all_keys
from daemon.health import HealthServer
from daemon.local.broker import local_broker
from daemon.metrics import RunMetrics, new_registry
from daemon.supervisor.restarts import RestartRules
from daemon.supervisor.supervisor import Supervisor
from tests.daemon.supervisor.test_supervisor import World
from tests.support.ends import LEAST, MOST, End, configured, ends, limits, numbers
from tests.support.serving import Serving
from tests.support.whole_ingestor import produce, take_in
from tests.support.whole_learner import learn_through

ENDS = ends()
LEARNER = {
    "image.size": 8,
    "model.architecture": "tests.support.factories:small_conv",
    "model.class_min_samples": 2,
    "round.samples": 64,
    "round.min_samples": 16,
    "round.batch": 32,
    "round.steps_max": 50,
    "gate.first_holdout": 8,
    "store.holdout_first": 2_000,
    "learn.device": "cpu",
    "learn.threads": 1,
    "log.level": "error",
}
"""Three versions within seconds."""
VERSIONS, FEEDS, SAMPLES = 3, 6, 120

BUFFER_MOST = {"buffer.bytes_max": 10**15, "store.bytes_max": 10**15}
SOON = {"round.max_wait_s": 0.001}
"""So many never come: the round starts with what is there."""
COMPANIONS = {
    ("round.samples", MOST): SOON,
    ("round.min_samples", MOST): {"round.samples": 10**9, **SOON, **BUFFER_MOST},
    ("round.samples", LEAST): {"round.min_samples": 1},
    ("round.steps_min", MOST): {"round.steps_max": 10**9},
    ("round.steps_max", LEAST): {"round.steps_min": 1},
    ("round.batch", MOST): {"round.steps_min": 1},
    ("image.size", MOST): {
        "model.architecture": "tests.support.factories:pooled",
        "round.samples": 16,
        "round.batch": 4,
        "round.steps_min": 1,
        "round.steps_max": 2,
        "gate.first_holdout": 3,
        **BUFFER_MOST,
    },
}
"""What must be set beside a number, for it to get to its end."""
FEWER_SAMPLES = {("image.size", MOST): 20}
FEWER_VERSIONS = {("image.size", MOST): 1}
"""A round takes a minute there, and gigabytes."""
NO_VERSION = {
    ("model.class_min_samples", MOST): "no label has 10,000 pictures",
    ("gate.first_holdout", MOST): "a million are not held out",
}
"""Ends at which no version can come of what the test feeds, and why: there rounds must end in order all the same."""


RECORDS = 30
INGESTOR = {
    "image.size": 8,
    "round.min_samples": 16,
    "kafka.create_topics": True,
    "ingest.port": 0,
    "ingest.workers": 1,
    "log.level": "error",
}
ALL_DEAD_LETTERS = {("image.max_bytes", LEAST), ("image.max_pixels", LEAST)}
"""At these ends no picture is small enough."""


def used_by() -> dict[str, list[End]]:
    """Return the ends by what uses them; a number of a section that stands nowhere here is used by nobody."""
    learner, ingestor = (
        ("model", "round", "learning", "gate", "store", "publish"),
        ("kafka", "redis", "buffer", "image"),
    )
    found: dict[str, list[End]] = {"learner": [], "ingestor": [], "port": [], "supervisor": [], "": []}
    for end in ENDS:
        section, _, name = end.key.partition(".")
        users = {
            "port": name == "port",
            "learner": section in learner or end.key in ("image.size", "learn.threads"),
            "ingestor": section in ingestor or end.key in ("ingest.workers", "ingest.decode_bytes_max"),
            "supervisor": section == "run" and name != "port",
        }
        for user in [user for user, uses in users.items() if uses] or [""]:
            found[user].append(end)
    return found


USED = used_by()


def test_every_number_is_run():
    assert USED[""] == [], "add them to what uses them: a learner's, an ingestor's or a supervisor's run"
    assert {end.key for some in USED.values() for end in some} == {key.name for key in numbers()}


@pytest.mark.parametrize("key", [key.name for key in numbers()])
def test_every_number_has_two_ends(key):
    assert set(limits(all_keys()[key])) == {LEAST, MOST}, (
        f"{key} needs a bound: what is the most, or least, that works?"
    )


@pytest.mark.parametrize("end", USED["learner"], ids=str)
def test_the_learner_learns(end, tmp_path):
    where = (end.key, end.which)
    paths = {"paths.state": str(tmp_path / "state"), "paths.repository": str(tmp_path / "models")}
    config = configured(end, {**LEARNER, **paths}, COMPANIONS.get(where, {}))
    versions = FEWER_VERSIONS.get(where, VERSIONS)
    learnt = learn_through(config, versions=versions, feeds=FEEDS, samples=FEWER_SAMPLES.get(where, SAMPLES))
    assert learnt.outages == []
    assert learnt.outcomes["failed"] == 0
    assert learnt.rounds >= versions, learnt
    assert learnt.versions >= versions or where in NO_VERSION, learnt


@pytest.mark.parametrize("end", USED["ingestor"], ids=str)
def test_the_ingestor_takes_everything_in(end, kafka_server, redis_server):
    name = f"ends-{uuid.uuid4().hex[:8]}"
    own = {
        "kafka.bootstrap_servers": kafka_server.bootstrap,
        "kafka.topics": name,
        "redis.url": redis_server.url,
        "job": name,
    }
    if end.key == "kafka.partitions":
        with local_broker() as broker:  # one that forgets the topic: a thousand partitions are no small thing
            ingest_at(end, {**INGESTOR, **own, "kafka.bootstrap_servers": broker}, broker, redis_server.url)
        return
    ingest_at(end, {**INGESTOR, **own}, kafka_server.bootstrap, redis_server.url)


def ingest_at(end, base, bootstrap, redis_url):
    config = configured(end, base, COMPANIONS.get((end.key, end.which), {}))
    (topic,) = config.kafka.topics
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(one, config.kafka.partitions, 1) for one in (topic, f"{topic}.dlq")])
        sent = produce(bootstrap, topic, RECORDS)
        samples, dead = take_in(config, redis_url, sent)
    finally:
        admin.close()
    assert samples + dead == sent
    assert dead == (sent if (end.key, end.which) in ALL_DEAD_LETTERS else 1)


@pytest.mark.parametrize("end", USED["port"], ids=str)
def test_a_port_is_listened_on(end, tmp_path):
    config = configured(end, {"paths.repository": str(tmp_path)}, {})
    port = int(end.value)
    if end.key == "http.port":
        serving = Serving(tmp_path, f"http.port={config.http.port}")
        try:
            assert serving.client.get("/livez").status_code == 200
        finally:
            serving.stop()
        return
    with HealthServer(new_registry(), []) as health:
        opened = health.start("127.0.0.1", port, end.key)
        assert opened == port or port == 0
        assert httpx.get(f"http://127.0.0.1:{opened}/livez").status_code == 200


@pytest.mark.parametrize("end", USED["supervisor"], ids=str)
def test_the_supervisor_restarts_gives_up_and_stops(end):
    run = configured(end, {}, {}).run
    world, registry = World(), new_registry()
    rules = RestartRules(run.restart_max, run.restart_window_s)
    supervisor = Supervisor(
        world.spawn,
        rules,
        RunMetrics(registry),
        stop_timeout_s=run.stop_timeout_s,
        clock=world.clock,
        pause=world.pause,
    )
    for _ in range(run.restart_max + 1):
        supervisor.run_once()
        assert registry.get_sample_value("tidemill_role_given_up", {"role": "learn"}) == 0
        world.alive["learn"].status = 1
        supervisor.run_once()
        world.now += run.restart_window_s / (2 * (run.restart_max + 1))
    assert registry.get_sample_value("tidemill_role_given_up", {"role": "learn"}) == 1
    world.stubborn = {"serve"}
    began = world.now
    supervisor.stop_all()
    assert world.events[-1] == "serve killed"
    assert world.now - began <= run.stop_timeout_s + 0.2
