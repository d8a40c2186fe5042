"""SIGTERM and Ctrl-C set the event; a second Ctrl-C ends the process at once."""

import os
import signal
import subprocess
import sys

import pytest

from daemon.signals import noting_hangups, stop_on_signals

PROGRAM = """
import sys, threading
from daemon.signals import noting_hangups, stop_on_signals
with stop_on_signals() as stop:
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    while not stop.wait(0.0001):
        pass
    sys.stdout.write("stopping\\n"); sys.stdout.flush()
    if "hang" in sys.argv:
        threading.Event().wait(60)
sys.exit(0)
"""


LEARN = """
import sys, types
from importlib.machinery import ModuleSpec
class Slow:
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "torch" else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        import threading
        sys.stdout.write("importing\\n"); sys.stdout.flush()
        threading.Event().wait(60)
sys.meta_path.insert(0, Slow())
from daemon.cli import main
main(["learn"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_role_that_still_loads_its_libraries_ends_at_once(number):
    child = subprocess.Popen([sys.executable, "-c", LEARN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "importing\n"
    child.send_signal(number)
    assert child.wait(20) == 0
    assert "starting" in child.stderr.read()


def start(*args: str) -> subprocess.Popen:
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, *args], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    return child


def test_the_event_is_set_and_the_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) == before


def test_sigterm_ends_in_order():
    child = start()
    child.terminate()
    assert child.wait(10) == 0
    assert child.stdout.read() == "stopping\n"


def test_a_second_interrupt_ends_at_once():
    child = start("hang")
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "stopping\n"
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 128 + signal.SIGINT


def test_a_second_sigterm_changes_nothing():
    child = start("hang")
    child.terminate()
    assert child.stdout.readline() == "stopping\n"
    child.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.2)
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 128 + signal.SIGINT


class Stream:
    """Standard input or error, on a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        self.isatty = lambda: terminal


def test_a_hangup_is_noted_once(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stderr", Stream(terminal=False))
    before = signal.getsignal(signal.SIGHUP)
    with noting_hangups() as again:
        assert not again()
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert again()
        assert not again()
    assert signal.getsignal(signal.SIGHUP) == before


def test_on_a_terminal_a_hangup_keeps_its_meaning(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream(terminal=True))
    before = signal.getsignal(signal.SIGHUP)
    with noting_hangups() as again:
        assert signal.getsignal(signal.SIGHUP) == before
        assert not again()
