"""`quarantine suspects` on a state whose samples were seen with known margins, and contact sheets."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from daemon.cli.suspects import BLAMED_MAX, blamed
from daemon.report.contact_sheet import sheet_size
from model.store import StoreRules
from model.store.facts import Observed
from model.window import Arrival
from tests.support.windows import held, labelled, open_state, window

ALL_TRAIN = StoreRules(holdout_first=0, holdout_fraction=0.0)
SUSPECTED = 6


@pytest.fixture
def suspected(tmp_path):
    """240 samples of two producers; six of camera-2, all labelled dog, are far below 0, one of them seen twice."""
    with open_state(tmp_path / "state", ALL_TRAIN) as state:
        taken = window(labelled(range(240)))
        arrivals = tuple(replace(one, source=producer(one)) for one in taken.arrivals)
        claim = state.claim(replace(taken, arrivals=arrivals), seed=1, state=None)
        fresh = state.fresh(claim)
        totals, counts = np.full(239, 1.0), np.ones(239, np.int64)
        chosen = np.arange(1, 2 * SUSPECTED, 2)
        totals[chosen] = -10.0 - chosen
        counts[1] = 2
        observed = Observed(fresh.samples[:239], totals, counts, np.zeros(239, np.int64))
        state.commit(claim, held(observed=observed))
    return tmp_path


def producer(one: Arrival) -> str:
    return "camera-2" if one.offset < 2 * SUSPECTED else "camera-1"


@pytest.mark.usefixtures("suspected")
def test_suspects_as_json(run):
    told = run("quarantine", "suspects", "--json").json
    assert (told["stored"], told["scored"]) == (240, 239)
    assert [one["offset"] for one in told["listed"]] == [11, 9, 7, 5, 3, 1]
    assert told["listed"][-1] == {
        "id": "id-1",
        "label": "dog",
        "predicted": "cat",
        "source": "camera-2",
        "topic": "images",
        "partition": 0,
        "offset": 1,
        "score": -5.5,
        "observations": 2,
    }
    assert told["labels"] == [{"name": "dog", "suspects": 6, "share": 1.0, "store_share": 0.5}]
    assert told["sources"] == [{"name": "camera-2", "suspects": 6, "share": 1.0, "store_share": 0.05}]
    assert [one["offset"] for one in run("quarantine", "suspects", "--limit", "2", "--json").json["listed"]] == [11, 9]


@pytest.mark.usefixtures("suspected")
def test_suspects_for_people(run):
    lines = run("quarantine", "suspects").out.splitlines()
    assert lines[0].split() == ["score", "seen", "label", "taken", "for", "producer", "id"]
    assert lines[1].split() == ["-21.00", "1", "dog", "cat", "camera-2", "id-11"]
    assert lines[7] == "6 listed; 239 of 240 training samples have a score"
    assert lines[8] == "5 of those listed were trained on once only: their score says less"
    assert [line.split() for line in lines[9:]] == [
        ["label", "suspects", "share", "of", "them", "share", "of", "the", "store"],
        ["dog", "6", "100.0", "%", "50.0", "%"],
        ["producer", "suspects", "share", "of", "them", "share", "of", "the", "store"],
        ["camera-2", "6", "100.0", "%", "5.0", "%"],
    ]


@pytest.mark.usefixtures("suspected")
def test_suspects_on_a_sheet(run, tmp_path):
    ran = run("quarantine", "suspects", "--limit", "4", "--sheet", str(tmp_path / "sheet.png"))
    assert "4 of the 4 samples listed are drawn" in ran.err
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (sheet.format, sheet.size) == ("PNG", sheet_size(4))


def test_without_suspects_nothing_is_listed_drawn_or_blamed(run, history):
    file = history / "sheet.png"
    ran = run("quarantine", "suspects", "--sheet", str(file))
    assert ran.status == 0
    assert "0 listed; 0 of" in ran.out
    assert "nothing to draw" in ran.err and not file.exists()
    assert run("quarantine", "suspects", "--json").json["listed"] == []


def test_show_on_a_sheet_and_a_place_that_cannot_be_written(run, history):
    file = history / "sheet.png"
    assert "10 of the 10 samples listed" in run("quarantine", "show", "2", "--sheet", str(file)).err
    with Image.open(file) as sheet:
        assert (sheet.format, sheet.size) == ("PNG", sheet_size(10))
    ran = run("quarantine", "show", "2", "--sheet", str(history / "nowhere" / "sheet.png"))
    assert ran.status == 1
    assert "cannot be written" in ran.err and "--sheet" in ran.err


def test_most_to_blame_is_who_has_the_most_suspects_beyond_the_share_of_the_store():
    told = blamed(["large"] * 6 + ["small"] * 4, {"large": 900, "small": 50, "clean": 50})
    assert told == [
        {"name": "small", "suspects": 4, "share": 0.4, "store_share": 0.05},
        {"name": "large", "suspects": 6, "share": 0.6, "store_share": 0.9},
    ]
    assert len(blamed(map(str, range(50)), {str(index): 1 for index in range(50)})) == BLAMED_MAX
