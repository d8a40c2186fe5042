"""Says that dead letters come: one warning a minute, with their reasons, their sources and an example."""

from collections import Counter
from collections.abc import Callable

import structlog

from daemon.ingest.blame import summary
from daemon.ingest.periodic import Periodic
from streaming.buffer import Blame
from streaming.cloudevents import Sender
from streaming.records import Record, RejectedRecord

SAY_EVERY_S = 60.0
KINDS_MAX = 1_000
"""Pairs of reason and source that are told apart between two warnings; what comes beyond has no source."""
MESSAGE_CHARS_MAX = 300

_log = structlog.get_logger()


class DeadLetterNews:
    """Is told of each dead letter, and says it, at once where nothing was said for a minute."""

    def __init__(self, clock: Callable[[], float], every_s: float = SAY_EVERY_S) -> None:
        """`clock` gives seconds that only grow."""
        self._said = Periodic(every_s, clock)
        self._counts: Counter[Blame] = Counter()
        self._example: dict[str, object] = {}

    def heard(self, record: Record, rejected: RejectedRecord, sender: Sender) -> None:
        """A record became a dead letter; Kafka has it, and its marker is buffered."""
        one = Blame(rejected.reason.value, sender.source)
        known = one in self._counts or len(self._counts) < KINDS_MAX
        self._counts[one if known else Blame(one.reason, "")] += 1
        if not self._example:
            self._example = {
                "example": f"{record.topic}/{record.partition}/{record.offset}",
                "id": sender.sample_id,
                "reason": one.reason,
                "message": str(rejected)[:MESSAGE_CHARS_MAX],
            }

    def say(self) -> None:
        """Say what was heard since the last warning, where there is anything and a minute is over."""
        if not (self._counts and self._said.due):
            return
        blame = summary(self._counts.elements())
        count = self._counts.total()
        _log.warning("records became dead letters", count=count, blame=blame, **self._example, cure=CURE)
        self._counts.clear()
        self._example = {}
        self._said.done()


CURE = "`tidemill dead-letters list` shows them, and `replay` sends them again once the cause is gone"
