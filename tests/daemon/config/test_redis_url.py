"""What can be wrong with redis.url is told in one line, at the start, and never with the password."""

import inspect

import pytest
import redis.connection as client

from daemon.config import ConfigError, load
from daemon.config.redis_url import PARAMETERS, mask_url


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
        ("redis://h:1/0?db=-1", "at least 0 as db"),
        ("redis://h:1/0?db=x", "at least 0 as db"),
        ("redis://h:1/0?db=", "with a value"),
        ("redis://h:1/3?db=4", "not with 3 as its path and 4 as db"),
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
    assert "hunt" not in mask_url(url)
    assert "er2" not in mask_url(url)
