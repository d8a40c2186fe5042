"""A network trained from scratch in idle time replaces the champion where it is surely better, and only there."""

from dataclasses import replace

import pytest

from model.candidates import CandidateMaker
from model.judging.gate import Decision
from model.learning.errors import DeviceError, DivergedError
from model.network.errors import InitialWeightsError
from tests.support.learners import LABELS, Bench, Crash, CrashAt

TURNS = 6


class Blind(CandidateMaker):
    """Makes candidates that never say "red"; challengers it leaves alone."""

    def finish(self, claim, fresh, trained):
        """See CandidateMaker."""
        average, head = trained.state.average.tensors, trained.state.network.head_parameters
        (bias,) = (name for name in head if average[name].dim() == 1)
        if not claim.challenges and claim.round <= 4:
            average[bias][2:] = -100.0
        return super().finish(claim, fresh, trained)


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def feed(bench, learner, windows=4):
    for _ in range(windows):
        bench.feed(160, LABELS)
        bench.now_ms += 60_000
        assert learner.run_once()


def rest(learner, limit=200):
    """Run until there is nothing to do; return how many turns that took."""
    for turns in range(limit):
        if not learner.run_once():
            return turns
    raise AssertionError("the learner never came to rest")


def rounds(learner):
    return list(learner.directory.ledger.rounds())


def test_there_is_none_unless_it_is_wanted(bench):
    learner = bench.learner()
    feed(bench, learner)
    assert rest(learner) == 0
    assert learner.directory.ledger.last_challenge() == 0


def test_a_better_one_becomes_champion_and_learning_goes_on_from_it(bench):
    bench.challenger_turns = TURNS
    learner = bench.learner(maker=Blind)
    learner.challenger._last = -TURNS
    feed(bench, learner)
    before = learner.directory.ledger.champion()
    assert rest(learner) == TURNS, "a turn each time, the last of them with its round"
    after, told = learner.directory.ledger.champion(), rounds(learner)[-1]
    assert told["outcome"] == "published"
    assert told["reason"].startswith("a challenger, significantly better than the champion: ")
    assert (after.version, after.parent, after.round) == (before.version + 1, before.version, told["round"])
    assert told["lineage"] == after.manifest["lineage"] == [], "it took in nothing"
    assert (after.manifest["samples"]["fresh"], after.manifest["training"]["steps"]) == (0, 10 * TURNS)
    assert after.manifest["evaluation"]["candidate_accuracy"] > after.manifest["evaluation"]["champion_accuracy"]
    assert learner.directory.ledger.current_state() == after.state
    feed(bench, learner, 1)
    assert rounds(learner)[-1]["prequential_accuracy"] > after.manifest["evaluation"]["champion_accuracy"]
    assert learner.directory.ledger.champion().parent == after.version


def test_one_that_is_not_surely_better_changes_nothing(bench):
    bench.challenger_turns = 2
    learner = bench.learner()
    feed(bench, learner)
    state, champion = learner.directory.ledger.current_state(), learner.directory.ledger.champion()
    files = {file.name for file in (bench.folder / "state" / "weights").iterdir()}
    assert rest(learner) == 2
    told = rounds(learner)[-1]
    assert (told["outcome"], told["version"]) == ("held", None)
    assert told["reason"].startswith("a challenger, ")
    ledger = learner.directory.ledger
    assert (ledger.current_state(), ledger.champion()) == (state, champion)
    assert {file.name for file in (bench.folder / "state" / "weights").iterdir()} == files
    assert rest(learner) == 0, "the next one waits for as many rounds as it has turns"
    feed(bench, learner, 1)
    assert rest(learner) == 0
    feed(bench, learner, 1)
    assert rest(learner) == 2


def test_a_window_goes_before_it_and_its_training_goes_on_after(bench):
    bench.challenger_turns = 4
    learner = bench.learner()
    feed(bench, learner)
    assert learner.run_once() and learner.run_once()
    assert learner.challenger.turns == 2
    feed(bench, learner, 1)
    assert [one["lineage"] == [] for one in rounds(learner)] == [False] * 5
    assert learner.challenger.turns == 2
    assert rest(learner) == 2


def test_one_begun_before_a_class_joined_knows_it_in_the_end(bench):
    bench.challenger_turns = 4
    learner = bench.learner()
    for _ in range(4):
        bench.feed(160, LABELS[:2])
        bench.now_ms += 60_000
        learner.run_once()
    learner.run_once()
    assert learner.challenger._course.state.classes == LABELS[:2]
    feed(bench, learner, 1)
    learner.run_once()
    assert learner.challenger._course.state.classes == LABELS
    rest(learner)
    assert rounds(learner)[-1]["reason"].startswith("a challenger")


def test_after_a_rollback_it_begins_anew(bench):
    bench.challenger_turns = 4
    learner = bench.learner()
    feed(bench, learner)
    learner.run_once()
    learner.run_once()
    assert learner.challenger.turns == 2
    learner.directory._database.execute(
        "INSERT INTO champions (version, moved_at, cause, after_round, settled_at)"
        " SELECT version, 1, 'rollback', (SELECT max(round) FROM rounds), 1 FROM champions ORDER BY move DESC LIMIT 1"
    )
    learner.run_once()
    assert learner.challenger.turns == 1


@pytest.mark.parametrize(
    "error",
    [
        DivergedError(1, float("nan"), 0.0),
        DeviceError("learn.device cuda:0: out of memory"),
        InitialWeightsError("the file is gone"),
        RuntimeError("whatever torch says"),
    ],
)
def test_one_that_fails_is_given_up_and_the_learner_lives(bench, monkeypatch, error):
    bench.challenger_turns = 2
    learner = bench.learner()
    feed(bench, learner)

    def diverge(*_arguments, **_named):
        raise error

    monkeypatch.setattr("model.challenger.train", diverge)
    assert rest(learner) == 0
    assert learner.challenger.turns == 0
    assert not learner.outage.ongoing, "windows are learnt without it"
    assert rest(learner) == 0, "it is not tried again at once"


def test_killed_anywhere_a_challenge_ends_the_same(tmp_path):
    taught = Bench(tmp_path / "taught")
    feed(taught, taught.learner(maker=Blind))
    taught.die()
    taught.challenger_turns = TURNS

    def story(name, crash):
        bench = taught.copied_to(tmp_path / name)
        learner = bench.learner(crash, maker=Blind)
        learner.challenger._last = -TURNS
        for _ in range(TURNS - 1):
            learner.run_once()
        crash.reached.clear()
        crash.armed = True
        try:
            learner.run_once()
        except Crash:
            learner = bench.learner(maker=Blind)
            learner.challenger._last = -TURNS
            if learner.directory.open_claim() or learner.directory.ledger.last_challenge():
                learner.challenger._last = 10**6
            rest(learner)  # where no claim was made yet, what it had learnt was in memory only
        champion = learner.directory.ledger.champion()
        files = {file.name for file in (tmp_path / name / "state" / "weights").iterdir()}
        ends = (len(rounds(learner)), champion.version, champion.sha256, champion.state, bench.versions(), files)
        bench.die()
        return ends

    whole = LateCrash()
    expected = story("whole", whole)
    assert expected[1] == 4
    points = dict.fromkeys(whole.reached)
    assert {"claim.inside", "weights.after", "commit.inside", "publication.before"} <= set(points)
    for number, point in enumerate(points):
        for times in range(1, whole.reached.count(point) + 1):
            assert story(f"crash-{number}-{times}", LateCrash(point, times)) == expected, (point, times)


class LateCrash(CrashAt):
    """As CrashAt, once it is armed."""

    armed = False

    def __call__(self, point):
        if self.armed:
            super().__call__(point)


def test_a_round_that_cannot_judge_it_ends_with_the_state_of_before(bench, monkeypatch):
    bench.challenger_turns = 2
    learner = bench.learner()
    feed(bench, learner)
    state = learner.directory.ledger.current_state()

    def fail(*_arguments, **_named):
        raise RuntimeError("cannot judge")

    monkeypatch.setattr(learner.round.judge, "judge", fail)
    rest(learner)
    told = rounds(learner)[-1]
    assert (told["outcome"], "cannot judge" in told["reason"]) == ("refused", True)
    assert learner.directory.ledger.current_state() == state
    assert Decision.HARMFUL.value not in [
        row[0] for row in learner.directory._database.execute("SELECT verdict FROM rounds")
    ]


def test_a_challenge_that_the_disk_interrupts_counts_like_any_other(bench, monkeypatch):
    bench.challenger_turns = 2
    learner = bench.learner()
    feed(bench, learner)
    judge, failed = learner.round.judge.judge, []

    def fail_once(*arguments, **named):
        if not failed:
            failed.append(True)
            raise OSError("no space left")
        return judge(*arguments, **named)

    monkeypatch.setattr(learner.round.judge, "judge", fail_once)
    for _ in range(20):
        learner.turn()
    assert [one["lineage"] == [] for one in rounds(learner)] == [False] * 4 + [True], "one challenge, and then a rest"


def test_one_of_another_architecture_than_the_champion_is_not_trained(bench):
    bench.challenger_turns = 2
    learner = bench.learner()
    feed(bench, learner)
    learner.challenger._options = replace(learner.challenger._options, architecture="model.network.mlp:grey_mlp")
    assert rest(learner) == 0
    assert learner.directory.ledger.last_challenge() == 0


def test_former_answers_are_forgotten_with_who_gave_them(bench):
    bench.challenger_turns = TURNS
    bench.rules = type(bench.rules)(bytes_max=400 * 3 * bench.size**2)
    learner = bench.learner(maker=Blind)
    learner.challenger._last = -TURNS
    feed(bench, learner, 5)
    database = learner.directory._database
    assert database.execute("SELECT count(*) FROM recollections").fetchone()[0] > 0
    rest(learner)
    assert rounds(learner)[-1]["outcome"] == "published"
    assert database.execute("SELECT count(*) FROM recollections").fetchone()[0] == 0


def test_one_that_was_about_to_be_published_in_a_life_that_was_given_up_changes_nothing(bench):
    bench.challenger_turns = TURNS
    learner = bench.learner(CrashAt("publication.before", times=4), maker=Blind)
    learner.challenger._last = -TURNS
    feed(bench, learner)
    before = learner.directory.ledger.champion()
    with pytest.raises(Crash):
        rest(learner)
    pending = learner.directory.ledger.unpublished()
    assert pending is not None and pending.state != before.state
    learner.directory.adopt(version_floor=pending.version)
    ledger = learner.directory.ledger
    assert (rounds(learner)[-1]["outcome"], ledger.champion()) == ("held", before)
    assert ledger.current_state() == before.state
    assert learner.directory.weights_path(before.state).is_file()
