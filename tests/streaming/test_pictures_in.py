"""Folders become labels as records do."""

from pathlib import Path

from streaming.pusher import pictures_in


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"image")
    return path


def test_folders_of_two_systems_are_one_class(tmp_path: Path) -> None:
    for folder in ("caf\u00e9", "cafe\u0301"):
        _file(tmp_path / folder / "1.jpg")
    found = pictures_in(tmp_path)
    assert {one.label for one in found.pictures} == {"caf\u00e9"}
    assert len({one.sample_id for one in found.pictures}) == 2


def test_a_folder_whose_name_can_be_no_label_is_skipped_with_the_reason(tmp_path: Path) -> None:
    hidden = _file(tmp_path / "cat\u200b" / "1.jpg")
    _file(tmp_path / "cat" / "1.jpg")
    found = pictures_in(tmp_path)
    assert [one.label for one in found.pictures] == ["cat"]
    assert found.skipped == [hidden]
    assert "U+200B ZERO WIDTH SPACE" in found.unfit["cat\u200b"]
