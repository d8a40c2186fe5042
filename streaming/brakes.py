"""Which brakes a job has in Redis: one for each ingestor that took records in within a week, on whichever host."""

from urllib.parse import unquote

from streaming.keys import Keys
from streaming.redis_client import RedisConnection

SCANNED_AT_ONCE = 1_000
SCANS_MAX = 100
"""A Redis that is shared with others may hold many keys: a look ends after 100,000 of them."""


def known_brakes(connection: RedisConnection, job: str) -> list[str]:
    """Return the names of the job's brakes, sorted. Raises BufferUnavailableError, BufferMisconfiguredError."""
    start = Keys(job).verdicts("")
    found: set[str] = set()
    cursor = 0
    for _ in range(SCANS_MAX):
        answer = connection.call("SCAN", cursor, "MATCH", f"{start}*", "COUNT", SCANNED_AT_ONCE)
        cursor = int(answer[0])
        found |= {unquote(key.decode().removeprefix(start)) for key in answer[1]}
        if not cursor:
            break
    return sorted(found)
