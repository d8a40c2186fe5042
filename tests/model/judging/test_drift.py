import numpy as np
import pytest

from model.judging.drift import OVERALL, DriftDetectors
from model.store.misses import ERA_ROUNDS, Misses


def misses(number: int, rates: list[float], n: int = 512, seed: int | None = None) -> Misses:
    rng = np.random.default_rng(number if seed is None else seed)
    labels = rng.integers(0, len(rates), n)
    return Misses(number, len(rates), labels, rng.random(n) < np.array(rates)[labels])


STILL = [0.02, 0.1, 0.2, 0.4]


def test_a_still_stream_raises_no_alarm():
    detectors = DriftDetectors(0.002)
    assert not any(detectors.take(misses(number, STILL)) for number in range(1, 118)), "60,000 samples"


def test_a_rise_between_two_windows_shows_and_only_where_it_is():
    detectors = DriftDetectors(0.002)
    assert not any(detectors.take(misses(number, STILL)) for number in range(1, 6))
    rose = detectors.take(misses(6, [0.02, 0.8, 0.2, 0.4], n=1024))
    assert 1 in rose and not rose & {0, 2, 3}
    everywhere = DriftDetectors(0.002)
    assert not any(everywhere.take(misses(number, STILL)) for number in range(1, 6))
    assert OVERALL in everywhere.take(misses(6, [0.7] * 4))


def test_falling_errors_are_no_alarm():
    detectors = DriftDetectors(0.002)
    assert not any(detectors.take(misses(number, [0.8] * 4)) for number in range(1, 6))
    assert not any(detectors.take(misses(number, [0.1] * 4)) for number in range(6, 12))


@pytest.mark.parametrize("number", [6, ERA_ROUNDS])
def test_a_new_class_and_a_new_era_begin_anew(number: int):
    detectors = DriftDetectors(0.002)
    first = number - 5
    assert not any(detectors.take(misses(one, STILL)) for one in range(first, number))
    rates = [0.7] * (5 if number == 6 else 4)
    assert not detectors.take(misses(number, rates))
