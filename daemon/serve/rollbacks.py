"""The rollback request. It leaves a letter for the learner, the only writer, and waits for the answer for a while."""

import asyncio
import hmac
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathOf
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from daemon.serve.champions import Champions, UnreadableError
from daemon.serve.described import PLACE, Docs, answers, problem_answer, whatever_happens
from daemon.serve.problems import RETRY_AFTER_S, problem, retry
from daemon.serve.routes import ModelName
from model.publishing.errors import BrokenRepositoryError, MailboxFullError
from model.publishing.mailbox import Answer, Mailbox

KIND = "rollback"
VERSIONS_NAMED = 10
WAIT_S = 10.0
WAIT_S_MAX = 300.0
POLL_S = 0.1
BODY_BYTES_MAX = 4_096
ID_PATTERN = r"[0-9]{13,16}-[0-9a-f]{32}"
_ID = re.compile(ID_PATTERN + r"\Z")
_BEARER = HTTPBearer(auto_error=False, description="http.rollback_token of the server's configuration.")
Found = TypeVar("Found")
RequestId = Annotated[str, PathOf(json_schema_extra={"pattern": f"^{ID_PATTERN}$"})]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def _whole(value: object) -> object:
    """Return 7 for 7.0, which JSON's schemas call an integer, too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class RollbackWanted(BaseModel):
    """Which version is to be champion again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Annotated[int, BeforeValidator(_whole)] = Field(ge=1, lt=10**18)


class Rollback(BaseModel):
    """What has become of a rollback."""

    id: str
    state: Literal["waiting", "done", "refused"]
    """waiting: the learner has not answered; it does between two rounds. refused: nothing was changed."""
    detail: str


_REFUSALS: Docs = {
    401: problem_answer("The bearer token is missing or wrong.", "WWW-Authenticate"),
    403: problem_answer("The server has no http.rollback_token: rollbacks over HTTP are off."),
    404: problem_answer("No such model, version or rollback.", "Retry-After?"),
    **whatever_happens(),
}
_ASKED: Docs = {
    **_REFUSALS,
    200: answers("Done: the pointer names the version, also where it did before.", "Rollback"),
    202: answers(
        "Left for the learner, which has not answered yet; Location tells more.", "Rollback", "Location", "Retry-After"
    ),
    409: problem_answer("The learner refuses, and says why: that version is retired, for example."),
    413: problem_answer(f"The body has more than {BODY_BYTES_MAX} bytes."),
    422: problem_answer('The body is not {"version": a positive integer}, or a parameter is wrong.'),
    503: problem_answer("No request can be left in the repository, or it cannot be read.", "Retry-After"),
}
_LOOKED: Docs = {**_REFUSALS, 200: answers("What has become of it.", "Rollback")}
_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": f"{PLACE}RollbackWanted"}}}}
}


def now_ms() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def build_rollbacks(
    champions: Champions, root: Path, token: str, *, clock: Callable[[], float] = time.monotonic
) -> APIRouter:
    """Return the routes; without a `token` they answer that rollbacks are off."""
    router = APIRouter(prefix="/v1/models", tags=["rollback"])

    @router.post(
        "/{name}/rollback",
        response_class=Response,
        operation_id="roll_back",
        summary="Make a version champion again",
        responses=_ASKED,
        openapi_extra=_BODY,
    )
    async def ask(
        request: Request,
        name: ModelName,
        credentials: Credentials,
        wait: Annotated[
            float,
            Query(ge=0, allow_inf_nan=False, description="Seconds to wait for the learner; more than 300 are 300."),
        ] = WAIT_S,
    ) -> Response:
        check_token(credentials, token)
        reader = await champions.reader(name)
        version = await _wanted(request)
        if await _in_thread(lambda: reader.manifest(version)) is None:
            known = await _in_thread(reader.versions)
            if await _in_thread(lambda: reader.is_retired(version)):
                left = ", ".join(map(str, known[-VERSIONS_NAMED:]))
                return problem(409, f"version {version} is retired (publish.keep); the newest that are kept: {left}")
            raise HTTPException(404, f"there is no version {version}; " + _newest(known))
        mailbox = Mailbox(root, name)
        try:
            asked = await anyio.to_thread.run_sync(lambda: mailbox.ask(KIND, {"version": version}, now_ms()))
        except (OSError, MailboxFullError) as error:
            return retry(503, f"no request can be left in the repository: {error}")
        deadline = clock() + min(wait, WAIT_S_MAX)
        while (answer := await _in_thread(lambda: mailbox.answer(asked))) is None:
            if clock() >= deadline or champions.closing:
                break
            await asyncio.sleep(POLL_S)
        return _told(f"/v1/models/{name}/rollback/{asked}", asked, answer)

    async def look(name: ModelName, id: RequestId, credentials: Credentials) -> Rollback:  # noqa: A002 - as the path says
        check_token(credentials, token)
        await champions.reader(name)
        mailbox = Mailbox(root, name)
        answer = await _in_thread(lambda: mailbox.answer(id)) if _ID.match(id) else None
        if answer is not None:
            return Rollback(id=id, state="done" if answer.done else "refused", detail=answer.text)
        if not _ID.match(id) or not await _in_thread(lambda: mailbox.waits(id)):
            raise HTTPException(404, f"there is no rollback {id}, or no longer")
        return _waiting(id)

    place = "/{name}/rollback/{id}"
    router.add_api_route(
        place,
        look,
        methods=["GET"],
        operation_id="get_rollback",
        summary="What became of a rollback",
        responses=_LOOKED,
    )
    router.add_api_route(place, look, methods=["HEAD"], include_in_schema=False)
    return router


def check_token(credentials: HTTPAuthorizationCredentials | None, token: str) -> None:
    """Raise HTTPException unless the token is the right one. Takes as long for any wrong one."""
    if not token:
        raise HTTPException(403, "rollbacks over HTTP are off: set http.rollback_token, or use `tidemill rollback`")
    given = credentials.credentials if credentials else ""
    # as it came: HTTP's headers are bytes
    if not hmac.compare_digest(given.encode("latin-1", "replace"), token.encode()):
        challenge = {"WWW-Authenticate": 'Bearer realm="tidemill"'}
        raise HTTPException(401, "the bearer token is missing or wrong", challenge)


async def _wanted(request: Request) -> int:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"the body has more than {BODY_BYTES_MAX} bytes")
    try:
        return RollbackWanted.model_validate_json(bytes(body)).version
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise HTTPException(422, f'{where}: {first["msg"]}; right is {{"version": 7}}') from error


def _told(place: str, asked: str, answer: Answer | None) -> Response:
    headers: Mapping[str, str] = {"Cache-Control": "no-store"}
    if answer is None:
        headers = {**headers, "Location": place, "Retry-After": str(RETRY_AFTER_S)}
        return JSONResponse(_waiting(asked).model_dump(), 202, headers)
    if not answer.done:
        return problem(409, answer.text)
    return JSONResponse(Rollback(id=asked, state="done", detail=answer.text).model_dump(), 200, headers)


def _waiting(asked: str) -> Rollback:
    detail = "the learner has not answered yet: it does between two rounds, and at its start if it does not run now"
    return Rollback(id=asked, state="waiting", detail=detail)


def _newest(known: list[int]) -> str:
    return f"the newest is {known[-1]}" if known else "none has been published yet"


async def _in_thread(read: Callable[[], Found]) -> Found:
    try:
        return await anyio.to_thread.run_sync(read)
    except (OSError, ValueError, BrokenRepositoryError) as error:
        raise UnreadableError(str(error)) from error
