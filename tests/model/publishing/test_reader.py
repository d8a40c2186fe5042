"""A reader finds a whole version or says why not, also while the next one is published."""

import threading

import pytest

from model.publishing import reader as module
from model.publishing.errors import BrokenRepositoryError
from model.publishing.pointer import Pointer
from model.publishing.reader import RepositoryReader
from model.publishing.repository import Repository
from tests.support.manifests import artefact_bytes, staged_version


@pytest.fixture
def home(tmp_path):
    with Repository(tmp_path, "default").open("one") as repository:
        for version in (1, 2):
            staged, manifest = staged_version(repository, version)
            repository.publish(version, staged, manifest)
    return tmp_path / "default"


def reader_of(home):
    return RepositoryReader(home.parent, "default")


def test_before_the_first_version(tmp_path):
    reader = RepositoryReader(tmp_path / "nowhere", "default")
    assert (reader.champion(), reader.versions(), reader.manifest(1), reader.artefact(1)) == (None, [], None, None)


def test_versions_and_their_files(home):
    (home / "10").mkdir()
    (home / "notes").mkdir()
    reader = reader_of(home)
    assert reader.versions() == [1, 2, 10]
    assert reader.manifest(1).version == 1 and reader.manifest(3) is None
    assert reader.artefact(2).read_bytes() == artefact_bytes(2) and reader.artefact(3) is None
    with pytest.raises(BrokenRepositoryError, match="missing"):
        reader.manifest(10)


@pytest.mark.parametrize(
    "pointer",
    ["", "{}", "[]", '{"version": 2}', '{"version": "2", "sha256": "x", "published_at": "y"}', "\x00"],
)
def test_a_broken_pointer_is_told(home, pointer):
    (home / "champion.json").write_text(pointer)
    with pytest.raises(BrokenRepositoryError, match=r"champion\.json"):
        reader_of(home).champion()


def test_a_pointer_that_leads_nowhere_is_told(home):
    sound = Pointer.read(home / "champion.json")
    (home / "champion.json").write_bytes(Pointer(9, sound.sha256, sound.published_at).to_bytes())
    with pytest.raises(BrokenRepositoryError, match="names version 9"):
        reader_of(home).champion()
    (home / "champion.json").write_bytes(Pointer(1, sound.sha256, sound.published_at).to_bytes())
    with pytest.raises(BrokenRepositoryError, match="is not the file"):
        reader_of(home).champion()


def test_a_cut_artefact_is_told(home):
    path = home / "2" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenRepositoryError, match="is not the file"):
        reader_of(home).champion()


def test_a_manifest_in_the_wrong_folder_is_told(home):
    (home / "2").rename(home / "5")
    with pytest.raises(BrokenRepositoryError, match="version 2"):
        reader_of(home).manifest(5)


def test_a_pointer_that_moves_while_it_is_followed(home, monkeypatch):
    """The reader read the old pointer, and its version was gone when it looked: it follows the new pointer."""
    sound = Pointer.read(home / "champion.json")
    answers = [Pointer(9, sound.sha256, sound.published_at), sound]
    monkeypatch.setattr(module.Pointer, "read", lambda path: answers.pop(0) if answers else sound)
    assert reader_of(home).champion().version == 2


def test_while_versions_are_published_every_look_is_whole(tmp_path):
    done = threading.Event()
    seen, wrong = set(), []

    def look():
        reader = RepositoryReader(tmp_path, "default")
        while not done.is_set():
            champion = reader.champion()
            if champion is not None:
                seen.add(champion.version)
                if champion.artefact.read_bytes() != artefact_bytes(champion.version):
                    wrong.append(champion.version)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        with Repository(tmp_path, "default").open("one") as repository:
            for version in range(1, 25):
                staged, manifest = staged_version(repository, version)
                repository.publish(version, staged, manifest)
    finally:
        done.set()
        looking.join()
    assert not wrong and seen
