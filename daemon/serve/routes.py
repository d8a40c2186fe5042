"""The routes of /v1/models. Each answers GET and HEAD."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from daemon.serve.artefact import ArtefactResponse, open_artefact
from daemon.serve.champions import Champions, UnreadableError
from daemon.serve.conditions import Span, UnsatisfiableRangeError, matches, wanted_range
from daemon.serve.problems import ClientGoneError, NothingYetError, problem
from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import parse_version
from model.publishing.manifest import Manifest
from model.publishing.reader import Champion, RepositoryReader

WAIT_S_MAX = 300.0
VERSIONS_NAMED = 10
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
NEVER = "no-store"
"""Of an answer that was waited for: kept by a cache, it would be asked about anew, and held again, for another."""
Found = TypeVar("Found")

_CHAMPION_DOC: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}}, "description": "The champion's manifest; ETag is the model's sha256."},
    304: {"description": "No other champion than the one that the asker knows."},
    404: {"description": "No version yet; Retry-After says when to ask again."},
}
_MANIFEST_DOC: dict[int | str, dict[str, Any]] = {
    **_CHAMPION_DOC,
    200: {"content": {"application/json": {}}, "description": "The version's manifest; ETag is the model's sha256."},
    304: {"description": "The asker has it."},
    404: {"description": "No such version."},
    410: {"description": "The version is retired: it was let go, and will not come back."},
}
_BYTES_DOC: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The ONNX file; ETag is its sha256."},
    206: {"description": "The part that Range asks for."},
    304: {"description": "The asker has it."},
    404: {"description": "No such version."},
    410: {"description": "The version is retired: it was let go, and will not come back."},
    416: {"description": "The range lies outside of the file."},
}


class ModelInfo(BaseModel):
    """What there is of a model."""

    name: str
    champion: int | None
    """The champion's version; null before the first."""
    versions: list[int]


def build_router(champions: Champions) -> APIRouter:
    """Return the routes, answered from `champions`."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    def both(path: str, **documented: Any) -> Callable[[Callable[..., Awaitable[Any]]], None]:
        def add(endpoint: Callable[..., Awaitable[Any]]) -> None:
            router.add_api_route(path, endpoint, methods=["GET"], **documented)
            router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)

        return add

    @both("/{name}", summary="The champion's version, and all versions", response_model=ModelInfo)
    async def model(name: str) -> ModelInfo:
        champion = await champions.current(name)
        versions = await _read((await champions.reader(name)).versions)
        return ModelInfo(name=name, champion=champion.version if champion else None, versions=versions)

    @both("/{name}/champion", summary="The champion's manifest, now or when it changes", responses=_CHAMPION_DOC)
    async def champion(
        request: Request,
        name: str,
        after: Annotated[int | None, Query(ge=0, description="The version that the asker has.")] = None,
        wait: Annotated[
            float, Query(ge=0, allow_inf_nan=False, description="Seconds to hold the answer until another is champion.")
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

    @both("/{name}/champion/model.onnx", summary="The champion's ONNX file", responses=_BYTES_DOC)
    async def champion_file(request: Request, name: str) -> Response:
        found = await champions.current(name)
        if found is None:
            raise NothingYetError(f"{name} has no version yet")
        headers = {"Content-Location": f"/v1/models/{name}/versions/{found.version}/model.onnx"}
        return await _artefact(request, found.manifest, found.artefact, ASK_AGAIN, headers)

    @both("/{name}/versions/{version}/manifest.json", summary="A version's manifest", responses=_MANIFEST_DOC)
    async def manifest(request: Request, name: str, version: str) -> Response:
        found, _ = await _version(await champions.reader(name), version)
        return _manifest(found, FOREVER, request.headers.get("if-none-match"), {})

    @both("/{name}/versions/{version}/model.onnx", summary="A version's ONNX file", responses=_BYTES_DOC)
    async def version_file(request: Request, name: str, version: str) -> Response:
        reader = await champions.reader(name)
        found, path = await _version(reader, version)
        try:
            return await _artefact(request, found, path, FOREVER, {})
        except UnreadableError:
            await _check_kept(reader, found.version)  # it may have gone since it was looked up
            raise

    return router


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
