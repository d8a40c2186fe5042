"""Long polls: who waits is told at once, costs nothing while waiting, and never holds up the end."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.repository import publish
from tests.support.roles import eventually

CHAMPION = "/v1/models/default/champion"
ROUTE = "/v1/models/{name}/champion"


def wait_for(serving, after: int | None, wait_s: float, **headers: str) -> httpx.Response:
    params = {"wait": wait_s, **({} if after is None else {"after": after})}
    return httpx.get(serving.url + CHAMPION, params=params, headers=headers, timeout=wait_s + 20)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(60) as pool:
        yield pool


def test_another_version_than_the_one_known_is_told_at_once(serving):
    publish(serving.repository, 2)
    assert wait_for(serving, 1, 60).json()["version"] == 2
    assert wait_for(serving, 3, 60).json()["version"] == 2


def test_the_version_known_is_not_told_again(serving):
    publish(serving.repository, 2)
    answer = wait_for(serving, 2, 0)
    assert (answer.status_code, answer.content) == (304, b"")
    assert wait_for(serving, 2, 0.3).status_code == 304


def test_whoever_waits_is_told_of_the_next(serving, pool):
    publish(serving.repository, 1)
    waiting = [pool.submit(wait_for, serving, 1, 60) for _ in range(50)]
    assert not any(one.done() for one in waiting)
    publish(serving.repository, 2)
    assert {one.result(20).json()["version"] for one in waiting} == {2}


def test_whoever_waits_before_the_first_is_told_of_it(serving, pool):
    waiting = pool.submit(wait_for, serving, 0, 60)
    assert wait_for(serving, 0, 0.2).status_code == 404
    publish(serving.repository, 1)
    assert waiting.result(20).json()["version"] == 1


def test_waiting_by_tag_works_too(serving, pool):
    etag = f'"{publish(serving.repository, 1)["file"]["sha256"]}"'
    waiting = pool.submit(wait_for, serving, None, 60, **{"If-None-Match": etag})
    assert wait_for(serving, None, 0.2, **{"If-None-Match": etag}).status_code == 304
    publish(serving.repository, 2)
    assert waiting.result(20).json()["version"] == 2


def test_a_model_that_nobody_expects_is_not_waited_for(serving):
    answer = httpx.get(f"{serving.url}/v1/models/nothing/champion", params={"after": 1, "wait": 60}, timeout=5)
    assert answer.status_code == 404


def test_the_end_does_not_wait_for_those_who_wait(serving, pool):
    publish(serving.repository, 1)
    waiting = [pool.submit(wait_for, serving, 1, 300) for _ in range(5)]
    eventually(lambda: threads_waiting(serving) == 5, "five wait", 10)
    began = time.monotonic()
    serving.stop()
    assert time.monotonic() - began < 4
    assert {one.result(5).status_code for one in waiting} == {304}


def threads_waiting(serving) -> int:
    """How many long polls the server holds, by its connections that have not been answered."""
    port = int(serving.url.rpartition(":")[2])
    with open("/proc/net/tcp") as table:  # noqa: PTH123 - not a file of ours
        rows = [line.split() for line in table.readlines()[1:]]
    local = f"0100007F:{port:04X}"
    return sum(row[1] == local and row[3] == "01" for row in rows)


def test_one_who_goes_away_is_no_longer_waited_on(serving):
    publish(serving.repository, 1)
    host, _, port = serving.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"GET {CHAMPION}?after=1&wait=300 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
    eventually(lambda: serving.answered(ROUTE, 499) == 1, "the server notices", 10)


def test_many_who_wait_cost_no_threads(serving):
    publish(serving.repository, 1)
    host, _, port = serving.url.removeprefix("http://").partition(":")
    before = threading.active_count()
    clients = []
    for _ in range(200):
        client = socket.create_connection((host, int(port)))
        client.sendall(f"GET {CHAMPION}?after=1&wait=300 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        clients.append(client)
    assert serving.client.get("/livez").status_code == 200
    assert threading.active_count() - before <= 45  # the pool that reads files, however many wait
    publish(serving.repository, 2)
    for client in clients:
        client.settimeout(10)
        assert b" 200 " in client.recv(100)
        client.close()
