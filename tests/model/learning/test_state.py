import hashlib

import pytest
import safetensors.torch
import torch

from model.learning.errors import StateFileError
from model.learning.options import TrainOptions
from model.learning.published import published_network
from model.learning.state import LearnerState, new_state
from model.network.build import build
from model.network.normalisation import Normalisation
from model.network.spec import NetworkSpec
from tests.support.learning import MLP, SMALL_CONV, fresh_state, run_round, stripes


@pytest.fixture
def learnt():
    state = fresh_state()
    state.network.set_normalisation(Normalisation((0.3, 0.4, 0.5), (0.2, 0.25, 0.3)))
    run_round(state, stripes(40))
    published_network(state, stripes(40))
    return state


def test_the_digest_is_the_file_s(tmp_path, learnt):
    digest = learnt.save(tmp_path / "state")
    assert digest == hashlib.sha256((tmp_path / "state").read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_goes_round_bit_for_bit(tmp_path, kind):
    learnt = fresh_state()
    run_round(learnt, stripes(40), options=TrainOptions(optimiser=kind))
    published_network(learnt, stripes(40))
    digest = learnt.save(tmp_path / "one")
    back = LearnerState.load(tmp_path / "one")
    assert back.save(tmp_path / "two") == digest
    assert (back.classes, back.steps, back.pretrained) == (learnt.classes, learnt.steps, False)
    assert back.moments.kind == kind
    assert set(back.moments.tensors) == {name for name, _ in learnt.network.named_parameters()}
    assert torch.equal(back.network.mean, learnt.network.mean)


def test_one_read_back_learns_on_like_one_that_stayed_in_memory(tmp_path, learnt):
    learnt.save(tmp_path / "one")
    back = LearnerState.load(tmp_path / "one")
    for state in (learnt, back):
        state.grow(("a", "b", "c", "d"), 9)
        run_round(state, stripes(40, classes_n=4, seed=5), round_number=2)
        published_network(state, stripes(30))
    assert back.save(tmp_path / "two") == learnt.save(tmp_path / "three")


def test_one_read_back_publishes_the_same_network(tmp_path, learnt):
    learnt.save(tmp_path / "one")
    image = torch.rand(5, 3, 8, 8)
    assert torch.equal(published_network(LearnerState.load(tmp_path / "one"))(image), published_network(learnt)(image))


def test_a_copy_is_independent(tmp_path, learnt):
    copy = learnt.clone()
    digest = learnt.save(tmp_path / "one")
    run_round(learnt, stripes(40), round_number=2)
    learnt.grow(("a", "b", "c", "d"), 0)
    assert learnt.save(tmp_path / "two") != digest
    assert copy.save(tmp_path / "three") == digest


def test_growth_keeps_old_rows_everywhere(learnt):
    before = learnt.clone()
    learnt.grow(("a", "b", "c", "new", "newer"), 9)
    weight, bias = learnt.network.head_parameters
    for name, shape in ((weight, (5, 128)), (bias, (5,))):
        assert learnt.average.tensors[name].shape == shape
        assert torch.equal(learnt.average.tensors[name][:3], before.average.tensors[name])
        assert torch.equal(learnt.average.tensors[name][3:], learnt.network.get_parameter(name)[3:])
        for key in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(learnt.moments.tensors[name][key][:3], before.moments.tensors[name][key])
            assert not learnt.moments.tensors[name][key][3:].any()
        assert learnt.moments.tensors[name]["step"].item() == learnt.steps
    assert learnt.average.rows_born.tolist() == [0, 0, 0, learnt.steps, learnt.steps]
    assert learnt.network.spec.classes_n == 5


def test_a_class_that_leaves_takes_its_rows_along_and_no_others(learnt):
    before = learnt.clone()
    learnt.follow(("c", "a", "new"), 9)
    for name in learnt.network.head_parameters:
        now, then = dict(learnt.network.named_parameters())[name], dict(before.network.named_parameters())[name]
        assert torch.equal(now[:2], then[[2, 0]])
        assert torch.equal(learnt.average.tensors[name][:2], before.average.tensors[name][[2, 0]])
        for key, kept in learnt.moments.tensors[name].items():
            assert kept.dim() == 0 or torch.equal(kept[:2], before.moments.tensors[name][key][[2, 0]])
    assert learnt.average.rows_born.tolist()[:2] == before.average.rows_born[[2, 0]].tolist()
    assert (learnt.classes, len(learnt.average.rows_born)) == (("c", "a", "new"), 3)
    run_round(learnt, stripes(40), round_number=2)
    assert published_network(learnt, stripes(40)).spec.classes_n == 3


def test_a_class_that_comes_back_after_new_ones_begins_anew(learnt):
    again = learnt.clone()
    learnt.follow(("a", "new", "b"), 9)
    again.follow(("a",), 9)
    again.follow(("a", "new", "b"), 9)
    name = learnt.network.head_parameters[0]
    assert torch.equal(dict(learnt.network.named_parameters())[name], dict(again.network.named_parameters())[name])
    with pytest.raises(ValueError, match="not among those known"):
        learnt.keep(("a", "z"))


def test_a_new_class_is_learnt_and_published_within_a_round():
    state = fresh_state(MLP)
    old = stripes(300, classes_n=3)
    for number in range(1, 13):
        run_round(state, old, round_number=number)
    state.grow(("a", "b", "c", "d"), 9)
    both = stripes(400, classes_n=4, seed=3)
    run_round(state, both, round_number=20)
    network = published_network(state)
    test = stripes(200, classes_n=4, seed=4)
    image = torch.from_numpy(test.pixels_NHWC).permute(0, 3, 1, 2) / 255
    right = network(image).argmax(1).numpy() == test.labels
    assert right[test.labels == 3].mean() > 0.8
    assert right[test.labels < 3].mean() > 0.8


def test_classes_are_appended_only(learnt):
    for classes in (("b", "a", "c", "d"), ("a", "b")):
        with pytest.raises(ValueError, match="do not begin with"):
            learnt.grow(classes, 0)


def test_classes_must_fit_the_head():
    with pytest.raises(ValueError, match="do not fit a head"):
        new_state(build(NetworkSpec(MLP, 8, 3), 0), ("a", "b"))


def test_what_is_no_state_is_refused(tmp_path, learnt):
    with pytest.raises(FileNotFoundError):
        LearnerState.load(tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"junk")
    safetensors.torch.save_file({"x": torch.ones(1)}, tmp_path / "other")
    learnt.save(tmp_path / "cut")
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-10])
    for name in ("junk", "other", "cut"):
        with pytest.raises(StateFileError, match="no learner's state"):
            LearnerState.load(tmp_path / name)


def test_a_state_of_an_architecture_that_is_gone_is_refused(tmp_path, learnt, monkeypatch):
    learnt.save(tmp_path / "one")
    monkeypatch.delattr("tests.support.factories.small_conv")
    with pytest.raises(StateFileError, match=SMALL_CONV.rpartition(":")[2]):
        LearnerState.load(tmp_path / "one")
