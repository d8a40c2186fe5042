"""Compares a candidate with the champion on a round's window and on the holdout."""

from collections.abc import Iterator

from model.candidates import Candidate, CandidateMaker
from model.judging.answers import Answers, evaluate
from model.judging.gate import GateOptions, Verdict, gate
from model.judging.prequential import prequential_accuracy
from model.network.network import Network
from model.store.directory import StateDirectory
from model.store.facts import Batch, Claim, Version


class Judge:
    """Asks both models the same questions. Keeps the champion's network from round to round."""

    def __init__(
        self, directory: StateDirectory, maker: CandidateMaker, options: GateOptions, *, holdout_max: int
    ) -> None:
        self._directory = directory
        self._maker = maker
        self._options = options
        self._holdout_max = holdout_max
        self._champion: tuple[int, Network] | None = None

    def score_before(self, claim: Claim) -> float | None:
        """Return the champion's accuracy on the window's samples of classes that it knows, before they are learnt.

        None where there is no champion, or no such sample.
        """
        champion = self._champion_network()
        if champion is None:
            return None
        answers = evaluate(champion, [self._directory.window(claim)])
        return prequential_accuracy(answers, champion.spec.classes_n)

    def judge(self, claim: Claim, candidate: Candidate) -> Verdict:
        """Return the gate's verdict on the accepted holdout and this window's share of it."""
        champion = self._champion_network()
        answers: Answers | None = None
        if champion is not None:
            answers = evaluate(champion, self._holdout(claim))
        return gate(evaluate(candidate.network, self._holdout(claim)), answers, self._options)

    def crown(self, version: int, network: Network) -> None:
        """Remember the network of the version that has become champion."""
        self._champion = (version, network)

    def _holdout(self, claim: Claim) -> Iterator[Batch]:
        yield from self._directory.holdout(self._holdout_max)
        yield self._directory.held_out(claim)

    def _champion_network(self) -> Network | None:
        champion: Version | None = self._directory.ledger.champion()
        if champion is None:
            return None
        if self._champion is None or self._champion[0] != champion.version:
            self.crown(champion.version, self._maker.network_of(champion.state))
        return self._champion[1] if self._champion else None
