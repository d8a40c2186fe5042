import io
from dataclasses import replace

from rich.console import Console

from daemon.demo.board import View
from daemon.demo.display import LineDisplay, LiveDisplay, display_for
from daemon.demo.lines import news, summary
from tests.support.demo import finished


def test_nothing_new_is_no_line():
    assert list(news(finished(), finished())) == []


def test_each_thing_that_happens_is_a_line():
    before = replace(finished(), versions=finished().versions[:4], phase="streaming", notices=("one",))
    now = replace(
        finished(),
        phase="stopping",
        notices=("one", "two"),
        learner={"last": {"round": 5, "outcome": "published", "seconds": 1.25}},
    )
    lines = list(news(before, now))
    assert lines[:3] == ["two", "stopping", "round 5 published after 1.2 s"]
    assert lines[3].startswith("version 5 pulled and tested: 100.0%")
    assert len(lines) == 4


def test_the_summary_counts():
    text = summary(replace(finished(), learner={**finished().learner, "round": 3, "stage": "train"}))
    assert text == "1437 pictures sent, 0 in the buffer, 1437 learnt, 3 dead letters, round 3 train"


def test_lines_come_when_something_happens_and_every_few_seconds():
    console = Console(file=io.StringIO(), width=200)
    with LineDisplay(console) as display:
        display.show(View(), 1.0)
        display.show(View(phase="streaming"), 2.0)
        display.show(View(phase="streaming"), 6.9)
        display.show(View(phase="streaming"), 7.0)
    lines = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["2.0", "7.0"]


def test_a_terminal_gets_the_screen_and_a_pipe_the_lines():
    assert isinstance(display_for(Console(file=io.StringIO(), force_terminal=True)), LiveDisplay)
    assert isinstance(display_for(Console(file=io.StringIO())), LineDisplay)
