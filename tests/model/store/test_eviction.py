from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.store import Role, StoreRules, verify
from model.store.eviction import evaluation_cap, water_level
from tests.support.windows import labelled, open_state, refused, take

ROW = 48


@given(st.dictionaries(st.integers(0, 20), st.integers(1, 50), min_size=1), st.data())
def test_levelling_takes_what_is_asked_from_the_largest(counts: dict[int, int], data: st.DataObject):
    excess = data.draw(st.integers(0, sum(counts.values())))
    taken = water_level(counts, excess)
    left = {key: count - taken.get(key, 0) for key, count in counts.items()}
    assert sum(taken.values()) == excess and min(left.values()) >= 0
    touched = [left[key] for key in taken]
    assert all(left[key] <= min(touched) + 1 for key in left if touched)
    assert not touched or max(touched) - min(touched) <= 1


def test_the_evaluation_set_is_everything_or_the_limit():
    assert evaluation_cap({0: 5, 1: 2}, 10) == {0: 5, 1: 2}
    assert (
        evaluation_cap({0: 50, 1: 2, 2: 9}, 13) == {0: 6, 1: 2, 2: 5}
        or sum(evaluation_cap({0: 50, 1: 2, 2: 9}, 13).values()) == 13
    )


def test_the_cap_holds_and_small_classes_are_spared(tmp_path: Path):
    rules = StoreRules(bytes_max=200 * ROW)
    with open_state(tmp_path, rules) as state:
        for start in range(0, 1000, 50):
            rare = [(10_000 + start, "rare")]
            take(state, [*((seed, "common") for seed in range(start, start + 49)), *rare])
            assert state.ledger.bytes_used() <= rules.bytes_max
            state.tidy()
        counts = state.ledger.class_counts()
        held = state.ledger.class_counts(Role.HOLDOUT)
        assert counts["rare"] + held["rare"] == 20
        assert sum(state.ledger.counts().values()) == 200
        assert 36 <= sum(held.values()) <= 44, "the holdout keeps its part, no more"
    assert verify(tmp_path) == []


def test_a_class_that_no_longer_arrives_is_kept(tmp_path: Path):
    with open_state(tmp_path, StoreRules(bytes_max=100 * ROW)) as state:
        take(state, [(seed, "gone") for seed in range(60)])
        for start in range(100, 1000, 100):
            take(state, labelled(range(start, start + 100)))
        assert state.ledger.classes() == ("gone", "cat", "dog")
        kept = state.ledger.class_counts()
        assert abs(kept["gone"] - kept["cat"]) <= 1 and state.ledger.class_counts(Role.HOLDOUT)["gone"] > 0


def test_what_stays_is_an_even_sample_of_all_that_was_seen(tmp_path: Path):
    with open_state(tmp_path, StoreRules(bytes_max=250 * ROW)) as state:
        for start in range(0, 3000, 100):
            take(state, [(seed, "one") for seed in range(start, start + 100)])
        rows = state._database.execute("SELECT offset FROM samples WHERE role = 'train'").fetchall()
    offsets = np.array([row[0] for row in rows])
    thirds = np.histogram(offsets, bins=[0, 1000, 2000, 3000])[0]
    assert len(offsets) == 200
    # Binomial(200, 1/3): three deviations are 20. The newest would fill the last third if all of them stayed.
    assert (np.abs(thirds - 200 / 3) < 20).all(), thirds


def test_what_is_set_aside_cannot_crowd_out_the_rest(tmp_path: Path):
    with open_state(tmp_path, StoreRules(bytes_max=200 * ROW, classes_max=2)) as state:
        take(state, labelled(range(150)))
        take(state, labelled(range(150, 250)), refused())
        take(state, [(seed, f"new {seed}") for seed in range(300, 360)])
        counts = state.ledger.counts()
        assert (counts["suspect"], counts["waiting"]) == (0, 50), "the oldest go first, and no more than need be"
        assert counts["train"] + counts["holdout"] == 150
        take(state, labelled(range(400, 450)))
        counts = state.ledger.counts()
        assert (counts["suspect"], counts["waiting"], sum(counts.values())) == (0, 20, 200)
        assert [name.offset for name in state.ledger.aside(Role.WAITING, 100)] == list(range(290, 310))
        known = {row[0] for row in state._database.execute("SELECT name FROM labels")}
        assert known == {"cat", "dog", *(f"new {seed}" for seed in range(340, 360))}, "labels of nothing are forgotten"


def test_a_picture_trained_on_and_evicted_never_comes_back_as_held_out(tmp_path: Path):
    rules = StoreRules(bytes_max=60 * ROW, holdout_first=0, holdout_fraction=0.01)
    with open_state(tmp_path, rules) as state:
        first = take(state, labelled(range(200)))
        assert first.holdout_share == 0.01
    bold = StoreRules(bytes_max=60 * ROW, holdout_first=0, holdout_fraction=0.5)
    with open_state(tmp_path, bold) as state:
        claim = take(state, labelled(range(200)))
        assert claim.holdout_share == 0.01 and claim.count("trained") > 100


def test_files_without_a_live_row_go(tmp_path: Path):
    with open_state(tmp_path, StoreRules(bytes_max=20 * ROW)) as state:
        for start in range(0, 400, 20):
            take(state, labelled(range(start, start + 20)))
            state.tidy()
        files = list((tmp_path / "segments").iterdir())
        named = {f"{row[0]}.seg" for row in state._database.execute("SELECT digest FROM segments")}
        assert {one.name for one in files} == named
        assert sum(one.stat().st_size for one in files) < 3 * 20 * ROW + 64 * len(files)


def test_the_evaluation_set_stays_while_other_held_out_samples_go(tmp_path: Path):
    rules = StoreRules(bytes_max=300 * ROW, holdout_max=20, holdout_first=10_000)
    with open_state(tmp_path, rules) as state:
        take(state, labelled(range(300)))
        judged = [one.samples.tolist() for one in state.holdout(20)]
        before = state.ledger.counts()["holdout"]
        for start in range(300, 1200, 100):
            take(state, labelled(range(start, start + 100)))
            assert [one.samples.tolist() for one in state.holdout(20)] == judged
        assert state.ledger.counts()["holdout"] == 20 < before
