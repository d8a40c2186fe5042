"""Train a state for one round."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.examples import Labelled
from model.learning.device import device_faults, lay_out, precision
from model.learning.errors import DivergedError, StoppedError
from model.learning.feeding import Feed, feed
from model.learning.freezing import Freezing
from model.learning.loss import balanced_loss, label_shares, log_shares, robust_loss
from model.learning.margins import Margins
from model.learning.optimiser import laid_out_like, learning_parameters, make_optimiser
from model.learning.options import TrainOptions
from model.learning.plan import Plan
from model.learning.recall import Recall, recall_loss
from model.learning.state import LearnerState
from model.seeding import seed_of

LOOK_EVERY = 16
"""Steps between two looks at the losses on CUDA, where each look waits for the device."""
TELL_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class StepFacts:
    """Progress; told four times a second at most, and at the last step."""

    step: int
    """From 1."""
    steps: int
    loss: float
    samples_per_second: float


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What a round's training was."""

    steps: int
    epochs: float
    """Times that a fresh sample was trained on, in the mean."""
    fresh: int
    """Fresh samples trained on, repeats included."""
    replayed: int
    """Replayed samples trained on."""
    loss: float
    """Mean over the round's steps."""
    seconds: float
    device: str
    threads: int


def train(
    state: LearnerState,
    fresh: Labelled,
    replay: Labelled,
    replay_shares: NDArray[np.float64],
    plan: Plan,
    options: TrainOptions,
    *,
    seed: int,
    round_number: int,
    recall: Recall | None = None,
    scarce: NDArray[np.float64] | None = None,
    margins: Margins | None = None,
    clock: Callable[[], float],
    progress: Callable[[StepFacts], None] = lambda _facts: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainingFacts:
    """Train `state` in place, on the device that it is on, for `plan.steps` steps.

    `replay` holds `plan.replay_n` samples, drawn by the distribution `replay_shares` ([classes_n]); `recall` has a row
    for each of them. `scarce` ([classes_n]) gives the margin of each class
    (scarcity.py). `margins` is told every batch. What `options.trainable` leaves out is published as it was, bit for
    bit: it takes no gradient and has no moments. On the CPU the same inputs, seed, round and number of threads give the
    same bytes. `clock` gives seconds.
    Raises DivergedError, StoppedError, DeviceError; the state is then to be thrown away.
    """
    device = state.network.mean.device
    began = clock()
    fresh_shares = label_shares(fresh.labels, len(state.classes))
    logs = log_shares(fresh_shares, replay_shares, plan.fresh_share)
    if scarce is not None:
        logs = logs - options.margin * scarce
    log_share = torch.tensor(logs, dtype=torch.float32, device=device)
    watch = _Watch(plan, LOOK_EVERY if device.type == "cuda" else 1, clock, progress)
    batches = feed(fresh, replay, plan, options, device, seed=seed, round_number=round_number, recall=recall)
    # Dropout and stochastic depth draw from torch's global generator: seeded here, and given back as it was.
    with device_faults(device), torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed_of(seed, round_number, "dropout"))
        stepper = _Stepper(state, options, log_share, recall.weight if recall else 0.0, margins)
        for batch in batches:
            if stop():
                raise StoppedError("stopped within training")
            watch.step(*stepper.step(batch))
        stepper.finish()
    return TrainingFacts(
        steps=plan.steps,
        epochs=plan.fresh_n / len(fresh.labels),
        fresh=plan.fresh_n,
        replayed=plan.replay_n,
        loss=watch.mean_loss,
        seconds=clock() - began,
        device=str(device),
        threads=torch.get_num_threads(),
    )


class _Stepper:
    """One optimiser step after another, and the average behind them."""

    def __init__(
        self,
        state: LearnerState,
        options: TrainOptions,
        log_share: Tensor,
        recall_weight: float,
        margins: Margins | None,
    ) -> None:
        network = state.network
        self._freezing = Freezing(state, options.trainable)
        lay_out(network, network.mean.device)
        self._state = state
        self._options = options
        self._log_share = log_share
        self._recall_weight = recall_weight
        self._margins = margins
        self._learning = learning_parameters(network)
        self._optimiser = make_optimiser(network, options, state.moments, pretrained=state.pretrained)
        average = state.average
        average.tensors = {name: laid_out_like(average.tensors[name], p) for name, p in network.named_parameters()}

    def step(self, batch: Feed) -> tuple[Tensor, Tensor]:
        """Make one step; return loss and gradient norm, on the device. If one is not finite, no weight changed."""
        with precision(batch.image.device):
            logits = self._state.network(batch.image)
        if self._margins is not None:
            self._margins.note(logits, batch.labels, batch.rows)
        loss = self._loss(logits, batch)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        loss = loss.detach()
        norm = nn.utils.get_total_norm([p.grad for p in self._learning.values() if p.grad is not None])
        # The fused kernels leave out a step that is marked so: no wait for the device to tell.
        self._optimiser.found_inf = (~torch.isfinite(loss + norm)).to(torch.float32)  # type: ignore[attr-defined]
        self._optimiser.step()
        self._state.steps += 1
        self._state.average.update(self._learning, self._state.network.head_parameters, self._options.ema_decay)
        return loss, norm

    def _loss(self, logits: Tensor, batch: Feed) -> Tensor:
        if self._options.robustness:
            loss = robust_loss(logits, batch.labels, self._log_share, self._options.robustness)
        else:
            loss = balanced_loss(logits, batch.labels, self._log_share, self._options.label_smoothing)
        if batch.former is not None:
            loss = loss + self._recall_weight * recall_loss(logits[-len(batch.former) :], batch.former)
        return loss

    def finish(self) -> None:
        """Take over what the optimiser remembers, and let go of what was frozen."""
        self._optimiser.zero_grad(set_to_none=True)
        self._state.moments.take_from(self._optimiser, self._learning)
        self._freezing.end()


class _Watch:
    """Looks at losses every few steps, stops at one that is not finite, tells the progress."""

    def __init__(
        self, plan: Plan, look_every: int, clock: Callable[[], float], progress: Callable[[StepFacts], None]
    ) -> None:
        self._plan = plan
        self._look_every = look_every
        self._clock = clock
        self._progress = progress
        self._began = clock()
        self._told = self._began
        self._unseen: list[Tensor] = []
        self._steps = 0
        self._loss_sum = 0.0

    @property
    def mean_loss(self) -> float:
        """Mean over the steps looked at."""
        return self._loss_sum / max(self._steps, 1)

    def step(self, loss: Tensor, norm: Tensor) -> None:
        """Take in a step. Raises DivergedError at the next look."""
        self._unseen.append(torch.stack([loss, norm]))
        done = self._steps + len(self._unseen)
        if done % self._look_every == 0 or done == self._plan.steps:
            self._look()

    def _look(self) -> None:
        seen = torch.stack(self._unseen).tolist()
        self._unseen.clear()
        for loss, norm in seen:
            self._steps += 1
            if not math.isfinite(loss + norm):
                raise DivergedError(self._steps, loss, norm)
            self._loss_sum += loss
        now = self._clock()
        if now - self._told >= TELL_EVERY_S or self._steps == self._plan.steps:
            self._told = now
            per_step = (self._plan.fresh_n + self._plan.replay_n) / self._plan.steps
            speed = self._steps * per_step / max(now - self._began, 1e-9)
            self._progress(StepFacts(self._steps, self._plan.steps, seen[-1][0], speed))
