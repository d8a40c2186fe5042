"""The curve of plasticity: what is drawn, that a state which cannot learn shows, and when the exit status is 1."""

import json
import sys

import numpy as np
import pytest

from model.learning.state import LearnerState
from tests.benchmarks import plasticity
from tests.benchmarks.learning.ours import Settings
from tests.benchmarks.plasticity import Point, Probe, Size, lost, make_stream, measure, shuffled
from tests.support.learning import fresh_state
from tests.support.streams import arrays, data

SMALL = Size(rounds=24, every=8, window=24, probe_images=24, probe_passes=4, probe_steps=12)
MLP = "model.network.mlp:grey_mlp"


@pytest.fixture
def images(tmp_path):
    return data(tmp_path, classes_n=8, each=150)


def curve(*accuracies):
    return [Point(20 * number, 3, one, 0.0) for number, one in enumerate(accuracies)]


def test_a_shuffle_is_the_same_for_all_and_loses_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    order = np.random.default_rng(1).permutation(16)
    found = shuffled(pixels, order)
    assert (found[:, 1, 2] == pixels.reshape(5, 16, 3)[:, order[6]]).all()
    assert (shuffled(found, np.argsort(order)) == pixels).all()


def test_every_task_is_new_and_fills_its_rounds(images):
    stream = make_stream(images, SMALL, 0)
    assert [len(task.train) for task in stream.tasks] == [240, 240, 96]
    assert [task.classes.tolist() for task in stream.tasks] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert len(set(stream.classes)) == 9
    assert make_stream(images, SMALL, 0).classes == stream.classes != make_stream(images, SMALL, 1).classes
    seen = {one.tobytes() for task in stream.tasks for one in task.train.pixels_NHWC}
    assert len(seen) == stream.images


def test_measures_at_the_start_and_every_so_many_rounds(images):
    points = measure(images, SMALL, 0)
    assert [(one.round, one.classes) for one in points] == [(0, 0), (8, 3), (16, 6), (24, 9)]
    assert all(one.accuracy > 0.6 for one in points)
    assert measure(images, SMALL, 0) == points


def test_a_state_that_cannot_learn_any_more_shows(images, tmp_path):
    probe = Probe(images, SMALL, Settings(MLP, None, 1, 0))
    state = fresh_state(MLP, 8)
    state.save(tmp_path / "young")
    for name, parameter in state.network.named_parameters():
        if name.endswith("bias") and name not in state.network.head_parameters:
            parameter.data.fill_(-100.0)  # no unit answers to anything
    state.save(tmp_path / "stiff")
    assert probe.ask(tmp_path / "young", 0) > probe.ask(tmp_path / "stiff", 0) + 0.2
    assert LearnerState.load(tmp_path / "young").classes == ("a", "b", "c")


def test_what_is_lost_is_the_last_fifth_below_the_first():
    assert lost(curve(*[0.8, 0.7], *[0.1] * 6, *[0.7, 0.6])) == pytest.approx(0.1)
    assert lost(curve(0.5, 0.6)) == pytest.approx(-0.1)


@pytest.mark.parametrize(("last", "status"), [(0.785, 0), (0.775, 1)])
def test_the_exit_status_tells_of_a_loss(tmp_path, monkeypatch, capsys, last, status):
    np.savez(tmp_path / "data.npz", **arrays())
    monkeypatch.setattr(plasticity, "measure", lambda *_: curve(0.8, last))
    given = ["plasticity", "--data", str(tmp_path / "data.npz"), "--picture", str(tmp_path / "curve.png")]
    for more in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*given, *more])
        assert plasticity.main() == status
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["lost"] == pytest.approx(0.8 - last)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_data_that_cannot_be_read_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["plasticity", "--data", str(tmp_path / "none.npz")])
    assert plasticity.main() == 1
    assert "none.npz" in capsys.readouterr().err
