"""What the peers are told. They are run by the benchmark alone."""

import json

import numpy as np
import pytest

from tests.benchmarks.learning import peers, protocols
from tests.benchmarks.learning.ours import Settings
from tests.support.streams import data

MLP = "model.network.mlp:grey_mlp"


def test_a_peer_gets_the_same_windows_and_as_many_images_to_keep(tmp_path):
    stream = protocols.make("split", data(tmp_path, each=40), 0)
    job = peers.job_of("ER", stream, Settings(MLP, None, 1, 0, window=32))
    assert job["task_bounds"] == [0, 40, 80, 120, 160]
    assert job["window_bounds"] == [0, 20, 40, 60, 80, 100, 120, 140, 160]
    assert job["memory"] == 160
    assert job["tests"] == [0, 1, 2, 3]
    assert peers.job_of("ER", stream, Settings(MLP, 50, 1, 0))["memory"] == 50


def test_a_run_is_kept_by_data_settings_and_seed(tmp_path, monkeypatch):
    stream = protocols.make("iid", data(tmp_path), 0)
    ran = []

    def child(_python, job, stream, kept):
        ran.append(job)
        kept.parent.mkdir(parents=True, exist_ok=True)
        logits = np.zeros((len(stream.tasks[0].test), 4), np.float32)
        after = {f"after_{task}_{one}": logits for task in range(5) for one in range(task + 1)}
        np.savez(kept, facts=json.dumps({"sample_gradients": 240, "seconds": 1.5}), **after)

    monkeypatch.setattr(peers, "CACHE", tmp_path / "peers")
    monkeypatch.setattr(peers, "environment", lambda: None)
    monkeypatch.setattr(peers, "_run_child", child)
    for settings, digest in [
        (Settings(MLP, None, 1, 0), "data"),
        (Settings(MLP, None, 1, 0), "data"),
        (Settings(MLP, None, 1, 1), "data"),
        (Settings(MLP, 50, 1, 0), "data"),
        (Settings(MLP, None, 1, 0), "other data"),
    ]:
        assert peers.run("ER", stream, settings, digest).sample_gradients == 240
    assert len(ran) == 4


def test_a_child_that_fails_says_so(tmp_path, monkeypatch):
    stream = protocols.make("iid", data(tmp_path), 0)
    monkeypatch.setattr(peers, "CACHE", tmp_path / "peers")
    program = tmp_path / "child.py"
    program.write_text("raise SystemExit('no such thing')")
    monkeypatch.setattr(peers, "CHILD", program)
    monkeypatch.setattr(peers, "environment", lambda: peers.sys.executable)
    with pytest.raises(peers.PeersError, match="no such thing"):
        peers.run("ER", stream, Settings(MLP, None, 1, 0), "data")
    assert not list((tmp_path / "peers").glob("runs/*.npz"))
