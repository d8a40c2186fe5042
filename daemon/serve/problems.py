"""Errors as JSON: application/problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from daemon.serve.champions import UnknownModelError, UnreadableError

RETRY_AFTER_S = 5
CLIENT_GONE = 499
"""Seen in metrics only."""
MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class ClientGoneError(Exception):
    """Nobody is there to be answered."""


class NothingYetError(Exception):
    """The model has no version yet: ask again."""


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> JSONResponse:
    """Return an error response; `detail` is for people, `more` are further members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


def retry(status: int, detail: str) -> JSONResponse:
    """Return an error response that asks the client to come again."""
    return problem(status, detail, {"Retry-After": str(RETRY_AFTER_S)})


def _allowed(method: str, of_one_route: str) -> str:
    """Return what `Allow` must say: each route knows its own methods alone, and what answers GET answers HEAD."""
    return "GET, HEAD" if of_one_route in ("GET", "HEAD") and method != "HEAD" else of_one_route


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem."""

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = _allowed(request.method, (error.headers or {}).get("Allow", ""))
            return problem(405, f"this address answers {allowed} alone", {"Allow": allowed})
        detail = str(error.detail)
        if detail == "Not Found":
            detail = "there is nothing at this address: /docs lists what there is"
        return problem(error.status_code, detail, error.headers)

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        texts = [f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors()]
        return problem(422, "; ".join(texts))

    async def unknown(_request: Request, error: Exception) -> JSONResponse:
        return retry(404, str(error))

    async def unreadable(request: Request, error: Exception) -> JSONResponse:
        log.warning("the repository cannot be read", path=request.url.path, reason=str(error))
        return retry(503, "the repository cannot be read at this moment")

    async def crashed(request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", path=request.url.path, exc_info=error)
        return problem(500, "the server failed; its log says why")

    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    app.add_exception_handler(ClientGoneError, gone)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(UnknownModelError, unknown)
    app.add_exception_handler(NothingYetError, unknown)
    app.add_exception_handler(UnreadableError, unreadable)
    app.add_exception_handler(Exception, crashed)
