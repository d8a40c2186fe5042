"""The FastAPI application of `tidemill serve`: routes, health, metrics, errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from daemon.health import encode_metrics
from daemon.metrics import ServeMetrics
from daemon.readiness import Ask, ask_all, readiness_body
from daemon.serve import problems
from daemon.serve.catalogue import ModelList, VersionList
from daemon.serve.champions import Champions
from daemon.serve.counting import CHAMPION, NO_ROUTE, WAITING, CountAnswers
from daemon.serve.described import Doc, Docs, answers, describe, problem_answer, whatever_happens
from daemon.serve.page.facts import FollowersOf
from daemon.serve.rollbacks import Rollback, RollbackWanted
from daemon.serve.routes import ModelInfo, build_router
from daemon.version import VERSION

BODIES = (ModelInfo, ModelList, VersionList, Rollback, RollbackWanted)


def build_app(
    champions: Champions,
    asks: Sequence[Ask],
    registry: CollectorRegistry,
    more: Sequence[APIRouter] = (),
    page: Callable[[FollowersOf], APIRouter] | None = None,
) -> FastAPI:
    """Return the application with `more` routes; `champions` is watched for its lifetime.

    `page` makes the routes for people; it is given who tells which versions followers have.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(champions.watch())
        try:
            yield
        finally:
            champions.close()
            await watching

    # /docs with its scripts from here: where Tidemill runs, browsers may reach nothing else.
    app = FastAPIOffline(
        title="Tidemill",
        version=VERSION,
        summary="The newest model, and every version before it, as ONNX.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect goes to the Host that the asker claims
        # What is traced, and where to, says log.otlp alone: no variable of the environment makes FastAPI send anything.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    metrics = ServeMetrics(registry)
    champions.told = metrics.champion_seen
    app.add_middleware(CountAnswers, metrics=metrics)
    pages = [page(metrics.followers_of)] if page else []
    routers = (build_router(champions), *more, *pages)
    for router in routers:
        app.include_router(router)
    _add_health(app, asks, registry)
    problems.install(app)
    describe(app, BODIES)
    routes = (route for one in (app.router, *routers) for route in one.routes)
    metrics.routes_known([*(route.path for route in routes if isinstance(route, Route)), CHAMPION + WAITING, NO_ROUTE])
    return app


def _add_health(app: FastAPI, asks: Sequence[Ask], registry: CollectorRegistry) -> None:
    def both(path: str, endpoint: Callable[..., Awaitable[Response]], summary: str, responses: Docs) -> None:
        told: dict[str, Any] = {"operation_id": path[1:], "summary": summary, "responses": responses}
        app.add_api_route(path, endpoint, methods=["GET"], tags=["health"], response_class=Response, **told)
        app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)

    async def livez() -> Response:
        return JSONResponse({"alive": True})

    async def readyz() -> Response:
        code, body = readiness_body(await anyio.to_thread.run_sync(ask_all, asks))
        headers = {"Cache-Control": "no-store"}
        if code == HTTPStatus.OK:
            return JSONResponse(body, code, headers=headers)
        wrong = "; ".join(f"{one['name']}: {one['reason']}" for one in body["checks"] if not one["ok"])
        return problems.problem(code, wrong, headers, **body)

    async def metrics(request: Request) -> Response:
        content_type, body = encode_metrics(registry, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    failed: Docs = {500: whatever_happens()[500]}
    both("/livez", livez, "The process answers", {200: answers("It does.", "Alive"), **failed})
    unready = problem_answer("Not all is well: `checks` says what is not.", schema="NotReady")
    well = answers("All is well.", "Ready")
    both("/readyz", readyz, "What it depends on, and whether that is well", {200: well, 503: unready, **failed})
    text = {"schema": {"type": "string"}}
    forms: Doc = {
        "description": "In the form that the header `Accept` asks for.",
        "content": {"text/plain": text, "application/openmetrics-text": text},
    }
    both("/metrics", metrics, "Metrics for Prometheus", {200: forms, **failed})
