"""Dead letters that are too large for their topic, through the real broker: each arrives, and says what is missing."""

import hashlib
import random
import time

import pytest
from kafka import KafkaProducer

from streaming.dead_letters import DeadLetter, DeadLetterOptions, DeadLetters
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from streaming.letter_forms import packed
from streaming.records import Reason, Record, RejectedRecord
from tests.support.ingestors import Site, check_chain, eventually

LABEL = ("ce_label", b"cat")


def noise(n, seed=0):
    return random.Random(seed).randbytes(n)


def sha256(data):
    return hashlib.sha256(data).hexdigest().encode()


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1, {"max.message.bytes": "20000000"}))
    yield one
    one.close()


@pytest.fixture
def office(site):
    made = []

    def make(**options):
        made.append(DeadLetters(site.options, DeadLetterOptions(**options)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def letter(site, *, key=None, value=None, headers=(), offset=0):
    record = Record(site.topic, 0, offset, 1, key, value, tuple(headers))
    return DeadLetter(record, RejectedRecord(Reason.TOO_LARGE, "too many bytes"))


def arrived(site, n=1):
    return site.consume(f"{site.topic}.dlq", n)


@pytest.mark.parametrize("unpacked", ["unpack_max_bytes allows it", "it does not"])
def test_150_megabytes_in_150_kilobytes_of_gzip_do_not_stop_their_partition(site, make_topic, unpacked):
    make_topic(1, name=f"{site.topic}.dlq")
    value = bytes(150_000_000)
    producer = KafkaProducer(
        bootstrap_servers=site.kafka.bootstrap, compression_type="gzip", max_request_size=200_000_000, batch_size=0
    )
    producer.send(site.topic, value, headers=[LABEL], partition=0).get(60)
    producer.close()
    site.send(3)
    allowed = unpacked == "unpack_max_bytes allows it"
    with site.ingesting(source={"unpack_max_bytes": 200_000_000} if allowed else None):
        site.wait_position(4)
    (record,) = arrived(site)
    said = dict(record.headers)
    assert record.value is None
    assert check_chain(site.entries()) == 4
    if not allowed:
        assert (said["tidemill.reason"], said["tidemill.batch_first_offset"]) == (b"unreadable", b"0")
        assert b"raise kafka.unpack_max_bytes" in said["__connect.errors.exception.message"]
        return
    assert (said["ce_label"], said["tidemill.reason"]) == (b"cat", b"too_large")
    assert said["tidemill.value_bytes"] == b"150000000"
    assert said["tidemill.value_sha256"] == sha256(value)


@pytest.mark.parametrize("limit", [1_000, 3_000, 60_000])
@pytest.mark.parametrize("large", ["key", "headers", "both", "many headers", "all"])
def test_whatever_is_large_the_letter_arrives_with_what_it_says_of_itself(site, make_topic, office, limit, large):
    make_topic(1, {"max.message.bytes": str(limit)}, name=f"{site.topic}.dlq")
    key = noise(900_000) if large in ("key", "both", "all") else b"key"
    value = noise(900_000, 1) if large == "all" else b"value"
    headers = [("trace", noise(900_000, 2)), ("null", None), LABEL] if large in ("headers", "both", "all") else [LABEL]
    if large == "many headers":
        headers = [*((f"x-{number}", noise(20, number)) for number in range(5_000)), LABEL]
    office().send([letter(site, offset=1), letter(site, key=key, value=value, headers=headers, offset=2)])
    small, record = arrived(site, 2)
    assert dict(small.headers)["__connect.errors.offset"] == b"1"
    said = dict(record.headers)
    assert said["__connect.errors.offset"] == b"2"
    assert (said["tidemill.reason"], said["__connect.errors.exception.message"]) == (b"too_large", b"too many bytes")
    assert said["tidemill.value_sha256"] == sha256(value)
    if len(key) > 3:
        assert said["tidemill.key_bytes"] == b"900000"
        assert said["tidemill.key_sha256"] == sha256(key)
        assert record.key is None or key.startswith(record.key)
    if len(headers) > 1:
        assert said["tidemill.headers_sha256"] == sha256(packed(headers))
        assert said["tidemill.headers_count"] == str(len(headers)).encode()
    if limit > 1_000:
        assert said["ce_label"] == b"cat"


def test_what_packs_well_goes_whole_through_a_small_limit(site, make_topic, office):
    make_topic(1, {"max.message.bytes": "3000"}, name=f"{site.topic}.dlq")
    office().send([letter(site, value=bytes(500_000), headers=[LABEL])])
    (record,) = arrived(site)
    assert record.value == bytes(500_000)


def test_a_topic_that_packs_anew_and_then_takes_less_is_tried_until_it_takes_something(site, make_topic, office):
    make_topic(1, {"max.message.bytes": "3000", "compression.type": "uncompressed"}, name=f"{site.topic}.dlq")
    office().send([letter(site, value=bytes(500_000), headers=[LABEL])])
    (record,) = arrived(site)
    assert (record.value, dict(record.headers)["tidemill.value_bytes"]) == (None, b"500000")


def test_where_the_brokers_do_not_say_what_they_take_it_is_tried(site, make_topic, office):
    make_topic(1, {"max.message.bytes": "2000"}, name=f"{site.topic}.dlq")
    one = office()
    one._limits._admin.message_bytes_max = lambda topic: None  # as without the right to DescribeConfigs
    one.send([letter(site, key=noise(50_000), value=noise(50_000), headers=[LABEL])])
    (record,) = arrived(site)
    assert (record.value, dict(record.headers)["tidemill.key_bytes"]) == (None, b"50000")


def test_a_limit_that_is_changed_counts_at_once_where_something_is_refused(site, make_topic, office):
    make_topic(1, {"max.message.bytes": "1000000"}, name=f"{site.topic}.dlq")
    one = office()
    one.send([letter(site, value=noise(50_000))])
    one._limits._known[f"{site.topic}.dlq"] = (time.monotonic(), 1_000_000)
    set_limit(site, 2_000)
    one.send([letter(site, value=noise(50_000))])
    assert [len(record.value or b"") for record in arrived(site, 2)] == [50_000, 0]


def set_limit(site, limit):
    from kafka.admin import ConfigResource, ConfigResourceType

    wanted = {"max.message.bytes": str(limit)}
    site.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, f"{site.topic}.dlq", configs=wanted)])
    eventually(lambda: limit_of(site) == limit)


def limit_of(site):
    from streaming.kafka_admin import KafkaAdmin

    admin = KafkaAdmin(site.options)
    try:
        return admin.message_bytes_max(f"{site.topic}.dlq")
    finally:
        admin.close()


def test_a_topic_that_takes_nothing_is_told_with_its_limit_and_delivery_comes_back_with_it(site, make_topic):
    make_topic(1, {"max.message.bytes": "200"}, name=f"{site.topic}.dlq")
    site.send()
    site.send(value=b"text", headers=[LABEL])
    site.send()
    with site.ingesting() as running:
        eventually(lambda: running.causes == {"dead_letters"})
        reason = running.ingestor.ready()[1]
        assert f"{site.topic}.dlq takes batches of 200 bytes at most" in reason
        assert "offset 1 of" in reason
        assert "max.message.bytes" in reason
        set_limit(site, 1_000_000)
        site.wait_position(3)
        eventually(lambda: running.ingestor.ready() == (True, ""))
    assert check_chain(site.entries()) == 3


def test_it_is_ready_again_once_the_record_is_gone_without_another_dead_letter(site, make_topic):
    make_topic(1, {"max.message.bytes": "200"}, name=f"{site.topic}.dlq")
    site.send(2)
    site.send(value=b"text", headers=[LABEL])
    site.send(2)
    with site.ingesting() as running:
        eventually(lambda: running.causes == {"dead_letters"})
        from kafka import TopicPartition

        site.admin.delete_records({TopicPartition(site.topic, 0): 3})
        eventually(lambda: running.ingestor.ready() == (True, ""))
        site.wait_position(5)


def test_no_request_is_larger_than_brokers_read(own_kafka):
    server = own_kafka("socket.request.max.bytes=300000\n")
    options = KafkaOptions(server.bootstrap, request_timeout_ms=5_000)
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics({"images.dlq": {"num_partitions": 1, "replication_factor": 1, "configs": {}}})
    admin.close()
    office = DeadLetters(options, DeadLetterOptions())
    record = Record("images", 0, 7, 1, b"k", noise(600_000), (LABEL,))
    began = time.monotonic()
    office.send([DeadLetter(record, RejectedRecord(Reason.UNDECODABLE, "bad"))])
    assert time.monotonic() - began < 5, "not after a time-out: nothing was sent that would have ended the connection"
    assert office._limits.batch_bytes_max("images.dlq") < 300_000
    office.close()


def test_nothing_is_sent_where_even_the_least_does_not_fit(site, make_topic, office):
    make_topic(1, {"max.message.bytes": "200"}, name=f"{site.topic}.dlq")
    with pytest.raises(KafkaUnavailableError, match=r"takes batches of 200 bytes at most, and offset 0 of .* needs"):
        office().send([letter(site, value=b"x")])
