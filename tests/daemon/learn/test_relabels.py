"""Pictures that are known already come again under other labels: wrong ones change nothing, right ones are taken."""

from collections import Counter

import numpy as np
import pytest

from daemon.learn.observer import Relabelled
from model.store import Fate, StoreRules, verify
from model.store.facts import RelabelOutcome
from model.store.requests import leave_request
from model.store.viewing import Viewer
from tests.support.accounting import check_tiles
from tests.support.learners import LABELS, SIZE, Bench, Crash, CrashAt

MEANS = {"dark": (40, 40, 40), "light": (210, 210, 210), "red": (220, 30, 30)}
OTHER = {"dark": "light", "light": "red", "red": "dark"}


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()
    assert verify(tmp_path / "state") == []


class Pictures:
    """Pictures with their true names: the same for the same seed."""

    def __init__(self, seed: int, n: int = 160) -> None:
        rng = np.random.default_rng([seed, 7])
        self.names = [LABELS[index] for index in rng.integers(0, 3, n)]
        drawn = [rng.normal(MEANS[name], 12, (SIZE, SIZE, 3)) for name in self.names]
        self.pixels = np.stack(drawn).clip(0, 255).astype(np.uint8)

    def wrong(self) -> list[str]:
        return [OTHER[name] for name in self.names]


def learn(bench, learner) -> None:
    bench.now_ms += 60_000
    for _ in range(30):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def send(bench, learner, pixels, names, source="camera") -> None:
    bench.feed_pictures(pixels, list(names), source)
    learn(bench, learner)


def begin(bench, learner, windows: int = 4, flipped: int = 0) -> list[Pictures]:
    """Let the learner know some windows; the first labels of each are wrong."""
    known = [Pictures(seed) for seed in range(windows)]
    for one in known:
        send(bench, learner, one.pixels, [*one.wrong()[:flipped], *one.names[flipped:]])
    return known


def stored(learner) -> Counter:
    query = "SELECT digest, name FROM samples JOIN labels USING (label)"
    return Counter(learner.directory._database.execute(query).fetchall())


def outcomes(learner) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in learner.directory.ledger.relabels.counts():
        counts[one.outcome] += one.pictures
    return dict(counts)


def waiting(bench):
    with Viewer(bench.folder / "state") as viewer:
        return [(one.parcel, one.role.value, one.relabels) for one in viewer.parcels()]


def test_all_pictures_again_under_wrong_labels_change_nothing_and_wait_for_a_person(bench):
    learner = bench.learner()
    known = begin(bench, learner)
    before, first = stored(learner), learner.directory.ledger.last_round()
    for one in known:
        send(bench, learner, one.pixels, one.wrong(), "attacker")
    assert stored(learner) == before
    assert outcomes(learner).keys() == {"contradicted"} and sum(outcomes(learner).values()) == 640
    assert waiting(bench) == [(first + 1 + index, "quarantined", 160) for index in range(4)]
    with Viewer(bench.folder / "state") as viewer:
        assert [(one.name, one.samples, one.doubted) for one in viewer.blamed_sources(first + 1)] == [
            ("attacker", 160, 160)
        ]
    (last,) = list(learner.directory.ledger.rounds())[-1]["lineage"]
    assert last["relabelled"] == last["duplicate"] == 160
    assert list(learner.directory.ledger.rounds())[-1]["reason"].endswith("160 known pictures came under another label")
    check_tiles(one["lineage"] for one in learner.directory.ledger.rounds())
    send(bench, learner, Pictures(99).pixels, Pictures(99).names)
    assert list(learner.directory.ledger.rounds())[-1]["prequential_accuracy"] > 0.95


def test_one_class_relabelled_as_another_changes_nothing(bench):
    learner = bench.learner()
    known = begin(bench, learner)
    before = stored(learner)
    for one in known:
        chosen = [index for index, name in enumerate(one.names) if name == "dark"]
        send(bench, learner, one.pixels[chosen], ["light"] * len(chosen), "attacker")
    assert stored(learner) == before and outcomes(learner).keys() == {"contradicted"}


def test_a_trickle_beside_clean_fresh_pictures_relabels_nothing_and_costs_none_of_these(bench):
    learner = bench.learner()
    known = begin(bench, learner)
    before = stored(learner)
    for seed in range(50, 56):
        fresh, old = Pictures(seed), known[seed % 4]
        part = slice(4 * (seed - 50), 4 * (seed - 50) + 4)
        send(bench, learner, np.concatenate([old.pixels[part], fresh.pixels]), [*old.wrong()[part], *fresh.names])
    after = stored(learner)
    assert not before - after, "every picture has the label that it had"
    assert sum((after - before).values()) == 6 * 160
    assert outcomes(learner) == {"contradicted": 24}
    assert learner.directory.ledger.counts()["suspect"] == learner.directory.ledger.counts()["quarantined"] == 0


def test_several_sources_that_share_the_pictures_get_no_further_than_one(bench):
    learner = bench.learner()
    known = begin(bench, learner)
    before = stored(learner)
    for index, (pixels, name) in enumerate(zip(known[0].pixels, known[0].wrong(), strict=True)):
        bench.feed_pictures(pixels[None], [name], f"source-{index}")
    learn(bench, learner)
    assert stored(learner) == before


def test_right_corrections_of_a_few_flipped_labels_are_taken_held_out_ones_too(bench):
    learner = bench.learner()
    known = begin(bench, learner, flipped=8)
    for one in known:
        send(bench, learner, one.pixels[:8], one.names[:8], "annotator")
    told = outcomes(learner)
    assert told["applied"] >= 28 and sum(told.values()) == 32, told
    roles = learner.directory._database.execute(
        "SELECT DISTINCT role FROM relabels JOIN samples USING (sample) WHERE relabels.state = 'applied'"
    ).fetchall()
    assert set(roles) == {("train",), ("holdout",)}


def test_a_window_that_is_suspect_relabels_nothing_not_even_rightly(bench):
    learner = bench.learner()
    known = begin(bench, learner, flipped=8)
    before = stored(learner)
    fresh = Pictures(70)
    shuffled = np.random.default_rng(0).permutation(fresh.names)
    pixels = np.concatenate([known[0].pixels[:8], fresh.pixels])
    send(bench, learner, pixels, [*known[0].names[:8], *shuffled.tolist()])
    assert not before - stored(learner)
    assert outcomes(learner) == {"suspect": 8}
    assert waiting(bench) == [(5, "quarantined", 8)]


def test_before_there_is_a_champion_nobody_vouches_for_a_new_label(bench):
    learner = bench.learner()
    one = Pictures(0, 20)
    send(bench, learner, one.pixels, one.names)
    assert learner.directory.ledger.champion() is None
    send(bench, learner, one.pixels[:3], one.wrong()[:3])
    assert outcomes(learner) == {"unvouched": 3}


def test_waiting_pictures_under_shuffled_known_labels_are_no_way_around_the_screen(tmp_path):
    bench = Bench(tmp_path)
    learner = bench.learner()
    begin(bench, learner)
    bench.rules = StoreRules(class_min_samples=500)
    learner = bench.learner()
    strange = Pictures(80)
    send(bench, learner, strange.pixels, ["no class"] * 160, "attacker")
    assert learner.directory.ledger.counts()["waiting"] == 160
    send(bench, learner, strange.pixels, strange.wrong(), "attacker")
    assert learner.directory.ledger.counts()["waiting"] == 160
    assert outcomes(learner) == {"distrusted": 160}
    send(bench, learner, strange.pixels, strange.names, "repentant")
    assert learner.directory.ledger.counts()["waiting"] == 0, "right labels are screened as fresh ones, and taken"
    bench.die()
    assert verify(tmp_path / "state") == []


def story(bench, learner, steps, restart):
    for pixels, names, source in steps:
        bench.feed_pictures(pixels, list(names), source)
        try:
            learn(bench, learner)
        except Crash:
            learner = restart()
            learn(bench, learner)
    return learner


POINTS = ("claim.inside", "claim.after", "round.screen.after", "round.train.after", "commit.inside", "commit.after")


def test_killed_anywhere_between_claim_and_commit_the_relabels_and_the_bytes_are_the_same(tmp_path):
    known, fresh = [Pictures(seed) for seed in range(4)], Pictures(60)
    flipped = [*known[0].wrong()[:8], *known[0].names[8:]]
    steps = [(one.pixels, one.names if one is not known[0] else flipped, "camera") for one in known]
    mixed = np.concatenate([known[0].pixels[:8], known[1].pixels[:8], fresh.pixels])
    steps += [
        (mixed, [*known[0].names[:8], *known[1].names[:4], *known[1].wrong()[4:8], *fresh.names], "annotator"),
        (known[2].pixels, known[2].wrong(), "attacker"),
        (Pictures(61).pixels, Pictures(61).names, "camera"),
    ]

    def ended(bench, learner):
        rows = learner.directory._database.execute("SELECT * FROM relabels ORDER BY relabel").fetchall()
        return bench.versions(), stored(learner), rows

    spy, bench = CrashAt(), Bench(tmp_path / "undisturbed")
    expected = ended(bench, story(bench, bench.learner(spy), steps, bench.learner))
    assert {row[10] for row in expected[2]} == {"applied", "contradicted"}
    bench.die()
    for point in POINTS:
        for back in (1, 2):
            bench = Bench(tmp_path / f"{point}-{back}")
            crash = CrashAt(point, spy.reached.count(point) - back)
            learner = story(bench, bench.learner(crash), steps, bench.learner)
            assert crash.left <= 0, point
            assert ended(bench, learner) == expected, f"killed at {point}, {back} from the end"
            bench.die()
            assert verify(bench.folder / "state") == []


def test_a_rollback_asked_for_while_a_relabel_is_under_way_gives_the_old_labels_back(bench):
    learner = bench.learner()
    known = begin(bench, learner, flipped=8)
    before, version = stored(learner), learner.directory.ledger.champion().version
    fresh = Pictures(75)
    crash = CrashAt("round.train.after")
    learner = bench.learner(crash)
    pixels = np.concatenate([known[0].pixels[:8], fresh.pixels])
    bench.feed_pictures(pixels, [*known[0].names[:8], *fresh.names], "annotator")
    with pytest.raises(Crash):
        learn(bench, learner)
    leave_request(bench.folder / "state", "rollback", {"version": version}, bench.now_ms)
    learner = bench.learner()
    learn(bench, learner)
    assert learner.directory.ledger.champion().version == version
    assert not before - stored(learner), "all that was stored has the label that it had"
    assert {one.state for one in learner.directory.ledger.relabels.counts()} == {"undone"}


def test_a_window_refused_after_three_failures_relabels_nothing(bench, monkeypatch):
    learner = bench.learner()
    known = begin(bench, learner, flipped=8)
    before = stored(learner)
    monkeypatch.setattr(learner.round.maker, "train", lambda *_, **__: 1 / 0)
    fresh = Pictures(76)
    pixels = np.concatenate([known[0].pixels[:8], fresh.pixels])
    send(bench, learner, pixels, [*known[0].names[:8], *fresh.names])
    assert not before - stored(learner)
    assert [(one.state, one.outcome) for one in learner.directory.ledger.relabels.counts()] == [("held", "suspect")] * 3
    assert Fate.QUARANTINED.value in {role for _, role, _ in waiting(bench)}


def test_what_observers_are_told_has_the_store_s_words():
    assert [one.value for one in Relabelled] == [one.value for one in RelabelOutcome]
