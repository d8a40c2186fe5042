"""The learner's loop: take a window when one is due, run its round, and outlast whatever fails around it."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from daemon.learn.announcements import Announcements
from daemon.learn.disks import Disks
from daemon.learn.drift import DriftWatch
from daemon.learn.faults import OURS, OUTSIDE, WindowFault, blame_window, lies_outside, waiting_for
from daemon.learn.ids import forget_round, name_round
from daemon.learn.observer import LearnObserver, Outcome, Stage
from daemon.learn.ownership import Ownership
from daemon.learn.requests import Requests
from daemon.learn.retention import Retention
from daemon.learn.round import Ended, Round
from daemon.learn.settlement import Settlement
from daemon.learn.standstill import RETRY_MAX_S, SKIP, WHAT, Standstill
from daemon.learn.taker import BrokenChainError, WindowTaker
from daemon.learn.watch import BufferWatch
from daemon.logs import traceback_of
from daemon.outage import Need, Outage
from model.challenger import Challenger
from model.learning.errors import DeviceError, StoppedError
from model.learning.state import LearnerState
from model.network.errors import NetworkError
from model.store import sqlite_errors
from model.store.directory import StateDirectory
from model.store.errors import DamagedDatabaseError
from model.store.facts import Claim
from model.window import Window

ATTEMPTS_MAX = 3
"""Failures of training or judging after which a window is quarantined."""
DEATHS_MAX = 10
"""Deaths of the process within one round after which its window is: unlucky kills on a good one are fewer."""
LEAVE_EVERY_S = 5.0
"""Positions are left in Redis this often, so that a wiped Redis learns them again."""

log = structlog.get_logger()


@dataclass(slots=True)
class Learner:
    """One logical learner. Everything it does outside of this process may be repeated."""

    directory: StateDirectory
    taker: WindowTaker
    round: Round
    settlement: Settlement
    retention: Retention
    announcements: Announcements
    requests: Requests
    watch: BufferWatch
    drift: DriftWatch
    challenger: Challenger
    observer: LearnObserver
    outage: Outage
    clock: Callable[[], float]
    poll_s: float
    ownership: Ownership
    started: threading.Event = field(default_factory=threading.Event)
    """Set once the buffer is ours and what a former life left is finished: before, the learner is not ready."""
    standstill: Standstill = field(init=False)
    _left_at: float = float("-inf")

    def __post_init__(self) -> None:
        standing = self.outage.beside(WHAT, Need.TRAINING, delay_max_s=RETRY_MAX_S)
        self.standstill = Standstill(self.directory, standing, self.clock)

    def run(self, stop: threading.Event) -> None:
        """Learn until `stop`. Raises what only an operator can cure; that is no death within the round either."""
        try:
            while not stop.is_set():
                if not self.turn():
                    stop.wait(self.outage.wait_s or self.poll_s)
        except OURS:
            self.leave()
            raise
        self.leave()

    def leave(self) -> None:
        """Stop in order: a round that is open is done again after the next start, and no death is counted for it."""
        if self.started.is_set() and self._note_stop():
            log.info("stopped within a round, which is done again after the next start")

    def turn(self) -> bool:
        """Run once and outlast what lies outside. Return whether there may be more to do at once."""
        try:
            busy = self.run_once()
            if self.outage.ongoing:
                self.directory.note_stop(0)
        except sqlite3.DatabaseError as error:
            if sqlite_errors.is_damage(error):
                raise DamagedDatabaseError(f"the state database is damaged: {error}") from error
            if not lies_outside(error):
                raise
            return self._wait(error)
        except (*OUTSIDE, BrokenChainError) as error:
            return self._wait(error)
        except StoppedError:
            return False
        self.outage.recovered()
        return busy

    def _wait(self, error: Exception) -> bool:
        """Say what is away. Should the process end while it waits within a round, that is no death of the window's."""
        away, reason = self._disks.told(error, waiting_for(error))
        begins = not self.outage.ongoing and self.started.is_set()
        self.outage.failed(reason, need=away.need, what=away.what, cure=away.cure)
        if begins:
            self._note_stop()
        return False

    def _note_stop(self) -> bool:
        """Return whether a round is open, and it could be noted that the process stops or waits within it."""
        try:
            claim = self.directory.ledger.open_claim()
            if claim is not None:
                self.directory.note_stop(claim.round)
        except (OSError, sqlite3.OperationalError) as error:
            log.warning("the stop could not be noted, and will count as a death", reason=str(error))
            return False
        return claim is not None

    @property
    def _disks(self) -> Disks:
        return Disks(self.directory.path, self.round.repository.root)

    def run_once(self) -> bool:
        """Start where that is not done, then run the next round if one is due; return whether one ran."""
        forget_round()
        if not self.started.is_set():
            self._start()
        self._catch_up()
        self._leave_positions()
        self.announcements.retry()
        claim = self.directory.ledger.open_claim()
        if claim is not None:
            if self._stands_still(claim):
                return False
            self._attempt(None)
            return True
        self.standstill.over()
        parcel = self.directory.ledger.due_parcel()
        if parcel is not None and not self._retried_last():
            self._attempt(None, parcel)
            return True
        self.watch.look(self.directory.ledger.positions())
        with self.round.stages(Stage.TAKE):
            window = self.taker.take(self.directory.ledger.positions(), hurried=self.drift.look())
        if window is None and parcel is None:
            parcel = self.directory.ledger.due_parcel(idle=True)
        if window is None and parcel is None:
            return self._use_idle_time()
        self._attempt(window, None if window is not None else parcel)
        return True

    def _use_idle_time(self) -> bool:
        """Train a challenger one turn where one is wanted; after its last turn hold it against the champion.

        Windows are learnt without it: what it fails at is no outage.
        """
        if not self.challenger.due():
            return False
        try:
            with blame_window():
                trained = self.challenger.turn(self.round.stop)
        except (WindowFault, DeviceError, NetworkError) as error:
            log.warning(
                "the challenger was given up", reason=str(error), exception=traceback_of(error.__cause__ or error)
            )
            self.challenger.give_up()
            return False
        finally:
            self.observer.challenger_trained(self.challenger.turns)
        if trained is not None:
            self._attempt(None, challenger=trained)
        return True

    def _retried_last(self) -> bool:
        """Tell whether the last round was a retry: they take turns with fresh windows, so neither waits for long."""
        return self.directory.ledger.was_retry(self.directory.ledger.last_round())

    def _start(self) -> None:
        """Claim what is ours, finish what a former life committed, and count its death if it died within a round."""
        self.ownership.take()
        self.settlement.settle()
        self.settlement.welcome()
        self.observer.challenger_trained(self.challenger.turns)
        claim = self.directory.ledger.open_claim()
        if claim is not None:
            deaths = self.directory.count_death(claim.round)
            self.directory.note_stop(0)
            log.info("a round was interrupted, doing it again", round=claim.round, deaths=deaths)
            stands = self.standstill.resume(claim)
            if not stands and deaths >= DEATHS_MAX and not self.standstill.begins_with_death(claim, deaths):
                self._refuse(f"the process died {deaths} times in this round: its window is quarantined")
        self.started.set()

    def _catch_up(self) -> None:
        """Finish what was committed, then carry out what others asked for, also while Redis is away: people wait."""
        if self.settlement.behind():
            self.settlement.settle()
        if self.directory.ledger.open_claim() is None:
            self.requests.answer()

    def _leave_positions(self) -> None:
        """Leave the positions for the ingestors every few seconds: so also a Redis that was lost learns them again.

        It is here, too, that a learner which was stopped meanwhile notices that another has taken over; and that old
        versions go, also where no round comes.
        """
        if self.clock() - self._left_at < LEAVE_EVERY_S:
            return
        self.settlement.trim()
        self.retention.look()
        self._left_at = self.clock()

    def _attempt(
        self, window: Window | None, parcel: int | None = None, challenger: LearnerState | None = None
    ) -> None:
        """Run a round; a window that fails too often is refused."""
        try:
            with self.round.spans.round():
                ended = self.round.run(window, parcel=parcel, challenger=challenger)
            self._tell(ended)
        except WindowFault as fault:
            claim = self.directory.ledger.open_claim()
            if claim is None:
                raise
            attempts = self.directory.count_attempt(claim.round)
            facts = {"round": claim.round, "attempt": attempts, "of": ATTEMPTS_MAX, "reason": str(fault)}
            log.error("a round failed", **facts, exception=traceback_of(fault.__cause__ or fault))
            self.observer.round_ended(claim.round, Outcome.FAILED, 0.0)
            if not self.standstill.begins(claim, fault) and attempts >= ATTEMPTS_MAX:
                self._refuse(f"failed {attempts} times, its window is quarantined: {fault}")

    def _stands_still(self, claim: Claim) -> bool:
        """Return whether the open round is not to be tried now, for windows in a row raised the same."""
        if not self.standstill.outage.ongoing:
            return False
        if self.standstill.to_be_skipped(claim):
            self._refuse("set aside by hand, for learning stood still at it")
            self.standstill.skipped(claim)
            return True
        if self.requests.wait(SKIP):
            self._refuse(
                "set aside to let a request through, for learning stood still at it; it is given back once cured"
            )
            self.standstill.made_way()
            return True
        return not self.standstill.due

    def _refuse(self, reason: str) -> None:
        claim = self.directory.ledger.open_claim()
        if claim is not None:
            name_round(claim, self.round.spans)
            self._tell(self.round.refuse(claim, reason))

    def _tell(self, ended: Ended) -> None:
        log.info("round ended", round=ended.round, outcome=ended.told.value, version=ended.version, reason=ended.reason)
