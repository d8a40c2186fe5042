"""What is served, to whom and how quickly, as /metrics of `serve` has it."""

import threading

import httpx
import pytest

from tests.support.repository import publish
from tests.support.roles import eventually

CHAMPION = "/v1/models/default/champion"
ROUTE = "/v1/models/{name}/champion"
FILE = f"{ROUTE}/model.onnx"


def value(serving, name, **labels):
    return serving.registry.get_sample_value(f"tidemill_{name}", labels)


def followers(serving):
    samples = (one for family in serving.registry.collect() for one in family.samples)
    return {one.labels["version"]: one.value for one in samples if one.name == "tidemill_followers"}


def ask(serving, agent="agent", path=CHAMPION, **params):
    return httpx.get(serving.url + path, params=params, headers={"User-Agent": agent}, timeout=20)


def test_the_champion_shows_though_nobody_asks(serving):
    assert value(serving, "model_version", model="default") is None
    publish(serving.repository, 3)
    eventually(lambda: value(serving, "model_version", model="default") == 3, "it is noticed", 20)
    info = {"model": "default", "version": "3", "architecture": "resnet18", "classes": "2"}
    assert value(serving, "model_info", **info) == 1
    assert value(serving, "model_published_timestamp_seconds", model="default") > 1_700_000_000
    publish(serving.repository, 4)
    eventually(lambda: value(serving, "model_version", model="default") == 4, "so is the next", 20)
    assert value(serving, "model_info", **info) is None


def test_every_route_is_there_from_the_start(serving):
    for route in (ROUTE, f"{ROUTE}?wait", FILE, "/metrics", "other"):
        assert value(serving, "http_request_seconds_count", route=route) == 0
        assert value(serving, "http_response_bytes_total", route=route) == 0


def test_bytes_of_bodies_are_counted_and_heads_have_none(serving):
    size = publish(serving.repository, 1)["file"]["bytes"]
    httpx.head(f"{serving.url}{CHAMPION}/model.onnx")
    ask(serving, path=f"{CHAMPION}/model.onnx")
    eventually(lambda: value(serving, "http_request_seconds_count", route=FILE) == 2, "both are counted", 10)
    assert value(serving, "http_response_bytes_total", route=FILE) == size


def test_long_polls_are_a_route_of_their_own_and_open_ones_are_counted(serving):
    publish(serving.repository, 1)
    waiting = threading.Thread(target=lambda: ask(serving, after=1, wait=60))
    waiting.start()
    eventually(lambda: value(serving, "long_polls") == 1, "it is open", 10)
    assert followers(serving) in ({}, {"1": 1}), "it may be known while it waits"
    publish(serving.repository, 2)
    waiting.join(20)
    eventually(lambda: value(serving, "http_request_seconds_count", route=f"{ROUTE}?wait") == 1, "counted", 10)
    assert value(serving, "long_polls") == 0
    assert value(serving, "http_request_seconds_count", route=ROUTE) == 0
    assert serving.answered(ROUTE, 200) == 1, "requests keep the name of their route"


@pytest.mark.parametrize("wait", ["0", "-1", "nan", "inf", "soon"])
def test_what_does_not_wait_is_no_long_poll(serving, wait):
    publish(serving.repository, 1)
    ask(serving, wait=wait)
    eventually(lambda: value(serving, "http_request_seconds_count", route=ROUTE) == 1, "counted", 10)
    assert value(serving, "http_request_seconds_count", route=f"{ROUTE}?wait") == 0


def test_followers_by_the_version_that_they_say_they_have(serving):
    publish(serving.repository, 7)
    etag = ask(serving, "curl").headers["etag"]
    for agent, version in (("a", 7), ("b", 7), ("c", 6), ("d", 0), ("e", 999), ("b", 7)):
        ask(serving, agent, after=version)
    ask(serving, "odd", after="x")
    httpx.get(serving.url + CHAMPION, headers={"User-Agent": "by tag", "If-None-Match": etag}, timeout=20)
    httpx.get(serving.url + CHAMPION, headers={"User-Agent": "by another", "If-None-Match": '"00"'}, timeout=20)
    ask(serving, "elsewhere", path="/v1/models/nothing/champion", after=1)
    expected = {"7": 3, "6": 1, "none": 1, "unknown": 1}
    eventually(lambda: followers(serving) == expected, f"{followers(serving)}", 10)
