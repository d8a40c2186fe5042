"""What is paused with records read ahead is read on when it is resumed, whatever the other partitions do."""

import pytest
from kafka import KafkaProducer

from streaming.kafka_options import KafkaOptions
from streaming.kafka_source import KafkaSource, SourceOptions
from streaming.source import Partition

BUSY, OTHER = 900, 40


@pytest.fixture
def source(kafka_server, make_topic):
    names = (make_topic(partitions=2), make_topic(partitions=2))
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for name, number, records in ((names[0], 0, BUSY), (names[0], 1, BUSY), (names[1], 0, OTHER), (names[1], 1, OTHER)):
        for _ in range(records):
            producer.send(name, value=b"x" * 200, partition=number)
    producer.flush(20)
    producer.close()
    options = SourceOptions(f"group-{names[0]}", names, session_timeout_ms=6_000, max_poll_records=50)
    one = KafkaSource(KafkaOptions(kafka_server.bootstrap), options)
    one.connect()
    yield one, names
    one.close()


def poll_until(source, wanted, seen, turns=200):
    for _ in range(turns):
        polled = source.poll(0.1)
        for partition in polled.assigned:
            source.start(partition, 0)
            source.resume([partition])
        for partition, records in polled.records.items():
            seen.setdefault(partition, []).extend(record.offset for record in records)
        if wanted(seen):
            return
    raise AssertionError({partition: len(offsets) for partition, offsets in seen.items()})


@pytest.mark.parametrize("rewound", [False, True])
def test_a_held_topic_goes_on_after_another_one_was_read_to_its_end(source, rewound):
    source, names = source
    held = [Partition(names[0], 0), Partition(names[0], 1)]
    others = [Partition(names[1], 0), Partition(names[1], 1)]
    seen = {}
    poll_until(source, lambda seen: any(one in seen for one in held), seen)
    source.pause(held)
    poll_until(source, lambda seen: all(len(seen.get(one, ())) == OTHER for one in others), seen)
    if rewound:
        for one in held:
            source.start(one, seen[one][-1] + 1 if one in seen else 0)
    source.resume(held)
    poll_until(source, lambda seen: all(len(seen.get(one, ())) == BUSY for one in held), seen)
    assert all(seen[one] == list(range(BUSY)) for one in held)
