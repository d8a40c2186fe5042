"""One round in durable order: claimed, staged, committed, published. Killed anywhere, it ends the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from daemon.learn.faults import blame_window
from daemon.learn.freshness import Arrived, Learnt
from daemon.learn.ids import name_round
from daemon.learn.manifests import Labels, evaluation_of, manifest_of
from daemon.learn.observer import LearnObserver, Stage
from daemon.learn.observer import Outcome as ObservedOutcome
from daemon.learn.relabelled import tell_relabels
from daemon.learn.reporting import judgement_of, report_training
from daemon.learn.settlement import Settlement
from daemon.learn.stages import Stages
from daemon.tracing.spans import NO_LEARN_SPANS, LearnSpans
from model.candidates import Candidate, CandidateMaker
from model.judge import Judge, Judged
from model.judging.gate import Decision
from model.learning.state import LearnerState
from model.publishing.layout import MODEL_FILE
from model.publishing.publisher import Publisher, Staged
from model.publishing.repository import Repository
from model.screener import Screened, Screener
from model.store.directory import StateDirectory
from model.store.facts import Batch, Claim, Commit, Fate, NewVersion, Outcome
from model.window import Window

CLASSES_MIN = 2
"""Below this there is nothing to tell apart, and nothing is trained."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a round ended."""

    round: int
    outcome: Outcome
    reason: str
    version: int | None
    empty: bool = False
    """There was nothing fresh to train on: the database calls it refused, people are told so."""

    @property
    def told(self) -> ObservedOutcome:
        """How it is told."""
        return ObservedOutcome.EMPTY if self.empty else ObservedOutcome(self.outcome.value)


@dataclass(slots=True)
class Round:
    """The parts of a round, and the order in which they are used."""

    directory: StateDirectory
    maker: CandidateMaker
    screener: Screener
    judge: Judge
    publisher: Publisher
    repository: Repository
    settlement: Settlement
    stages: Stages
    observer: LearnObserver
    labels: Labels
    seed: int
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    stop: Callable[[], bool]
    arrived: Arrived = field(default_factory=Arrived)
    spans: LearnSpans = NO_LEARN_SPANS

    def run(self, window: Window | None, *, parcel: int | None = None, challenger: LearnerState | None = None) -> Ended:
        """Run one round on `window`, or on a suspect `parcel` alone, or hold a `challenger` against the champion.

        Without all three: go on with the open claim, from the same state to the same bytes.

        Raises WindowFault when training or judging fails, StoppedError when asked to stop, and what lies outside.
        Until the commit nothing has happened but the claim, and the call may be repeated with None.
        """
        began = self.clock()
        # 1. Claim: ranges, pixels, roles and seed on our own disk. From here on Redis is not needed for this round.
        with self.stages(Stage.CLAIM):
            claim = self._claim(window, parcel, challenger)
        fresh = self.directory.fresh(claim)
        self.observer.round_started(claim.round, len(fresh))
        # 2. Score before learning: on what the champion has never seen, its accuracy is honest. What it finds too
        # strange is not learnt.
        with self.stages(Stage.SCREEN), blame_window():
            screened = self.screener.screen(claim)
        self.observer.scored_before(screened.before)
        if screened.refused is not None:
            return self._end_untrained(claim, screened.refused, screened.reason, screened, began)
        if reason := _nothing_to_train(claim, fresh):
            return self._end_untrained(claim, Fate.ACCEPTED, reason, screened, began)
        # 3. Train, from the state that the claim names, with generators that follow from its seed.
        with self.stages(Stage.TRAIN), blame_window():
            trained = self.maker.train(claim, fresh, progress=report_training(self.observer), stop=self.stop)
        if not claim.challenges:
            self.observer.trained(trained.facts.fresh, trained.facts.replayed)
        with self.stages(Stage.CALIBRATE), blame_window():
            candidate = self.maker.finish(claim, fresh, trained)
        # 4. Stage: the artefact is on the repository's own disk, synced and checked, before anything is decided.
        with self.stages(Stage.STAGE), blame_window():
            staged = self._stage(claim, candidate, fresh)
        # 5. Judge, both models on the same samples.
        with self.stages(Stage.EVALUATE), blame_window():
            judged = self.judge.judge(claim, candidate, screened.contradicted)
        self.observer.judged(judgement_of(judged.verdict, claim.classes, judged.gap))
        # 6. Commit: the one moment in which the round becomes history, all of it or nothing.
        with self.stages(Stage.COMMIT):
            ended = self._commit(claim, fresh, candidate, staged, judged, screened, began)
        # 7. to 9. Publish, trim, announce: renames and idempotent steps only. A restart does them again.
        self.settlement.settle()
        self.observer.round_ended(ended.round, ended.told, self.clock() - began)
        return ended

    def refuse(self, claim: Claim, reason: str) -> Ended:
        """Commit the open claim as refused and its window as quarantined, for it failed too often."""
        state = self.directory.ledger.current_state()
        with self.stages(Stage.COMMIT):
            self.directory.commit(claim, Commit(Outcome.REFUSED, reason, Fate.QUARANTINED, seconds=0.0, state=state))
        tell_relabels(self.directory.ledger, self.observer, claim.round)
        self.repository.drop(claim.round)
        self.settlement.settle()
        ended = Ended(claim.round, Outcome.REFUSED, reason, None)
        self.observer.round_ended(claim.round, ended.told, 0.0)
        return ended

    def _claim(self, window: Window | None, parcel: int | None, challenger: LearnerState | None) -> Claim:
        claim = self._claimed(window, parcel, challenger)
        name_round(claim, self.spans)
        return claim

    def _claimed(self, window: Window | None, parcel: int | None, challenger: LearnerState | None) -> Claim:
        if challenger is not None:
            return self.directory.claim_challenge(seed=self.seed, state=self._save_state(challenger))
        state = self.directory.ledger.current_state()
        if window is not None:
            self.arrived.note(window)
            return self.directory.claim(window, seed=self.seed, state=state)
        if parcel is not None:
            return self.directory.claim_retry(parcel, seed=self.seed, state=state)
        claim = self.directory.ledger.open_claim()
        if claim is None:
            raise ValueError("no claim is open, and no window, parcel or challenger was given")
        return claim

    def _stage(self, claim: Claim, candidate: Candidate, fresh: Batch) -> Staged:
        return self.publisher.stage(
            candidate.network,
            spec_json=candidate.network.spec.to_json(),
            classes=claim.classes,
            model_name=self.labels.model,
            version=claim.version,
            samples_NHWC=(fresh if len(fresh) else self.maker.calibration(claim)).pixels_NHWC,
            out_path=self.repository.stage_dir(claim.round) / MODEL_FILE,
        )

    def _commit(
        self,
        claim: Claim,
        fresh: Batch,
        candidate: Candidate,
        staged: Staged,
        judged: Judged,
        screened: Screened,
        began: float,
    ) -> Ended:
        """Make files durable first, then name them in the transaction: a row never points at what may be gone."""
        verdict = judged.verdict
        evaluation = evaluation_of(verdict, claim.classes, screened.before, judged.gap)
        outcome, fate = _outcome(verdict.decision, last=self.directory.ledger.is_last_try(claim))
        version: NewVersion | None = None
        if outcome is Outcome.PUBLISHED:
            lineage = self.directory.ledger.lineage_since(claim.version - 1)
            manifest = manifest_of(
                self.labels, claim, fresh, candidate, staged, verdict, evaluation, lineage, self.now_ms()
            )
            self.repository.seal(self.repository.staged(claim.round), manifest)
            version = NewVersion(claim.version, manifest.to_dict(), staged.sha256)
        learnt = fate is Fate.ACCEPTED and (version is not None or not claim.challenges)
        state = self._save_state(candidate.trained.state) if learnt else self._state_before(claim)
        facts: dict[str, Any] = {
            "outcome": outcome,
            "reason": verdict.reason,
            "fate": fate,
            "verdict": verdict.decision.value if learnt or not claim.challenges else "",
            "state": state,
            "version": version,
            "evaluation": evaluation,
            "replayed": candidate.trained.replayed,
            "observed": candidate.trained.observed,
            "replay_budget": candidate.trained.budget,
            "answers": judged.answers,
            "best": judged.best,
            **_screening(screened, accepted=fate is Fate.ACCEPTED),
            "fresh_logits": candidate.fresh_logits,
        }
        self.directory.commit(claim, Commit(seconds=self.clock() - began, **facts))
        tell_relabels(self.directory.ledger, self.observer, claim.round)
        if learnt and state is not None:
            self.maker.keep(state, candidate.trained.state)
            self.settlement.learnt(self._learnt(claim, fresh))
        if version is None:
            self.repository.drop(claim.round)
        else:
            self.judge.crown(version.version, candidate.network)
        return Ended(claim.round, outcome, verdict.reason, version.version if version else None)

    def _end_untrained(self, claim: Claim, fate: Fate, reason: str, screened: Screened, began: float) -> Ended:
        """Commit a window that is not trained: its records are accounted for, the model stays."""
        outcome = Outcome.HELD if fate is Fate.ACCEPTED and claim.count("trained") else Outcome.REFUSED
        facts = _screening(screened, accepted=fate is Fate.ACCEPTED)
        with self.stages(Stage.COMMIT):
            self.directory.commit(claim, Commit(outcome, reason, fate, self.clock() - began, **facts))
        tell_relabels(self.directory.ledger, self.observer, claim.round)
        self.settlement.settle()
        empty = outcome is Outcome.REFUSED and fate is Fate.ACCEPTED
        ended = Ended(claim.round, outcome, reason, None, empty=empty)
        self.observer.round_ended(claim.round, ended.told, self.clock() - began)
        return ended

    def _learnt(self, claim: Claim, fresh: Batch) -> Learnt:
        ledger = self.directory.ledger
        buffered_ms = self.arrived.of(ledger, (claim.high_water, claim.last_sample), fresh.samples)
        committed_ms = ledger.committed_at_ms() or claim.claimed_at_ms
        return Learnt(claim.round, fresh.event_times_ms, buffered_ms, claim.claimed_at_ms, committed_ms)

    def _save_state(self, state: LearnerState) -> str:
        file = self.directory.weights_path("new")
        digest = state.save(file)
        self.directory.adopt_weights(file, digest)
        return digest

    def _state_before(self, claim: Claim) -> str | None:
        """Return what learning goes on from after a harmful candidate: all that was committed with the champion.

        After a challenger in vain it goes on as if there had been none.
        """
        if claim.challenges:
            return self.directory.ledger.current_state()
        champion = self.directory.ledger.champion()
        return champion.state if champion else None


def _nothing_to_train(claim: Claim, fresh: Batch) -> str:
    if claim.challenges:
        return ""
    if len(fresh) == 0:
        waiting, known = claim.count("waiting"), claim.relabelled
        wait = f"; {waiting} wait for their label to become a class" if waiting else ""
        again = f"; {known} known pictures came under another label" if known else ""
        return f"nothing to train: no fresh training sample in the window{wait}{again}"
    if len(claim.classes) < CLASSES_MIN:
        return f"nothing to tell apart: {claim.classes[0]!r} is the only class so far"
    return ""


def _screening(screened: Screened, *, accepted: bool) -> dict[str, Any]:
    """Return what a commit says of the screening; labels change their meaning only where the window is accepted."""
    return {
        "prequential_accuracy": screened.before,
        "screened": screened.counts,
        "said": screened.said,
        "change": screened.change and accepted,
        "contradicted": screened.contradicted if accepted else (),
        "relabels": screened.doubts,
    }


def _outcome(decision: Decision, *, last: bool) -> tuple[Outcome, Fate]:
    if decision is Decision.PROMOTED:
        return Outcome.PUBLISHED, Fate.ACCEPTED
    if decision is Decision.HELD:
        return Outcome.HELD, Fate.ACCEPTED
    return Outcome.REFUSED, Fate.QUARANTINED if last else Fate.SUSPECT
