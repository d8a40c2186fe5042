"""Watches for drift: an alarm brings the next round forward. It never touches what is stored."""

import structlog

from daemon.learn.observer import LearnObserver
from model.judging.drift import OVERALL, DriftDetectors
from model.store.directory import StateDirectory

log = structlog.get_logger()


class DriftWatch:
    """Follows the committed rounds. Built anew from them after a restart, it knows what it would have known."""

    def __init__(self, directory: StateDirectory, observer: LearnObserver, delta: float) -> None:
        """Use `delta` as the detectors' shared significance; 0: no detectors, no alarms."""
        self._directory = directory
        self._observer = observer
        self._delta = delta
        self._detectors = DriftDetectors(delta)
        self._seen = 0
        self._alarmed = 0

    def look(self) -> bool:
        """Take in the rounds committed since the last look; return whether the newest window raised an alarm."""
        if not self._delta:
            return False
        for misses in self._directory.ledger.misses_after(self._seen):
            self._seen = misses.round
            if rose := self._detectors.take(misses):
                self._alarmed = misses.round
                self._tell(misses.round, rose)
        return 0 < self._alarmed == self._seen

    def _tell(self, round_number: int, rose: frozenset[int]) -> None:
        known = self._directory.ledger.drift()
        if known is not None and known["round"] >= round_number:
            return  # told in a former life
        names = self._directory.ledger.classes()
        classes = [names[index] for index in sorted(rose) if index != OVERALL]
        self._directory.note_drift(round_number, classes)
        log.warning("drift: the champion errs more often than before", round=round_number, classes=classes)
        self._observer.drift_detected(classes)
