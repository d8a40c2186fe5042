import pytest

from streaming.keys import Keys, log_field, log_of_field
from streaming.records import Log
from tests.support.entries import LOG


def test_keys_of_a_partition_share_a_hash_tag_that_names_it():
    keys = Keys("job-1")
    tag = "tidemill:{job-1:images:0}:"
    assert keys.stream(LOG) == f"{tag}stream:{LOG.topic_id}:0"
    assert keys.learnt(LOG) == f"{tag}learnt:{LOG.topic_id}:0"
    assert keys.incarnation(LOG.topic, LOG.topic_id, LOG.partition) == f"{tag}incarnation:{LOG.topic_id}"


@pytest.mark.parametrize("name", ["", "a{b", "a}b", "a:b", "a b", "é", "x" * 250, "a\n"])
def test_names_that_could_be_taken_for_others_are_refused(name):
    with pytest.raises(ValueError, match="job"):
        Keys(name)
    with pytest.raises(ValueError, match="topic"):
        Keys("job").stream(Log(name, LOG.topic_id, 0))
    with pytest.raises(ValueError, match="topic id"):
        Keys("job").learnt(Log("images", name, 0))


def test_a_brakes_name_is_escaped():
    keys = Keys("job")
    assert keys.outcomes("host-1.example") == "tidemill:{job}:outcomes:host-1.example"
    assert keys.outcomes("{a}:b") == "tidemill:{job}:outcomes:%7Ba%7D%3Ab"


def test_a_log_survives_the_registry():
    log = Log("images", "8jTiUWkgTTyrPRtbzy4wkg", 11, 3)
    assert log_of_field(log_field(log).encode()) == log


@pytest.mark.parametrize("field", [b"[]", b"{}", b'["images","id","0",0]', b'["images","id",0]', b"images"])
def test_a_field_that_is_no_log_is_refused(field):
    with pytest.raises(ValueError, match=r".+"):
        log_of_field(field)
