"""Which new labels of known pictures the champion vouches for."""

import numpy as np
import torch

from model.examples import Examples
from model.judging.relabelling import Comparison, doubts, likelier
from model.store.facts import RelabelOutcome


class Bright(torch.nn.Module):
    """Its logits are the means of the three channels."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean((2, 3))


def test_the_two_labels_are_compared_with_each_other_whatever_is_likeliest():
    pixels = np.zeros((3, 4, 4, 3), np.uint8)
    pixels[:, ..., 2] = 200  # the third class is likeliest
    pixels[0, ..., 0], pixels[1, ..., 1] = 100, 100
    old, new = np.array([0, 0, 0]), np.array([1, 1, 2])
    found = likelier(Bright(), [Examples(pixels, old)], old, new, batch=2)
    assert found.tolist() == [False, True, True]


def test_without_pictures_nothing_is_asked():
    nothing = np.empty(0, np.int64)
    assert likelier(Bright(), [], nothing, nothing).tolist() == []


def compared(source: str, *supported: bool | None, first: int = 0) -> list[Comparison]:
    return [Comparison(first + index, source, one) for index, one in enumerate(supported)]


def test_what_is_likelier_is_vouched_for():
    assert doubts(compared("a", True, True, False)) == {2: RelabelOutcome.CONTRADICTED}


def test_a_window_that_is_mostly_contradicted_relabels_nothing():
    few_right = compared("a", *[False] * 20, True)
    assert doubts(few_right)[20] is RelabelOutcome.DISTRUSTED
    honest = compared("b", True, True, first=100)
    assert doubts([*few_right, *honest])[100] is RelabelOutcome.DISTRUSTED


def test_sources_that_share_an_attack_are_seen_together():
    shared = [one for number in range(50) for one in compared(f"producer-{number}", number == 7, first=number)]
    assert len(doubts(shared)) == 50


def test_a_bad_source_beside_a_good_one_is_told_apart():
    good, bad = compared("good", *[True] * 30), compared("bad", *[False] * 9, True, first=100)
    found = doubts([*good, *bad])
    assert set(found) == set(range(100, 110)) and found[109] is RelabelOutcome.DISTRUSTED


def test_where_the_champion_does_not_know_both_labels_nobody_vouches():
    assert doubts(compared("a", None, True)) == {0: RelabelOutcome.UNVOUCHED}
