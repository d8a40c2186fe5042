"""What nobody caught, and what libraries say in their own ways, goes through the one handler as a line of JSON."""

import json
import signal
import subprocess
import sys

import pytest

BEGIN = """
import asyncio, logging, sys, threading, warnings
from daemon.cli.options import Given
from daemon.cli.role_logs import begin_logs, start_logs
from daemon.config import load
from daemon.logs import gather_libraries
theirs = logging.getLogger("a.library")
theirs.addHandler(logging.StreamHandler(sys.stderr))
theirs.propagate = False
sets = ("log.format=json", *sys.argv[1:])
begin_logs(Given(None, sets), "ingest")
start_logs(load(sets=sets, environ={}).config, "ingest")
"""
ALL_WAYS = (
    BEGIN
    + """
warnings.warn("old\\nand more", UserWarning, stacklevel=1)
theirs.warning("by its own handler")
gather_libraries()
theirs.warning("by ours")
logging.getLogger("uvicorn.error").error("not %d", "a number")
async def fail():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)
asyncio.run(fail())
class Noisy:
    def __del__(self):
        raise ValueError("in a finaliser")
Noisy()
def die():
    raise ValueError("in a thread")
thread = threading.Thread(target=die, name="worker")
thread.start(); thread.join()
logging.getLogger("numbers").warning("loss %s", float("nan"), extra={})
def deep(n):
    return deep(n - 1) if n else 1 / len([]) + len("x" * 100_000)
raise RuntimeError("a" * 100_000)
"""
)


def run(program, *args):
    return subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, check=False, timeout=60
    )


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_every_way_is_a_line_and_the_last_is_critical():
    done = run(ALL_WAYS)
    assert done.returncode == 1 and done.stdout == ""
    lines = lines_of(done.stderr)
    by_event = {line["event"]: line for line in lines}
    assert any("UserWarning: old" in event for event in by_event)
    assert by_event["by its own handler"]["logger"] == by_event["by ours"]["logger"] == "a.library"
    assert "not %d ('a number',)" in by_event
    assert "ZeroDivisionError" in next(line for line in lines if line.get("logger") == "asyncio")["exception"]
    ignored = next(line for line in lines if "in a finaliser" in line.get("exception", ""))
    assert "Noisy.__del__" in ignored["at"]
    died = by_event["a thread died"]
    assert (died["level"], died["thread"]) == ("critical", "worker") and "ValueError" in died["exception"]
    last = lines[-1]
    assert last["level"] == "critical" and "Traceback" in last["exception"] and "RuntimeError" in last["event"]
    assert len(json.dumps(last)) < 50_000, "however much an error has to say"


def test_for_people_a_traceback_follows_and_nothing_else_begins_a_line():
    done = run(ALL_WAYS, "log.format=console")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr and "RuntimeError" in done.stderr


def test_what_is_said_before_the_configuration_is_read_is_in_its_format_too():
    program = "from daemon.cli import main; main()"
    for role in ("ingest", "learn", "serve", "run"):
        done = subprocess.run(
            [sys.executable, "-c", program, role, "--set", "log.format=json", "--set", "round.samples=many"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        [line] = lines_of(done.stderr)
        assert done.returncode == 2 and done.stdout == ""
        assert (line["level"], line["role"], line["exit_status"]) == ("critical", role, 2)
        assert line["event"].startswith("tidemill: round.samples = many (flag): must be a whole number")


def test_two_things_wrong_are_told_line_by_line_for_people():
    program = "from daemon.cli import main; main()"
    sets = ["--set", "log.format=console", "--set", "round.samples=many", "--set", "nonsense=1"]
    done = subprocess.run([sys.executable, "-c", program, "serve", *sets], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 3
    assert "round.samples = many" in done.stderr
    assert "nonsense = ***" in done.stderr, "a key that there is not may hold a secret"


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGFPE])
def test_a_fatal_signal_leaves_its_stack_as_raw_text(number):
    done = run(BEGIN + f"import os; os.kill(os.getpid(), {int(number)})")
    assert done.returncode == -number
    first, *rest = done.stderr.splitlines()
    assert json.loads(first)["event"] == "starting"
    assert "Fatal Python error" in rest[0]
