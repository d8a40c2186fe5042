"""The daemon's round on a stream: what is counted, what is kept, and that a seed is a result."""

from types import SimpleNamespace

import numpy as np
import pytest

from daemon.config.learning import Round
from tests.benchmarks.learning import plain, protocols
from tests.benchmarks.learning.metrics import figures
from tests.benchmarks.learning.ours import Settings, Tidemill, fitting_window, run, window_bounds
from tests.support.streams import data

MLP = "model.network.mlp:grey_mlp"


def settings(**changes):
    return Settings(**{"architecture": MLP, "memory": None, "budget": 1, "seed": 0, "window": 64, **changes})


def test_windows_are_as_even_as_can_be_and_tile_the_task():
    assert window_bounds(100, 40) == [0, 33, 66, 100]
    assert window_bounds(40, 40) == [0, 40]
    assert window_bounds(0, 40) == []


def test_each_task_has_windows_enough_for_its_classes_to_be_learnt(tmp_path):
    stream = protocols.make("split", data(tmp_path, each=80), 0)
    window = fitting_window(stream)
    assert window == min(len(task.train) for task in stream.tasks) // 4
    known = np.isfinite(run(stream, settings(window=window)).answers.after[-1][0]).all(axis=0)
    assert known.all()


def test_the_window_is_that_of_the_daemon_where_there_is_enough():
    task = SimpleNamespace(train=range(5_000))
    assert fitting_window(SimpleNamespace(tasks=(task, task))) == Round().samples


@pytest.fixture
def stream(tmp_path):
    return protocols.make("iid", data(tmp_path, each=80), 0)


def test_each_image_is_learnt_once_as_fresh_beside_one_replayed(stream):
    result = run(stream, settings(save_replay=False))
    first = len(stream.tasks[0].train)
    # The first window has nothing to replay.
    assert result.sample_gradients == 2 * stream.images - first


def test_replay_that_is_saved_is_within_the_budget(stream):
    assert stream.images < run(stream, settings()).sample_gradients <= 2 * stream.images


def test_a_larger_budget_is_spent_on_replay(stream):
    first = len(stream.tasks[0].train)
    result = run(stream, settings(budget=3, save_replay=False))
    assert result.sample_gradients == pytest.approx(6 * (stream.images - first) + first, rel=0.05)
    assert run(stream, settings(budget=3)).sample_gradients <= 6 * stream.images


def test_others_have_the_full_budget(stream):
    for learner in plain.PLAIN.values():
        assert learner(stream, settings(budget=2)).sample_gradients == 4 * stream.images


def test_no_more_than_the_memory_is_kept(stream):
    with Tidemill(stream, settings(memory=80)) as tidemill:
        for task in stream.tasks:
            for window in tidemill.windows(task):
                tidemill.learn(window)
                assert tidemill.directory.ledger.counts()["train"] <= 80
        assert tidemill.directory.ledger.last_round() == 5


def test_plain_replay_keeps_as_much_and_remembers_labels_alone(stream):
    with Tidemill(stream, settings(memory=80, plain=True)) as tidemill:
        for window in (one for task in stream.tasks for one in tidemill.windows(task)):
            tidemill.learn(window)
        database = tidemill.directory._database
        kept = [
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("stand_ins", "recollections")
        ]
        assert tidemill.directory.ledger.counts()["train"] == 80
    assert kept == [0, 0]


def test_a_seed_is_a_result_and_progress_ends_at_one(stream):
    told = []
    first, again = run(stream, settings(), told.append), run(stream, settings())
    assert figures(stream, first.answers) == figures(stream, again.answers)
    assert told[-1] == 1.0
    assert len(told) == 5


def test_classes_that_have_not_come_yet_are_no_answers(tmp_path):
    stream = protocols.make("split", data(tmp_path, each=80), 0)
    result = run(stream, settings())
    early = result.answers.after[0][0]
    assert np.isinf(early[:, 1:]).all()
    assert np.isfinite(result.answers.after[-1][0]).all()
