"""Each call of Redis is timed under its own name, and the names are a closed list."""

import re
from pathlib import Path

import pytest

from streaming.buffer import BufferUnavailableError
from streaming.redis_client import COMMANDS, RedisConnection

ROOT = Path(__file__).parents[2]


def test_every_command_of_ours_is_on_the_list():
    sources = [
        file.read_text(encoding="utf-8") for part in ("streaming", "daemon") for file in (ROOT / part).rglob("*.py")
    ]
    called = {name for text in sources for name in re.findall(r"\.call\(\s*\"(\w+)\"", text)}
    assert {"GET", "SET", "INFO"} <= called <= set(COMMANDS)
    scripts = {name for text in sources for name in re.findall(r"(?:\.script|_fenced)\(\s*\"(\w+)\"", text)}
    assert {"append", "trim"} <= scripts <= set(COMMANDS)


def test_calls_and_scripts_are_timed_by_name(redis_url):
    told = []
    connection = RedisConnection(redis_url, took=lambda name, seconds: told.append((name, seconds)))
    connection.call("SET", "a", 1)
    connection.script("put_down", ["a"], ["life"])
    connection.vitals()
    connection.close()
    assert {name for name, _ in told} == {"SET", "put_down", "pipeline"} <= set(COMMANDS)
    assert all(0 < seconds < 5 for _, seconds in told)


def test_a_call_that_fails_is_timed_too():
    told = []
    connection = RedisConnection("redis://127.0.0.1:1", took=lambda name, _seconds: told.append(name))
    with pytest.raises(BufferUnavailableError):
        connection.run_id()
    assert told == ["INFO"]
