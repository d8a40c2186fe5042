"""A state directory is its owner's alone, whatever the umask and whoever made it; a repository is for all to read."""

import os
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.composition.opening import open_state
from daemon.config import load
from model.publishing.layout import ModelPaths
from model.publishing.mailbox import Mailbox
from model.publishing.repository import Repository
from model.store import leave_request
from model.store.privacy import tighten
from tests.support.windows import labelled, take
from tests.support.windows import open_state as opened


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    every = [folder, *folder.rglob("*")]
    return {str(one.relative_to(folder)): one.stat().st_mode & 0o777 for one in every}


def config(tmp_path: Path, repository: Path | None = None):
    sets = [f"paths.state={tmp_path / 'state'}", f"paths.repository={repository or tmp_path / 'models'}"]
    return load(environ={}, sets=[*sets, "image.size=8"]).config


def test_what_is_made_is_private_from_the_start(tmp_path, umask):
    with opened(tmp_path / "state") as state:
        take(state, labelled(range(20)))
        file = state.weights_path("x").with_suffix(".new")
        file.write_bytes(b"weights")
        state.adopt_weights(file, "x")
        leave_request(state.path, "rollback", {"version": 1}, 10)
        found = modes(tmp_path / "state")
    folders = {name for name in found if (tmp_path / "state" / name).is_dir()}
    assert {name for name in found if name.endswith((".seg", ".safetensors", ".db", ".json", ".db-wal"))}
    assert {found[name] for name in folders} == {0o700}
    assert {found[name] for name in found.keys() - folders} == {0o600}


def test_a_repository_is_readable_whatever_the_umask(tmp_path, umask):
    with Repository(tmp_path / "models", "default") as repository:
        repository.open("an id")
        Mailbox(tmp_path / "models", "default").ask("rollback", {"version": 1}, 10)
        repository.stage_dir(1)
        found = modes(ModelPaths(tmp_path / "models", "default").home)
        found.pop(".lock")  # the learner's alone
    assert all(mode & 0o044 == 0o044 and not mode & 0o022 for mode in found.values()), found
    assert found["."] == 0o755


def test_an_older_state_is_closed_at_the_start_and_told_in_one_line(tmp_path):
    with opened(tmp_path / "state", size=8) as state:
        take(state, labelled(range(20)))
    outside = tmp_path / "outside"
    outside.write_bytes(b"not ours")
    outside.chmod(0o644)
    (tmp_path / "state" / "segments" / "link").symlink_to(outside)
    for name, mode in modes(tmp_path / "state").items():
        if name != "segments/link":
            (tmp_path / "state" / name).chmod(mode | 0o055)
    for expected in (1, 0):
        with capture_logs() as lines:
            open_state(config(tmp_path), lambda _: None).close()
        assert len([line for line in lines if "open to others" in line["event"]]) == expected
    assert outside.stat().st_mode & 0o777 == 0o644
    assert all(not mode & 0o077 for name, mode in modes(tmp_path / "state").items() if name != "segments/link")


def test_a_repository_within_the_state_directory_stays_within_reach(tmp_path):
    inside = tmp_path / "state" / "models"
    open_state(config(tmp_path, inside), lambda _: None).close()
    inside.mkdir(mode=0o755)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o711
    with capture_logs() as lines:
        open_state(config(tmp_path, inside), lambda _: None).close()
    assert lines == []
    assert inside.stat().st_mode & 0o777 == 0o755


def test_what_belongs_to_somebody_else_is_told_and_left(tmp_path, monkeypatch):
    opened(tmp_path / "state").close()
    (tmp_path / "state").chmod(0o777)

    def refuse(path, mode):
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    done = tighten(tmp_path / "state", tmp_path / "models")
    assert done.closed == 0 and done.refused == (tmp_path / "state",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_request_that_root_leaves_can_be_read_by_the_learner(tmp_path):
    with opened(tmp_path / "state") as state:
        take(state, labelled(range(20)))
    shutil.chown(tmp_path / "state" / "requests", 12_345, 12_345)
    name = leave_request(tmp_path / "state", "rollback", {"version": 1}, 10)
    file = (tmp_path / "state" / "requests" / f"{name}.json").stat()
    assert (file.st_uid, file.st_mode & 0o777) == (12_345, 0o600)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_that_is_no_file_is_refused_and_nothing_is_written_through_it(tmp_path, kind):
    from model.store import StateUnusableError
    from tests.model.test_untrusted import make

    (tmp_path / "state").mkdir()
    make(kind, tmp_path / "state" / ".lock")
    with pytest.raises(StateUnusableError, match="must be a regular file: delete it"):
        opened(tmp_path / "state")
    if kind == "link":
        assert (tmp_path / "state" / "elsewhere").read_bytes() == b"precious"
