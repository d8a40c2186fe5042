import structlog

from daemon.outage import DELAY_FIRST_S, Outage
from tests.support.fake_kafka import Clock


def made(jitter=0.0, **options):
    clock = Clock()
    return Outage("Kafka", clock, jitter=lambda: jitter, **options), clock


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
