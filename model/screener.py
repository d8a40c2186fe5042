"""Decides before training whether a window may be learnt from, and what becomes of suspect ones that are retried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from model.candidates import CandidateMaker
from model.judge import Judge
from model.judging.answers import Answers, evaluate
from model.judging.prequential import prequential_accuracy
from model.judging.relabelling import Comparison, doubts, likelier
from model.judging.screen import class_counts, contradicted, has_learnt, screen
from model.network.network import Network
from model.seeding import seeded
from model.store.directory import StateDirectory
from model.store.facts import Batch, Claim, Fate, Relabel, RelabelOutcome, Role

CONFIRM_MAX = 3
"""Other suspect windows that a change is looked for in."""


@dataclass(frozen=True, slots=True)
class Screened:
    """What the champion knows of a window, and whether it may be learnt from."""

    before: float | None = None
    """The champion's accuracy on classes that it knows; None without a champion, or such samples."""
    counts: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """The same by class: (samples, right)."""
    said: NDArray[np.int64] | None = None
    """[n], the class that the champion takes each sample of the window for."""
    refused: Fate | None = None
    """What becomes of the window's samples if they are not learnt; None: they are."""
    reason: str = ""
    change: bool = False
    """The window shows a change of what labels mean, and another has confirmed it."""
    contradicted: tuple[int, ...] = ()
    """Classes whose held-out samples the change contradicts."""
    doubts: Mapping[int, RelabelOutcome] = field(default_factory=dict)
    """Relabels that it does not vouch for, by their key."""


class Screener:
    """Compares windows with those before them. Draws follow from the claim: the same claim, the same decision."""

    def __init__(self, directory: StateDirectory, maker: CandidateMaker, judge: Judge, *, holdout_max: int) -> None:
        self._directory = directory
        self._maker = maker
        self._judge = judge
        self._holdout_max = holdout_max

    def screen(self, claim: Claim) -> Screened:
        """Return what to do with the claim's window, and its relabels. Raises DivergedError, DeviceError, OSError."""
        champion = self._judge.champion_network()
        known = [] if claim.challenges else self._directory.ledger.relabels.of_claim(claim)
        if champion is None or claim.challenges:
            return Screened(doubts=doubts([Comparison(one.relabel, one.source, None) for one in known if _in_use(one)]))
        screened = self._window(claim, champion)
        if screened.refused is not None or not known:
            return screened
        return replace(screened, doubts=self._doubts(champion, known, screened))

    def _window(self, claim: Claim, champion: Network) -> Screened:
        window = self._directory.window(claim)
        answers = evaluate(champion, [window])
        known = champion.spec.classes_n
        counts = class_counts(answers, known)
        held_out = class_counts(self._judge.champion_on_holdout(champion), known)
        found = screen(counts, self._directory.recent_screenings(), held_out)
        facts = Screened(prequential_accuracy(answers, known), counts, answers.predicted)
        if not found.suspect:
            return facts
        if claim.retried is None:
            reason = f"not learnt, for it is unlike the windows before: {found.told(claim.classes)}"
            return replace(facts, refused=Fate.SUSPECT, reason=reason)
        return self._probe(claim, champion, window, facts)

    def _probe(self, claim: Claim, champion: Network, window: Batch, facts: Screened) -> Screened:
        """Learn half of the window alone, and see whether that helps with the other half, and with other windows."""
        order = seeded(claim.seed, claim.round, "halves").permutation(len(window))
        half = len(window) // 2
        if half == 0:
            return replace(facts, refused=Fate.QUARANTINED, reason="a window of one sample teaches nothing")
        probe = self._maker.probe(claim, window.part(np.sort(order[:half])))
        other = window.part(np.sort(order[half:]))
        after, before = evaluate(probe, [other]), evaluate(champion, [other])
        told = (
            f"{after.accuracy or 0:.1%} right in one half after learning the other, {before.accuracy or 0:.1%} before"
        )
        if not has_learnt(after, before):
            return replace(facts, refused=Fate.QUARANTINED, reason=f"it cannot be learnt: {told}")
        if not self._confirmed(claim, champion, probe):
            reason = f"it can be learnt ({told}), but a change must come in two windows"
            return replace(facts, refused=Fate.SUSPECT, reason=reason)
        held_out = list(self._directory.holdout(self._holdout_max))
        classes = contradicted(evaluate(probe, held_out), evaluate(champion, held_out))
        return replace(facts, change=True, contradicted=classes)

    def _doubts(self, champion: Network, relabels: Sequence[Relabel], screened: Screened) -> dict[int, RelabelOutcome]:
        """Return which relabels the champion does not vouch for.

        What waited for its label to become a class is as good as fresh: nothing was learnt of it, so it is screened as
        the window is, and together with it.
        """
        classes = champion.spec.classes_n
        told = [one for one in relabels if _in_use(one) and _known(one, classes)]
        old, new = (np.array([getattr(one, name) for one in told], np.int64) for name in ("old_class", "new_class"))
        supported = likelier(champion, self._directory.batches([one.sample for one in told]), old, new)
        says = dict(zip([one.relabel for one in told], supported.tolist(), strict=True))
        compared = [Comparison(one.relabel, one.source, says.get(one.relabel)) for one in relabels if _in_use(one)]
        return doubts(compared) | self._doubts_of_waiting(champion, relabels, screened)

    def _doubts_of_waiting(
        self, champion: Network, relabels: Sequence[Relabel], screened: Screened
    ) -> dict[int, RelabelOutcome]:
        classes = champion.spec.classes_n
        waited = [one for one in relabels if not _in_use(one) and one.new_class is not None and one.new_class < classes]
        if not waited:
            return {}
        said = evaluate(champion, self._directory.batches([one.sample for one in waited])).predicted
        counts = class_counts(Answers(said, np.array([one.new_class for one in waited], np.int64)), classes)
        both = {
            label: (
                counts.get(label, (0, 0))[0] + screened.counts.get(label, (0, 0))[0],
                counts.get(label, (0, 0))[1] + screened.counts.get(label, (0, 0))[1],
            )
            for label in {*counts, *screened.counts}
        }
        held_out = class_counts(self._judge.champion_on_holdout(champion), classes)
        recent = self._directory.recent_screenings()
        suspect = screen(counts, recent, held_out).suspect or screen(both, recent, held_out).suspect
        return {one.relabel: RelabelOutcome.DISTRUSTED for one in waited} if suspect else {}

    def _confirmed(self, claim: Claim, champion: Network, probe: Network) -> bool:
        """Tell whether what the probe learnt holds in another suspect window, or was accepted since."""
        if self._directory.ledger.changed_since_retry(claim):
            return True
        for parcel in self._directory.ledger.learnable_parcels(claim, CONFIRM_MAX):
            batch = self._directory.parcel(claim, parcel)
            if has_learnt(evaluate(probe, [batch]), evaluate(champion, [batch])):
                return True
        return False


def _in_use(one: Relabel) -> bool:
    """Tell whether a relabelled picture has a label that counts; what waits has none yet."""
    return one.role is not Role.WAITING


def _known(one: Relabel, classes: int) -> bool:
    """Tell whether a champion of so many classes knows both labels."""
    return all(index is not None and index < classes for index in (one.old_class, one.new_class))
