"""The producer: sends the story at a steady pace, and waits while too much is not yet learnt."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from daemon.demo.board import Board
from daemon.demo.plan import Pace
from daemon.demo.story import Chapter, Message

AHEAD_POLL_S = 0.1
Send = Callable[[Message, str], None]
"""Sends a record with its event time (RFC 3339)."""


class Feeder:
    """Sends chapters until `stop`. Only good pictures count against the pace's limits."""

    def __init__(self, send: Send, board: Board, pace: Pace, stop: threading.Event) -> None:
        self._send = send
        self._board = board
        self._pace = pace
        self._stop = stop

    def tell(self, chapter: Chapter, records_s: float) -> None:
        """Send a chapter; return early when `stop` is set."""
        self._board.put(chapter=chapter.title, chapter_pictures=chapter.pictures, chapter_sent=0)
        for message in chapter.messages:
            self._wait_for_learner()
            if self._stop.wait(1 / records_s):
                return
            self._send(message, _now())
            if message.broken is None:
                self._board.sent()
            else:
                self._board.spoilt(message.broken.reason.value)

    def _wait_for_learner(self) -> None:
        """Wait while more than `ahead_max` pictures are on their way."""
        while self._ahead() >= self._pace.ahead_max:
            self._board.put(waiting=True)
            if self._stop.wait(AHEAD_POLL_S):
                break
        if self._board.view().waiting:
            self._board.put(waiting=False)

    def _ahead(self) -> int:
        view = self._board.view()
        return view.sent - view.stored


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
