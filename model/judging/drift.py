"""Drift: has the champion begun to err more often? ADWIN (Bifet and Gavalda 2007) on its errors, over all and by class.

It keeps a window of errors as long as their rate seems to be one, and cuts it where two parts differ significantly.
"""

from typing import TYPE_CHECKING

from model.store.misses import ERA_ROUNDS, Misses

if TYPE_CHECKING:
    from river.drift import ADWIN

OVERALL = -1


class DriftDetectors:
    """Fed with each round's errors, in order. A function of what it was fed: fed again, it says the same.

    Only rising error rates count. All begin anew when the champion knows another number of classes, for a new class
    raises the errors by itself, and with each era, so that they can be rebuilt from what is kept. A new version does
    not reset them: its errors on the next window are what shows a change between two windows.
    """

    def __init__(self, delta: float) -> None:
        """Share `delta`, the chance of a false alarm at a look, among the detectors."""
        self._delta = delta
        self._detectors: dict[int, ADWIN] = {}
        self._known = 0
        self._era = -1

    def take(self, misses: Misses) -> frozenset[int]:
        """Return where the error rate rose: classes, and OVERALL."""
        era = misses.round // ERA_ROUNDS
        if misses.known != self._known or era != self._era:
            self._known, self._era = misses.known, era
            self._detectors.clear()
        rose: set[int] = set()
        for label, wrong in zip(misses.labels.tolist(), misses.wrong.tolist(), strict=True):
            rose.update(name for name in (OVERALL, label) if self._rises(name, wrong=wrong))
        return frozenset(rose)

    def _rises(self, name: int, *, wrong: bool) -> bool:
        from river.drift import ADWIN  # noqa: PLC0415 - takes two seconds to load, and is needed after the first version

        if name not in self._detectors:
            self._detectors[name] = ADWIN(delta=self._delta / (self._known + 1))  # type: ignore[no-untyped-call]
        detector = self._detectors[name]
        before = detector.estimation
        detector.update(int(wrong))  # type: ignore[no-untyped-call]
        return bool(detector.drift_detected and detector.estimation > before)
