"""A state of an older version opens, is what a new one would be, and is learnt on from."""

import re
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.store import Ledger, SchemaVersionError, StateDirectory, StoreRules, verify
from model.store.database import SCHEMA_VERSION
from model.store.errors import StateUnavailableError
from model.store.migrations import statements
from streaming.memory_buffer import _Stream
from tests.support.accounting import check_tiles
from tests.support.learners import LOG, SIZE, Bench
from tests.support.windows import open_state

STATES = Path(__file__).parent / "states"
NAMES = ("schema5-settled", "schema5-open-claim")
NETWORK = "tests.support.networks:small_mlp"


def unpack(folder: Path, name: str) -> Path:
    with tarfile.open(STATES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def schema(folder: Path) -> dict[tuple[str, str], str]:
    """Return every table's and index's text without comments, quotes and white space."""
    database = sqlite3.connect(folder / "tidemill.db")
    rows = database.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    database.close()
    return {(kind, name): re.sub(r'\s+|"', "", re.sub(r"--[^\n]*", "", sql)) for kind, name, sql in rows}


def open_old(folder: Path) -> StateDirectory:
    return StateDirectory.open(folder / "state", size=SIZE, rules=StoreRules(), now_ms=lambda: 1_791_000_000_000)


@pytest.mark.parametrize("name", NAMES)
def test_an_old_state_gets_the_schema_of_a_new_one(tmp_path: Path, name: str):
    folder = unpack(tmp_path / "old", name)
    open_old(folder).close()
    open_state(tmp_path / "new").close()
    assert schema(folder / "state") == schema(tmp_path / "new")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_learnt_is_the_same_after_the_migration(tmp_path: Path, name: str):
    with open_old(unpack(tmp_path, name)) as state:
        rounds = list(state.ledger.rounds())
        assert [one["outcome"] for one in rounds] == ["held", *["published"] * 3, *["refused"] * 2, *["published"] * 4]
        assert state.ledger.classes() == ("red", "dark", "light")
        champion = state.ledger.champion()
        assert champion is not None and (champion.version, champion.parent) == (7, 3)
        counts = state.ledger.counts()
        assert (counts["suspect"], counts["quarantined"], counts["waiting"]) == (428, 160, 4)
        assert (state.open_claim() is not None) is (name == "schema5-open-claim")
    assert list(verify(tmp_path / "state")) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_old_state_is_learnt_on_from(tmp_path: Path, name: str):
    bench = Bench(unpack(tmp_path, name))
    try:
        learner = bench.learner(architecture=NETWORK)
        before = learner.directory.ledger.last_round()
        learner.run_once()
        (bench.end,) = learner.directory.ledger.positions().values()
        bench.buffer.register(LOG, bench.end)
        bench.buffer._data.streams.setdefault(LOG, _Stream()).position = bench.end
        bench.feed(200, ("dark", "light", "red"))
        bench.now_ms += 60_000
        for _ in range(5):
            learner.run_once()
        rounds = list(learner.directory.ledger.rounds())
        assert rounds[-1]["round"] > before and rounds[-1]["outcome"] == "published"
        check_tiles(entry["lineage"] for entry in rounds)
    finally:
        bench.die()
    assert list(verify(tmp_path / "state")) == []


def test_readers_say_that_the_learner_brings_an_old_state_up(tmp_path: Path):
    folder = unpack(tmp_path, "schema5-settled")
    with pytest.raises(SchemaVersionError, match=rf"schema 5, this Tidemill reads {SCHEMA_VERSION}: start `tidemill"):
        Ledger.read_only(folder / "state")


def test_a_migration_that_fails_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = unpack(tmp_path, "schema5-settled")
    before = schema(folder / "state")

    def failing(script: str) -> Iterator[str]:
        yield from statements(script)
        yield "INSERT INTO nowhere VALUES (1)"

    monkeypatch.setattr("model.store.migrations.statements", failing)
    with pytest.raises(StateUnavailableError, match="nowhere"):
        open_old(folder)
    assert schema(folder / "state") == before
    monkeypatch.undo()
    open_old(folder).close()
    assert list(verify(folder / "state")) == []


def test_relabels_that_an_old_claim_left_pending_are_screened_and_decided(tmp_path: Path):
    bench = Bench(unpack(tmp_path, "schema5-open-claim"))
    try:
        learner = bench.learner(architecture=NETWORK)
        claim = learner.directory.open_claim()
        assert claim is not None and claim.relabelled == 2 and claim.count("relabelled") == 0
        found = learner.directory.ledger.relabels.of_claim(claim)
        assert [one.source for one in found] == ["", ""] and all(one.old != one.new for one in found)
        learner.run_once()
        counts = learner.directory.ledger.relabels.counts()
        assert {one.round for one in counts} == {claim.round} and sum(one.pictures for one in counts) == 2
        assert {one.state for one in counts} <= {"applied", "held"}
        check_tiles(entry["lineage"] for entry in learner.directory.ledger.rounds())
    finally:
        bench.die()
    assert list(verify(tmp_path / "state")) == []
