import io

import pytest
from rich.console import Console

from daemon.demo.board import View
from daemon.demo.screen import draw
from tests.support.demo import finished

ROUND = {
    "round": 4,
    "stage": "train",
    "step": 12,
    "steps": 24,
    "samples": 180,
    "buffer": {"samples": 34},
    "store": {"train": 400, "holdout": 100, "waiting": 0},
}


def drawn(view, elapsed_s=62.0):
    console = Console(file=io.StringIO(), width=110, height=24, color_system=None)
    console.print(draw(view, elapsed_s))
    return console.file.getvalue()


def test_the_first_screen_says_what_is_awaited():
    assert "starting learn" in drawn(View(phase="starting learn"))


def test_a_round_shows_stage_and_progress():
    text = drawn(View(phase="streaming", learner=ROUND))
    assert "4: take claim screen train" in text
    assert "step 12 of 24, 180 fresh pictures" in text
    assert "34 records wait in Redis" in text
    assert "400 train, 100 holdout" in text
    assert "waiting" not in text


def test_the_stream_shows_chapter_and_pace():
    view = View(chapter="digits 0 to 4", chapter_pictures=721, chapter_sent=300, sent=300, waiting=True)
    assert "300 of 721 · digits 0 to 4 · waits for the learner" in drawn(view)


def test_versions_and_dead_letters_are_counted():
    text = drawn(finished())
    assert "1:02" in text
    assert "3: 2 empty, 1 undecodable" in text
    assert text.count("promoted") == 5
    assert "100.0%" in text


def test_a_notice_is_never_read_as_markup():
    assert "[red]learn died[/]" in drawn(View(notices=("[red]learn died[/]",)))


@pytest.mark.parametrize("learner", [{}, {"round": None, "stage": None, "store": {}}, {"round": 1, "stage": None}])
def test_a_learner_that_has_said_little_is_drawn_too(learner):
    assert "learner" in drawn(View(learner=learner))
