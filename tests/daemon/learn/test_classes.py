"""Classes that leave and come back, from the request to the next version; and after a death at every point of it."""

import json

import numpy as np
import pytest
from structlog.testing import capture_logs

from model.learning.state import LearnerState
from model.store import leave_request, verify
from tests.daemon.learn.test_rollback import learn_all, teach
from tests.support.accounting import check_tiles
from tests.support.learners import LABELS, Bench, Crash, CrashAt


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Two versions that know dark, light and red, in this order."""
    bench = Bench(tmp_path_factory.mktemp("taught"))
    learner = bench.learner()
    teach(bench, learner, LABELS)
    teach(bench, learner, LABELS)
    bench.die()
    return bench


@pytest.fixture
def copied(taught, tmp_path):
    """Return a function that makes a copy of `taught`, to be spoilt."""
    made = []

    def make(name="copy"):
        made.append(taught.copied_to(tmp_path / name))
        return made[-1]

    yield make
    for bench in made:
        bench.die()


def ask(bench, kind, **arguments):
    bench.now_ms += 1
    return leave_request(bench.folder / "state", kind, arguments, bench.now_ms)


def labels_txt(bench):
    return (bench.folder / "models" / "default" / "labels.txt").read_text().split()


def sound(bench):
    return [one for one in verify(bench.folder / "state") if not one.harmless] == []


def state_of(learner):
    return LearnerState.load(learner.directory.weights_path(learner.directory.ledger.current_state()))


def test_a_retired_class_is_in_no_later_version_and_the_others_keep_what_they_know(copied):
    bench = copied()
    asked = ask(bench, "classes.retire", name="light")
    learner = bench.learner()
    before = state_of(learner)
    learn_all(learner)
    ledger = learner.directory.ledger
    assert ledger.event(asked).done
    assert labels_txt(bench) == list(LABELS), "the champion keeps its classes until the next version"
    champion = learner.round.judge.champion_network()
    rows = [before.classes.index("dark"), before.classes.index("red")]
    assert champion.spec.classes_n == 2
    assert np.array_equal(
        champion.head.weight.detach(), before.average.tensors["body." + champion.head_name + ".weight"][rows]
    )
    learnt = learner.round.judge.champion_on_holdout(champion)
    assert learnt.accuracy > 0.9, "its answers go by the new indexes"
    teach(bench, learner, ("dark", "red", "light"))
    newest = ledger.champion()
    assert newest.manifest["classes"] == ["dark", "red"] == labels_txt(bench)
    assert newest.manifest["evaluation"]["candidate_accuracy"] > 0.9
    assert state_of(learner).classes == ("dark", "red")
    assert ledger.counts()["waiting"] > 40
    check_tiles(version.manifest["lineage"] for version in ledger.versions())
    assert sound(bench)
    ask(bench, "classes.admit", name="light")
    teach(bench, learner, LABELS)
    assert labels_txt(bench) == ["dark", "red", "light"]
    assert sound(bench)


def test_a_merged_class_is_learnt_as_the_other_and_a_rollback_brings_it_back(copied):
    bench = copied()
    learner = bench.learner()
    stored = learner.directory.ledger.class_counts()
    ask(bench, "classes.merge", **{"from": "light", "into": "dark"})
    learn_all(learner)
    ledger = learner.directory.ledger
    assert ledger.class_counts() == {"dark": stored["dark"] + stored["light"], "red": stored["red"]}
    teach(bench, learner, LABELS)
    assert ledger.champion().version == 3
    assert ledger.champion().manifest["classes"] == ["dark", "red"]
    ask(bench, "rollback", version=2)
    learn_all(learner)
    assert ledger.classes() == LABELS
    assert labels_txt(bench) == list(LABELS)
    assert ledger.class_counts() == stored
    assert sound(bench)
    teach(bench, learner, LABELS)
    assert ledger.champion().manifest["classes"] == list(LABELS)
    assert ledger.champion().manifest["evaluation"]["candidate_accuracy"] > 0.9
    assert sound(bench)


def test_a_change_is_undone_by_a_rollback_to_the_version_that_is_champion_still(copied):
    bench = copied()
    learner = bench.learner()
    stored = learner.directory.ledger.class_counts()
    ask(bench, "classes.retire", name="red")
    ask(bench, "rollback", version=2)
    learn_all(learner)
    ledger = learner.directory.ledger
    assert (ledger.classes(), ledger.class_counts(), ledger.champion().version) == (LABELS, stored, 2)
    champion = learner.round.judge.champion_network()
    assert champion.spec.classes_n == 3
    assert learner.round.judge.champion_on_holdout(champion).accuracy > 0.9
    teach(bench, learner, LABELS)
    assert labels_txt(bench) == list(LABELS)
    assert sound(bench)


def test_the_same_claim_gives_the_same_bytes_after_a_restart(copied):
    versions = []
    for name, point in (("whole", ""), ("killed", "round.train.before")):
        bench = copied(name)
        ask(bench, "classes.retire", name="dark")
        bench.feed(200, LABELS)
        bench.now_ms += 60_000
        try:
            learn_all(bench.learner(CrashAt(point)))
        except Crash:
            learn_all(bench.learner())
        versions.append(bench.versions())
    assert versions[0] == versions[1]
    assert len(versions[0]) == 3


def test_a_state_in_memory_gives_the_bytes_of_one_that_is_read(copied):
    versions = []
    for name in ("alive", "restarted"):
        bench = copied(name)
        learner = bench.learner()
        teach(bench, learner, LABELS)
        if name == "restarted":
            learner = bench.learner()
        ask(bench, "classes.retire", name="dark")
        teach(bench, learner, LABELS)
        versions.append(bench.versions())
    assert versions[0] == versions[1]
    assert len(versions[0]) == 4


def contents(learner):
    """Return what must not depend on deaths."""
    queries = (
        "SELECT sample, label, role, slot, accepted FROM samples",
        "SELECT * FROM tallies WHERE count > 0",
        "SELECT sample, parcel, was FROM aside",
        "SELECT name, class, joined_round FROM labels",
        "SELECT kind, name, target, round, move, pictures, windows, undone FROM class_events",
        "SELECT * FROM class_moves",
        "SELECT version, parent, sha256, state FROM versions",
        "SELECT round, state, parent, classes, undone, result, screened FROM rounds",
        "SELECT version, samples, predicted, classes FROM answers",
    )
    return [sorted(map(repr, learner.directory._database.execute(query))) for query in queries]


def changes(bench):
    ask(bench, "classes.merge", **{"from": "light", "into": "dark"})
    ask(bench, "rollback", version=1)
    ask(bench, "classes.retire", name="dark")
    bench.feed(160, LABELS)
    bench.now_ms += 60_000


def test_killed_at_any_point_each_change_is_done_once_and_whole(copied):
    spy = CrashAt()
    undisturbed = copied("undisturbed")
    learner = undisturbed.learner(spy)
    changes(undisturbed)
    learn_all(learner)
    expected = contents(learner)
    assert learner.directory.ledger.classes() == ("light", "red")
    points = [one for one in dict.fromkeys(spy.reached) if one.startswith(("request", "settled", "claim", "commit"))]
    assert len(points) >= 10
    for place, point in enumerate(points):
        times = 1 + place % spy.reached.count(point)
        bench = copied(f"{point}-{times}")
        learner = bench.learner(CrashAt(point, times))
        changes(bench)
        try:
            learn_all(learner)
        except Crash:
            learner = bench.learner()
            learn_all(learner)
        assert contents(learner) == expected, f"killed at {point} the {times}. time"
        assert sound(bench)
        bench.die()


def test_each_class_that_joins_is_a_line_and_a_figure(tmp_path):
    bench = Bench(tmp_path)
    learner = bench.learner()
    with capture_logs() as lines:
        teach(bench, learner, LABELS[:2])
    joined = [line for line in lines if line["event"] == "class joined"]
    assert [(one["name"], one["windows"]) for one in joined] == [("dark", 1), ("light", 1)]
    assert all(one["pictures"] > 50 and one["sources"] for one in joined)
    assert learner.observer.snapshot()["classes"] == {"class": 2, "waiting": 0, "near": 0, "merged": 0, "retired": 0}
    with capture_logs() as lines:
        learner.run_once()
    assert [line for line in lines if line["event"] == "class joined"] == []
    with capture_logs() as lines:
        learn_all(bench.learner())
    assert len([line for line in lines if line["event"] == "class joined"]) in (0, 2), "a crash may have hidden them"
    bench.die()


def test_a_request_for_classes_is_not_taken_from_the_repository(copied):
    from model.publishing.mailbox import Mailbox

    bench = copied()
    mailbox = Mailbox(bench.folder / "models", "default")
    asked = mailbox.ask("classes.retire", {"name": "red"}, bench.now_ms)
    learn_all(bench.learner())
    assert not mailbox.answer(asked).done
    assert json.loads((bench.folder / "models" / "default" / "champion.json").read_text())["version"] == 2
