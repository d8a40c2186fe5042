"""The JSON schema of a manifest, made of the dataclasses that write it: there is no second description."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from model.publishing.layout import MODEL_FILE, MODEL_NAME_PATTERN
from model.publishing.manifest import SCHEMA, Manifest
from model.publishing.manifest_parts import Evaluation, InputSpec, LineageEntry
from model.publishing.manifest_reading import SHA256_PATTERN, SIDE_MAX

Schema = dict[str, Any]


@cache
def manifest_schemas(place: str = "#/components/schemas/") -> dict[str, Schema]:
    """Return {name: JSON schema} of the manifest (`Manifest`) and its parts, which refer to each other at `place`.

    What `Manifest.to_dict` writes is valid under it; of what else JSON can hold, it refuses what reading refuses in
    one value alone (sums, and names that must be known, no schema tells).
    """
    whole = TypeAdapter(Manifest).json_schema(mode="serialization", ref_template=place + "{model}")
    found: dict[str, Schema] = whole.pop("$defs")
    found["Manifest"] = whole
    for schema in found.values():
        # what has a default is written all the same
        schema["required"] = list(schema["properties"])
        for one in schema["properties"].values():
            one.pop("default", None)
            one.pop("title", None)
    whole["properties"] = {"schema": {"const": SCHEMA, "type": "integer"}, **whole["properties"]}
    whole["required"].insert(0, "schema")
    whole["properties"]["model"]["pattern"] = f"^{MODEL_NAME_PATTERN}$"
    whole["properties"]["classes"] |= {"uniqueItems": True}
    found["ArtefactFile"]["properties"]["name"] = {"const": MODEL_FILE, "type": "string"}
    found["ArtefactFile"]["properties"]["sha256"] = {"type": "string", "pattern": f"^{SHA256_PATTERN}$"}
    for side in ("height", "width"):
        found["InputSpec"]["properties"][side]["maximum"] = SIDE_MAX
    _rename(found["LineageEntry"], LineageEntry.KEYS)
    _make_optional(found["LineageEntry"], LineageEntry.RARE)
    for name in LineageEntry.RARE:
        found["LineageEntry"]["properties"][name]["minimum"] = 1
    for part in (Evaluation, InputSpec):
        schema = found[part.__name__]
        _make_optional(schema, part.LATER)
        for name in part.LATER:
            schema["properties"][name] = schema["properties"][name]["anyOf"][0]
    return found


def _rename(schema: Schema, keys: Mapping[str, str]) -> None:
    schema["properties"] = {keys.get(name, name): value for name, value in schema["properties"].items()}
    schema["required"] = [keys.get(name, name) for name in schema["required"]]


def _make_optional(schema: Schema, names: tuple[str, ...]) -> None:
    schema["required"] = [name for name in schema["required"] if name not in names]
