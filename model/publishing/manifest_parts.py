"""The parts of a manifest: plain words, each in its JSON form what its names say.

The bounds in the annotations are those that reading enforces; `manifest_schema` makes the JSON schema of them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, MinLen

Count = Annotated[int, Ge(0)]
Number = Annotated[int, Ge(1)]
Share = Annotated[float, Ge(0), Le(1)]
Points = Annotated[float, Ge(0), Le(100)]
Gap = Annotated[float, Ge(-1), Le(1)]
Amount = Annotated[float, Ge(0)]
Text = Annotated[str, MinLen(1)]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the model sees of a picture, in the words of docs/pictures.md; `model.pictures.prepare` does all of it.

    None: from before it was written down. It was the same then, but that XMP was not looked at.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        "fit",
        "layout",
        "dtype",
        "colour",
        "range",
        "upright",
        "transparency",
        "depth",
        "profiles",
        "animation",
    )
    """What came to schema 1 later stands only where it is known."""

    height: Number
    width: Number
    resize: Text = "bilinear-antialias"
    fit: Text | None = None
    layout: Text | None = None
    dtype: Text | None = None
    colour: Text | None = None
    range: Text | None = None
    upright: Text | None = None
    transparency: Text | None = None
    depth: Text | None = None
    profiles: Text | None = None
    animation: Text | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the input as JSON values; what came to schema 1 later stands only where it is known."""
        return {name: value for name, value in asdict(self).items() if value is not None or name not in self.LATER}


@dataclass(frozen=True, slots=True)
class ArtefactFile:
    """The ONNX file: name inside the version folder, length in bytes, sha256 as 64 hex digits."""

    name: Text
    bytes: Number
    sha256: Text


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """The offsets [start, end) of one partition that this version covers, and what became of their records.

    `expired` were taken by retention; the other counts are roles at the time of the round. Offsets that hold no record
    (transactions, compaction) are in none of them, so the counts never exceed `end - start`.
    """

    KEYS: ClassVar[Mapping[str, str]] = {"start": "from", "end": "to"}
    """JSON keys that are called otherwise than their fields."""
    RARE: ClassVar[tuple[str, ...]] = ("duplicate", "waiting", "suspect", "expired", "relabelled")
    """Counts that stand only where they are not 0."""

    topic: Text
    topic_id: Text
    partition: Count
    start: Count
    end: Count
    trained: Count = 0
    holdout: Count = 0
    dead_lettered: Count = 0
    duplicate: Count = 0
    waiting: Count = 0
    suspect: Count = 0
    expired: Count = 0
    relabelled: Count = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON values; the counts that are rarely set stand only where they are not 0."""
        return {
            self.KEYS.get(name, name): value for name, value in asdict(self).items() if value or name not in self.RARE
        }


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """Samples that the version was trained on: fresh ones, and earlier ones replayed beside them."""

    fresh: Count
    replay: Count


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Event times of the fresh samples, RFC 3339 in UTC; None where there were none."""

    oldest: Text | None
    newest: Text | None


@dataclass(frozen=True, slots=True)
class ClassEvaluation:
    """Accuracy on the `n` held-out samples of one class; `champion` is None where it does not know the class."""

    n: Count
    candidate: Share | None
    champion: Share | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both models on the holdout. What concerns the champion is None in a first version.

    `train_accuracy`: the candidate's on samples that it was trained on, the mean over classes; `train_holdout_gap`:
    that less the same on the holdout.
    """

    LATER: ClassVar[tuple[str, ...]] = ("train_accuracy", "train_holdout_gap")
    """What came to schema 1 later stands only where it is known."""

    holdout: Count
    candidate_accuracy: Share | None
    champion_accuracy: Share | None
    negative_flip_rate: Share | None
    per_class: Mapping[str, ClassEvaluation] = field(default_factory=dict)
    prequential_accuracy: Share | None = None
    train_accuracy: Share | None = None
    train_holdout_gap: Gap | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as JSON values; what came to schema 1 later stands only where it is known."""
        value = asdict(self)
        for name in self.LATER:
            if value[name] is None:
                del value[name]
        return value


@dataclass(frozen=True, slots=True)
class GateRecord:
    """The gate's verdict. `detectable_points`: the loss of accuracy, in points, that this holdout could have told."""

    verdict: Text
    reason: Text
    p_value: Share | None = None
    detectable_points: Points | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """How it was trained; `seconds` of wall time."""

    seed: Count
    epochs: Count
    steps: Count
    seconds: Amount
