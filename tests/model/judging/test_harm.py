import numpy as np
import pytest
import torch
from torch import nn

from model.examples import Examples
from model.judging.answers import evaluate_among
from model.judging.harm import OTHERS, Evidence, find_harm, gather, margin_p_value, worst_class
from model.judging.paired import Pairing, harm_p_value
from tests.support.answers import answers

FINE = Pairing(4000, 40, 40)


def evidence(**changes):
    return Evidence(**{"whole": FINE, "newest": Pairing(1000, 10, 10), "classes": {}, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"whole": Pairing(4000, 80, 40)}, "worse than the champion: 40 won and 80 lost"),
        ({"newest": Pairing(1000, 40, 10)}, "on the newest"),
        ({"classes": {3: Pairing(200, 45, 5), 4: Pairing(200, 5, 45)}}, "class 'cat'"),
        ({"classes": {OTHERS: Pairing(200, 45, 5)}}, "the small classes"),
        ({"reference": Pairing(4000, 400, 250)}, "below the reference"),
        ({"reference": Pairing(4000, 100, 60)}, ""),
    ],
)
def test_each_harm_is_found_and_named(changes, said):
    found = find_harm(evidence(**changes), 0.05, {3: "cat"})
    assert said in found and bool(found) == bool(said)


def test_classes_on_which_both_agree_cost_nothing():
    bad = Pairing(100, 12, 2)
    alone = worst_class({0: bad})[1]
    assert alone == pytest.approx(harm_p_value(bad))
    assert worst_class({0: bad, 1: Pairing(100, 3, 3), 2: Pairing(100, 0, 0)})[1] == pytest.approx(alone)
    many = {0: bad} | {label: Pairing(100, 10, 10) for label in range(1, 10)}
    assert alone < worst_class(many)[1] <= 10 * alone, "at most what Bonferroni would take"


def test_a_margin_is_not_held_against_a_candidate_that_lies_on_it():
    rng = np.random.default_rng(0)
    lost, won = rng.multinomial(3000, [0.055, 0.045, 0.9], 4000)[:, :2].T
    values = [margin_p_value(Pairing(3000, int(a), int(b)), 0.01) for a, b in zip(lost, won, strict=True)]
    assert 0.03 < np.mean(np.array(values) <= 0.05) < 0.06
    assert margin_p_value(Pairing(3000, 20, 0), 0.01) == 1.0


def test_classes_are_judged_from_a_size_on_and_the_others_together():
    labels = np.repeat([0, 1, 2], [150, 60, 60])
    every = np.ones(270, bool)
    one, two = answers(every, labels), answers(every, labels)
    found = gather(one, two, every, every)
    assert {label: pairing.n for label, pairing in found.classes.items()} == {0: 150, OTHERS: 120}


class Fixed(nn.Module):
    """Answers with logits that grow with the class, whatever is asked."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, image):
        return torch.arange(5.0).repeat(len(image), 1)


def test_a_network_can_be_asked_as_if_it_knew_fewer_classes():
    asked = Examples(np.zeros((3, 4, 4, 3), np.uint8), np.array([0, 1, 2]))
    full, fewer = evaluate_among(Fixed(), [asked], [None, 3])
    assert full.predicted.tolist() == [4, 4, 4] and fewer.predicted.tolist() == [2, 2, 2]
