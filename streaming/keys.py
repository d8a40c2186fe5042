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

    def outcomes(self, brake: str) -> str:
        """The last outcomes of a brake, one character each. Any name will do for a brake: it is escaped."""
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
