"""Tidemill itself: the daemon's own round on each window, store, eviction and weights files on disk included.

Left out is only what does not learn: nothing is held out for judging, so that every learner of the table trains on the
same images, each candidate becomes champion, and no ONNX file is made of it.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from daemon.config.learning import Model
from daemon.learn.announcements import Announcements
from daemon.learn.manifests import Labels
from daemon.learn.observer import Stage
from daemon.learn.round import Round
from daemon.learn.settlement import Settlement
from daemon.learn.stages import Stages
from daemon.learn.status import StatusBoard
from daemon.outage import Need, Outage
from model.candidates import CandidateMaker, CandidateOptions
from model.judge import Judged
from model.judging.gate import Decision, Verdict
from model.learning.augment import as_image
from model.learning.options import PlanOptions, TrainOptions
from model.publishing.publisher import Staged
from model.publishing.repository import Repository
from model.screener import Screened
from model.store import StateDirectory, StoreRules
from model.store.kept_answers import KeptAnswers
from model.window import Arrival, LogKey, Span, Window
from streaming.memory_buffer import MemoryBuffer
from tests.benchmarks.learning.metrics import Answers, Logits
from tests.benchmarks.learning.protocols import Stream, Task

LOG = LogKey("images", "benchmark", 0)
WINDOW = 512
"""The default of `round.samples`."""
EVERYTHING = 10**15
"""Bytes that no store reaches."""
TEST_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How Tidemill is set up."""

    architecture: str
    memory: int | None
    """Images kept; None: all."""
    budget: int
    """K: the budget is 2 K gradients for each image. One is for it as fresh, all others are for replay."""
    seed: int
    window: int = WINDOW
    steps_min: int = 1
    """A small window is not trained more often than the others: the budget is the same for all."""
    batch: int = PlanOptions().batch
    save_replay: bool = PlanOptions().save_replay
    plain: bool = False
    """A reservoir, and of what was replayed the labels alone: what remembering costs is measured against it."""
    training: TrainOptions = field(default_factory=lambda: TrainOptions(flip=False, crop=False))


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a learner on a stream."""

    answers: Answers
    sample_gradients: int
    """Images that a gradient was taken of, repeats included."""
    seconds: float
    """Without testing."""
    training_seconds: float
    """Of them in the optimiser's steps, with drawing and reading the replay."""


class Approving:
    """In the judge's and the screener's place: each window is learnt, and each candidate becomes champion."""

    def screen(self, _claim: object) -> Screened:
        """Find nothing strange."""
        return Screened()

    def judge(self, _claim: object, _candidate: object, _retired: object) -> Judged:
        """Promote."""
        verdict = Verdict(Decision.PROMOTED, "not judged", 0, None, None, None, {}, None, None)
        return Judged(verdict, KeptAnswers(np.empty(0, np.int64), np.empty(0, np.int64), 1), best=True)

    def crown(self, _version: int, _network: object) -> None:
        """Keep nothing."""


class Unpublishing:
    """In the publisher's place: an artefact that holds nothing."""

    def stage(self, *_args: object, version: int, out_path: Path, **_options: object) -> Staged:
        """Write the number of the version."""
        content = str(version).encode()
        out_path.write_bytes(content)
        return Staged(hashlib.sha256(content).hexdigest(), len(content), 0.0, False, 0.0)


class Meter(StatusBoard):
    """Counts gradients and the seconds of training."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.sample_gradients = 0
        self.training_seconds = 0.0

    def trained(self, fresh: int, replayed: int) -> None:
        """Count what went through the training."""
        super().trained(fresh, replayed)
        self.sample_gradients += fresh + replayed

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """Add up the training."""
        super().stage_ended(stage, seconds)
        self.training_seconds += seconds if stage is Stage.TRAIN else 0.0


class Tidemill:
    """State directory, repository and round in a temporary folder."""

    def __init__(self, stream: Stream, settings: Settings) -> None:
        self._stream = stream
        self._settings = settings
        self._offset = 0
        self.meter = Meter()

    def __enter__(self) -> "Tidemill":
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidemill-learning-")))
            self._compose(stack, folder)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _compose(self, stack: ExitStack, folder: Path) -> None:
        size, settings = self._stream.size, self._settings
        kept = EVERYTHING if settings.memory is None else settings.memory * 3 * size**2
        rules = StoreRules(
            bytes_max=kept,
            holdout_fraction=0.0,
            holdout_first=0,
            class_min_samples=Model().class_min_samples,
            condensed_max=0 if settings.plain else StoreRules().condensed_max,
        )
        self.directory = stack.enter_context(
            StateDirectory.open(folder / "state", size=size, rules=rules, now_ms=lambda: 1)
        )
        repository = stack.enter_context(
            Repository(folder / "models", "default").open(self.directory.ledger.state_id())
        )
        options = CandidateOptions(
            settings.architecture,
            size,
            plan=PlanOptions(
                1,
                settings.batch,
                replay=2.0 * settings.budget - 1.0,
                save_replay=settings.save_replay,
                steps_min=settings.steps_min,
            ),
            training=replace(settings.training, recall=0.0, margin=0.0) if settings.plain else settings.training,
        )
        self._maker = CandidateMaker(self.directory, options, torch.device("cpu"), time.monotonic)
        stages = Stages(self.meter, time.monotonic)
        announcements = Announcements(
            SimpleNamespace(announce=lambda _key, _value: None), Outage("", Need.ANNOUNCEMENT, time.monotonic)
        )
        settlement = Settlement(
            self.directory, repository, MemoryBuffer(), announcements, self.meter, stages, time.monotonic
        )
        self._round = Round(
            directory=self.directory,
            maker=self._maker,
            screener=Approving(),
            judge=Approving(),
            publisher=Unpublishing(),
            repository=repository,
            settlement=settlement,
            stages=stages,
            observer=self.meter,
            labels=Labels("default", settings.architecture, size),
            seed=settings.seed,
            clock=time.monotonic,
            now_ms=lambda: 1,
            stop=lambda: False,
        )

    def learn(self, window: Window) -> None:
        """Run the daemon's round on the window."""
        self._round.run(window)

    def windows(self, task: Task) -> Iterator[Window]:
        """Cut what a task brings into windows of nearly the same size; a task's end is a window's, too."""
        n = len(task.train)
        for start, end in pairwise(window_bounds(n, self._settings.window)):
            yield self._window(task, np.arange(start, end))

    def _window(self, task: Task, chosen: NDArray[np.int64]) -> Window:
        first, self._offset = self._offset, self._offset + len(chosen)
        arrivals = tuple(
            Arrival(LOG, offset, str(offset), self._stream.classes[label], 1, "")
            for offset, label in enumerate(task.train.labels[chosen], first)
        )
        return Window((Span(LOG, first, self._offset, 0, 0),), arrivals, task.train.rgb(chosen))

    def answer(self, task: Task) -> Logits:
        """Answer a task's test images with the network that the state directory holds now."""
        logits = np.full((len(task.test), len(self._stream.classes)), -np.inf, np.float32)
        digest = self.directory.ledger.current_state()
        known = [self._stream.classes.index(name) for name in self.directory.ledger.classes()]
        if digest is None:  # nothing was learnt yet, for there was a single class
            logits[:, known] = 0.0
            return logits
        network = self._maker.network_of(digest)
        with torch.inference_mode():
            for start in range(0, len(task.test), TEST_BATCH):
                rows = np.arange(start, min(start + TEST_BATCH, len(task.test)))
                logits[np.ix_(rows, known)] = network(as_image(torch.from_numpy(task.test.rgb(rows)))).numpy()
        return logits


def fitting_window(stream: Stream) -> int:
    """Return the images of a round: the default, or less where a task would have fewer than four of them.

    A label becomes a class with its second window at the earliest: what comes in a single one is never learnt.
    """
    return max(1, min(WINDOW, min(len(task.train) for task in stream.tasks) // 4))


def window_bounds(n: int, size: int) -> list[int]:
    """Return the bounds that cut n images into the fewest windows of at most `size`, as even as can be."""
    count = -(-n // size)
    return [n * index // count for index in range(count + 1)] if n else []


def run(stream: Stream, settings: Settings, progress: Callable[[float], None] = lambda _share: None) -> Run:
    """Learn the stream, one window after another, and answer the test images at the end of each task."""
    after: list[list[Logits]] = []
    seconds, seen = 0.0, 0
    with Tidemill(stream, settings) as tidemill:
        for number, task in enumerate(stream.tasks):
            for window in tidemill.windows(task):
                began = time.perf_counter()
                tidemill.learn(window)
                seconds += time.perf_counter() - began
                seen += len(window.arrivals)
                progress(seen / stream.images)
            after.append(answer_all(stream, number, tidemill.answer))
        meter = tidemill.meter
    return Run(Answers(after), meter.sample_gradients, seconds, meter.training_seconds)


def answer_all(stream: Stream, last: int, answer: Callable[[Task], Logits]) -> list[Logits]:
    """Answer the test images of all tasks up to `last`; those that several tasks share only once."""
    known: dict[int, Any] = {}
    for task in stream.tasks[: last + 1]:
        if id(task.test) not in known:
            known[id(task.test)] = answer(task)
    return [known[id(task.test)] for task in stream.tasks[: last + 1]]
