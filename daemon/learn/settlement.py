"""What follows a commit: publish, trim, announce. Idempotent, so that a restart does again what it cannot know done."""

from collections.abc import Callable

import numpy as np
import structlog
from numpy.typing import NDArray

from daemon.learn.announcements import Announcements
from daemon.learn.class_news import ClassNews
from daemon.learn.manifests import UNKNOWN_MS
from daemon.learn.observer import Champion, LearnObserver, Stage
from daemon.learn.stages import Stages
from daemon.learn.taker import log_of
from model.publishing.manifest import Manifest
from model.publishing.repository import Repository
from model.store.directory import StateDirectory
from model.store.facts import Version
from streaming.buffer import LearnBuffer

FRESHNESS_SAMPLES_MAX = 100_000
"""Event times kept at most, should no version be published for long."""

EVENT_AHEAD_MAX_S = 300.0
"""So far the clock of a producer may be ahead; beyond it, an event would lie in the future."""
EVENT_AGE_MAX_S = 365 * 86_400.0
"""Older is a clock that was never set (1970, 2000), or an archive: neither tells how long we took."""

log = structlog.get_logger()


class Settlement:
    """Brings repository, buffer and announcement up to what the database says was committed."""

    def __init__(
        self,
        directory: StateDirectory,
        repository: Repository,
        buffer: LearnBuffer,
        announcements: Announcements,
        observer: LearnObserver,
        stages: Stages,
        clock: Callable[[], float],
        skew_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`skew_s` tells how far this host's clock is ahead of the buffer's: what freshness is counted by."""
        self._directory = directory
        self._repository = repository
        self._buffer = buffer
        self._announcements = announcements
        self._observer = observer
        self._stages = stages
        self._clock = clock
        self._class_news = ClassNews(directory, observer)
        self._skew_s = skew_s
        self._learnt_ms: list[int] = []
        self._dropped = directory.ledger.waiting_dropped()

    def learnt(self, event_times_ms: NDArray[np.int64]) -> None:
        """Note when the samples of a committed round happened: what the next version's freshness is counted from."""
        self._learnt_ms += [int(time_ms) for time_ms in event_times_ms if time_ms != UNKNOWN_MS]
        del self._learnt_ms[:-FRESHNESS_SAMPLES_MAX]

    def settle(self) -> None:
        """Do what is left to do after the last commit. Raises what lies outside; then call it again."""
        committed_ms = self._directory.ledger.committed_at_ms()
        if committed_ms is not None:
            # Here, since every way to a commit leads past here, and so does the start.
            self._observer.committed(committed_ms)
        moved = self._point()
        try:
            with self._stages(Stage.TRIM):
                self.trim()
        finally:
            # Redis being away must not keep the news: nothing would tell it later but a restart.
            if moved is not None:
                with self._stages(Stage.ANNOUNCE):
                    self._announcements.tell(Manifest.from_dict(moved.manifest))
        self._directory.tidy()
        ledger = self._directory.ledger
        self._observer.store_seen(ledger.counts(), ledger.bytes_used())
        self._class_news.tell()
        dropped, self._dropped = ledger.waiting_dropped() - self._dropped, ledger.waiting_dropped()
        if dropped:
            log.warning("samples of labels that became no class were dropped: store.waiting_max", samples=dropped)
            self._observer.waiting_dropped(dropped)

    def behind(self) -> bool:
        """Tell whether the repository is behind what was committed, because it could not be written then."""
        ledger = self._directory.ledger
        return ledger.unpublished() is not None or ledger.unsettled() is not None

    def welcome(self) -> None:
        """Tell of the champion that stands at the start: whether a former life announced it cannot be known.

        That is what followers pull. After an older state was accepted it may be newer than any version that we know.
        """
        champion = self._repository.champion()
        if champion is None:
            self._observer.champion_known(None)
            return
        manifest, published_at = champion
        published_ms = round(published_at.timestamp() * 1000)
        self._observer.champion_known(
            Champion(manifest.version, manifest.architecture, len(manifest.classes), published_ms)
        )
        self._announcements.tell(manifest)

    def trim(self) -> None:
        """Drop what is learnt from the buffer, and leave the positions for the ingestors: they commit them to Kafka."""
        positions = self._directory.ledger.positions()
        for key, position in positions.items():
            self._buffer.trim(log_of(key), position)
        for key, position in positions.items():
            self._buffer.leave_learnt(log_of(key), position)

    def _point(self) -> Version | None:
        """Publish what was committed, or return to what was rolled back to; return the champion if it changed."""
        pending = self._directory.ledger.unpublished()
        returned = self._directory.ledger.unsettled()
        if pending is not None:
            with self._stages(Stage.PUBLISH):
                self._publish(pending)
        elif returned is not None:
            with self._stages(Stage.PUBLISH):
                self._return_to(returned)
        return pending or returned

    def _publish(self, pending: Version) -> None:
        began = self._clock()
        manifest = Manifest.from_dict(pending.manifest)
        published_at = self._repository.publish(pending.version, self._repository.staged(pending.round), manifest)
        self._directory.mark_published(pending.version)
        published_ms = round(published_at.timestamp() * 1000)
        champion = Champion(pending.version, manifest.architecture, len(manifest.classes), published_ms)
        waited = self._waited(published_ms)
        self._learnt_ms.clear()
        seconds = self._clock() - began
        self._observer.published(champion, seconds, waited)
        log.info("version published", round=pending.round, version=pending.version, seconds=round(seconds, 3))

    def _waited(self, published_ms: int) -> list[float]:
        """Return the seconds from each sample's event time, and tell of those that say nothing about us.

        An event time is the producer's word, by the producer's clock, and stands in the record as it is.
        """
        now_ms = published_ms - 1000 * self._skew_s()
        all_s = [(now_ms - event_ms) / 1000 for event_ms in self._learnt_ms]
        waited = [one for one in all_s if -EVENT_AHEAD_MAX_S <= one <= EVENT_AGE_MAX_S]
        if implausible := len(all_s) - len(waited):
            log.warning(
                "event times (ce_time) that cannot tell how fresh a version is are left out of freshness_seconds",
                samples=implausible,
                least_s=round(min(all_s)),
                most_s=round(max(all_s)),
                cure="see the producers' clocks; the samples are learnt as any other",
            )
            self._observer.event_times_implausible(implausible)
        return waited

    def _return_to(self, champion: Version) -> None:
        manifest = Manifest.from_dict(champion.manifest)
        returned_at = self._repository.return_to(manifest)
        self._directory.mark_settled()
        self._learnt_ms.clear()
        published_ms = round(returned_at.timestamp() * 1000)
        self._observer.champion_known(
            Champion(champion.version, manifest.architecture, len(manifest.classes), published_ms)
        )
