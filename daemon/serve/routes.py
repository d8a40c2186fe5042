"""The routes of /v1/models. Each answers GET and HEAD."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathOf
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from daemon.serve.artefact import ArtefactResponse, open_artefact
from daemon.serve.catalogue import PAGE, PAGE_MAX, ModelLine, ModelList, Told, list_versions
from daemon.serve.champions import Champions, UnknownModelError, UnreadableError
from daemon.serve.conditions import Span, UnsatisfiableRangeError, matches, wanted_range
from daemon.serve.described import (
    NAME,
    VERSION,
    Doc,
    Docs,
    answers,
    file_answer,
    header_parameters,
    no_body,
    problem_answer,
    whatever_happens,
)
from daemon.serve.problems import ClientGoneError, NothingYetError, problem
from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import VERSION_MAX, parse_version
from model.publishing.manifest import Manifest
from model.publishing.reader import Champion, RepositoryReader

WAIT_S_MAX = 300.0
VERSIONS_NAMED = 10
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
NEVER = "no-store"
"""Of an answer that was waited for: kept by a cache, it would be asked about anew, and held again, for another."""
Found = TypeVar("Found")
# What is no name and no version is not found; so the document alone says what they look like.
ModelName = Annotated[str, PathOf(json_schema_extra=NAME)]
VersionNumber = Annotated[str, PathOf(json_schema_extra=VERSION)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many to list at most.")]

_GONE = problem_answer("The version is retired: it was let go, and will not come back.")
_NO_MODEL = problem_answer("There is no such model.", "Retry-After?")
_NOTHING_YET = problem_answer("No such model, or no version yet; Retry-After says when to ask again.", "Retry-After")
_NO_VERSION = problem_answer("No such model or version.", "Retry-After?")
_WRONG_QUERY = problem_answer("A parameter is wrong: `detail` says which, and what would be right.")
_SAME = no_body("The asker has it.", "ETag", "Cache-Control")
_SAME_CHAMPION = no_body("The asker has it.", "ETag", "Cache-Control", "Content-Location")
_LISTED: Docs = {304: _SAME, 422: _WRONG_QUERY, **whatever_happens()}
_MODEL_DOC: Docs = {
    200: answers("The model.", "ModelInfo", "ETag"),
    304: _SAME,
    404: _NO_MODEL,
    **whatever_happens(),
}
_CHAMPION_DOC: Docs = {
    200: answers("The champion's manifest; ETag is the model's sha256.", "Manifest", "ETag", "Content-Location"),
    304: no_body("No other champion than the one that the asker knows.", "ETag", "Cache-Control", "Content-Location"),
    404: _NOTHING_YET,
    422: _WRONG_QUERY,
    **whatever_happens(),
}
_MANIFEST_DOC: Docs = {
    200: answers("The version's manifest; ETag is the model's sha256.", "Manifest", "ETag"),
    304: _SAME,
    404: _NO_VERSION,
    410: _GONE,
    **whatever_happens(),
}


def _bytes_doc(missing: Doc, same: Doc, *more: str) -> Docs:
    always = ("ETag", "Cache-Control", "Accept-Ranges", "Content-Length", *more)
    return {
        200: file_answer("The ONNX file; ETag is its sha256.", *always),
        206: file_answer("The part that Range asks for.", "Content-Range", *always),
        304: same,
        404: missing,
        416: problem_answer("The range lies outside of the file.", "Content-Range", "ETag"),
        **whatever_happens(),
    }


class ModelInfo(Told):
    """What there is of a model."""

    name: str
    champion: int | None
    """The champion's version; null before the first."""
    versions: list[int]
    """All whose files are there, ascending."""


def build_router(champions: Champions) -> APIRouter:
    """Return the routes, answered from `champions`."""
    router = APIRouter(prefix="/v1/models", tags=["models"])
    _add_lists(router, champions)
    _add_champion(router, champions)
    _add_versions(router, champions)
    return router


def _both(router: APIRouter, path: str, **documented: Any) -> Callable[[Callable[..., Awaitable[Any]]], None]:
    """Answer GET and HEAD; the document tells of HEAD by itself."""

    def add(endpoint: Callable[..., Awaitable[Any]]) -> None:
        router.add_api_route(path, endpoint, methods=["GET"], response_class=Response, **documented)
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)

    return add


def _add_lists(router: APIRouter, champions: Champions) -> None:
    conditional = header_parameters("If-None-Match")

    @_both(
        router,
        "",
        operation_id="list_models",
        summary="The models, by name",
        openapi_extra=conditional,
        responses={200: answers("A page of models.", "ModelList", "ETag"), **_LISTED},
    )
    async def models(
        request: Request,
        after: Annotated[str, Query(description="Name that the page begins behind: `next` of the page before.")] = "",
        limit: Limit = PAGE,
    ) -> Response:
        names = [name for name in await champions.names() if name > after]
        lines = [await _model_line(champions, name) for name in names[:limit]]
        more = names[limit - 1] if len(names) > limit else None
        return _tagged(request, ModelList(models=lines, next=more))

    @_both(
        router,
        "/{name}",
        operation_id="get_model",
        summary="The champion's version, and all versions",
        openapi_extra=conditional,
        responses=_MODEL_DOC,
    )
    async def model(request: Request, name: ModelName) -> Response:
        champion = await champions.current(name)
        versions = await _read((await champions.reader(name)).versions)
        found = ModelInfo(name=name, champion=champion.version if champion else None, versions=versions)
        return _tagged(request, found)

    @_both(
        router,
        "/{name}/versions",
        operation_id="list_versions",
        summary="The versions with their metrics, the newest first",
        openapi_extra=conditional,
        responses={200: answers("A page of versions.", "VersionList", "ETag"), 404: _NO_MODEL, **_LISTED},
    )
    async def versions(
        request: Request,
        name: ModelName,
        before: Annotated[
            int | None, Query(ge=1, le=VERSION_MAX, description="Version that the page begins below: `next`.")
        ] = None,
        limit: Limit = PAGE,
    ) -> Response:
        champion = await champions.current(name)
        reader = await champions.reader(name)
        return _tagged(request, await _read(lambda: list_versions(reader, champion, before, limit)))


def _add_champion(router: APIRouter, champions: Champions) -> None:
    @_both(
        router,
        "/{name}/champion",
        operation_id="get_champion",
        summary="The champion's manifest, now or when it changes",
        openapi_extra=header_parameters("If-None-Match"),
        responses=_CHAMPION_DOC,
    )
    async def champion(
        request: Request,
        name: ModelName,
        after: Annotated[int | None, Query(ge=0, description="The version that the asker has.")] = None,
        wait: Annotated[
            float,
            Query(
                ge=0,
                allow_inf_nan=False,
                description="Seconds to hold the answer until another is champion; more than 300 are 300.",
            ),
        ] = 0.0,
    ) -> Response:
        known = request.headers.get("if-none-match")

        def is_news(one: Champion) -> bool:
            return one.version != after if after is not None else not matches(known, _etag(one.manifest))

        waiting = champions.wait(name, is_news, min(wait, WAIT_S_MAX))
        found = await (_while_connected(request, waiting) if wait else waiting)
        if found is None:
            raise NothingYetError(f"{name} has no version yet")
        headers = {"Content-Location": f"/v1/models/{name}/versions/{found.version}/manifest.json"}
        return _manifest(found.manifest, NEVER if wait else ASK_AGAIN, known, headers, unchanged=not is_news(found))

    @_both(
        router,
        "/{name}/champion/model.onnx",
        operation_id="download_champion",
        summary="The champion's ONNX file",
        openapi_extra=header_parameters("If-None-Match", "Range", "If-Range"),
        responses=_bytes_doc(_NOTHING_YET, _SAME_CHAMPION, "Content-Location"),
    )
    async def champion_file(request: Request, name: ModelName) -> Response:
        found = await champions.current(name)
        if found is None:
            raise NothingYetError(f"{name} has no version yet")
        headers = {"Content-Location": f"/v1/models/{name}/versions/{found.version}/model.onnx"}
        return await _artefact(request, found.manifest, found.artefact, ASK_AGAIN, headers)


def _add_versions(router: APIRouter, champions: Champions) -> None:
    @_both(
        router,
        "/{name}/versions/{version}/manifest.json",
        operation_id="get_manifest",
        summary="A version's manifest",
        openapi_extra=header_parameters("If-None-Match"),
        responses=_MANIFEST_DOC,
    )
    async def manifest(request: Request, name: ModelName, version: VersionNumber) -> Response:
        found, _ = await _version(await champions.reader(name), version)
        return _manifest(found, FOREVER, request.headers.get("if-none-match"), {})

    @_both(
        router,
        "/{name}/versions/{version}/model.onnx",
        operation_id="download_version",
        summary="A version's ONNX file",
        openapi_extra=header_parameters("If-None-Match", "Range", "If-Range"),
        responses={**_bytes_doc(_NO_VERSION, _SAME), 410: _GONE},
    )
    async def version_file(request: Request, name: ModelName, version: VersionNumber) -> Response:
        reader = await champions.reader(name)
        found, path = await _version(reader, version)
        try:
            return await _artefact(request, found, path, FOREVER, {})
        except UnreadableError:
            await _check_kept(reader, found.version)  # it may have gone since it was looked up
            raise


async def _model_line(champions: Champions, name: str) -> ModelLine:
    """Return a model's line of the list; one that cannot be read must not hide the others."""
    try:
        champion = await champions.current(name)
        versions = await _read((await champions.reader(name)).versions)
    except (UnreadableError, UnknownModelError):
        return ModelLine(name=name, state="unreadable", champion=None, published_at=None, versions=0)
    if champion is None:
        return ModelLine(name=name, state="empty", champion=None, published_at=None, versions=len(versions))
    return ModelLine(
        name=name,
        state="serving",
        champion=champion.version,
        published_at=champion.published_at,
        versions=len(versions),
    )


def _tagged(request: Request, found: BaseModel) -> Response:
    """Answer JSON with a tag of its bytes."""
    body = found.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": ASK_AGAIN}
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


async def _version(reader: RepositoryReader, text: str) -> tuple[Manifest, Path]:
    number = parse_version(text)
    found = await _read(lambda: reader.manifest(number)) if number is not None else None
    path = await _read(lambda: reader.artefact(number)) if found is not None and number is not None else None
    if found is None or path is None:
        if number is not None:
            await _check_kept(reader, number)
        raise HTTPException(404, f"there is no version {text}")
    return found, path


async def _check_kept(reader: RepositoryReader, version: int) -> None:
    """Raise HTTPException where the version was let go: gone is another thing than never there."""
    if await _read(lambda: reader.is_retired(version)):
        left = ", ".join(map(str, (await _read(reader.versions))[-VERSIONS_NAMED:]))
        raise HTTPException(410, f"version {version} is retired (publish.keep); the newest that are kept: {left}")


def _manifest(
    found: Manifest, cache: str, known: str | None, headers: dict[str, str], *, unchanged: bool = False
) -> Response:
    headers = {"ETag": _etag(found), "Cache-Control": cache, **headers}
    if unchanged or matches(known, _etag(found)):
        return Response(status_code=304, headers=headers)
    return Response(found.to_json(), headers=headers, media_type="application/json")


async def _artefact(request: Request, found: Manifest, path: Path, cache: str, headers: dict[str, str]) -> Response:
    etag = _etag(found)
    headers = {"ETag": etag, "Cache-Control": cache, **headers}
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    size = found.file.bytes
    try:
        span = wanted_range(request.headers.get("range"), request.headers.get("if-range"), etag, size)
    except UnsatisfiableRangeError as error:
        return problem(416, str(error), {"Content-Range": f"bytes */{size}", "ETag": etag})
    file, on_disk = await _read(lambda: open_artefact(path))
    if on_disk != size:
        raise UnreadableError(f"{path} has {on_disk} bytes, its manifest says {size}")
    return ArtefactResponse(file, span or Span(0, size), size, headers)


async def _read(read: Callable[[], Found]) -> Found:
    try:
        return await anyio.to_thread.run_sync(read)
    except (OSError, BrokenRepositoryError) as error:
        raise UnreadableError(str(error)) from error


async def _while_connected(request: Request, waiting: Awaitable[Champion | None]) -> Champion | None:
    """Wait, but not for a client that has gone."""
    answer = asyncio.ensure_future(waiting)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise ClientGoneError
    finally:
        answer.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _etag(found: Manifest) -> str:
    return f'"{found.file.sha256}"'
