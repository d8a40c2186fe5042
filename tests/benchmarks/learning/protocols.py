"""In which order, under which labels and how turned the images arrive: one stream for each protocol and seed.

split: tasks of different classes, five where there are as many (of two classes each where there are ten).
noise: as split, but 40 % of the training labels are wrong, each any other class with the same chance.
iid: shuffled, five parts.
rotate: five parts of all classes; each is turned by 15 degrees more than the one before, the test images likewise.
imbalance: shuffled, five parts; the commonest class has 100 times the images of the rarest, or less where these would
be too few to be learnt. Accuracy is balanced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from daemon.config.learning import Model
from tests.benchmarks.learning.data import Data, DataError, Split, listed

TASKS = 5
WRONG = 0.4
TURN_DEGREES = 15
RATIO = 100
CLASS_IMAGES_MIN = 2 * Model().class_min_samples
"""Images that a class keeps at least where the data has as many: with fewer its label may never become a class."""


@dataclass(frozen=True, slots=True)
class Task:
    """A part of the stream, and the test images that belong to it."""

    train: Split
    """In order of arrival."""
    test: Split
    classes: NDArray[np.int64]
    """Classes that the task brings, new or not."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Everything that a learner sees, in order."""

    tasks: tuple[Task, ...]
    classes: tuple[str, ...]
    balanced: bool = False
    """Whether accuracy is the mean over classes."""

    @property
    def images(self) -> int:
        """Training images in all."""
        return sum(len(task.train) for task in self.tasks)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.tasks[0].train.pixels_NHWC.shape[1])

    @property
    def grey(self) -> bool:
        """Whether the images have one channel."""
        return self.tasks[0].train.pixels_NHWC.shape[3] == 1

    def known(self, task: int) -> NDArray[np.int64]:
        """Return the classes that came with the first tasks, up to this one."""
        return np.unique(np.concatenate([one.classes for one in self.tasks[: task + 1]]))


def split(data: Data, rng: np.random.Generator) -> Stream:
    """Tasks of different classes, in the order of the classes; the images of a task shuffled."""
    groups = np.array_split(np.arange(len(data.classes)), min(TASKS, len(data.classes)))
    tasks = []
    for group in groups:
        chosen = rng.permutation(np.flatnonzero(np.isin(data.train.labels, group)))
        test = np.flatnonzero(np.isin(data.test.labels, group))
        tasks.append(Task(_take(data.train, chosen), _take(data.test, test), group))
    return Stream(tuple(tasks), data.classes)


def noise(data: Data, rng: np.random.Generator) -> Stream:
    """As `split`, with wrong labels among the training images only."""
    clean = split(data, rng)
    tasks = []
    for task in clean.tasks:
        labels = task.train.labels.copy()
        wrong = rng.random(len(labels)) < WRONG
        labels[wrong] = (labels[wrong] + rng.integers(1, len(data.classes), int(wrong.sum()))) % len(data.classes)
        tasks.append(Task(Split(task.train.pixels_NHWC, labels), task.test, task.classes))
    return Stream(tuple(tasks), data.classes)


def iid(data: Data, rng: np.random.Generator) -> Stream:
    """Shuffled. Each task is tested on its own part of the test images."""
    return _mixed(data, rng.permutation(len(data.train)))


def imbalance(data: Data, rng: np.random.Generator) -> Stream:
    """Shuffled, long-tailed (Cui 2019): counts fall geometrically over the classes, whose order is drawn."""
    counts = np.bincount(data.train.labels, minlength=len(data.classes))
    ranks = rng.permutation(len(data.classes)) / max(1, len(data.classes) - 1)
    wanted = np.maximum(counts.min() * float(RATIO) ** -ranks, np.minimum(CLASS_IMAGES_MIN, counts)).astype(int)
    kept = [rng.permutation(np.flatnonzero(data.train.labels == index))[:count] for index, count in enumerate(wanted)]
    return _mixed(data, rng.permutation(np.concatenate(kept)), balanced=True)


def rotate(data: Data, rng: np.random.Generator) -> Stream:
    """Five parts of all classes, each turned by so many degrees more."""
    order, every = rng.permutation(len(data.train)), np.arange(len(data.classes))
    bounds = np.arange(TASKS + 1) * len(order) // TASKS
    tasks = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        angle = number * TURN_DEGREES
        train = turned(_take(data.train, order[start:end]), angle)
        tasks.append(Task(train, turned(data.test, angle), every))
    return Stream(tuple(tasks), data.classes)


PROTOCOLS: dict[str, Callable[[Data, np.random.Generator], Stream]] = {
    "split": split,
    "iid": iid,
    "rotate": rotate,
    "noise": noise,
    "imbalance": imbalance,
}


def make(name: str, data: Data, seed: int) -> Stream:
    """Return the stream of a protocol: the same for the same data and seed. Raises DataError on too few images."""
    stream = PROTOCOLS[name](data, np.random.default_rng([seed, 2026]))
    for number, task in enumerate(stream.tasks, 1):
        for part, images in (("training", task.train), ("test", task.test)):
            if not len(images):
                who = listed(data.classes[index] for index in task.classes)
                raise DataError(f"task {number} of {name} ({who}) has no {part} images; more images are needed")
    return stream


def _mixed(data: Data, order: NDArray[np.int64], *, balanced: bool = False) -> Stream:
    every = np.arange(len(data.classes))
    bounds = np.arange(TASKS + 1) * len(order) // TASKS
    parts = [order[start:end] for start, end in pairwise(bounds)]
    return Stream(
        tuple(Task(_take(data.train, part), data.test, every) for part in parts if len(part)), data.classes, balanced
    )


def _take(one: Split, chosen: NDArray[np.int64]) -> Split:
    return Split(one.pixels_NHWC[chosen], one.labels[chosen])


def turned(one: Split, degrees: int) -> Split:
    """Turn images counter-clockwise, bilinearly; what comes into the picture is black."""
    if degrees == 0:
        return one
    turned = scipy.ndimage.rotate(one.pixels_NHWC, degrees, axes=(1, 2), reshape=False, order=1, mode="constant")
    return Split(turned, one.labels)
