"""The manifest in JSON is the contract's, to the letter; nothing invalid is written or read."""

import copy
import json
from dataclasses import replace

import pytest

from model.pictures import INPUT
from model.publishing.errors import ManifestError
from model.publishing.manifest import ClassEvaluation, Evaluation, EventTimes, LineageEntry, Manifest
from tests.support.manifests import EXAMPLE


def test_the_contracts_example_round_trips_in_its_order():
    manifest = Manifest.from_dict(EXAMPLE)
    written = manifest.to_dict()
    assert {key: written[key] for key in EXAMPLE} == EXAMPLE
    assert [key for key in written if key in EXAMPLE] == list(EXAMPLE)
    assert written.keys() - EXAMPLE.keys() == {"class_prior"}
    assert list(written["lineage"][0]) == list(EXAMPLE["lineage"][0])
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_rare_counts_stand_only_where_they_are_not_0():
    entry = LineageEntry("t", "id", 0, 10, 20, 1, 2, 3, duplicate=1, expired=2)
    written = entry.to_dict()
    assert written["duplicate"] == 1 and written["expired"] == 2
    assert "waiting" not in written and "suspect" not in written
    manifest = replace(Manifest.from_dict(EXAMPLE), lineage=(entry,))
    assert Manifest.from_json(manifest.to_json()).lineage == (entry,)


def test_a_first_version_has_no_champion_to_speak_of():
    manifest = replace(
        Manifest.from_dict(EXAMPLE),
        parent=None,
        event_time=EventTimes(None, None),
        evaluation=Evaluation(30, 0.9, None, None, {"cat": ClassEvaluation(3, 0.5, None)}),
    )
    value = json.loads(manifest.to_json())
    assert value["parent"] is None and value["evaluation"]["champion_accuracy"] is None
    assert Manifest.from_dict(value) == manifest


def test_the_gap_to_training_samples_stands_only_where_it_is_known():
    known = Evaluation(30, 0.9, None, None, {"cat": ClassEvaluation(3, 0.5, None)}, None, 0.8, -0.1)
    value = replace(Manifest.from_dict(EXAMPLE), evaluation=known).to_dict()
    assert (value["evaluation"]["train_accuracy"], value["evaluation"]["train_holdout_gap"]) == (0.8, -0.1)
    assert Manifest.from_dict(value).evaluation == known
    assert "train_accuracy" not in Manifest.from_dict(EXAMPLE).to_dict()["evaluation"]


def test_keys_of_later_writers_are_ignored():
    assert Manifest.from_dict(EXAMPLE | {"later": 1}) == Manifest.from_dict(EXAMPLE)


WRONG = [
    ("schema", 2, "schema: 2"),
    ("model", "../x", "model name"),
    ("version", 0, "version: 0"),
    ("version", True, "version: True"),
    ("parent", "6", "parent"),
    ("created_at", "2026-11-24 10:00", "created_at"),
    ("classes", ["cat", "cat"], "nothing stands twice"),
    ("classes", ["cat", ""], "classes"),
    ("file.name", "../model.onnx", r"file\.name"),
    ("file.sha256", "AB" * 32, r"file\.sha256"),
    ("file.bytes", 0, r"file\.bytes"),
    ("input.height", 0, r"input\.height"),
    ("input.width", 100_000, r"input\.width"),
    ("lineage.0.to", 1100, r"lineage\[0\]\.to"),
    ("lineage.0.trained", 600, "more than the offsets"),
    ("lineage.0.partition", -1, r"lineage\[0\]\.partition"),
    ("evaluation.candidate_accuracy", 1.01, "candidate_accuracy"),
    ("evaluation.per_class", {"cow": {"n": 1, "candidate": 1, "champion": 1}}, "per_class"),
    ("gate.p_value", float("nan"), "p_value"),
    ("parity_max_abs_error", float("inf"), "parity_max_abs_error"),
    ("training", [], "training"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG)
def test_what_is_wrong_is_named(path, value, message):
    broken = copy.deepcopy(EXAMPLE)
    *outer, last = path.split(".")
    place = broken
    for step in outer:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    with pytest.raises(ManifestError, match=message):
        Manifest.from_dict(broken)


@pytest.mark.parametrize("key", EXAMPLE)
def test_a_missing_key_is_named(key):
    with pytest.raises(ManifestError, match=f"{key} is missing"):
        Manifest.from_dict({name: value for name, value in EXAMPLE.items() if name != key})


@pytest.mark.parametrize("text", ["", "[]", "null", "{", b"\xff", "[" * 100_000])
def test_text_that_is_no_manifest_is_refused(text):
    with pytest.raises(ManifestError):
        Manifest.from_json(text)


def test_what_could_not_be_read_back_is_not_written():
    with pytest.raises(ManifestError):
        replace(Manifest.from_dict(EXAMPLE), parity_max_abs_error=float("nan")).to_json()


def test_what_is_done_to_a_picture_is_kept_and_older_manifests_stay_as_they_are():
    told = {"height": 64, "width": 64, **INPUT}
    manifest = Manifest.from_dict(EXAMPLE | {"input": told})
    assert manifest.to_dict()["input"] == told
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_dict(EXAMPLE).to_dict()["input"] == EXAMPLE["input"]
    later = {**told, "later": {"a": 1}}
    assert Manifest.from_dict(EXAMPLE | {"input": later}).input == manifest.input
