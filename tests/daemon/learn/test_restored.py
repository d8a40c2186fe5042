"""After a restart the learner's metrics are what they were, before Redis is asked for anything."""

import numpy as np
import pytest
from structlog.testing import capture_logs

from daemon.cli.rounds import print_rounds
from daemon.learn.observer import Outcome
from daemon.learn.restored import tell_past, tell_repository
from daemon.learn.watchers import Watchers
from daemon.metrics import LearnMetrics, new_registry
from model.store import verify
from tests.daemon.learn.test_suspects import CLEAN, POISON, feed, learn, story
from tests.support.learners import Bench

LASTING = """
    rounds_total refusals_in_row waiting_dropped_total versions_retired_total model_version model_info
    model_published_timestamp_seconds commit_timestamp_seconds prequential_accuracy holdout_accuracy class_accuracy
    forgetting train_holdout_gap negative_flip_rate store_samples store_bytes quarantined_windows classes
"""


class Watched(Bench):
    """Learners that are counted."""

    def _compose(self, *parts):
        learner = super()._compose(*parts)
        self.registry = new_registry()
        metrics = LearnMetrics(self.registry, model="default")
        # The parts hold the same observer from before; what they tell reaches the metrics through it.
        told = learner.observer
        watchers = Watchers(told, metrics)
        for part in (
            learner,
            learner.round,
            learner.settlement,
            learner.round.stages,
            learner.watch,
            learner.retention,
        ):
            name = "observer" if hasattr(part, "observer") else "_observer"
            assert getattr(part, name) is told
            setattr(part, name, watchers)
        learner.settlement._freshness._observer = learner.settlement._class_news._observer = watchers
        return learner


@pytest.fixture
def bench(tmp_path):
    one = Watched(tmp_path)
    yield one
    one.die()


def shown(bench):
    found = {}
    for family in bench.registry.collect():
        for one in family.samples:
            found.setdefault(one.name.removeprefix("tidemill_"), {})[tuple(one.labels.items())] = one.value
    return {name: found.get(name, {}) for name in LASTING.split()}


def restart(bench):
    """Start anew, without a turn of the loop: nothing has been asked of the buffer."""
    learner = bench.learner()
    watchers = learner.observer
    tell_repository(learner.round.repository, watchers)
    tell_past(learner.directory.ledger, watchers)
    return learner


def test_every_figure_is_what_it_was(bench):
    learner = restart(bench)
    assert shown(bench)["refusals_in_row"] == {(): 0}
    assert shown(bench)["model_version"] == shown(bench)["commit_timestamp_seconds"] == {}
    story(bench, learner, [CLEAN] * 4 + [POISON])
    before = shown(bench)
    assert all(before.values()), {name for name, samples in before.items() if not samples}
    assert before["rounds_total"][("outcome", "refused"),] == sum(before["refusals_in_row"].values()) >= 1
    restart(bench)
    assert shown(bench) == before


def test_a_first_judgement_without_a_champion_keeps_what_was_known_before(bench):
    """Rounds that say nothing of a figure leave it as the last one that did."""
    learner = restart(bench)
    story(bench, learner, [CLEAN] * 4)
    learner.directory._database.execute(
        "UPDATE rounds SET evaluation = json_set(evaluation, '$.champion_accuracy', NULL, '$.negative_flip_rate', NULL)"
        " WHERE round = (SELECT max(round) FROM rounds)"
    )
    before = shown(bench)
    restart(bench)
    after = shown(bench)
    assert after["holdout_accuracy"].keys() == before["holdout_accuracy"].keys()
    assert after["negative_flip_rate"] != {}


def test_what_a_person_took_out_of_quarantine_does_not_wait(bench):
    learner = restart(bench)
    assert shown(bench)["quarantined_windows"] == {(): 0}
    story(bench, learner, [CLEAN] * 4 + [POISON] * 2)
    assert shown(bench)["quarantined_windows"] == {(): 2}


def feed_again(bench, seed):
    """Append the same pictures as ever: nothing of them is fresh."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(120, 60, (40, bench.size, bench.size, 3)).clip(0, 255).astype(np.uint8)
    bench.feed_pictures(pixels, ["dark", "light"] * 20)


def test_a_window_without_anything_fresh_is_empty_and_not_refused(bench, capsys):
    bench.samples = 40
    learner = restart(bench)
    feed(bench, n=80)
    learn(bench, learner)
    feed_again(bench, 1)
    learn(bench, learner)
    before = shown(bench)["rounds_total"]
    feed_again(bench, 1)
    with capture_logs() as lines:
        learn(bench, learner)
    after = shown(bench)["rounds_total"]
    grown = {labels: after[labels] - before[labels] for labels in after if after[labels] != before[labels]}
    assert grown == {(("outcome", "empty"),): 1}
    assert [line["outcome"] for line in lines if line["event"] == "round ended"] == ["empty"]
    last = list(learner.directory.ledger.rounds())[-1]
    assert (last["outcome"], last["empty"]) == ("refused", True), "the contract of the JSON: an outcome is one of three"
    assert sum(part["duplicate"] for part in last["lineage"]) == 40
    assert all("empty" not in one for one in list(learner.directory.ledger.rounds())[:1])
    print_rounds([last])
    assert "empty" in capsys.readouterr().out
    restart(bench)
    assert shown(bench)["rounds_total"] == after
    bench.die()
    assert list(verify(bench.folder / "state")) == []


def test_attempts_that_failed_are_counted_on(bench):
    learner = restart(bench)
    feed(bench)
    bench.now_ms += 60_000
    learner.round.judge = None
    learner.turn()
    learner.turn()
    failed = (("outcome", Outcome.FAILED.value),)
    before = shown(bench)["rounds_total"]
    assert before[failed] == 2
    restart(bench)
    assert shown(bench)["rounds_total"] == before


def test_where_the_time_went_adds_up(bench):
    learner = restart(bench)
    feed(bench)
    bench.now_ms += 5_000
    learn(bench, learner)
    feed(bench)
    learn(bench, learner)
    sums = {
        one.labels.get("stage", "all"): one.value
        for family in bench.registry.collect()
        for one in family.samples
        if one.name in ("tidemill_freshness_seconds_sum", "tidemill_freshness_stage_seconds_sum")
    }
    whole = sums.pop("all")
    assert whole > 0
    assert sum(sums.values()) == pytest.approx(whole)
    assert sums["buffer"] >= 5 * 100, "what waited in the buffer is told as that"
