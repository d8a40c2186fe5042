import io
import json

import pytest
from PIL import Image
from rich.console import Console

from daemon.demo.picture import draw_accuracy
from daemon.demo.plan import Addresses, Promises
from daemon.demo.report import live_hints, print_report, write_table
from daemon.demo.verdict import in_time, judge
from daemon.demo.workplace import Workplace
from tests.support.demo import finished

ADDRESSES = Addresses("127.0.0.1:9", "unix:///x?db=0", 1001, 1002, 1003, 1004)


@pytest.fixture
def place(tmp_path):
    return Workplace(tmp_path)


def printed(view, findings, place):
    console = Console(file=io.StringIO(), width=120)
    print_report(console, view, findings, place)
    return console.file.getvalue()


def test_the_account_names_versions_promises_places_and_next_steps(place):
    text = printed(finished(), [*judge(finished(), Promises()), in_time(60, Promises())], place)
    assert text.count("kept  ") == 5
    assert text.count("promoted") == 5
    for path in (place.picture, place.metrics, place.table, place.logs, place.repository / "digits", place.pulled):
        assert str(path) in text
    assert "make test" in text


def test_a_broken_promise_is_said_and_nothing_is_recommended(place):
    text = printed(finished(), [in_time(130, Promises())], place)
    assert "BROKEN ended after 130 s" in text
    assert "did not keep its promises" in text
    assert "Try next" not in text


def test_the_table_is_for_programs(place):
    write_table(finished(), judge(finished(), Promises()), place)
    table = json.loads(place.table.read_text())
    assert table["kept"] is True
    assert [row["version"] for row in table["versions"]] == [1, 2, 3, 4, 5]
    assert table["versions"][3]["accuracy"] == {"all": 0.75, "0-4": 1.0, "5-9": 0.5}
    assert table["dead_letters"] == {"empty": 2, "undecodable": 1}


def test_live_hints_have_the_real_addresses(place):
    text = "\n".join(live_hints(ADDRESSES, place))
    assert "curl http://127.0.0.1:1001/v1/models/digits/champion" in text
    assert all(f"http://127.0.0.1:{port}/metrics" in text for port in (1001, 1002, 1003, 1004))


def test_the_picture_is_a_png_of_a_legible_size(place):
    draw_accuracy(finished().versions, place.picture)
    with Image.open(place.picture) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 1000
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 50
