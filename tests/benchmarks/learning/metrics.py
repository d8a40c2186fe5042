"""Accuracy at the end and on the way, and forgetting, from the logits that a learner gave after each task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.learning.protocols import Stream

Logits = NDArray[np.float32]
"""[images, classes]; -inf for classes that the model does not know yet."""


@dataclass(frozen=True, slots=True)
class Answers:
    """After task l, for each task j <= l: the logits on the test images of j. `after[l][j]`."""

    after: Sequence[Sequence[Logits]]


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares, 0..1."""

    final_accuracy: float
    """After the last task, on the test images of all tasks."""
    anytime_accuracy: float
    """Mean over the ends of tasks, each on the test images of the tasks so far."""
    forgetting: float
    """Mean over all tasks but the last: how much worse the last model answers than the best one before it did, both
    choosing among the classes that this one had met. What a task loses only because there is more to choose from is
    no forgetting: training on everything at once loses it too."""
    forgetting_all_classes: float
    """The same, each model choosing among all classes that it knows (Chaudhry 2018): what the plain word means where
    classes do not grow. Training on everything at once is not at 0 here."""


def accuracy(
    logits: Logits, labels: NDArray[np.int64], *, among: NDArray[np.int64] | None = None, balanced: bool = False
) -> float:
    """Return the share of right answers; the mean over classes if `balanced`. `among`: only these may be answered."""
    predicted = logits.argmax(axis=1) if among is None else among[logits[:, among].argmax(axis=1)]
    right = predicted == labels
    if not balanced:
        return float(right.mean())
    return float(np.mean([right[labels == index].mean() for index in np.unique(labels)]))


def figures(stream: Stream, answers: Answers) -> Figures:
    """Return what the answers come to."""
    last = len(stream.tasks) - 1
    return Figures(
        final_accuracy=_so_far(stream, answers, last),
        anytime_accuracy=float(np.mean([_so_far(stream, answers, task) for task in range(last + 1)])),
        forgetting=_forgetting(stream, answers, alike=True),
        forgetting_all_classes=_forgetting(stream, answers, alike=False),
    )


def never_learnt(stream: Stream, answers: Answers) -> list[str]:
    """Return the classes that the last model cannot answer: their labels came, but never became classes."""
    unknown = np.isneginf(np.concatenate(answers.after[-1])).all(axis=0)
    return [stream.classes[index] for index in np.flatnonzero(unknown)]


def _so_far(stream: Stream, answers: Answers, task: int) -> float:
    logits = np.concatenate(answers.after[task])
    labels = np.concatenate([one.test.labels for one in stream.tasks[: task + 1]])
    return accuracy(logits, labels, balanced=stream.balanced)


def _forgetting(stream: Stream, answers: Answers, *, alike: bool) -> float:
    last = len(stream.tasks) - 1
    losses = []
    for task in range(last):
        labels = stream.tasks[task].test.labels
        drops = []
        for earlier in range(task, last):
            among = stream.known(earlier) if alike else None
            best, now = (
                accuracy(answers.after[when][task], labels, among=among, balanced=stream.balanced)
                for when in (earlier, last)
            )
            drops.append(best - now)
        losses.append(max(drops))
    return float(np.mean(losses)) if losses else 0.0
