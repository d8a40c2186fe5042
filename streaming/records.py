"""The words of the stream: a partition's log, a record as Kafka gave it, and what the buffer keeps of it."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Log:
    """One partition's log: a topic is its id (KIP-516) and incarnation, for a name can be given to another topic."""

    topic: str
    topic_id: str
    partition: int
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record, untouched."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    unreadable: str = ""
    """Why no client could read it: then nothing but its place is its own, and the headers say what could be fetched."""


class Reason(StrEnum):
    """Why a record became a dead letter; the value of the header `tidemill.reason`."""

    MISSING_LABEL = "missing_label"
    INVALID_LABEL = "invalid_label"
    UNKNOWN_LABEL = "unknown_label"
    EMPTY = "empty"
    TOMBSTONE = "tombstone"
    """A null value, as a job sends it that deletes keys. It says nothing about a producer of pictures."""
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNDECODABLE = "undecodable"
    MALFORMED_EVENT = "malformed_event"
    UNREADABLE = "unreadable"


class RejectedRecord(ValueError):  # noqa: N818 - it is a verdict on the record, not a fault of ours
    """The record cannot become a sample, ever. `reason` is the contract, the message is for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Event:
    """What a record says, before its image is decoded."""

    label: str
    sample_id: str
    """The producer's id, else `<topic>/<partition>/<offset>`."""
    source: str
    """The producer (`ce_source`), or empty."""
    time_ms: int
    """Event time in milliseconds since the epoch."""
    image: bytes
    """The encoded image."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A buffered sample. Its place in the log is `offset`; `after` and `expired` make the chain without holes."""

    offset: int
    after: int
    """The position that this record was read from: the entry before it ends there, or gaps in the log lie between."""
    expired: int
    """How many offsets before this one retention took before they were read."""
    buffered_ms: int
    """When the buffer took it, by the buffer's clock; 0 before."""
    label: str
    sample_id: str
    source: str
    event_time_ms: int
    pixels: bytes
    """RGB, uint8, height x width x 3, C order."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What a dead letter leaves in the buffer, so that its offset is accounted for."""

    offset: int
    after: int
    expired: int
    buffered_ms: int
    reason: Reason


Entry = Sample | Marker
