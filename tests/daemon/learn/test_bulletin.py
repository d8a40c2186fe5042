"""The page's status: what it says, that it is bounded, and that its trouble is nobody else's."""

import errno
import threading

import pytest
import structlog

from daemon.learn import bulletin
from daemon.learn.observer import Outcome
from daemon.readiness import Check
from model.publishing.layout import ModelPaths
from model.publishing.learner_status import read_status
from model.publishing.verify import FindingKind, verify_repository
from model.store.requests import leave_request
from tests.support.page_mill import HOSTILE, PageMill


@pytest.fixture
def mill(tmp_path):
    one = PageMill(tmp_path)
    yield one
    one.close()


def paths(mill):
    return ModelPaths(mill.models, "default")


def kinds(mill):
    """What verify finds; the bench's artefacts are no ONNX files, and that is all it may."""
    return {one.kind for one in verify_repository(mill.models, "default")}


def test_it_says_what_the_learner_knows(mill):
    for _ in range(3):
        mill.feed()
    for _ in range(2):
        mill.feed(poisoned=True)
    told = read_status(paths(mill).status)
    assert [one.round for one in told.rounds] == sorted((one.round for one in told.rounds), reverse=True)
    assert told.rounds[0].outcome == "refused"
    assert told.rounds[0].reason
    assert {one.outcome for one in told.rounds} >= {"published", "refused"}
    assert told.ready
    assert told.lag_records == 0
    assert told.waiting.samples == 0
    assert told.freshness.version == mill.learner.directory.ledger.champion().version
    assert [one.role for one in told.parcels] == ["quarantined"] * 2
    assert told.parcels[0].source == HOSTILE
    assert "2 windows in quarantine, 320 samples" in [one.what for one in told.tasks]
    assert len(told.sheet.pictures) == 24
    assert paths(mill).sheet.read_bytes()[8:12] == b"WEBP"
    assert paths(mill).status.stat().st_size < 100_000
    assert kinds(mill) <= {FindingKind.MANIFEST_DISAGREES}


def test_a_former_lifes_freshness_is_kept(mill):
    mill.feed()
    mill.feed()
    before = read_status(paths(mill).status).freshness
    mill.restart()
    mill.tell()
    assert read_status(paths(mill).status).freshness == before


def test_what_is_wrong_is_said(mill):
    mill.feed()
    mill.checks[0] = Check("learner", ok=False, reason="Redis does not answer (redis.url)")
    mill.tell()
    told = read_status(paths(mill).status)
    assert not told.ready
    assert told.checks[0].reason == "Redis does not answer (redis.url)"


def test_a_full_disk_stops_nothing_and_is_said_once(mill, monkeypatch):
    mill.feed()
    former = paths(mill).status.read_bytes()

    def full(_self, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, structlog.testing.capture_logs() as logs:
        patched.setattr(bulletin.Path, "write_bytes", full)
        for _ in range(3):
            mill.bulletin._written = float("-inf")
            assert not mill.bulletin.run_once()
    assert [one["event"] for one in logs] == ["the page's status cannot be written; learning goes on"]
    assert paths(mill).status.read_bytes() == former
    assert not list(mill.models.glob("default/*.new"))
    before = mill.learner.directory.ledger.last_round()
    mill.feed()
    assert mill.learner.directory.ledger.last_round() > before
    assert read_status(paths(mill).status).rounds[0].round == mill.learner.directory.ledger.last_round()


def test_it_is_written_when_a_round_ended_and_every_few_seconds_else_not(mill):
    mill.feed()
    now = [0.0]
    mill.bulletin._clock = lambda: now[0]
    mill.bulletin._written = float("-inf")
    assert mill.bulletin.run_once()
    assert not mill.bulletin.run_once()
    now[0] += bulletin.EVERY_S
    assert mill.bulletin.run_once()
    mill.learner.observer.round_ended(99, Outcome.HELD, 1.0)
    assert mill.bulletin.run_once()


def test_pictures_that_are_taken_back_leave_the_repository(mill):
    for _ in range(3):
        mill.feed()
    for _ in range(2):
        mill.feed(poisoned=True)
    assert paths(mill).sheet.exists()
    for parcel in (4, 5, 6, 7):
        leave_request(mill.folder / "state", "quarantine.drop", {"parcel": parcel}, mill.bench.now_ms + parcel)
    for _ in range(6):
        mill.learner.run_once()
    mill.tell()
    assert read_status(paths(mill).status).sheet is None
    assert not paths(mill).sheet.exists()


def test_a_broken_status_is_found_and_harmless(mill):
    mill.feed()
    paths(mill).status.write_text("{")
    assert FindingKind.BROKEN_STATUS in kinds(mill)
    mill.tell()
    assert FindingKind.BROKEN_STATUS not in kinds(mill)


def test_it_ends_with_a_last_word(mill):
    mill.feed()
    paths(mill).status.unlink()
    over = threading.Event()
    over.set()
    mill.bulletin.run(over)
    assert read_status(paths(mill).status) is not None
