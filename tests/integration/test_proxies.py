"""`tidemill pull` behind a cache, and proxies that hold a request for less than it asks: no failure, no delay."""

import contextlib
import threading
import time

import httpx
import pytest

from model.publishing.follower import Follower, Limits
from tests.servers.proxies import haproxy, nginx
from tests.support.impatient_proxy import ImpatientProxy
from tests.support.repository import publish
from tests.support.roles import eventually
from tests.support.serving import Serving

HOLD_S = 2
LIMITS = Limits(wait_s=20.0, silence_s=10.0)


@pytest.fixture
def serving(tmp_path):
    one = Serving(tmp_path / "models")
    try:
        yield one
    finally:
        one.stop()


def port_of(serving: Serving) -> int:
    return int(serving.url.rpartition(":")[2])


@contextlib.contextmanager
def impatient(folder, target, hold_s, *, reset=False):
    proxy = ImpatientProxy(target, hold_s, reset=reset)
    try:
        yield proxy.url
    finally:
        proxy.close()


WAYS = {
    "haproxy": haproxy,
    "nginx": nginx,
    "a cache": lambda *args: nginx(*args, cached=True),
    "a closing one": impatient,
    "a resetting one": lambda *args: impatient(*args, reset=True),
}


class Following:
    """A follower in a thread: what it brought and when, what it told."""

    def __init__(self, url: str, folder, limits: Limits = LIMITS) -> None:
        self.brought: list[tuple[int, float]] = []
        self.failed: list[str] = []
        self.waits: list[float] = []
        self.asked: list[float] = []
        self.stop = threading.Event()
        self._client = httpx.Client()
        self._client.event_hooks["request"] = [lambda _request: self.asked.append(time.monotonic())]
        self._follower = Follower(
            url,
            "default",
            folder / "model.onnx",
            pause=self.stop.wait,
            client=self._client,
            limits=limits,
            failed=lambda error, _delay: self.failed.append(str(error)),
            shortened=self.waits.append,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for one in self._follower.follow():
            self.brought.append((one.version, time.monotonic()))

    def end(self) -> None:
        self.stop.set()
        self._thread.join(30)
        self._client.close()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_way_that_holds_less_than_is_asked_for_costs_no_failure_and_no_delay(serving, tmp_path, way):
    publish(serving.repository, 1, b"the first")
    with way(tmp_path, port_of(serving), HOLD_S) as url:
        following = Following(url, tmp_path)
        try:
            eventually(lambda: following.waits, "it learns", 30)
            asked = len(following.asked)
            eventually(lambda: len(following.asked) >= asked + 3, "it goes on asking", 30)
            assert following.waits[0] < HOLD_S
            at = time.monotonic()
            publish(serving.repository, 2, b"the second")
            eventually(lambda: len(following.brought) == 2, "the news come", 30, every_s=0.01)
            assert following.brought[1][0] == 2
            assert following.brought[1][1] - at < 1.5
            assert following.failed == []
            # Held, not asked in a circle: each takes about what the way allows.
            assert len(following.asked) <= 6 + (time.monotonic() - following.asked[0]) / (0.5 * HOLD_S)
        finally:
            following.end()


@pytest.mark.parametrize("way", [haproxy, nginx], ids=["haproxy", "nginx"])
def test_a_server_that_is_gone_behind_the_proxy_is_a_failure_that_is_told(serving, tmp_path, way):
    publish(serving.repository, 1, b"the first")
    with way(tmp_path, port_of(serving), 30) as url:
        following = Following(url, tmp_path)
        try:
            eventually(lambda: following.brought, "the first comes", 30)
            serving.stop()
            eventually(lambda: following.failed, "it is told", 30)
            assert "50" in following.failed[0]
        finally:
            following.end()


def test_a_cache_gives_the_file_once_fetched_and_parts_of_it_and_never_an_old_champion(serving, tmp_path):
    data = bytes(range(256)) * 2_000
    publish(serving.repository, 1, data)
    with nginx(tmp_path, port_of(serving), 30, cached=True) as url, httpx.Client(base_url=url) as client:
        file = "/v1/models/default/versions/1/model.onnx"
        first = client.get(file)
        assert first.content == data and first.headers["x-cache"] == "MISS"
        part = client.get(file, headers={"Range": "bytes=1000-", "If-Range": first.headers["etag"]})
        assert (part.status_code, part.headers["x-cache"]) == (206, "HIT") and part.content == data[1000:]
        other = client.get(file, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
        assert other.status_code == 200 and other.content == data
        assert client.get(file, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        champion = "/v1/models/default/champion"
        assert client.get(champion).json()["version"] == client.get(champion).json()["version"] == 1
        held = time.monotonic()
        for _ in range(2):  # kept and asked about anew, the second would be held for as long as it may
            assert client.get(f"{champion}?wait=20").json()["version"] == 1
        assert time.monotonic() - held < 5
        publish(serving.repository, 2, b"the second")
        assert client.get(champion).json()["version"] == 2
        assert client.get(f"{champion}/model.onnx").content == b"the second"


def test_a_transfer_that_the_proxy_cut_goes_on_behind_a_cache(serving, tmp_path):
    data = bytes(range(256)) * 4_000
    manifest = publish(serving.repository, 1, data)
    part = tmp_path / f".model.onnx.{manifest['file']['sha256'][:32]}.part"
    part.write_bytes(data[:300_000])
    with nginx(tmp_path, port_of(serving), 30, cached=True) as url, httpx.Client() as client:
        ranges = []
        client.event_hooks["response"] = [lambda answer: ranges.append(answer.status_code)]
        follower = Follower(url, "default", tmp_path / "model.onnx", pause=lambda _: False, client=client)
        assert follower.pull().path.read_bytes() == data
    assert ranges == [200, 206]
