import pytest
import torch
from torch import nn

from model.learning.average import SHARPNESS, WeightAverage


def values(*numbers):
    return {
        "body": nn.Parameter(torch.tensor(numbers[:1])),
        "head": nn.Parameter(torch.tensor(numbers[1:]).view(-1, 1)),
    }


def by_hand(series, decay):
    average = 0.0
    for step, value in enumerate(series, 1):
        weight = max(1 - decay, (SHARPNESS + 1) / (step + SHARPNESS))
        average += weight * (value - average)
    return average


def test_its_memory_is_a_ninth_of_the_steps_until_that_is_as_long_as_the_decays():
    average = WeightAverage.of(values(0.0, 0.0), 1)
    for step in range(1, 1_001):
        average.update(values(float(step), float(step)), ["head"], 0.99)
        if step == 200:
            assert 200 - average.tensors["body"].item() == pytest.approx(20, abs=1.5), "not the mean of all, 100 behind"
    assert 1_000 - average.tensors["body"].item() == pytest.approx(97, abs=3)


def test_is_the_mean_weighted_by_hand():
    average = WeightAverage.of(values(9.0, 9.0, 9.0), 2)
    series = [1.0, 4.0, -2.0, 0.5]
    for value in series:
        average.update(values(value, value, 2 * value), ["head"], 0.9)
    assert average.tensors["body"].item() == pytest.approx(by_hand(series, 0.9))
    assert average.tensors["head"].flatten().tolist() == pytest.approx([by_hand(series, 0.9), 2 * by_hand(series, 0.9)])


def test_after_the_first_step_it_is_that_step():
    average = WeightAverage.of(values(9.0, 9.0), 1)
    average.update(values(1.1, 2.2), ["head"], 0.99)
    assert average.tensors["body"].item() == torch.tensor(1.1).item()
    assert average.tensors["head"].item() == torch.tensor(2.2).item()


def test_a_row_born_later_is_corrected_for_its_own_start():
    average = WeightAverage.of(values(0.0, 0.0), 1)
    for _ in range(50):
        average.update(values(1.0, 1.0), ["head"], 0.99)
    average.grow("head", torch.tensor([[7.0]]))
    average.bear(1)
    for value in (3.0, 5.0):
        average.update(values(1.0, 1.0, value), ["head"], 0.99)
    assert average.tensors["head"][0].item() == pytest.approx(1.0)
    assert average.tensors["head"][1].item() == pytest.approx(by_hand([3.0, 5.0], 0.99))


def test_no_decay_is_no_average():
    average = WeightAverage.of(values(9.0, 9.0), 1)
    for value in (1.0, 2.0):
        average.update(values(value, value), ["head"], 0.0)
    assert average.tensors["body"].item() == 2.0
