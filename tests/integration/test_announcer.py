"""Announcements on the real broker: compacted topic, acknowledged, and one clear error where that fails."""

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streaming.announcer import Announcer
from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from tests.support.ingestors import Site


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1))
    yield one
    one.close()


def test_the_manifest_arrives_under_the_models_name_on_a_compacted_topic(site):
    topic = f"{site.topic}.models"
    announcer = Announcer(site.options, topic, create=True)
    announcer.announce("default", '{"version": 1}')
    announcer.announce("default", '{"version": 2, "classes": ["größe"]}')
    announcer.close()
    found = [(one.key.decode(), one.value.decode()) for one in site.consume(topic, 2)]
    assert found == [("default", '{"version": 1}'), ("default", '{"version": 2, "classes": ["größe"]}')]
    described = site.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    assert described["topic"][topic]["cleanup.policy"]["value"] == "compact"


def test_a_missing_topic_or_broker_is_an_error_and_the_next_try_may_succeed(site, make_topic):
    topic = f"{site.topic}.models"
    announcer = Announcer(site.options, topic, create=False)
    with pytest.raises(TopicMissingError, match=r"kafka\.create_topics"):
        announcer.announce("default", "{}")
    make_topic(1, name=topic)
    announcer.announce("default", "{}")
    announcer.close()
    with pytest.raises(KafkaUnavailableError):
        Announcer(KafkaOptions("127.0.0.1:1"), topic, create=True).announce("default", "{}")
