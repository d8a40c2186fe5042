"""Carries out what others ask for, between rounds: requests left in the state directory, and in the repository."""

from collections import OrderedDict
from collections.abc import Mapping

import structlog

from daemon.learn.settlement import Settlement
from model.letters import remove_unfit
from model.publishing.errors import BrokenRepositoryError
from model.publishing.mailbox import Answer, Letter, Mailbox
from model.publishing.manifest import Manifest
from model.publishing.repository import Repository
from model.store.class_changes import class_handlers
from model.store.directory import StateDirectory
from model.store.facts import Json
from model.store.handlers import HANDLERS
from model.store.requests import FOLDER, SUFFIX, Event, Handler, Request, pending_requests
from model.store.rollback import KIND as ROLLBACK
from model.store.rollback import rollback_handler

FROM_REPOSITORY = (ROLLBACK,)
"""What may be asked by those who have only the repository: whoever may write there could move the pointer as well."""
TOLD_MAX = 1_000
"""Files in the way that are remembered, so that each is told once."""
CURE = "ask with `tidemill rollback` and the like, or over HTTP; see who else writes into that folder"

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
        self._told: OrderedDict[str, None] = OrderedDict()
        self._handlers: Mapping[str, Handler] = {
            **HANDLERS,
            **class_handlers(directory.rules),
            ROLLBACK: rollback_handler(self._why_not),
        }

    def answer(self) -> None:
        """Answer what waits. Between rounds only. Raises what lies outside; then call it again."""
        self._clear()
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
                self._reply(letter.id, Answer(answered.done, answered.answer))

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
        why_not = letter.why_not or "over the repository one can ask for a rollback alone"
        request = Request(letter.id, kind, letter.arguments, letter.asked_at_ms, why_not)
        return self._directory.answer(request, self._handlers)

    def _clear(self) -> None:
        """Take what is no request out of the way of those that are. Each is told once, also where it stays. OSError."""
        state = self._directory.path / FOLDER
        found = [(state, one) for one in remove_unfit(state, SUFFIX)]
        found += [(self._mailbox.folder, one) for one in self._mailbox.remove_unfit()]
        for folder, one in found:
            self._tell_once(f"{folder}/{one.name}", one.why, one.became)

    def _reply(self, id_: str, answer: Answer) -> None:
        try:
            self._mailbox.reply(id_, answer)
        except PermissionError as error:
            became = f"it was answered, but cannot be removed ({error.strerror}): give the learner the right to"
            self._tell_once(f"{self._mailbox.folder}/{id_}", "a request of the repository stays", became)

    def _tell_once(self, file: str, why: str, became: str) -> None:
        if file in self._told:
            return
        self._told[file] = None
        while len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)
        log.warning("no request, and not taken", file=file, reason=why, became=became, cure=CURE)

    def _why_not(self, manifest: Json) -> str:
        try:
            self._repository.check_servable(Manifest.from_dict(manifest))
        except BrokenRepositoryError as error:
            return str(error)
        return ""
