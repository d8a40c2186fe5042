"""What the learner tells whoever watches: facts only. Metric names are not its business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """The steps of a round, in the order of `daemon/learn/round.py`."""

    TAKE = "take"
    CLAIM = "claim"
    SCREEN = "screen"
    TRAIN = "train"
    CALIBRATE = "calibrate"
    """BatchNorm's statistics are estimated anew for the averaged weights."""
    STAGE = "stage"
    EVALUATE = "evaluate"
    COMMIT = "commit"
    PUBLISH = "publish"
    TRIM = "trim"
    ANNOUNCE = "announce"


class Outcome(StrEnum):
    """How a round ended; `failed` is an attempt that will be made again."""

    PUBLISHED = "published"
    HELD = "held"
    REFUSED = "refused"
    EMPTY = "empty"
    """There was nothing fresh to train on: nobody refused anything. In the database it is a refused round."""
    FAILED = "failed"


class Relabelled(StrEnum):
    """What became of a stored picture's new label, as `model.store.facts.RelabelOutcome` explains."""

    APPLIED = "applied"
    SUSPECT = "suspect"
    CONTRADICTED = "contradicted"
    DISTRUSTED = "distrusted"
    UNVOUCHED = "unvouched"
    UNKNOWN_LABEL = "unknown_label"
    LIMIT = "limit"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class BufferFacts:
    """What waits in Redis, over all logs."""

    samples: int
    dead_letters: int
    """Markers of dead letters: they wait to be accounted for, and are no samples."""
    bytes_used: int
    oldest_ms: int | None
    """When the oldest was buffered, in milliseconds since the epoch; None where nothing waits."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The comparison of candidate and champion on held-out samples; None where there is nothing to compare."""

    candidate_accuracy: float | None
    champion_accuracy: float | None
    negative_flip_rate: float | None
    """Share of held-out samples that the champion had right and the candidate has wrong."""
    forgetting: float | None
    """Mean over classes of the best accuracy so far less the candidate's."""
    class_accuracy: Mapping[str, float]
    """The candidate's accuracy by class."""
    train_holdout_gap: float | None = None
    """The candidate's balanced accuracy on samples that it was trained on, less that on held-out ones."""


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that followers pull now."""

    version: int
    architecture: str
    classes: int
    published_ms: int
    """In milliseconds since the epoch."""


class Wait(StrEnum):
    """Where a sample's time goes until a version that learnt it can be pulled, in this order."""

    KAFKA = "kafka"
    """From its event time until it was buffered."""
    BUFFER = "buffer"
    """Until its window was claimed."""
    ROUND = "round"
    """Until its round was committed."""
    PUBLISH = "publish"
    """Until a version that learnt it could be pulled."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long the samples that one round was the first to learn took, in seconds."""

    round: int
    total_s: Sequence[float]
    """One for each sample: from its event time until the version could be pulled."""
    waits_s: Mapping[Wait, Sequence[float]]
    """The same by where they went. KAFKA and BUFFER may have fewer: of what a former life, or an earlier round, took
    out of the buffer nobody knows when it came there."""


@dataclass(frozen=True, slots=True)
class Past:
    """What former lives of the learner counted, by the database."""

    rounds: Mapping[Outcome, int]
    refused_in_row: int
    waiting_dropped: int
    versions_retired: int


class LearnObserver(Protocol):
    """Is told what happens, in the learner's own thread: every method returns at once and never raises."""

    def past_known(self, past: Past) -> None:
        """At start, once: what former lives counted. What is told from here on comes on top of it."""
        ...

    def round_started(self, number: int, samples: int) -> None:
        """Round `number` begins with `samples` fresh ones."""
        ...

    def stage_started(self, stage: Stage) -> None:
        """A stage of the round begins."""
        ...

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """The stage ended well after `seconds`."""
        ...

    def stepped(self, step: int, steps: int, loss: float, samples_per_second: float) -> None:
        """Training did `step` (from 1) of `steps`; told a few times a second at most."""
        ...

    def trained(self, fresh: int, replayed: int) -> None:
        """Training of the round ended; so many samples of each kind went through it."""
        ...

    def scored_before(self, accuracy: float | None) -> None:
        """The champion's accuracy on the window before it was learnt; None without a champion."""
        ...

    def judged(self, judgement: Judgement) -> None:
        """Candidate and champion have been compared."""
        ...

    def committed(self, at_ms: int) -> None:
        """The newest round's transaction is durable since `at_ms` (milliseconds since the epoch).

        Told after each commit and at start; may be told again.
        """
        ...

    def published(self, champion: Champion, seconds: float, freshness: Sequence[Freshness]) -> None:
        """The pointer moved, `seconds` after the commit.

        `freshness` tells, for each round since the last version, of the samples that it was the first to learn.
        """
        ...

    def champion_known(self, champion: Champion | None) -> None:
        """At start, and after a rollback: what is published; None: nothing is."""
        ...

    def round_ended(self, number: int, outcome: Outcome, seconds: float) -> None:
        """The round, or this attempt at it, is over after `seconds`."""
        ...

    def buffer_seen(self, facts: BufferFacts) -> None:
        """What waits in Redis, at each look."""
        ...

    def dead_letters_seen(self, records: Mapping[str, int]) -> None:
        """How many records became dead letters, by reason, over all topics, as Redis counts them."""
        ...

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Records between the learner's durable position and the log's end."""
        ...

    def drift_detected(self, classes: Sequence[str]) -> None:
        """The champion's errors have risen, over all or in these classes."""
        ...

    def challenger_trained(self, turns: int) -> None:
        """The challenger under way has had `turns` turns of training; 0: it was judged, or given up."""
        ...

    def waiting_dropped(self, samples: int) -> None:
        """So many samples were dropped while they waited for their label to become a class."""
        ...

    def relabelled(self, pictures: Mapping[Relabelled, int]) -> None:
        """So many stored pictures came again under other labels, and that is what became of it."""
        ...

    def classes_seen(self, labels_by_state: Mapping[str, int]) -> None:
        """How many labels are a class, wait, are near to a class while they wait, were merged, or retired."""
        ...

    def event_times_implausible(self, samples: int) -> None:
        """So many samples of a published version bear an event time that cannot tell how fresh it is."""
        ...

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """What the sample store holds, by role, and the bytes of its pixels."""
        ...

    def quarantine_seen(self, windows: int) -> None:
        """So many windows wait in quarantine for a person."""
        ...

    def versions_retired(self, versions: int) -> None:
        """So many old versions were let go: their files are gone."""
        ...

    def repository_seen(self, versions: int, bytes_used: int) -> None:
        """The visible versions in the repository, and the bytes of their files."""
        ...
