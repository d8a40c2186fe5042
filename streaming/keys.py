"""The names of everything a job keeps in Redis. Keys of one partition share a hash tag."""

import json
import re
from urllib.parse import quote

from streaming.records import Log

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_TOPIC_ID = re.compile(r"[A-Za-z0-9._+/=-]{1,64}")


class Keys:
    """Keys of one job. Raises ValueError for names that could be mistaken for another key's (braces, colons)."""

    def __init__(self, job: str) -> None:
        self.job = _checked("job", _NAME, job)
        self.logs = f"tidemill:{{{job}}}:logs"
        """Hash: log -> what its ingestor last said of it."""
        self.owner = f"tidemill:{{{job}}}:owner"
        """The `state_id` of the job's learner."""
        self.dead_letters = f"tidemill:{{{job}}}:dead_letters"
        """Hash: topic/reason -> how many records became dead letters for it since Redis was empty."""
        self.probe = f"tidemill:{{{job}:probe}}:probe"
        """A key that never exists, of another hash tag than the job's own."""

    def stream(self, log: Log) -> str:
        """The stream of a log; topic id and incarnation are part of it, so a new topic never meets an old stream."""
        return f"{self._partition(log.topic, log.partition)}:stream:{_id(log.topic_id)}:{log.incarnation}"

    def learnt(self, log: Log) -> str:
        """The learner's durable position in a log."""
        return f"{self._partition(log.topic, log.partition)}:learnt:{_id(log.topic_id)}:{log.incarnation}"

    def in_hand(self, log: Log) -> str:
        """What the log's ingestor has in hand, as it left it."""
        return f"{self._partition(log.topic, log.partition)}:in-hand:{_id(log.topic_id)}:{log.incarnation}"

    def scratch(self, log: Log) -> str:
        """What exists within one script alone."""
        return f"{self._partition(log.topic, log.partition)}:scratch"

    def incarnation(self, topic: str, topic_id: str, partition: int) -> str:
        """The current incarnation of a partition's log."""
        return f"{self._partition(topic, partition)}:incarnation:{_id(topic_id)}"

    def dead(self, log: Log) -> str:
        """A stream beside the log's, with an entry of the same id for each dead letter: so they are counted apart."""
        return f"{self._partition(log.topic, log.partition)}:dead:{_id(log.topic_id)}:{log.incarnation}"

    def let_go(self, log: Log) -> str:
        """The position below which records do not count for any brake, as an operator's release left it."""
        return f"{self._partition(log.topic, log.partition)}:let_go:{_id(log.topic_id)}:{log.incarnation}"

    def traces(self, log: Log) -> str:
        """List: the spans of the newest batches, where ingestors trace."""
        return f"{self._partition(log.topic, log.partition)}:traces:{_id(log.topic_id)}:{log.incarnation}"

    def spared(self, topic: str) -> str:
        """How many more records of a topic do not count for any brake, as an operator's release left it."""
        return f"tidemill:{{{self.job}}}:spared:{_checked('topic', _NAME, topic)}"

    def verdicts(self, brake: str) -> str:
        """Hash: topic -> the last outcomes of a brake, one character each. Any name will do for a brake."""
        return f"tidemill:{{{self.job}}}:verdicts:{quote(brake, safe='')}"

    def blamed(self, brake: str, topic: str) -> str:
        """List: reason and source of the dead letters among these outcomes, the newest last."""
        return f"tidemill:{{{self.job}}}:blamed:{quote(brake, safe='')}:{_checked('topic', _NAME, topic)}"

    def skip(self, log: Log) -> str:
        """Up to where an operator lets records go that cannot be read."""
        return f"{self._partition(log.topic, log.partition)}:skip:{_id(log.topic_id)}:{log.incarnation}"

    def outcomes(self, brake: str) -> str:
        """Where 0.1 kept the outcomes of a brake, of all topics together. Only read, where there is nothing newer."""
        return f"tidemill:{{{self.job}}}:outcomes:{quote(brake, safe='')}"

    def _partition(self, topic: str, partition: int) -> str:
        return f"tidemill:{{{self.job}:{_checked('topic', _NAME, topic)}:{partition}}}"


def log_field(log: Log) -> str:
    """Return a log as a field of the registry."""
    return json.dumps([log.topic, log.topic_id, log.partition, log.incarnation], separators=(",", ":"))


def log_of_field(field: bytes) -> Log:
    """Return the log of a field of the registry. Raises ValueError where it is none of ours."""
    match json.loads(field):
        case [str(topic), str(topic_id), int(partition), int(incarnation)]:
            return Log(topic, topic_id, partition, incarnation)
    raise ValueError(f"not a log in the registry: {field!r}")


def _id(topic_id: str) -> str:
    return _checked("topic id", _TOPIC_ID, topic_id)


def _checked(what: str, pattern: re.Pattern[str], name: str) -> str:
    if pattern.fullmatch(name) is None:
        raise ValueError(f"{what} {name!r} cannot be part of a Redis key: it must match {pattern.pattern}")
    return name
