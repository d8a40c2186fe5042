"""Verification finds each kind of damage, and nothing where all is well."""

import json

import pytest

from model.publishing.repository import Repository
from model.publishing.verify import FindingKind, verify_repository
from tests.support.manifests import artefact_bytes, staged_version


@pytest.fixture
def home(tmp_path):
    with Repository(tmp_path, "default").open("one") as repository:
        for version in (1, 2):
            staged, manifest = staged_version(repository, version)
            repository.publish(version, staged, manifest)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    return tmp_path / "default"


def found(home):
    return {(finding.kind, finding.version) for finding in verify_repository(home.parent, "default")}


def change_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_nothing_is_wrong(home):
    assert verify_repository(home.parent, "default") == []
    assert verify_repository(home.parent, "absent") == []


def test_digest_mismatch(home):
    (home / "1" / "model.onnx").write_bytes(artefact_bytes(1)[:-1] + b"?")
    [finding] = verify_repository(home.parent, "default")
    assert (finding.kind, finding.version) == (FindingKind.DIGEST_MISMATCH, 1)
    assert finding.path == home / "1" / "model.onnx"


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_missing_file_of_a_version(home, name):
    (home / "1" / name).unlink()
    assert found(home) == {(FindingKind.MISSING_FILE, 1)}


@pytest.mark.parametrize("name", ["labels.txt", "config.pbtxt"])
def test_missing_or_wrong_description_of_the_champion(home, name):
    (home / name).write_text("other")
    assert found(home) == {(FindingKind.MANIFEST_DISAGREES, None)}
    (home / name).unlink()
    assert found(home) == {(FindingKind.MISSING_FILE, None)}


def test_broken_manifest(home):
    (home / "1" / "manifest.json").write_text("{}")
    assert found(home) == {(FindingKind.BROKEN_MANIFEST, 1)}


@pytest.mark.parametrize("changes", [{"version": 3}, {"model": "other"}, {"classes": ["dog", "cat"]}])
def test_manifest_and_file_disagree(home, changes):
    change_json(home / "1" / "manifest.json", **changes)
    assert found(home) == {(FindingKind.MANIFEST_DISAGREES, 1)}


def test_an_artefact_that_is_no_onnx_file(home):
    import hashlib

    (home / "1" / "model.onnx").write_bytes(b"\xff" * 20)
    file = {"name": "model.onnx", "bytes": 20, "sha256": hashlib.sha256(b"\xff" * 20).hexdigest()}
    change_json(home / "1" / "manifest.json", file=file)
    assert found(home) == {(FindingKind.MANIFEST_DISAGREES, 1)}


def test_pointer(home):
    pointer = home / "champion.json"
    change_json(pointer, sha256="0" * 64)
    assert found(home) == {(FindingKind.BROKEN_POINTER, None)}
    change_json(pointer, version=9)
    assert found(home) == {(FindingKind.POINTER_TO_MISSING, None)}
    pointer.write_text("")
    assert found(home) == {(FindingKind.BROKEN_POINTER, None)}


def test_orphan_staging(home):
    (home / ".staging" / "7").mkdir()
    assert found(home) == {(FindingKind.ORPHAN_STAGING, None)}
