"""A mill on the session's servers, or on its own."""

import logging
import threading

import pytest
import structlog

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


@pytest.fixture
def as_before():
    """A test may configure logging; afterwards it is as before."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, threading.excepthook)
    yield
    root.handlers[:], root.level, threading.excepthook = before
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
