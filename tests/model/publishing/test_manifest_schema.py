"""The manifest's JSON schema and the manifest's reader: what one takes, the other does."""

import copy
from dataclasses import replace

import jsonschema_rs
import pytest

from model.publishing.errors import ManifestError
from model.publishing.manifest import Evaluation, InputSpec, LineageEntry, Manifest
from model.publishing.manifest_schema import manifest_schemas
from tests.support.manifests import EXAMPLE
from tests.support.repository import make_manifest

SCHEMAS = manifest_schemas("#/$defs/")
VALIDATOR = jsonschema_rs.validator_for({"$ref": "#/$defs/Manifest", "$defs": SCHEMAS})
WHOLE = Manifest.from_dict(make_manifest(2, b"content")).to_dict()


def variants():
    full = Manifest.from_dict(WHOLE)
    yield full
    yield Manifest.from_dict(EXAMPLE)
    yield replace(full, parent=None, lineage=(), classes=("a",), evaluation=Evaluation(0, None, None, None))
    yield replace(full, input=InputSpec(8, 8, "bilinear", **dict.fromkeys(InputSpec.LATER, "x")))
    rare = LineageEntry("t", "id", 0, 0, 99, duplicate=3, waiting=1, suspect=2, expired=4, relabelled=1)
    yield replace(full, lineage=(rare,))


@pytest.mark.parametrize("manifest", list(variants()))
def test_what_is_written_is_valid(manifest):
    VALIDATOR.validate(manifest.to_dict())


def test_the_schema_names_every_key_that_is_written():
    keys = {key for one in variants() for key in one.to_dict()}
    assert keys == set(SCHEMAS["Manifest"]["properties"])
    spans = {key for one in variants() for span in one.to_dict()["lineage"] for key in span}
    assert spans == set(SCHEMAS["LineageEntry"]["properties"])


def places(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(path, value):
    whole = copy.deepcopy(WHOLE)
    at = whole
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return whole


def is_read(value):
    try:
        Manifest.from_dict(value)
    except ManifestError:
        return False
    return True


@pytest.mark.parametrize("wrong", [None, -2, "", "x", 1.5, True, [], {}, 10**6, ["a", "a"]])
def test_what_the_reader_refuses_the_schema_refuses(wrong):
    """One value at a time; `to` and the names of `per_class` are held against others, which no schema can."""
    beyond = {"to", "from", "per_class", "created_at", "oldest", "newest", "trained", "holdout", "dead_lettered"}
    checked = 0
    for path in places(WHOLE):
        if path[-1] in beyond or path[:1] == ("classes",):
            continue
        value = changed(path, wrong)
        if is_read(value) and Manifest.from_dict(value).to_dict() == value:
            assert VALIDATOR.is_valid(value), path
            checked += 1
        elif not is_read(value):
            assert not VALIDATOR.is_valid(value), path
            checked += 1
    assert checked > 10
