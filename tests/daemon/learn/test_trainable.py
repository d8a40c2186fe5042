"""`model.trainable` changed between restarts: what is published, and that a crash changes nothing."""

from dataclasses import replace

import torch

from daemon.composition.learn import _candidate_options
from daemon.config import Config
from daemon.config.learning import Model
from model.learning.published import published_network
from model.learning.state import LearnerState
from tests.support.learners import Bench, Crash, CrashAt
from tests.support.learning import SMALL_CONV

HEAD = {"body.6.weight", "body.6.bias"}


def learn(bench, trainable, crash=None):
    """Restart with another part that learns, and learn a window; return the tensors that are published."""
    bench.training = replace(bench.training, trainable=trainable)
    bench.feed(200)
    bench.now_ms += 60_000
    try:
        bench.learner(crash or CrashAt(), architecture=SMALL_CONV).run_once()
        assert crash is None, "it did not die"
    except Crash:
        bench.learner(architecture=SMALL_CONV).run_once()
    with bench.learner(architecture=SMALL_CONV).directory as directory:
        digest = directory.ledger.current_state()
        return published_network(LearnerState.load(directory.weights_path(digest))).state_dict()


def changed(before, after):
    return {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}


def test_rounds_of_the_head_alone_between_rounds_of_all(tmp_path):
    bench = Bench(tmp_path)
    learn(bench, "all")  # until the first version the input's mean may change
    published = [learn(bench, trainable) for trainable in ("all", "head", "all", "head")]
    bench.die()
    assert changed(published[0], published[1]) == HEAD
    assert changed(published[1], published[2]) > {"body.0.weight", "body.1.running_mean", *HEAD}
    assert changed(published[2], published[3]) == HEAD
    assert len(bench.versions()) >= 4


def test_killed_after_training_the_head_the_round_gives_the_same_version(tmp_path):
    versions = []
    for name, crash in (("undisturbed", None), ("killed", CrashAt("round.train.after"))):
        bench = Bench(tmp_path / name)
        learn(bench, "all")
        learn(bench, "head", crash)
        bench.die()
        versions.append(bench.versions())
    assert versions[0], "the round of the head is published"
    assert versions[0] == versions[1]


def test_the_setting_reaches_training():
    assert _candidate_options(Config(model=Model(trainable="head"))).training.trainable == "head"
    assert _candidate_options(Config()).training.trainable == "all"
