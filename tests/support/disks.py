"""Small file systems that tests mount and fill. Only root may."""

import os
import subprocess

import pytest

from tests.servers.missing import unavailable

BLOCK_BYTES = 4_096


@pytest.fixture
def small_disk(tmp_path_factory):
    """`small_disk(size, folder=None, inodes=None)` mounts a small file system and returns its folder."""
    mounted = []

    def mount(size, folder=None, inodes=None):
        if os.geteuid() != 0:
            pytest.skip("only root may mount the small file system that this test fills")
        folder = folder or tmp_path_factory.mktemp("disk")
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tidemill-test", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            unavailable(f"root may mount no file system here ({done.stderr.strip()}): run where CAP_SYS_ADMIN is given")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def resize(folder, size):
    """Make the file system larger or smaller, as an operator gives room."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def used_bytes(folder):
    """Return the bytes that are in use."""
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def leave_free(folder, free_bytes):
    """Fill the file system but for so many bytes; return the file that holds the rest."""
    ballast = folder / "ballast"
    disk = os.statvfs(folder)
    size = max(0, disk.f_bavail * disk.f_frsize - free_bytes) // BLOCK_BYTES * BLOCK_BYTES
    with ballast.open("wb") as file:
        for _ in range(size // BLOCK_BYTES):
            file.write(b"\0" * BLOCK_BYTES)
    return ballast
