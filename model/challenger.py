"""A challenger: a network trained from scratch on the store, in idle time, to be held against the champion.

A model that has learnt in small steps for long may be worse than one that begins anew with all there is: it may have
lost the ability to learn, or sit in a poor place since its first days (warm starts: Ash and Adams 2020). Between rounds
the challenger trains as much as a round does, a turn, on what the store holds then; after its budget of turns it is to
be judged. What it has learnt is in memory only: a restart begins anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from model.candidates import CandidateOptions, first_state
from model.examples import Examples
from model.learning.device import device_faults
from model.learning.plan import plan_round
from model.learning.state import LearnerState
from model.learning.trainer import train
from model.network.errors import ArchitectureChangedError
from model.network.normalisation import normalisation_of
from model.seeding import seed_of, seeded
from model.store.directory import StateDirectory


@dataclass(frozen=True, slots=True)
class ChallengerOptions:
    """What a challenger is given."""

    turns: int
    """Turns of training, each as long as a round of `samples`; 0: there is no challenger."""
    samples: int
    """Fresh samples of a round."""
    seed: int


@dataclass(slots=True)
class _Course:
    """A challenger under way."""

    state: LearnerState
    number: int
    """The round after which it began: its seed."""
    turns: int
    last_return: int
    """What `Ledger.last_return` said. After a rollback a challenger begins anew: it has learnt what is set aside."""


class Challenger:
    """Trains one challenger at a time. For the learner's thread."""

    def __init__(
        self,
        directory: StateDirectory,
        options: CandidateOptions,
        given: ChallengerOptions,
        device: torch.device,
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._options = options
        self._given = given
        self._device = device
        self._clock = clock
        self._course: _Course | None = None
        self._last: int | None = None

    @property
    def turns(self) -> int:
        """Turns that the challenger under way has had."""
        return self._course.turns if self._course else 0

    def due(self) -> bool:
        """Tell whether there is a turn to take: as many rounds after the last challenge as a challenger has turns."""
        if not self._given.turns:
            return False
        ledger = self._directory.ledger
        if self._last is None:
            self._last = ledger.last_challenge()
        rested = ledger.last_round() - self._last >= self._given.turns
        ready = ledger.champion() is not None and ledger.counts()["train"] > 0
        return ready and (self._course is not None or rested)

    def turn(self, stop: Callable[[], bool] = lambda: False) -> LearnerState | None:
        """Train one turn; return the trained state after the last one, and forget it.

        Raises DivergedError, StoppedError, DeviceError, NetworkError, OSError; what was trained is then lost.
        """
        course, self._course = self._continued() or self._begun(), None
        course.turns += 1
        plan = plan_round(self._given.samples, self._options.plan, replay=True)
        drawn = self._directory.draw(
            len(course.state.classes),
            plan.fresh_n + plan.replay_n,
            seeded(self._given.seed, course.number, _turn(course)),
        )
        nothing = Examples.none(self._options.size)
        train(
            course.state,
            drawn.batch,
            nothing,
            np.zeros(len(course.state.classes)),
            replace(plan, fresh_n=plan.fresh_n + plan.replay_n, replay_n=0),
            self._options.training,
            seed=self._given.seed,
            round_number=course.number * self._given.turns + course.turns,
            clock=self._clock,
            stop=stop,
        )
        if course.turns < self._given.turns:
            self._course = course
            return None
        self._last = None  # the challenge is a round: when it was, is read once it is committed
        return course.state

    def give_up(self) -> None:
        """Forget the challenger under way; the next one has to wait as if it had been judged now."""
        self._course, self._last = None, self._directory.ledger.last_round()

    def _continued(self) -> _Course | None:
        """Return the challenger under way, with a row for each class that has come since; None where there is none."""
        course, ledger = self._course, self._directory.ledger
        if course is None or course.last_return != ledger.last_return():
            return None
        classes = ledger.classes()
        if classes[: len(course.state.classes)] != course.state.classes:
            return None
        if classes != course.state.classes:
            course.state.to(torch.device("cpu"))
            course.state.grow(classes, seed_of(self._given.seed, course.number, f"growth {_turn(course)}"))
            with device_faults(self._device):
                course.state.to(self._device)
        return course

    def _begun(self) -> _Course:
        ledger = self._directory.ledger
        champion = ledger.champion()
        if champion is not None and champion.manifest["architecture"] != self._options.architecture:
            raise ArchitectureChangedError(f"the champion is a {champion.manifest['architecture']}")
        number, classes = ledger.last_round(), ledger.classes()
        state = first_state(self._options, classes, seed_of(self._given.seed, number, "challenger"))
        first = self._directory.draw(
            len(classes), self._given.samples, seeded(self._given.seed, number, "normalisation")
        )
        state.network.set_normalisation(normalisation_of([first.batch.pixels_NHWC]))
        with device_faults(self._device):
            state.to(self._device)
        return _Course(state, number, 0, ledger.last_return())


def _turn(course: _Course) -> str:
    return f"turn {course.turns}"
