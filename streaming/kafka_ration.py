"""One poll brings so many bytes at most. kafka-python counts records alone, and 500 of them may be gigabytes.

It hands records out through `Fetcher._append`, which takes them from the partition whose turn it is, as many as it is
told, and says how many it took. Here each record's bytes are counted as it is taken; once the ration is used up, the
iterator ends early and the fetcher is told that it has all it wanted (3.0.12: private, but there is no other place).
What was not taken stays where it is and comes with the next poll.
"""

from collections.abc import Iterator
from typing import Any

HEADER_BYTES = 100
"""What Python holds of a header beside its bytes; on the wire it may be two bytes long."""


class Ration:
    """Bytes of keys, values and headers that one poll may still bring, as this process holds them."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._left = bytes_max

    def renew(self) -> None:
        """Begin another poll."""
        self._left = self._bytes_max

    @property
    def used_up(self) -> bool:
        """Whether nothing more may be taken: the last record may have gone beyond."""
        return self._left <= 0

    def spend(self, record: Any) -> None:
        """Count a record of kafka-python; what is absent has the size -1 there."""
        self._left -= record.serialized_key_size + record.serialized_value_size + record.serialized_header_size + 3
        self._left -= HEADER_BYTES * len(record.headers)


class _Rationed:
    """Records of one partition, as long as there is a ration; it goes on after `renew`."""

    def __init__(self, records: Iterator[Any], ration: Ration) -> None:
        self._records = records
        self._ration = ration

    def __iter__(self) -> "_Rationed":
        return self

    def __next__(self) -> Any:
        if self._ration.used_up:
            raise StopIteration
        record = next(self._records)
        self._ration.spend(record)
        return record


def ration_polls(consumer: Any, bytes_max: int) -> Ration:
    """Let each poll of a KafkaConsumer bring at most `bytes_max`, or one record that is larger.

    Call `renew` on what is returned before each poll.
    """
    ration = Ration(bytes_max)
    fetcher = consumer._fetcher
    append = fetcher._append

    def rationed(drained: Any, part: Any, max_records: int, update_offsets: bool) -> int:
        if part and not isinstance(part.record_iterator, _Rationed):
            part.record_iterator = _Rationed(part.record_iterator, ration)
        taken: int = append(drained, part, max_records, update_offsets)
        return max_records if ration.used_up else taken

    fetcher._append = rationed
    return ration
