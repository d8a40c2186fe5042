"""A client that cannot reach its brokers leaves no open file behind, also where Python's collector does not come."""

import gc
import socket
import threading
from pathlib import Path

import pytest

from streaming.announcer import Announcer
from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_ends import both_ends
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError

ASKS = {
    "ends": lambda options: both_ends(options, ["images"]),
    "announcement": lambda options: Announcer(options, "models", create=False).announce("default", "{}"),
    "topics": lambda options: KafkaAdmin(options).topic_ids(["images"]),
}


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def uncollected():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(params=["refuses", "hangs up"])
def address(request):
    """An address at which no broker answers."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    if request.param == "refuses":
        listening.close()
    else:
        listening.listen()

        def hang_up():
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
    yield f"127.0.0.1:{port}"
    listening.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc: Linux alone")
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_failed_try_leaves_no_open_file(address, uncollected, ask):
    before, threads = open_files(), threading.active_count()
    with pytest.raises(KafkaUnavailableError):
        ask(KafkaOptions(address))
    assert open_files() <= before
    assert threading.active_count() <= threads
