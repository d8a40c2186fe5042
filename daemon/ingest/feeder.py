"""Decodes ahead: while one batch is appended the next are decoded on other threads; the decoders let go of the GIL."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from typing import NamedTuple

from streaming.decoder import Decoded, Decoder
from streaming.records import Record, RejectedRecord
from streaming.source import Partition, Polled

AHEAD_BATCHES = 2
"""Enough to keep the threads busy; each batch holds its pixels until it is appended."""

Verdicts = list[Decoded | RejectedRecord]


class Batch(NamedTuple):
    """Records of one partition that are appended at once, and where they were read from."""

    partition: Partition
    read_from: int
    records: Sequence[Record]


def batches_of(polled: Polled, records_max: int) -> list[Batch]:
    """Cut what a poll brought into batches; each continues from the one before it of its partition.

    The partitions take turns: one full of pictures that take long to decode holds the others for one batch at a time.
    """
    turns = zip_longest(*(_batches(polled, partition, records_max) for partition in polled.records))
    return [batch for turn in turns for batch in turn if batch is not None]


def _batches(polled: Polled, partition: Partition, records_max: int) -> Iterator[Batch]:
    read_from, records = polled.read_from[partition], polled.records[partition]
    for at in range(0, len(records), records_max):
        batch = Batch(partition, read_from, records[at : at + records_max])
        read_from = batch.records[-1].offset + 1
        yield batch


class Feeder:
    """A pool of threads that decode, and one that hands them batch after batch."""

    def __init__(self, decoder: Decoder, threads: int) -> None:
        self._decoder = decoder
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="feed")

    def decode(self, batches: Sequence[Batch]) -> Iterator[tuple[Batch, Future[Verdicts]]]:
        """Yield each batch with its verdicts to come. Close the iterator to give up the rest."""
        ahead: deque[tuple[Batch, Future[Verdicts]]] = deque()
        try:
            for batch in batches:
                ahead.append((batch, self._hand.submit(self._decoder.decode_batch, batch.records, self._pool)))
                if len(ahead) > AHEAD_BATCHES:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            for _, decoding in ahead:
                decoding.cancel()

    def close(self) -> None:
        """End the threads; what they are at is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._hand.shutdown(wait=False, cancel_futures=True)
