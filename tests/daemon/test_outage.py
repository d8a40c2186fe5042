import structlog

from daemon.outage import DELAY_FIRST_S, Need, Outage
from tests.support.fake_kafka import Clock


def made(jitter=0.0, **options):
    clock = Clock()
    return Outage("Kafka", Need.KAFKA, clock, jitter=lambda: jitter, **options), clock


def test_it_is_said_at_its_start_once_a_minute_and_at_its_end():
    outage, clock = made()
    with structlog.testing.capture_logs() as lines:
        for _ in range(150):
            outage.failed("gone", setting="kafka.bootstrap_servers")
            clock.pass_s(1)
        outage.recovered()
        outage.recovered()
    assert [line["event"] for line in lines] == [
        "waiting for Kafka",
        "still waiting for Kafka",
        "still waiting for Kafka",
        "Kafka is back",
    ]
    assert [line.get("seconds") for line in lines] == [None, 60, 120, 150.0]
    assert [line.get("tries") for line in lines] == [None, 61, 121, 150]
    assert all("done" not in line for line in lines)
    assert lines[0]["reason"] == "gone"
    assert lines[0]["setting"] == "kafka.bootstrap_servers"


def test_the_delay_doubles_up_to_its_limit_and_begins_anew():
    outage, clock = made(delay_max_s=2.0)
    delays = []
    for _ in range(6):
        outage.failed("gone")
        delays.append(outage.wait_s)
        clock.pass_s(outage.wait_s)
    assert delays == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    outage.recovered()
    outage.failed("gone")
    assert outage.wait_s == DELAY_FIRST_S


def test_chance_takes_up_to_half_of_the_delay():
    outage, _ = made(jitter=0.5)
    outage.failed("gone")
    assert outage.wait_s == DELAY_FIRST_S * 0.75


def test_it_is_due_while_all_is_well_and_when_the_delay_is_over():
    outage, clock = made()
    assert outage.due
    assert not outage.ongoing
    outage.failed("gone")
    assert not outage.due
    assert (outage.ongoing, outage.reason) == (True, "gone")
    clock.pass_s(DELAY_FIRST_S)
    assert outage.due
    assert outage.wait_s == 0
    outage.recovered()
    assert (outage.ongoing, outage.reason) == (False, "")


def test_the_end_says_what_was_done():
    outage, clock = made()
    with structlog.testing.capture_logs() as lines:
        outage.failed("gone")
        clock.pass_s(3)
        outage.recovered("every partition was opened anew")
        outage.failed("gone again")
        outage.recovered()
    assert lines[1] == {
        "event": "Kafka is back",
        "log_level": "info",
        "seconds": 3.0,
        "tries": 1,
        "done": "every partition was opened anew",
    }
    assert lines[3]["tries"] == 1, "each outage counts its own tries"


class Told:
    """Keeps what it is told."""

    def __init__(self):
        self.all = []

    def failed(self, need, seconds):
        self.all.append(("failed", need.value, seconds))

    def recovered(self, need, seconds):
        self.all.append(("recovered", need.value, seconds))


def test_the_observer_is_told_of_each_try_and_of_every_second():
    told = Told()
    outage, clock = made(observer=told)
    outage.recovered()
    outage.failed("gone")
    clock.pass_s(2)
    outage.failed("gone")
    clock.pass_s(5)
    outage.recovered()
    outage.recovered()
    assert told.all == [("failed", "kafka", 0.0), ("failed", "kafka", 2), ("recovered", "kafka", 5)]


def test_what_is_away_may_change_within_an_outage():
    told = Told()
    outage, clock = made(observer=told)
    outage.failed("no room", need=Need.DISK)
    clock.pass_s(2)
    outage.failed("gone", need=Need.REDIS)
    clock.pass_s(3)
    outage.recovered()
    assert told.all == [
        ("failed", "disk", 0.0),
        ("recovered", "disk", 2),
        ("failed", "redis", 0.0),
        ("recovered", "redis", 3),
    ]
