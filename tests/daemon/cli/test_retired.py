"""Retired versions on the command line: shown, explained, refused for a rollback, and nothing for `verify`."""

import shutil

import pytest

from model.publishing.repository import Repository
from model.store import StoreRules
from tests.support.windows import open_state


@pytest.fixture
def retired(history):
    """Version 1 is retired, 2 is champion."""
    home = history / "models" / "default"
    with open_state(history / "state", StoreRules()) as state:
        state.retirements.retire([1])
        with Repository(history / "models", "default").open(state.ledger.state_id()) as repository:
            assert repository.retire(state.retirements.ranges(), state.retirements.among([1, 2])) == 1
    assert sorted(one.name for one in home.iterdir() if one.name.isdigit()) == ["2"]
    return history


def test_versions_shows_it(run, retired):
    versions = run("versions", "--json").json
    assert [(one["version"], one["retired"], one["restorable"], one["champion"]) for one in versions] == [
        (1, True, False, False),
        (2, False, True, True),
    ]
    lines = run("versions").out.splitlines()
    assert [line for line in lines if "retired" in line and " gone " in line]


def test_explain_still_knows_all_of_it(run, retired):
    told = run("explain", "1", "--json").json
    assert told["manifest"]["version"] == 1 and told["retired_at"].endswith("Z")
    assert run("explain", "1").status == 0
    assert "retired_at" not in run("explain", "2", "--json").json


def test_verify_finds_nothing(run, retired):
    found = run("verify", "--json").json["findings"]
    assert [one for one in found if "1" in one["subject"].rpartition("/")[2] or "retired" in one["message"]] == []
    assert not [one for one in found if one["kind"] == "missing_version"]


def test_one_that_still_stands_is_no_damage(run, history):
    with open_state(history / "state", StoreRules()) as state:
        state.retirements.retire([1])
    found = [one for one in run("verify", "--json").json["findings"] if one["kind"] == "retired_version"]
    assert [one["harmless"] for one in found] == [True]


def test_a_rollback_to_it_is_refused_where_only_the_repository_is(run, retired, tmp_path):
    ran = run("rollback", "1", "--state", str(tmp_path / "nowhere"))
    assert ran.status == 1
    assert "version 1 is retired, its files are gone. Kept are 2 (setting: publish.keep)" in ran.err


def test_a_folder_deleted_by_hand_is_damage_and_a_repair_retires_it(run, history):
    shutil.rmtree(history / "models" / "default" / "1")
    found = [one for one in run("verify", "--json").json["findings"] if one["kind"] == "missing_version"]
    assert [(one["subject"], one["harmless"]) for one in found] == [("version 1", False)]
    assert "--repair" in found[0]["cure"]
    mended = run("verify", "--repair", "--json").json
    # the history's artefacts are no ONNX, but they are the champion's bytes: it is whole
    assert "retired version 1, whose folder is gone" in mended["repaired"]
    assert not [one for one in mended["findings"] if one["kind"] == "missing_version"]
    assert [one["retired"] for one in run("versions", "--json").json] == [True, False]


def test_a_repository_that_is_not_there_makes_nothing_retired(run, history):
    shutil.move(history / "models", history / "unmounted")
    (history / "models").mkdir()
    run("verify", "--repair", "--json")
    assert [one["retired"] for one in run("versions", "--json").json] == [False, False]
    shutil.rmtree(history / "models")
    shutil.move(history / "unmounted", history / "models")
    assert not [one for one in run("verify", "--json").json["findings"] if one["kind"] == "missing_version"]
