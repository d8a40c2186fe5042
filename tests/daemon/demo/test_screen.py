import io

import pytest
from rich.console import Console

from daemon.demo.board import View
from daemon.demo.screen import draw
from streaming.records import Reason
from tests.support.demo import finished, measured

ROUND = {
    "round": 4,
    "stage": "train",
    "step": 12,
    "steps": 24,
    "samples": 180,
    "buffer": {"samples": 34},
    "store": {"train": 400, "holdout": 100, "waiting": 0},
}


def drawn(view, elapsed_s=62.0, width=110):
    console = Console(file=io.StringIO(), width=width, height=24, color_system=None)
    console.print(draw(view, elapsed_s))
    return console.file.getvalue()


def test_the_first_screen_says_what_is_awaited():
    assert "starting learn" in drawn(View(phase="starting learn"))


def test_a_round_shows_stage_and_progress():
    text = drawn(View(phase="streaming", learner=ROUND))
    assert "round 4      ●●●●○○○" in text
    assert "○ train" in text
    assert "step 12 of 24, 180 fresh pictures" in text
    assert "34 records wait in Redis" in text
    assert "400 train, 100 holdout" in text
    assert "waiting" not in text


def test_the_stream_shows_chapter_and_pace():
    view = View(chapter="digits 0 to 4", chapter_pictures=721, chapter_sent=300, sent=300, waiting=True)
    assert "300 of 721 digits 0 to 4 (waits)" in drawn(view)


def test_versions_and_dead_letters_are_counted():
    text = drawn(finished())
    assert "1:02" in text
    assert "3: 2 empty, 1 undecodable" in text
    assert text.count("promoted") == 5
    assert "100.0%" in text


def test_a_notice_is_never_read_as_markup():
    assert "[red]learn died[/]" in drawn(View(notices=("[red]learn died[/]",)))


@pytest.mark.parametrize("learner", [{}, {"round": None, "store": {"train": 0}}, {"round": 1, "stage": None}])
def test_a_learner_that_has_said_little_is_drawn_too(learner):
    assert "nothing learnt yet" in drawn(View(learner=learner))


def test_the_fullest_screen_fits_a_small_terminal_with_the_newest_version():
    view = View(
        phase="streaming",
        chapter="all digits again, shifted by a pixel",
        chapter_pictures=160,
        chapter_sent=100,
        sent=1600,
        waiting=True,
        dead={reason.value: 4 for reason in Reason},
        learner=ROUND,
        versions=tuple(measured(version, 1.0, 1.0) for version in range(1, 31)),
        notices=("learn died (signal 9) and is started again. Its last words: " + "word " * 60,),
    )
    lines = drawn(view, width=80).splitlines()
    assert len(lines) <= 23
    assert lines[-2].startswith("│      30 ")
    assert max(len(line) for line in lines) <= 80
