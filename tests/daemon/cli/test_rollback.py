"""`tidemill rollback`: over the state directory, over the repository alone, and what is said when nothing answers."""

import json
import shutil
import threading
import time
from contextlib import contextmanager

from model.publishing.mailbox import Answer, Mailbox
from model.store.rollback import rollback_handler
from tests.support.windows import open_state


@contextmanager
def answering(turn):
    """Call `turn` again and again until it returns True, as a learner would between rounds."""
    stop = threading.Event()

    def work():
        while not stop.is_set() and not turn():
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def answer_over_state(folder):
    def turn():
        with open_state(folder / "state") as state:
            events = state.answer_requests({"rollback": rollback_handler(lambda _manifest: "")})
            return bool(events)

    return turn


def test_a_rollback_is_asked_of_the_learner_and_shown(run, history):
    with answering(answer_over_state(history)):
        ran = run("rollback", "1", "--wait", "20")
    assert ran.status == 0
    assert "version 1 is champion again, after 2" in ran.out
    versions = run("versions", "--json").json
    assert [(one["version"], one["champion"], one["undone"]) for one in versions] == [
        (1, True, False),
        (2, False, True),
    ]
    assert "undone" in run("versions").out
    assert run("rounds").out.count(", undone") == 2
    assert [one.get("undone", False) for one in run("rounds", "--json").json] == [False, True, True]
    assert run("explain", "2", "--json", "--samples").json["samples"]["fresh"], "it was learnt all the same"
    findings = {one["kind"] for one in run("verify", "--json").json["findings"]}
    assert "other_champion" not in findings, "the pointer follows when the learner runs"


def test_what_the_learner_refuses_fails(run, history):
    with answering(answer_over_state(history)):
        ran = run("rollback", "9", "--wait", "20")
    assert ran.status == 1
    assert "there is no version 9" in ran.err


def test_without_an_answer_the_request_stays(run, history):
    ran = run("rollback", "1", "--wait", "0")
    assert ran.status == 1
    assert "not answered within 0 s" in ran.err
    [file] = (history / "state" / "requests").iterdir()
    assert json.loads(file.read_text())["arguments"] == {"version": 1}


def test_where_there_is_only_the_repository_the_request_is_left_there(run, history):
    shutil.rmtree(history / "state")
    mailbox = Mailbox(history / "models", "default")

    def turn():
        for letter in mailbox.letters():
            mailbox.reply(letter.id, Answer(done=letter.arguments == {"version": 1}, text="so it is"))
            return True
        return False

    with answering(turn):
        ran = run("rollback", "1", "--wait", "20", "--json")
    assert (ran.status, ran.json) == (0, {"version": 1, "answer": "so it is"})
    with answering(turn):
        assert "the learner refused: so it is" in run("rollback", "2", "--wait", "20").err
    assert "the newest is 2" in run("rollback", "7").err.lower()
    assert "not answered" in run("rollback", "2", "--wait", "0").err


def test_where_there_is_nothing_it_says_what_to_name(run):
    ran = run("rollback", "1")
    assert ran.status == 1
    assert "--state" in ran.err
