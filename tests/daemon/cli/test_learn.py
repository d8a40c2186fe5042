"""`tidemill learn`: what is refused before anything is learnt."""

import json

import numpy as np
import pytest
import torch

from daemon.composition.classes import check_classes
from daemon.composition.opening import check_initial_weights
from daemon.config import Config
from daemon.config.learning import Model
from daemon.errors import OperatorError
from model.network.build import build
from model.network.spec import NetworkSpec
from model.store.class_changes import class_handlers
from model.store.requests import Request
from model.window import Arrival, Span, Window
from tests.support.windows import LOG, held, open_state

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
    assert ran.said.count("\n") == 1, ran.said
    assert str(file) in ran.said
    assert ran.said.endswith("(setting: model.initial_weights)\n")


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
    assert ran.said.count("\n") == 1, ran.said
    assert 'take "head" or "all"' in ran.said
    assert ran.said.endswith("(setting: model.trainable)\n")


def test_initial_weights_are_needed_no_more_once_something_is_learnt(history, tmp_path):
    config = Config(model=Model(initial_weights=str(tmp_path / "gone.pth"), architecture="model.network.mlp:mlp"))
    with open_state(tmp_path / "state") as learnt:
        check_initial_weights(config, learnt)
    with open_state(tmp_path / "new") as new, pytest.raises(OperatorError, match="gone"):
        check_initial_weights(config, new)


def learnt_classes(folder, names):
    with open_state(folder / "state", size=8) as state:
        seeds = range(len(names))
        arrivals = tuple(Arrival(LOG, seed, str(seed), names[seed], 0, "") for seed in seeds)
        pixels = np.random.default_rng(0).integers(0, 256, (len(names), 8, 8, 3), np.uint8)
        claim = state.claim(Window((Span(LOG, 0, len(names), 0, 0),), arrivals, pixels), seed=0, state=None)
        state.commit(claim, held())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["cat", "dog"], ['does not list ["bird"]', 'model.classes=["cat", "bird", "dog"]', "classes retire bird"]),
        (["bird", "cat", "dog"], ["another order", 'model.classes=["cat", "bird", "dog"]']),
        (["owl", "dog", "bird", "cat"], ["another order", 'model.classes=["cat", "bird", "dog", "owl"]']),
    ],
)
def test_a_closed_list_that_contradicts_the_state_is_refused_with_the_choice(run, tmp_path, given, told):
    learnt_classes(tmp_path, ("cat", "bird", "dog"))
    sets = f"model.classes={json.dumps(given)}"
    ran = run("learn", *MLP, "--set", "log.level=error", "--set", sets)
    assert ran.status == 2
    assert ran.said.count("\n") == 1, ran.said
    assert all(one in ran.said for one in told), ran.said
    assert ran.said.endswith("(setting: model.classes)\n")


def test_a_closed_list_that_fits_the_state_is_taken(tmp_path):
    learnt_classes(tmp_path, ("cat", "bird", "cafe\u0301"))
    with open_state(tmp_path / "state", size=8) as state:
        for classes in ((), ("cat", "bird", "café"), ("cat", "bird", "café", "owl")):
            check_classes(Config(model=Model(classes=classes)), state)
        with pytest.raises(OperatorError, match="does not list"):
            check_classes(Config(model=Model(classes=("cat", "bird"))), state)


def test_a_closed_list_with_a_class_that_was_retired_is_refused(tmp_path):
    learnt_classes(tmp_path, ("cat", "bird", "dog"))
    with open_state(tmp_path / "state", size=8) as state:
        handlers = class_handlers(state.rules)
        assert state.answer(Request("a", "classes.retire", {"name": "dog"}, 0), handlers).done
        with pytest.raises(OperatorError, match=r"'dog', which was retired.*tidemill classes admit dog"):
            check_classes(Config(model=Model(classes=("cat", "bird", "dog"))), state)
        check_classes(Config(model=Model(classes=("cat", "bird"))), state)
