"""Back-off, and when it ends."""

import pytest

from daemon.supervisor.restarts import DELAY_MAX_S, Deaths, RestartRules


def test_delays_double_and_the_last_straw_gives_up():
    deaths = Deaths(RestartRules(5, 120), jitter=lambda: 0.0)
    assert [deaths.died(now) for now in range(5)] == [0.5, 1, 2, 4, 8]
    assert deaths.died(5) is None
    assert deaths.count == 6


def test_jitter_takes_up_to_half_off():
    deaths = Deaths(RestartRules(5, 120), jitter=lambda: 0.999)
    assert deaths.died(0) == pytest.approx(0.25, abs=0.01)


def test_old_deaths_are_forgotten():
    deaths = Deaths(RestartRules(1, 100), jitter=lambda: 0.0)
    assert deaths.died(0) == 0.5
    assert deaths.died(100) == 0.5
    assert deaths.died(150) is None


def test_none_is_forgiven_where_none_may_be():
    assert Deaths(RestartRules(0, 100)).died(0) is None


@pytest.mark.parametrize("rules", [RestartRules(20, 120), RestartRules(1000, 60), RestartRules(5, 86400)])
def test_a_role_that_dies_at_once_each_time_is_always_given_up(rules):
    deaths = Deaths(rules, jitter=lambda: 0.0)
    now = 0.0
    for _ in range(rules.deaths_max):
        delay = deaths.died(now)
        assert delay is not None
        assert delay <= DELAY_MAX_S
        now += delay
    assert deaths.died(now) is None
