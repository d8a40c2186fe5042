import json
from pathlib import Path

import pytest

from daemon.config import load
from daemon.demo.plan import Addresses, Plan, settings
from daemon.demo.roles import GIVEN_UP, as_flags, as_toml, death_in, given_up_in

SETTINGS = settings(Plan(Path("demo-output")), Addresses("127.0.0.1:9", "unix:///x?db=0", 1001, 1002, 1003, 1004))


def test_flags_and_file_are_the_same_valid_configuration(tmp_path):
    file = tmp_path / "tidemill.toml"
    file.write_text(as_toml(SETTINGS))
    by_file = load(file=file, environ={}).config
    assert by_file == load(sets=as_flags(SETTINGS), environ={}).config
    assert by_file.kafka.bootstrap_servers == "127.0.0.1:9"
    assert by_file.redis.url.get_secret_value() == "unix:///x?db=0"
    assert by_file.learning.flip is False
    assert by_file.paths.state == Path("demo-output/state").resolve()


def test_no_setting_of_the_environment_leads_a_role_elsewhere():
    foreign = {
        "TIDEMILL_KAFKA__BOOTSTRAP_SERVERS": "production:9092",
        "TIDEMILL_KAFKA__TOPICS": "production",
        "TIDEMILL_KAFKA__GROUP": "production",
        "TIDEMILL_KAFKA__ANNOUNCE_TOPIC": "production",
        "TIDEMILL_REDIS__URL": "redis://production:6379/0",
        "TIDEMILL_PATHS__STATE": "/production",
        "TIDEMILL_PATHS__REPOSITORY": "/production",
        "TIDEMILL_HTTP__HOST": "0.0.0.0",
        "TIDEMILL_MODEL__NAME": "production",
        "TIDEMILL_MODEL__CLASSES": "a,b",
        "TIDEMILL_JOB": "production",
    }
    config = load(sets=as_flags(SETTINGS), environ=foreign).config
    assert "production" not in config.model_copy(update={"job": ""}).model_dump_json()
    assert config.redis.url.get_secret_value() == "unix:///x?db=0"
    assert config.http.host == "127.0.0.1"
    assert config.model.classes == ()


def test_a_death_is_told_with_the_last_words():
    line = {"event": "role died", "died": "learn", "ended_with": "signal 9", "last_words": "out of memory"}
    told = death_in(json.dumps(line).encode())
    assert told == "learn died (signal 9) and is started again. Its last words: out of memory"


@pytest.mark.parametrize("line", [b"", b"Traceback", b"[1]", b'{"event": "role started"}', b"\xff"])
def test_other_lines_tell_of_no_death(line):
    assert death_in(line) is None


def test_a_role_that_is_given_up_is_seen():
    assert given_up_in(json.dumps({"event": GIVEN_UP, "given_up": "learn", "reason": "…"}).encode()) == "learn"
    assert given_up_in(json.dumps({"event": "role died", "died": "learn"}).encode()) is None
    assert given_up_in(b"no JSON") is None and given_up_in(b"[1]") is None
