from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from daemon.demo.board import Board
from daemon.demo.conductor import conduct
from daemon.demo.plan import Plan
from daemon.demo.story import Chapter
from tests.support.demo import Clockwork, finished

STORY = SimpleNamespace(chapters=(Chapter("one", ()), Chapter("two", ())), more=lambda pictures: Chapter("more", ()))


def conducted(view, *, keep=False, tells_max=10, better_after=None):
    """Conduct with a feeder that only notes; return the titles told and the board's last view."""
    board, stop, told = Board(), Clockwork(), []

    def put(**changes):
        known = ("versions", "champion", "spoilt", "dead", "learner", "sent")
        board.put(**{**{name: getattr(view, name) for name in known}, **changes})

    def tell(chapter, records_s):
        told.append((chapter.title, records_s))
        if better_after is not None and len(told) > better_after:
            put(versions=finished().versions, champion=5)
        if len(told) == tells_max:
            stop.set()

    put()
    conduct(STORY, SimpleNamespace(tell=tell), board, Plan(Path(), keep=keep), stop)
    return told, board.view()


def test_the_story_ends_when_every_promise_is_kept():
    told, view = conducted(finished())
    assert [title for title, _ in told] == ["one", "two"]
    assert view.complete


def test_more_is_streamed_while_a_promise_is_not_kept():
    poor = replace(finished(), versions=finished().versions[:3], champion=3)
    told, view = conducted(poor, better_after=3)
    assert [title for title, _ in told] == ["one", "two", "more", "more"]
    assert view.complete


def test_an_interrupted_story_is_not_complete():
    poor = replace(finished(), versions=finished().versions[:3], champion=3)
    _, view = conducted(poor, tells_max=5)
    assert not view.complete


def test_keep_goes_on_slowly_until_stop():
    told, view = conducted(finished(), keep=True, tells_max=6)
    assert [title for title, _ in told] == ["one", "two", *["more"] * 4]
    assert told[-1][1] < told[0][1]
    assert view.complete
