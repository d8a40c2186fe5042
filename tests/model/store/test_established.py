"""Which classes have arrived for good: those before the last ones that joined lately and of which few are held out."""

from pathlib import Path

import pytest

from model.store import StateDirectory, StoreRules
from tests.support.windows import LOG, labelled, open_state, published, take, window

MANY = 1_000
"""Held-out samples: more than the stores here hold of any class."""


@pytest.fixture
def state(tmp_path: Path):
    """Cats and dogs, a first version in round 2, and a class that joined in round 4."""
    with open_state(tmp_path, StoreRules(class_min_samples=2)) as one:
        take(one, labelled(range(60)))
        publish(one, labelled(range(60, 120)))
        take(one, labelled(range(120, 150), ("cat", "dog", "fox")))
        take(one, labelled(range(150, 180), ("cat", "dog", "fox")))
        assert one.ledger.classes() == ("cat", "dog", "fox")
        yield one


def publish(state: StateDirectory, pictures: list[tuple[int, str]]) -> None:
    claim = state.claim(window(pictures, state.ledger.positions()[LOG]), seed=7, state=state.ledger.current_state())
    state.commit(claim, published(state, claim))
    state.mark_published(1)


def test_a_class_arrives_until_enough_of_it_are_held_out(state):
    assert state.ledger.established(0, MANY) == 2
    assert state.ledger.established(0, 1) == 3


def test_or_until_rounds_have_passed(state):
    assert state.ledger.established(4, MANY) == 2
    assert state.ledger.established(5, MANY) == 3


def test_the_classes_of_the_first_version_never_arrive(tmp_path):
    with open_state(tmp_path) as state:
        take(state, labelled(range(60)))
        assert state.ledger.established(0, MANY) == 2, "nor before there is one"
        publish(state, labelled(range(60, 120)))
        assert state.ledger.established(0, MANY) == 2
