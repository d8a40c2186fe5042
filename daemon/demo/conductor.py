"""Leads the stream: the story's chapters, then more digits while a promise is not yet kept, or for as long as asked."""

import threading

from daemon.demo.board import Board
from daemon.demo.feeder import Feeder
from daemon.demo.plan import Plan
from daemon.demo.story import Story
from daemon.demo.verdict import judge, kept

MORE_PICTURES = 160
"""Pictures of a chapter that is sent because a promise is not yet kept: enough for a round."""
KEEP_PICTURES = 320
IDLE_POLL_S = 0.1
IDLE_LOOKS = 5
"""Looks in a row that must find nothing under way: what is between two roles is seen by neither."""


def conduct(story: Story, feeder: Feeder, board: Board, plan: Plan, stop: threading.Event) -> None:
    """Tell the story; return when all is learnt and every promise kept, or when `stop` is set."""
    for chapter in story.chapters:
        board.put(phase="streaming")
        feeder.tell(chapter, plan.pace.records_s)
    _settle(board, stop)
    while not stop.is_set() and not kept(judge(board.view(), plan.promises)):
        board.put(phase="streaming on, a promise is not yet kept")
        feeder.tell(story.more(MORE_PICTURES), plan.pace.records_s)
        _settle(board, stop)
    if not stop.is_set():
        board.put(complete=True)
    while plan.keep and not stop.is_set():
        board.put(phase="streaming on until Ctrl-C")
        feeder.tell(story.more(KEEP_PICTURES), plan.pace.keep_records_s)


def _settle(board: Board, stop: threading.Event) -> None:
    """Wait until all that was sent is learnt, judged, served and tested."""
    board.put(phase="all is sent, the rest is being learnt")
    looks = 0
    while looks < IDLE_LOOKS and not stop.wait(IDLE_POLL_S):
        looks = looks + 1 if board.view().idle else 0
