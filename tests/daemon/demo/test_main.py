import io
import json
import threading
from dataclasses import replace

import pytest
from rich.console import Console

from daemon.demo import main
from daemon.demo.plan import Plan
from daemon.errors import OperatorError
from daemon.local.process import LocalServerMissingError
from tests.support.demo import finished


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """`ran(view, …)` runs a demo whose show ends with `view`; returns the exit status and what was written."""

    def run(view, *, keep=False, stopped=False, seconds=60.0):
        class Show:
            def __init__(self, *_):
                pass

            def run(self, display):
                if isinstance(view, Exception):
                    raise view
                return view

        monkeypatch.setattr(main, "Show", Show)
        stop = threading.Event()
        if stopped:
            stop.set()
        console = Console(file=io.StringIO(), width=200)
        times = iter([0.0, seconds, seconds])
        status = main.run_demo(Plan(tmp_path / "out", keep=keep), console, stop, lambda: next(times))
        return status, console.file.getvalue()

    return run


def test_promises_kept_is_0_with_picture_and_table(ran, tmp_path):
    status, said = ran(finished())
    assert status == 0
    assert "BROKEN" not in said
    assert (tmp_path / "out" / "accuracy.png").stat().st_size > 1000
    assert json.loads((tmp_path / "out" / "versions.json").read_text())["kept"]


def test_a_promise_broken_is_1_and_said(ran, tmp_path):
    status, said = ran(replace(finished(), versions=finished().versions[:4]))
    assert status == 1
    assert "BROKEN 4 versions" in said
    assert not json.loads((tmp_path / "out" / "versions.json").read_text())["kept"]


def test_too_late_is_1(ran):
    status, said = ran(finished(), seconds=121.0)
    assert status == 1
    assert "BROKEN ended after 121 s" in said


def test_no_version_at_all_is_1(ran):
    assert ran(replace(finished(), versions=()))[0] == 1


def test_interrupted_before_the_end_is_130(ran):
    status, said = ran(finished(), stopped=True)
    assert status == 130
    assert "Interrupted" in said


def test_with_keep_an_interrupt_is_the_end_and_time_no_promise(ran):
    status, said = ran(replace(finished(), complete=True), keep=True, stopped=True, seconds=1000.0)
    assert status == 0
    assert "within" not in said
    assert ran(finished(), keep=True, stopped=True)[0] == 130


def test_a_missing_server_is_one_line(ran):
    with pytest.raises(OperatorError, match="no embedded broker"):
        ran(LocalServerMissingError("there is no embedded broker here"))
