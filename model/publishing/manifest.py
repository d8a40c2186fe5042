"""The manifest of a version: what it is, what it learnt and why it was let through. Schema 1.

Written once, before the version is visible, and never changed. Readers ignore keys that they do not know, so that
schema 1 may gain some; a change of meaning is a new schema.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model.publishing.errors import ManifestError
from model.publishing.reading import Fields

SCHEMA = 1
BALANCED = "balanced"
"""The published probabilities are for classes that are equally frequent."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the model sees: pixels, and how a larger picture is to be made smaller."""

    height: int
    width: int
    resize: str = "bilinear-antialias"


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
    candidate: float
    champion: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both models on the holdout. What concerns the champion is None in a first version."""

    holdout: int
    candidate_accuracy: float | None
    champion_accuracy: float | None
    negative_flip_rate: float | None
    per_class: Mapping[str, ClassEvaluation] = field(default_factory=dict)
    prequential_accuracy: float | None = None


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


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a version says about itself. `parent` is the version that training started from."""

    model: str
    version: int
    parent: int | None
    round: int
    created_at: str
    architecture: str
    input: InputSpec
    classes: tuple[str, ...]
    file: ArtefactFile
    lineage: tuple[LineageEntry, ...]
    samples: SampleCounts
    event_time: EventTimes
    evaluation: Evaluation
    gate: GateRecord
    parity_max_abs_error: float
    training: Training
    tidemill: str
    class_prior: str = BALANCED

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON values, in the order of the contract. Raises ManifestError if it is not valid."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return the manifest as indented JSON that ends with a newline. Raises ManifestError if it is not valid."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, value: object) -> "Manifest":
        """Read JSON values. Raises ManifestError that names the key, what stands there and what would be right."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, text: str | bytes) -> "Manifest":
        """Read JSON text. Raises ManifestError."""
        raise NotImplementedError
