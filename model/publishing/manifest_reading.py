"""Reads the parts of a manifest from JSON. Each function raises ManifestError that names the key."""

import re
from datetime import datetime

from model.publishing import manifest_parts as m
from model.publishing.errors import ManifestError
from model.publishing.layout import MODEL_FILE, check_model_name
from model.publishing.reading import Fields

SIDE_MAX = 65_536
SHA256_PATTERN = "[0-9a-f]{64}"
_SHA256 = re.compile(SHA256_PATTERN + r"\Z")
_COUNTS = ("trained", "holdout", "dead_lettered", "duplicate", "waiting", "suspect", "expired")


def read_lineage_entry(entry: Fields) -> m.LineageEntry:
    """Read one entry of a lineage; counts that are 0 may be left out, but for the three of every entry."""
    start = entry.integer("from")
    counts = {name: entry.integer(name, 0, None if name in _COUNTS[:3] else 0) for name in _COUNTS}
    end = entry.integer("to", start)
    relabelled = entry.integer("relabelled", 0, 0)
    if relabelled > counts["duplicate"]:
        raise entry.wrong("relabelled", f"at most {counts['duplicate']}, the duplicates: it is a part of them")
    if sum(counts.values()) > end - start:
        raise entry.wrong("to", f"at least {start + sum(counts.values())}: the counts are more than the offsets")
    counts["relabelled"] = relabelled
    return m.LineageEntry(entry.text("topic"), entry.text("topic_id"), entry.integer("partition"), start, end, **counts)


def read_model(top: Fields) -> str:
    """Return a model's name, safe as a folder."""
    try:
        return check_model_name(top.text("model"))
    except ValueError as error:
        raise ManifestError(str(error)) from error


def read_input(entry: Fields) -> m.InputSpec:
    """Return what the model sees."""
    height, width = entry.integer("height", 1), entry.integer("width", 1)
    if max(height, width) > SIDE_MAX:
        raise entry.wrong("height" if height > SIDE_MAX else "width", f"at most {SIDE_MAX}")
    told = {name: entry.text(name) for name in m.InputSpec.LATER if name in entry}
    return m.InputSpec(height, width, entry.text("resize"), **told)


def read_file(entry: Fields) -> m.ArtefactFile:
    """Return the artefact's name, length and digest."""
    # a name from elsewhere must not lead out of the version folder, so there is only one
    if entry.text("name") != MODEL_FILE:
        raise entry.wrong("name", MODEL_FILE)
    return m.ArtefactFile(MODEL_FILE, entry.integer("bytes", 1), read_sha256(entry))


def read_sha256(entry: Fields) -> str:
    """Return a sha256 as 64 hex digits in lower case."""
    if not _SHA256.match(entry.text("sha256")):
        raise entry.wrong("sha256", "64 hex digits in lower case")
    return entry.text("sha256")


def read_evaluation(entry: Fields, classes: tuple[str, ...]) -> m.Evaluation:
    """Return the evaluation; its classes must be among the model's."""
    per_class = entry.map_of("per_class")
    if not set(per_class) <= set(classes):
        raise entry.wrong("per_class", "about the model's classes alone")
    return m.Evaluation(
        holdout=entry.integer("holdout"),
        candidate_accuracy=entry.number_or_none("candidate_accuracy", 0, 1),
        champion_accuracy=entry.number_or_none("champion_accuracy", 0, 1),
        negative_flip_rate=entry.number_or_none("negative_flip_rate", 0, 1),
        per_class={
            name: m.ClassEvaluation(
                one.integer("n"), one.number_or_none("candidate", 0, 1), one.number_or_none("champion", 0, 1)
            )
            for name, one in per_class.items()
        },
        prequential_accuracy=entry.number_or_none("prequential_accuracy", 0, 1),
        train_accuracy=entry.number_or_none("train_accuracy", 0, 1) if "train_accuracy" in entry else None,
        train_holdout_gap=entry.number_or_none("train_holdout_gap", -1, 1) if "train_holdout_gap" in entry else None,
    )


def read_time(entry: Fields, key: str) -> str:
    """Return a time, as the text that it is."""
    text = entry.text(key)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise entry.wrong(key, "a time as in RFC 3339, with its zone")
    return text


def read_time_or_none(entry: Fields, key: str) -> str | None:
    """Return a time, or None for null."""
    return None if entry.text_or_none(key) is None else read_time(entry, key)
