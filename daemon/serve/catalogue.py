"""What there is in the repository, page by page: models, and the versions of one with what their manifests say."""

from collections.abc import Iterator
from heapq import merge
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import MODEL_NAME_PATTERN, VERSION_MAX
from model.publishing.manifest import Manifest
from model.publishing.reader import Champion, RepositoryReader
from model.publishing.retired import is_among

PAGE_MAX = 100
"""Models or versions that one answer lists at most."""
PAGE = 20

Name = Field(pattern=f"^{MODEL_NAME_PATTERN}$")
Version = Field(ge=1, le=VERSION_MAX)
Share = Field(ge=0, le=1)


class Told(BaseModel):
    """An answer, or a part of one; what stands below a field describes it in the document."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ModelLine(Told):
    """One model of the list. `empty`: it has no champion yet; `unreadable`: what there is cannot be read."""

    name: str = Name
    state: Literal["serving", "empty", "unreadable"]
    champion: int | None
    published_at: str | None
    """When the champion became that; RFC 3339 in UTC."""
    versions: int = Field(ge=0)
    """Those whose files are there."""


class ModelList(Told):
    """A page of models, by name."""

    models: list[ModelLine] = Field(max_length=PAGE_MAX)
    next: str | None
    """`after` of the next page; null on the last."""


class ClassAccuracy(Told):
    """Accuracy on the held-out samples of one class."""

    n: int = Field(ge=0)
    accuracy: float | None = Share
    champion_accuracy: float | None = Share
    """Of the champion of then, on the same samples; null where it did not know the class."""


class Metrics(Told):
    """How the version did on samples that nothing was trained on, when it was judged. Null: not known."""

    holdout: int = Field(ge=0)
    """Held-out samples."""
    accuracy: float | None = Share
    champion_accuracy: float | None = Share
    """Of the champion of then, on the same samples."""
    negative_flip_rate: float | None = Share
    """Share of them that the champion had right and this version has wrong."""
    prequential_accuracy: float | None = Share
    """The champion's on the newest window, before it was learnt."""
    per_class: dict[str, ClassAccuracy]


class Decision(Told):
    """What the gate found, and why."""

    verdict: str
    reason: str
    p_value: float | None = Share
    detectable_points: float | None = Field(ge=0, le=100)


class VersionLine(Told):
    """One version. Of a `retired` one, and of one whose manifest is `unreadable`, all else is null."""

    version: int = Version
    state: Literal["champion", "kept", "retired", "unreadable"]
    published: str | None = None
    """When its manifest was sealed, just before it was published; RFC 3339 in UTC."""
    parent: int | None = None
    """The version that training started from; null in a first one."""
    round: int | None = None
    architecture: str | None = None
    classes: list[str] | None = None
    fresh_samples: int | None = None
    replayed_samples: int | None = None
    metrics: Metrics | None = None
    decision: Decision | None = None
    sha256: str | None = None
    """Of model.onnx."""
    bytes: int | None = None
    """Of model.onnx."""
    tidemill: str | None = None
    """The release that made it."""


class VersionList(Told):
    """A page of versions, the newest first."""

    name: str = Name
    champion: int | None
    versions: list[VersionLine] = Field(max_length=PAGE_MAX)
    next: int | None
    """`before` of the next page; null on the last."""


def list_versions(reader: RepositoryReader, champion: Champion | None, before: int | None, limit: int) -> VersionList:
    """Return up to `limit` versions below `before`, the newest first. Raises BrokenRepositoryError, and OSError."""
    top = VERSION_MAX + 1 if before is None else before
    kept, retired = reader.versions(), reader.retired()
    found: list[int] = []
    there = (version for version in reversed(kept) if version < top)
    gone = (version for version in _descending(retired, top) if version not in set(kept))
    for version in merge(there, gone, reverse=True):
        found.append(version)
        if len(found) > limit:
            break
    shown = found[:limit]
    lines = [_line(reader, version, champion) for version in shown]
    # one may have gone between listing and reading; numbers are never given twice
    again = reader.retired() if any(line is None for line in lines) else retired
    versions = [
        line or VersionLine(version=version, state="retired" if is_among(version, again) else "unreadable")
        for version, line in zip(shown, lines, strict=True)
    ]
    return VersionList(
        name=reader.model,
        champion=champion.version if champion else None,
        versions=versions,
        next=shown[-1] if len(found) > limit else None,
    )


def _descending(ranges: list[tuple[int, int]], top: int) -> Iterator[int]:
    for first, last in reversed(ranges):
        yield from range(min(last, top - 1), first - 1, -1)


def _line(reader: RepositoryReader, version: int, champion: Champion | None) -> VersionLine | None:
    """Return what is known of a version; None where it is not there, or says nothing that can be read."""
    try:
        found = reader.manifest(version)
    except BrokenRepositoryError:
        return None
    if found is None:
        return None
    return line_of(found, is_champion=champion is not None and champion.version == version)


def line_of(one: Manifest, *, is_champion: bool) -> VersionLine:
    """Return what a manifest says of a version."""
    score = one.evaluation
    return VersionLine(
        version=one.version,
        state="champion" if is_champion else "kept",
        published=one.created_at,
        parent=one.parent,
        round=one.round,
        architecture=one.architecture,
        classes=list(one.classes),
        fresh_samples=one.samples.fresh,
        replayed_samples=one.samples.replay,
        metrics=Metrics(
            holdout=score.holdout,
            accuracy=score.candidate_accuracy,
            champion_accuracy=score.champion_accuracy,
            negative_flip_rate=score.negative_flip_rate,
            prequential_accuracy=score.prequential_accuracy,
            per_class={
                name: ClassAccuracy(n=of.n, accuracy=of.candidate, champion_accuracy=of.champion)
                for name, of in score.per_class.items()
            },
        ),
        decision=Decision(
            verdict=one.gate.verdict,
            reason=one.gate.reason,
            p_value=one.gate.p_value,
            detectable_points=one.gate.detectable_points,
        ),
        sha256=one.file.sha256,
        bytes=one.file.bytes,
        tidemill=one.tidemill,
    )
