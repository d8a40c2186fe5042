"""The routes of the page: `/`, `/models/{name}`, the contact sheet, and the style sheet and script beside it.

Labels, sources and reasons come from producers: the template escapes all of them, and the policy lets nothing run or
load that this server did not write.
"""

import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from daemon.serve.champions import Champions, UnknownModelError, UnreadableError
from daemon.serve.conditions import matches
from daemon.serve.page import words
from daemon.serve.page.facts import FollowersOf, Page, gather
from daemon.serve.problems import RETRY_AFTER_S
from daemon.version import VERSION
from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import ModelPaths

SHEET_BYTES_MAX = 2_000_000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ASSETS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
MODELS_SHOWN = 50
Found = TypeVar("Found")
log = structlog.get_logger()


def now_ms() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def build_page(
    champions: Champions, root: Path, followers: FollowersOf | None = None, clock_ms: Callable[[], int] = now_ms
) -> APIRouter:
    """Return the routes. `followers` is asked how many clients have which version; without it nothing is said of it."""
    router = APIRouter(include_in_schema=False)
    environment = Environment(
        loader=PackageLoader("daemon.serve.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"w": words, "release": VERSION}
    assets = {name: (files(__package__) / name).read_bytes() for name in ASSETS}

    async def shown(request: Request, name: str, base: str) -> Response:
        try:
            page = await _gather(champions, root, name, followers, clock_ms())
        except UnknownModelError:
            text = "The repository has none of this name. The first page lists what there is."
            return _message(environment, base, 404, "No such model", text)
        except UnreadableError as error:
            log.warning("the page cannot be made", model=name, reason=str(error))
            text = "The repository cannot be read at this moment; the server's log and /readyz say why."
            return _message(environment, base, 503, "Not readable", text)
        refresh = request.query_params.get("refresh") != "off"
        html = environment.get_template("page.html").render(p=page, base=base, refresh=refresh)
        return HTMLResponse(html, headers=HEADERS)

    async def first(request: Request) -> Response:
        return await shown(request, champions.expected, "")

    async def model(request: Request, name: str) -> Response:
        return await shown(request, name, "../")

    async def sheet(name: str) -> Response:
        await champions.reader(name)
        data = await _in_thread(lambda: _sheet(ModelPaths(root, name).sheet))
        if data is None:
            raise HTTPException(404, "nothing is set aside")
        return Response(data, media_type="image/webp", headers=HEADERS)

    async def asset(request: Request, name: str) -> Response:
        if name not in assets:
            raise HTTPException(404, f"there is no {name}")
        etag = f'"{VERSION}-{len(assets[name])}"'
        headers = HEADERS | {"ETag": etag, "Cache-Control": "no-cache"}
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(assets[name], headers=headers | {"Content-Type": ASSETS[name]})

    places: dict[str, Callable[..., Any]] = {
        "/": first,
        "/models/{name}": model,
        "/models/{name}/quarantine.webp": sheet,
        "/assets/{name}": asset,
    }
    for path, endpoint in places.items():
        router.add_api_route(path, endpoint, methods=["GET"])
        router.add_api_route(path, endpoint, methods=["HEAD"])
    return router


async def _gather(champions: Champions, root: Path, name: str, followers: FollowersOf | None, at_ms: int) -> Page:
    reader = await champions.reader(name)
    champion = await champions.current(name)
    models = tuple((await champions.names())[:MODELS_SHOWN])
    return await _in_thread(lambda: gather(ModelPaths(root, name), reader, champion, models, followers, at_ms))


def _message(environment: Environment, base: str, status: int, title: str, text: str) -> Response:
    html = environment.get_template("message.html").render(title=title, text=text, base=base)
    headers = HEADERS | ({"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {})
    return HTMLResponse(html, status, headers=headers)


def _sheet(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(SHEET_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return data if len(data) <= SHEET_BYTES_MAX else None


async def _in_thread(read: Callable[[], Found]) -> Found:
    try:
        return await anyio.to_thread.run_sync(read)
    except (OSError, BrokenRepositoryError) as error:
        raise UnreadableError(str(error)) from error
