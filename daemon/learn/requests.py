"""Carries out what others ask for, between rounds: requests left in the state directory, and in the repository."""

from collections.abc import Mapping

import structlog

from daemon.learn.settlement import Settlement
from model.publishing.errors import BrokenRepositoryError
from model.publishing.mailbox import Answer, Letter, Mailbox
from model.publishing.manifest import Manifest
from model.publishing.repository import Repository
from model.store.class_changes import class_handlers
from model.store.directory import StateDirectory
from model.store.facts import Json
from model.store.handlers import HANDLERS
from model.store.requests import Event, Handler, Request, pending_requests
from model.store.rollback import KIND as ROLLBACK
from model.store.rollback import rollback_handler

FROM_REPOSITORY = (ROLLBACK,)
"""What may be asked by those who have only the repository: whoever may write there could move the pointer as well."""

log = structlog.get_logger()


class Requests:
    """Each is carried out once, whatever crashes: by its id, in one transaction; its answer follows the pointer."""

    def __init__(
        self, directory: StateDirectory, repository: Repository, mailbox: Mailbox, settlement: Settlement
    ) -> None:
        self._directory = directory
        self._repository = repository
        self._mailbox = mailbox
        self._settlement = settlement
        self._handlers: Mapping[str, Handler] = {
            **HANDLERS,
            **class_handlers(directory.rules),
            ROLLBACK: rollback_handler(self._why_not),
        }

    def answer(self) -> None:
        """Answer what waits. Between rounds only. Raises what lies outside; then call it again."""
        events = self._directory.answer_requests(self._handlers)
        letters = self._mailbox.letters()
        events += [event for letter in letters if (event := self._carry_out(letter))]
        for event in events:
            log.info("request answered", kind=event.request.kind, done=event.done, answer=event.answer)
        if events:
            self._settlement.settle()
        # Who asked over the repository reads the answer when the pointer has moved. A letter is taken out last: until
        # then a restart comes by here again, and finds the answer in the database.
        for letter in letters:
            if answered := self._directory.ledger.event(letter.id):
                self._mailbox.reply(letter.id, Answer(answered.done, answered.answer))

    def wait(self, skip: str) -> bool:
        """Return whether a request that is known, other than of the kind `skip`, waits for the round to end. OSError.

        One that was answered and is only still to be deleted does not.
        """
        asked = [(one.id, one.kind) for one in pending_requests(self._directory.path)]
        asked += [(one.id, one.kind) for one in self._mailbox.letters() if one.kind in FROM_REPOSITORY]
        known = [id_ for id_, kind in asked if kind in self._handlers and kind != skip]
        return any(self._directory.ledger.event(id_) is None for id_ in known)

    def _carry_out(self, letter: Letter) -> Event | None:
        kind = letter.kind if letter.kind in FROM_REPOSITORY else ""
        return self._directory.answer(Request(letter.id, kind, letter.arguments, letter.asked_at_ms), self._handlers)

    def _why_not(self, manifest: Json) -> str:
        try:
            self._repository.check_servable(Manifest.from_dict(manifest))
        except BrokenRepositoryError as error:
            return str(error)
        return ""
