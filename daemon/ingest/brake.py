"""Stops an ingestor whose newest records are mostly dead letters: a bad deploy must not drain a topic into the DLQ."""

import shlex

import structlog

from daemon.ingest.cure import release_command
from streaming.buffer import IngestBuffer

RECORDS_MIN = 100
"""Below this many records nothing is concluded."""

_log = structlog.get_logger()


def brake_is_on(records: int, dead: int) -> bool:
    """Judge the newest outcomes: so many records, so many of them dead letters."""
    return records >= RECORDS_MIN and 2 * dead > records


class Brake:
    """Judges the outcomes that the buffer keeps, so a restart does not release it. An operator does."""

    def __init__(self, buffer: IngestBuffer, name: str, job: str) -> None:
        """`job` is named in the cure alone."""
        self._buffer = buffer
        self._name = name
        self._job = job
        self.on = False
        """Whether records must not be taken."""

    @property
    def cure(self) -> str:
        """What an operator does about it."""
        command = release_command(f"--brake --name {shlex.quote(self._name)}", self._job)
        return f"put the producer right, then run: {command}"

    def look(self) -> bool:
        """Judge anew and return `on`. Raises BufferUnavailableError."""
        records, dead = self._buffer.outcomes(self._name)
        before, self.on = self.on, brake_is_on(records, dead)
        if self.on and not before:
            _log.error("stopped taking records: most are dead letters", dead=dead, records=records, cure=self.cure)
        elif before and not self.on:
            _log.warning("brake released, taking records again", records=records)
        return self.on
