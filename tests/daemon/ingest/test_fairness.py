"""One partition whose pictures take long holds neither the others nor what the ingestor does beside."""

from daemon.ingest.feeder import batches_of
from daemon.ingest.ingestor import TAKE_MAX_S
from streaming.records import Record
from streaming.source import Partition, Polled
from tests.support.fake_kafka import FakeDecoder

SLOW, QUICK = Partition("images", 0), Partition("images", 1)


def polled(**counts):
    records = {
        Partition("images", int(name[1:])): [Record("images", int(name[1:]), at, 0, None, b"", ()) for at in range(n)]
        for name, n in counts.items()
    }
    return Polled(records=records, read_from=dict.fromkeys(records, 0))


def test_partitions_take_turns_and_each_goes_on_where_it_was():
    batches = batches_of(polled(p0=7, p1=2, p2=5), 3)
    assert [(one.partition.partition, one.read_from, len(one.records)) for one in batches] == [
        (0, 0, 3), (1, 0, 2), (2, 0, 3), (0, 3, 3), (2, 3, 2), (0, 6, 1),
    ]  # fmt: skip


class Slow(FakeDecoder):
    """Each batch of the first partition takes a third of what a turn may."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def decode_batch(self, records, executor):
        if records[0].partition == SLOW.partition:
            self.clock.pass_s(TAKE_MAX_S / 3)
        return super().decode_batch(records, executor)


def test_a_turn_ends_in_time_and_what_is_left_is_taken_in_later(rig):
    one = rig(partitions=2)
    one.kafka.send(80)
    one.kafka.send(8, partition=1)
    one.ingestor._feeder._decoder = Slow(one.clock)
    while not one.offsets():
        began = one.clock()
        one.turn(1)
    assert one.clock() - began <= 2 * TAKE_MAX_S
    assert one.offsets(one.log(1)) == list(range(8)), "the other one was not held"
    assert len(one.offsets()) < 80
    one.turn(10)
    assert one.offsets() == list(range(80)), "nothing is lost or taken in twice"
