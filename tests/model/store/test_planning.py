from collections.abc import Callable

import pytest

from model.store import BrokenChainError, Role, StoreRules
from model.store.pictures import FIRST_SHARE, fraction, holdout_share, is_held_out, picture_digest
from model.store.planning import Known, Plan, Stored, Waited, check_chain, plan
from model.window import LogKey, Window
from tests.support.windows import LOG, join, labelled, picture, window

OTHER = LogKey("images", "8jTiUWkgTTyrPRtbzy4wkg", 1)


def planned(
    one: Window,
    stored: dict[bytes, Stored] | None = None,
    classes: tuple[str, ...] = ("cat", "dog"),
    rules: StoreRules | None = None,
    share: float = 0.2,
    waited: Callable[[str], Waited] = lambda _label: Waited(),
    *,
    founding: bool = True,
) -> Plan:
    known = Known((stored or {}).get, waited, classes, founding)
    return plan(one, known, rules or StoreRules(), share)


def test_the_picture_alone_decides_the_side():
    rows = planned(window(labelled(range(500)))).rows
    again = planned(window(labelled(range(499, -1, -1)), 7_000)).rows
    held = {row.digest for row in rows if row.role is Role.HOLDOUT}
    assert held == {row.digest for row in again if row.role is Role.HOLDOUT}
    assert 70 <= len(held) <= 130
    assert all((row.role is Role.HOLDOUT) == (fraction(row.digest) < 0.2) for row in rows)


def test_a_picture_met_before_is_a_duplicate_and_may_bring_another_label():
    digest = picture_digest(picture(0))
    same = planned(window([(0, "cat"), (1, "dog")]), {digest: Stored(17, "cat")})
    assert [row.index for row in same.rows] == [1] and same.relabels == {}
    assert same.spans[0].duplicate == 1
    other = planned(window([(0, "dog"), (1, "dog")]), {digest: Stored(17, "cat")})
    assert other.relabels == {17: "dog"}


def test_of_several_labels_the_last_counts():
    twice = planned(window([(0, "cat"), (1, "dog"), (0, "dog")]))
    assert [(row.index, row.label) for row in twice.rows] == [(0, "dog"), (1, "dog")]
    assert twice.spans[0].duplicate == 1
    back = planned(window([(0, "dog"), (0, "cat")]), {picture_digest(picture(0)): Stored(17, "cat")})
    assert back.relabels == {} and back.spans[0].duplicate == 2


def test_new_labels_join_in_the_order_of_their_first_picture():
    one = planned(window([(0, "owl"), (1, "cat"), (2, "ant"), (3, "owl")]))
    assert one.joined == ("owl", "ant")
    assert not any(row.role is Role.WAITING for row in one.rows)


OWLS = [(seed, "owl") for seed in range(6)]


@pytest.mark.parametrize(
    ("waited", "founding", "joins"),
    [
        (Waited(0, 0), True, False),
        (Waited(3, 1), True, False),
        (Waited(4, 1), True, True),
        (Waited(4, 1), False, True),
        (Waited(3, 2), False, False),
        (Waited(100, 0), False, False),
    ],
)
def test_a_label_joins_when_enough_pictures_of_enough_windows_carry_it(waited: Waited, founding: bool, joins: bool):
    rules = StoreRules(class_min_samples=10)
    one = planned(window(OWLS), rules=rules, waited=lambda _label: waited, founding=founding)
    assert one.joined == (("owl",) if joins else ())
    assert one.spans[0].waiting == (0 if joins else 6)


def test_one_window_makes_classes_until_there_is_a_champion():
    rules = StoreRules(class_min_samples=6)
    assert planned(window(OWLS), classes=(), rules=rules).joined == ("owl",)
    assert planned(window(OWLS), rules=rules, founding=False).joined == ()
    assert planned(window([*OWLS[:5], (0, "owl")]), rules=rules).joined == (), "the same picture twice is one"


def test_labels_beyond_classes_max_wait():
    one = planned(window([(0, "owl"), (1, "ant"), (2, "cat")]), rules=StoreRules(classes_max=3))
    assert one.joined == ("owl",)
    assert [row.role is Role.WAITING for row in one.rows] == [False, True, False]
    assert one.spans[0].waiting == 1


def test_closed_classes_all_join_in_their_own_order_and_no_others():
    rules = StoreRules(closed_classes=("b", "a", "c"))
    one = planned(window([(0, "c"), (1, "x")]), classes=(), rules=rules)
    assert one.joined == ("b", "a", "c")
    assert [row.role is Role.WAITING for row in one.rows] == [False, True]


def test_counts_add_up_for_each_log():
    one = join(window(labelled(range(50)), 10, dead=3, expired=4), window(labelled(range(40, 60)), 0, log=OTHER))
    first, second = planned(one).spans
    assert (first.start, first.end, first.dead_lettered, first.expired) == (10, 67, 3, 4)
    assert first.trained + first.holdout == 50 and first.duplicate == 0
    assert second.trained + second.holdout == 10 and second.duplicate == 10


TWO = window(labelled(range(2)))


@pytest.mark.parametrize(
    ("one", "positions"),
    [
        (window(labelled(range(3)), 5), {LOG: 4}),
        (window(labelled(range(3)), 5), {LOG: 6}),
        (Window(window([(0, "a")]).spans * 2, (), window([]).pixels_NHWC), {}),
        (Window(window([(0, "a")]).spans, window([(0, "a")], 1).arrivals, picture(0)[None]), {}),
        (Window(window([(0, "a")]).spans, window([(0, "a")]).arrivals, window([]).pixels_NHWC), {}),
        (Window((), window([(0, "a")]).arrivals, picture(0)[None]), {}),
        (Window(TWO.spans, TWO.arrivals[::-1], TWO.pixels_NHWC), {}),
    ],
)
def test_a_window_that_does_not_hold_together_is_refused(one: Window, positions: dict[LogKey, int]):
    with pytest.raises(BrokenChainError):
        check_chain(one, positions)


def test_an_unknown_log_starts_where_its_first_span_does():
    check_chain(window(labelled(range(3)), 5), {OTHER: 99})
    check_chain(window(labelled(range(3)), 5), {LOG: 5})


def test_more_records_than_offsets_are_refused():
    one = window(labelled(range(3)), dead=2)
    span = one.spans[0]
    short = Window((type(span)(span.log, span.start, span.end, 3, 0),), one.arrivals, one.pixels_NHWC)
    with pytest.raises(BrokenChainError, match="6 records"):
        planned(short)


def test_the_share_falls_when_enough_are_held_and_never_rises_after_evictions():
    assert holdout_share(0, 2_000, 0.05, None) == FIRST_SHARE
    assert holdout_share(2_000, 2_000, 0.05, None) == 0.05
    assert holdout_share(1_999, 2_000, 0.05, 0.05) == 0.05
    assert holdout_share(5_000, 2_000, 0.1, 0.05) == 0.05
    assert holdout_share(5_000, 2_000, 0.1, None) == 0.1


def test_a_falling_share_only_moves_pictures_out_of_the_holdout():
    digests = [picture_digest(picture(seed)) for seed in range(300)]
    assert {d for d in digests if is_held_out(d, 0.05)} < {d for d in digests if is_held_out(d, 0.2)}
