"""The manifest of a version: what it is, what it learnt and why it was let through. Schema 1.

Written once, before the version is visible, and never changed. Readers ignore keys that they do not know, so that
schema 1 may gain some; a change of meaning is a new schema.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from model.publishing import manifest_reading as reading
from model.publishing.errors import ManifestError
from model.publishing.manifest_parts import (
    Amount,
    ArtefactFile,
    ClassEvaluation,
    Count,
    Evaluation,
    EventTimes,
    GateRecord,
    InputSpec,
    LineageEntry,
    Number,
    SampleCounts,
    Text,
    Training,
)
from model.publishing.reading import Fields

__all__ = [
    "BALANCED",
    "SCHEMA",
    "ArtefactFile",
    "ClassEvaluation",
    "Evaluation",
    "EventTimes",
    "GateRecord",
    "InputSpec",
    "LineageEntry",
    "Manifest",
    "SampleCounts",
    "Training",
]

SCHEMA = 1
BALANCED = "balanced"
"""The published probabilities are for classes that are equally frequent."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that a version says about itself. `parent` is the version that training started from."""

    model: Text
    version: Number
    parent: Number | None
    round: Count
    created_at: Text
    architecture: Text
    input: InputSpec
    classes: tuple[Text, ...]
    file: ArtefactFile
    lineage: tuple[LineageEntry, ...]
    samples: SampleCounts
    event_time: EventTimes
    evaluation: Evaluation
    gate: GateRecord
    parity_max_abs_error: Amount
    training: Training
    tidemill: Text
    class_prior: Text = BALANCED

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON values, in the order of the contract. Raises ManifestError if it is not valid."""
        value: dict[str, Any] = {"schema": SCHEMA, **asdict(self), "classes": list(self.classes)}
        value["lineage"] = [entry.to_dict() for entry in self.lineage]
        value["input"] = self.input.to_dict()
        value["evaluation"] = self.evaluation.to_dict()
        # what cannot be read back must never be written
        read_back = type(self).from_dict(value)
        if read_back != self:
            raise ManifestError("the manifest holds values that JSON would change")
        return value

    def to_json(self) -> str:
        """Return the manifest as indented JSON that ends with a newline. Raises ManifestError if it is not valid."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """Read JSON values. Raises ManifestError that names the key, what stands there and what would be right."""
        top = Fields(value, "")
        if top.integer("schema") != SCHEMA:
            raise top.wrong("schema", f"{SCHEMA}, the only one that this version reads")
        samples, event_time = top.inner("samples"), top.inner("event_time")
        gate, training = top.inner("gate"), top.inner("training")
        classes = top.texts("classes")
        return cls(
            model=reading.read_model(top),
            version=top.integer("version", 1),
            parent=top.integer_or_none("parent", 1),
            round=top.integer("round"),
            created_at=reading.read_time(top, "created_at"),
            architecture=top.text("architecture"),
            input=reading.read_input(top.inner("input")),
            classes=classes,
            file=reading.read_file(top.inner("file")),
            lineage=tuple(reading.read_lineage_entry(entry) for entry in top.list_of("lineage")),
            samples=SampleCounts(samples.integer("fresh"), samples.integer("replay")),
            event_time=EventTimes(
                reading.read_time_or_none(event_time, "oldest"), reading.read_time_or_none(event_time, "newest")
            ),
            evaluation=reading.read_evaluation(top.inner("evaluation"), classes),
            gate=GateRecord(
                verdict=gate.text("verdict"),
                reason=gate.text("reason"),
                p_value=gate.number_or_none("p_value", 0, 1),
                detectable_points=gate.number_or_none("detectable_points", 0, 100),
            ),
            parity_max_abs_error=top.number("parity_max_abs_error"),
            training=Training(
                seed=training.integer("seed"),
                epochs=training.integer("epochs"),
                steps=training.integer("steps"),
                seconds=training.number("seconds"),
            ),
            tidemill=top.text("tidemill"),
            class_prior=top.text("class_prior") if "class_prior" in top else BALANCED,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read JSON text. Raises ManifestError."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"the manifest is not JSON: {error}") from error
        return cls.from_dict(value)
