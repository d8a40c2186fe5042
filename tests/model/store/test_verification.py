import sqlite3
from pathlib import Path

import pytest

from model.store import FindingKind, StateUnusableError, verify
from tests.support.windows import labelled, open_state, published, refused, take, window


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    with open_state(tmp_path) as state:
        claim = state.claim(window(labelled(range(40))), seed=1, state=None)
        state.commit(claim, published(state, claim))
        state.mark_published(1)
        take(state, labelled(range(40, 60)), refused())
        take(state, labelled(range(60, 80)))
    return tmp_path


def test_a_good_state_has_no_findings_open_claim_or_not(state_path: Path):
    assert verify(state_path) == []
    with open_state(state_path) as state:
        state.claim(window(labelled(range(80, 90), ("cat", "owl")), 80), seed=1, state=None)
        assert verify(state_path) == []
    assert verify(state_path) == []


@pytest.mark.parametrize("folder", ["segments", "weights"])
def test_a_flipped_bit_is_found(state_path: Path, folder: str):
    victim = min((state_path / folder).iterdir())
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    (finding,) = verify(state_path)
    assert finding.kind is FindingKind.DAMAGED and finding.subject == f"{folder}/{victim.name}"
    assert not finding.harmless and "backup" in finding.cure


@pytest.mark.parametrize("folder", ["segments", "weights"])
def test_a_missing_and_a_surplus_file_are_found(state_path: Path, folder: str):
    victim = min((state_path / folder).iterdir())
    victim.rename(victim.with_name("elsewhere"))
    kinds = {finding.kind: finding.subject for finding in verify(state_path)}
    assert kinds == {
        FindingKind.MISSING: f"{folder}/{victim.name}",
        FindingKind.ORPHAN: f"{folder}/elsewhere",
    }
    assert [finding.harmless for finding in verify(state_path)] == [False, True]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE segments SET live = live - 1 WHERE segment = 1", "live rows"),
        ("UPDATE samples SET position = 4000 WHERE sample = 3", "beyond the end"),
        ("UPDATE tallies SET count = count + 1 WHERE role = 'suspect'", "counted"),
        ("DELETE FROM tallies WHERE role = 'suspect'", "not counted"),
        ("UPDATE samples SET slot = 4000 WHERE sample = (SELECT max(sample) FROM samples)", "slots"),
        ("UPDATE labels SET class = NULL, joined_round = NULL WHERE class = 1", "no class"),
        ("UPDATE labels SET class = 7 WHERE class = 1", "index 6 is missing"),
        ("UPDATE spans SET start = start + 1, suspect = 0 WHERE round = 2", "does not continue"),
        ("UPDATE logs SET position = position + 1", "its position"),
        ("UPDATE versions SET round = 3", "has no version"),
        ("DELETE FROM champions", "never named"),
        ("UPDATE versions SET version = 2", "missing"),
        ("UPDATE samples SET digest = randomblob(16) WHERE sample = 3", "not the pictures"),
    ],
)
def test_rows_that_contradict_each_other_are_found(state_path: Path, damage: str, said: str):
    database = sqlite3.connect(state_path / "tidemill.db")
    changed = database.execute(damage).rowcount
    database.commit()
    database.close()
    assert changed > 0
    findings = verify(state_path)
    assert any(said in finding.message for finding in findings), findings


def test_a_torn_database_is_found(state_path: Path):
    file = state_path / "tidemill.db"
    content = bytearray(file.read_bytes())
    content[8192:12288] = bytes(4096)
    file.write_bytes(content)
    assert {finding.kind for finding in verify(state_path)} == {FindingKind.DATABASE}


def test_a_place_without_state_says_so(tmp_path: Path):
    with pytest.raises(StateUnusableError):
        verify(tmp_path)
