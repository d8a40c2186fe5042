import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.learning.options import PlanOptions
from model.learning.plan import Plan, batch_bounds, fresh_order, plan_round, plan_round_within


def test_half_fresh_half_replay_each_fresh_sample_once():
    assert plan_round(512, PlanOptions(), replay=True) == Plan(16, 512, 512)
    assert plan_round(512, PlanOptions(), replay=True).fresh_share == 0.5


def test_passes_and_replay_are_counted_by_fresh_sample():
    assert plan_round(512, PlanOptions(passes=3), replay=True) == Plan(48, 1536, 1536)
    assert plan_round(480, PlanOptions(replay=3.0), replay=True) == Plan(30, 480, 1440)
    assert plan_round(480, PlanOptions(replay=0.0), replay=True) == Plan(8, 480, 0)


def test_all_fresh_where_there_is_nothing_to_replay():
    assert plan_round(512, PlanOptions(), replay=False) == Plan(8, 512, 0)


def test_a_ragged_window_is_spread_evenly_not_cut():
    plan = plan_round(500, PlanOptions(), replay=True)
    assert plan == Plan(16, 500, 500)


@pytest.mark.parametrize("replay", [0.3, 1.7, 5.0, 19.0])
def test_no_more_is_replayed_than_is_said(replay):
    plan = plan_round(512, PlanOptions(replay=replay), replay=True)
    assert 0.85 * replay * 512 < plan.replay_n <= np.ceil(replay * 512)


def test_limits_bind():
    assert plan_round(64, PlanOptions(steps_min=10), replay=True) == Plan(10, 320, 320)
    assert plan_round(6400, PlanOptions(steps_max=5), replay=True) == Plan(5, 160, 160)


def test_a_few_samples_are_no_half_of_a_batch():
    assert plan_round(1, PlanOptions(), replay=True) == Plan(4, 4, 252)
    assert plan_round(1, PlanOptions(), replay=False) == Plan(4, 8, 0)


def test_more_replay_takes_no_fresh_sample_away():
    options = PlanOptions(steps_max=100)
    assert plan_round_within(2_500, options, 3.0) == plan_round(2_500, options, replay=True), "the limit would bind"
    more = plan_round_within(1_000, options, 3.0)
    assert (more.fresh_n, more.replay_n > 2.5 * 1_000) == (1_000, True)


def test_a_window_smaller_than_a_batch_is_not_trained_more_often_for_want_of_replay():
    options = PlanOptions()
    assert plan_round_within(58, options, 0.1) == plan_round(58, options, replay=True)
    assert plan_round_within(64, options, 0.1).replay_n < 64


def test_every_batch_has_something_replayed_where_there_is_replay():
    plan = plan_round_within(512, PlanOptions(batch=4), 0.1)
    assert plan.replay_n >= plan.steps


def test_refuses_nothing():
    with pytest.raises(ValueError, match="needs a fresh sample"):
        plan_round(0, PlanOptions(), replay=True)


@given(st.integers(1, 3000), st.integers(1, 4), st.integers(2, 200), st.floats(0, 8), st.booleans())
def test_batches_keep_their_size_and_steps_their_limits(fresh_n, passes, batch, replay, has_replay):
    options = PlanOptions(passes, batch, replay, steps_min=4, steps_max=50)
    plan = plan_round(fresh_n, options, replay=has_replay)
    assert 4 <= plan.steps <= 50
    sizes = np.diff(batch_bounds(plan.fresh_n, plan.steps)) + np.diff(batch_bounds(plan.replay_n, plan.steps))
    assert sizes.min() >= 2
    assert sizes.max() <= batch
    assert np.diff(batch_bounds(plan.fresh_n, plan.steps)).min() >= 1


@given(st.integers(1, 50), st.integers(1, 200))
def test_every_fresh_sample_comes_as_often_as_any_other_or_once_more(n, wanted):
    counts = np.bincount(fresh_order(n, wanted, np.random.default_rng(0)), minlength=n)
    assert counts.sum() == wanted
    assert counts.max() - counts.min() <= 1
