"""What is kept of former versions: one rule for weights and artefacts, at both ends of its settings."""

import pytest

from model.store import StateDirectory, verify
from model.store.retention import RETIRED_AT_ONCE, KeepRules, spread
from tests.support.windows import labelled, open_state, published, window


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 30])
def test_the_newest_are_kept_at_any_limit(limit: int, count: int):
    versions = set(range(1, count + 1))
    kept = spread(versions, limit)
    assert len(kept) == min(limit, count)
    assert kept >= set(sorted(versions)[-min(limit, 3) :])
    assert limit <= 3 or count == 0 or 1 in kept


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 1_000])
def test_one_version_after_another_is_kept_within_the_limit(limit: int):
    kept: set[int] = set()
    for version in range(1, 60):
        kept = spread({*kept, version}, limit)
        assert len(kept) == min(limit, version) and version in kept


class Clocked:
    """A state directory with a clock to be moved, in which versions are published."""

    def __init__(self, state: StateDirectory) -> None:
        self.state = state
        self.now_ms = 1_790_000_000_000
        state._now_ms = state.retirements._now_ms = lambda: self.now_ms

    def publish(self, versions: int, every_s: float = 60.0) -> None:
        for _ in range(versions):
            start = max(self.state.ledger.positions().values(), default=0)
            pictures = window(labelled(range(start, start + 6)), start)
            claim = self.state.claim(pictures, seed=7, state=self.state.ledger.current_state())
            self.state.commit(claim, published(self.state, claim))
            self.state.mark_published(claim.version)
            self.state.tidy()
            self.now_ms += int(every_s * 1000)

    def kept(self) -> list[int]:
        return [one.version for one in self.state.ledger.versions() if one.retired_at_ms is None]


@pytest.fixture
def clocked(tmp_path):
    with open_state(tmp_path) as state:
        one = Clocked(state)
        state.rules = state.rules.__class__(versions_kept=1)
        yield one
    assert verify(tmp_path) == []


def test_the_newest_the_champion_and_its_parent_are_kept(clocked):
    clocked.publish(8)
    assert clocked.state.retirements.retire_due(KeepRules(3, 0)) == [1, 2, 3, 4, 5]
    assert clocked.kept() == [6, 7, 8]
    assert clocked.state.retirements.retire_due(KeepRules(1, 0)) == [6]
    assert clocked.kept() == [7, 8]
    assert clocked.state.retirements.retire_due(KeepRules(1, 0)) == []


def test_what_one_can_roll_back_to_is_kept(clocked):
    clocked.state.rules = clocked.state.rules.__class__(versions_kept=4)
    clocked.publish(9)
    clocked.state.retirements.retire_due(KeepRules(1, 0))
    assert clocked.kept() == clocked.state.ledger.restorable() == [1, 7, 8, 9]


def test_what_was_champion_a_short_while_ago_is_kept(clocked):
    clocked.publish(8)  # one a minute; the last a minute ago
    clocked.state.retirements.retire_due(KeepRules(1, 150))
    assert clocked.kept() == [6, 7, 8]
    clocked.now_ms += 90_000
    clocked.state.retirements.retire_due(KeepRules(1, 150))
    assert clocked.kept() == [7, 8]


def test_a_champion_of_two_days_has_its_time_from_when_another_came(clocked):
    clocked.publish(2)
    clocked.publish(1, every_s=172_800)
    clocked.publish(2, every_s=1)
    clocked.state.retirements.retire_due(KeepRules(1, 60))
    assert clocked.kept() == [3, 4, 5]


def test_hundreds_are_retired_a_bounded_number_at_a_time_and_oldest_first(clocked):
    clocked.publish(2 * RETIRED_AT_ONCE + 5)
    rules = KeepRules(2, 0)
    assert clocked.state.retirements.retire_due(rules) == list(range(1, RETIRED_AT_ONCE + 1))
    assert len(clocked.state.retirements.retire_due(rules)) == RETIRED_AT_ONCE
    assert len(clocked.state.retirements.retire_due(rules)) == 3
    assert clocked.state.retirements.ranges() == [(1, 2 * RETIRED_AT_ONCE + 3)]


def test_ranges_leave_out_what_is_kept(clocked):
    clocked.publish(9)
    clocked.state.retirements.retire([1, 2, 4, 6, 7])
    assert clocked.state.retirements.ranges() == [(1, 2), (4, 4), (6, 7)]
    assert sorted(clocked.state.retirements.among([2, 3, 4, 99])) == [2, 4]


def test_a_version_that_is_not_published_yet_is_never_retired(clocked):
    clocked.publish(4)
    claim = clocked.state.claim(window(labelled(range(90, 96)), 24), seed=7, state=None)
    clocked.state.commit(claim, published(clocked.state, claim))
    clocked.state.retirements.retire_due(KeepRules(1, 0))
    assert clocked.kept() == [3, 4, 5]
    clocked.state.mark_published(5)
    clocked.state.tidy()
