"""Wrong labels through the learner's own rounds: they come first in the ranking, and a crash changes no score."""

import numpy as np
import pytest

from model.store.viewing import Viewer
from tests.support.learners import LABELS, Bench, Crash, CrashAt

WRONG = range(0, 480, 40)
"""Places of the pictures under the other label: all of them dark."""


def feed_and_learn(bench, learner, first, last):
    """Feed pictures and learn them; a learner that dies is started again."""
    labels = [LABELS[index % 2] for index in range(first, last)]
    pixels = [bench.pixels(label, index) for index, label in zip(range(first, last), labels, strict=True)]
    for index in set(WRONG) & set(range(first, last)):
        labels[index - first] = LABELS[1]
    bench.feed_pictures(np.stack(pixels), labels, "camera-7")
    bench.now_ms += 60_000
    try:
        while learner.run_once():
            pass
    except Crash:
        learner = bench.learner()
        while learner.run_once():
            pass
    return learner


def play(folder, point=""):
    """Learn two windows, dying once at a point of the second; return all margins, and the ranking."""
    bench = Bench(folder, samples=240)
    learner = feed_and_learn(bench, bench.learner(), 0, 240)
    crash = CrashAt(point)
    learner = feed_and_learn(bench, bench.learner(crash), 240, 480)
    assert crash.left <= (0 if point else 1), f"{point} was not reached"
    rows = learner.directory._database.execute("SELECT * FROM margins ORDER BY sample").fetchall()
    with Viewer(bench.folder / "state") as viewer:
        found = viewer.suspects(100)
    bench.die()
    return rows, found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return play(tmp_path_factory.mktemp("undisturbed"))


def test_wrong_labels_come_first(undisturbed):
    rows, found = undisturbed
    wrong = {f"id-{index}" for index in WRONG} & {one.name.sample_id for one in found}
    assert len(wrong) >= 6, "some are held out, and not trained on"
    assert {one.name.sample_id for one in found[: len(wrong)]} == wrong
    first = found[0]
    assert (first.name.label, first.ranked.predicted, first.name.source) == ("light", "dark", "camera-7")
    assert sum(row[2] for row in rows) > len(rows), "replay is counted, too"


@pytest.mark.parametrize("point", ["round.train.after", "round.evaluate.after", "commit.inside", "commit.after"])
def test_killed_between_training_and_commit_the_scores_are_the_same(tmp_path, undisturbed, point):
    rows, _ = play(tmp_path, point)
    assert rows == undisturbed[0]
