"""What the client does when a broker's answer has holes."""

from types import SimpleNamespace

import pytest
from kafka import TopicPartition

from streaming.kafka_options import KafkaOptions
from streaming.kafka_source import KafkaSource, SourceOptions
from streaming.source import Bounds, Partition


class HoledConsumer:
    """As kafka-python's, where the leader does not know a partition yet: a KeyError for whoever asks for it too."""

    unknown = TopicPartition("images", 4)

    def beginning_offsets(self, places, timeout_ms):
        return self._all(places, 3)

    def end_offsets(self, places, timeout_ms):
        return self._all(places, 9)

    def _all(self, places, offset):
        if self.unknown in places:
            raise KeyError(self.unknown)
        return dict.fromkeys(places, offset)


@pytest.fixture
def source():
    one = KafkaSource(KafkaOptions("127.0.0.1:9"), SourceOptions("group", ("images",)))
    one._consumer = HoledConsumer()
    one._admin = SimpleNamespace(led=lambda _topics: {("images", number) for number in range(6)})
    return one


def test_a_partition_that_its_leader_does_not_know_yet_is_left_out_and_the_others_are_not(source):
    asked = [Partition("images", number) for number in (0, 4, 5)]
    bounds = source.bounds(asked)
    assert bounds == {Partition("images", 0): Bounds(3, 9), Partition("images", 5): Bounds(3, 9)}
