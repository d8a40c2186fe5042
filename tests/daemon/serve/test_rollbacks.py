"""Rollbacks over HTTP: who may ask, what is left for the learner, and what the asker is told."""

import threading
import time

import pytest

from model.publishing.mailbox import Answer, Mailbox
from tests.support.repository import publish
from tests.support.serving import Serving

PATH = "/v1/models/default/rollback"
TOKEN = "a token of our own"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def serving(tmp_path):
    one = Serving(tmp_path / "models", f"http.rollback_token={TOKEN}")
    publish(one.repository, 1)
    publish(one.repository, 2)
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def answering(serving):
    """Answer the next request as a learner would."""
    threads = []

    def start(answer):
        def work():
            mailbox = Mailbox(serving.repository, "default")
            until = time.monotonic() + 20
            while time.monotonic() < until:
                for letter in mailbox.letters():
                    mailbox.reply(letter.id, answer)
                    return
                time.sleep(0.02)

        threads.append(threading.Thread(target=work))
        threads[0].start()

    yield start
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def letters(serving):
    return Mailbox(serving.repository, "default").letters()


def ask(serving, version=1, wait=0, headers=RIGHT):
    return serving.client.post(PATH, params={"wait": wait}, json={"version": version}, headers=headers)


def test_without_a_token_of_the_servers_rollbacks_are_off(tmp_path):
    off = Serving(tmp_path / "models")
    try:
        publish(off.repository, 1)
        for headers in ({}, {"Authorization": "Bearer"}, RIGHT):
            answer = off.client.post(PATH, json={"version": 1}, headers=headers)
            assert answer.status_code == 403
            assert "http.rollback_token" in answer.json()["detail"]
        assert letters(off) == []
    finally:
        off.stop()


WRONG = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer ÿ".encode("latin-1")},
]


def test_without_the_right_token_nothing_is_asked(serving):
    for headers in WRONG:
        for answer in (
            ask(serving, headers=headers),
            serving.client.post(PATH, content=b"not json", headers=headers),
            serving.client.get(f"{PATH}/{'1' * 13}-{'a' * 32}", headers=headers),
        ):
            assert answer.status_code == 401, headers
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
    assert letters(serving) == []


def test_what_the_learner_did_is_answered(serving, answering):
    answering(Answer(done=True, text="version 1 is champion again"))
    answer = ask(serving, wait=20)
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["detail"]) == ("done", "version 1 is champion again")
    later = serving.client.get(f"{PATH}/{answer.json()['id']}", headers=RIGHT)
    assert (later.status_code, later.json()) == (200, answer.json())


def test_what_the_learner_refuses_is_a_conflict(serving, answering):
    answering(Answer(done=False, text="the weights of version 1 are gone"))
    answer = ask(serving, wait=20)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "the weights of version 1 are gone"


def test_a_learner_that_does_not_answer_yet_is_said_and_can_be_asked_for(serving):
    answer = ask(serving)
    assert answer.status_code == 202
    assert answer.json()["state"] == "waiting"
    [letter] = letters(serving)
    assert (letter.id, letter.kind, letter.arguments) == (answer.json()["id"], "rollback", {"version": 1})
    place = answer.headers["location"]
    assert serving.client.get(place, headers=RIGHT).json() == answer.json()
    Mailbox(serving.repository, "default").reply(letter.id, Answer(done=False, text="no"))
    assert serving.client.get(place, headers=RIGHT).json()["state"] == "refused"
    assert serving.answered("/v1/models/{name}/rollback", 202) == 1


def test_what_is_not_there_is_not_asked_for(serving):
    unknown = ask(serving, version=9)
    assert unknown.status_code == 404
    assert "no version 9; the newest is 2" in unknown.json()["detail"]
    assert serving.client.post("/v1/models/other/rollback", json={"version": 1}, headers=RIGHT).status_code == 404
    for name in (f"{'1' * 13}-{'a' * 32}", "..%2fchampion", "x"):
        assert serving.client.get(f"{PATH}/{name}", headers=RIGHT).status_code == 404
    assert letters(serving) == []


OTHER_BODIES = (
    *(b"", b"{", b"[]", b"{}", b'{"version": 0}', b'{"version": "1"}', b'{"version": true}', b'{"version": 1.5}'),
    b'{"version": 1, "force": true}',
)


def test_a_body_that_says_something_else_is_refused(serving):
    for body in OTHER_BODIES:
        answer = serving.client.post(PATH, content=body, headers=RIGHT)
        assert answer.status_code == 422, body
        assert "version" in answer.json()["detail"]
    assert letters(serving) == []


def test_a_long_body_is_not_read(serving):
    assert serving.client.post(PATH, content=b" " * 100_000, headers=RIGHT).status_code == 413


def test_a_learner_that_is_down_is_not_buried(serving):
    for _ in range(64):
        Mailbox(serving.repository, "default").ask("rollback", {"version": 1}, 1_790_000_000_000)
    answer = ask(serving)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert len(letters(serving)) == 64


def test_a_repository_that_cannot_be_written_is_said(serving):
    (serving.repository / "default" / ".requests").write_text("in the way")
    answer = ask(serving)
    assert answer.status_code == 503
    assert "repository" in answer.json()["detail"]


def test_waiting_ends_when_the_server_does(serving):
    asked = threading.Thread(target=ask, args=(serving, 1, 60))
    asked.start()
    while not letters(serving):
        time.sleep(0.02)
    began = time.monotonic()
    serving.stop()
    asked.join(20)
    assert time.monotonic() - began < 15


def test_openapi_describes_it(serving):
    described = serving.client.get("/openapi.json").json()
    post = described["paths"]["/v1/models/{name}/rollback"]["post"]
    assert {"200", "202", "401", "403", "404", "409", "422", "503"} <= set(post["responses"])
    name = post["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert described["components"]["schemas"][name]["required"] == ["version"]
    assert post["security"] == [{"HTTPBearer": []}]
