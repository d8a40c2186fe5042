"""A file in a folder of requests is refused alone, whatever it is: the others are answered, the learner learns on."""

import json
import os

import pytest
from structlog.testing import capture_logs

from model.publishing.mailbox import Mailbox
from model.store import leave_request
from tests.model.test_untrusted import make
from tests.support.learners import Bench

GOOD = {"kind": "rollback", "arguments": {"version": 1}, "asked_at_ms": 1}
NAME = "0000000000001-" + "a" * 32
KINDS = ["folder", "pipe", "socket", "device", "dangling link", "link"]


def but(**changed):
    return json.dumps({**GOOD, **changed}).encode()


CONTENTS = {
    "infinite time": but(asked_at_ms=float("inf")),
    "no time": but(asked_at_ms=float("nan")),
    "a time beyond 64 bits": but(asked_at_ms=10**30),
    "a time before all": but(asked_at_ms=-1),
    "a time that is true": but(asked_at_ms=True),
    "a time of minus nought": but(asked_at_ms=-0.0),
    "a time in the year 300000": but(asked_at_ms=10**16),
    "a version beyond 64 bits": but(arguments={"version": 10**30}),
    "a version of 5000 digits": but(arguments={"version": 1}).replace(b": 1}", b": " + b"9" * 5_000 + b"}"),
    "an infinite version": but(arguments={"version": float("inf")}),
    "a version that overflows": but(arguments={"version": 1}).replace(b": 1}", b": 1e999}"),
    "a version that is true": but(arguments={"version": True}),
    "a version that is a list": but(arguments={"version": [1]}),
    "no such version": but(arguments={"version": 2**63 - 1}),
    "half a character": b'{"kind": "rollback", "arguments": {"version": "\\ud800"}, "asked_at_ms": 1}',
    "half a character as a name": b'{"kind": "rollback", "arguments": {"\\ud800": 1}, "asked_at_ms": 1}',
    "a kind of half a character": b'{"kind": "\\ud800", "arguments": {}, "asked_at_ms": 1}',
    "a kind that is a list": but(kind=["rollback"]),
    "arguments that are pairs": but(arguments=[["version", 1]]),
    "nested without end": b"[" * 4_000,
    "no JSON": b"\xff\xfe\x00",
    "empty": b"",
    "too large": b" " * 70_000 + but(),
    "a skip of round true": but(kind="quarantine.skip", arguments={"round": True}),
    "a skip of a list": but(kind="quarantine.skip", arguments={"round": [1]}),
    "a skip beyond 64 bits": but(kind="quarantine.skip", arguments={"round": 10**30}),
    "a parcel that is a mapping": but(kind="quarantine.drop", arguments={"parcel": {}}),
    "a class that is a number": but(kind="classes.admit", arguments={"name": 1}),
}


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    one.learner()
    yield one
    one.die()


@pytest.fixture(params=["state", "repository"])
def folder(request, bench):
    """Return the folder of requests in the state directory, or that in the repository."""
    if request.param == "state":
        return bench.folder / "state" / "requests"
    made = bench.folder / "models" / "default" / ".requests"
    made.mkdir(parents=True, exist_ok=True)
    return made


def turns(bench, count=2):
    """Run a learner for some turns; return what it logged from warnings on. It must stay ready."""
    learner = bench.learner()
    with capture_logs() as lines:
        for _ in range(count):
            learner.run_once()
            assert learner.outage.reason == "", learner.outage.reason
    return [line for line in lines if line["log_level"] in ("warning", "error")]


def ask_both(bench):
    """Leave a good request in each folder; return a function that tells whether both were answered."""
    mailbox = Mailbox(bench.folder / "models", "default")
    mine = leave_request(bench.folder / "state", "quarantine.reviewed", {}, bench.now_ms)
    theirs = mailbox.ask("rollback", {"version": 1}, bench.now_ms)
    return lambda: (
        not (bench.folder / "state" / "requests" / f"{mine}.json").exists() and mailbox.answer(theirs) is not None
    )


@pytest.mark.timeout(60)
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_letter_that_says_nonsense_is_refused_alone(bench, folder, content):
    (folder / f"{NAME}.json").write_bytes(content)
    answered = ask_both(bench)
    turns(bench)
    assert answered()
    assert not (folder / f"{NAME}.json").exists()
    assert bench.learner().directory.ledger.event(NAME).done is False


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_taken_out_of_the_way_told_once_and_never_followed(bench, folder, kind):
    make(kind, folder / f"{NAME}.json")
    answered = ask_both(bench)
    lines = turns(bench)
    assert answered()
    assert not os.path.lexists(folder / f"{NAME}.json")
    (line,) = lines
    assert NAME in line["file"] and "no regular file" in line["reason"] and line["cure"]
    if kind == "link":
        assert (folder / "elsewhere").read_bytes() == b"precious"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "name", [b"\xff\xfe.json", b"a b.json", b"-.json", "é.json".encode(), b"new\nline.json", b"x" * 150 + b".json"]
)
def test_a_name_that_no_request_has_is_taken_out_of_the_way(bench, folder, name):
    path = folder / os.fsdecode(name)
    path.write_bytes(but())
    answered = ask_both(bench)
    (line,) = turns(bench)
    assert answered()
    assert not os.path.lexists(path)
    assert line["file"].isprintable() and len(line["file"].rpartition("/")[2]) < 160


def test_a_folder_with_something_in_it_is_moved_aside_whole(bench, folder):
    (folder / f"{NAME}.json").mkdir()
    (folder / f"{NAME}.json" / "inside").write_bytes(b"kept")
    (line,) = turns(bench)
    (aside,) = [one for one in folder.iterdir() if one.name.startswith("refused-")]
    assert (aside / "inside").read_bytes() == b"kept"
    assert aside.name in line["became"]


@pytest.mark.parametrize("ending", [".answer", ".answer.tmp"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_in_the_answers_place_is_never_written_through(bench, kind, ending):
    mailbox = Mailbox(bench.folder / "models", "default")
    asked = mailbox.ask("rollback", {"version": 1}, bench.now_ms)
    make(kind, mailbox.folder / f"{asked}{ending}")
    turns(bench)
    assert mailbox.answer(asked).done is False
    assert mailbox.letters() == []
    if kind == "link":
        assert (mailbox.folder / "elsewhere").read_bytes() == b"precious"
    assert not (mailbox.folder / "nowhere").exists()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "dangling link", "link"])
def test_a_repository_whose_letter_box_is_no_folder_is_told_and_learning_goes_on(bench, kind):
    make(kind, bench.folder / "models" / "default" / ".requests")
    (line,) = turns(bench)
    assert ".requests" in line["file"] and "no folder" in line["reason"]


def test_an_answer_that_somebody_else_wrote_is_not_believed(bench):
    mailbox = Mailbox(bench.folder / "models", "default")
    asked = mailbox.ask("rollback", {"version": 1}, bench.now_ms)
    for content in (b"[]", b"{}", b'{"done": 1, "text": ""}', b'{"done": true}', b"[" * 9_000, b" " * 70_000):
        (mailbox.folder / f"{asked}.answer").write_bytes(content)
        with pytest.raises(ValueError, match=r"."):
            mailbox.answer(asked)
