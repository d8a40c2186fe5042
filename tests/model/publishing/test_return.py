"""The pointer goes back to a published version: in order, after a death at any point, and to nothing else."""

from datetime import UTC, datetime

import pytest

from model.publishing.errors import BrokenRepositoryError, RepositoryError, RepositoryUnavailableError
from model.publishing.reader import RepositoryReader
from model.publishing.repository import Repository
from model.publishing.verify import verify_repository
from tests.support.manifests import staged_version

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
POINTS = [f"{side} {name}" for name in ("config.pbtxt", "labels.txt", "champion.json") for side in ("before", "after")]


class Death(BaseException):
    """The process ends here."""


def opened(root, reached=lambda point: None):
    return Repository(root, "default", now=lambda: NOW, reached=reached).open("one")


@pytest.fixture
def manifests(tmp_path):
    """Return the manifests of versions 1 and 2, of which the second has a class more and is champion."""
    found = []
    with opened(tmp_path / "models") as repository:
        for version, classes in ((1, ("cat", "dog")), (2, ("cat", "dog", "emu"))):
            staged, manifest = staged_version(repository, version, classes)
            repository.publish(version, staged, manifest)
            found.append(manifest)
    return found


def seen(root):
    return RepositoryReader(root, "default").champion().version


def test_the_pointer_goes_back_last_of_all(tmp_path, manifests):
    root = tmp_path / "models"
    reached = []

    def look(point):
        reached.append(point)
        assert seen(root) == (1 if point == "after champion.json" else 2)
        labels = (root / "default" / "labels.txt").read_text().split()
        served = 1 if "versions: [ 1 ]" in (root / "default" / "config.pbtxt").read_text() else 2
        assert labels[: served + 1] == ["cat", "dog", "emu"][: served + 1], "Triton finds a name for each output"

    with opened(root, look) as repository:
        assert repository.return_to(manifests[0]) == NOW
    assert reached == POINTS
    assert verify_repository(root, "default") == []


@pytest.mark.parametrize("at", POINTS)
def test_killed_anywhere_it_ends_the_same(tmp_path, manifests, at):
    root = tmp_path / "models"

    def die(point):
        if point == at:
            raise Death

    with pytest.raises(Death), opened(root, die) as repository:
        repository.return_to(manifests[0])
    with opened(root) as repository:
        repository.return_to(manifests[0])
        repository.return_to(manifests[0])
    assert seen(root) == 1
    assert (root / "default" / "labels.txt").read_text() == "cat\ndog\n"
    assert not list((root / "default" / ".staging").iterdir())
    assert verify_repository(root, "default") == []


def test_a_try_that_failed_leaves_nothing_for_another_version(tmp_path, manifests):
    root = tmp_path / "models"
    with opened(root) as repository:
        staged, third = staged_version(repository, 3)
        repository.publish(3, staged, third)

    def full(point):
        if point == "before config.pbtxt":
            raise OSError(28, "No space left on device")

    broken = opened(root, full)
    with pytest.raises(RepositoryUnavailableError):
        broken.return_to(manifests[0])
    broken._reached = lambda point: None
    broken.return_to(manifests[1])
    broken.close()
    assert verify_repository(root, "default") == []


def test_the_next_version_follows_the_one_returned_to(tmp_path, manifests):
    root = tmp_path / "models"
    with opened(root) as repository:
        repository.return_to(manifests[0])
        staged, third = staged_version(repository, 3)
        repository.publish(3, staged, third)
    assert seen(root) == 3


def test_only_a_whole_version_is_returned_to(tmp_path, manifests):
    root = tmp_path / "models"
    artefact = root / "default" / "1" / "model.onnx"
    artefact.chmod(0o644)
    with opened(root) as repository:
        artefact.write_bytes(artefact.read_bytes()[:-1] + b"?")
        with pytest.raises(BrokenRepositoryError, match="not the version 1"):
            repository.return_to(manifests[0])
        artefact.unlink()
        with pytest.raises(BrokenRepositoryError, match=r"model\.onnx is gone"):
            repository.return_to(manifests[0])
    assert seen(root) == 2
    with pytest.raises(RepositoryError, match="is not open"):
        repository.return_to(manifests[1])
