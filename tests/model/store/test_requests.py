from pathlib import Path

import pytest

from model.store import OutOfTurnError, RefusedRequestError, StateUnusableError, leave_request, verify
from tests.support.windows import labelled, open_state, take, window


class CrashError(BaseException):
    """Stands for a kill."""


def rename_class(database, request, _now_ms):
    """Stand for any request: writes, and then refuses a name that is too long."""
    database.execute("UPDATE labels SET name = ? WHERE class = 0", (request.arguments["name"],))
    if len(request.arguments["name"]) > 10:
        raise RefusedRequestError("too long: 10 characters at most")
    return f"renamed to {request.arguments['name']}"


KINDS = {"rename": rename_class}


@pytest.fixture
def state(tmp_path: Path):
    with open_state(tmp_path) as one:
        take(one, labelled(range(20)))
        yield one


def test_requests_are_carried_out_in_the_order_in_which_they_were_asked(state):
    names = [leave_request(state.path, "rename", {"name": name}, at) for at, name in ((20, "two"), (10, "one"))]
    events = state.answer_requests(KINDS)
    assert [(event.request.id, event.done, event.answer) for event in events] == [
        (names[1], True, "renamed to one"),
        (names[0], True, "renamed to two"),
    ]
    assert state.ledger.classes()[0] == "two"
    assert state.ledger.event(names[0]) == events[1]
    assert list((state.path / "requests").iterdir()) == []
    assert state.answer_requests(KINDS) == []


def test_a_refused_request_changes_nothing_and_says_why(state):
    before = state.ledger.classes()
    name = leave_request(state.path, "rename", {"name": "much too long"}, 10)
    (event,) = state.answer_requests(KINDS)
    assert not event.done and event.answer == "too long: 10 characters at most"
    assert state.ledger.classes() == before and state.ledger.event(name) == event


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kind": 1}', b"\xff", b"{" + b" " * 70_000 + b"}"])
def test_what_is_no_request_is_refused_and_goes(state, content: bytes):
    (state.path / "requests" / "strange.json").write_bytes(content)
    leave_request(state.path, "unheard of", {}, 10)
    events = {event.request.id == "strange": event for event in state.answer_requests(KINDS)}
    assert "not a request" in events[True].answer and "unheard of" in events[False].answer
    assert not any(event.done for event in events.values())
    assert list((state.path / "requests").iterdir()) == []


@pytest.mark.parametrize("step", ["request.before", "request.inside", "request.after"])
def test_a_crash_carries_a_request_out_once(tmp_path: Path, step: str):
    def crash(now: str) -> None:
        if now == step:
            raise CrashError

    done = []

    def count(_database, request, _now_ms):
        done.append(request.id)
        return "counted"

    with open_state(tmp_path, reached=crash) as state:
        take(state, labelled(range(20)))
        name = leave_request(tmp_path, "count", {}, 10)
        with pytest.raises(CrashError):
            state.answer_requests({"count": count})
    with open_state(tmp_path) as state:
        state.answer_requests({"count": count})
        assert done == [name]
        event = state.ledger.event(name)
        assert event is not None and event.answer == "counted"
    assert verify(tmp_path) == []


def test_a_round_is_not_disturbed(state):
    state.claim(window(labelled(range(30, 40)), 20), seed=1, state=None)
    leave_request(state.path, "rename", {"name": "one"}, 10)
    with pytest.raises(OutOfTurnError):
        state.answer_requests(KINDS)


def test_many_requests_are_answered_a_bounded_number_at_a_time(state, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("model.store.requests.ANSWERED_MAX", 2)
    monkeypatch.setattr("model.store.requests.EVENTS_KEPT", 3)
    names = [leave_request(state.path, "rename", {"name": f"{at}"}, at) for at in range(5)]
    assert [len(state.answer_requests(KINDS)) for _ in range(4)] == [2, 2, 1, 0]
    assert [name for name in names if state.ledger.event(name)] == names[2:]


def test_a_request_needs_a_state_and_has_a_limit(state, tmp_path: Path):
    with pytest.raises(StateUnusableError, match="no learner"):
        leave_request(tmp_path / "elsewhere", "rename", {}, 10)
    with pytest.raises(ValueError, match="65536"):
        leave_request(state.path, "rename", {"name": "x" * 70_000}, 10)
