"""A state restored from an older backup: noticed, refused with the cure, and with --adopt gone on from without harm."""

import json
import shutil

import pytest

from model.publishing.errors import ForeignRepositoryError
from model.store import verify
from model.store.errors import OlderStateError
from streaming.buffer import BufferMisconfiguredError
from tests.support.accounting import check_tiles
from tests.support.learners import LOG, Bench, Crash, CrashAt


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def learn(bench, dead_every=10):
    """Feed 200 records and learn them with a new learner; return it."""
    learner = bench.learner()
    learner.run_once()
    bench.feed(200, dead_every=dead_every)
    bench.now_ms += 60_000
    rest(learner)
    return learner


def rest(learner):
    for _ in range(20):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def back_up(bench):
    bench.die()
    shutil.copytree(bench.folder / "state", bench.folder / "backup")


def restore(bench):
    bench.die()
    shutil.rmtree(bench.folder / "state")
    shutil.copytree(bench.folder / "backup", bench.folder / "state")


def read_again(bench):
    """Do as an ingestor does whose stream is gone: fill it from what the learner left."""
    end, bench.end = bench.end, bench.buffer.learnt(LOG)
    bench.feed(end - bench.end)


def visible(bench):
    home = bench.folder / "models" / "default"
    return {str(file.relative_to(home)): file.read_bytes() for file in home.glob("[1-9]*/*")}


def pointer(bench):
    return json.loads((bench.folder / "models" / "default" / "champion.json").read_text())["version"]


@pytest.fixture
def restored(bench):
    """One version in the backup, three in the world."""
    learn(bench)
    back_up(bench)
    learn(bench)
    learn(bench)
    assert set(bench.versions()) == {"1", "2", "3"}
    restore(bench)
    return bench


def test_an_older_state_is_refused_with_what_it_misses_and_the_cure_and_nothing_changes(restored):
    before = (visible(restored), restored.buffer.learnt(LOG), restored.buffer.position(LOG))
    staged = restored.folder / "models" / "default" / ".staging" / "7"
    staged.mkdir()
    for _ in range(2):
        learner = restored.learner()
        with pytest.raises(OlderStateError) as refused:
            learner.run_once()
        for words in (
            "the repository holds version 3, its newest is 1",
            "images/0 was learnt up to 600, it knows 200",
            "Restore a newer backup",
            "--adopt",
        ):
            assert words in str(refused.value)
    assert (visible(restored), restored.buffer.learnt(LOG), restored.buffer.position(LOG)) == before
    assert staged.is_dir(), "what the newer state staged is not ours to sweep"


def test_adopted_it_reads_kafka_again_and_gives_no_number_twice(restored):
    before = visible(restored)
    learner = restored.learner(adopt=True)
    learner.run_once()
    assert (restored.buffer.position(LOG), restored.buffer.learnt(LOG)) == (0, 200)
    assert pointer(restored) == 3, "the pointer never goes back in silence"
    assert json.loads(restored.announcer.sent[-1])["version"] == 3
    read_again(restored)
    restored.now_ms += 60_000
    rest(learner)
    rounds = list(learner.directory.ledger.rounds())
    assert check_tiles(entry["lineage"] for entry in rounds) == {(LOG.topic, LOG.topic_id, 0): (0, 600, 600)}
    new = set(visible(restored)) - set(before)
    assert {name.partition("/")[0] for name in new} == {"4", "5"}
    assert {name: visible(restored)[name] for name in before} == before
    assert pointer(restored) == 5
    manifest = learner.directory.ledger.version(4).manifest
    assert manifest["parent"] == 1
    assert manifest["lineage"][0]["from"] == 200
    assert verify(restored.folder / "state") == []
    restored.learner().run_once()


def test_adopting_is_done_once_however_often_it_is_asked_for(restored):
    learner = restored.learner(adopt=True)
    learner.run_once()
    name = learner.directory.ledger.state_id()
    read_again(restored)
    restored.now_ms += 60_000
    rest(learner)
    learner = restored.learner(adopt=True)
    learner.run_once()
    assert learner.directory.ledger.state_id() == name
    assert restored.buffer.position(LOG) == 600, "its streams were not deleted again"


@pytest.mark.parametrize("point", ["adoption.before", "adoption.inside", "adoption.after", "reset", "belong_to"])
def test_an_interrupted_adoption_is_refused_until_it_is_done_again(restored, point, monkeypatch):
    learner = restored.learner(CrashAt(point), adopt=True)
    with monkeypatch.context() as patch:
        for owner in (restored.buffer, learner.round.repository):
            if hasattr(owner, point):
                patch.setattr(owner, point, die)
        with pytest.raises(Crash):
            learner.run_once()
    with pytest.raises((OlderStateError, ForeignRepositoryError, BufferMisconfiguredError)):
        restored.learner().run_once()
    restored.learner(adopt=True).run_once()
    assert (restored.buffer.position(LOG), restored.buffer.learnt(LOG)) == (0, 200)
    restored.learner().run_once()


def die(*_):
    raise Crash


def test_the_life_that_was_given_up_is_refused_when_it_comes_back(restored):
    shutil.copytree(restored.folder / "state", restored.folder / "other")
    restored.learner(adopt=True).run_once()
    restored.die()
    shutil.rmtree(restored.folder / "state")
    shutil.move(restored.folder / "other", restored.folder / "state")
    with pytest.raises(ForeignRepositoryError, match="another state directory"):
        restored.learner()


def test_an_older_state_shows_by_its_positions_alone(bench):
    learn(bench)
    back_up(bench)
    learn(bench, dead_every=1)  # nothing but dead letters: a round without a version
    restore(bench)
    assert set(bench.versions()) == {"1"}
    with pytest.raises(OlderStateError, match=r"made of it: images/0 was learnt up to 400, it knows 200"):
        bench.learner().run_once()


def test_an_older_state_shows_by_the_buffers_beginning_where_what_was_left_is_lost(bench):
    learn(bench)
    back_up(bench)
    bench.buffer.wipe()
    bench.end = 300
    bench.feed(100)
    restore(bench)
    with pytest.raises(OlderStateError, match="images/0 was learnt up to 300, it knows 200"):
        bench.learner().run_once()
    bench.learner(adopt=True).run_once()
    assert (bench.buffer.position(LOG), bench.buffer.learnt(LOG)) == (0, 200)


def test_a_version_that_was_pending_in_the_backup_and_published_since_is_not_published_again(bench):
    learn(bench)
    bench.feed(200)
    bench.now_ms += 60_000
    with pytest.raises(Crash):
        rest(bench.learner(CrashAt("round.publish.before")))
    back_up(bench)
    learn(bench)
    assert set(bench.versions()) == {"1", "2", "3"}
    before = visible(bench)
    restore(bench)
    with pytest.raises(OlderStateError):
        bench.learner().run_once()
    learner = bench.learner(adopt=True)
    learner.run_once()
    assert pointer(bench) == 3
    assert [entry["outcome"] for entry in learner.directory.ledger.rounds()] == ["published", "held"]
    read_again(bench)
    bench.now_ms += 60_000
    rest(learner)
    assert pointer(bench) == 4
    assert {name: visible(bench)[name] for name in before} == before
    assert verify(bench.folder / "state") == []


def test_a_new_state_that_adopts_a_repository_goes_on_above_its_versions(bench):
    learn(bench)
    learn(bench)
    bench.die()
    shutil.rmtree(bench.folder / "state")
    with pytest.raises(ForeignRepositoryError):
        bench.learner()
    learner = bench.learner(adopt=True)
    learner.run_once()
    assert (bench.buffer.position(LOG), bench.buffer.learnt(LOG)) == (0, 0)
    read_again(bench)
    bench.now_ms += 60_000
    rest(learner)
    assert set(bench.versions()) >= {"1", "2", "3"}
    assert pointer(bench) >= 3
    assert next(learner.directory.ledger.versions()).version == 3
    assert verify(bench.folder / "state") == []
