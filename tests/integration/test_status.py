"""`tidemill status` on whole roles: well while all work, and each fault that is caused is said."""

import signal

import numpy as np
import pytest
from kafka import KafkaProducer

from daemon.cli.overview.collect import collect
from daemon.cli.overview.judge import judge
from daemon.config import load
from tests.integration.test_main_job import picture
from tests.support.roles import Tidemill, eventually, quick_settings

LABELS = ("red", "green")


@pytest.fixture
def tidemill(tmp_path, kafka_server, redis_url, topic, make_topic):
    make_topic(1, name=f"{topic}.dlq")
    announced = make_topic(1, {"cleanup.policy": "compact"}, name=f"{topic}.models")
    one = Tidemill(tmp_path, quick_settings(kafka_server.bootstrap, redis_url, topic, announced, size=16))
    one.paths = (f"paths.state={tmp_path / 'state'}", f"paths.repository={tmp_path / 'models'}")
    yield one
    one.stop()


def send(bootstrap, topic, n):
    rng = np.random.default_rng(1)
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for index in range(n):
        label = LABELS[index % len(LABELS)]
        producer.send(topic, value=picture(label, rng), headers=[("ce_label", label.encode())])
    producer.close()


def seen(tidemill):
    """What is wrong, by kind, as a look from within this process finds it: a command takes seconds to start."""
    config = load(file=tidemill.file, sets=tidemill.paths).config
    return {one.kind: one for one in judge(collect(config), config)}


def until(tidemill, what, check):
    return eventually(lambda: check(seen(tidemill)), f"{what}; now: {seen(tidemill)}; {tidemill.logs()}", 120)


@pytest.mark.timeout(600)
def test_well_and_every_fault_that_is_caused(tidemill, kafka_server, redis_server, topic):
    ingest, learn, serve = (tidemill.start(role) for role in ("ingest", "learn", "serve"))
    send(kafka_server.bootstrap, topic, 400)
    until(tidemill, "all is well", lambda found: not found)
    eventually((tidemill.folder / "models" / "default" / "champion.json").exists, "a version", 240, 1)
    done = tidemill.run("status")
    assert done.stdout.startswith("well\n"), done
    assert "ingest ready, learn ready, serve ready, run -" in done.stdout
    assert "right of" in done.stdout
    done = tidemill.run("status", "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "well\n", "")

    ingest.send_signal(signal.SIGSTOP)
    found = until(tidemill, "it hangs", lambda found: found.get("role"))
    assert "does not answer within" in found.what
    ingest.send_signal(signal.SIGCONT)
    until(tidemill, "all is well", lambda found: not found)

    redis_server.stop()
    found = until(
        tidemill, "its outage has a length", lambda found: "redis" in found and found["redis"].seconds and found
    )
    assert list(found) == ["redis"], "one outage is one problem, though three see it"
    redis_server.start()
    until(tidemill, "all is well", lambda found: not found)

    learn.kill()
    learn.wait()
    found = until(tidemill, "no learner", lambda found: found.get("role"))
    assert "no learner runs" in found.what
    done = tidemill.run("status", "--check")
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (1, 1, "")
    assert "no learner runs" in done.stdout
    assert serve.poll() is None
