"""Sends a folder of class-named folders of images to Kafka, each as a CloudEvent in binary mode.

`DIR/cat/1.jpg` becomes a record labelled `cat` with the id `cat/1.jpg`. The bytes travel as they are: whether they are
an image that can be learnt is for the ingestor to say.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaProducer, errors

from streaming.kafka_admin import KafkaAdmin, TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaRefusedError, KafkaUnavailableError, translated
from streaming.labels import UnfitLabelError, normalised

CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
IN_FLIGHT_MAX = 500
"""Records sent and not yet acknowledged: what is held in memory, beside their bytes."""
IN_FLIGHT_BYTES_MAX = 64_000_000
ACKNOWLEDGE_TIMEOUT_S = 30.0
METADATA_TIMEOUT_MS = 5_000
"""How long the client looks for the topic before a picture fails."""
BATCH_BYTES = 65_536
OVERHEAD_BYTES = 2_048
"""What headers, key and the batch around it add to an image."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to send, and what is said of it."""

    path: Path
    label: str
    sample_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that did not arrive, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """How it went so far. `acknowledged` ones are in Kafka for sure; a failed one may be, where nobody answered."""

    acknowledged: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    """The first hundred."""


FAILURES_MAX = 100


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds."""

    pictures: list[Picture]
    skipped: list[Path]
    """Files that are no images by their names, or lie in no class-named folder. Hidden ones are not told."""
    unfit: dict[str, str] = field(default_factory=dict)
    """Folders whose names can be no label, to the reason; their files are skipped."""


def pictures_in(folder: Path) -> Found:
    """Return the images in the class-named folders of `folder`, sorted, deeper folders included.

    A file is an image by its name: .jpg, .jpeg, .png or .webp, in any case. Its label is the folder's name, normalised
    as every label is: macOS decomposes what Linux composes. Raises NotADirectoryError.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    pictures, skipped = [], []
    labels: dict[str, str] = {}
    unfit: dict[str, str] = {}
    for path in sorted(folder.glob("**/*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or path.is_dir():
            continue
        if len(parts) > 1 and path.suffix.lower() in CONTENT_TYPES and path.is_file():
            if parts[0] not in labels and parts[0] not in unfit:
                _read_label(parts[0], labels, unfit)
            if label := labels.get(parts[0]):
                pictures.append(Picture(path, label, "/".join(parts)))
                continue
        skipped.append(path)
    return Found(pictures, skipped, unfit)


def _read_label(folder: str, labels: dict[str, str], unfit: dict[str, str]) -> None:
    try:
        labels[folder] = normalised(folder)
    except UnfitLabelError as error:
        unfit[folder] = str(error)


def shuffled(pictures: Sequence[Picture], seed: int) -> list[Picture]:
    """Return them in an order that follows from `seed`: a stream of class after class is hard to learn from."""
    order = list(pictures)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    return order


class Pusher:
    """Sends pictures and counts what arrived. Not for several threads."""

    def __init__(
        self, kafka: KafkaOptions, topic: str, source: str, *, now: Callable[[], datetime] | None = None
    ) -> None:
        """`source` is the producer's name (`ce_source`). Nothing is connected yet."""
        self._kafka = kafka
        self._topic = topic
        self._source = source
        self._now = now or (lambda: datetime.now(UTC))
        self._admin = KafkaAdmin(kafka)
        self._producer: Any = None
        self._in_flight: deque[tuple[Picture, int, Any]] = deque()
        self._bytes_in_flight = 0
        self._bytes_max = 0
        self._gone = ""
        """Why no further picture can be sent: the topic was deleted meanwhile."""

    def push(self, pictures: Iterable[Picture], stop: Callable[[], bool] = lambda: False) -> Iterator[Pushed]:
        """Send each picture, and yield how it stands after each one that is settled; the last is the result.

        Where `stop` says so, no further one is sent. To send the same picture again is harmless: it has the same id,
        and a picture that comes again is not learnt twice. Raises TopicMissingError, KafkaUnavailableError and
        KafkaRefusedError at the start; later, they make single pictures fail.
        """
        self._connect()
        pushed = Pushed()
        for picture in pictures:
            if stop():
                break
            while self._full:
                pushed = self._settle(pushed)
                yield pushed
            reason = self._send(picture)
            if reason is not None:
                pushed = _with_failure(pushed, picture, reason)
                yield pushed
        while self._in_flight:
            pushed = self._settle(pushed)
            yield pushed

    def close(self) -> None:
        """Close the connections. Never raises."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=5)
        self._admin.close()

    @property
    def _full(self) -> bool:
        return len(self._in_flight) >= IN_FLIGHT_MAX or self._bytes_in_flight >= IN_FLIGHT_BYTES_MAX

    def _connect(self) -> None:
        self._admin.ensure(self._topic, create=False)
        if self._producer is None:
            self._bytes_max = (self._admin.message_bytes_max(self._topic) or 1_048_588) - OVERHEAD_BYTES
            with translated(self._kafka):
                self._producer = self._kafka.new(
                    KafkaProducer,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=5,
                    batch_size=min(BATCH_BYTES, self._bytes_max),
                    delivery_timeout_ms=int(ACKNOWLEDGE_TIMEOUT_S * 1000),
                    max_request_size=2 * self._bytes_max + IN_FLIGHT_BYTES_MAX,
                    max_block_ms=METADATA_TIMEOUT_MS,
                    metrics_enabled=False,
                )

    def _send(self, picture: Picture) -> str | None:
        """Hand the picture to the client; return why that was not possible."""
        if self._gone:
            return self._gone
        try:
            value = picture.path.read_bytes()
        except OSError as error:
            return str(error)
        if len(value) > self._bytes_max:
            # Not left to the brokers: kafka-python's idempotent producer never sends again after their refusal.
            return f"{len(value)} bytes are more than the topic takes (max.message.bytes)"
        try:
            with translated(self._kafka):
                future = self._producer.send(
                    self._topic, value=value, key=picture.sample_id.encode(), headers=self._headers(picture)
                )
        except (KafkaUnavailableError, KafkaRefusedError) as error:
            return self._why(str(error))
        self._in_flight.append((picture, len(value), future))
        self._bytes_in_flight += len(value)
        return None

    def _headers(self, picture: Picture) -> list[tuple[str, bytes]]:
        event_time = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers = {
            "ce_specversion": "1.0",
            "ce_type": "tidemill.image",
            "ce_id": picture.sample_id,
            "ce_source": self._source,
            "ce_time": event_time,
            "ce_label": picture.label,
            "content-type": CONTENT_TYPES[picture.path.suffix.lower()],
        }
        return [(name, text.encode("utf-8", "surrogateescape")) for name, text in headers.items()]

    def _why(self, reason: str) -> str:
        """Return why a picture was not sent: the client only says that nobody answers where the topic is gone."""
        try:
            self._admin.ensure(self._topic, create=False)
        except TopicMissingError as error:
            self._gone = str(error)
        except (KafkaUnavailableError, KafkaRefusedError) as error:
            return str(error)
        return self._gone or reason

    def _settle(self, pushed: Pushed) -> Pushed:
        """Wait for the oldest in flight."""
        picture, size, future = self._in_flight.popleft()
        self._bytes_in_flight -= size
        try:
            future.get(timeout=ACKNOWLEDGE_TIMEOUT_S + 5)
        except errors.KafkaError as error:
            return _with_failure(pushed, picture, self._why(str(error) or type(error).__name__))
        return Pushed(pushed.acknowledged + 1, pushed.failed, pushed.failures)


def _with_failure(pushed: Pushed, picture: Picture, reason: str) -> Pushed:
    failures = pushed.failures
    if len(failures) < FAILURES_MAX:
        failures = (*failures, Failure(picture.path, reason))
    return Pushed(pushed.acknowledged, pushed.failed + 1, failures)
