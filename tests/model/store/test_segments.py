import hashlib
from pathlib import Path

import numpy as np
import pytest

from model.store import segments as module
from model.store.errors import MissingFileError, StateUnavailableError
from model.store.segments import Place, Segments, read_header


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)


def test_rows_come_back_in_the_order_asked_for(tmp_path: Path):
    segments = Segments(tmp_path, 4)
    many = [pictures(5, seed) for seed in range(3)]
    digests = [segments.write(one) for one in many]
    wanted = [(2, 4), (0, 0), (1, 3), (0, 0), (2, 0)]
    read = segments.read([Place(digests[file], row) for file, row in wanted])
    assert (read == np.stack([many[file][row] for file, row in wanted])).all()


def test_neighbours_are_read_together_wherever_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    segments = Segments(tmp_path, 4)
    one, other = segments.write(pictures(200)), segments.write(pictures(200, 1))
    wanted = [(file, int(row)) for file in (0, 1) for row in (*range(50, 90), 90, 90, 91, 10, 199)]
    order = np.random.default_rng(0).permutation(len(wanted))
    calls, preadv = [], module.os.preadv
    monkeypatch.setattr(module.os, "preadv", lambda *given: calls.append(given) or preadv(*given))
    read = segments.read([Place((one, other)[wanted[index][0]], wanted[index][1]) for index in order])
    assert (read == np.stack([pictures(200, wanted[index][0])[wanted[index][1]] for index in order])).all()
    assert len(calls) == 8


def test_a_segment_is_named_by_the_digest_of_its_bytes(tmp_path: Path):
    segments = Segments(tmp_path, 4)
    digest = segments.write(pictures(5))
    assert hashlib.sha256(segments.path(digest).read_bytes()).hexdigest() == digest
    assert segments.write(pictures(5)) == digest
    assert segments.write(pictures(5, 1)) != digest
    assert read_header(segments.path(digest)) == (4, 5)


def test_open_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "HANDLES_MAX", 3)
    segments = Segments(tmp_path, 4)
    digests = [segments.write(pictures(2, seed)) for seed in range(10)]
    read = segments.read([Place(digest, 1) for digest in digests])
    assert (read == np.stack([pictures(2, seed)[1] for seed in range(10)])).all()
    assert len(segments._handles) == 3
    segments.close()
    assert segments._handles == {}


def test_removing_frees_the_file_and_may_be_repeated(tmp_path: Path):
    segments = Segments(tmp_path, 4)
    digest = segments.write(pictures(5))
    segments.read([Place(digest, 0)])
    assert segments.remove(digest) == 64 + 5 * 48
    assert segments.remove(digest) == 0
    with pytest.raises(MissingFileError, match=digest):
        segments.read([Place(digest, 0)])


def test_a_torn_segment_is_noticed(tmp_path: Path):
    segments = Segments(tmp_path, 4)
    digest = segments.write(pictures(5))
    whole = segments.path(digest).read_bytes()
    segments.path(digest).write_bytes(whole[:-1])
    with pytest.raises(StateUnavailableError, match="row 4"):
        segments.read([Place(digest, 4)])
    for wrong in (whole[:-1], whole[:10], b"another." + whole[8:]):
        segments.path(digest).write_bytes(wrong)
        with pytest.raises(ValueError, match=r"segment|rows"):
            read_header(segments.path(digest))
