"""Ctrl-C is answered at once: what still happens, and that the second one ends it."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from daemon.learn.observer import Stage
from daemon.learn.stopping import what_a_stop_does
from daemon.stopping import Stopping

BUSY = """
import sys, threading
from daemon.logs import configure
from daemon.signals import ending_at_once, stop_on_signals
from daemon.stopping import Stopping
configure("error", "json", "learn")
HELD = threading.Lock()
HELD.acquire()
with stop_on_signals(20.0, Stopping("the round ends", 20.0)) as stop:
    if sys.argv[1] == "loads":
        with ending_at_once():
            sys.stdout.write("ready\\n"); sys.stdout.flush()
            HELD.acquire()
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    while sys.argv[1] == "computes":
        sum(range(10_000))
    HELD.acquire()
"""


def start(how):
    command = [sys.executable, "-c", BUSY, how]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("how", ["computes", "waits"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_answered_while_the_main_thread_is_at_something_that_never_ends(how, number):
    child = start(how)
    child.send_signal(number)
    told = json.loads(child.stderr.readline())
    again = "Ctrl-C again" if number == signal.SIGINT else "SIGINT"
    assert told["event"] == f"stopping: the round ends, 20 s at most; {again} ends it now: nothing is lost by that"
    assert (told["level"], told["signal"], told["seconds_max"]) == ("info", number.name, 20.0)
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 130
    last = json.loads(child.stderr.read())
    assert (last["level"], last["event"]) == ("critical", "ended now, as asked: nothing is lost by that")


def test_nobody_reading_standard_error_holds_up_no_end():
    child = start("waits")
    child.stderr.close()
    child.send_signal(signal.SIGINT)
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 130


def test_while_libraries_load_it_ends_now_and_says_so():
    child = start("loads")
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 0
    assert json.loads(child.stderr.read())["event"] == "stopping: nothing is open yet, it ends now"


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_says_what_becomes_of_the_round(stage):
    told = what_a_stop_does({"round": 12, "stage": stage.value})
    assert "12" in told and stage.value in told
    done_again = stage in (Stage.SCREEN, Stage.TRAIN, Stage.CALIBRATE, Stage.STAGE, Stage.EVALUATE)
    assert ("is done again after the next start" in told) == done_again


def test_between_rounds_and_stages():
    assert "no round is under way" in what_a_stop_does({"round": None, "stage": None})
    assert "no round is under way" in what_a_stop_does({"round": None, "stage": "take"})
    assert "round 3 ends before its next stage" in what_a_stop_does({"round": 3, "stage": None})


def test_a_command_speaks_to_people():
    lines = []
    stopping = Stopping.of_command("waits for Kafka", 40.0, "what is not acknowledged may be missing", lines.append)
    stopping.first(signal.SIGINT)
    stopping.again()
    assert lines[0].startswith(
        "tidemill: stopping: waits for Kafka, 40 s at most; Ctrl-C again ends it now: what is not"
    )
    assert lines[1] == "tidemill: ended now, as asked: what is not acknowledged may be missing"


@pytest.mark.parametrize(
    "command",
    [
        ("pull", "--url", "http://127.0.0.1:9"),
        ("push", "IMAGES", "--set", "kafka.bootstrap_servers=127.0.0.1:9"),
    ],
)
def test_a_command_that_waits_answers(command, tmp_path):
    (tmp_path / "cat").mkdir()
    for name in range(3):
        (tmp_path / "cat" / f"{name}.jpg").write_bytes(b"\xff\xd8 not looked at here")
    args = [str(tmp_path) if part == "IMAGES" else part for part in command]
    program = "import sys; sys.stdout.write('ready\\n'); sys.stdout.flush(); from daemon.command import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *args], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert re.search(r"tidemill: stopping: ", said), said
    assert "Traceback" not in said
