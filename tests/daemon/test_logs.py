"""Log lines: JSON for machines, the role in each, no secret in any, no storms."""

import io
import json
import logging
import threading

import pytest
import structlog

from daemon.logs import Damper, configure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    before = (root.handlers[:], root.level, threading.excepthook)
    yield
    root.handlers[:], root.level, threading.excepthook = before
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_have_time_level_role_and_facts():
    stream = io.StringIO()
    configure("info", "auto", "ingest", stream=stream)
    structlog.get_logger().info("batch appended", records=64)
    [line] = lines(stream)
    assert line["event"] == "batch appended"
    assert (line["level"], line["role"], line["records"]) == ("info", "ingest", 64)
    assert line["timestamp"].endswith("Z")


def test_a_terminal_gets_lines_for_people():
    stream = Terminal()
    configure("info", "auto", "ingest", stream=stream)
    structlog.get_logger().info("batch appended")
    assert "batch appended" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_less_than_the_level_is_not_written():
    stream = io.StringIO()
    configure("warning", "json", "ingest", stream=stream)
    structlog.get_logger().info("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_written_nowhere(form):
    stream = io.StringIO()
    configure("info", form, "serve", stream=stream, secrets=["hunter2", ""])
    log = structlog.get_logger()
    log.info("connecting to redis://user:hunter3@h:1/0", url="redis://:hunter3@h:1/0", sasl_password="hunter4")
    log.info("the password is hunter2", error=ValueError("hunter2"), header="Authorization: Bearer hunter5")
    logging.getLogger("redis").warning("cannot reach %s", "redis://user:hunter3@h:1/0")
    secret = "hunter2"
    try:
        raise ValueError(f"boom {secret}")
    except ValueError:
        log.error("it failed", exc_info=True)
    for number in (2, 3, 4, 5):
        assert f"hunter{number}" not in stream.getvalue()
    assert "redis://***@h:1/0" in stream.getvalue()


def test_libraries_are_heard_from_warnings_on():
    stream = io.StringIO()
    configure("info", "json", "ingest", stream=stream)
    logging.getLogger("library.client").info("connected")
    logging.getLogger("library.client").warning("node %s is gone", 3)
    [line] = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("node 3 is gone", "library.client", "warning")


def test_a_storm_of_a_library_is_one_line():
    stream = io.StringIO()
    configure("info", "json", "ingest", stream=stream)
    for port in range(1000):
        logging.getLogger("library.client").error(f"connection to 127.0.0.1:{port} failed")
    assert len(lines(stream)) == 1


def test_what_repeats_comes_again_after_a_minute_with_its_count():
    now = 0.0
    damper = Damper(60, clock=lambda: now)
    assert damper.admit("node 1 is gone") == 0
    assert damper.admit("node 2 is gone") is None
    assert damper.admit("something else") == 0
    now = 61.0
    assert damper.admit("node 3 is gone") == 1
    assert damper.admit("node 3 is gone") is None


def test_kinds_of_lines_are_bounded():
    damper = Damper(60, clock=lambda: 0.0)
    for number in range(3000):
        damper.admit("x" * number)
    assert len(damper._seen) == 256


def test_a_thread_that_dies_is_told():
    stream = io.StringIO()
    configure("info", "json", "learn", stream=stream)

    def die() -> None:
        raise ValueError("boom")

    thread = threading.Thread(target=die, name="worker")
    thread.start()
    thread.join()
    [line] = lines(stream)
    assert (line["event"], line["thread"]) == ("a thread died", "worker")
    assert "ValueError: boom" in line["exception"]
