"""Old versions go, in the learner's order: by the rules, crash-safe, and known as retired from then on."""

import json
import shutil
from dataclasses import replace

import pytest

from daemon.checking.findings import look
from daemon.config import load
from model.publishing.reader import RepositoryReader
from model.publishing.verify import verify_repository
from model.store import Ledger, StoreRules, leave_request, verify
from model.store.retention import KeepRules
from tests.support.learners import LOG, Bench, Crash, CrashAt


def learn_all(learner, turns=30):
    for _ in range(turns):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def teach(bench, learner, rounds=1):
    for _ in range(rounds):
        bench.feed(200)
        bench.now_ms += 60_000
        learn_all(learner)


def look_again(bench, learner):
    bench.now_ms += 6_000
    learn_all(learner)


def folders(bench):
    return sorted(int(name) for name in bench.versions())


def troubles(bench):
    sets = [f"paths.state={bench.folder / 'state'}", f"paths.repository={bench.folder / 'models'}"]
    with Ledger.read_only(bench.folder / "state") as ledger:
        return look(load(environ={}, sets=sets).config, ledger)


def real_troubles(bench):
    """What `verify` finds, but for artefacts without metadata: the bench's are no ONNX."""
    return [one for one in troubles(bench) if one.kind != "manifest_disagrees"]


def missing(bench):
    return [(one.subject, one.harmless) for one in real_troubles(bench) if one.kind == "missing_version"]


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path, rules=StoreRules(versions_kept=1))
    one.keep = KeepRules(2, 0)
    yield one
    one.die()


def test_artefact_and_weights_go_together_and_nobody_finds_anything_wrong(bench):
    learner = bench.learner()
    teach(bench, learner, 6)
    look_again(bench, learner)
    assert folders(bench) == [5, 6]
    kept = learner.directory.ledger.restorable()
    assert set(kept) <= {5, 6}
    assert len(list((bench.folder / "state" / "weights").glob("*.safetensors"))) <= 2
    assert [one.retired_at_ms is not None for one in learner.directory.ledger.versions()] == [True] * 4 + [False] * 2
    assert verify(bench.folder / "state") == [] and real_troubles(bench) == []
    assert learner.observer.snapshot()["repository"] == {
        "versions": 2,
        "bytes": sum(file.stat().st_size for file in (bench.folder / "models" / "default").glob("[0-9]*/*")),
    }
    assert learner.directory.ledger.version(1).manifest["version"] == 1


def test_without_a_new_round_what_was_kept_for_a_while_goes_as_well(bench):
    bench.keep = KeepRules(1, 600)
    learner = bench.learner()
    teach(bench, learner, 5)
    assert folders(bench) == [1, 2, 3, 4, 5]
    bench.now_ms += 700_000
    learn_all(learner)
    assert folders(bench) == [4, 5]


def test_a_rollback_to_a_retired_version_is_refused_with_those_left(bench):
    learner = bench.learner()
    teach(bench, learner, 5)
    look_again(bench, learner)
    asked = leave_request(bench.folder / "state", "rollback", {"version": 1}, bench.now_ms)
    learn_all(learner)
    event = learner.directory.ledger.event(asked)
    assert not event.done
    left = ", ".join(map(str, learner.directory.ledger.restorable()))
    assert event.answer == (f"version 1 is retired, its files are gone (publish.keep): one can roll back to {left}")


def test_what_was_rolled_back_to_stays_and_so_do_its_successors_parents(bench):
    bench.rules = StoreRules(versions_kept=4)
    learner = bench.learner()
    teach(bench, learner, 6)
    target = learner.directory.ledger.restorable()[0]
    assert target <= 3
    leave_request(bench.folder / "state", "rollback", {"version": target}, bench.now_ms)
    learn_all(learner)
    look_again(bench, learner)
    assert target in folders(bench)
    teach(bench, learner)
    champion = learner.directory.ledger.champion()
    assert champion.parent == target and target in folders(bench)
    assert RepositoryReader(bench.folder / "models", "default").champion().version == champion.version
    assert real_troubles(bench) == []


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Four versions, all kept so far: the next learner keeps two."""
    bench = Bench(tmp_path_factory.mktemp("taught"), rules=StoreRules(versions_kept=1))
    bench.keep = KeepRules(4, 0)
    learner = bench.learner()
    teach(bench, learner, 4)
    look_again(bench, learner)
    bench.die()
    bench.keep = KeepRules(2, 0)
    return bench


def retiring_points(taught, folder):
    spy = CrashAt()
    bench = taught.copied_to(folder)
    learn_all(bench.learner(spy))
    bench.die()
    assert folders(bench) == [3, 4]
    return [point for point in dict.fromkeys(spy.reached) if "retire" in point or "removal" in point]


def test_killed_at_any_point_it_is_finished_by_the_next_life(taught, tmp_path):
    points = retiring_points(taught, tmp_path / "undisturbed")
    assert len(points) == 8, points
    for point in points:
        for times in (1, 2) if "removal" in point else (1,):
            bench = taught.copied_to(tmp_path / f"{point}-{times}".replace(" ", "-"))
            with pytest.raises(Crash):
                learn_all(bench.learner(CrashAt(point, times)))
            bench.die()
            reader = RepositoryReader(bench.folder / "models", "default")
            assert reader.champion().version == 4
            for version in (1, 2):
                whole = reader.manifest(version) is not None and reader.artefact(version) is not None
                assert whole or reader.is_retired(version), f"killed at {point}: {version} is half there"
            assert [one for one in real_troubles(bench) if not one.harmless] == [], f"killed at {point}"
            learner = bench.learner()
            learn_all(learner)
            assert folders(bench) == [3, 4], f"killed at {point}"
            assert reader.is_retired(1) and reader.is_retired(2)
            assert real_troubles(bench) == []
            bench.die()


def test_a_repository_that_cannot_be_written_is_waited_for(taught, tmp_path):
    bench = taught.copied_to(tmp_path / "full")
    away = True

    def full(point):
        if away and point == "before removal":
            raise OSError(28, "No space left on device")

    learner = bench.learner(full)
    for _ in range(3):
        assert not learner.turn()
        assert "No space" in learner.outage.reason
    away = False
    learn_all(learner)
    assert folders(bench) == [3, 4] and real_troubles(bench) == []
    bench.die()


def test_a_folder_deleted_by_hand_is_damage_where_somebody_needs_it_and_harmless_until_it_is_retired_else(bench):
    bench.keep = KeepRules(3, 0)
    learner = bench.learner()
    teach(bench, learner, 3)
    home = bench.folder / "models" / "default"
    shutil.rmtree(home / "1")
    assert missing(bench) == [("version 1", True)], "no weights are kept of it, and it is nobody's parent"
    (home / "2").rename(bench.folder / "aside")
    assert missing(bench) == [("version 1", True), ("version 2", False)], "the champion's parent"
    (bench.folder / "aside").rename(home / "2")
    teach(bench, learner)
    look_again(bench, learner)
    assert folders(bench) == [2, 3, 4] and real_troubles(bench) == []
    assert RepositoryReader(bench.folder / "models", "default").is_retired(1)


def test_a_list_that_was_lost_is_written_again_at_the_start(bench):
    learner = bench.learner()
    teach(bench, learner, 4)
    look_again(bench, learner)
    bench.die()
    (bench.folder / "models" / "default" / "retired.json").unlink()
    learn_all(bench.learner())
    assert json.loads((bench.folder / "models" / "default" / "retired.json").read_text()) == {"retired": [[1, 2]]}


def test_a_list_that_is_deleted_under_a_living_learner_is_written_again(bench):
    learner = bench.learner()
    file = bench.folder / "models" / "default" / "retired.json"
    teach(bench, learner, 2)
    look_again(bench, learner)
    assert not file.exists(), "nothing is retired yet"
    teach(bench, learner, 2)
    look_again(bench, learner)
    whole = file.read_text()
    assert json.loads(whole) == {"retired": [[1, 2]]}
    file.unlink()
    look_again(bench, learner)
    assert file.read_text() == whole
    file.unlink()
    teach(bench, learner)
    look_again(bench, learner)
    assert json.loads(file.read_text()) == {"retired": [[1, 3]]}, "the whole list, not the newest alone"


def test_a_backup_that_is_restored_knows_what_the_other_life_has_retired(bench):
    """The backup has versions 1 and 2; the world has 5 and 6, the others are retired."""
    learner = bench.learner()
    teach(bench, learner, 2)
    bench.die()
    shutil.copytree(bench.folder / "state", bench.folder / "backup")
    learner = bench.learner()
    teach(bench, learner, 4)
    look_again(bench, learner)
    assert folders(bench) == [5, 6]
    bench.die()
    shutil.rmtree(bench.folder / "state")
    shutil.copytree(bench.folder / "backup", bench.folder / "state")
    learner = bench.learner(adopt=True)
    learner.run_once()
    end, bench.end = bench.end, bench.buffer.learnt(LOG)
    bench.feed(end - bench.end)
    bench.now_ms += 60_000
    learn_all(learner)
    ledger = learner.directory.ledger
    assert ledger.champion().version >= 7, "no number is given twice"
    assert all(ledger.version(one).retired_at_ms for one in (1, 2))
    assert RepositoryReader(bench.folder / "models", "default").champion().version == ledger.champion().version
    assert not [one for one in real_troubles(bench) if not one.harmless]
    look_again(bench, learner)
    assert set(folders(bench)) >= {5, 6}, "versions of the life that was given up stay"


def test_an_old_repository_of_many_versions_is_cleaned_up_bit_by_bit(bench):
    bench.keep = KeepRules(100, 0)
    learner = bench.learner()
    teach(bench, learner, 20)
    assert len(folders(bench)) == 20
    bench.die()
    bench.keep = KeepRules(2, 0)
    spy = CrashAt()
    learner = bench.learner(spy)
    learn_all(learner)
    assert folders(bench) == [17, 18, 19, 20], "sixteen at a time"
    look_again(bench, learner)
    assert folders(bench) == [19, 20]
    assert verify_repository(bench.folder / "models", "default")[0].kind == "manifest_disagrees"
    assert real_troubles(bench) == []


def test_rules_of_the_configuration_reach_the_learner():
    config = load(environ={}, sets=["publish.keep=7", "publish.keep_s=0"]).config
    assert (config.publish.keep, config.publish.keep_s) == (7, 0)
    assert replace(KeepRules(), newest=config.publish.keep).newest == 7
