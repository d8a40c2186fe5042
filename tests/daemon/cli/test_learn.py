"""`tidemill learn`: what is refused before anything is learnt."""

import pytest
import torch

from daemon.composition.opening import check_initial_weights
from daemon.config import Config
from daemon.config.learning import Model
from daemon.errors import OperatorError
from model.network.build import build
from model.network.spec import NetworkSpec
from tests.support.windows import open_state

MLP = ("--set", "model.architecture=model.network.mlp:mlp", "--set", "image.size=8")


def nothing(file):
    """There is no file."""


def nonsense(file):
    file.write_bytes(b"no tensors")


def of_another_architecture(file):
    torch.save(build(NetworkSpec("mobilenet_v3_small", 32, 2), 0).body.state_dict(), file)


@pytest.mark.parametrize("write", [nothing, nonsense, of_another_architecture])
def test_initial_weights_that_cannot_be_used_are_told_at_the_start(run, tmp_path, write):
    file = tmp_path / "weights.pth"
    write(file)
    ran = run("learn", *MLP, "--set", "log.level=error", "--set", f"model.initial_weights={file}")
    assert ran.status == 2
    assert ran.err.count("\n") == 1, ran.err
    assert str(file) in ran.err
    assert ran.err.endswith("(setting: model.initial_weights)\n")


def whole_weights(file, size):
    torch.save(build(NetworkSpec("resnet18", size, 2), 0).body.state_dict(), file)
    return file


@pytest.mark.parametrize("trainable", ["head", "last-block"])
def test_a_part_alone_does_not_learn_on_random_features(tmp_path, trainable):
    def checked(**model):
        with open_state(tmp_path / "new") as new:
            check_initial_weights(Config(model=Model(trainable=trainable, **model)), new)

    with pytest.raises(OperatorError, match=r"random features.*model\.initial_weights.*setting: model\.trainable"):
        checked()
    with pytest.raises(OperatorError, match=r"conv1\.weight would stay at random values.*setting: model\.trainable"):
        checked(initial_weights=str(whole_weights(tmp_path / "large.pth", 224)))
    checked(initial_weights=str(whole_weights(tmp_path / "small.pth", 64)))
    checked(initial_weights=str(tmp_path / "large.pth"), stem="torchvision")


def test_a_part_alone_learns_on_what_was_learnt(history, tmp_path):
    with open_state(tmp_path / "state") as learnt:
        check_initial_weights(Config(model=Model(trainable="head")), learnt)


def test_a_last_block_that_is_not_known_is_told_at_the_start(run):
    ran = run("learn", *MLP, "--set", "log.level=error", "--set", "model.trainable=last-block")
    assert ran.status == 2
    assert ran.err.count("\n") == 1, ran.err
    assert 'take "head" or "all"' in ran.err
    assert ran.err.endswith("(setting: model.trainable)\n")


def test_initial_weights_are_needed_no_more_once_something_is_learnt(history, tmp_path):
    config = Config(model=Model(initial_weights=str(tmp_path / "gone.pth"), architecture="model.network.mlp:mlp"))
    with open_state(tmp_path / "state") as learnt:
        check_initial_weights(config, learnt)
    with open_state(tmp_path / "new") as new, pytest.raises(OperatorError, match="gone"):
        check_initial_weights(config, new)
