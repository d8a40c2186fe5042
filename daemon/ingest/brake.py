"""Stops a topic whose newest records are mostly dead letters: a bad deploy must not drain it into the DLQ.

The topic is what is stopped, not the source at fault: the records of a partition are taken in in their order, so what
one source sends cannot be held back without the rest of its partition.
"""

import shlex
from collections.abc import Mapping

import structlog

from daemon.ingest.blame import summary
from daemon.ingest.cure import release_command
from streaming.buffer import ALL_TOPICS, IngestBuffer, Outcomes

RECORDS_MIN = 100
"""Below this many records nothing is concluded."""

_log = structlog.get_logger()


def brake_is_on(outcomes: Outcomes) -> bool:
    """Judge the newest outcomes of a topic."""
    return outcomes.records >= RECORDS_MIN and 2 * outcomes.dead > outcomes.records


class Brake:
    """Judges the outcomes that the buffer keeps, so a restart does not release it. An operator does."""

    def __init__(self, buffer: IngestBuffer, name: str, job: str) -> None:
        """`job` is named in the cure alone."""
        self._buffer = buffer
        self._name = name
        self._job = job
        self.on: Mapping[str, str] = {}
        """The topics of which records must not be taken, and what is the matter. Replaced, never changed."""

    @property
    def reason(self) -> str:
        """What is the matter and what an operator does about it; empty while nothing is stopped."""
        return f"{'; '.join(self.on.values())}: {self._cure}" if self.on else ""

    @property
    def _cure(self) -> str:
        command = release_command(f"--brake --name {shlex.quote(self._name)}", self._job)
        return f"put the producer right, then run: {command}"

    def look(self) -> frozenset[str]:
        """Judge anew and return the topics that stand still; ALL_TOPICS: each. Raises BufferUnavailableError."""
        outcomes = self._buffer.outcomes(self._name)
        on = {topic: self.on.get(topic) for topic, found in outcomes.items() if brake_is_on(found)}
        before, self.on = self.on, {topic: why or self._stop(topic, outcomes[topic]) for topic, why in on.items()}
        for topic in before.keys() - self.on.keys():
            _log.warning("brake released, taking records again", topic=topic or "all")
        return frozenset(self.on)

    def _stop(self, topic: str, found: Outcomes) -> str:
        """Return what is the matter with a topic that stops now."""
        blame = summary(self._buffer.blamed(self._name, topic))
        facts = {"topic": topic or "all", "dead": found.dead, "records": found.records}
        _log.error("stopped taking records of a topic: most are dead letters", **facts, blame=blame, cure=self._cure)
        where = "all topics" if topic == ALL_TOPICS else topic
        because = f" ({blame})" if blame else ""
        return f"{where}: {found.dead} of the last {found.records} records are dead letters{because}"
