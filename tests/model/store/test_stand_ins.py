"""A sample stands for those evicted because they were like it, and replay draws it as often as these."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.store import StateDirectory, StoreRules, eviction, stand_ins, verify
from model.store.condensing import condense
from model.store.replay import class_shares, draw_slots
from model.window import Arrival, Span, Window
from tests.support.windows import LOG, held, labelled, open_state, take, window

SIZE = 16
ROW = 3 * SIZE**2
RULES = StoreRules(bytes_max=40 * ROW, holdout_first=0, holdout_fraction=0.0)
SHAPES = np.random.default_rng(7).integers(40, 216, (4, SIZE, SIZE, 3))


def slots_of(counts, n, rng, masses):
    return draw_slots(counts, class_shares(counts), n, rng, masses)


def like(shape: int, number: int) -> np.ndarray:
    """Return a picture of a shape, unlike any other."""
    noise = np.random.default_rng([shape, number]).integers(-20, 21, (SIZE, SIZE, 3))
    return (SHAPES[shape] + noise).astype(np.uint8)


def learn(state: StateDirectory, pictures: list[np.ndarray], label: str = "cat") -> None:
    start = state.ledger.positions().get(LOG, 0)
    arrivals = tuple(
        Arrival(LOG, start + index, f"id-{start + index}", label, 1_790_000_000_000, "camera-1")
        for index in range(len(pictures))
    )
    span = Span(LOG, start, start + len(pictures), 0, 0)
    claim = state.claim(Window((span,), arrivals, np.stack(pictures)), seed=3, state=None)
    state.commit(claim, held())


def shape_of(picture: np.ndarray) -> int:
    return int(np.abs(picture - SHAPES).mean((1, 2, 3)).argmin())


def stored(state: StateDirectory) -> dict[int, tuple[int, int]]:
    """Return shape and mass of each stored sample."""
    rows = state._database.execute(
        "SELECT sample, coalesce(mass, 1) FROM samples LEFT JOIN stand_ins USING (sample) ORDER BY sample"
    ).fetchall()
    (batch,) = state.batches([sample for sample, _ in rows])
    return {sample: (shape_of(one), mass) for (sample, mass), one in zip(rows, batch.pixels_NHWC, strict=True)}


@pytest.fixture
def full(tmp_path: Path):
    """A store of 40 that has seen 300 pictures of one class: nine in ten of one shape, one in a hundred of the last."""
    with open_state(tmp_path, RULES, size=SIZE) as state:
        for start in range(0, 300, 50):
            shapes = [3 if n % 100 == 99 else 1 + n % 2 if n % 10 == 8 else 0 for n in range(start, start + 50)]
            learn(state, [like(shape, start + n) for n, shape in enumerate(shapes)])
        yield state


def test_what_stays_stands_for_all_that_was_seen(full: StateDirectory):
    masses = [mass for _, mass in stored(full).values()]
    assert len(masses) == 40 and sum(masses) == 300
    full.tidy()
    assert verify(full.path) == []


def test_what_was_compared_is_not_read_again(full: StateDirectory):
    database, segments = full._database, full._segments
    learn(full, [like(2, 3000 + n) for n in range(5)], "dog")
    newest = np.array([row[0] for row in database.execute("SELECT sample FROM samples ORDER BY sample DESC LIMIT 9")])
    first = stand_ins.read(database, segments, newest)
    stand_ins.keep(database, first, first.masses)
    again = stand_ins.read(database, segments, newest)
    assert not first.known.all() and again.known.all()
    assert (again.thumbnails == first.thumbnails).all() and (again.masses == first.masses).all()


def test_every_shape_stays_and_stands_for_its_own(full: StateDirectory):
    by_shape: Counter[int] = Counter()
    for shape, mass in stored(full).values():
        by_shape[shape] += mass
    assert by_shape == {0: 267, 1: 30, 3: 3}


def test_replay_draws_as_if_nothing_had_been_evicted(full: StateDirectory):
    drawn: Counter[int] = Counter()
    for seed in range(30):
        drawn.update(shape_of(one) for one in full.draw(1, 100, np.random.default_rng(seed)).batch.pixels_NHWC)
    assert drawn[0] / 3000 == pytest.approx(0.89, abs=0.02)
    assert drawn[1] / 3000 == pytest.approx(0.10, abs=0.02)
    assert 0 < drawn[3] / 3000 < 0.03


def test_a_draw_goes_by_mass_within_rounding():
    masses = np.array([1, 1, 2, 4, 12])
    totals = np.zeros(5)
    for seed in range(50):
        drawn = slots_of(np.array([5]), 10, np.random.default_rng(seed), lambda _index, places: masses[places])
        counts = np.bincount([slot for _, slot in drawn], minlength=5)
        assert counts.sum() == 10 and (np.abs(counts - masses / 2) < 1).all()
        totals += counts
    assert totals / 50 == pytest.approx(masses / 2, abs=0.25)


def test_a_draw_of_few_from_many_goes_by_mass_too():
    masses = np.ones(1000, np.int64)
    masses[::100] = 99  # ten that stand for half of all
    drawn = [
        slot % 100 == 0
        for seed in range(300)
        for _, slot in slots_of(np.array([1000]), 2, np.random.default_rng(seed), lambda _i, places: masses[places])
    ]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.07)


def test_what_is_looked_at_has_a_limit():
    seen = []
    counts = np.full(100, 100_000)
    slots_of(counts, 200, np.random.default_rng(0), lambda _i, places: seen.append(len(places)) or np.ones(len(places)))
    assert sum(seen) <= 4_096 and len(seen) == 100


def test_classes_of_which_nothing_went_are_drawn_as_ever():
    drawn = slots_of(np.array([10, 100]), 60, np.random.default_rng(0), lambda _index, places: np.ones(len(places)))
    assert max(Counter(drawn).values()) <= 2
    assert len({slot for index, slot in drawn if index == 1}) == sum(index == 1 for index, _ in drawn)


def test_a_new_label_is_for_the_sample_alone(full: StateDirectory):
    full.close()
    with open_state(full.path, replace(RULES, bytes_max=400 * ROW), size=SIZE) as state:  # nothing more leaves
        heavy = max(stored(state).items(), key=lambda one: one[1][1])[0]
        (batch,) = state.batches([heavy])
        learn(state, [like(0, 1000 + n) for n in range(4)], "dog")
        assert stored(state)[heavy][1] > 1
        learn(state, [batch.pixels_NHWC[0]], "dog")
        assert stored(state)[heavy][1] == 1


def test_a_label_that_is_no_class_changes_nothing(full: StateDirectory):
    before = stored(full)
    (batch,) = full.batches(sorted(before)[:5])
    learn(full, list(batch.pixels_NHWC), "catt")
    assert stored(full) == before


def test_half_of_what_is_compared_came_with_the_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    compared = []
    monkeypatch.setattr(
        eviction,
        "condense",
        lambda points, masses, n, rng: compared.append(masses.copy()) or condense(points, masses, n, rng),
    )
    with open_state(tmp_path, StoreRules(bytes_max=400 * 48, holdout_first=0, holdout_fraction=0.0)) as state:
        for start in range(0, 2000, 100):
            take(state, [(seed, "cat") for seed in range(start, start + 100)])
    last = np.concatenate(compared[-3:])  # 300 in three parts
    assert [len(part) for part in compared[-3:]] == [100, 100, 100]
    assert 90 <= (last == 1).sum() <= 200 and (last > 1).sum() >= 100


def test_what_goes_is_looked_for_among_all(tmp_path: Path):
    with open_state(tmp_path, StoreRules(bytes_max=400 * 48, holdout_first=0, holdout_fraction=0.0)) as state:
        for start in range(0, 520, 20):
            take(state, [(seed, "cat") for seed in range(start, start + 20)])
        kept = {row[0] for row in state._database.execute("SELECT offset FROM samples")}
    gone = np.array(sorted(set(range(400)) - kept))
    assert len(gone) > 20 and 120 < gone.mean() < 280 and gone.max() > 300


def test_a_store_of_less_than_a_sample_for_each_class_is_kept_within_its_limit(tmp_path: Path):
    with open_state(tmp_path, StoreRules(holdout_first=0, holdout_fraction=0.0)) as state:
        take(state, labelled(range(200), ("cat", "dog", "owl")))
    with open_state(tmp_path, StoreRules(bytes_max=2 * 48, holdout_first=0, holdout_fraction=0.0)) as state:
        take(state, [(300, "cat")])
        assert state.ledger.bytes_used() == 2 * 48
        state.tidy()
    assert verify(tmp_path) == []


def test_a_store_cut_to_a_part_chooses_by_chance_but_for_the_last(tmp_path: Path):
    smaller = StoreRules(bytes_max=100 * 48, holdout_first=0, holdout_fraction=0.0, condensed_max=20)
    with open_state(tmp_path, StoreRules(holdout_first=0, holdout_fraction=0.0)) as state:
        take(state, labelled(range(300)))
    with open_state(tmp_path, smaller) as state:
        take(state, labelled(range(300, 302)))
        assert state.ledger.class_counts() == {"cat": 50, "dog": 50}
        stood_for = state._database.execute("SELECT sum(mass - 1) FROM stand_ins").fetchone()[0]
        assert 15 <= stood_for <= 21
        state.tidy()
    assert verify(tmp_path) == []


def test_a_reservoir_is_left_to_chance_alone(tmp_path: Path):
    reservoir = StoreRules(bytes_max=40 * 48, holdout_first=0, holdout_fraction=0.0, condensed_max=0)
    with open_state(tmp_path, reservoir) as state:
        for start in range(0, 200, 40):
            take(state, labelled(range(start, start + 40)))
        assert state.ledger.counts()["train"] == 40
        assert state._database.execute("SELECT count(*) FROM stand_ins").fetchone()[0] == 0


def test_the_same_goes_again_after_a_crash_within_the_commit(tmp_path: Path):
    small = StoreRules(bytes_max=40 * 48, holdout_first=0, holdout_fraction=0.0)
    kept = []
    for crash in (False, True):
        with open_state(tmp_path / str(crash), small) as state:
            for start in range(0, 200, 40):
                take(state, labelled(range(start, start + 40)))
            claim = state.claim(window(labelled(range(200, 240)), 200), seed=7, state=None)
            if crash:
                state._reached = stop
                with pytest.raises(InterruptedError):
                    state.commit(claim, held())
        with open_state(tmp_path / str(crash), small) as state:
            state.commit(state.open_claim(), held())
            kept.append(state._database.execute("SELECT * FROM stand_ins ORDER BY sample").fetchall())
    assert kept[0] == kept[1]


def stop(point: str) -> None:
    if point == "commit.inside":
        raise InterruptedError
