"""A Kafka that lives in the test: logs, a group of one member, and everything that can go wrong with either."""

from dataclasses import dataclass, field

from streaming.decoder import Decoded
from streaming.kafka_options import KafkaUnavailableError
from streaming.records import Event, Reason, Record, RejectedRecord
from streaming.source import Bounds, Partition, Polled
from streaming.unreadable import stand_ins

BAD = b"bad"


@dataclass
class FakeLog:
    """One partition. An offset without a record is a transaction's marker or an aborted record."""

    start: int = 0
    end: int = 0
    records: dict = field(default_factory=dict)


class FakeKafka:
    def __init__(self, *topics, partitions=1):
        self.available = True
        self.topics = {}
        self.committed = {}
        self.made = 0
        for topic in topics:
            self.make(topic, partitions)

    def make(self, topic, partitions=1):
        self.made += 1
        self.topics[topic] = (f"id-{self.made}", {number: FakeLog() for number in range(partitions)})

    def log(self, topic="images", partition=0):
        return self.topics[topic][1][partition]

    def send(self, n=1, topic="images", partition=0, value=b"good", headers=()):
        log = self.log(topic, partition)
        for _ in range(n):
            log.records[log.end] = Record(topic, partition, log.end, 1_000, None, value, headers)
            log.end += 1

    def skip(self, n=1, topic="images", partition=0):
        """Offsets that hold no record."""
        self.log(topic, partition).end += n

    def expire(self, start, topic="images", partition=0):
        log = self.log(topic, partition)
        log.start = start
        log.records = {offset: record for offset, record in log.records.items() if offset >= start}


class FakeSource:
    """A member of the group that owns everything (`share` narrows it)."""

    def __init__(self, kafka, topics=("images",), max_poll=50, create=False):
        self.kafka = kafka
        self.subscribed = topics
        self.max_poll = max_poll
        self.create = create
        self.share = lambda partition: True
        self.connected = self.closed = False
        self.owned = frozenset()
        self.positions = {}
        self.given = {}
        self.paused = set()
        self.ahead = {}
        self.truncated = frozenset()
        self.poison = {}
        """What no client can read, by partition (`Unreadable`)."""
        self.given_up = {}
        self.stand_ins = {}
        self.told_ends = {}
        """Last stable offsets, where they are not the log's end."""
        self.held_back = {}
        """Records behind an open transaction."""
        self.polls = 0

    def connect(self):
        self._ask()
        self.connected = True

    def poll(self, timeout_s):
        assert self.connected
        self.polls += 1
        there = {Partition(topic, one) for topic in self.subscribed for one in self.kafka.topics.get(topic, (0, {}))[1]}
        wanted = frozenset(filter(self.share, there))
        revoked, assigned = frozenset(), frozenset()
        if wanted != self.owned:
            revoked, assigned, self.owned = self.owned, wanted, wanted
            self.paused = set(wanted)
            self.positions = dict.fromkeys(wanted, 0)
            self.given = dict(self.positions)
            return Polled(revoked=revoked, assigned=assigned)
        if self.truncated:
            truncated, self.truncated = self.truncated, frozenset()
            return Polled(revoked=self._end(), truncated=truncated)
        if not self.kafka.available:
            return Polled()
        records, read_from = {}, {}
        for partition in sorted(self.owned - self.paused):
            log = self.kafka.log(*partition)
            position = self.positions[partition]
            if not log.start <= position <= log.end:
                return Polled(revoked=self._end())
            several = self.stand_ins.pop(partition, [])
            behind = [log.records[one] for one in range(position, log.end) if one in log.records]
            batch = self.unreadable_at(partition, position)
            if batch is not None:
                behind = [record for record in behind if record.offset < batch.first]
                if not several and not behind:
                    if batch.accountable:
                        self.give_up(partition, batch)
                    return Polled(revoked=self._end(), unreadable={partition: batch})
            several += behind[: self.max_poll]
            if several:
                records[partition] = self.ahead.pop(partition, None) or several
                read_from[partition] = self.given[partition]
                self.given[partition] = self.positions[partition] = several[-1].offset + 1
            else:
                self.positions[partition] = log.end
        return Polled(records, read_from)

    def _end(self):
        """This member has ended; `owned` of the next one is assigned by the next poll."""
        owned, self.owned = self.owned, frozenset()
        return owned

    def topic_ids(self):
        self._ask()
        return {topic: self.kafka.topics[topic][0] for topic in self.subscribed if topic in self.kafka.topics}

    def ensure_topics(self):
        missing = set(self.subscribed) - self.topic_ids().keys()
        for topic in missing if self.create else ():
            self.kafka.make(topic)
        return frozenset() if self.create else frozenset(missing)

    def bounds(self, partitions):
        self._ask()
        logs = {partition: self.kafka.log(*partition) for partition in partitions}
        told = {partition: self.told_ends.get(partition, log.end) for partition, log in logs.items()}
        held = {one: log.end + self.held_back.get(one, 0) for one, log in logs.items()}
        return {one: Bounds(log.start, told[one], max(told[one], held[one])) for one, log in logs.items()}

    def position(self, partition):
        return self.positions[partition]

    def start(self, partition, offset):
        assert partition in self.owned
        self.positions[partition] = self.given[partition] = offset
        batch = self.given_up.get(partition)
        self.stand_ins.pop(partition, None)
        if batch is not None and batch.first <= offset <= batch.last:
            self.stand_ins[partition] = stand_ins(partition, batch, offset, batch.last + 1)
            self.positions[partition] = batch.last + 1

    def beyond_end(self, partition, offset):
        self._ask()
        return offset > self.kafka.log(*partition).end

    def unreadable_at(self, partition, offset):
        self._ask()
        batch = self.poison.get(partition)
        if batch is None or self.kafka.log(*partition).start > batch.first:
            return None
        last = self.kafka.log(*partition).end if batch.last is None else batch.last
        return batch if batch.first <= max(offset, batch.first) <= last and offset <= last else None

    def give_up(self, partition, batch):
        self.given_up[partition] = batch

    def pause(self, partitions):
        assert set(partitions) <= self.owned
        self.paused |= set(partitions)

    def resume(self, partitions):
        assert set(partitions) <= self.owned
        self.paused -= set(partitions)

    def committed(self, partition):
        self._ask()
        return self.kafka.committed.get(partition)

    def commit(self, offsets):
        self._ask()
        self.kafka.committed |= offsets
        return True

    def restart(self):
        self.owned = frozenset()
        self.ahead.clear()
        self.given_up.clear()

    def close(self):
        self.closed = True

    def _ask(self):
        if not self.kafka.available:
            raise KafkaUnavailableError("nobody there")


class FakeDecoder:
    """A record with the value BAD is rejected, any other becomes pixels."""

    def __init__(self, pixels=b"\0" * 12):
        self.pixels = pixels

    def decode_batch(self, records, executor):
        return [self._verdict(record) for record in records]

    def _verdict(self, record):
        if record.unreadable:
            return RejectedRecord(Reason.UNREADABLE, record.unreadable)
        if record.value is None:
            return RejectedRecord(Reason.TOMBSTONE, "null")
        if record.value == BAD:
            return RejectedRecord(Reason.NOT_AN_IMAGE, "bad")
        return Decoded(Event("cat", f"{record.partition}/{record.offset}", "", 1_000, b""), self.pixels)


class FakeLetters:
    """Dead letters that arrived, or the error that keeps them from it."""

    def __init__(self):
        self.sent = []
        self.error = None
        self.refuses = None
        """Which letters `error` is raised for; None: all."""
        self.tries = 0
        self.exists = True

    def topic_of(self, topic):
        return f"{topic}.dlq"

    def ensure(self, topic):
        return self.exists

    def send(self, letters):
        self.tries += 1
        refused = self.error if self.refuses is None or any(map(self.refuses, letters)) else None
        if refused is not None:
            raise refused
        self.sent += [(one.record.partition, one.record.offset) for one in letters]

    def close(self):
        pass


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.now_s = 1_000.0

    def __call__(self):
        return self.now_s

    def pass_s(self, seconds):
        self.now_s += seconds
