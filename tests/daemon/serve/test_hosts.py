"""No redirect to a name that the asker claims; `http.allowed_hosts` says which names are answered."""

import http.client

import pytest

from daemon.config import ConfigError, load
from tests.support.repository import publish
from tests.support.roles import eventually
from tests.support.serving import Serving

CHAMPION = "/v1/models/default/champion"


def answer_to(url: str, path: str, *hosts: str, more: dict[str, str] | None = None) -> http.client.HTTPResponse:
    """Ask with exactly these Host headers."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in [*(("Host", host) for host in hosts), *(more or {}).items()]:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


@pytest.fixture
def guarded(tmp_path):
    names = 'http.allowed_hosts=["Models.internal", "*.apps.example.org", "[::1]", "10.0.0.7"]'
    one = Serving(tmp_path / "models", names)
    publish(one.repository, 1)
    try:
        yield one
    finally:
        one.stop()


@pytest.mark.parametrize(
    "path", ["/v1/models/default/", f"{CHAMPION}/", "/livez/", "/readyz/", "/metrics/", "/docs/", "//evil.example/"]
)
def test_nothing_redirects_to_the_host_that_is_claimed(serving, path):
    publish(serving.repository, 1)
    answer = answer_to(serving.url, path, "evil.example")
    assert answer.status == 404
    assert "evil" not in str(answer.headers) + answer.body.decode()


def test_without_a_list_every_name_is_answered(serving):
    publish(serving.repository, 1)
    assert answer_to(serving.url, CHAMPION, "evil.example").status == 200


@pytest.mark.parametrize(
    "host",
    ["models.internal", "MODELS.INTERNAL:8080", "models.internal.", "a.b.apps.example.org", "[::1]:8080", "10.0.0.7"],
)
def test_a_listed_name_is_answered(guarded, host):
    assert answer_to(guarded.url, CHAMPION, host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "models.internal.evil.example", "apps.example.org", "xapps.example.org", "10.0.0.8", "localhost"],
)
def test_another_name_is_misdirected(guarded, host):
    answer = answer_to(guarded.url, CHAMPION, host, more={"X-Forwarded-Host": "models.internal"})
    assert answer.status == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"http.allowed_hosts" in answer.body
    eventually(lambda: guarded.answered("other", 421) == 1, "it is counted", 5)


@pytest.mark.parametrize("hosts", [("a b",), ("models.internal/x",), ("",), ("user@models.internal",), ("[::1",)])
def test_what_is_no_name_is_a_bad_request(guarded, hosts):
    answer = answer_to(guarded.url, CHAMPION, *hosts)
    assert answer.status == 400


def test_probes_need_no_name_and_prometheus_may_ask_by_address(guarded):
    for path in ("/livez", "/readyz"):
        assert answer_to(guarded.url, path, "10.1.2.3:8080").status == 200
        assert answer_to(guarded.url, path, "whatever").status == 200
    assert answer_to(guarded.url, "/metrics", "10.1.2.3:8080").status == 200
    assert answer_to(guarded.url, "/metrics", "[fd00::1]:8080").status == 200
    assert answer_to(guarded.url, "/metrics", "evil.example").status == 421


@pytest.mark.parametrize("name", ["", "a:8080", "http://a", "a/b", "*", "*.", "a.*", "-a", "a b"])
def test_a_list_of_what_is_no_name_is_refused(name):
    with pytest.raises(ConfigError, match=r"http\.allowed_hosts"):
        load(environ={}, sets=[f'http.allowed_hosts=["{name}"]'])


@pytest.mark.parametrize("header", ["bytes=0-" + "9" * 5_000, "bytes=" + "9" * 5_000 + "-", "bytes=-" + "9" * 5_000])
def test_a_range_of_5000_digits_is_no_failure(serving, header):
    publish(serving.repository, 1, b"0123456789")
    answer = serving.client.get(f"{CHAMPION}/model.onnx", headers={"Range": header})
    assert answer.status_code in (200, 206, 416)
    assert answer.content == b"0123456789" or answer.status_code == 416
