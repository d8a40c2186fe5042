"""Lists of models and versions: pages that fit together, tags, retired ones, and what cannot be read."""

import pytest

from tests.support.repository import add_version, publish

VERSIONS = "/v1/models/default/versions"


def pages(client, path, key, cursor):
    found, more = [], ""
    while True:
        page = client.get(f"{path}?limit=2{more}").json()
        assert len(page[key]) <= 2
        found += page[key]
        if page["next"] is None:
            return found
        more = f"&{cursor}={page['next']}"


def test_versions_with_their_metrics_the_newest_first(serving):
    publish(serving.repository, 1)
    manifest = publish(serving.repository, 2)
    found = serving.client.get(VERSIONS).json()
    assert (found["name"], found["champion"], found["next"]) == ("default", 2, None)
    first, second = found["versions"]
    assert (first["version"], first["state"], second["version"], second["state"]) == (2, "champion", 1, "kept")
    assert (first["parent"], first["classes"], first["published"]) == (1, ["cat", "dog"], manifest["created_at"])
    assert (first["sha256"], first["bytes"]) == (manifest["file"]["sha256"], manifest["file"]["bytes"])
    assert (first["metrics"]["accuracy"], first["metrics"]["holdout"]) == (0.95, 8)
    assert first["metrics"]["per_class"]["cat"] == {"n": 4, "accuracy": 0.9, "champion_accuracy": 0.9}
    assert first["decision"]["verdict"] == "promoted"
    assert (first["fresh_samples"], first["replayed_samples"]) == (90, 90)


def test_retired_versions_stand_among_the_others_and_pages_fit_together(serving):
    for version in (4, 6, 9):
        publish(serving.repository, version)
    (serving.repository / "default" / "retired.json").write_text('{"retired": [[1, 3], [5, 5], [7, 8]]}')
    found = pages(serving.client, VERSIONS, "versions", "before")
    assert [(one["version"], one["state"] == "retired") for one in found] == [
        (9, False), (8, True), (7, True), (6, False), (5, True), (4, False), (3, True), (2, True), (1, True),
    ]  # fmt: skip
    assert all(one["sha256"] is None for one in found if one["state"] == "retired")


def test_one_that_cannot_be_read_hides_no_other(serving):
    publish(serving.repository, 2)
    add_version(serving.repository, 1, b"x")
    (serving.repository / "default" / "1" / "manifest.json").write_text("{")
    publish(serving.repository, 1, model="broken")
    (serving.repository / "broken" / "champion.json").write_text("{")
    assert [one["state"] for one in serving.client.get(VERSIONS).json()["versions"]] == ["champion", "unreadable"]
    listed = {one["name"]: one["state"] for one in serving.client.get("/v1/models").json()["models"]}
    assert listed == {"default": "serving", "broken": "unreadable"}


def test_models_by_name_with_the_expected_one_before_it_is_there(serving):
    for name in ("b", "a", "c"):
        publish(serving.repository, 1, model=name)
    (serving.repository / "no-model").mkdir()
    (serving.repository / ".hidden").mkdir()
    found = pages(serving.client, "/v1/models", "models", "after")
    assert [one["name"] for one in found] == ["a", "b", "c", "default"]
    assert found[0] == {
        "name": "a", "state": "serving", "champion": 1, "published_at": "2026-11-02T10:00:00Z", "versions": 1,
    }  # fmt: skip
    assert found[3]["state"] == "empty"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/default", VERSIONS])
def test_a_list_has_a_tag_that_changes_with_it(serving, path):
    publish(serving.repository, 1)
    etag = serving.client.get(path).headers["etag"]
    same = serving.client.get(path, headers={"If-None-Match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    publish(serving.repository, 2)
    assert serving.client.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=0", "before=x", "before=" + "9" * 30])
def test_pages_are_bounded(serving, query):
    publish(serving.repository, 1)
    answer = serving.client.get(f"{VERSIONS}?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_model_that_is_none_has_no_versions(serving):
    assert serving.client.get("/v1/models/none/versions").status_code == 404


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/v1/models", VERSIONS, "/"])
def test_head_is_answered_wherever_get_is(serving, path):
    publish(serving.repository, 1)
    answer = serving.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_not_ready_is_a_problem_with_the_same_keys(serving):
    publish(serving.repository, 1)
    (serving.repository / "default" / "champion.json").write_text("{")
    answer = serving.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["ready"] is False
    assert (answer.json()["status"], answer.json()["checks"][0]["name"]) == (503, "repository")
