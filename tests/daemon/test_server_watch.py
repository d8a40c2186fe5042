"""What of Redis may change while a role runs: its clock beside ours, and its policy. Said when it changes, not more."""

import pytest
from structlog.testing import capture_logs

from daemon.outage import EVICTING, Need, Outage
from daemon.server_watch import LOOK_EVERY_S, ServerWatch
from streaming.buffer import Vitals

START_MS = 1_795_000_000_000


class Host:
    """Two clocks and a server: time passes by `pass_s`, ours is `ahead_s` ahead, an answer takes `answer_s`."""

    def __init__(self):
        self.now_s, self.ahead_s, self.answer_s = 0.0, 0.0, 0.0
        self.unsafe, self.asked, self.told = "", 0, []
        self.evicting = Outage(EVICTING, Need.EVICTION, lambda: self.now_s)
        self.watch = ServerWatch(self.vitals, self.now_ms, lambda: self.now_s, self.evicting, self.told.append)

    def vitals(self):
        self.asked += 1
        self.now_s += self.answer_s / 2
        answer = Vitals(START_MS + round(1000 * self.now_s), self.unsafe)
        self.now_s += self.answer_s / 2
        return answer

    def now_ms(self):
        return START_MS + round(1000 * (self.now_s + self.ahead_s))

    def look(self, pass_s=LOOK_EVERY_S):
        self.now_s += pass_s
        with capture_logs() as lines:
            self.watch.look()
        return [line["event"] for line in lines]


@pytest.fixture
def host():
    return Host()


def test_it_asks_every_ten_seconds_however_often_it_looks(host):
    for _ in range(100):
        host.look(pass_s=1.0)
    assert host.asked == 10


@pytest.mark.parametrize("ahead_s", [0, 4.9, -4.9])
def test_a_small_skew_is_shown_and_not_said(host, ahead_s):
    host.ahead_s = ahead_s
    assert host.look() == []
    assert host.told == [pytest.approx(ahead_s)]


@pytest.mark.parametrize(("ahead_s", "said"), [(3600, "3600 s ahead of"), (-7, "7 s behind")])
def test_a_skew_is_said_once_and_again_when_it_changes_much_and_when_it_is_over(host, ahead_s, said):
    host.ahead_s = ahead_s
    (line,) = host.look()
    assert said in line
    assert host.look() == []
    host.ahead_s *= 1 + 4 / abs(ahead_s)
    assert host.look() == []
    host.ahead_s *= 2
    assert len(host.look()) == 1
    host.ahead_s = 4 if ahead_s > 0 else -4
    assert host.look() == [], "it does not come and go at the limit"
    host.ahead_s = 0
    (line,) = host.look()
    assert "agree again" in line
    assert host.look() == []


@pytest.mark.parametrize("answer_s", [0.001, 1.0, 2.0])
def test_what_the_answer_takes_is_no_skew(host, answer_s):
    host.answer_s = answer_s
    host.look()
    assert host.told == [pytest.approx(0.0, abs=0.002)]


def test_a_late_answer_says_nothing_of_a_clock(host):
    host.answer_s, host.ahead_s = 30.0, 0.0
    assert host.look() == []
    assert host.told == []


def test_eviction_is_said_and_not_ready_until_it_is_put_right(host):
    assert (host.watch.unsafe, host.watch.check().ok) == (False, True)
    host.look()
    host.unsafe = "Redis evicts keys at maxmemory (maxmemory-policy allkeys-lru): set maxmemory-policy noeviction"
    (line,) = host.look()
    assert "noeviction" in line
    assert host.watch.unsafe
    assert "allkeys-lru" in host.watch.check().reason
    assert sum(len(host.look()) for _ in range(12)) == 2, "once a minute"
    host.unsafe = ""
    (line,) = host.look()
    assert "is back" in line
    assert (host.watch.unsafe, host.watch.check().ok, host.watch.check().reason) == (False, True, "")
