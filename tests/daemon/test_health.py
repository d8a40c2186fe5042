"""/livez, /readyz, /metrics over real HTTP, and what a port in the way is told as."""

import json
import socket
import threading
import urllib.error
import urllib.request

import pytest

from daemon.errors import OperatorError
from daemon.health import HealthServer
from daemon.metrics import new_registry
from daemon.readiness import Check


def get(port: int, path: str, method: str = "GET") -> tuple[int, dict, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


@pytest.fixture
def checks() -> list[Check]:
    return [Check("redis", ok=True, reason="answers"), Check("kafka", ok=True)]


@pytest.fixture
def port(checks):
    asks = [lambda: checks[0], lambda: checks[1]]
    with HealthServer(new_registry(), asks, more={"/status": lambda: {"round": 7}}) as server:
        yield server.start("127.0.0.1", 0, "ingest.port")


def test_ready_lists_each_check(port):
    code, headers, body = get(port, "/readyz")
    assert code == 200
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "ready": True,
        "checks": [{"name": "redis", "ok": True, "reason": "answers"}, {"name": "kafka", "ok": True, "reason": ""}],
    }


def test_one_thing_amiss_makes_it_not_ready_but_alive(port, checks):
    checks[1] = Check("kafka", ok=False, reason="does not answer")
    code, _, body = get(port, "/readyz")
    assert code == 503
    assert json.loads(body)["checks"][1] == {"name": "kafka", "ok": False, "reason": "does not answer"}
    assert get(port, "/livez")[0] == 200


def test_metrics_tell_of_the_process(port):
    code, headers, body = get(port, "/metrics")
    assert code == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b"process_resident_memory_bytes" in body


def test_what_a_role_adds_is_json_and_other_paths_are_not_found(port):
    assert json.loads(get(port, "/status")[2]) == {"round": 7}
    assert get(port, "/status?x=1")[0] == 200
    assert get(port, "/nothing")[0] == 404


def test_a_head_request_has_no_body(port):
    assert get(port, "/livez", "HEAD")[::2] == (200, b"")


def test_a_check_that_breaks_does_not_end_the_server():
    def broken() -> Check:
        raise KeyError("boom")

    with HealthServer(new_registry(), [broken]) as server:
        port = server.start("127.0.0.1", 0, "ingest.port")
        with pytest.raises(OSError):
            get(port, "/readyz")
        assert get(port, "/livez")[0] == 200


def test_a_port_in_use_is_one_line_that_names_the_setting():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(OperatorError) as caught:
            HealthServer(new_registry(), []).start("127.0.0.1", number, "ingest.port")
    line = str(caught.value)
    assert caught.value.setting == "ingest.port"
    assert caught.value.exit_code == 1
    assert f"port {number} on 127.0.0.1 is in use" in line
    assert "--set ingest.port=" in line
    assert "\n" not in line


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_told(host):
    with pytest.raises(OperatorError) as caught:
        HealthServer(new_registry(), []).start(host, 0, "ingest.port")
    assert caught.value.setting == "http.host"


def test_closing_frees_port_and_thread():
    server = HealthServer(new_registry(), [])
    port = server.start("127.0.0.1", 0, "ingest.port")
    server.close()
    server.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "health"]
    again = HealthServer(new_registry(), [])
    assert again.start("127.0.0.1", port, "ingest.port") == port
    again.close()
