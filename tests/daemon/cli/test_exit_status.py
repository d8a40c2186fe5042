"""Exit status 78: of a role that neither waiting nor a restart can cure. Commands end with 1, wrong settings with 2."""

import sqlite3

import pytest

from model.publishing.repository import Repository
from tests.support.windows import open_state

LEARN = ("learn", "--set", "model.architecture=model.network.mlp:mlp", "--set", "learn.port=0", "--set", "image.size=8")


@pytest.fixture
def learn(run):
    def ran(*args):
        ended = run(*LEARN, "--set", "log.level=error", *args)
        return ended.status, ended.err.splitlines()[-1]

    return ran


def test_a_state_that_another_learner_holds(learn, tmp_path):
    with open_state(tmp_path / "state", size=8):
        status, said = learn()
    assert status == 78 and "is in use by process" in said


def test_a_state_of_a_newer_version(learn, tmp_path):
    open_state(tmp_path / "state", size=8).close()
    with sqlite3.connect(tmp_path / "state" / "tidemill.db") as database:
        database.execute("PRAGMA user_version = 1000")
    status, said = learn()
    assert status == 78 and "schema 1000" in said


def test_a_state_of_another_image_size(learn, tmp_path):
    open_state(tmp_path / "state", size=4).close()
    status, said = learn()
    assert status == 78 and "image.size=4" in said


def test_a_repository_of_another_state(learn, tmp_path):
    with Repository(tmp_path / "models", "default").open("somebody else's"):
        pass
    (tmp_path / "models" / "default" / "1").mkdir()
    status, said = learn()
    assert status == 78 and "--adopt" in said


def test_a_repository_that_another_learner_holds(learn, tmp_path):
    with Repository(tmp_path / "models", "default").open("x"):
        status, said = learn()
    assert status == 78 and "another learner writes" in said


def test_a_state_that_is_no_folder(learn, tmp_path):
    (tmp_path / "state").write_text("a file")
    status, said = learn()
    assert status == 78 and "paths.state" in said


def test_a_wrong_setting_is_another_thing(learn):
    status, said = learn("--set", "round.samples=0")
    assert status == 2 and "round.samples" in said


def test_a_command_is_no_role(run, tmp_path):
    assert run("verify").status == 1
