"""Pointer, lists, manifests, locks and parts that somebody has replaced: told or removed, never followed."""

import os

import pytest

from model.publishing.errors import (
    BrokenRepositoryError,
    PullError,
    RepositoryUnavailableError,
)
from model.publishing.layout import ModelPaths
from model.publishing.ownership import take_lock
from model.publishing.pointer import Pointer
from model.publishing.reader import RepositoryReader
from model.publishing.repository import Repository
from model.publishing.retired import read_retired
from model.publishing.verify import verify_repository
from tests.model.test_untrusted import KINDS, make
from tests.support.champion_server import champion_server
from tests.support.repository import publish

pytestmark = pytest.mark.timeout(30)
HUGE = b"[" * ((1 << 24) + 1)


@pytest.fixture
def paths(tmp_path):
    publish(tmp_path / "models", 1, b"the first")
    return ModelPaths(tmp_path / "models", "default")


@pytest.mark.parametrize("kind", KINDS)
def test_a_pointer_that_is_no_file_is_broken(paths, kind):
    paths.pointer.unlink()
    make(kind, paths.pointer)
    with pytest.raises(BrokenRepositoryError, match="must be a regular file"):
        Pointer.read(paths.pointer)
    with pytest.raises(BrokenRepositoryError):
        RepositoryReader(paths.root, "default").champion()


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_retired_versions_that_is_no_file_is_broken(paths, kind):
    make(kind, paths.retired)
    with pytest.raises(BrokenRepositoryError, match="must be a regular file"):
        read_retired(paths)


@pytest.mark.parametrize(
    "content",
    [
        b'{"retired": [[1, Infinity]]}',
        b'{"retired": [[1, NaN]]}',
        b'{"retired": [[true, 2]]}',
        b'{"retired": [[1.5, 2]]}',
        HUGE,
    ],
)
def test_a_list_of_retired_versions_with_odd_numbers_is_broken(paths, content):
    paths.retired.write_bytes(content)
    with pytest.raises(BrokenRepositoryError):
        read_retired(paths)


@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_that_is_no_file_is_broken(paths, kind):
    paths.manifest(1).unlink()
    make(kind, paths.manifest(1))
    with pytest.raises(BrokenRepositoryError):
        RepositoryReader(paths.root, "default").manifest(1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["labels", "config", "pointer", "retired", "state_id"])
def test_whatever_replaces_a_file_the_check_ends(paths, kind, name):
    file = getattr(paths, name)
    file.unlink(missing_ok=True)
    make(kind, file)
    found = verify_repository(paths.root, "default")
    assert name == "state_id" or list(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["lock", "state_id"])
def test_a_lock_or_an_owner_that_is_no_file_is_refused_with_what_to_do(paths, kind, name):
    file = getattr(paths, name)
    file.unlink(missing_ok=True)
    make(kind, file)
    with pytest.raises(RepositoryUnavailableError, match="must be a regular file: delete it"):
        Repository(paths.root, "default").open("an id")
    take_lock(paths) if name != "lock" else None


def test_the_probe_is_not_written_through_a_link(paths):
    from model.publishing.repository import PROBE_FILE

    make("link", paths.home / PROBE_FILE)
    Repository(paths.root, "default").open("an id", adopt=True).close()
    assert (paths.home / "elsewhere").read_bytes() == b"precious"


@pytest.fixture
def server():
    with champion_server() as one:
        one.publish(1, b"x" * 10_000)
        yield one


def pull(server, target):
    import httpx

    from model.publishing.follower import Follower, Limits

    with httpx.Client() as client:
        options = {"pause": lambda _: False, "client": client, "limits": Limits(attempts=1)}
        return Follower(server.url, "default", target, **options).pull()


def part_of(server, target):
    return target.with_name(f".{target.name}.{server.manifest(1)['file']['sha256'][:32]}.part")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "dangling link", "link"])
def test_a_part_that_somebody_laid_there_is_removed_and_not_written_through(server, tmp_path, kind):
    target = tmp_path / "model.onnx"
    make(kind, part_of(server, target))
    assert pull(server, target).path.read_bytes() == b"x" * 10_000
    if kind == "link":
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


def test_a_part_that_has_another_name_too_is_not_written_on(server, tmp_path):
    target = tmp_path / "model.onnx"
    (tmp_path / "precious").write_bytes(b"precious")
    os.link(tmp_path / "precious", part_of(server, target))
    pull(server, target)
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_part_of_somebody_else_is_not_gone_on_with(server, tmp_path):
    target = tmp_path / "model.onnx"
    part = part_of(server, target)
    part.write_bytes(b"x" * 5_000)
    os.chown(part, 12_345, 12_345)
    pull(server, target)
    assert target.stat().st_uid == 0


def test_folders_beside_the_target_are_left_and_one_in_the_parts_place_is_told(server, tmp_path):
    target = tmp_path / "model.onnx"
    (tmp_path / ".model.onnx.other.part").mkdir()
    pull(server, target)
    target.unlink()
    part_of(server, target).mkdir()
    with pytest.raises(PullError, match="cannot be written"):
        pull(server, target)
