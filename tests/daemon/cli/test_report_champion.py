"""`report` speaks of the champion, whatever came after it: rollbacks, classes that left, files that are gone."""

import base64
import re

import pytest
from matplotlib import rc_context

from tests.support.grown import Grown

LABELS = ("cat", "dog", "frog")


@pytest.fixture
def grown(tmp_path):
    one = Grown(tmp_path)
    yield one
    one.close()


@pytest.fixture
def page(run, tmp_path):
    """The page of now, its charts with letters in place of their outlines."""

    def made(*args):
        with rc_context({"svg.fonttype": "none"}):
            ran = run("report", "--to", str(tmp_path / "page.html"), *args)
        assert ran.status == 0, ran.err
        text = (tmp_path / "page.html").read_text()
        drawn = [base64.b64decode(one).decode() for one in re.findall(r"svg\+xml;base64,([^\"]+)", text)]
        return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.S)), drawn, ran.err

    return made


def after_rollback(grown):
    """Version 2 is champion again, after 3 and 4, which were worse."""
    grown.version((0.6, 0.6))
    grown.version((0.9, 0.8))
    grown.version((0.4, 0.3))
    grown.version((0.2, 0.1))
    return grown.roll_back(2)


def test_after_a_rollback_the_champion_is_not_called_below_its_best(grown, page):
    after_rollback(grown)
    text, _, said = page()
    assert "2 champion: the version served" in text
    assert "85.0 % right of 126 held out" in text
    assert "No class of the champion is below its best" in text
    assert "4 versions, 2 of them undone by a rollback" in text
    assert "The champion is version 2, not the newest, 4" in text
    assert re.search(r"Rollbacks .*2026-09-\d\d \d\d:\d\d:\d\d 4 2 ", text)
    assert "asking version 2" in said
    assert "asking version 1" in said


def test_what_was_undone_is_no_earlier_version_of_what_came_after(grown, page):
    after_rollback(grown)
    grown.version((0.85, 0.8))
    text, _, said = page("--ago", "1")
    assert "asking version 5" in said
    assert "asking version 2" in said, "the version before it in its own past"
    assert re.search(r"cat 85.0 % 90.0 % 2 5.0", text), "below its best, which version 2 had"


def test_the_charts_mark_champion_rollback_and_what_was_undone(grown, page):
    after_rollback(grown)
    _, (accuracy, *_), _ = page()
    for mark in ("champion (2)", "rollback", "undone", "published (UTC)"):
        assert f">{mark}<" in accuracy
    assert "2026-09-2" in accuracy
    numbers = set(re.findall(r">(\d+(?:\.\d+)?)<", accuracy))
    assert {"1", "2", "3", "4"} <= numbers
    assert not {"1.5", "2.5", "3.5"} & numbers, "there is no version and a half"


def test_one_version_alone_makes_a_page(grown, page):
    grown.version((0.5, 0.7))
    text, (accuracy, *_), _ = page()
    assert "1 version 1 round: 1 published" in text
    assert "champion (1)" in accuracy
    assert "Rollbacks" not in text


def test_a_class_that_was_merged_is_named_with_what_became_of_it(grown, page):
    grown.version((0.5, 0.7, 0.6), LABELS)
    grown.version((0.5, 0.7, 0.6, 0.9), (*LABELS, "newt"))
    grown.asked("classes.merge", **{"from": "newt", "into": "frog"})
    grown.version((0.5, 0.7, 0.4), LABELS)
    text, (_, classes, *_), _ = page()
    assert "newt now 'frog'" in text.replace("&#39;", "'")
    assert "frog 40.0 % 60.0 %" in text
    assert "newt (now 'frog')" in classes.replace("&#x27;", "'")
    assert "newt 0" not in text, "a class that left is not forgotten"


def test_a_class_that_was_retired_is_no_column_of_the_confusions(grown, page):
    grown.version((0.5, 0.7, 0.6), LABELS)
    grown.asked("classes.retire", name="frog")
    grown.version((0.5, 0.7), LABELS[:2])
    text, (_, _, confusions, _), _ = page()
    assert "frog retired" in text
    assert "frog" not in confusions
    assert "any other" in confusions, "what version 1 takes for the class that left is not hidden"


def test_what_the_champions_file_did_not_say_is_not_said_by_another(grown, page, tmp_path):
    grown.version((0.5, 0.7))
    grown.version((0.6, 0.7))
    (tmp_path / "models" / "default" / "2" / "model.onnx").unlink()
    text, _, said = page()
    assert "version 2 is left out" in said
    assert "None to show" in text, "the wrong answers of version 1 are not the champion's"


def test_times_are_of_utc_and_without_fractions(grown, page):
    grown.version((0.5, 0.7))
    grown.refused()
    text, _, _ = page()
    assert re.search(r"2 2026-09-\d\d \d\d:\d\d:\d\d refused harmful: 'cat' lost 12 points", text.replace("&#39;", "'"))
