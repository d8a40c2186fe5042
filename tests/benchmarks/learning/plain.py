"""The two ends of the scale, by Tidemill's own trainer: everything at once, shuffled, and one task after another."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch

from model.examples import Examples
from model.learning.augment import as_image
from model.learning.plan import Plan
from model.learning.published import published_network
from model.learning.state import LearnerState, new_state
from model.learning.trainer import train
from model.network.build import build
from model.network.normalisation import normalisation_of
from model.network.spec import NetworkSpec
from model.seeding import seed_of
from tests.benchmarks.learning.metrics import Answers, Logits
from tests.benchmarks.learning.ours import TEST_BATCH, Run, Settings, answer_all, window_bounds
from tests.benchmarks.learning.protocols import Stream, Task

VISITS = 2
"""Gradients of an image for each pass: in a stream once as fresh, once replayed."""


def offline(stream: Stream, settings: Settings) -> Run:
    """Train on all images at once, shuffled anew in each epoch; the answers stand for the end of every task."""
    everything = _examples(stream, stream.tasks)
    state = _first(stream, settings)
    seconds, gradients = _train(state, everything, settings, 1)
    tests = answer_all(stream, len(stream.tasks) - 1, lambda task: _answer(state, task))
    after = [tests[: task + 1] for task in range(len(stream.tasks))]
    return Run(Answers(after), gradients, seconds, seconds)


def finetuning(stream: Stream, settings: Settings) -> Run:
    """Train on each window alone, as often as Tidemill trains on it and on its replay together."""
    state, after, seconds, gradients, number = _first(stream, settings), [], 0.0, 0, 0
    for last, task in enumerate(stream.tasks):
        for window in _windows(stream, task, settings.window):
            number += 1
            spent, counted = _train(state, window, settings, number)
            seconds, gradients = seconds + spent, gradients + counted
        after.append(answer_all(stream, last, lambda one: _answer(state, one)))
    return Run(Answers(after), gradients, seconds, seconds)


PLAIN: dict[str, Callable[[Stream, Settings], Run]] = {"offline": offline, "fine-tuning": finetuning}


def _first(stream: Stream, settings: Settings) -> LearnerState:
    """Return Tidemill's first weights for this seed, with a head for all classes and the training images' mean."""
    spec = NetworkSpec(settings.architecture, stream.size, len(stream.classes))
    network = build(spec, seed_of(settings.seed, 0, "weights"))
    network.set_normalisation(normalisation_of(one.pixels_NHWC for one in _pieces(stream)))
    return new_state(network, stream.classes)


def _pieces(stream: Stream) -> Iterator[Examples]:
    return (window for task in stream.tasks for window in _windows(stream, task, TEST_BATCH))


def _windows(stream: Stream, task: Task, size: int) -> Iterator[Examples]:
    for start, end in pairwise(window_bounds(len(task.train), size)):
        chosen = np.arange(start, end)
        yield Examples(task.train.rgb(chosen), task.train.labels[chosen])


def _examples(stream: Stream, tasks: tuple[Task, ...]) -> Examples:
    pixels = [task.train.rgb(np.arange(len(task.train))) for task in tasks]
    return Examples(np.concatenate(pixels), np.concatenate([task.train.labels for task in tasks]))


def _train(state: LearnerState, examples: Examples, settings: Settings, number: int) -> tuple[float, int]:
    """Train with no replay; return seconds and sample-gradients."""
    gradients = len(examples) * settings.budget * VISITS
    plan = Plan(steps=-(-gradients // settings.batch), fresh_n=gradients, replay_n=0)
    none = Examples.none(state.network.spec.size)
    shares = np.zeros(len(state.classes))
    began = time.perf_counter()
    train(
        state,
        examples,
        none,
        shares,
        plan,
        settings.training,
        seed=settings.seed,
        round_number=number,
        clock=time.monotonic,
    )
    return time.perf_counter() - began, gradients


def _answer(state: LearnerState, task: Task) -> Logits:
    network = published_network(state)
    with torch.inference_mode():
        parts = [
            network(
                as_image(torch.from_numpy(task.test.rgb(np.arange(start, min(start + TEST_BATCH, len(task.test))))))
            )
            for start in range(0, len(task.test), TEST_BATCH)
        ]
    return torch.cat(parts).numpy()
