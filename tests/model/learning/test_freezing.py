"""What does not learn stays bit for bit, costs no gradient, and learns again when it is let go."""

import time

import numpy as np
import pytest
import torch

from model.learning.options import PlanOptions, TrainOptions
from model.learning.plan import Plan
from model.learning.published import published_network
from model.learning.state import LearnerState
from model.learning.trainer import train
from model.network.errors import TrainableError
from model.network.spec import Trainable
from model.publishing.publisher import Publisher
from tests.support.learning import MLP, SMALL_CONV, fresh_state, run_round, stripes

HEAD = {"body.6.weight", "body.6.bias"}
CLASSES_N = 3


def learnt(architecture=SMALL_CONV, size=8):
    """A state whose average is not its weights, with statistics of its own."""
    state = fresh_state(architecture, size)
    run_round(state, stripes(40, size), plan=PlanOptions(batch=16, steps_min=2))
    published_network(state, stripes(40, size))
    return state


def round_of(state, trainable: Trainable, number=2, size=8):
    """Train and calibrate as a round does; return the network to publish."""
    fresh = stripes(40, size, len(state.classes), seed=number)
    run_round(state, fresh, round_number=number, options=TrainOptions(trainable=trainable))
    return published_network(state, stripes(40, size, seed=number), trainable)


def changed(before, after):
    return {name for name, tensor in after.state_dict().items() if not torch.equal(tensor, before.state_dict()[name])}


def test_the_head_alone_changes_what_is_published():
    state = learnt()
    before = published_network(state)
    assert not torch.equal(state.network.body[0].weight, before.body[0].weight)
    assert changed(before, round_of(state, "head")) == HEAD
    assert changed(before, round_of(state, "head", 3)) == HEAD
    # weights, average and statistics of what is frozen are one
    assert changed(before, state.network) == HEAD
    assert set(state.moments.tensors) == HEAD


def test_the_last_block_changes_with_its_statistics_and_nothing_before_it():
    state = learnt("mobilenet_v3_small", 32)
    before = published_network(state)
    found = changed(before, round_of(state, "last-block", size=32))
    late = ("body.features.9", "body.features.10", "body.features.11", "body.features.12", "body.classifier")
    assert all(name.startswith(late) for name in found)
    assert {name for name, _ in before.named_parameters() if name.startswith(late)} <= found
    assert any(name.endswith("running_mean") for name in found)


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_only_what_learns_has_gradients_and_costs_a_graph(trainable):
    state, graded, reached = learnt(), [], []

    def look(_facts):
        graded.append({name for name, one in state.network.named_parameters() if one.grad is not None})

    state.network.head.register_forward_pre_hook(lambda _m, inputs: reached.append(inputs[0].requires_grad))
    fresh, none = stripes(40), stripes(0)
    options = TrainOptions(trainable=trainable)
    train(
        state, fresh, none, np.zeros(CLASSES_N), Plan(3, 40, 0), options,
        seed=1, round_number=2, clock=time.monotonic, progress=look,
    )  # fmt: skip
    every = {name for name, _ in state.network.named_parameters()}
    assert graded[-1] == (HEAD if trainable == "head" else every)
    assert set(reached) == {trainable == "all"}
    assert all(parameter.requires_grad and parameter.grad is None for parameter in state.network.parameters())


def test_what_is_frozen_answers_in_training_as_it_does_in_use():
    state, modes = learnt(), []
    state.network.body[1].register_forward_hook(lambda module, _i, _o: modes.append(module.training))
    run_round(state, stripes(40), round_number=2, options=TrainOptions(trainable="head"))
    assert set(modes) == {False}
    modes.clear()
    run_round(state, stripes(40), round_number=3)
    assert set(modes) == {True}


def test_from_all_to_the_head_and_back_over_restarts(tmp_path):
    state = learnt()
    for number, trainable in enumerate(("all", "head", "all", "head", "all"), 2):
        before = published_network(state)
        found = changed(before, round_of(state, trainable, number))
        assert (found == HEAD) is (trainable == "head")
        state.save(tmp_path / "state")
        state = LearnerState.load(tmp_path / "state")
    steps = {name: int(kept["step"]) for name, kept in state.moments.tensors.items()}
    assert set(steps) == {name for name, _ in state.network.named_parameters()}
    assert steps["body.6.weight"] > steps["body.0.weight"]


def test_what_is_published_comes_back_from_the_file(tmp_path):
    state = learnt()
    network = round_of(state, "head")
    state.save(tmp_path / "state")
    assert not changed(network, published_network(LearnerState.load(tmp_path / "state")))


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_the_same_round_after_a_restart_gives_the_same_bytes(tmp_path, trainable):
    learnt().save(tmp_path / "start")
    digests = set()
    for _ in range(2):
        state = LearnerState.load(tmp_path / "start")
        round_of(state, trainable)
        digests.add(state.save(tmp_path / "end"))
    state = LearnerState.load(tmp_path / "start").clone()
    round_of(state, trainable)
    assert digests == {state.save(tmp_path / "end")}


def test_the_head_grows_while_the_rest_is_frozen():
    state = learnt()
    round_of(state, "head")
    before = published_network(state)
    state.grow((*state.classes, "new"), seed=4)
    network = round_of(state, "head", 3)
    assert network(torch.rand(2, 3, 8, 8)).shape == (2, CLASSES_N + 1)
    bodies = [{name: one for name, one in net.state_dict().items() if name not in HEAD} for net in (before, network)]
    assert all(torch.equal(tensor, bodies[1][name]) for name, tensor in bodies[0].items())
    quick = TrainOptions(trainable="head", crop=False, lr=0.01)
    for number in range(4, 8):
        run_round(state, stripes(300, 8, CLASSES_N + 1), round_number=number, options=quick)
    test = stripes(200, 8, CLASSES_N + 1, seed=99)
    image = torch.from_numpy(test.pixels_NHWC).permute(0, 3, 1, 2) / 255
    said = published_network(state)(image).argmax(1).numpy()
    assert (said[test.labels == CLASSES_N] == CLASSES_N).mean() > 0.5


def test_is_published_by_the_same_template(tmp_path):
    publisher = Publisher(tmp_path / "cache", clock=time.monotonic, threads=1)
    samples, state, digests = stripes(16).pixels_NHWC, learnt(), []
    for version, trainable in enumerate(("all", "head", "all"), 1):
        network = round_of(state, trainable, version + 1)
        staged = publisher.stage(
            network, spec_json=network.spec.to_json(), classes=state.classes, model_name="default", version=version,
            samples_NHWC=samples, out_path=tmp_path / "model.onnx",
        )  # fmt: skip
        assert staged.exported is (version == 1)
        assert staged.parity_max_abs_error <= 1e-4
        digests.append(staged.sha256)
    assert len(set(digests)) == 3


def test_a_last_block_of_ones_own_is_not_known():
    with pytest.raises(TrainableError, match=r"model\.trainable"):
        round_of(fresh_state(MLP), "last-block")
