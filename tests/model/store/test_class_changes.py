"""Merging, retiring and admitting: what is stored, what the rules are afterwards, and a rollback to before."""

import json
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from model.store import NewVersion, Role, StoreRules, parcels, verify
from model.store.class_changes import class_handlers
from model.store.class_events import Kind
from model.store.handlers import HANDLERS
from model.store.kept_answers import KeptAnswers
from model.store.requests import Request
from model.store.rollback import rollback_handler
from tests.support.windows import open_state, published, refused, take, window

RULES = StoreRules(class_min_samples=10)
NAMES = ("bird", "frog", "forg", "toad")
numbers = count()


@pytest.fixture
def state(tmp_path):
    with open_state(tmp_path / "state", RULES) as opened:
        yield opened
        assert [one for one in verify(tmp_path / "state") if not one.harmless] == []


def ask(state, kind, **arguments):
    handlers = {**class_handlers(state.rules), "rollback": rollback_handler(lambda _manifest: "")}
    return state.answer(Request(f"r{next(numbers)}", kind, arguments, 0), handlers)


def done(state, kind, **arguments):
    event = ask(state, kind, **arguments)
    assert event.done, event.answer
    if state.ledger.unsettled() is not None:
        state.mark_settled()
    return event.answer


def refusal(state, kind, **arguments):
    before = contents(state)
    event = ask(state, kind, **arguments)
    assert not event.done
    assert contents(state) == before
    return event.answer


def pictures(*counts, first=0):
    """Return pictures of each label, so many, with seeds from `first` on."""
    labels = [name for name, number in counts for _ in range(number)]
    return list(zip(range(first, first + len(labels)), labels, strict=True))


def publish(state, some, answers=None):
    start = max(state.ledger.positions().values(), default=0)
    claim = state.claim(window(some, start), seed=7, state=state.ledger.current_state())
    commit = published(state, claim)
    manifest = {"version": claim.version, "classes": list(claim.classes)}
    new = NewVersion(claim.version, manifest, "ab" * 32)
    state.commit(claim, replace(commit, version=new, verdict="promoted", answers=answers, best=True))
    state.mark_published(claim.version)
    return claim


def contents(state):
    """Return which label and role each sample has, by sample, and the classes in order."""
    query = "SELECT sample, name, role FROM samples JOIN labels USING (label) ORDER BY sample"
    return state._database.execute(query).fetchall(), state.ledger.classes()


def roles(state, label):
    query = "SELECT role, count(*) FROM samples JOIN labels USING (label) WHERE name = ? GROUP BY role"
    return dict(state._database.execute(query, (label,)).fetchall())


@pytest.fixture
def four(state):
    """A version that knows bird, frog, toad and, by admission, forg between the two."""
    publish(state, pictures(("bird", 20), ("frog", 20), ("forg", 14)))
    assert state.ledger.classes() == ("bird", "frog")
    done(state, "classes.admit", name="forg")
    publish(state, pictures(("bird", 15), ("frog", 15), first=100))
    assert state.ledger.classes() == ("bird", "frog", "forg")
    take(state, pictures(("toad", 20), first=200))
    publish(state, pictures(("toad", 20), ("forg", 10), first=300))
    assert state.ledger.classes() == (*NAMES[:2], "forg", "toad")
    return state


def test_a_near_name_waits_with_the_name_that_it_is_near_to(state):
    publish(state, pictures(("bird", 20), ("frog", 20)))
    for first in (100, 200):
        take(state, pictures(("forg", 20), ("Frog", 20), ("toad", 20), first=first))
    assert state.ledger.classes() == ("bird", "frog", "toad")
    waiting = {one.label: (one.pictures, one.windows, one.near) for one in state.ledger.book().waiting()}
    assert waiting == {"forg": (40, 2, "frog"), "Frog": (40, 2, "frog")}


def test_of_two_near_names_that_are_new_the_one_with_more_pictures_joins(state):
    take(state, pictures(("forg", 12), ("frog", 20), ("bird", 20)))
    assert state.ledger.classes() == ("frog", "bird")
    assert roles(state, "forg") == {"waiting": 12}


def test_a_slip_that_waits_does_not_hold_back_the_right_name(state):
    take(state, pictures(("forg", 3), ("bird", 20)))
    take(state, pictures(("frog", 20), first=100))
    assert state.ledger.classes() == ("bird", "frog")


def test_a_slip_that_is_ripe_first_waits_while_the_right_name_has_more_pictures(state):
    publish(state, pictures(("bird", 20), ("toad", 20)))
    take(state, pictures(("forg", 6), first=100))
    take(state, pictures(("frog", 30), ("forg", 6), first=200))
    assert state.ledger.classes() == ("bird", "toad")
    take(state, pictures(("frog", 5), first=300))
    assert state.ledger.classes() == ("bird", "toad", "frog")


def test_a_class_that_joins_is_an_event_with_pictures_windows_and_sources(state):
    publish(state, pictures(("bird", 20), ("frog", 20)))
    take(state, pictures(("toad", 6), first=100))
    take(state, pictures(("toad", 6), first=200))
    joined = [one for one in state.ledger.book().events() if one.kind is Kind.JOINED]
    assert [one.name for one in joined] == ["bird", "frog", "toad"]
    assert (joined[-1].pictures, joined[-1].windows, joined[-1].round) == (12, 2, 3)
    assert joined[-1].sources == {"camera-1": 12}


def test_an_admitted_label_joins_with_the_next_window_though_nothing_of_it_comes(state):
    publish(state, pictures(("bird", 20), ("frog", 20)))
    take(state, pictures(("forg", 2), first=100))
    assert "joined" not in done(state, "classes.admit", name="forg")
    claim = take(state, pictures(("bird", 2), first=200))
    assert claim.joined == ("forg",)
    assert "waiting" not in roles(state, "forg")
    assert "is a class already" in refusal(state, "classes.admit", name="forg")


def test_merging_a_label_that_waits_takes_its_pictures_in(state):
    publish(state, pictures(("bird", 20), ("frog", 20), ("forg", 14)))
    done(state, "classes.merge", **{"from": "forg", "into": "frog"})
    assert roles(state, "forg") == {}
    assert sum(roles(state, "frog").values()) == 34
    take(state, pictures(("forg", 5), first=100))
    assert sum(roles(state, "frog").values()) == 39
    assert state.ledger.book().aliases() == {"forg": "frog"}


def test_merging_a_class_moves_all_that_is_stored_and_those_after_it_move_up(four):
    stored = sum(sum(roles(four, name).values()) for name in ("frog", "forg"))
    done(four, "classes.merge", **{"from": "forg", "into": "frog"})
    assert four.ledger.classes() == ("bird", "frog", "toad")
    assert four.ledger.book().known_to_champion() == ("bird", "frog", "toad")
    assert sum(roles(four, "frog").values()) == stored
    assert not {*roles(four, "frog")} - {"train", "holdout"}
    claim = publish(four, pictures(("forg", 5), ("toad", 5), first=500))
    assert claim.classes == ("bird", "frog", "toad")
    assert roles(four, "forg") == {}


def test_a_chain_of_merges_ends_at_its_end(four):
    done(four, "classes.merge", **{"from": "forg", "into": "frog"})
    done(four, "classes.merge", **{"from": "frog", "into": "toad"})
    assert four.ledger.book().aliases() == {"forg": "toad", "frog": "toad"}
    assert "fewer than 2" in refusal(four, "classes.merge", **{"from": "bird", "into": "frog"})


def test_a_retired_class_is_quarantined_and_does_not_come_back_by_itself(four):
    stored = roles(four, "forg")
    answer = done(four, "classes.retire", name="forg")
    assert f"{sum(stored.values())} samples are quarantined" in answer
    assert four.ledger.classes() == ("bird", "frog", "toad")
    assert roles(four, "forg") == {"quarantined": sum(stored.values())}
    for first in (500, 600):
        take(four, pictures(("forg", 20), first=first))
    assert "forg" not in four.ledger.classes()
    assert roles(four, "forg")["waiting"] == 40
    (waiting,) = four.ledger.book().waiting()
    assert (waiting.label, waiting.retired) == ("forg", True)
    done(four, "classes.admit", name="forg")
    take(four, pictures(("bird", 2), first=700))
    assert four.ledger.classes() == ("bird", "frog", "toad", "forg")


def test_what_a_retirement_set_aside_can_be_released(four):
    done(four, "classes.retire", name="forg")
    (parcel,) = four._database.execute("SELECT parcel FROM parcels").fetchone()
    assert four.answer(Request("release", "quarantine.release", {"parcel": parcel}, 0), HANDLERS).done
    assert {*roles(four, "forg")} == {"waiting"}


def parcelled(state):
    query = "SELECT parcel, role, reason, count(*) FROM parcels JOIN aside USING (parcel) GROUP BY parcel"
    return state._database.execute(query).fetchall()


RETIRED = "class 'toad' was retired; class 'wolf' was retired"


@pytest.fixture
def retired(state):
    """Of the only round two classes are retired in a row."""
    publish(state, pictures(*((name, 20) for name in ("bird", "frog", "toad", "wolf"))))
    before = contents(state)
    for name in ("toad", "wolf"):
        done(state, "classes.retire", name=name)
    assert parcelled(state) == [(1, "quarantined", RETIRED, 40)]
    return before


def test_retirements_share_a_parcel_where_something_of_every_round_is_set_aside(state, retired):
    assert state.ledger.classes() == ("bird", "frog")
    assert state.answer(Request("release", "quarantine.release", {"parcel": 1}, 0), HANDLERS).done
    assert [roles(state, name) for name in ("toad", "wolf")] == [{"waiting": 20}] * 2
    assert parcelled(state) == []


def test_retirements_that_share_a_parcel_are_undone_and_done_again(state, retired):
    publish(state, pictures(("bird", 6), first=500))
    after, later = contents(state), state.ledger.champion().version
    done(state, "rollback", version=1)
    assert {*retired[0]} <= {*contents(state)[0]} and state.ledger.classes() == retired[1]
    assert [one for one in parcelled(state) if "retired" in one[2]] == []
    done(state, "rollback", version=later)
    assert contents(state) == after


def test_a_rollback_says_which_changes_of_classes_it_undoes_and_does_again(state):
    publish(state, pictures(("bird", 20), ("frog", 20), ("toad", 20)))
    done(state, "classes.retire", name="toad")
    assert done(state, "rollback", version=1).endswith("after 1; 1 change of classes is undone")
    done(state, "classes.retire", name="toad")
    publish(state, pictures(("bird", 10), ("frog", 10), first=300))
    said = done(state, "rollback", version=1)
    assert "samples learnt since are set aside; 1 change of classes is undone" in said
    assert done(state, "rollback", version=2).endswith("again, after 1; 1 change of classes is done again")


def test_a_retirement_that_joined_a_window_in_quarantine_leaves_it_as_it_was(state):
    publish(state, pictures(*((name, 20) for name in ("bird", "frog", "toad", "wolf"))))
    take(state, pictures(("frog", 20), first=700), refused())
    done(state, "classes.retire", name="toad")
    with state._database:
        parcels.quarantine(state._database, 2, "harmful")
        state._database.execute("UPDATE parcels SET reason = 'odd' WHERE parcel = 1")
    done(state, "classes.retire", name="wolf")
    assert parcelled(state)[1] == (2, "quarantined", "harmful; class 'wolf' was retired", 40)
    done(state, "rollback", version=1)
    assert parcelled(state) == [(2, "quarantined", "harmful", 20)]


def test_a_retirement_does_not_join_what_is_tried_again(state, retired):
    """Where all that is set aside is suspect, the oldest parcel is quarantined with what is retired."""
    done(state, "rollback", version=1)
    done(state, "classes.retire", name="toad")
    with state._database:
        assert parcels.reconsider(state._database, 1, "it raised")
    done(state, "classes.retire", name="wolf")
    assert parcelled(state) == [(1, "quarantined", "it raised; class 'wolf' was retired", 40)]


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("classes.merge", {"from": "forg", "into": "frog"}), ("classes.retire", {"name": "frog"}),
     ("classes.merge", {"from": "frog", "into": "toad"}), ("classes.retire", {"name": "bird"}),
     ("classes.retire", {"name": "toad"})],
)  # fmt: skip
def test_a_rollback_to_before_gives_all_back_and_one_to_after_does_it_again(four, kind, arguments):
    before, version = contents(four), four.ledger.champion().version
    done(four, kind, **arguments)
    changed = contents(four)
    done(four, "rollback", version=version)  # the champion still: the change alone is undone
    assert contents(four) == before
    assert four.ledger.book().known_to_champion() == ("bird", "frog", "forg", "toad")
    done(four, kind, **arguments)
    publish(four, pictures(("toad", 6), ("forg", 6), ("bird", 6), first=500))
    after, later = contents(four), four.ledger.champion().version
    done(four, "rollback", version=version)
    back = {sample: (name, role) for sample, name, role in contents(four)[0]}
    assert all(back[sample] == (name, role) for sample, name, role in before[0])
    assert four.ledger.classes() == before[1]
    given = {name for sample, (name, _) in back.items() if sample > before[0][-1][0]}
    assert given == {"toad", "forg", "bird"}, "each has the label that it was sent with"
    done(four, "rollback", version=later)
    assert contents(four) == after
    assert four.ledger.classes() == changed[1]


def test_the_lineage_says_what_was_asked_for_before_a_round(four):
    done(four, "classes.merge", **{"from": "forg", "into": "frog"})
    publish(four, pictures(("bird", 6), first=500))
    told = {one["round"]: one.get("class_events", []) for one in four.ledger.rounds()}
    assert [told[1], told[3]] == [[], []]
    assert told[2] == [{"event": "class admitted", "name": "forg"}]
    assert told[5] == [{"event": "class merged", "name": "forg", "into": "frog"}]


def test_a_rollback_that_goes_to_after_a_change_leaves_it(four):
    done(four, "classes.retire", name="forg")
    publish(four, pictures(("toad", 6), first=500))
    version = four.ledger.champion().version
    publish(four, pictures(("bird", 6), first=600))
    done(four, "rollback", version=version)
    assert four.ledger.classes() == ("bird", "frog", "toad")
    assert four.ledger.book().retired() == {"forg"}


def test_a_merged_label_that_is_admitted_is_one_of_its_own_again(four):
    done(four, "classes.merge", **{"from": "forg", "into": "frog"})
    done(four, "classes.admit", name="forg")
    assert four.ledger.book().aliases() == {}
    take(four, pictures(("forg", 3), first=500))
    assert four.ledger.classes()[-1] == "forg"


def test_what_was_noted_under_an_index_follows_its_class(state):
    names = ("bird", "forg", "owl", "toad", "wolf")
    publish(state, pictures(*((name, 20) for name in names)))
    answers = KeptAnswers(np.arange(1, 6), np.arange(5), 5)
    publish(state, pictures(*((name, 20) for name in names), first=500), answers)
    publish(state, pictures(*((name, 20) for name in names), first=900), answers)
    database = state._database
    first, second = (row[0] for row in database.execute("SELECT sample FROM samples WHERE role = 'train' LIMIT 2"))
    database.execute("INSERT INTO margins VALUES (?, 1.0, 1, 3), (?, 1.0, 1, 1)", (first, second))
    logits = np.array([0, 1, 2, 3, 4], "<f2").tobytes()
    database.execute("INSERT INTO recollections VALUES (?, ?)", (first, logits))
    database.execute("INSERT INTO meta VALUES ('replay_budget', ?)", (json.dumps([1, 0.5, [0, 0.1, 0.2, 0.3, 0.4]]),))
    screened = json.dumps({index: [10, index] for index in range(5)})
    database.execute("UPDATE rounds SET screened = ? WHERE round = 2", (screened,))
    kept = state.kept_answers(2)
    assert kept.predicted.tolist() == [0, 1, 2, 3, 4]
    done(state, "classes.merge", **{"from": "forg", "into": "toad"})
    assert dict(database.execute("SELECT sample, said FROM margins")) == {first: 2, second: 2}
    (stored,) = database.execute("SELECT logits FROM recollections").fetchone()
    assert np.frombuffer(stored, "<f2").tolist() == pytest.approx([0, 2, np.logaddexp(1, 3), 4], abs=0.01)
    assert state.ledger.replay_budget() == (1, 0.5, (0, 0.2, 0.3, 0.4))
    assert state.recent_screenings() == {0: (10, 0), 1: (10, 2), 2: (20, 4), 3: (10, 4)}
    kept = state.kept_answers(2)
    assert (kept.predicted.tolist(), kept.classes) == ([0, 2, 1, 2, 3], 4)
    assert state.kept_answers(3) is None, "the champion is asked anew"
    done(state, "classes.retire", name="owl")
    assert state.kept_answers(2).predicted.tolist() == [0, 1, 1, 2]
    assert state.kept_answers(2).samples.tolist() == [1, 2, 4, 5]
    assert dict(database.execute("SELECT sample, said FROM margins")) == {first: 1, second: 1}
    database.execute("DELETE FROM margins")


def test_requests_that_make_no_sense_are_refused_with_what_would(four):
    assert "'bird', 'frog', 'forg', 'toad'" in refusal(four, "classes.merge", **{"from": "forg", "into": "fog"})
    assert "already" in refusal(four, "classes.merge", **{"from": "frog", "into": "frog"})
    assert "no class" in refusal(four, "classes.retire", name="nothing")
    assert "labels that wait: none" in refusal(four, "classes.admit", name="nothing")
    assert "no name was given" in refusal(four, "classes.admit", name=7)
    assert "no name was given" in refusal(four, "classes.merge", **{"from": "frog"})


def test_a_label_that_nobody_has_sent_is_not_merged(four):
    answer = refusal(four, "classes.merge", **{"from": "fogr", "into": "frog"})
    assert answer == "'fogr' is no class, nor does it wait, and nothing is stored of it"
    assert "fogr" not in four.ledger.book().aliases()


def test_a_label_of_which_something_is_stored_or_was_decided_can_be_merged(four):
    take(four, pictures(("newt", 2), first=500), refused())  # neither a class nor waiting: of a suspect window
    done(four, "classes.merge", **{"from": "newt", "into": "toad"})
    done(four, "classes.merge", **{"from": "newt", "into": "frog"})  # nothing is stored of it any more
    assert four.ledger.book().aliases()["newt"] == "frog"
    done(four, "classes.retire", name="forg")
    done(four, "classes.merge", **{"from": "forg", "into": "frog"})
    assert sum(roles(four, "forg").values()) == 0


def test_a_closed_list_is_changed_in_the_configuration(tmp_path):
    with open_state(tmp_path / "closed", StoreRules(closed_classes=("bird", "frog", "toad"))) as state:
        publish(state, pictures(("bird", 20), ("frog", 20)))
        assert "model.classes" in refusal(state, "classes.retire", name="toad")


def test_a_name_spelt_as_of_old_is_met_by_todays_spelling(state):
    decomposed = "cafe\u0301"
    publish(state, pictures((decomposed, 20), ("bird", 20)))
    take(state, pictures(("café", 20), first=100))
    assert roles(state, "café") == {}
    assert sum(roles(state, decomposed).values()) == 40
    assert "no class" in refusal(state, "classes.retire", name="cafe")
    publish(state, pictures(("frog", 20), first=200))
    publish(state, pictures(("frog", 20), first=300))
    done(state, "classes.retire", name=decomposed)


def test_a_class_whose_window_is_refused_leaves_no_event(state):
    publish(state, pictures(("bird", 20), ("frog", 20)))
    take(state, pictures(("toad", 20), first=100))
    take(state, pictures(("toad", 20), first=200), refused())
    assert [one.name for one in state.ledger.book().events()] == ["bird", "frog"]
    assert state.ledger.counts()[Role.WAITING] == 20
