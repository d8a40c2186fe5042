"""Retired versions leave the repository whole, after a list for readers; killed anywhere, the next life finishes."""

import json
import shutil

import pytest

from model.publishing.errors import BrokenRepositoryError, RepositoryUnavailableError
from model.publishing.layout import ModelPaths
from model.publishing.reader import RepositoryReader
from model.publishing.repository import Repository
from model.publishing.retired import is_among, merged, read_retired
from model.publishing.verify import FindingKind, verify_repository
from tests.support.manifests import staged_version

POINTS = ("before retired.json", "after retired.json", "before removal", "within removal", "after removal")


class Death(BaseException):
    """The process ends here."""


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "models"
    with opened(root) as repository:
        for version in range(1, 6):
            staged, manifest = staged_version(repository, version)
            repository.publish(version, staged, manifest)
    return root


def opened(root, reached=lambda point: None, state_id="one", *, adopt=False):
    repository = Repository(root, "default", reached=reached).open(state_id, adopt=adopt)
    repository.sweep([])
    return repository


def digests(root, *versions):
    reader = RepositoryReader(root, "default")
    return {version: reader.manifest(version).file.sha256 for version in versions}


def test_readers_know_retired_from_never_there(root):
    with opened(root) as repository:
        assert repository.retire([], digests(root, 1, 2)) == 2
    reader = RepositoryReader(root, "default")
    assert reader.versions() == [3, 4, 5]
    assert (reader.manifest(1), reader.artefact(2)) == (None, None)
    assert [reader.is_retired(one) for one in (1, 2, 3, 5, 6)] == [True, True, False, False, False]
    assert reader.champion().version == 5
    assert json.loads((root / "default" / "retired.json").read_text()) == {"retired": [[1, 2]]}
    assert verify_repository(root, "default") == []


def test_a_file_that_is_open_is_read_to_its_end(root):
    with (root / "default" / "1" / "model.onnx").open("rb") as file:
        first = file.read(5)
        wanted = (root / "default" / "1" / "model.onnx").read_bytes()
        with opened(root) as repository:
            repository.retire([], digests(root, 1))
        assert first + file.read() == wanted


def test_the_pointers_version_stays_whatever_is_asked(root):
    with opened(root) as repository:
        assert repository.retire([], digests(root, 4, 5)) == 1
    assert RepositoryReader(root, "default").champion().version == 5
    assert verify_repository(root, "default") == []


def test_a_version_of_another_state_stays(root):
    with opened(root) as repository:
        assert repository.retire([], {1: "ab" * 32}) == 0
    reader = RepositoryReader(root, "default")
    assert reader.manifest(1) is not None


def test_a_damaged_version_goes_as_well(root):
    wanted = digests(root, 1, 2)
    manifest = root / "default" / "1" / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text("{")
    (root / "default" / "2" / "model.onnx").unlink()
    with opened(root) as repository:
        assert repository.retire([], wanted) == 2
    assert verify_repository(root, "default") == []


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_life_finishes(root, point):
    wanted = digests(root, 1, 2)

    def die(now):
        if now == point:
            raise Death(point)

    with opened(root, die) as repository, pytest.raises(Death):
        repository.retire([], wanted)
    reader = RepositoryReader(root, "default")
    for version in (1, 2):  # each is whole, or known to be retired
        whole = reader.manifest(version) is not None and reader.artefact(version) is not None
        assert whole or reader.is_retired(version)
    assert all(one.kind is FindingKind.LEFT_OVER for one in verify_repository(root, "default"))
    with opened(root) as repository:
        repository.retire([(1, 2)], {version: wanted[version] for version in wanted if version in repository.visible()})
    assert reader.versions() == [3, 4, 5]
    assert not list((root / "default" / ".retired").iterdir())
    assert verify_repository(root, "default") == []


def test_a_disk_that_refuses_is_said_and_it_is_done_again(root, monkeypatch):
    wanted = digests(root, 1)
    with opened(root) as repository:
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
            with pytest.raises(RepositoryUnavailableError):
                repository.retire([], wanted)
        assert RepositoryReader(root, "default").versions() == [2, 3, 4, 5]
    opened(root).close()
    assert not list((root / "default" / ".retired").iterdir())


def test_a_folder_that_was_put_back_goes_again(root):
    wanted = digests(root, 1)
    shutil.copytree(root / "default" / "1", root / "copy")
    with opened(root) as repository:
        repository.retire([], wanted)
        shutil.copytree(root / "copy", root / "default" / "1")
        shutil.copytree(root / "copy", root / "default" / ".retired" / "1")
        assert RepositoryReader(root, "default").manifest(1) is not None, "a folder that stands is served"
        assert repository.retire([], wanted) == 1
    assert verify_repository(root, "default") == []


@pytest.mark.parametrize(
    "text", ["{", '{"retired": 1}', '{"retired": [[2, 1]]}', '{"retired": [[3, 4], [1, 2]]}', "[]"]
)
def test_a_list_that_cannot_be_read_is_said_and_written_again(root, text):
    with opened(root) as repository:
        repository.retire([], digests(root, 1, 2))
        (root / "default" / "retired.json").write_text(text)
        with pytest.raises(BrokenRepositoryError):
            RepositoryReader(root, "default").is_retired(1)
        assert [one.kind for one in verify_repository(root, "default")] == [FindingKind.BROKEN_RETIRED]
        repository.retire([(1, 2)], {})
    assert RepositoryReader(root, "default").is_retired(1)
    assert verify_repository(root, "default") == []


def test_ranges():
    assert merged([(5, 5), (1, 2), (3, 3), (7, 9), (8, 8)]) == [(1, 3), (5, 5), (7, 9)]
    assert [version for version in range(11) if is_among(version, [(1, 3), (5, 5), (7, 9)])] == [1, 2, 3, 5, 7, 8, 9]
    assert not is_among(1, [])


def test_nothing_retired_leaves_no_list(root):
    with opened(root) as repository:
        assert repository.retire([], {}) == 0
    paths = ModelPaths(root, "default")
    assert not paths.retired.exists() and read_retired(paths) == []
