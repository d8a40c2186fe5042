"""Compares a candidate with champion and reference on the holdout and on a round's share of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.candidates import Candidate, CandidateMaker
from model.judging.answers import Answers, evaluate, evaluate_among
from model.judging.gate import GateOptions, Verdict, gate
from model.judging.harm import CLASS_MIN, NEWEST_MAX, gather
from model.judging.overfit import Gap, gap_between
from model.judging.paired import Pairing, pair
from model.judging.standing import Standing, stand
from model.network.network import Network
from model.store.directory import StateDirectory
from model.store.facts import Batch, Claim, Version
from model.store.kept_answers import UNASKED, KeptAnswers

ARRIVAL_ROUNDS = 30
"""Rounds after which a class has arrived, however few of it are held out: a rare one must not hide harm for ever."""
ASKED_SHARE = 0.9
"""Share of the samples that a predecessor must have been asked to be compared: on fewer it would hide harm."""
REFERENCE_AGE_MAX = 50
"""Versions after which a reference is too old to hold a candidate against."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and what is kept of it should the candidate be published."""

    verdict: Verdict
    answers: KeptAnswers
    best: bool
    """Not below the reference: it is the reference from then on."""
    gap: Gap | None = None
    """How much better the candidate knows what it was trained on; None where nothing can be compared."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions of a round: the keys of held-out samples, and which of them are for what."""

    samples: NDArray[np.int64]
    whole: NDArray[np.bool_]
    newest: NDArray[np.bool_]


class Judge:
    """Asks all models the same questions. Keeps the champion's network from round to round."""

    def __init__(
        self, directory: StateDirectory, maker: CandidateMaker, options: GateOptions, *, holdout_max: int
    ) -> None:
        self._directory = directory
        self._maker = maker
        self._options = options
        self._holdout_max = holdout_max
        self._champion: tuple[int, tuple[str, ...], Network] | None = None

    def judge(self, claim: Claim, candidate: Candidate, retired: tuple[int, ...] = ()) -> Judged:
        """Return the gate's verdict on the accepted holdout and this window's share of it.

        `retired`: classes whose accepted held-out samples no longer count. The same claim gives the same verdict: what
        is asked and what is kept changes in commits only.
        """
        asked = self._asked(claim, retired)
        champion, network = self._directory.ledger.champion(), self.champion_network()
        if champion is None or network is None:
            answers = evaluate(candidate.network, self._batches(asked.samples))
            verdict = gate(answers.some(asked.whole), None, self._options)
            return Judged(verdict, _kept(asked, answers, candidate.network), best=True, gap=_gap(candidate, verdict))
        reference = self._reference(champion)
        known = min(network.spec.classes_n, self._established(claim))
        shared = min(known, reference.classes) if reference else known
        among = [None, known, shared]
        full, masked, for_reference = evaluate_among(candidate.network, self._batches(asked.samples), among)
        if known < network.spec.classes_n:  # what an arriving class takes from others counts against neither
            before, alike = evaluate_among(network, self._batches(asked.samples), [None, known])
        else:
            before = alike = self._champions_answers(champion, network, asked, full.labels)
        told = full.labels < known
        against = _against(reference, asked, for_reference, shared) if reference else None
        lasting, standing = asked.whole & told, None
        if known == network.spec.classes_n:
            standing = self._standing(champion, asked, lasting, masked, alike, known)
        evidence = gather(masked, alike, asked.newest & told, lasting, against, standing)
        old, new = before.some(asked.whole), full.some(asked.whole)
        verdict = gate(new, old, self._options, evidence, challenge=claim.challenges, classes=claim.classes)
        best = against is None or against.won >= against.lost
        return Judged(verdict, _kept(asked, full, candidate.network), best, _gap(candidate, verdict))

    def crown(self, version: int, network: Network) -> None:
        """Remember the network of the version that has become champion."""
        self._champion = (version, self._directory.ledger.book().classes()[: network.spec.classes_n], network)

    def champion_network(self) -> Network | None:
        """Return the champion's network in eval mode; None before there is one. Raises OSError.

        It knows the classes that still are some: one that was merged or retired is none of its answers any more.
        """
        champion: Version | None = self._directory.ledger.champion()
        if champion is None:
            return None
        classes = self._directory.ledger.book().known_to_champion()
        if self._champion is None or self._champion[:2] != (champion.version, classes):
            self._champion = (champion.version, classes, self._maker.network_of(champion.state, classes))
        return self._champion[2]

    def champion_on_holdout(self, network: Network) -> Answers:
        """Return what the champion, `network`, answers to held-out samples: kept answers, where there are any."""
        champion = self._directory.ledger.champion()
        kept = self._directory.kept_answers(champion.version) if champion else None
        if kept is None:  # as after a rollback that went far
            return evaluate(network, self._directory.holdout(self._holdout_max))
        labels = self._directory.held_out_classes(kept.samples)
        return Answers(kept.predicted, labels).some(labels >= 0)

    def _established(self, claim: Claim) -> int:
        """Return how many classes, the first ones, have arrived for good.

        A class that joined lately wins where few are held out yet, and takes from others of which many are: until
        as many are held out as a class needs to be judged by itself, or for ARRIVAL_ROUNDS at most, it is arriving.
        """
        return self._directory.ledger.established(claim.round - ARRIVAL_ROUNDS, CLASS_MIN)

    def _asked(self, claim: Claim, retired: tuple[int, ...]) -> _Asked:
        own = self._directory.held_out_keys(claim)
        lasting = self._directory.holdout_keys(self._holdout_max, retired)
        newest = self._directory.newest_held_out(NEWEST_MAX, retired)
        late = [*newest, *own][-NEWEST_MAX:]
        whole = np.array([*lasting, *own], np.int64)
        samples = np.array([*whole, *sorted({*late} - {*whole.tolist()})], np.int64)
        return _Asked(samples, np.arange(len(samples)) < len(whole), np.isin(samples, late))

    def _batches(self, samples: NDArray[np.int64]) -> Iterator[Batch]:
        return self._directory.batches(samples.tolist())

    def _champions_answers(
        self, champion: Version, network: Network, asked: _Asked, labels: NDArray[np.int64]
    ) -> Answers:
        """Return the champion's answers: the kept ones, and to what has come since."""
        kept = self._directory.kept_answers(champion.version)
        predicted = np.full(len(asked.samples), UNASKED) if kept is None else kept.of(asked.samples)
        new = predicted == UNASKED
        predicted[new] = evaluate(network, self._batches(asked.samples[new])).predicted
        return Answers(predicted, labels)

    def _standing(
        self, champion: Version, asked: _Asked, told: NDArray[np.bool_], candidate: Answers, said: Answers, classes: int
    ) -> Standing | None:
        """Return how the candidate stands among the champion, which `said` so, and those before it.

        Only predecessors with as many `classes` count, and of the samples that are `told` only those that all of them
        were asked.
        """
        of_all, least = told, ASKED_SHARE * told.sum()
        before: list[NDArray[np.int64]] = []
        for version in self._directory.ledger.predecessors(champion.version):
            kept = self._directory.kept_answers(version)
            if kept is None or kept.classes != classes:
                continue
            predicted = kept.of(asked.samples)
            known = of_all & (predicted != UNASKED)
            if known.sum() >= least:
                of_all = known
                before.append(predicted)
        if not before:
            return None
        one, other = candidate.some(of_all), said.some(of_all)
        return stand(one.correct, other.correct, [predicted[of_all] == one.labels for predicted in before])

    def _reference(self, champion: Version) -> KeptAnswers | None:
        """Return the answers of the best of the last versions; None where that is too old, or was rolled back."""
        version = self._directory.ledger.reference()
        if version is None or not champion.version - REFERENCE_AGE_MAX <= version <= champion.version:
            return None
        return self._directory.kept_answers(version)


def _gap(candidate: Candidate, verdict: Verdict) -> Gap | None:
    answers = candidate.trained_answers
    return None if answers is None else gap_between(answers, verdict.per_class)


def _kept(asked: _Asked, answers: Answers, network: Network) -> KeptAnswers:
    return KeptAnswers(asked.samples, answers.predicted, network.spec.classes_n)


def _against(reference: KeptAnswers, asked: _Asked, candidate: Answers, shared: int) -> Pairing:
    """Pair the candidate with the reference on what both were asked, of the first `shared` classes."""
    predicted = reference.of(asked.samples)
    both = (predicted != UNASKED) & (candidate.labels < shared) & asked.whole
    return pair(candidate.some(both), Answers(predicted, candidate.labels).some(both))
