import pytest

from daemon.demo.workplace import MARKER, open_workplace
from daemon.errors import OperatorError


def test_an_earlier_demos_things_go(tmp_path):
    folder = tmp_path / "out"
    with open_workplace(folder) as place:
        (place.logs / "old.log").write_text("old")
        place.picture.write_text("old")
    with open_workplace(folder) as place:
        assert not (place.logs / "old.log").exists()
        assert not place.picture.exists()
        assert place.logs.is_dir()


def test_a_folder_of_somebody_else_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(OperatorError, match="no demo made it"), open_workplace(tmp_path):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "dear"
    assert not (tmp_path / MARKER).exists()


def test_what_a_link_points_to_is_never_touched(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "dear").write_text("dear")
    with open_workplace(tmp_path / "out") as place:
        (place.folder / "link").symlink_to(other)
    with open_workplace(tmp_path / "out") as place:
        assert not (place.folder / "link").exists()
    assert (other / "dear").exists()


def test_two_demos_do_not_share_a_folder(tmp_path):
    with open_workplace(tmp_path), pytest.raises(OperatorError, match="another demo"), open_workplace(tmp_path):
        pass


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="cannot be used"), open_workplace(tmp_path / "file"):
        pass


def test_an_error_inside_passes_through(tmp_path):
    with pytest.raises(PermissionError), open_workplace(tmp_path):
        raise PermissionError
