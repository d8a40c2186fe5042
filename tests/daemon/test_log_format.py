"""Sizes, numbers and control characters of log lines."""

import io
import json

import pytest
import structlog

from daemon.log_format import TEXT_MAX, TRACEBACK_MAX
from daemon.logs import answer, configure


@pytest.fixture
def stream(_as_before):
    return io.StringIO()


@pytest.fixture
def _as_before():
    yield
    structlog.reset_defaults()


def written(stream):
    return [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]


def test_numbers_that_json_has_not_are_texts(stream):
    configure("info", "json", "learn", stream=stream)
    structlog.get_logger().info("a step", loss=float("nan"), parts={"worst": [float("inf"), 1.5]})
    [line] = written(stream)
    assert line["loss"] == "nan" and line["parts"] == {"worst": ["inf", 1.5]}


def test_texts_are_cut_and_say_so(stream):
    configure("info", "json", "learn", stream=stream)
    structlog.get_logger().info("said", reason="x" * (TEXT_MAX + 5))
    [line] = written(stream)
    assert line["reason"].endswith("… (5 characters more)")


def test_of_a_long_traceback_both_ends_are_kept(stream):
    configure("info", "json", "learn", stream=stream)
    try:
        raise ValueError("y" * TRACEBACK_MAX + " the end")
    except ValueError:
        structlog.get_logger().error("failed", exc_info=True)
    [line] = written(stream)
    assert line["exception"].startswith("Traceback") and line["exception"].endswith("the end")
    assert len(line["exception"]) <= TRACEBACK_MAX


def test_for_people_a_fact_never_begins_a_line_or_moves_the_cursor(stream):
    configure("info", "console", "ingest", stream=stream)
    structlog.get_logger().info("dead letter", id="a\n2026 [info] forged\x1b[2J", reason="not_an_image")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[2J" not in stream.getvalue() and "\\x1b[2J" in stream.getvalue()


def test_an_answer_is_written_whatever_the_level(stream):
    configure("error", "json", "learn", stream=stream)
    structlog.get_logger().info("not this")
    answer("stopping")
    assert [line["event"] for line in written(stream)] == ["stopping"]
