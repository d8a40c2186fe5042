"""Makes a round's candidate: from the state that a claim starts from, over training, to the network to be judged.

Whatever is drawn follows from (seed, round, purpose), and replay ends at the claim's high-water mark: the same claim
gives the same candidate, also after a crash.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.examples import Labelled
from model.judging.answers import Answers, evaluate
from model.learning.budget import ReplayBudget
from model.learning.difficulty import follow_errors, replay_weights
from model.learning.loss import label_shares
from model.learning.margins import Margins, Seen, first_error
from model.learning.options import PlanOptions, TrainOptions
from model.learning.plan import Plan, plan_round, plan_round_within
from model.learning.published import answered, published_network
from model.learning.recall import Recall
from model.learning.scarcity import scarcity
from model.learning.state import LearnerState, new_state
from model.learning.trainer import StepFacts, TrainingFacts, train
from model.network.build import build
from model.network.errors import ArchitectureChangedError
from model.network.initial_weights import load_initial_weights
from model.network.network import Network
from model.network.normalisation import normalisation_of
from model.network.spec import NetworkSpec, Stem
from model.seeding import seed_of, seeded
from model.store.directory import StateDirectory
from model.store.facts import Batch, Claim, Observed, Replay

PROBE_PASSES = 20
"""Times that a probe is trained on each of its samples."""
DOUBLINGS_MAX = 5
"""Times that training gets twice as long after windows refused in a row: 32 passes."""
CALIBRATION_SAMPLES = 512
"""Replayed samples on which BatchNorm's statistics are estimated anew for the averaged weights."""


@dataclass(frozen=True, slots=True)
class CandidateOptions:
    """What is built, and how a round trains it."""

    architecture: str
    size: int
    stem: Stem = "auto"
    initial_weights: Path | None = None
    plan: PlanOptions = field(default_factory=PlanOptions)
    training: TrainOptions = field(default_factory=TrainOptions)

    def spec(self, classes_n: int) -> NetworkSpec:
        """Return what the network is, with so many classes."""
        return NetworkSpec(self.architecture, self.size, classes_n, self.stem)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained state, and how it came about."""

    state: LearnerState
    facts: TrainingFacts
    replayed: NDArray[np.int64]
    """Keys of the samples replayed, in the order drawn."""
    observed: Observed
    """How the samples fared while they were trained on."""
    budget: ReplayBudget | None = None
    """What is left for replay in rounds to come; None: as before."""
    forgetful: bool = False
    """Whether the store has evicted training samples: what is answered to the fresh ones is then worth keeping."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained state, and the network made of it."""

    trained: Trained
    network: Network
    """Averaged weights in eval mode: what is judged and exported."""
    fresh_logits: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None
    """Keys of the fresh samples and the network's answers to them, where these are to be kept."""
    trained_answers: Answers | None = None
    """What the network answers to samples that it was trained on, unaugmented: at most CALIBRATION_SAMPLES."""


class CandidateMaker:
    """Trains candidates. Keeps the state of the last round in memory, so that a round need not read it back."""

    def __init__(
        self, directory: StateDirectory, options: CandidateOptions, device: torch.device, clock: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._options = options
        self._device = device
        self._clock = clock
        self._kept: tuple[str, LearnerState] | None = None

    def train(
        self,
        claim: Claim,
        fresh: Batch,
        *,
        progress: Callable[[StepFacts], None] = lambda _facts: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Trained:
        """Train on the claim's fresh samples beside replayed ones.

        A challenger is trained already. Raises DivergedError, StoppedError, DeviceError, InitialWeightsError, OSError.
        """
        if claim.challenges:
            return self._challenger(claim)
        options = self._options
        paced, budget = self._paced(claim), self._budget()
        stored = self._directory.training_counts(claim)
        plan = self._plan(fresh, stored, paced, budget)
        drawn = self._draw(claim, plan.replay_n, "replay", self._weights(claim, budget))
        state = self._start(claim, fresh, drawn.batch)
        margins = Margins()
        facts = train(
            state,
            fresh,
            drawn.batch,
            drawn.shares,
            plan,
            options.training,
            seed=claim.seed,
            round_number=claim.round,
            recall=_recall(drawn, options.training.recall),
            scarce=self._scarce(fresh, stored),
            margins=margins,
            clock=self._clock,
            progress=progress,
            stop=stop,
        )
        seen = margins.read()
        labels = np.concatenate([fresh.labels, drawn.batch.labels])
        left = budget.after(
            paced.replay * plan.fresh_n,
            plan.replay_n,
            first_error(seen, len(fresh)),
            follow_errors(budget.errors, seen, labels, len(claim.classes)),
        )
        return Trained(
            state,
            facts,
            drawn.batch.samples,
            _observed(seen, np.concatenate([fresh.samples, drawn.batch.samples])),
            left,
            forgetful=drawn.recollected is not None,
        )

    def _budget(self) -> ReplayBudget:
        left = self._directory.ledger.replay_budget()
        return ReplayBudget() if left is None else ReplayBudget(*left)

    def _weights(self, claim: Claim, budget: ReplayBudget) -> NDArray[np.float64] | None:
        """Return how often each class is replayed in relation to others; None: all alike."""
        # Where many labels are wrong, what the network gets wrong may be right.
        return None if self._options.training.robustness else replay_weights(budget.errors, len(claim.classes))

    def _scarce(self, fresh: Batch, stored: NDArray[np.int64]) -> NDArray[np.float64]:
        forgotten = self._directory.ledger.forgotten_by_class(len(stored))
        return scarcity(label_shares(fresh.labels, len(stored)), stored, forgotten)

    def _plan(self, fresh: Batch, stored: NDArray[np.int64], paced: PlanOptions, budget: ReplayBudget) -> Plan:
        """Return the round's plan: how much of it is replay depends on what the window holds, and on what is saved."""
        # A store that evicts replays the same few ever again: to save for later brought nothing there (decision 12).
        if paced.save_replay and stored.any() and not self._directory.ledger.forgotten():
            counts = np.bincount(fresh.labels, minlength=len(stored))
            more = budget.ratio(counts, stored, paced.replay * len(fresh) * paced.passes)
            return plan_round_within(len(fresh), paced, more)
        return plan_round(len(fresh), paced, replay=bool(stored.any()))

    def _challenger(self, claim: Claim) -> Trained:
        state = self._restored(claim)
        facts = TrainingFacts(
            steps=state.steps,
            epochs=0.0,
            fresh=0,
            replayed=state.steps * self._options.plan.batch,
            loss=0.0,
            seconds=0.0,
            device=str(self._device),
            threads=torch.get_num_threads(),
        )
        nothing = np.empty(0, np.int64)
        return Trained(state, facts, nothing, Observed(nothing, nothing.astype(np.float64), nothing, nothing))

    def probe(self, claim: Claim, samples: Batch) -> Network:
        """Return a network that has learnt these samples alone, from the claim's state, many times over.

        Its weights are the last ones, not the average: it is asked what can be learnt, and thrown away. Raises as
        `train` does.
        """
        state = self._restored(claim)
        alone = replace(self._options.plan, passes=PROBE_PASSES, replay=0.0)
        plan = plan_round(len(samples), alone, replay=False)
        nothing, none = samples.part(np.empty(0, np.int64)), np.zeros(len(state.classes))
        train(
            state,
            samples,
            nothing,
            none,
            plan,
            self._options.training,
            seed=claim.seed,
            round_number=claim.round,
            clock=self._clock,
        )
        return state.network.eval()

    def finish(self, claim: Claim, fresh: Batch, trained: Trained) -> Candidate:
        """Make the network that is published: averaged weights, BatchNorm's statistics estimated anew for them.

        The samples for these, drawn from the store, are answered, too.
        """
        replayed = self.calibration(claim)
        calibration: Labelled = replayed if len(replayed) else fresh
        network = published_network(trained.state, calibration, self._options.training.trainable)
        seen = replayed if len(replayed) else fresh.part(np.arange(min(len(fresh), CALIBRATION_SAMPLES)))
        answers = evaluate(network, [seen])
        if not (trained.forgetful and self._options.training.recall):
            return Candidate(trained, network, trained_answers=answers)
        return Candidate(trained, network, (fresh.samples, answered(network, fresh)), answers)

    def calibration(self, claim: Claim) -> Batch:
        """Return the samples from the store on which a round's statistics are estimated."""
        return self._draw(claim, CALIBRATION_SAMPLES, "calibration").batch

    def network_of(self, digest: str, classes: tuple[str, ...] | None = None) -> Network:
        """Return the published network of a committed state, by the digest of its weights file. Raises OSError.

        `classes`: those of its classes that still are some, in their order; None: all.
        """
        state = LearnerState.load(self._directory.weights_path(digest))
        if classes is not None and classes != state.classes:
            state.keep(classes)
        state.to(self._device)
        return published_network(state)

    def keep(self, digest: str, state: LearnerState) -> None:
        """Remember the state that the next round starts from."""
        self._kept = (digest, state)

    def _draw(self, claim: Claim, n: int, purpose: str, weights: NDArray[np.float64] | None = None) -> Replay:
        return self._directory.draw_replay(claim, n, seeded(claim.seed, claim.round, purpose), weights)

    def _paced(self, claim: Claim) -> PlanOptions:
        """Return how much to train: twice as much after each window in a row whose candidate was harmful.

        From the same state as much training would end as badly again. What is far behind, as the average of the weights
        while classes arrive, needs more steps to get past the place where it does harm.
        """
        refused = min(self._directory.ledger.harmful_in_a_row(claim.round), DOUBLINGS_MAX)
        return replace(self._options.plan, passes=self._options.plan.passes * 2**refused)

    def _start(self, claim: Claim, fresh: Batch, replay: Batch) -> LearnerState:
        """Return the state to train: what is restored, with its input's normalisation."""
        state = self._restored(claim)
        if claim.parent is None:
            # Fixed with the first version; until then the few samples there are decide.
            state.network.set_normalisation(normalisation_of(_pixels(fresh, replay)))
        return state

    def _restored(self, claim: Claim) -> LearnerState:
        """Return the state that the claim starts from, with a row for each of its classes, on the device."""
        state = self._committed(claim.state) if claim.state is not None else self._first(claim)
        if state.classes != claim.classes:
            state.follow(claim.classes, seed_of(claim.seed, claim.round, "growth"))
        state.to(self._device)
        return state

    def _committed(self, digest: str) -> LearnerState:
        # Training changes the state in place: what is kept is given away, and read from its file should this fail.
        kept, self._kept = self._kept, None
        if kept is not None and kept[0] == digest:
            return kept[1]
        state = LearnerState.load(self._directory.weights_path(digest))
        spec = state.network.spec
        if spec != self._spec(spec.classes_n):
            raise ArchitectureChangedError(
                f"the state directory was made with {spec.architecture} (stem {spec.stem}), not with "
                f"{self._options.architecture} (stem {self._options.stem}): set model.architecture and model.stem "
                "back, or choose another paths.state and paths.repository"
            )
        return state

    def _spec(self, classes_n: int) -> NetworkSpec:
        return self._options.spec(classes_n)

    def _first(self, claim: Claim) -> LearnerState:
        return first_state(self._options, claim.classes, seed_of(claim.seed, 0, "weights"))


def first_state(options: CandidateOptions, classes: tuple[str, ...], seed: int) -> LearnerState:
    """Return what learning begins with: random weights, or `initial_weights`. Raises InitialWeightsError."""
    network = build(options.spec(len(classes)), seed)
    if options.initial_weights is not None:
        load_initial_weights(network, options.initial_weights)
    return new_state(network, classes, pretrained=options.initial_weights is not None)


def _recall(drawn: Replay, weight: float) -> Recall | None:
    """Return what replay is held to: the more the store has evicted, the more firmly."""
    if drawn.recollected is None or not weight:
        return None
    return Recall(drawn.recollected.logits, weight * drawn.recollected.forgotten)


def _observed(seen: Seen, samples: NDArray[np.int64]) -> Observed:
    """Return what was seen of each sample, in the order of their keys; `samples` are the keys of the rows."""
    keys, place, counts = np.unique(samples[seen.rows], return_inverse=True, return_counts=True)
    said = np.empty(len(keys), np.int64)
    said[place] = seen.said  # of those of one sample the last one stays
    totals = np.bincount(place, seen.margins).astype(np.float64)
    return Observed(keys, totals, counts.astype(np.int64), said)


def _pixels(*batches: Batch) -> Iterator[NDArray[np.uint8]]:
    return (batch.pixels_NHWC for batch in batches if len(batch))
