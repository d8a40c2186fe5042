import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from model.candidates import CandidateMaker
from model.learning.errors import DeviceError
from model.network.errors import ArchitectureChangedError
from model.publishing.errors import ExportError, ParityError
from model.store import StoreRules, leave_request
from streaming.buffer import BufferUnavailableError
from tests.support.accounting import check_tiles
from tests.support.learners import LABELS, LOG, Bench, Crash, CrashAt


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def rounds(learner):
    return list(learner.directory.ledger.rounds())


def learn_all(learner, turns=20):
    for _ in range(turns):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def test_a_full_window_becomes_a_version_and_the_buffer_is_trimmed(bench):
    bench.feed(400)
    learner = bench.learner()
    learn_all(learner)
    assert [entry["outcome"] for entry in rounds(learner)] == ["published"]
    assert set(bench.versions()) == {"1"}
    assert bench.buffer.logs()[0].length == 400 - 320 - 320 // 9
    assert bench.buffer.learnt(LOG) == rounds(learner)[0]["lineage"][0]["to"]
    assert json.loads(bench.announcer.sent[-1])["version"] == 1


def test_observers_know_when_the_newest_round_was_committed_also_after_a_restart(bench):
    def told():
        return learner.observer.snapshot().get("committed_ms")

    learner = bench.learner()
    learn_all(learner)
    assert told() is None, "nothing was committed yet"
    for labels in (LABELS[:1], LABELS[:2], LABELS[:2]):
        bench.feed(240, labels)
        bench.now_ms += 60_000
        learn_all(learner)
        assert told() == bench.now_ms, f"{rounds(learner)[-1]['outcome']} was not told"
    assert {entry["outcome"] for entry in rounds(learner)} == {"held", "published"}
    committed_ms = bench.now_ms
    bench.now_ms += 600_000
    learner = bench.learner()
    learner.run_once()
    assert told() == committed_ms


def test_every_record_is_in_one_round_as_what_it_was(bench):
    learner = bench.learner()
    for labels in (LABELS[:2], LABELS[:2], LABELS):
        bench.feed(300, labels)
        bench.now_ms += 60_000
        learn_all(learner)
    totals = check_tiles(entry["lineage"] for entry in rounds(learner))
    assert totals == {(LOG.topic, LOG.topic_id, 0): (0, 900, 900)}
    assert sum(entry["lineage"][0]["dead_lettered"] for entry in rounds(learner)) == 90
    assert learner.directory.ledger.classes() == LABELS


def test_manifests_say_what_each_version_learnt(bench):
    bench.plan = replace(bench.plan, save_replay=False)
    learner = bench.learner()
    for _ in range(3):
        bench.feed(200)
        bench.now_ms += 60_000
        learn_all(learner)
    manifests = [version.manifest for version in learner.directory.ledger.versions()]
    check_tiles(manifest["lineage"] for manifest in manifests)
    assert [manifest["parent"] for manifest in manifests] == [None, *range(1, len(manifests))]
    samples = manifests[-1]["samples"]
    assert abs(samples["replay"] - samples["fresh"]) <= 1, "half and half, but for what fills the last batch"
    pointer = json.loads((bench.folder / "models" / "default" / "champion.json").read_text())
    assert (pointer["version"], pointer["sha256"]) == (len(manifests), manifests[-1]["file"]["sha256"])


GROWING = StoreRules(class_min_samples=10)
FEW_RED = (*LABELS[:2] * 14, "red")
"""Eight in 240: too few for a class, enough with what waits."""


def points_of_two_rounds(tmp_path):
    """Return every fault point of two undisturbed rounds, and the versions that they publish."""
    bench = Bench(tmp_path / "undisturbed", rules=GROWING)
    spy = CrashAt()
    learner = bench.learner(spy)
    for _ in range(2):
        bench.feed(240, FEW_RED)
        bench.now_ms += 60_000
        learn_all(learner)
    manifests = [version.manifest for version in learner.directory.ledger.versions()]
    assert [len(one["classes"]) for one in manifests] == [2, 3], "what waited in the first round joins in the second"
    bench.die()
    return spy.reached, bench.versions()


def test_killed_at_any_point_the_same_versions_are_published_and_nothing_is_lost(tmp_path):
    points, expected = points_of_two_rounds(tmp_path)
    assert len(expected) == 2
    assert {"round.train.after", "commit.inside", "round.publish.before", "round.trim.after"} <= set(points)
    for point in sorted(set(points)):
        for times in sorted({1, points.count(point)}):
            bench = Bench(tmp_path / f"{point}-{times}", rules=GROWING)
            crash = CrashAt(point, times)
            learner = survive(bench, lambda bench=bench, crash=crash: bench.learner(crash))
            for _ in range(2):
                bench.feed(240, FEW_RED)
                bench.now_ms += 60_000
                learner = survive(bench, lambda learner=learner: (learn_all(learner), learner)[1])
            assert crash.left <= 0, f"{point} was not reached {times} times"
            assert bench.versions() == expected, f"killed at {point} the {times}. time"
            totals = check_tiles(entry["lineage"] for entry in rounds(learner))
            assert totals == {(LOG.topic, LOG.topic_id, 0): (0, 480, 480)}, f"killed at {point} the {times}. time"
            bench.die()


def survive(bench, work):
    """Do the work; should it die, start anew as a supervisor would, and learn what is left."""
    try:
        return work()
    except Crash:
        learner = bench.learner()
        learn_all(learner)
        return learner


class FailingMaker(CandidateMaker):
    """Training raises, the first `failures` times."""

    failures = 0
    error: Exception = ValueError("a strange picture")

    def train(self, *args, **kwargs):
        if type(self).failures > 0:
            type(self).failures -= 1
            raise type(self).error
        return super().train(*args, **kwargs)


@pytest.fixture
def failing():
    class Maker(FailingMaker):
        pass

    return Maker


def test_a_window_that_fails_three_times_is_quarantined_and_learning_goes_on(bench, failing):
    failing.failures = 3
    learner = bench.learner(maker=failing)
    bench.feed(200)
    bench.now_ms += 60_000
    learn_all(learner)
    assert [entry["outcome"] for entry in rounds(learner)] == ["refused"]
    assert "a strange picture" in rounds(learner)[0]["reason"]
    assert learner.directory.ledger.counts()["quarantined"] == 180
    bench.feed(200)
    bench.now_ms += 60_000
    learn_all(learner)
    assert rounds(learner)[-1]["outcome"] == "published"


def test_two_failures_are_forgiven(bench, failing):
    failing.failures = 2
    learner = bench.learner(maker=failing)
    bench.feed(200)
    bench.now_ms += 60_000
    learn_all(learner)
    assert [entry["outcome"] for entry in rounds(learner)] == ["published"]


def test_a_broken_device_is_not_the_windows_fault(bench, failing):
    failing.failures, failing.error = 20, DeviceError("out of memory")
    learner = bench.learner(maker=failing)
    bench.feed(200)
    bench.now_ms += 60_000
    for _ in range(20):
        assert not learner.turn()
        assert "out of memory" in learner.outage.reason
    assert learner.turn()
    assert [entry["outcome"] for entry in rounds(learner)] == ["published"]
    assert not learner.outage.ongoing


def test_weights_that_cannot_be_published_are_the_windows_fault(bench):
    learner = bench.learner()
    learner.round.publisher = Unpublishable()
    bench.feed(200)
    bench.now_ms += 60_000
    learn_all(learner)
    assert [entry["outcome"] for entry in rounds(learner)] == ["refused"]
    assert "ParityError" in rounds(learner)[0]["reason"]


def test_an_exporter_that_fails_is_not_the_windows_fault(bench):
    learner = bench.learner()
    learner.round.publisher = Unpublishable(ExportError("no memory"))
    bench.feed(200)
    bench.now_ms += 60_000
    for _ in range(5):
        assert not learner.turn()
    assert "no memory" in learner.outage.reason
    assert rounds(learner) == []


class Unpublishable:
    def __init__(self, error=None):
        self.error = error or ParityError(0.1, 0.2, (1e-4, 1e-3))

    def stage(self, *_args, **_facts):
        raise self.error


def test_unlucky_kills_do_not_quarantine_but_ten_deaths_do(bench):
    bench.feed(200)
    bench.now_ms += 60_000
    for death in range(1, 11):
        learner = bench.learner(CrashAt("round.train.after"))
        with pytest.raises(Crash):
            learn_all(learner)
        assert learner.directory.ledger.open_claim().deaths == death - 1
    learner = bench.learner()
    learn_all(learner)
    assert [entry["outcome"] for entry in rounds(learner)] == ["refused"]
    assert "died 10 times" in rounds(learner)[0]["reason"]


def test_redis_away_is_waited_for(bench):
    bench.feed(200)
    bench.now_ms += 60_000
    learner = bench.learner()
    bench.buffer.available = False
    assert not learner.turn()
    assert learner.outage.ongoing
    bench.buffer.available = True
    assert learner.turn()
    assert bench.versions()


def test_redis_away_after_the_claim_does_not_stop_the_round(bench):
    def away(point):
        if point == "round.claim.after":
            bench.buffer.available = False

    bench.feed(200)
    bench.now_ms += 60_000
    learner = bench.learner(away)
    with pytest.raises(BufferUnavailableError):
        learner.run_once()
    assert set(bench.versions()) == {"1"}, "published, and only the trim is left"
    bench.buffer.available = True
    learn_all(bench.learner())
    assert bench.buffer.logs()[0].length == 0


def test_a_wiped_redis_is_told_the_positions_again(bench):
    bench.feed(200)
    bench.now_ms += 60_000
    learner = bench.learner()
    learn_all(learner)
    bench.buffer.wipe()
    bench.now_ms += 6_000
    learner.run_once()
    assert bench.buffer.learnt(LOG) == 200


def test_a_request_is_answered_between_rounds_also_while_redis_is_away(bench):
    learner = bench.learner()
    bench.feed(200)
    bench.now_ms += 60_000
    learn_all(learner)
    request = leave_request(learner.directory.path, "unheard of", {}, bench.now_ms)
    bench.buffer.available = False
    assert not learner.turn()
    event = learner.directory.ledger.event(request)
    assert event is not None
    assert "unheard of" in event.answer


def test_a_window_of_unknown_labels_is_accounted_for_and_waits(tmp_path):
    bench = Bench(tmp_path, rules=StoreRules(class_min_samples=400, waiting_max=200))
    learner = bench.learner()
    with capture_logs() as said:
        for _ in range(2):
            bench.feed(200)
            bench.now_ms += 60_000
            learn_all(learner)
    bench.die()
    assert [entry["outcome"] for entry in rounds(bench.learner())] == ["refused", "refused"]
    assert "180 wait for their label" in rounds(bench.learner())[0]["reason"]
    assert [one["samples"] for one in said if "store.waiting_max" in one["event"]] == [160]
    bench.die()


def test_a_window_of_one_class_teaches_nothing_but_is_kept(bench):
    bench.feed(200, LABELS[:1])
    bench.now_ms += 60_000
    learner = bench.learner()
    learn_all(learner)
    assert [entry["outcome"] for entry in rounds(learner)] == ["held"]
    assert learner.directory.ledger.counts()["train"] > 100
    bench.feed(200, LABELS[1:2])
    bench.now_ms += 60_000
    learn_all(learner)
    assert rounds(learner)[-1]["outcome"] == "published"


def test_another_architecture_on_the_same_state_is_refused(bench):
    learner = bench.learner()
    bench.feed(200)
    bench.now_ms += 60_000
    learn_all(learner)
    other = bench.learner(architecture="tests.support.factories:small_conv")
    bench.feed(200)
    bench.now_ms += 60_000
    with pytest.raises(ArchitectureChangedError, match=r"set model\.architecture"):
        learn_all(other)
