"""One owner; publication by renames, safe to repeat after a death at any point; readers never see a mixture."""

import fcntl
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from model.publishing import repository as module
from model.publishing.errors import (
    BrokenRepositoryError,
    ForeignRepositoryError,
    ManifestError,
    RepositoryError,
    RepositoryLockedError,
    RepositoryUnavailableError,
    VersionConflictError,
)
from model.publishing.reader import RepositoryReader
from model.publishing.repository import Repository
from model.publishing.verify import verify_repository
from tests.support.manifests import artefact_bytes, manifest_of, staged_version

GROWN = ("cat", "dog", "emu")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Death(BaseException):
    """The process ends here."""


@pytest.fixture
def root(tmp_path):
    return tmp_path / "models"


def opened(root, *, keep=(), state_id="one", adopt=False, reached=lambda point: None):
    repository = Repository(root, "default", now=lambda: NOW, reached=reached).open(state_id, adopt=adopt)
    repository.sweep(keep)
    return repository


def published(root, *versions):
    with opened(root) as repository:
        for version in versions:
            staged, manifest = staged_version(repository, version)
            repository.publish(version, staged, manifest)


def tree(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted((root / "default").rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_a_published_version_is_what_readers_find(root):
    with opened(root) as repository:
        staged, manifest = staged_version(repository, 1)
        assert RepositoryReader(root, "default").champion() is None
        assert repository.publish(1, staged, manifest) == NOW
    champion = RepositoryReader(root, "default").champion()
    assert (champion.version, champion.sha256, champion.manifest) == (1, manifest.file.sha256, manifest)
    assert champion.artefact.read_bytes() == artefact_bytes(1)
    home = root / "default"
    assert json.loads((home / "champion.json").read_text()) == {
        "version": 1,
        "sha256": manifest.file.sha256,
        "published_at": "2026-11-24T12:00:00Z",
    }
    assert (home / "labels.txt").read_text() == "cat\ndog\n"
    assert "versions: [ 1 ]" in (home / "config.pbtxt").read_text()
    assert sorted(path.name for path in (home / "1").iterdir()) == ["manifest.json", "model.onnx"]
    assert verify_repository(root, "default") == []


POINTS = [
    f"{side} {name}"
    for name in ("version", "labels.txt", "config.pbtxt", "champion.json")
    for side in ("before", "after")
]


@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("at", POINTS)
def test_killed_anywhere_it_ends_the_same(root, tmp_path, at, deaths):
    """At each point the process dies, as often as told; readers see the old or the new version, then the new one."""
    wanted = tmp_path / "undisturbed"
    published(wanted, 1)
    published(root, 1)
    with opened(wanted) as repository:
        repository.publish(2, *staged_version(repository, 2, GROWN))
    with opened(root) as repository:
        staged, manifest = staged_version(repository, 2, GROWN)

    def die(point):
        if point == at:
            raise Death

    for _ in range(deaths):
        repository = opened(root, keep=[manifest.round], reached=die)
        try:
            repository.publish(2, staged, manifest)
            expected = 2  # an earlier life passed this point already, so this one came through
        except Death:
            expected = 2 if at == "after champion.json" else 1
        finally:
            repository.close()
        seen = RepositoryReader(root, "default").champion()
        assert seen.version == expected
        assert seen.artefact.read_bytes() == artefact_bytes(expected, seen.manifest.classes)
    with opened(root, keep=[manifest.round]) as repository:
        repository.publish(2, staged, manifest)
        repository.publish(2, staged, manifest)
    assert tree(root) == tree(wanted)
    assert verify_repository(root, "default") == []


def test_every_rename_is_a_point(root):
    reached = []
    with opened(root, reached=reached.append) as repository:
        staged, manifest = staged_version(repository, 1)
        repository.publish(1, staged, manifest)
    assert reached == POINTS


@pytest.mark.parametrize("name", ["labels.txt", "config.pbtxt"])
def test_a_prepared_file_that_got_lost_is_made_anew(root, name):
    with opened(root) as repository:
        staged, manifest = staged_version(repository, 1)
        (staged.parent / name).unlink()
        repository.publish(1, staged, manifest)
    assert verify_repository(root, "default") == []


def test_nothing_that_is_visible_changes(root):
    published(root, 1)
    folder = root / "default" / "1"
    before = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}
    published(root, 2, 3)
    assert {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert all(not path.stat().st_mode & 0o222 for path in folder.iterdir())


def test_a_number_is_given_once(root):
    published(root, 1, 2)
    with opened(root) as repository:
        staged = repository.stage_dir(50)
        data = artefact_bytes(2, ("cow",))
        (staged / "model.onnx").write_bytes(data)
        other = replace(
            manifest_of(2, data), classes=("cow",), evaluation=replace(manifest_of(2, data).evaluation, per_class={})
        )
        repository.seal(staged, other)
        with pytest.raises(VersionConflictError, match="cannot follow the champion"):
            repository.publish(2, staged, other)
        (root / "default" / "champion.json").unlink()
        with pytest.raises(VersionConflictError, match="another manifest"):
            repository.publish(2, staged, other)
    assert (root / "default" / "2" / "model.onnx").read_bytes() == artefact_bytes(2)


def test_an_older_version_does_not_follow_a_newer(root):
    published(root, 3)
    with opened(root) as repository:
        staged, manifest = staged_version(repository, 2)
        with pytest.raises(VersionConflictError):
            repository.publish(2, staged, manifest)
        assert repository.last_version() == 3


def test_the_last_version_counts_also_what_was_never_champion(root):
    with opened(root) as repository:
        assert repository.last_version() == 0
        published_folder = root / "default" / "12"
        published_folder.mkdir()
        assert repository.last_version() == 12


def test_only_the_described_artefact_is_sealed(root):
    with opened(root) as repository:
        manifest = manifest_of(1, artefact_bytes(1))
        staged = repository.stage_dir(3)
        (staged / "model.onnx").write_bytes(artefact_bytes(1)[:-1] + b"?")
        with pytest.raises(BrokenRepositoryError, match="not the file"):
            repository.seal(staged, manifest)
        with pytest.raises(ManifestError, match="of model 'other'"):
            repository.seal(staged, replace(manifest, model="other"))


def test_what_was_never_sealed_is_not_published(root):
    with opened(root) as repository:
        manifest = manifest_of(1, artefact_bytes(1))
        staged = repository.stage_dir(3)
        (staged / "model.onnx").write_bytes(artefact_bytes(1))
        with pytest.raises(BrokenRepositoryError, match="neither at"):
            repository.publish(1, staged, manifest)
    assert RepositoryReader(root, "default").versions() == []


def test_staging_is_swept_but_for_what_is_committed(root):
    with opened(root) as repository:
        first, _ = staged_version(repository, 1)
        second, _ = staged_version(repository, 2)
        assert (first / "model.onnx").exists()
        repository.drop(3)
        assert not first.exists() and second.exists()
        staged_version(repository, 1)
    with opened(root, keep=[4]) as repository:
        assert not first.exists() and second.exists()
        assert list(repository.stage_dir(4).iterdir()) == []
    with Repository(root, "default").open("one"):
        assert second.exists(), "who opens it may yet find that his state is older"
    with opened(root):
        assert list((root / "default" / ".staging").iterdir()) == []


def test_one_learner_owns_a_model_for_life(root):
    repository = opened(root)
    with pytest.raises(RepositoryLockedError, match=r"paths\.repository"):
        opened(root)
    Repository(root, "other").open("one").close()
    repository.close()
    repository.close()
    opened(root).close()


def test_the_lock_holds_between_processes_and_ends_with_them(root):
    code = (
        "import sys, pathlib\n"
        "from model.publishing.repository import Repository\n"
        "held = Repository(pathlib.Path(sys.argv[1]), 'default').open('one')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RepositoryLockedError):
            opened(root)
    finally:
        other.kill()
        other.communicate()
    opened(root).close()


def test_a_repository_belongs_to_one_state_directory(root):
    published(root, 1)
    with pytest.raises(ForeignRepositoryError, match=r"paths\.repository.*one, not two"):
        opened(root, state_id="two")
    opened(root).close()
    with opened(root, state_id="two", adopt=True) as adopting:
        assert adopting.foreign
    with opened(root) as own:
        assert not own.foreign, "whoever asked to adopt it has not done so yet"
    with opened(root, state_id="two", adopt=True) as adopting:
        adopting.belong_to("two")
        assert not adopting.foreign
    with pytest.raises(ForeignRepositoryError):
        opened(root)
    opened(root, state_id="two").close()


def test_one_that_was_replaced_publishes_nothing_any_more_whatever_it_has_locked(root):
    published(root, 1)
    with opened(root) as stopped:
        staged, manifest = staged_version(stopped, 2)
        # As on a file system whose locks do not reach from one machine to another.
        (root / "default" / ".state_id").write_text("two\n")
        with pytest.raises(ForeignRepositoryError, match="two, not one"):
            stopped.publish(2, staged, manifest)
    assert RepositoryReader(root, "default").versions() == [1]


def test_versions_without_an_owner_are_nobodys_to_take(root):
    published(root, 1)
    (root / "default" / ".state_id").unlink()
    with pytest.raises(ForeignRepositoryError, match="unnamed"):
        opened(root)
    opened(root, adopt=True).close()


def test_a_refused_open_gives_the_lock_back(root):
    published(root, 1)
    with pytest.raises(ForeignRepositoryError):
        opened(root, state_id="two")
    handle = os.open(root / "default" / ".lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RepositoryUnavailableError, match=r"paths\.repository.*cannot be written"):
        opened(tmp_path / "file" / "models")
    with pytest.raises(RepositoryUnavailableError, match=r"paths\.repository"):
        opened(tmp_path / "file")


@pytest.mark.parametrize("failing", range(1, 11))
def test_a_disk_that_fails_is_told_and_the_publication_repeated(root, monkeypatch, failing):
    published(root, 1)
    with opened(root) as repository:
        staged, manifest = staged_version(repository, 2, GROWN)
        real, calls = os.fsync, itertools.count(1)

        def fsync(handle):
            if next(calls) == failing:
                raise OSError(28, "No space left on device")
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(RepositoryUnavailableError, match="No space left"):
            repository.publish(2, staged, manifest)
        assert RepositoryReader(root, "default").champion().version in (1, 2)
        repository.publish(2, staged, manifest)
    assert RepositoryReader(root, "default").champion().version == 2
    assert verify_repository(root, "default") == []


def test_a_repeated_publication_makes_durable_what_the_first_may_not_have(root, monkeypatch):
    with opened(root) as repository:
        staged, manifest = staged_version(repository, 1)
        repository.publish(1, staged, manifest)
        synced = []
        monkeypatch.setattr(module, "sync_folder", synced.append)
        repository.publish(1, staged, manifest)
    assert root / "default" in synced


def test_nothing_is_published_without_the_lock(root):
    repository = opened(root)
    staged, manifest = staged_version(repository, 1)
    repository.close()
    with pytest.raises(RepositoryError, match="not open"):
        repository.publish(1, staged, manifest)
    with pytest.raises(RepositoryError, match="not open"):
        repository.stage_dir(1)
