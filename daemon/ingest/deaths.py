"""Records that the process died of: counted in the buffer, so that the third death makes a dead letter.

A decoder that takes the process down (killed for its memory, a fault in a library) would do so again after every
restart, and stop its partition for good. A note for each record would cost a round trip for each, so there are two
modes. Well: a note says which life reads a partition, and is taken away when that life lets it go in order. Careful:
where a note of another life stands, that life died, and one of the records it had in hand may be why; these are decoded
one at a time, each named in the note before, until they are past. Whoever gets the partition next reads the note.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from daemon.ingest.feeder import Batch, Feeder, Verdicts
from daemon.ingest.lane import Lane
from streaming.buffer import BufferFullError, BufferUnavailableError, IngestBuffer
from streaming.records import Log, Reason, RejectedRecord
from streaming.source import Partition

DEATHS_MAX = 3
"""As many as a window may cost the learner."""
OFFSETS_KEPT = 16
"""Offsets of one partition whose deaths are remembered."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _Note:
    """What is known of a partition. JSON in the buffer."""

    at: int | None = None
    """The offset that is decoded now; None: none is decoded alone."""
    unnamed: int = 0
    """1 where the last life died while nobody noted at what: it counts for the record at which the next one dies."""
    deaths: dict[int, int] = field(default_factory=dict)
    careful: int = 0
    """Records that are still decoded one at a time."""
    reached: int = 0
    """Below this offset none is counted again as past."""

    def dump(self) -> str:
        return json.dumps({"at": self.at, "unnamed": self.unnamed, "deaths": list(self.deaths.items())})

    @classmethod
    def after_death(cls, text: str, careful: int) -> "_Note":
        """Return the note to begin with where another life left `text` behind."""
        left = json.loads(text)
        deaths = dict(left["deaths"])
        if left["at"] is None:
            return cls(None, 1, deaths, careful)
        count = deaths.pop(left["at"], left["unnamed"]) + 1
        newest = [*deaths.items(), (left["at"], count)][-OFFSETS_KEPT:]
        return cls(None, 0, dict(newest), careful)


class Deaths:
    """Decodes batches, careful where a life before ours has died. Methods raise BufferUnavailableError."""

    def __init__(self, buffer: IngestBuffer, feeder: Feeder, life: str, records_in_hand: int) -> None:
        """`life`: a word that no other process has; `records_in_hand`: what a poll brings at most."""
        self._buffer = buffer
        self._feeder = feeder
        self._life = life
        self._records_in_hand = records_in_hand
        self._notes: dict[Log, _Note] = {}

    def hold(self, logs: Iterable[Log]) -> None:
        """Say which logs are read from now on, and let the others go."""
        wanted = set(logs)
        for log in self._notes.keys() - wanted:
            self._buffer.put_down(log, self._life)
            del self._notes[log]
        for log in wanted - self._notes.keys():
            self._take(log)

    def close(self) -> None:
        """Let all go; what Redis does not take now makes the next owner careful for a moment."""
        with suppress(BufferUnavailableError):
            self.hold(())

    def decode(
        self, batches: Sequence[Batch], lanes: Mapping[Partition, Lane]
    ) -> Iterator[tuple[Batch, "Future[Verdicts]"]]:
        """Yield each batch with its verdicts to come, as `Feeder.decode`. Raises BufferFullError as well.

        While any partition is read with care nothing else is decoded beside its records: they must not be blamed.
        """
        if not any(note.careful for note in self._notes.values()):
            yield from self._feeder.decode(batches)
            return
        for batch in batches:
            lane = lanes.get(batch.partition)
            note = self._notes.get(lane.log) if lane is not None else None
            if lane is None or note is None or not note.careful:
                yield from self._feeder.decode((batch,))
                continue
            decoded: Future[Verdicts] = Future()
            decoded.set_result(self._one_by_one(lane.log, note, batch))
            yield batch, decoded

    def _take(self, log: Log) -> None:
        life, text = self._buffer.in_hand(log)
        note = _Note()
        if life and life != self._life:
            note = _Note.after_death(text, self._records_in_hand)
            where = {"topic": log.topic, "partition": log.partition, "records": note.careful}
            _log.warning(
                "an ingestor died while it read this partition: its next records are decoded one at a time", **where
            )
        self._notes[log] = note
        with suppress(BufferFullError):  # then the note of the life before stands, and says as much
            self._buffer.take_in_hand(log, self._life, note.dump())

    def _one_by_one(self, log: Log, note: _Note, batch: Batch) -> Verdicts:
        verdicts: Verdicts = []
        for record in batch.records:
            died = note.deaths.get(record.offset, 0)
            if died >= DEATHS_MAX:
                text = f"the process died {died} times while it decoded this record, and does not try it again"
                verdicts.append(RejectedRecord(Reason.UNDECODABLE, text))
                continue
            note.at = record.offset
            self._buffer.take_in_hand(log, self._life, note.dump())
            for _, decoding in self._feeder.decode((batch._replace(records=[record]),)):
                verdicts += decoding.result()
        note.at = None
        note.careful -= sum(record.offset >= note.reached for record in batch.records)
        note.reached = max(note.reached, batch.records[-1].offset + 1)
        if note.careful <= 0:
            note.careful, note.unnamed, note.deaths = 0, 0, {}
        self._buffer.take_in_hand(log, self._life, note.dump())
        return verdicts
