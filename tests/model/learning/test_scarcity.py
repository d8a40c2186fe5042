"""Classes that are met in a few kept pictures alone are to win by a margin."""

import numpy as np
import pytest

from model.learning.options import TrainOptions
from model.learning.plan import Plan
from model.learning.published import answered, published_network
from model.learning.scarcity import scarcity
from model.learning.trainer import train
from tests.support.learning import MLP, fresh_state, stripes


def test_a_class_is_scarce_where_the_window_lacks_it_and_the_store_has_lost_it():
    fresh, forgotten = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.9, 0.0, 0.9, 0.0])
    assert scarcity(fresh, np.full(4, 16), forgotten) == pytest.approx([0.0, 0.0, 0.45, 0.0])


def test_a_class_that_comes_less_often_is_as_much_scarcer():
    assert scarcity(np.array([0.9, 0.1]), np.ones(2, int), np.array([0.5, 0.5])) == pytest.approx([0.0, 0.4])


def test_the_fewer_are_kept_the_scarcer():
    found = scarcity(np.zeros(4), np.array([0, 1, 16, 10_000]), np.ones(4))
    assert found == pytest.approx([1.0, 1.0, 0.5, 0.1])


def answers(margin: float, scarce: np.ndarray | None) -> np.ndarray:
    """Return the mean logits after a round whose window holds class 0 alone, of three."""
    state, replay = fresh_state(MLP), stripes(48, seed=8)
    window = stripes(200, seed=5)
    only = np.flatnonzero(window.labels == 0)[:48]
    fresh = type(window)(window.pixels_NHWC[only], window.labels[only])
    options = TrainOptions(flip=False, crop=False, ema_decay=0.0, margin=margin)
    shares, plan = np.full(3, 1 / 3), Plan(20, 48, 48)
    train(
        state,
        fresh,
        replay,
        shares,
        plan,
        options,
        seed=1,
        round_number=1,
        scarce=scarce,
        clock=lambda: 0.0,
    )
    return answered(published_network(state), stripes(300, seed=9)).mean(axis=0)


def test_scarce_classes_win_by_more_the_larger_the_margin():
    scarce = np.array([0.0, 0.9, 0.9])
    none, some, more = (answers(margin, scarce) for margin in (0.0, 1.0, 3.0))
    leads = [float(one[1:].mean() - one[0]) for one in (none, some, more)]
    assert leads[0] < leads[1] < leads[2]


def test_where_nothing_is_scarce_there_is_no_margin():
    plain = answers(0.0, None)
    assert np.array_equal(plain, answers(3.0, None))
    assert np.array_equal(plain, answers(3.0, np.zeros(3)))
