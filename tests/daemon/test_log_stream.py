"""A log that cannot be written costs its lines, and nothing else."""

import errno
import io
import json
import os

import pytest
import structlog

from daemon.logs import configure, traceback_of
from tests.support.disks import small_disk  # noqa: F401 - a fixture


class Moody(io.StringIO):
    """Refuses to write while `refusal` is set."""

    refusal: int | None = None

    def write(self, text: str) -> int:
        if self.refusal is not None:
            raise OSError(self.refusal, os.strerror(self.refusal))
        return super().write(text)


@pytest.fixture(autouse=True)
def _restored():
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EPIPE])
def test_a_line_that_cannot_be_written_is_counted_and_told_later(number):
    stream = Moody()
    configure("info", "json", "learn", stream=stream)
    log = structlog.get_logger()
    log.info("one")
    stream.refusal = number
    log.info("two")
    log.error("three", exception="Traceback")
    stream.refusal = None
    log.info("four")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["event"] for one in lines] == ["one", "four", "log lines could not be written, and are lost"]
    assert lines[-1]["lines"] == 2 and os.strerror(number) in lines[-1]["reason"]


def test_a_log_file_on_a_full_disk(small_disk):  # noqa: F811
    folder = small_disk("64k")
    with (folder / "log").open("w") as stream:
        configure("info", "json", "learn", stream=stream)
        log = structlog.get_logger()
        for number in range(2_000):
            log.info("a line that takes room", number=number, text="x" * 200)
        (folder / "log").write_bytes(b"")
        stream.seek(0)
        log.info("after")
        log.info("and after that")
    assert "are lost" in (folder / "log").read_text()


def test_a_traceback_has_a_limit_and_keeps_its_end():
    def deep(left):
        if not left:
            raise ValueError("x" * 50_000 + "the end")
        deep(left - 1)

    try:
        deep(50)
    except ValueError as error:
        told = traceback_of(error)
    assert len(told) <= 20_000
    assert told.endswith("the end")
