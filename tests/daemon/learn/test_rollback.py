"""A rollback, from the request to the next version; and after a death at every point of it."""

import json

import pytest

from model.publishing.mailbox import Mailbox
from model.store import Ledger, leave_request, verify
from tests.support.accounting import check_tiles
from tests.support.learners import LABELS, Bench, Crash, CrashAt


def learn_all(learner, turns=20):
    for _ in range(turns):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def teach(bench, learner, labels=LABELS[:2]):
    bench.feed(200, labels)
    bench.now_ms += 60_000
    learn_all(learner)


def pointer(bench):
    return json.loads((bench.folder / "models" / "default" / "champion.json").read_text())["version"]


def announced(bench):
    return [json.loads(value)["version"] for value in bench.announcer.sent]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Three versions; the class `red` joined with the third."""
    bench = Bench(tmp_path_factory.mktemp("taught"))
    learner = bench.learner()
    for labels in (LABELS[:2], LABELS[:2], LABELS):
        teach(bench, learner, labels)
    bench.die()
    assert announced(bench) == [1, 2, 3]
    return bench


@pytest.fixture
def copied(taught, tmp_path):
    """Return a function that makes a copy of `taught`, to be spoilt."""
    made = []

    def make(name="copy"):
        bench = taught.copied_to(tmp_path / name)
        made.append(bench)
        return bench

    yield make
    for bench in made:
        bench.die()


def ask(bench, version):
    return leave_request(bench.folder / "state", "rollback", {"version": version}, bench.now_ms)


def test_pointer_announcement_and_the_next_version_follow_a_rollback(copied):
    bench = copied()
    asked = ask(bench, 2)
    learner = bench.learner()
    learn_all(learner)
    ledger = learner.directory.ledger
    assert ledger.event(asked).done
    assert pointer(bench) == 2
    assert announced(bench)[-1] == 2
    assert learner.observer.snapshot()["champion"] == 2
    assert ledger.counts()["suspect"] + ledger.counts()["waiting"] > 100
    teach(bench, learner)
    newest = ledger.champion()
    assert (newest.version, newest.parent, pointer(bench)) == (4, 2, 4)
    assert newest.manifest["classes"] == list(LABELS[:2])
    assert (bench.folder / "models" / "default" / "labels.txt").read_text().split() == list(LABELS[:2])
    check_tiles(version.manifest["lineage"] for version in ledger.versions())
    assert sorted(ledger.undone()) == [3]
    teach(bench, learner, LABELS)
    assert ledger.classes() == LABELS
    assert verify(bench.folder / "state") == []


def test_what_the_next_version_learns_from_is_the_version_rolled_back_to(copied):
    bench = copied()
    learner = bench.learner(CrashAt("round.claim.after"))
    ask(bench, 2)
    bench.feed(200)
    bench.now_ms += 60_000
    with pytest.raises(Crash):
        learn_all(learner)
    claim = learner.directory.ledger.open_claim()
    assert (claim.state, claim.parent, claim.version) == (learner.directory.ledger.version(2).state, 2, 4)


def test_a_request_in_the_repository_is_answered_there_when_the_pointer_has_moved(copied):
    bench = copied()
    mailbox = Mailbox(bench.folder / "models", "default")
    asked = mailbox.ask("rollback", {"version": 1}, bench.now_ms)
    other = mailbox.ask("quarantine.drop", {"parcel": 1}, bench.now_ms)
    (bench.folder / "models" / "default" / ".requests" / "strange.json").write_bytes(b"[" * 3000)
    seen = []
    reply = Mailbox.reply

    def noting(self, request, answer):
        seen.append((request, pointer(bench)))
        reply(self, request, answer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mailbox, "reply", noting)
        learn_all(bench.learner())
    assert (asked, 1) in seen
    assert mailbox.answer(asked).done
    assert "version 1 is champion again" in mailbox.answer(asked).text
    assert not mailbox.answer(other).done
    assert not mailbox.answer("strange").done
    assert mailbox.letters() == []


def test_an_open_round_ends_first(copied):
    bench = copied()
    bench.feed(200)
    bench.now_ms += 60_000
    with pytest.raises(Crash):
        learn_all(bench.learner(CrashAt("round.train.before")))
    ask(bench, 1)
    learner = bench.learner()
    learn_all(learner)
    assert [move.version for move in learner.directory.ledger.moves()] == [1, 2, 3, 4, 1]
    assert pointer(bench) == 1
    assert verify(bench.folder / "state") == []


def test_a_version_that_is_damaged_is_refused(copied):
    bench = copied()
    artefact = bench.folder / "models" / "default" / "2" / "model.onnx"
    artefact.chmod(0o644)
    artefact.write_text("something else")
    asked = ask(bench, 2)
    learner = bench.learner()
    learn_all(learner)
    event = learner.directory.ledger.event(asked)
    assert not event.done
    assert "cannot be served" in event.answer
    assert pointer(bench) == 3


def test_a_repository_that_is_away_is_waited_for(copied):
    bench = copied()
    away = True

    def full(point):
        if away and point == "before champion.json":
            raise OSError(28, "No space left on device")

    learner = bench.learner(full)
    learn_all(learner)
    asked = ask(bench, 2)
    bench.feed(200)
    for _ in range(3):
        assert not learner.turn()
        assert "No space" in learner.outage.reason
    assert pointer(bench) == 3
    away = False
    learn_all(learner)
    assert learner.directory.ledger.event(asked).done
    assert pointer(bench) >= 2
    assert [move.version for move in learner.directory.ledger.moves()][:4] == [1, 2, 3, 2]


def contents(learner):
    """Return what must not depend on deaths."""
    database = learner.directory._database
    queries = (
        "SELECT sample, label, role, slot, accepted FROM samples",
        "SELECT * FROM tallies WHERE count > 0",
        "SELECT * FROM aside",
        "SELECT name, class FROM labels",
        "SELECT version, cause, after_round FROM champions",
        "SELECT version, parent, sha256, state FROM versions",
        "SELECT round, state, parent, undone, result FROM rounds",
    )
    return [sorted(map(repr, database.execute(query))) for query in queries]


def test_killed_at_any_point_the_rollback_is_done_once_and_whole(copied, monkeypatch):
    monkeypatch.setattr(Ledger, "due_parcel", lambda _self, **_named: None)  # rounds are killed elsewhere
    spy = CrashAt()
    undisturbed = copied("undisturbed")
    learner = undisturbed.learner()
    learn_all(learner)
    learner = undisturbed.learner(spy)
    ask(undisturbed, 2)
    Mailbox(undisturbed.folder / "models", "default").ask("rollback", {"version": 1}, undisturbed.now_ms)
    learn_all(learner)
    expected = contents(learner)
    points = [point for point in dict.fromkeys(spy.reached) if "take" not in point]
    assert {"request.before", "request.inside", "settled.before", "before champion.json", "round.announce.after"} <= {
        *points
    }
    for index, point in enumerate(points):
        # Most points are reached by both rollbacks: die in the one and in the other, in turns.
        for times in (1 if index % 2 else spy.reached.count(point),):
            bench = copied(f"{point}-{times}".replace(" ", "-"))
            learn_all(bench.learner())
            learner = bench.learner(CrashAt(point, times))
            request = ask(bench, 2)
            mailbox = Mailbox(bench.folder / "models", "default")
            other = mailbox.ask("rollback", {"version": 1}, bench.now_ms)
            try:
                learn_all(learner)
            except Crash:
                learner = bench.learner()
                learn_all(learner)
            assert contents(learner) == expected, f"killed at {point} the {times}. time"
            assert pointer(bench) == 1
            assert announced(bench)[-1] == 1
            assert learner.directory.ledger.event(request).done
            assert mailbox.answer(other).done
            assert mailbox.letters() == []
            assert [one for one in verify(bench.folder / "state") if not one.harmless] == []
            bench.die()
