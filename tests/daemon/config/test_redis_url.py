"""What can be wrong with redis.url is told in one line, at the start, and never with the password."""

import inspect

import pytest
import redis.connection as client

from daemon.config import ConfigError, load
from daemon.config.redis_url import PARAMETERS
from daemon.config.redis_values import KINDS
from model.addresses import shown_address


def line(url: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(environ={}, sets=[f"redis.url={url}"])
    (problem,) = caught.value.problems
    assert "\n" not in str(problem)
    assert problem.key == "redis.url"
    return str(problem)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://h:1/0?foo=bar", "'foo', which is none: there are db"),
        ("redis://h:1/0?foo", "'foo'"),
        ("redis://h:1/0?pasword=x", "did you mean password?"),
        ("redis://h:1/0?Db=1", "did you mean db?"),
        ("redis://h:1/0?socket_timout=3", "did you mean socket_timeout?"),
        ("redis://h:1/0?decode_responses=true", "'decode_responses'"),
        ("redis://h:1/0?protocol=3", "'protocol'"),
        ("redis://h:1/0?ssl_ca_certs=/ca.pem", "rediss://, since ssl_ca_certs is for TLS"),
        ("rediss://h:1/0?ssl_cert_reqs=maybe", "none, optional, required"),
        ("unix:///run/redis.sock?socket_keepalive=1", "'socket_keepalive'"),
        ("rediss://h:1/0?ssl_min_version=3", "one of 769, 770, 771, 772 as ssl_min_version"),
        ("rediss://h:1/0?ssl_include_verify_flags=name", "VERIFY_X509_STRICT, joined by commas as ssl_include"),
        ("redis://h:1/0?retry_on_timeout=off", "1, t, true, y, yes, 0, f, false, n, no as retry_on_timeout"),
        ("redis://h:1/0?socket_timeout=1e300", "above 0, at most 86400 as socket_timeout"),
        ("redis://h:1/0?max_connections=-3", "a whole number of 1 to 1000000 as max_connections"),
        ("redis://h:1/0?socket_timeout=abc&socket_timeout=3", "with socket_timeout once"),
        ("redis://h:1/0?socket_timeout=pw@h", "at most 86400 as socket_timeout"),
        ("redis://h:1/0?db=pw@h", "at least 0 as db"),
        ("REDIS://h:1/0", "begun with redis://, in small letters and with both slashes, not with 'REDIS:'"),
        ("Rediss://h:1/0", "begun with rediss://, in small letters"),
        (" redis://h:1/0", "begun with redis://"),
        ("unix:/run/redis.sock", "begun with unix://"),
        ("redis://h:1/0?db=-1", "at least 0 as db"),
        ("redis://h:1/0?db=x", "at least 0 as db"),
        ("redis://h:1/0?db=", "with a value"),
        ("redis://h:1/3?db=4", "one database: its path and db name two"),
        ("redis://h:0/0", "1 to 65535"),
        ("redis://:6379/0", "with a host"),
        ("redis://u:pw@/0", "with a host"),
        ("redis://u:12#34@h:1/0", "%23"),
        ("redis://h:1/0#", "%23"),
        ("redis://u:12/34@h:1/0", "redis://host:port/database"),
        ("redis://:12?34@h:1/0", "%3F"),
        ("unix://", "three slashes"),
        ("unix://run/redis.sock", "three slashes"),
        ("redis://h:70000/0", "redis://host:port/database"),
        ("redis://h:port/0", "redis://host:port/database"),
        ("redis://h:1/first", "redis://host:port/database"),
        ("redis://h:1/1/2", "redis://host:port/database"),
        ("redis://[::1/0", "redis://host:port/database"),
        ("redis:h:1", "redis://host:port/database"),
        ("rediss:///0", "redis://host:port/database"),
        ("valkey://h:1/0", "redis://host:port/database"),
        ("http://h:1/0", "redis://host:port/database"),
        ("", "redis://host:port/database"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_in_one_line(url, said):
    try:
        text = line(url)
    except ValueError:  # more than one fault: each is a line of its own
        with pytest.raises(ConfigError) as caught:
            load(environ={}, sets=[f"redis.url={url}"])
        text = str(caught.value)
    assert said in text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", {"host": "h"}),
        ("redis://h/", {"host": "h"}),
        ("redis://h:1/9", {"host": "h", "port": 1, "db": 9}),
        ("redis://h:1?db=9", {"port": 1, "db": 9}),
        ("redis://h:1/9?db=9", {"db": 9}),
        ("rediss://h:1/0?ssl_cert_reqs=none&ssl_check_hostname=false&client_name=a", {"client_name": "a"}),
        ("redis://u:%23%2F%3F%40%25@h:1/0", {"username": "u", "password": "#/?@%"}),
        ("redis://u:p@w@h:1/0", {"password": "p@w", "host": "h"}),
        ("redis://:a%20b+c@[::1]:1/0", {"password": "a b+c", "host": "::1"}),
        ("unix:///run/redis.sock?db=2&password=a%26b", {"path": "/run/redis.sock", "db": 2, "password": "a&b"}),
        ("unix://u:pw@/run/redis.sock", {"path": "/run/redis.sock", "username": "u"}),
    ],
)
def test_a_right_address_reaches_the_client_as_it_is_meant(url, expected):
    assert load(environ={}, sets=[f"redis.url={url}"]).config.redis.url.get_secret_value() == url
    assert client.parse_url(url).items() >= expected.items()


def test_every_parameter_is_one_that_the_client_knows():
    classes = {
        "redis": client.Connection,
        "rediss": client.SSLConnection,
        "unix": client.UnixDomainSocketConnection,
    }
    for scheme, names in PARAMETERS.items():
        bases = (*classes[scheme].__mro__, client.ConnectionPool)
        known = {name for base in bases if base is not object for name in inspect.signature(base.__init__).parameters}
        assert set(names) <= known


FREE = {name for names in PARAMETERS.values() for name in names} - KINDS.keys() - {"db"}
YES_NO = {name for name in KINDS if client.URL_QUERY_ARGUMENT_PARSERS.get(name) is client.to_bool}


@pytest.mark.parametrize("value", ["abc", "-1", "0", "nan", "inf", ""])
@pytest.mark.parametrize(("scheme", "name"), [(scheme, name) for scheme, names in PARAMETERS.items() for name in names])
def test_a_value_that_the_client_cannot_use_is_refused_by_its_name(scheme, name, value):
    url = f"{scheme}://{'/run/redis.sock' if scheme == 'unix' else 'h:1'}?{name}={value}"
    zero = value == "0" and name in {"db", "health_check_interval", *YES_NO}
    if value and (name in FREE or zero):
        assert load(environ={}, sets=[f"redis.url={url}"]).config.redis.url.get_secret_value() == url
        client.ConnectionPool.from_url(url)
        return
    text = line(url)
    assert name in text
    assert not value or f"not {value!r}" not in text


def test_every_parameter_that_the_client_parses_has_a_kind():
    assert not FREE & client.URL_QUERY_ARGUMENT_PARSERS.keys()


@pytest.mark.parametrize(
    "query",
    [
        "socket_timeout=0.5&socket_connect_timeout=3&socket_read_size=65536&max_connections=1&health_check_interval=30",
        "retry_on_timeout=No&socket_keepalive=TRUE",
        "ssl_min_version=771&ssl_ciphers=HIGH&ssl_include_verify_flags=[VERIFY_X509_STRICT,+VERIFY_DEFAULT]",
    ],
)
def test_values_that_the_client_can_use_are_taken(query):
    url = f"rediss://h:1/0?{query}"
    load(environ={}, sets=[f"redis.url={url}"])
    client.ConnectionPool.from_url(url).make_connection()


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:hunter2@h:1/0",
        "redis://u:hunt#er2@h:1/0",
        "redis://u:hunt/er2@h:1/0",
        "redis://:hunt?er2@h:1/0",
        "redis://h:1/0?password=hunter2",
        "redis://h:1/0?password=hunt@er2",
        "rediss://h:1/0?ssl_password=hunter2",
        "unix:///s?db=0&password=hunter2",
        "redis://[hunter2",
    ],
)
def test_no_form_of_a_password_is_shown(url):
    assert "hunt" not in shown_address(url)
    assert "er2" not in shown_address(url)


def test_a_part_of_a_password_that_looks_like_a_parameter_is_not_shown():
    with pytest.raises(ConfigError) as refused:
        load(environ={}, sets=["redis.url=redis://:12?34secret@h:1/0"])
    assert "secret" not in str(refused.value)
