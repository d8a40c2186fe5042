"""The local file is only ever a whole version with the right digest, whatever the server and the line do."""

import itertools
import json
import os

import httpx
import pytest

from model.publishing.errors import PullError
from model.publishing.follower import Follower, Limits
from tests.support.champion_server import champion_server

DEFAULTS = Limits()
OLD, NEW = os.urandom(300_000), os.urandom(1_000_000)


@pytest.fixture
def server():
    with champion_server() as state:
        yield state


class Pauses:
    """Notes each pause, does not wait, and says stop after `turns`. `meanwhile` runs in the pause of that number."""

    def __init__(self, turns=100):
        self.seconds = []
        self.turns = turns
        self.meanwhile = {}

    def __call__(self, seconds):
        self.seconds.append(seconds)
        self.meanwhile.get(len(self.seconds), lambda: None)()
        return len(self.seconds) > self.turns


@pytest.fixture
def make(server, tmp_path):
    with httpx.Client() as client:

        def follower(pause=None, limits=DEFAULTS, url=None, clock=lambda: 0.0, **more):
            options = {"client": client, "limits": limits, "clock": clock, "chance": lambda: 1.0, **more}
            return Follower(url or server.url, "default", tmp_path / "m.onnx", pause=pause or Pauses(), **options)

        yield follower


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_pull_brings_the_champion(server, make, tmp_path):
    server.publish(7, NEW)
    pulled = make().pull()
    assert (pulled.version, pulled.path, pulled.manifest.version) == (7, tmp_path / "m.onnx", 7)
    assert pulled.path.read_bytes() == NEW
    assert names(tmp_path) == ["m.onnx"]
    assert [path for path, _ in server.asked][1] == "/v1/models/default/versions/7/model.onnx"


def test_pull_when_there_is_none(server, make, tmp_path):
    assert make().pull() is None
    assert names(tmp_path) == []


def test_what_is_there_already_is_not_fetched_again(server, make, tmp_path):
    server.publish(7, NEW)
    make().pull()
    server.asked.clear()
    assert make().pull().version == 7
    assert len(server.asked) == 1


def test_a_local_file_that_was_changed_is_replaced(server, make, tmp_path):
    server.publish(7, NEW)
    (tmp_path / "m.onnx").write_bytes(bytes(len(NEW)))
    assert make().pull().path.read_bytes() == NEW


def test_a_cut_transfer_goes_on_where_it_broke(server, make, tmp_path):
    (tmp_path / "m.onnx").write_bytes(OLD)
    server.publish(7, NEW)
    server.file_faults = ["cut", "cut"]
    told, pause = [], Pauses()
    assert make(pause, failed=lambda error, delay: told.append((str(error), delay))).pull().path.read_bytes() == NEW
    starts = [
        int(asked.removeprefix("bytes=").rstrip("-") or 0) for path, asked in server.asked if "model.onnx" in path
    ]
    assert starts == [0, 500_000, 750_000]
    assert pause.seconds == [0.5, 1.0] and [delay for _, delay in told] == [0.5, 1.0]
    assert names(tmp_path) == ["m.onnx"]


def test_after_a_restart_it_goes_on_where_it_broke(server, make, tmp_path):
    (tmp_path / "m.onnx").write_bytes(OLD)
    server.publish(7, NEW)
    server.file_faults = ["cut"]
    with pytest.raises(PullError):
        make(limits=Limits(attempts=1)).pull()
    assert (tmp_path / "m.onnx").read_bytes() == OLD
    assert make().pull().path.read_bytes() == NEW
    assert server.asked[-1][1] == "bytes=500000-"


def test_a_part_of_another_version_is_thrown_away(server, make, tmp_path):
    server.publish(6, OLD)
    server.file_faults = ["cut"]
    with pytest.raises(PullError):
        make(limits=Limits(attempts=1)).pull()
    server.publish(7, NEW)
    assert make().pull().path.read_bytes() == NEW
    assert server.asked[-1][1] == "" and names(tmp_path) == ["m.onnx"]


def test_a_server_without_ranges_begins_again(server, make):
    server.publish(7, NEW)
    server.ranges, server.file_faults = False, ["cut"]
    assert make().pull().path.read_bytes() == NEW


@pytest.mark.parametrize("fault", ["wrong bytes", "longer", "shorter", "other range", "503", "416", "cut"])
def test_a_broken_transfer_never_replaces_the_file(server, make, tmp_path, fault):
    (tmp_path / "m.onnx").write_bytes(OLD)
    server.publish(7, NEW)
    server.file_faults = [fault] * 3
    with pytest.raises(PullError, match=r"model\.onnx"):
        make(limits=Limits(attempts=3)).pull()
    assert (tmp_path / "m.onnx").read_bytes() == OLD
    assert make().pull().path.read_bytes() == NEW
    assert names(tmp_path) == ["m.onnx"]


def test_a_part_that_was_not_asked_for_is_refused(server, make):
    server.publish(7, NEW)
    server.file_faults = ["other range"]
    with pytest.raises(PullError, match="answered 206"):
        make(limits=Limits(attempts=1)).pull()


def test_a_damaged_part_is_found_out(server, make, tmp_path):
    server.publish(7, NEW)
    server.file_faults = ["cut"]
    with pytest.raises(PullError):
        make(limits=Limits(attempts=1)).pull()
    [part] = tmp_path.glob(".m.onnx.*.part")
    part.write_bytes(bytes(part.stat().st_size))
    assert make().pull().path.read_bytes() == NEW


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b""),
        (200, {}, b"{}"),
        (200, {}, b"no json"),
        (304, {}, b""),
        (302, {"Location": "http://elsewhere/"}, b""),
    ],
)
def test_an_answer_that_is_no_manifest_is_retried(server, make, answer):
    server.publish(7, NEW)
    server.manifest_faults = [answer]
    pause = Pauses()
    assert make(pause).pull().version == 7
    assert pause.seconds == [0.5]


def test_limits_hold(server, make, tmp_path):
    server.publish(7, NEW)
    with pytest.raises(PullError, match="allowed are 999999"):
        make(limits=Limits(bytes_max=999_999, attempts=1)).pull()
    ticks = itertools.count()
    with pytest.raises(PullError, match="in the time allowed"):
        make(limits=Limits(download_s=1.0, attempts=1), clock=lambda: float(next(ticks))).pull()
    large = json.dumps(server.manifest(7) | {"more": "x" * (1 << 24)}).encode()
    server.manifest_faults = [(200, {}, large)]
    with pytest.raises(PullError, match="a manifest of more than"):
        make(limits=Limits(attempts=1)).pull()
    assert not (tmp_path / "m.onnx").exists()


def test_a_manifest_of_another_model_is_refused(server, make):
    server.publish(7, NEW)
    server.manifest_faults = [(200, {}, json.dumps(server.manifest(7) | {"model": "other"}).encode())]
    with pytest.raises(PullError, match="of 'other'"):
        make(limits=Limits(attempts=1)).pull()


@pytest.mark.parametrize("url", ["", "ftp://x", "x:8080", "http://", "http://x:y", "/path"])
def test_an_address_that_is_none_is_refused(make, url):
    with pytest.raises(PullError, match="is no http"):
        make(url=url or "nothing")


def test_no_server(make, tmp_path):
    pause = Pauses()
    with pytest.raises(PullError, match="ConnectError"):
        make(pause, url="http://127.0.0.1:9", limits=Limits(attempts=4, backoff_s=1.0, backoff_max_s=3.0)).pull()
    assert pause.seconds == [1.0, 2.0, 3.0]


def test_a_target_that_cannot_be_written_is_told(server, make, tmp_path):
    server.publish(7, NEW)
    (tmp_path / "m.onnx").mkdir()
    with pytest.raises(PullError, match="cannot be written"):
        make(limits=Limits(attempts=1)).pull()


def test_follow_yields_each_version_also_after_a_rollback(server, make, tmp_path):
    server.publish(1, OLD)
    pause = Pauses(turns=12)
    pause.meanwhile = {4: lambda: server.publish(2, NEW), 7: lambda: server.publish(1, OLD)}
    seen = [
        (pulled.version, pulled.path.read_bytes() == server.files[pulled.version]) for pulled in make(pause).follow()
    ]
    assert seen == [(1, True), (2, True), (1, True)]
    queries = {path.partition("?")[2] for path, _ in server.asked if "/champion" in path}
    assert queries == {"wait=60", "wait=60&after=1", "wait=60&after=2"}


def test_follow_waits_as_the_server_asks_before_the_first_version(server, make):
    pause = Pauses(turns=4)
    pause.meanwhile = {3: lambda: server.publish(1, OLD)}
    assert [pulled.version for pulled in make(pause).follow()] == [1]
    assert pause.seconds[:4] == [0.0, 3.0, 3.0, 0.0]


def test_a_wish_to_come_back_much_later_is_bounded(server, make):
    server.manifest_faults = [(404, {"Retry-After": "86400"}, b""), (404, {"Retry-After": "-5"}, b"")]
    pause = Pauses(turns=2)
    list(make(pause).follow())
    assert pause.seconds == [0.0, 60.0, 0.5]


def test_a_server_that_does_not_hold_its_answers_is_not_asked_in_a_circle(server, make):
    server.publish(1, OLD)
    pause = Pauses(turns=5)
    assert len(list(make(pause).follow())) == 1
    assert pause.seconds == [0.0, 0.0, 0.5, 0.5, 0.5, 0.5]


def test_follow_outlives_failures_and_tells_them(server, make):
    server.publish(1, OLD)
    server.manifest_faults = [(503, {}, b"")] * 3
    server.file_faults = ["wrong bytes"]
    told, pause = [], Pauses(turns=6)
    seen = [pulled.version for pulled in make(pause, failed=lambda error, delay: told.append(delay)).follow()]
    assert seen == [1] and told == [0.5, 1.0, 2.0, 4.0]


def test_back_off_has_jitter(make):
    assert make(chance=lambda: 0.0)._backoff(1) == 0.25
    assert make(chance=lambda: 0.0)._backoff(10_000) == 30.0
