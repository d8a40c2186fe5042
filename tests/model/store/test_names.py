# ruff: noqa: RUF001 - letters that look like others are what is tested
"""Which names are near to one another: what a person mistakes, and nothing that streams are full of."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.store.names import NearNames, near, spelt_now

NEAR = [
    ("forg", "frog"),
    ("horse", "hrose"),
    ("horse", "hors"),
    ("horse", "hoorse"),
    ("horse", "horze"),
    ("café", "cafe"),
    ("cat", "cats"),
    ("dog", "dogg"),
    ("frog", "Frog"),
    ("FROG", "forg"),
    ("red fox", "red_fox"),
    ("red fox", "RedFox"),
    ("red-fox", "red  fox"),
    ("golden fish", "goldne-fish"),
    ("cat", "сat"),
    ("cat", "cαt"),
    ("COTE", "СОТЕ"),
    ("Вода", "вода"),
    ("cat", "ｃａｔ"),
    ("cat", "𝒄𝒂𝒕"),
    ("model", "mode1"),
    ("zero", "zer0"),
    ("Iris", "lris"),
    ("Iris", "iris"),
    ("a", "а"),
    ("❤", "❤️"),
    ("cat", "ca\u200dt"),
    ("cat", "cat\u200b"),
    ("catfish", "cat\u00adfish"),
    ("cat", '"cat"'),
    ("cat", "cat "),
    ("café", "cafe\u0301"),
    ("Straße", "strasse"),
]
APART = [
    ("cat", "rat"),
    ("cat", "car"),
    ("cat", "cart"),
    ("cat", "coat"),
    ("cat1", "cat2"),
    ("class 1", "class 2"),
    ("class1", "class11"),
    ("cat", "cat1"),
    ("v1", "v10"),
    ("1", "7"),
    ("1", "l"),
    ("0", "O"),
    ("a", "A"),
    ("a", "b"),
    ("type a", "type b"),
    ("size l", "size s"),
    ("size xl", "size xxl"),
    ("1-2", "12"),
    ("10_1", "101"),
    ("left", "right"),
    ("dog", "god"),
    ("frog", "toad"),
    ("dark", "light"),
    ("+", "-"),
    ("C", "C++"),
    ("C++", "C#"),
    ("maple tree", "pine tree"),
]


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_near(one: str, other: str):
    assert near(one, other)
    assert near(other, one)


@pytest.mark.parametrize(("one", "other"), APART)
def test_apart(one: str, other: str):
    assert not near(one, other)
    assert not near(other, one)


@pytest.mark.parametrize("names", [
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    [str(digit) for digit in range(100)],
    [*"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"],
])  # fmt: skip
def test_the_names_of_well_known_sets_are_apart(names: list[str]):
    for place, name in enumerate(names):
        assert NearNames(names[:place]).near(name) is None


NAMES = st.text("abcdef Aа1-", max_size=12)


@given(NAMES, NAMES)
def test_nearness_goes_both_ways_and_nothing_is_near_to_itself(one: str, other: str):
    assert near(one, other) == near(other, one)
    assert not near(one, one)


@given(st.lists(NAMES, max_size=8), NAMES)
def test_among_many_the_answer_is_that_of_each(names: list[str], name: str):
    found = NearNames(names).near(name)
    assert (found is not None) == any(near(name, other) for other in names)
    assert found is None or near(name, found)


def test_a_thousand_names_of_the_longest_kind_are_looked_up_at_once():
    names = NearNames(f"{'x' * 190}{number:05d}" for number in range(1_000))
    began = time.monotonic()
    assert names.near("y" * 200) is None
    assert time.monotonic() - began < 1


def test_names_of_older_states_are_spelt_as_records_are_now():
    assert spelt_now(" cafe\u0301\u00a0 au lait ") == "café au lait"
