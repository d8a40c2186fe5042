"""What an ingestor is told, beside the brokers and the group: plain values, checked by whoever read them."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How an ingestor fills the buffer."""

    name: str
    """The ingestor's name, which its brake goes by."""
    job: str = "default"
    """The job, for commands that an operator is told to run."""
    servers: str = "localhost:9092"
    """The brokers, for the same."""
    batch_records: int = 64
    """Records of one partition that are appended at once."""
    bytes_max: int = 1_000_000_000
    """Bytes of all that waits in the buffer, at which records are no longer taken."""
    low_water: float = 0.8
    """Fraction of `bytes_max` below which they are taken again."""
    records_in_hand: int = 500
    """Records that a poll brings at most."""
    workers: int = 0
    """Threads that decode; 0: one for each core."""

    @property
    def threads(self) -> int:
        """The number of threads that decode."""
        return self.workers or len(os.sched_getaffinity(0))
