"""One export in this process, shared by the tests that refill it."""

import pytest
import torch

from model.publishing.exporting import make_template
from model.publishing.fuse import floating_state, frozen_copy, fuse
from model.publishing.template import Template
from tests.support.networks import Tiny, Tokens, randomised

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_template() -> Template:
    """The template of Tiny(3) at 8 pixels."""
    return make_template(Tiny(3).eval(), 8, 8, 3)


@pytest.fixture(scope="session")
def tokens_template() -> Template:
    """The template of Tokens(3) at 16 pixels."""
    return make_template(Tokens(3).eval(), 16, 16, 3)


@pytest.fixture
def fused_state():
    """A function from a seed and a number of classes to the fused state of a Tiny network."""

    def make(seed: int, classes: int = 3):
        return floating_state(fuse(frozen_copy(randomised(Tiny(classes), seed))))

    return make
