"""A file is replaced at once: who has it open keeps the old bytes, who opens it gets the new ones."""

import os

import pytest

from model.durable import file_sha256, replace_durably


def test_replacing_leaves_the_old_file_to_those_who_read_it(tmp_path):
    path = tmp_path / "champion.json"
    replace_durably(path, b"old")
    with path.open("rb") as reading:
        replace_durably(path, b"the new one")
        assert reading.read() == b"old"
    assert path.read_bytes() == b"the new one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["champion.json"]


def test_what_cannot_be_made_durable_does_not_replace(tmp_path, monkeypatch):
    path = tmp_path / "champion.json"
    replace_durably(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_durably(path, b"new")
    assert path.read_bytes() == b"old"


def test_digest(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert file_sha256(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
