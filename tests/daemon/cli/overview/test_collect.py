"""Parts of a look: nothing that hangs holds it up, and nothing that breaks is passed over."""

import os
import threading
import time
from urllib.parse import quote

import pytest

from daemon.cli.overview.collect import ask_within
from daemon.cli.overview.of_state import is_held
from daemon.metrics.reading import Read, read_metrics
from model.store.lock import DirectoryLock
from streaming.brakes import known_brakes
from streaming.keys import Keys
from streaming.redis_client import RedisConnection

PAGE = """\
# HELP tidemill_outage_since_timestamp_seconds since
# TYPE tidemill_outage_since_timestamp_seconds gauge
tidemill_outage_since_timestamp_seconds{what="disk"} 1.7e9
tidemill_outage_since_timestamp_seconds{what="redis"} 0
# TYPE tidemill_ingest_pause_cause gauge
tidemill_ingest_pause_cause{cause="buffer_full"} 1
tidemill_ingest_pause_cause{cause="redis"} 0
# TYPE tidemill_followers gauge
tidemill_followers{model="default",version="7"} 3
tidemill_followers{model="another",version="9"} 4
"""


def test_what_hangs_is_left_behind():
    forever = threading.Event()
    began = time.monotonic()
    try:
        assert ask_within(0.2, {"quick": lambda: 1, "hangs": forever.wait}) == {"quick": 1}
        assert time.monotonic() - began < 30
    finally:
        forever.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_breaks_is_no_answer_and_no_silence():
    with pytest.raises(RuntimeError, match="the facts of broken could not be collected"):
        ask_within(10, {"quick": lambda: 1, "broken": lambda: 1 // 0})


def test_a_lock_is_held_while_a_process_holds_it(tmp_path):
    assert is_held(tmp_path / ".lock") is None, "no learner has ever worked there"
    lock = DirectoryLock(tmp_path)
    assert is_held(tmp_path / ".lock") is True
    lock.release()
    (tmp_path / "other").mkdir()
    other = DirectoryLock(tmp_path / "other")
    assert is_held(tmp_path / ".lock") is False, "the process that its file still names holds another"
    other.release()


def test_a_lock_of_another_device_number_is_known_by_its_process(tmp_path):
    listed = tmp_path / "locks"
    lock = DirectoryLock(tmp_path)
    file = (tmp_path / ".lock").stat().st_ino
    listed.write_text(f"1: FLOCK  ADVISORY  WRITE {os.getpid()} 00:99:{file} 0 EOF\n")
    assert is_held(tmp_path / ".lock", listed) is True
    listed.write_text(
        f"1: POSIX  ADVISORY  WRITE {os.getpid()} 00:99:{file} 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 7 0:0:1 0\n"
    )
    assert is_held(tmp_path / ".lock", listed) is False
    assert is_held(tmp_path / ".lock", tmp_path / "none") is None, "where the kernel keeps no such list"
    lock.release()


def test_metrics_are_read_as_far_as_a_role_has_them():
    assert read_metrics(PAGE, "default") == Read({"disk": 1.7e9}, frozenset({"buffer_full"}), {"7": 3})
    assert read_metrics("", "default") == Read()
    nobody = "# TYPE tidemill_followers gauge\n"
    assert read_metrics(nobody, "default").followers == {}, "nobody follows: that is known"


def test_the_brakes_of_a_job_are_found_by_their_names(redis_url):
    connection = RedisConnection(redis_url)
    names = ["one", "a/b c", "zwei"]
    for name in names:
        connection.call("HSET", Keys("default").verdicts(name), "images", "x")
    connection.call("HSET", Keys("birds").verdicts("other"), "images", "x")
    assert quote("a/b c", safe="") in Keys("default").verdicts("a/b c")
    assert known_brakes(connection, "default") == sorted(names)
    connection.close()
