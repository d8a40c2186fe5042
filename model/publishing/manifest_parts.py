"""The parts of a manifest: plain words, each in its JSON form what its names say."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the model sees of a picture, in the words of docs/pictures.md; `model.pictures.prepare` does all of it.

    None: from before it was written down. It was the same then, but that XMP was not looked at.
    """

    height: int
    width: int
    resize: str = "bilinear-antialias"
    fit: str | None = None
    layout: str | None = None
    dtype: str | None = None
    colour: str | None = None
    range: str | None = None
    upright: str | None = None
    transparency: str | None = None
    depth: str | None = None
    profiles: str | None = None
    animation: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the input as JSON values; what came to schema 1 later stands only where it is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class ArtefactFile:
    """The ONNX file: name inside the version folder, length in bytes, sha256 as 64 hex digits."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """The offsets [start, end) of one partition that this version covers, and what became of their records.

    `expired` were taken by retention; the other counts are roles at the time of the round. Offsets that hold no record
    (transactions, compaction) are in none of them, so the counts never exceed `end - start`.
    """

    topic: str
    topic_id: str
    partition: int
    start: int
    end: int
    trained: int = 0
    holdout: int = 0
    dead_lettered: int = 0
    duplicate: int = 0
    waiting: int = 0
    suspect: int = 0
    expired: int = 0
    relabelled: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON values; the counts that are rarely set stand only where they are not 0."""
        value: dict[str, Any] = {"topic": self.topic, "topic_id": self.topic_id, "partition": self.partition}
        value |= {"from": self.start, "to": self.end}
        value |= {"trained": self.trained, "holdout": self.holdout, "dead_lettered": self.dead_lettered}
        rare = {
            "duplicate": self.duplicate,
            "waiting": self.waiting,
            "suspect": self.suspect,
            "expired": self.expired,
            "relabelled": self.relabelled,
        }
        return value | {name: count for name, count in rare.items() if count}


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """Samples that the version was trained on: fresh ones, and earlier ones replayed beside them."""

    fresh: int
    replay: int


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Event times of the fresh samples, RFC 3339 in UTC; None where there were none."""

    oldest: str | None
    newest: str | None


@dataclass(frozen=True, slots=True)
class ClassEvaluation:
    """Accuracy on the `n` held-out samples of one class; `champion` is None where it does not know the class."""

    n: int
    candidate: float | None
    champion: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both models on the holdout. What concerns the champion is None in a first version.

    `train_accuracy`: the candidate's on samples that it was trained on, the mean over classes; `train_holdout_gap`:
    that less the same on the holdout.
    """

    holdout: int
    candidate_accuracy: float | None
    champion_accuracy: float | None
    negative_flip_rate: float | None
    per_class: Mapping[str, ClassEvaluation] = field(default_factory=dict)
    prequential_accuracy: float | None = None
    train_accuracy: float | None = None
    train_holdout_gap: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as JSON values; what came to schema 1 later stands only where it is known."""
        value = asdict(self)
        for name in ("train_accuracy", "train_holdout_gap"):
            if value[name] is None:
                del value[name]
        return value


@dataclass(frozen=True, slots=True)
class GateRecord:
    """The gate's verdict. `detectable_points`: the loss of accuracy, in points, that this holdout could have told."""

    verdict: str
    reason: str
    p_value: float | None = None
    detectable_points: float | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """How it was trained; `seconds` of wall time."""

    seed: int
    epochs: int
    steps: int
    seconds: float
