"""A follower learns how long the way holds a request: a cut after a wait is no failure, one at once is."""

import httpx
import pytest

from model.publishing.follower import Follower, Limits
from model.publishing.patience import CUT, CUTS_MAX, TRY_MORE_S, Patience
from tests.support.champion_server import champion_server


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize("limit_s", [2.0, 15.0, 30.0, 50.0, 60.0])
def test_it_settles_below_what_the_way_holds_at_the_first_cut(clock, limit_s):
    patience = Patience(60.0, clock)
    assert patience.was_cut(limit_s)
    assert patience.wait_s == pytest.approx(0.8 * limit_s)
    patience.was_answered()
    assert patience.wait_s == pytest.approx(0.8 * limit_s)


@pytest.mark.parametrize("held_s", [0.0, 0.9, 62.0, 75.0])
def test_what_ends_at_once_or_long_after_the_asked_time_is_a_failure(clock, held_s):
    patience = Patience(60.0, clock)
    assert not patience.was_cut(held_s)
    assert patience.wait_s == 60.0


def test_cuts_without_an_answer_between_them_are_a_failure_in_the_end(clock):
    patience = Patience(60.0, clock)
    assert [patience.was_cut(2.0 * 0.8**index) for index in range(CUTS_MAX)] == [True] * CUTS_MAX
    assert not patience.was_cut(1.0)


def test_silence_halves_the_wait(clock):
    patience = Patience(60.0, clock)
    patience.was_silent()
    assert patience.wait_s == 30.0
    for _ in range(20):
        patience.was_silent()
    assert patience.wait_s == 0.5


def test_more_is_tried_after_a_while_and_ever_more_rarely_where_that_is_cut(clock):
    patience = Patience(60.0, clock)
    patience.was_cut(50.0)
    tried = []
    for _ in range(10_000):
        clock.now += 40.0
        if patience.wait_s > 40.0:
            tried.append(clock.now)
            assert patience.was_cut(min(patience.wait_s, 50.0))
        else:
            patience.was_answered()
    assert tried[0] <= TRY_MORE_S + 80
    assert len(tried) < 15
    assert patience.wait_s == pytest.approx(40.0)


def test_after_a_server_that_died_it_waits_long_again(clock):
    patience = Patience(60.0, clock)
    patience.was_cut(2.0)
    while patience.wait_s < 60.0:
        clock.now += patience.wait_s
        patience.was_answered()
    assert clock.now < 3_600


@pytest.mark.parametrize("status", sorted(CUT))
@pytest.mark.parametrize("held_s", [0.0, 50.0])
def test_a_gateway_that_gave_up_after_a_wait_is_asked_again_at_once_and_told_to_nobody(tmp_path, clock, status, held_s):
    failed, shortened, pauses = [], [], []
    with champion_server() as server, httpx.Client() as client:
        server.publish(1, b"the first")

        def pause(seconds):
            pauses.append(seconds)
            if len(pauses) == 2:
                server.manifest_faults = [(status, {}, b"<html>")]
            return len(pauses) > 3

        def later():
            # Each look at the clock while an answer is out is `held_s` later.
            clock.now += held_s
            return clock.now

        follower = Follower(
            server.url,
            "default",
            tmp_path / "m.onnx",
            pause=pause,
            client=client,
            limits=Limits(),
            failed=lambda error, delay: failed.append(str(error)),
            shortened=shortened.append,
            clock=later,
            chance=lambda: 1.0,
        )
        assert [one.version for one in follower.follow()] == [1]
    if held_s:
        assert failed == [] and pauses[2] == 0.0
        assert shortened == [pytest.approx(40.0)]
        assert any("wait=40" in path for path, _ in server.asked)
    else:
        assert str(status) in failed[0] and shortened == []


def test_a_file_that_was_wrong_is_asked_for_past_the_caches(tmp_path):
    headers = []
    with champion_server() as server, httpx.Client() as client:
        client.event_hooks["request"] = [
            lambda request: headers.append((request.url.path.endswith("onnx"), request.headers.get("cache-control")))
        ]
        server.publish(1, b"x" * 1000)
        server.file_faults = ["wrong bytes"]
        follower = Follower(server.url, "default", tmp_path / "m", pause=lambda _: False, client=client)
        assert follower.pull().version == 1
    assert headers == [(False, "no-cache"), (True, None), (False, "no-cache"), (True, "no-cache")]


@pytest.mark.parametrize("digits", [5_000, 400])
def test_a_content_range_of_many_digits_is_refused(tmp_path, digits):
    data = b"x" * 1000

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/champion"):
            from tests.support.manifests import manifest_of

            return httpx.Response(200, json=manifest_of(1, data).to_dict())
        if "range" not in request.headers:
            return httpx.Response(200, stream=httpx.ByteStream(data[:500]))
        return httpx.Response(
            206, headers={"content-range": f"bytes {'5' * digits}-9/1000"}, stream=httpx.ByteStream(data[500:])
        )

    from model.publishing.errors import PullError

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        follower = Follower(
            "http://h", "default", tmp_path / "m", pause=lambda _: False, client=client, limits=Limits(attempts=2)
        )
        with pytest.raises(PullError, match="answered 206"):
            follower.pull()
