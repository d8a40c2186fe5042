"""Where an ingestor may be struck down: the names that tests kill it by. In a process that works nothing listens."""

POLLED = "ingest.polled"
DECODED = "ingest.decoded"
BEFORE_DEAD_LETTERS = "ingest.before_dead_letters"
DEAD_LETTERS_ACKNOWLEDGED = "ingest.dead_letters_acknowledged"
BEFORE_APPEND = "ingest.before_append"
APPENDED = "ingest.appended"
BEFORE_COMMIT = "ingest.before_commit"
COMMITTED = "ingest.committed"

FAULT_POINTS = (
    POLLED,
    DECODED,
    BEFORE_DEAD_LETTERS,
    DEAD_LETTERS_ACKNOWLEDGED,
    BEFORE_APPEND,
    APPENDED,
    BEFORE_COMMIT,
    COMMITTED,
)
"""In the order of a record's way."""


def nothing(point: str) -> None:
    """Go on."""
