import re
from html import unescape

import numpy as np
import pytest
from matplotlib import rc_context

from daemon.report import charts


def test_few_columns_are_all_drawn():
    assert charts.spread(5, 10) == [0, 1, 2, 3, 4]


def test_of_many_columns_first_and_last_are_drawn():
    shown = charts.spread(1000, 60)
    assert len(shown) == 60
    assert (shown[0], shown[-1]) == (0, 999)


def test_the_same_facts_give_the_same_picture():
    grid = np.array([[0.5, 0.9], [np.nan, 0.7]])
    drawn = [charts.classes_over_versions([1, 2], ["cat", "dog"], grid) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith("<svg")


def texts(svg):
    """What is written in a chart that has letters in place of their outlines. A formula would be in pieces."""
    return {unescape(one) for one in re.findall(r"<text[^>]*>([^<]*)</text>", svg)}


@pytest.mark.parametrize("name", ["a$^$b", "$\\foo$", "$x_1$", "5$", "\\$y\\$", "<b>&"])
def test_names_are_drawn_as_they_are_and_never_read_as_formulas(name):
    classes = [name, "cat"]
    with rc_context({"svg.fonttype": "none"}):
        assert {name, "cat"} <= texts(charts.classes_over_versions([1], classes, np.array([[0.5], [0.9]])))
        assert {name, "cat"} <= texts(charts.confusions(classes, [("version 1", np.array([[3, 1], [0, 4]]))]))
