"""The store's words as types: roles, claims, commits, versions, and batches of samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.store.kept_answers import KeptAnswers
from model.window import LogKey

Json = dict[str, Any]


class Role(StrEnum):
    """What a stored sample is for."""

    TRAIN = "train"
    HOLDOUT = "holdout"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"
    WAITING = "waiting"
    """Its label is not a class (yet)."""


class Outcome(StrEnum):
    """How a round ended."""

    PUBLISHED = "published"
    HELD = "held"
    REFUSED = "refused"


class Fate(StrEnum):
    """What becomes of the window's samples. A round that refused its candidate may still accept its samples."""

    ACCEPTED = "accepted"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"


class RelabelOutcome(StrEnum):
    """What became of a stored picture's new label. All but the first wait for a person, or for the window's retry."""

    APPLIED = "applied"
    SUSPECT = "suspect"
    """Its window was not accepted."""
    CONTRADICTED = "contradicted"
    """The champion finds the old label likelier."""
    DISTRUSTED = "distrusted"
    """The champion contradicts most of what came with it: in the window, or from its source."""
    UNVOUCHED = "unvouched"
    """There is no champion that knows both labels."""
    UNKNOWN_LABEL = "unknown_label"
    """The new label is no class."""
    LIMIT = "limit"
    """Its source, or all together, relabelled as much as they may before a person looks."""
    REPEATED = "repeated"
    """The picture was relabelled back and forth already."""


@dataclass(frozen=True, slots=True)
class Relabel:
    """A stored picture that came again under another label."""

    relabel: int
    sample: int
    role: Role
    """Of the stored sample."""
    old: str
    new: str
    source: str
    """The producer that sent the new label."""
    old_class: int | None
    new_class: int | None
    """Indexes in the head; None: no class."""


@dataclass(frozen=True, slots=True)
class StoreRules:
    """What the configuration says about the store. Bytes are bytes of pixels; fractions are in 0..1."""

    bytes_max: int = 10_000_000_000
    """Bytes of stored pixels, above which samples are evicted at a commit."""
    holdout_fraction: float = 0.05
    holdout_first: int = 2_000
    """Held-out samples up to which one in five is held out."""
    holdout_max: int = 4_000
    """Held-out samples that judging uses, and that eviction leaves alone where there is room."""
    condensed_max: int = 4_096
    """Training samples that leave in a round for their likes stay; those beyond leave by chance. 0: a reservoir."""
    closed_classes: tuple[str, ...] = ()
    """Not empty: these are the classes, in this order; other labels wait."""
    classes_max: int = 1_000
    """Classes that an open list may have; labels beyond wait."""
    class_min_samples: int = 1
    """Distinct pictures that make a label a class; once there is a champion, from two windows. 1: the first does."""
    waiting_max: int = 10_000
    """Samples that wait for their label to become a class; beyond, the oldest are dropped."""
    versions_kept: int = 10
    """Versions whose weights stay beside current and champion's: one can roll back to them."""
    relabel_class_max: float = 0.1
    """Share of a class's stored pictures that one source may relabel by itself between two looks of a person."""
    relabel_holdout_max: float = 0.05
    """The same of the held-out pictures of all classes."""
    compact_below: float = 0.5
    """Share of live samples below which a segment is rewritten."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples with their pixels, in a fixed order."""

    samples: NDArray[np.int64]
    """[n], keys of the samples in the store."""
    labels: NDArray[np.int64]
    """[n], indexes into `classes()`."""
    event_times_ms: NDArray[np.int64]
    """[n], milliseconds since the epoch."""
    pixels_NHWC: NDArray[np.uint8]
    """[n, size, size, 3], RGB."""

    def __len__(self) -> int:
        return len(self.samples)

    def part(self, chosen: NDArray[np.int64]) -> "Batch":
        """Return some of the samples, by index."""
        return Batch(self.samples[chosen], self.labels[chosen], self.event_times_ms[chosen], self.pixels_NHWC[chosen])


@dataclass(frozen=True, slots=True)
class Recollected:
    """What the model answered to drawn samples when they were learnt."""

    logits: NDArray[np.float32]
    """[n, classes of the claim]; NaN where nothing was kept, and for classes that have come since."""
    forgotten: float
    """Share of the training samples evicted among these and those stored; above 0."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A draw from the store. It may be shorter than asked for only when the store has no training sample at all."""

    batch: Batch
    shares: NDArray[np.float64]
    """[classes of the claim], the distribution that classes were drawn by; all 0 for an empty store."""
    recollected: Recollected | None = None
    """None while nothing was ever evicted."""


@dataclass(frozen=True, slots=True)
class Observed:
    """How samples fared while a round trained on them; each sample once, in the order of their keys."""

    samples: NDArray[np.int64]
    """[n], keys."""
    totals: NDArray[np.float64]
    """[n], sums of their margins: the logit of the label less the largest other one."""
    counts: NDArray[np.int64]
    """[n], how many margins were summed up."""
    said: NDArray[np.int64]
    """[n], the class with the highest logit, the last time."""


@dataclass(frozen=True, slots=True)
class ClaimedSpan:
    """A range [start, end) of a log and what its records are, as of the round."""

    log: LogKey
    start: int
    end: int
    trained: int
    holdout: int
    dead_lettered: int
    expired: int
    duplicate: int
    waiting: int
    suspect: int
    """Samples of a round that set them aside; those quarantined at once are counted here too."""
    relabelled: int = 0
    """Of the duplicates, those that gave a stored picture another label, whatever became of that."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A round that has begun. The same after any restart, but for `attempt` and `deaths`."""

    round: int
    seed: int
    state: str | None
    """Digest of the weights file that the round starts from; None: from scratch."""
    spans: tuple[ClaimedSpan, ...]
    classes: tuple[str, ...]
    """Classes of this round, those that join with it included; a label is its index here."""
    joined: tuple[str, ...]
    """Those of them that join with this round; they leave again if its samples are not accepted."""
    relabelled: int
    """Stored pictures that came again under another label; see `model/store/relabels.py` for what becomes of that."""
    high_water: int
    """Highest sample key before this claim; replay and holdout are drawn up to it."""
    last_sample: int
    """Highest sample key of this claim; equal to high_water when it stored nothing."""
    holdout_share: float
    """Share of new pictures held out by this claim."""
    attempt: int
    deaths: int
    version: int
    """The version to give to the candidate if it is promoted."""
    parent: int | None
    """The champion when the claim was made."""
    claimed_at_ms: int
    retried: int | None = None
    """The parcel that this round retries, alone: it has no spans, and its samples are those set aside there."""

    @property
    def challenges(self) -> bool:
        """Tell whether a challenger is held against the champion: it takes in nothing, and `state` is trained."""
        return not self.spans and self.retried is None

    def count(self, kind: str) -> int:
        """Return the records of one kind (`trained`, `holdout`, `duplicate`, …) over all spans."""
        return sum(int(getattr(span, kind)) for span in self.spans)


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version as staged: its manifest, and the digest of its `model.onnx`."""

    version: int
    manifest: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class Commit:
    """The end of a round."""

    outcome: Outcome
    reason: str
    fate: Fate
    seconds: float
    verdict: str = ""
    """The gate's verdict: promoted, held, harmful; empty where it was not asked."""
    state: str | None = None
    """Digest of the (adopted) weights file that the next round starts from; None: the one this round started from."""
    version: NewVersion | None = None
    """Given if and only if the outcome is published."""
    prequential_accuracy: float | None = None
    evaluation: Mapping[str, Any] | None = None
    replayed: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Keys of the samples replayed, for `explain --samples`."""
    fresh_logits: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None
    """Keys of the fresh samples and what the candidate answers to them, to be held on to; None: nothing is kept."""
    observed: Observed | None = None
    """How the samples trained on fared, to be added up where the window is accepted."""
    replay_budget: tuple[float, float, tuple[float, ...]] | None = None
    """What is left for replay afterwards, and the mean error, to be kept where the window is accepted."""
    screened: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """The champion on the window's samples before they were learnt: (samples, right) by class that it knows."""
    said: NDArray[np.int64] | None = None
    """[n], the classes that it took the samples of `window(claim)` for; kept with those that are set aside."""
    change: bool = False
    """Whether the round accepts a change of what labels mean."""
    contradicted: tuple[int, ...] = ()
    """Classes whose held-out samples from before the change retire."""
    answers: KeptAnswers | None = None
    """What the new version answered on the holdout."""
    best: bool = False
    """Whether it is the reference from now on."""
    relabels: "Mapping[int, RelabelOutcome] | None" = None
    """What the screen says of each relabel (by its key) that it does not vouch for; None: nobody was asked, and all
    are taken for right. Where the window is not accepted, none is."""


@dataclass(frozen=True, slots=True)
class Version:
    """A published model, or one about to be."""

    version: int
    round: int
    parent: int | None
    manifest: Json
    sha256: str
    state: str
    """Digest of its weights file."""
    published_at_ms: int | None
    """None while its publication is not finished."""
    retired_at_ms: int | None = None
    """When its files were let go; None while they are kept."""


@dataclass(frozen=True, slots=True)
class WaitingLabel:
    """A label that is no class (yet): its distinct pictures, and in how many windows they came."""

    label: str
    pictures: int
    windows: int


@dataclass(frozen=True, slots=True)
class Move:
    """The champion pointer was moved to a version, for a cause: `published` or `rollback`."""

    version: int
    cause: str
    moved_at_ms: int
    after_round: int
    """The last committed round then. A rollback cuts off the rounds between its version's and this one."""


@dataclass(frozen=True, slots=True)
class SampleName:
    """How people find a sample."""

    sample: int
    sample_id: str
    label: str
    log: LogKey
    offset: int
    source: str
    event_time_ms: int
    role: Role


@dataclass(frozen=True, slots=True)
class VersionSamples:
    """What a version learnt. Evicted samples are counted, no longer named."""

    fresh: tuple[SampleName, ...]
    fresh_evicted: int
    replayed: tuple[SampleName, ...]
    replayed_evicted: int
    """Of the draws that are still kept (those of the last 1,000 rounds)."""


def iso_utc(time_ms: int) -> str:
    """Return milliseconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
