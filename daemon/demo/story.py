"""What the producer sends, in order: digits 0 to 4, then 5 to 9, a broken record now and then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from daemon.demo.broken import Broken, Headers, broken_records
from daemon.demo.digits import Digit, shifted
from daemon.demo.plan import NEW_CLASSES, OLD_CLASSES

SOURCE = b"/tidemill/demo"
BROKEN_EVERY = 40
"""One record in so many is broken."""


@dataclass(frozen=True, slots=True)
class Message:
    """A record to send, but for its event time."""

    value: bytes
    headers: Headers
    broken: Broken | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the stream: what to say of it, and its messages."""

    title: str
    messages: tuple[Message, ...]

    @property
    def pictures(self) -> int:
        """Messages that are not broken."""
        return sum(message.broken is None for message in self.messages)


class Story:
    """The chapters of the stream. `more` goes on after the last, for as long as one likes."""

    def __init__(self, stream: Sequence[Digit], *, seed: int, image_bytes_max: int) -> None:
        self._broken = broken_records(stream[0].png(), image_bytes_max)
        self._again = shifted(stream, seed)
        self._rounds = 0
        self.chapters = tuple(
            Chapter(title, tuple(self._spoilt(digit for digit in stream if digit.label in labels)))
            for title, labels in (("digits 0 to 4", OLD_CLASSES), ("digits 5 to 9", NEW_CLASSES))
        )

    def more(self, pictures: int) -> Chapter:
        """Return another chapter of so many digits of all ten classes, shifted by a pixel."""
        self._rounds += 1
        digits = islice(self._again, pictures)
        return Chapter("all digits again, shifted by a pixel", tuple(self._spoilt(digits, f"again-{self._rounds}-")))

    def _spoilt(self, digits: Iterator[Digit], prefix: str = "") -> Iterator[Message]:
        for number, digit in enumerate(digits, 1):
            yield _message(digit, f"{prefix}{digit.number}")
            if number % BROKEN_EVERY == BROKEN_EVERY // 2:
                broken = next(self._broken)
                yield Message(broken.value, broken.headers, broken)


def _message(digit: Digit, sample_id: str) -> Message:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_type", b"labelled-image"),
        ("ce_source", SOURCE),
        ("ce_id", sample_id.encode()),
        ("ce_label", digit.label.encode()),
        ("content-type", b"image/png"),
    )
    return Message(digit.png(), headers)
