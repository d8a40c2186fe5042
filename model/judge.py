"""Compares a candidate with the champion on a round's window and on the holdout."""

from collections.abc import Iterator

import numpy as np

from model.candidates import Candidate, CandidateMaker
from model.judging.answers import Answers, evaluate
from model.judging.gate import GateOptions, Verdict, gate
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

    def judge(self, claim: Claim, candidate: Candidate, retired: tuple[int, ...] = ()) -> Verdict:
        """Return the gate's verdict on the accepted holdout and this window's share of it.

        `retired`: classes whose accepted held-out samples no longer count.
        """
        champion = self.champion_network()
        answers: Answers | None = None
        if champion is not None:
            answers = evaluate(champion, self._holdout(claim, retired))
        return gate(evaluate(candidate.network, self._holdout(claim, retired)), answers, self._options)

    def crown(self, version: int, network: Network) -> None:
        """Remember the network of the version that has become champion."""
        self._champion = (version, network)

    def _holdout(self, claim: Claim, retired: tuple[int, ...]) -> Iterator[Batch]:
        for batch in self._directory.holdout(self._holdout_max):
            yield batch.part(np.flatnonzero(~np.isin(batch.labels, retired)))
        yield self._directory.held_out(claim)

    def champion_network(self) -> Network | None:
        """Return the champion's network in eval mode; None before there is one. Raises OSError."""
        champion: Version | None = self._directory.ledger.champion()
        if champion is None:
            return None
        if self._champion is None or self._champion[0] != champion.version:
            self.crown(champion.version, self._maker.network_of(champion.state))
        return self._champion[1] if self._champion else None
