"""Files that others may write: plain ones are read up to a limit, and no other is opened, followed, waited for."""

import os
import socket
from pathlib import Path

import pytest

from model.durable import replace_durably, write_synced
from model.untrusted import UnfitFileError, open_plain, read_plain


def make(kind: str, path: Path) -> None:
    """Put something else where a file should be."""
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path has 107 bytes at most
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(path.name)
        finally:
            os.chdir(here)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "dangling link":
        path.symlink_to(path.with_name("nowhere"))
    else:
        path.with_name("elsewhere").write_bytes(b"precious")
        path.symlink_to(path.with_name("elsewhere"))


KINDS = ["folder", "pipe", "socket", "device", "dangling link", "link"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_plain_file_is_told_and_not_waited_for(tmp_path, kind):
    make(kind, tmp_path / "file")
    with pytest.raises(UnfitFileError, match="must be a regular file: delete it"):
        read_plain(tmp_path / "file", 100)
    with pytest.raises(UnfitFileError):
        open_plain(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    assert not (tmp_path / "nowhere").exists()


def test_a_plain_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_plain(tmp_path / "file", 10) == b"0123456789"
    with pytest.raises(UnfitFileError, match="more than 9 bytes"):
        read_plain(tmp_path / "file", 9)
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "none", 9)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "dangling link", "link"])
def test_nothing_is_written_through_what_lies_in_the_way(tmp_path, kind):
    make(kind, tmp_path / "file.tmp")
    replace_durably(tmp_path / "file", b"new")
    make(kind, tmp_path / "other") if kind != "link" else (tmp_path / "other").symlink_to(tmp_path / "elsewhere")
    write_synced(tmp_path / "other", b"new")
    assert (tmp_path / "file").read_bytes() == (tmp_path / "other").read_bytes() == b"new"
    assert not (tmp_path / "other").is_symlink()
    if kind == "link":
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_mode_does_not_hang_on_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        replace_durably(tmp_path / "shared", b"", mode=0o644)
        replace_durably(tmp_path / "private", b"", mode=0o600)
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("shared", "private")] == [0o644, 0o600]
