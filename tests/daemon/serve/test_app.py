"""The HTTP contract, asked of a real server."""

import hashlib
import http.client
import json
import os
import re
import socket
from pathlib import Path

import pytest

from tests.support.repository import add_version, point_to, publish

CHAMPION = "/v1/models/default/champion"
FILE = "/v1/models/default/champion/model.onnx"


def raw(url: str, path: str) -> tuple[int, bytes]:
    """Ask for a path exactly as written: clients tidy paths up."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_before_the_first_version_it_asks_for_patience(serving):
    for path in (CHAMPION, FILE):
        answer = serving.client.get(path)
        assert answer.status_code == 404
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404
    assert serving.client.get("/v1/models/default").json() == {"name": "default", "champion": None, "versions": []}


def test_the_first_version_is_seen_without_a_restart(serving):
    assert serving.client.get(CHAMPION).status_code == 404
    manifest = publish(serving.repository, 1)
    assert serving.client.get(CHAMPION).json() == manifest


def test_a_model_tells_its_champion_and_versions(serving):
    publish(serving.repository, 1)
    publish(serving.repository, 2)
    add_version(serving.repository, 10, b"x")
    assert serving.client.get("/v1/models/default").json() == {
        "name": "default",
        "champion": 2,
        "versions": [1, 2, 10],
    }


def test_the_champions_manifest_and_its_tag(serving):
    publish(serving.repository, 1)
    manifest = publish(serving.repository, 2)
    answer = serving.client.get(CHAMPION)
    assert answer.status_code == 200
    assert answer.json() == manifest
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == f'"{manifest["file"]["sha256"]}"'
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-location"] == "/v1/models/default/versions/2/manifest.json"


@pytest.mark.parametrize("path", [CHAMPION, FILE, "/v1/models/default/versions/1/manifest.json"])
def test_whoever_has_it_is_told_so(serving, path):
    publish(serving.repository, 1)
    etag = serving.client.get(path).headers["etag"]
    answer = serving.client.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag
    assert serving.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_rollback_is_followed(serving):
    first = publish(serving.repository, 1)
    publish(serving.repository, 2)
    assert serving.client.get(CHAMPION).json()["version"] == 2
    point_to(serving.repository, 1)
    assert serving.client.get(CHAMPION).json() == first
    assert serving.client.get(CHAMPION, params={"after": 2}).json() == first


def test_the_champions_file(serving):
    manifest = publish(serving.repository, 3, os.urandom(1_000_000))
    answer = serving.client.get(FILE)
    assert hashlib.sha256(answer.content).hexdigest() == manifest["file"]["sha256"]
    assert answer.headers["content-length"] == "1000000"
    assert answer.headers["etag"] == f'"{manifest["file"]["sha256"]}"'
    assert answer.headers["content-location"] == "/v1/models/default/versions/3/model.onnx"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "no-cache"


def test_a_version_is_immutable(serving):
    manifest = publish(serving.repository, 1, b"one" * 100)
    publish(serving.repository, 2)
    answer = serving.client.get("/v1/models/default/versions/1/model.onnx")
    assert answer.content == b"one" * 100
    assert "immutable" in answer.headers["cache-control"]
    described = serving.client.get("/v1/models/default/versions/1/manifest.json")
    assert described.json() == manifest
    assert "immutable" in described.headers["cache-control"]


@pytest.mark.parametrize("path", [CHAMPION, FILE, "/v1/models/default", "/v1/models/default/versions/1/model.onnx"])
def test_head_is_get_without_a_body(serving, path):
    publish(serving.repository, 1)
    head, get = serving.client.head(path), serving.client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-type"):
        assert head.headers.get(name) == get.headers.get(name)


def test_a_part_of_the_file(serving):
    content = os.urandom(700_000)
    publish(serving.repository, 1, content)
    answer = serving.client.get(FILE, headers={"Range": "bytes=100000-599999"})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == "bytes 100000-599999/700000"
    assert answer.content == content[100_000:600_000]
    last = serving.client.get(FILE, headers={"Range": "bytes=-5"})
    assert (last.status_code, last.content) == (206, content[-5:])


def test_a_part_beyond_the_end_is_refused_with_the_size(serving):
    publish(serving.repository, 1, b"0123456789")
    answer = serving.client.get(FILE, headers={"Range": "bytes=10-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_download_that_goes_on_gets_the_rest_of_the_same_version_or_the_whole_other(serving):
    publish(serving.repository, 1, b"0123456789")
    etag = serving.client.get(FILE).headers["etag"]
    headers = {"Range": "bytes=5-", "If-Range": etag}
    assert serving.client.get(FILE, headers=headers).content == b"56789"
    publish(serving.repository, 2, b"abcdefghij")
    other = serving.client.get(FILE, headers=headers)
    assert (other.status_code, other.content) == (200, b"abcdefghij")


@pytest.mark.parametrize("version", ["2", "0", "-1", "01", "x", "1.0", "9999999999999999999999", "champion.json"])
def test_versions_that_are_none_are_not_found(serving, version):
    publish(serving.repository, 1)
    for name in ("manifest.json", "model.onnx"):
        answer = serving.client.get(f"/v1/models/default/versions/{version}/{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["other", "..", "%2e%2e", "%2e%2e%2fsecret", "a%2fb", ".hidden", "%00", "x" * 5000])
def test_names_lead_nowhere_but_to_models(serving, name):
    publish(serving.repository, 1)
    (serving.repository.parent / "secret").mkdir()
    publish(serving.repository.parent, 1, model="secret")
    for path in ("", "/champion", "/champion/model.onnx", "/versions/1/model.onnx"):
        assert raw(serving.url, f"/v1/models/{name}{path}")[0] in (404, 400)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/default/versions/../../../secret/1/model.onnx",
        "/v1/models/default/versions/..%2f..%2fsecret%2f1/model.onnx",
        "/v1/models/default/versions/1/../champion.json",
        "/v1/models/default/versions/1/labels.txt",
        "//etc/passwd",
    ],
)
def test_paths_lead_nowhere_else(serving, path):
    publish(serving.repository, 1)
    publish(serving.repository.parent, 1, model="secret")
    assert raw(serving.url, path)[0] == 404


def test_another_model_of_the_repository_is_served_too(serving):
    manifest = publish(serving.repository, 1, model="birds")
    assert serving.client.get("/v1/models/birds/champion").json() == manifest


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=-1", "wait=nan", "wait=inf", "wait=x"])
def test_a_wrong_query_is_told_what_is_wrong(serving, query):
    publish(serving.repository, 1)
    answer = serving.client.get(f"{CHAMPION}?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert query.partition("=")[0] in answer.json()["detail"]


def test_writing_is_not_allowed(serving):
    answer = serving.client.post(CHAMPION)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.headers["content-type"] == "application/problem+json"
    assert serving.client.post("/v1/models/default/rollback", json={"version": 1}).status_code == 403


def test_a_broken_pointer_is_not_served_and_not_ready(serving):
    publish(serving.repository, 1)
    (serving.repository / "default" / "champion.json").write_text("{")
    answer = serving.client.get(CHAMPION)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    ready = serving.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"][0]["name"] == "repository"
    assert serving.client.get("/livez").status_code == 200
    publish(serving.repository, 2)
    assert serving.client.get(CHAMPION).json()["version"] == 2
    assert serving.client.get("/readyz").status_code == 200


def test_a_file_cut_short_is_not_served(serving):
    publish(serving.repository, 1, b"0123456789")
    (serving.repository / "default" / "1" / "model.onnx").write_bytes(b"012")
    assert serving.client.get(FILE).status_code == 503


def test_ready_and_alive_before_the_first_version(serving):
    assert serving.client.get("/readyz").json()["ready"] is True
    assert serving.client.get("/livez").status_code == 200


def test_requests_are_counted_by_template(serving):
    publish(serving.repository, 1)
    serving.client.get(CHAMPION)
    serving.client.get("/v1/models/nothing/champion")
    serving.client.get("/v1/models/default/versions/1/model.onnx", headers={"Range": "bytes=0-1"})
    serving.client.get("/etc/passwd")
    text = serving.client.get("/metrics").text
    assert serving.answered("/v1/models/{name}/champion", 200) == 1
    assert serving.answered("/v1/models/{name}/champion", 404) == 1
    assert serving.answered("/v1/models/{name}/versions/{version}/model.onnx", 206) == 1
    assert serving.answered("other", 404) == 1
    assert "passwd" not in text
    assert "process_resident_memory_bytes" in text


def test_it_describes_itself(serving):
    described = serving.client.get("/openapi.json").json()
    assert set(described["paths"]) == {
        "/v1/models",
        "/v1/models/{name}",
        "/v1/models/{name}/versions",
        "/v1/models/{name}/champion",
        "/v1/models/{name}/champion/model.onnx",
        "/v1/models/{name}/rollback",
        "/v1/models/{name}/rollback/{id}",
        "/v1/models/{name}/versions/{version}/manifest.json",
        "/v1/models/{name}/versions/{version}/model.onnx",
        "/livez",
        "/readyz",
        "/metrics",
    }


def test_every_schema_that_it_names_is_there(serving):
    described = serving.client.get("/openapi.json")
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', described.text))
    assert named <= set(described.json()["components"]["schemas"])
    assert {"Manifest", "LineageEntry", "Problem", "ModelList", "VersionList", "Rollback", "NotReady"} <= named


def test_every_error_is_a_problem_and_every_get_has_its_head(serving):
    for path, operations in serving.client.get("/openapi.json").json()["paths"].items():
        assert ("get" in operations) == ("head" in operations), path
        for method, operation in operations.items():
            for code, answer in operation["responses"].items():
                if int(code) >= 400 and method != "head":
                    assert list(answer["content"]) == ["application/problem+json"], (path, code)
                assert all(one["schema"] for one in answer.get("content", {}).values()), (path, code)
                if method == "head" or code == "304":
                    assert "content" not in answer


def test_its_description_needs_nothing_from_elsewhere(serving):
    page = serving.client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert any(address.endswith(".js") for address in addresses)
    for address in addresses:
        assert address.startswith("/"), f"{address} is not served from here"
        assert serving.client.get(address).content


def test_a_client_that_goes_away_in_the_middle_leaves_no_file_open(serving):
    publish(serving.repository, 1, bytes(50_000_000))
    host, _, port = serving.url.removeprefix("http://").partition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            client.recv(1000)
    assert len(serving.client.get(FILE, headers={"Range": "bytes=-10"}).content) == 10
    serving.stop()
    held = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink() and one.exists()]
    assert not [path for path in held if path.endswith("model.onnx")]


def test_the_manifest_is_valid_json_whatever_the_class_names(serving):
    folder = serving.repository / "default" / "1"
    add_version(serving.repository, 1, b"x")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["classes"] = ['"quoted"', "ünïcode 🐱"]
    manifest["evaluation"]["per_class"] = {}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    point_to(serving.repository, 1)
    assert serving.client.get(CHAMPION).json()["classes"] == ['"quoted"', "ünïcode 🐱"]
