"""A mill on the session's servers, or on its own."""

import pytest

from tests.disasters.mill import Mill


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """The exporter's templates: it runs once for all tests."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def make_mill(tmp_path, templates, kafka_server, redis_server, make_topic):
    """`make_mill(partitions=1, redis=None)`."""
    made = []

    def make(partitions=1, redis=None, kafka=None, topic=None):
        topic = topic or make_topic(partitions)
        mill = Mill(tmp_path, templates, kafka or kafka_server, redis or redis_server, topic)
        made.append(mill)
        return mill

    yield make
    for mill in made:
        mill.close()


@pytest.fixture
def mill(make_mill):
    """One partition, on the session's servers."""
    return make_mill()
