"""The brake, by topic: what it counts, whom it stops, what lets it go."""

import pytest
from structlog.testing import capture_logs

from daemon.ingest.blame import summary
from daemon.ingest.observer import Pause
from streaming.buffer import Blame, Outcomes
from streaming.records import Log
from streaming.source import Partition
from tests.support.fake_kafka import BAD, FakeKafka

CAMERA = (("ce_source", b"camera-1"),)


def two_topics(rig):
    one = rig()
    one.kafka = FakeKafka("images", "birds")
    one.begin(("images", "birds"))
    return one


def log(one, topic):
    return Log(topic, one.kafka.topics[topic][0], 0)


def test_a_thousand_tombstones_are_dead_letters_and_stop_nothing(rig):
    one = rig()
    one.kafka.send(300)
    one.kafka.send(1100, value=None)
    one.kafka.send(40)
    one.turn(40)
    assert one.buffer.position(one.log()) == 1440
    assert len(one.letters.sent) == 1100
    assert one.seen.reasons == {"tombstone": 1100}
    assert one.buffer.outcomes("one") == {"images": Outcomes(340, 0)}
    assert one.ingestor.ready() == (True, "")


def test_the_topic_at_fault_stops_and_no_other(rig):
    one = two_topics(rig)
    one.kafka.send(300, value=BAD, headers=CAMERA)
    one.kafka.send(300, topic="birds")
    one.turn(20)
    stopped_at = one.buffer.position(log(one, "images"))
    assert stopped_at < 130
    assert one.buffer.position(log(one, "birds")) == 300
    assert one.source.paused == {Partition("images", 0)}
    assert one.seen.causes[-1] == {Pause.BRAKE}
    assert one.ingestor.ready()[1].startswith("brake: images: ")
    one.kafka.send(50, topic="birds")
    one.turn(4, pass_s=6)
    assert one.buffer.position(log(one, "birds")) == 350, "it goes on"
    one.begin(("images", "birds"))
    one.kafka.send(50, topic="birds")
    one.turn(6, pass_s=6)
    assert one.buffer.position(log(one, "birds")) == 400
    assert one.buffer.position(log(one, "images")) == stopped_at, "a restart does not release it"


def test_it_says_of_which_reasons_and_sources_the_dead_letters_are(rig):
    one = rig()
    with capture_logs() as logs:
        one.kafka.send(120, value=BAD, headers=CAMERA)
        one.turn(20)
    (said,) = [line for line in logs if "stopped taking records" in line["event"]]
    blame = said["blame"]
    assert said["topic"] == "images"
    assert blame.startswith("not_an_image 10")
    assert "camera-1 10" in blame
    assert blame in one.ingestor.ready()[1]


def release(one, name, topic="images", records=0):
    logs = {log(one, topic): one.kafka.log(topic).end} if not records else {}
    one.buffer.release(name, topic, logs, records)


def test_one_release_lets_go_all_that_is_there_now_also_over_a_restart(rig):
    one = rig()
    one.kafka.send(1500, value=BAD)
    one.turn(20)
    release(one, "one")
    one.turn(4, pass_s=6)
    one.begin()
    one.turn(40, pass_s=6)
    assert one.buffer.position(one.log()) == 1500
    assert one.ingestor.ready() == (True, "")
    one.kafka.send(300, value=BAD)
    one.turn(20)
    assert 1600 <= one.buffer.position(one.log()) < 1630, "what came since counts"


def test_what_was_let_go_is_let_go_for_whoever_takes_the_partition_over(rig):
    one = rig()
    one.kafka.send(600, value=BAD)
    one.turn(20)
    release(one, "one")
    one.options["name"] = "two"
    one.begin()
    one.turn(20, pass_s=6)
    assert one.buffer.position(one.log()) == 600
    assert one.buffer.outcomes("two") == {}


def test_so_many_records_are_let_go(rig):
    one = rig()
    one.kafka.send(900, value=BAD)
    one.turn(20)
    stopped_at = one.buffer.position(one.log())
    release(one, "one", records=400)
    one.turn(20, pass_s=6)
    assert stopped_at + 500 <= one.buffer.position(one.log()) < stopped_at + 530


def test_a_brake_that_0_1_left_on_stays_on_for_every_topic(rig):
    one = two_topics(rig)
    one.kafka.send(10)
    one.buffer.outcomes = lambda brake: {"": Outcomes(200, 150)}
    one.turn(6, pass_s=6)
    assert one.buffer.position(log(one, "images")) == 0
    assert one.ingestor.ready()[1].startswith("brake: all topics: 150 of the last 200 records are dead letters: ")


@pytest.mark.parametrize(
    ("blames", "told"),
    [
        ([], ""),
        ([("empty", "")], "empty 1 (no ce_source 1)"),
        (
            [("a", "x")] * 2 + [("b", "y")] * 3 + [("b", "z")],
            "b 4 (y 3, z 1), a 2 (x 2)",
        ),
        (
            [(reason, f"{number}") for number in range(4) for reason in "abcde"],
            (
                "a 4 (0 1, 1 1, 2 more sources), b 4 (0 1, 1 1, 2 more sources), c 4 (0 1, 1 1, 2 more sources), "
                "2 more reasons"
            ),
        ),
    ],
)
def test_the_most_are_named_and_the_others_counted(blames, told):
    assert summary(Blame(*one) for one in blames) == told
