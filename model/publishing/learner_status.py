"""`status.json` of a model's folder: what the learner tells those who have only the repository, as the web page.

A convenience, and no part of what is published: it may be missing, old or broken, and nothing depends on it. It is
replaced by a rename, so that a reader sees a whole one, but not synced: what a power cut takes is written anew.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from model.publishing.errors import BrokenRepositoryError

SCHEMA: Literal[1] = 1
BYTES_MAX = 1_000_000
TEXT_MAX = 400
ROUNDS_MAX = 20
PARTITIONS_MAX = 50
PARCELS_MAX = 20
PICTURES_MAX = 24
TASKS_MAX = 20


def _cut(value: object) -> object:
    return f"{value[: TEXT_MAX - 1]}…" if isinstance(value, str) and len(value) > TEXT_MAX else value


Text = Annotated[str, BeforeValidator(_cut), Field(max_length=TEXT_MAX)]


def _is_time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its zone")
    return text


Time = Annotated[str, AfterValidator(_is_time)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """A part of the status. Unknown keys are ignored, so that schema 1 may gain some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CheckSeen(Part):
    """A line of the learner's /readyz."""

    name: Text
    ok: bool
    reason: Text


class RoundNow(Part):
    """The round in progress."""

    round: Count
    stage: Text | None
    step: Count
    steps: Count
    samples: Count
    since_ms: Count


class RoundPast(Part):
    """A committed round. `records` were taken in by it; `trained` of them were new to learn."""

    round: Count
    outcome: Text
    version: Count | None
    reason: Text
    records: Count
    trained: Count
    seconds: Amount
    committed_at: Time
    prequential_accuracy: Share | None
    undone: bool = False


class Waiting(Part):
    """What waits in Redis."""

    samples: Count
    dead_letters: Count
    bytes: Count
    oldest_ms: Count | None


class PartitionLag(Part):
    """Records of a partition that are not learnt yet."""

    topic: Text
    partition: Count
    records: Count


class Freshness(Part):
    """Seconds from the event time of a version's samples until it could be pulled."""

    version: Count
    samples: Count
    median_s: Amount
    p95_s: Amount


class ParcelSeen(Part):
    """A window that was set aside."""

    round: Count
    role: Text
    reason: Text
    samples: Count
    relabels: Count
    source: Text | None
    """The producer that is most to blame; None where none is named."""


class PictureSeen(Part):
    """A tile of the contact sheet."""

    label: Text
    predicted: Text | None
    source: Text
    round: Count


class Sheet(Part):
    """The contact sheet, `quarantine.webp`: tiles of `tile` pixels, `columns` a row, in the order of `pictures`."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    tile: Annotated[int, Field(ge=1, le=512)]
    columns: Annotated[int, Field(ge=1, le=PICTURES_MAX)]
    pictures: Annotated[tuple[PictureSeen, ...], Field(min_length=1, max_length=PICTURES_MAX)]


class Task(Part):
    """Something that waits for a person, and the command that shows more."""

    what: Text
    command: Text


class LearnerStatus(Part):
    """Everything, at `written_ms` (milliseconds since the epoch, of the learner's clock)."""

    format: Literal[1] = Field(alias="schema")
    written_ms: Count
    every_s: Amount
    """It is written at least so often while the learner lives."""
    tidemill: Text
    ready: bool
    checks: Annotated[tuple[CheckSeen, ...], Field(max_length=20)]
    round: RoundNow | None
    samples_per_second: Amount | None
    """Of the newest training steps."""
    rounds: Annotated[tuple[RoundPast, ...], Field(max_length=ROUNDS_MAX)]
    """The newest first."""
    waiting: Waiting | None
    lag: Annotated[tuple[PartitionLag, ...], Field(max_length=PARTITIONS_MAX)] | None
    """The partitions with the most; None until it is known."""
    lag_records: Count | None
    freshness: Freshness | None
    parcels: Annotated[tuple[ParcelSeen, ...], Field(max_length=PARCELS_MAX)]
    parcels_in_all: Count
    sheet: Sheet | None
    tasks: Annotated[tuple[Task, ...], Field(max_length=TASKS_MAX)]

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return self.model_dump_json(by_alias=True).encode() + b"\n"


def read_status(path: Path) -> LearnerStatus | None:
    """Return what the file says, None where there is none. Raises BrokenRepositoryError, and OSError."""
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(data) > BYTES_MAX:
        raise BrokenRepositoryError(f"{path}: more than {BYTES_MAX} bytes")
    try:
        return LearnerStatus.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise BrokenRepositoryError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
