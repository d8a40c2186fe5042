"""What follows a commit: publish, trim, announce. Idempotent, so that a restart does again what it cannot know done."""

from collections.abc import Callable

import structlog

from daemon.learn.announcements import Announcements
from daemon.learn.class_news import ClassNews
from daemon.learn.freshness import FreshnessBook, Learnt
from daemon.learn.observer import Champion, LearnObserver, Stage
from daemon.learn.restored import tell_champion
from daemon.learn.stages import Stages
from daemon.learn.taker import log_of
from model.publishing.manifest import Manifest
from model.publishing.repository import Repository
from model.store.directory import StateDirectory
from model.store.facts import Version
from streaming.buffer import LearnBuffer

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
        self._freshness = FreshnessBook(observer)
        self._dropped = directory.ledger.waiting_dropped()

    def learnt(self, what: Learnt) -> None:
        """Note what a committed round learnt: what the next version's freshness is counted from."""
        self._freshness.learnt(what)

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
        self._observer.quarantine_seen(ledger.past.quarantined_windows())
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
        tell_champion(self._repository, self._observer)
        champion = self._repository.champion()
        if champion is not None:
            self._announcements.tell(champion[0])

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
        freshness = self._freshness.published(published_ms, self._skew_s())
        seconds = self._clock() - began
        self._observer.published(champion, seconds, freshness)
        log.info("version published", round=pending.round, version=pending.version, seconds=round(seconds, 3))

    def _return_to(self, champion: Version) -> None:
        manifest = Manifest.from_dict(champion.manifest)
        returned_at = self._repository.return_to(manifest)
        self._directory.mark_settled()
        self._freshness.forget()
        published_ms = round(returned_at.timestamp() * 1000)
        self._observer.champion_known(
            Champion(champion.version, manifest.architecture, len(manifest.classes), published_ms)
        )
