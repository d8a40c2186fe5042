"""Records sent as they came, nulls included, which kafka-python's producer would refuse or change."""

from dataclasses import dataclass

from kafka.serializer import Serializer

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Part:
    """A key or a value that may be null: kafka-python refuses a record where both are, though Kafka does not."""

    data: bytes | None


class UntouchedHeaders(list[tuple[str, bytes | None]]):
    """Headers of which some are null: kafka-python checks that none is, and writes them well where it does not look.

    It checks before it calls the serializers, and writes after; the empty ones it would only count where it takes the
    list for true.
    """

    def __init__(self, headers: Headers) -> None:
        super().__init__((name, value or b"") for name, value in headers)
        self._original = headers

    def __bool__(self) -> bool:
        return False

    def restore(self) -> None:
        """Have the nulls again."""
        self[:] = self._original


class PartSerializer(Serializer):  # type: ignore[misc] # the client has no types
    """Hands over what Part holds."""

    def serialize(self, topic: str, headers: UntouchedHeaders, data: Part) -> bytes | None:
        """Return the bytes; the headers' nulls come back."""
        headers.restore()
        return data.data
