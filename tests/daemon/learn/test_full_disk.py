"""A disk that is full at any stage of a round: it is waited for and said, nobody is blamed, and learning goes on."""

import errno
import os
import shutil
import time

import pytest
import safetensors

from daemon.composition.learn import _check
from daemon.learn.faults import WindowFault, blame_window
from daemon.outage import Need
from model.publishing.publisher import Publisher
from model.store import verify
from tests.support.accounting import check_tiles
from tests.support.disks import leave_free, resize, small_disk  # noqa: F401 - a fixture
from tests.support.learners import LOG, Bench

STEP_BYTES = 8_192


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def fed(bench, n=200):
    bench.feed(n)
    bench.now_ms += 60_000


def turns(learner, bench, n=6):
    for _ in range(n):
        learner.turn()
        bench.now_ms += 11_000


def check_all_learnt(bench, learner, records):
    assert not learner.outage.ongoing, learner.outage.reason
    counts = learner.directory.ledger.counts()
    assert (counts["quarantined"], counts["suspect"]) == (0, 0)
    totals = check_tiles(entry["lineage"] for entry in learner.directory.ledger.rounds())
    assert totals == {(LOG.topic, LOG.topic_id, 0): (0, records, records)}
    bench.die()
    assert verify(bench.folder / "state") == []


class FillAt:
    """Fills a disk when a named step is reached."""

    def __init__(self, step, folder):
        self.step, self.folder, self.ballast = step, folder, None

    def __call__(self, step):
        if step == self.step and self.ballast is None:
            self.ballast = leave_free(self.folder, 0)


@pytest.mark.parametrize(
    ("step", "under"),
    [
        ("segment.before", "state"),  # room for nothing
        ("segment.after", "state"),  # for the segment only
        ("round.train.after", "state"),  # for the claim
        ("round.evaluate.after", "state"),  # for all but the weights
        ("weights.after", "state"),  # for the weights only
        ("round.train.after", "models"),  # for all but the artefact
        ("round.evaluate.after", "models"),  # for all but the manifest
        ("commit.after", "models"),  # for all but the pointer
    ],
)
def test_a_disk_that_is_full_from_a_step_on(bench, small_disk, step, under):  # noqa: F811
    disk = small_disk("24m", bench.folder / under)
    fill = FillAt(step, disk)
    learner = bench.learner(fill)
    fed(bench)
    turns(learner, bench, 15)
    assert fill.ballast is not None, f"{step} was not reached"
    if learner.outage.ongoing:  # SQLite's log may have had room left from before
        check = _check(learner.outage, learner.standstill.outage, learner.started)
        assert not check.ok
        assert any(word in check.reason for word in ("No space left", "disk is full"))
        assert str(disk) in check.reason and "free there" in check.reason, check.reason
    claim = learner.directory.ledger.open_claim()
    assert claim is None or (claim.attempt, claim.deaths) == (0, 0)
    fill.ballast.unlink()
    turns(learner, bench)
    check_all_learnt(bench, learner, 200)
    assert bench.versions()


def test_with_any_number_of_bytes_free(bench, small_disk):  # noqa: F811
    disk = small_disk("64m", bench.folder / "state")
    fed(bench)
    learner = bench.learner()
    turns(learner, bench)
    waited = 0
    for number, free in enumerate((0, 3 * STEP_BYTES, 9 * STEP_BYTES, 40 * STEP_BYTES)):
        ballast = leave_free(disk, free)
        fed(bench)
        turns(learner, bench, 3)
        waited += learner.outage.ongoing
        if number % 2 == 0:  # restarted, and killed, while it is full
            learner = bench.learner()
            turns(learner, bench, 2)
        assert learner.directory.ledger.counts()["quarantined"] == 0
        ballast.unlink()
        turns(learner, bench, 3)
        assert not learner.outage.ongoing, learner.outage.reason
    assert waited >= 2
    check_all_learnt(bench, learner, 200 * 5)


def test_the_reason_says_how_much_is_missing_for_the_weights(bench, small_disk):  # noqa: F811
    disk = small_disk("24m", bench.folder / "state")
    fill = FillAt("round.evaluate.after", disk)
    learner = bench.learner(fill)
    fed(bench)
    turns(learner, bench)
    assert "new.safetensors" in learner.outage.reason
    assert "needed" in learner.outage.reason and "missing" in learner.outage.reason
    assert not (disk / "weights" / "new.safetensors").exists(), "on a full disk a torn file must not stay"


def test_kills_while_the_disk_is_full_are_no_deaths_of_the_window(bench, small_disk):  # noqa: F811
    disk = small_disk("24m", bench.folder / "state")
    fill = FillAt("round.evaluate.after", disk)
    learner = bench.learner(fill)
    fed(bench)
    turns(learner, bench, 2)
    for life in range(12):
        learner = bench.learner()
        if life % 2:
            fill.ballast.unlink()
            leave_free(disk, 40_000)  # enough to count, too little for the weights
        turns(learner, bench, 2)
        assert learner.outage.ongoing
        assert learner.directory.ledger.open_claim().deaths == 0
    fill.ballast.unlink()
    turns(learner, bench)
    check_all_learnt(bench, learner, 200)


def test_no_inode_is_left(bench, small_disk):  # noqa: F811
    disk = small_disk("24m", bench.folder / "models", inodes=40)
    learner = bench.learner()
    fed(bench)
    for number in range(40):
        try:
            (disk / f"small-{number}").touch()
        except OSError:
            break
    turns(learner, bench, 2)
    assert "no inode is left" in learner.outage.reason
    for file in disk.glob("small-*"):
        file.unlink()
    turns(learner, bench)
    check_all_learnt(bench, learner, 200)


def test_the_exporters_folder_is_full(bench, small_disk):  # noqa: F811
    disk = small_disk("64k", bench.folder / "state" / "templates")
    learner = bench.learner()
    learner.round.publisher = Publisher(disk, clock=time.monotonic)
    fed(bench)
    ballast = leave_free(disk, 0)
    turns(learner, bench, 2)
    assert learner.outage.ongoing and str(disk) in learner.outage.reason and "free there" in learner.outage.reason
    ballast.unlink()
    leave_free(disk, 24_000)  # for the request, not for the network
    turns(learner, bench, 2)
    assert "network.pt" in learner.outage.reason and "missing" in learner.outage.reason
    assert learner.directory.ledger.open_claim().attempt == 0
    assert shutil.disk_usage(disk).free >= 20_000, "what was written in vain is gone"
    resize(disk, "8m")
    turns(learner, bench, 2)
    assert not learner.outage.ongoing, learner.outage.reason
    assert [one["outcome"] for one in learner.directory.ledger.rounds()] == ["published"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_safetensors_says_of_the_disk_is_the_disks(bench, monkeypatch, number):
    def refuse(*_args, **_facts):
        raise safetensors.SafetensorError(
            f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})"
        )

    learner = bench.learner()
    fed(bench)
    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", refuse)
        for _ in range(12):
            learner.turn()
            bench.now_ms += 11_000
            assert learner.outage._failing is Need.DISK
            assert os.strerror(number) in learner.outage.reason and "new.safetensors" in learner.outage.reason
    turns(learner, bench)
    check_all_learnt(bench, learner, 200)


def test_what_safetensors_says_of_anything_else_is_not():
    with pytest.raises(WindowFault), blame_window():
        raise safetensors.SafetensorError("Error while serializing: invalid tensor")
