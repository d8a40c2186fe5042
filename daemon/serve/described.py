"""The OpenAPI document: what every route answers, with the schemas of those who write it. `HEAD` is told from `GET`."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from daemon.serve.problems import MEDIA_TYPE
from model.publishing.layout import MODEL_NAME_PATTERN, VERSION_MAX
from model.publishing.manifest_schema import manifest_schemas

Doc = dict[str, Any]
Docs = dict[int | str, Doc]

PLACE = "#/components/schemas/"


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    """For people: what is wrong, and what to do."""


class Check(BaseModel):
    """Something that the server depends on."""

    name: str
    ok: bool
    reason: str
    """What is the matter, or what is fine."""


class Ready(BaseModel):
    """What the server depends on."""

    ready: bool
    checks: list[Check]


class NotReady(Problem, Ready):
    """The same, as a problem."""


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"properties": {"alive": {"const": True, "type": "boolean"}}})

    alive: bool


_TEXT: Doc = {"type": "string"}
_HEADERS: dict[str, Doc] = {
    "ETag": {
        "description": "The tag of what is answered; quoted.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{64}"$'},
    },
    "Cache-Control": {"description": "How long it may be kept.", "schema": _TEXT},
    "Content-Location": {"description": "The address of this very version, which never changes.", "schema": _TEXT},
    "Content-Range": {"description": "Which bytes, of how many.", "schema": {"type": "string", "pattern": "^bytes "}},
    "Accept-Ranges": {"description": "Parts may be asked for.", "schema": {"type": "string", "const": "bytes"}},
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 1}},
    "Location": {"description": "Where to ask what has become of it.", "schema": _TEXT},
    "WWW-Authenticate": {"description": "A bearer token is wanted.", "schema": _TEXT},
    "Content-Length": {"description": "Bytes of the body.", "schema": {"type": "integer", "minimum": 0}},
}
_FAILED = "The server failed; its log says why."
_UNREADABLE = "The repository cannot be read at this moment."
NAME: Doc = {"pattern": f"^{MODEL_NAME_PATTERN}$", "description": "The model's name.", "examples": ["default"]}
VERSION: Doc = {"type": "integer", "minimum": 1, "maximum": VERSION_MAX, "description": "A version's number."}


def header_parameters(*names: str) -> Doc:
    """Return what FastAPI is to add to a route that looks at these request headers itself."""
    texts = {
        "If-None-Match": "The ETag that the asker holds: 304 where it is still right.",
        "Range": "The part that is wanted, as `bytes=0-1023`; what is no single range of bytes counts as none.",
        "If-Range": "The ETag that `Range` is of; of another file the whole is answered.",
    }
    listed = [
        {"name": name, "in": "header", "required": False, "description": texts[name], "schema": _TEXT} for name in names
    ]
    return {"parameters": listed}


def headers(*names: str) -> Doc:
    """Return response headers, of which all are always there but for those that end with `?`."""
    return {name.rstrip("?"): {**_HEADERS[name.rstrip("?")], "required": not name.endswith("?")} for name in names}


def answers(description: str, schema: str, *names: str) -> Doc:
    """Return the answer with JSON of a schema and these headers."""
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": PLACE + schema}}},
        "headers": headers("Cache-Control?", *names),
    }


def no_body(description: str, *names: str) -> Doc:
    """Return an answer without a body, as 304 is."""
    return {"description": description, "headers": headers(*names)}


def file_answer(description: str, *names: str) -> Doc:
    """Return the answer with a file's bytes."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"description": description, "content": content, "headers": headers(*names)}


def problem_answer(description: str, *names: str, schema: str = "Problem") -> Doc:
    """Return an error's answer."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": PLACE + schema}}},
        "headers": headers("Cache-Control", *names),
    }


def whatever_happens() -> Docs:
    """Return the errors that every route of the repository may answer."""
    return {500: problem_answer(_FAILED), 503: problem_answer(_UNREADABLE, "Retry-After")}


def describe(app: FastAPI, models: Sequence[type[BaseModel]]) -> None:
    """Let `app` give the finished document at /openapi.json; `models` are those that its answers name."""
    made: Callable[[], Doc] = app.openapi

    def finished() -> Doc:
        if app.openapi_schema is None:
            app.openapi_schema = _finish(made(), models)
        return app.openapi_schema

    app.openapi = finished  # type: ignore[method-assign]


def _finish(document: Doc, models: Sequence[type[BaseModel]]) -> Doc:
    schemas: Doc = document.setdefault("components", {}).setdefault("schemas", {})
    ours: tuple[type[BaseModel], ...] = (Problem, Check, Ready, NotReady, Alive, *models)
    for model in ours:
        schemas.update(_schemas_of(model))
    schemas.update(manifest_schemas(PLACE))
    for path in document["paths"].values():
        for operation in path.values():
            _drop_validation_of_nothing(operation)
        if "get" in path:
            path["head"] = _head(path["get"])
    # FastAPI's own, which no answer of ours has
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _schemas_of(model: type[BaseModel]) -> Doc:
    schema = model.model_json_schema(ref_template=PLACE + "{model}", mode="serialization")
    found: Doc = schema.pop("$defs", {})
    return {**found, model.__name__: schema}


def _drop_validation_of_nothing(operation: Doc) -> None:
    """Take out the 422 that FastAPI adds to each route with a parameter, whether or not one can be wrong."""
    answer = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(answer):
        del operation["responses"]["422"]


def _head(get: Doc) -> Doc:
    """Return HEAD as GET without bodies."""
    bare = {code: {name: one[name] for name in one if name != "content"} for code, one in get["responses"].items()}
    return {
        **get,
        "operationId": get["operationId"] + "_head",
        "summary": f"{get['summary']}: headers alone",
        "responses": bare,
    }
