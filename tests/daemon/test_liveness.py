"""A loop that has not turned for minutes fails /livez, and SIGTERM ends its process all the same."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from prometheus_client import CollectorRegistry

from daemon.health import HealthServer
from daemon.liveness import BeatingStop, Pulse
from streaming.source import Polled
from tests.daemon.ingest.conftest import Rig
from tests.support.fake_kafka import Clock, FakeKafka, FakeSource


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pulse(clock):
    return Pulse("the loop", 300.0, clock)


def livez(pulse):
    code, _, body = HealthServer(CollectorRegistry(), [], pulse=pulse).answer("/livez", "")
    return code, json.loads(body)


def test_a_loop_that_turns_is_alive_however_old_it_is(pulse, clock):
    for _ in range(5):
        pulse.beat()
        clock.pass_s(299)
        assert livez(pulse) == (200, {"alive": True})


def test_one_that_has_not_turned_for_minutes_is_not_and_says_so(pulse, clock):
    pulse.beat()
    clock.pass_s(301)
    code, body = livez(pulse)
    assert code == 503
    assert body == {"alive": False, "reason": "the loop has not turned for 301 s (at most 300): restart this process"}
    pulse.beat()
    assert livez(pulse)[0] == 200


def test_nothing_is_expected_of_a_loop_that_has_not_begun_or_has_ended(pulse, clock):
    clock.pass_s(1_000)
    assert livez(pulse)[0] == 200
    pulse.beat()
    pulse.rest()
    clock.pass_s(1_000)
    assert livez(pulse)[0] == 200


def test_a_role_without_a_loop_is_alive_where_it_answers():
    assert livez(None) == (200, {"alive": True})


def test_to_ask_for_the_stop_is_a_turn(pulse, clock):
    """So training, which asks at each step, may take hours."""
    flag = threading.Event()
    stop = BeatingStop(flag, pulse)
    for _ in range(20):
        assert not stop.is_set()
        clock.pass_s(200)
        assert not stop.wait(0)
        clock.pass_s(200)
        assert pulse.stuck() == ""
    stop.set()
    assert flag.is_set()
    assert stop.is_set()
    assert stop.wait(10)


def test_a_named_step_is_a_turn_and_is_told_on(pulse, clock):
    told = []
    with pulse:
        clock.pass_s(1_000)
        pulse.beating(told.append)("round.train.before")
        assert pulse.stuck() == ""
        clock.pass_s(301)
        assert pulse.stuck() != ""
    assert told == ["round.train.before"]
    assert pulse.stuck() == "", "it has ended"


class Spinning(FakeSource):
    """A client whose poll does not return before the test lets it."""

    def __init__(self, kafka):
        super().__init__(kafka)
        self.polling, self.let = threading.Event(), threading.Event()

    def poll(self, timeout_s):
        self.polling.set()
        assert self.let.wait(30)
        return Polled()


def test_an_ingestor_whose_client_never_comes_back_is_not_alive(pulse, clock):
    rig = Rig(FakeKafka("images"))
    rig.ingestor._source = source = Spinning(rig.kafka)
    stop = threading.Event()
    thread = threading.Thread(target=rig.ingestor.run, args=[BeatingStop(stop, pulse)])
    thread.start()
    assert source.polling.wait(10)
    assert livez(pulse)[0] == 200
    clock.pass_s(301)
    assert livez(pulse)[0] == 503
    stop.set()
    source.let.set()
    thread.join(10)
    assert not thread.is_alive()


HANGING = """
import sys, threading
from daemon.signals import stop_on_signals
from tests.daemon.ingest.conftest import Rig
from tests.support.fake_kafka import FakeKafka, FakeSource

class Spinning(FakeSource):
    def poll(self, timeout_s):
        sys.stdout.write("polling\\n"); sys.stdout.flush()
        if sys.argv[1] == "spins":
            while True:
                pass
        HELD.acquire()

HELD = threading.Lock()
HELD.acquire()
rig = Rig(FakeKafka("images"))
rig.ingestor._source = Spinning(rig.kafka)
with stop_on_signals(0.5) as stop:
    rig.ingestor.run(stop)
"""


@pytest.mark.parametrize("how", ["spins", "waits"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_whose_client_never_comes_back_ends_when_it_is_told_to(how, number):
    child = subprocess.Popen(
        [sys.executable, "-c", HANGING, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "polling\n"
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 128 + signal.SIGTERM
    assert "did not stop in time and is ended" in out + err
    assert "in poll" in out + err, "and where it was"
