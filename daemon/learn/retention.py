"""Lets old versions go, between rounds: by the rules first in the database, then in the repository."""

import structlog

from daemon.learn.observer import LearnObserver
from model.publishing.repository import Repository
from model.store.directory import StateDirectory
from model.store.retention import KeepRules

log = structlog.get_logger()


class Retention:
    """Retires versions. Every step is safe to repeat, and a restart finishes what was begun."""

    def __init__(
        self, directory: StateDirectory, repository: Repository, observer: LearnObserver, rules: KeepRules
    ) -> None:
        self._directory = directory
        self._repository = repository
        self._observer = observer
        self._rules = rules
        self._listed = False
        """Whether the repository's list is known to hold all that the database says is retired."""
        self._some = False
        """Whether that is anything: then the list is a file, which somebody may delete."""

    def look(self) -> None:
        """Retire what the rules let go, a bounded number of versions. Raises what lies outside; then call it again.

        The order: 1. the database says that they are retired: whoever asks it (a rollback, `verify`) knows before any
        file is gone. 2. the repository's list says so to readers. 3. the folders go, those of a life that was cut off
        included: whatever the database calls retired and still stands.
        """
        retirements = self._directory.retirements
        due = retirements.retire_due(self._rules)
        visible = self._repository.visible()
        gone = retirements.among(visible)
        if self._some and not self._repository.has_retired_list():
            log.warning("the list of retired versions is gone, and is written again")
            self._listed = False
        if due or gone or not self._listed:
            ranges = [(one, one) for one in due] if self._listed else retirements.ranges()
            self._listed = False  # until that has been written
            removed = self._repository.retire(ranges, gone)
            self._listed, self._some = True, self._some or bool(ranges or gone)
            if removed:
                log.info("versions retired (publish.keep, publish.keep_s)", versions=removed, of=len(visible))
                self._observer.versions_retired(removed)
                visible = self._repository.visible()
        self._observer.repository_seen(len(visible), sum(visible.values()))
