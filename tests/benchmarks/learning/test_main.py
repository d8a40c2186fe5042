"""The command line: what is refused, and what is printed."""

import json
import sys

import numpy as np
import pytest

from tests.benchmarks.learning.__main__ import main
from tests.support.streams import arrays


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Run it on small data with more arguments."""

    def run(*given, **changes):
        np.savez(tmp_path / "data.npz", **arrays(each=40) | changes)
        monkeypatch.setattr(sys, "argv", ["learning", "--data", str(tmp_path / "data.npz"), "--seeds", "1", *given])
        return main()

    return run


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def test_one_seed_is_json_without_constants_that_json_lacks(start, capsys):
    assert start("--json") == 0
    report = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert report["final_accuracy_std"] == 0.0
    assert 0 <= report["final_accuracy_mean"] <= 1


@pytest.mark.parametrize("given", [("--choose",), ()])
def test_data_without_test_images_of_a_task_is_told_of(start, capsys, given):
    labels = np.r_[[0] * 100, [1] * 59, 2].astype(np.uint8)
    assert start(*given, train_labels=labels, test_labels=np.zeros(54, np.uint8)) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "has no test images" in told.err or "none is left of" in told.err


@pytest.mark.parametrize(("window", "told"), [("500", 1), ("10", 0)])
def test_classes_that_were_never_learnt_are_told_of_in_one_line(start, capsys, window, told):
    assert start("--window", window, "--json") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "never learnt" in line]
    assert len(lines) == told
    if told:  # with one window for each task, no later label comes in two
        assert lines[0].startswith("never learnt: 2, 3 (")
        assert "smaller --window or more images" in lines[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [("recall", "11"), ("recall", "nan"), ("margin", "-0.1"), ("margin", "inf"), ("robustness", "1.5"),
     ("robustness", "much")],
)  # fmt: skip
def test_what_the_daemons_configuration_refuses_is_refused(start, capsys, key, value):
    with pytest.raises(SystemExit) as left:
        start(f"--{key}={value}")
    assert left.value.code == 2
    assert f"argument --{key}: '{value}': learning.{key} should be" in capsys.readouterr().err
