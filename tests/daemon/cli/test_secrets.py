"""Whatever is wrong with a configuration, and whatever a command does with it, it prints no secret."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon import masking
from daemon.cli.options import Given
from daemon.config import ConfigError, load
from tests.support.roles import TIDEMILL

WORD = "Zq7Xw9"
NASTY = st.text("/?#@:&=%[]\\ \"'+;,.$a1é", max_size=5)
SECRETS = st.builds(lambda before, after: f"{before}{WORD}{after}", NASTY, NASTY)
PLACES = (
    ("redis.url", "redis://:{}@127.0.0.1:9/0"),
    ("redis.url", "redis://user:{}@127.0.0.1:9/0"),
    ("redis.url", "redis://{}@127.0.0.1:9/0"),
    ("redis.url", "rediss://127.0.0.1:9/0?ssl_password={}"),
    ("redis.url", "redis://127.0.0.1:9/0?password={}"),
    ("redis.url", "redis://127.0.0.1:9/0?socket_timeout={}"),
    ("redis.url", "redis://127.0.0.1:9/0?db=0&foo={}"),
    ("redis.url", "unix:///none.sock?password={}"),
    ("redis.url", "{}"),
    ("redis", "redis://:{}@h"),
    ("redis.uri", "redis://:{}@h"),
    ("redis.password", "{}"),
    ("kafka.bootstrap_servers", "user:{}@127.0.0.1"),
    ("kafka.bootstrap_servers", "user:{}@127.0.0.1:9"),
    ("kafka.bootstrap_servers", "SASL_SSL://user:{}@127.0.0.1:9"),
    ("kafka.sasl_password", "{}"),
    ("kafka.sasl_pasword", "{}"),
    ("http.rollback_token", "{}"),
    ("pull.url", "http://user:{}@127.0.0.1:9"),
    ("pull.url", "{}"),
    ("pull.token", "{}"),
    ("paths.repository", "s3://key:{}@bucket/models"),
    ("model.initial_weights", "https://user:{}@127.0.0.1/weights.pth"),
    ("nonsense", "{}"),
)
COMMANDS = (
    ("config",),
    ("config", "--json"),
    ("config", "--toml"),
    ("status", "--json"),
    ("pull", "--once", "--timeout", "0.05"),
    ("rollback", "1"),
)


def toml_of(key: str, value: object) -> str:
    section, dot, leaf = key.rpartition(".")
    line = f"{leaf if dot else key} = {json.dumps(value, ensure_ascii=False)}\n"
    return f"[{section}]\n{line}" if dot else line


@pytest.fixture
def told(run, monkeypatch, tmp_path):
    """Run a command with a key given by a source; return all that it printed."""

    def tell(source: str, key: str, value: str, *command: str) -> str:
        masking.forget()
        variable = "TIDEMILL_" + key.upper().replace(".", "__")
        arguments: list[str] = []
        with monkeypatch.context() as patch:
            patch.delenv(variable, raising=False)
            if source == "environment":
                patch.setenv(variable, value)
            elif source == "environment's file, itself":
                patch.setenv(f"{variable}_FILE", value)
            elif source == "secret file":
                (tmp_path / "secret").write_text(value)
                patch.setenv(f"{variable}_FILE", str(tmp_path / "secret"))
            elif source == "file":
                (tmp_path / "t.toml").write_text(toml_of(key, value))
                arguments = ["--config", str(tmp_path / "t.toml")]
            elif source == "file, a table":
                (tmp_path / "t.toml").write_text(toml_of(key, "x").replace('"x"', "{ a = " + json.dumps(value) + " }"))
                arguments = ["--config", str(tmp_path / "t.toml")]
            else:
                arguments = {
                    "flag": ["--set", f"{key}={value}"],
                    "flag without =": ["--set", f"{key} {value}"],
                    "flag without a key": ["--set", value],
                    "argument": [f"{key}={value}"],
                }[source]
            ran = run(*command, *arguments)
        return ran.out + ran.err

    yield tell
    masking.forget()


SOURCES = (
    "flag",
    "environment",
    "file",
    "secret file",
    "environment's file, itself",
    "file, a table",
    "flag without =",
    "flag without a key",
    "argument",
)


@pytest.mark.timeout(280)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=SECRETS, place=st.sampled_from(PLACES), source=st.sampled_from(SOURCES), command=st.sampled_from(COMMANDS)
)
def test_no_command_prints_a_secret_however_it_was_given(told, secret, place, source, command):
    key, shape = place
    assert WORD not in told(source, key, shape.format(secret), *command)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]} {place[1]}")
def test_no_plain_secret_is_printed_either(told, source, place):
    key, shape = place
    assert WORD not in told(source, key, shape.format(WORD), "config")


@pytest.mark.parametrize("character", "/?#@:")
def test_a_password_that_must_be_escaped_is_told_with_the_key_and_the_cure(told, character):
    text = told("flag", "redis.url", f"redis://:{WORD}{character}{WORD}@h:6379/0", "config")
    assert WORD not in text
    if character not in "@:":  # these the client reads as they are meant
        assert "redis.url" in text and {"/": "%2F", "?": "%3F", "#": "%23"}[character] in text


def test_a_user_in_the_brokers_is_refused_with_where_he_goes(told):
    text = told("flag", "kafka.bootstrap_servers", f"user:{WORD}@h:9092", "config")
    assert WORD not in text
    assert "kafka.sasl_username" in text and "kafka.sasl_password" in text


def test_a_section_that_is_given_a_text_tells_nothing_of_it(tmp_path):
    (tmp_path / "t.toml").write_text(f'redis = "redis://:{WORD}@h"\n')
    with pytest.raises(ConfigError) as refused:
        load(environ={}, file=tmp_path / "t.toml")
    assert WORD not in str(refused.value)
    assert "[redis]" in str(refused.value)


@pytest.mark.timeout(30)
def test_a_secret_is_read_from_a_plain_file_alone_through_links_and_bounded(tmp_path):
    name = "TIDEMILL_HTTP__ROLLBACK_TOKEN_FILE"
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("sesame")
    (tmp_path / "token").symlink_to("..data/token")  # as a mounted Secret has it
    loaded = load(environ={name: str(tmp_path / "token")}).config
    assert loaded.http.rollback_token.get_secret_value() == "sesame"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 2_000_000)
    for path, why in [("pipe", "no regular file"), ("large", "more than"), ("..data", ""), ("a\0b", "")]:
        with pytest.raises(ConfigError, match=why or "can be read"):
            load(environ={name: str(tmp_path / path)})
    with pytest.raises(ConfigError, match="no regular file"):
        load(environ={name: "/dev/zero"})


def test_roles_are_given_secrets_where_nobody_else_sees_them():
    sets = (f"redis.url=redis://:{WORD}@h:1/0", "job=birds", f"http.rollback_token={WORD}")
    given_ = Given(Path("t.toml"), sets)
    assert given_.arguments() == ["--config", "t.toml", "--set", "job=birds"]
    environ = given_.environment({"A": "b", "TIDEMILL_REDIS__URL_FILE": "/x", "TIDEMILL_HTTP__ROLLBACK_TOKEN": "y"})
    assert environ == {
        "A": "b",
        "TIDEMILL_REDIS__URL": f"redis://:{WORD}@h:1/0",
        "TIDEMILL_HTTP__ROLLBACK_TOKEN": WORD,
    }


@pytest.mark.parametrize("source", ["--url", "environment"])
def test_pull_tells_nothing_of_the_address_at_a_retry(run, monkeypatch, tmp_path, source):
    url = f"http://user:{WORD}@127.0.0.1:9/{WORD}?token={WORD}"
    if source == "environment":
        monkeypatch.setenv("TIDEMILL_PULL__URL", url)
    where = ["--url", url] if source == "--url" else []
    ran = run("pull", *where, "--timeout", "1.5", "--to", str(tmp_path / "m.onnx"))
    assert "127.0.0.1:9" in ran.err and "trying again" in ran.err
    assert WORD not in ran.out + ran.err
    assert ("TIDEMILL_PULL__URL" in ran.err) == (source == "--url")


@pytest.mark.parametrize(
    "url", [f"http://user:{WORD}/x@h:1", f"user:{WORD}@h:1", f"ftp://u:{WORD}@h", f"http://u:{WORD}"]
)
def test_an_address_that_cannot_be_read_is_not_repeated(run, tmp_path, url):
    ran = run("pull", "--once", "--timeout", "0.5", "--url", url, "--to", str(tmp_path / "m.onnx"))
    assert WORD not in ran.out + ran.err
    assert ran.status in (1, 2) and "--url" in ran.err


CRASH = """
from daemon.cli import main
from daemon.config import show

def broken(loaded):
    raise RuntimeError(f"the client says {loaded.config.redis.url.get_secret_value()}")

show.settings = broken
main(["config"])
"""


def test_a_crash_tells_where_and_not_what_is_secret():
    secret = f"p{WORD}%2F{WORD}"
    environ = {**os.environ, "TIDEMILL_REDIS__URL": f"redis://:{secret}@h:1/0?password={WORD}"}
    python = str(Path(TIDEMILL[0]).with_name("python"))
    ran = subprocess.run([python, "-c", CRASH], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "RuntimeError: the client says" in ran.stderr
    assert WORD not in ran.stderr + ran.stdout
