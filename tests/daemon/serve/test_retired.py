"""Retired is another thing than missing, and a download under way ends well."""

import threading

import httpx
import pytest

from model.publishing.follower import Follower, Limits
from model.publishing.layout import ModelPaths
from model.publishing.reader import RepositoryReader
from model.publishing.retired import remove_versions, write_retired
from tests.support.repository import publish
from tests.support.serving import Serving

TOKEN = "a token of our own"
BIG = bytes(range(256)) * 80_000


@pytest.fixture
def serving(tmp_path):
    one = Serving(tmp_path / "models", f"http.rollback_token={TOKEN}")
    for version in (1, 2, 3):
        publish(one.repository, version, BIG + bytes([version]))
    try:
        yield one
    finally:
        one.stop()


def retire(serving, *versions):
    """Do as the learner does, which holds the repository's lock."""
    paths = ModelPaths(serving.repository, "default")
    reader = RepositoryReader(serving.repository, "default")
    gone = {version: reader.manifest(version).file.sha256 for version in versions}
    write_retired(paths, [(one, one) for one in versions], lambda _point: None)
    assert remove_versions(paths, gone, lambda _point: None) == len(versions)


@pytest.mark.parametrize("file", ["manifest.json", "model.onnx"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_retired_version_is_gone_and_one_that_never_was_is_not_found(serving, method, file):
    retire(serving, 1)
    answer = serving.client.request(method, f"/v1/models/default/versions/1/{file}")
    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    if method == "GET":
        assert answer.json() == {
            "type": "about:blank",
            "title": "Gone",
            "status": 410,
            "detail": "version 1 is retired (publish.keep); the newest that are kept: 2, 3",
        }
    assert serving.client.request(method, f"/v1/models/default/versions/9/{file}").status_code == 404
    assert serving.client.request(method, f"/v1/models/default/versions/2/{file}").status_code == 200
    assert serving.client.get("/v1/models/default").json() == {"name": "default", "champion": 3, "versions": [2, 3]}


def test_what_was_fetched_before_is_still_known_by_its_tag(serving):
    before = serving.client.get("/v1/models/default/versions/1/model.onnx")
    retire(serving, 1)
    again = serving.client.get(
        "/v1/models/default/versions/1/model.onnx", headers={"If-None-Match": before.headers["etag"]}
    )
    assert again.status_code == 410


def test_a_download_under_way_ends_well(serving):
    with serving.client.stream("GET", "/v1/models/default/versions/1/model.onnx") as answer:
        chunks = answer.iter_raw(65_536)
        got = next(chunks)
        retire(serving, 1)
        assert serving.client.get("/v1/models/default/versions/1/model.onnx").status_code == 410
        got += b"".join(chunks)
    assert got == BIG + b"\x01"


def test_a_rollback_to_it_is_refused_at_once_with_those_left(serving):
    retire(serving, 1)
    answer = serving.client.post(
        "/v1/models/default/rollback", json={"version": 1}, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == 409
    assert "version 1 is retired" in answer.json()["detail"] and "2, 3" in answer.json()["detail"]


def test_a_list_that_cannot_be_read_is_said_where_it_is_asked_for(serving):
    (serving.repository / "default" / "retired.json").write_text("{")
    assert serving.client.get("/v1/models/default/versions/9/model.onnx").status_code == 503
    assert serving.client.get("/v1/models/default/versions/2/model.onnx").status_code == 200


def test_a_follower_whose_version_was_retired_meanwhile_follows_the_champion(serving, tmp_path):
    """It has read the manifest of 3 when 4 becomes champion and 3 is retired; what it then asks for is gone."""
    moved = threading.Event()

    def overtake(request: httpx.Request) -> None:
        if request.url.path.endswith("/versions/3/model.onnx") and not moved.is_set():
            moved.set()
            publish(serving.repository, 4, BIG + b"\x04")
            retire(serving, 3)

    errors = []
    with httpx.Client(event_hooks={"request": [overtake]}) as client:
        follower = Follower(
            serving.url,
            "default",
            tmp_path / "m.onnx",
            pause=lambda _seconds: False,
            client=client,
            limits=Limits(wait_s=0, attempts=3),
            failed=lambda error, _retry_in_s: errors.append(str(error)),
        )
        pulled = follower.pull()
    assert pulled is not None and pulled.version == 4
    assert (tmp_path / "m.onnx").read_bytes() == BIG + b"\x04"
    assert len(errors) == 1 and "410" in errors[0]


def test_a_champion_that_is_long_polled_for_comes_also_while_versions_go(serving):
    answers = []

    def ask():
        answers.append(httpx.get(f"{serving.url}/v1/models/default/champion?after=3&wait=20", timeout=30))

    thread = threading.Thread(target=ask)
    thread.start()
    retire(serving, 1, 2)
    publish(serving.repository, 4)
    thread.join(30)
    assert answers[0].status_code == 200 and answers[0].json()["version"] == 4
