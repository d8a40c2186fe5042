"""The FastAPI application of `tidemill serve`: routes, health, metrics, errors."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.health import encode_metrics
from daemon.metrics import ServeMetrics
from daemon.readiness import Ask, ask_all, readiness_body
from daemon.serve import problems
from daemon.serve.champions import Champions
from daemon.serve.routes import build_router
from daemon.version import VERSION

NO_ROUTE = "other"


class CountAnswers:
    """Counts each answer by its route's template and status code, a download when it ends."""

    def __init__(self, app: ASGIApp, metrics: ServeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        code = 500

        async def noting(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._metrics.answered(getattr(scope.get("route"), "path", NO_ROUTE), code)


def build_app(
    champions: Champions, asks: Sequence[Ask], registry: CollectorRegistry, more: Sequence[APIRouter] = ()
) -> FastAPI:
    """Return the application with `more` routes; `champions` is watched for its lifetime."""

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
    )
    app.add_middleware(CountAnswers, metrics=ServeMetrics(registry))
    for router in (build_router(champions), *more):
        app.include_router(router)
    _add_health(app, asks, registry)
    problems.install(app)
    return app


def _add_health(app: FastAPI, asks: Sequence[Ask], registry: CollectorRegistry) -> None:
    @app.get("/livez", tags=["health"], summary="The process answers")
    async def livez() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/readyz", tags=["health"], summary="What it depends on, and whether that is well")
    async def readyz() -> JSONResponse:
        code, body = readiness_body(await anyio.to_thread.run_sync(ask_all, asks))
        return JSONResponse(body, code, headers={"Cache-Control": "no-store"})

    @app.get("/metrics", tags=["health"], summary="Metrics for Prometheus")
    async def metrics(request: Request) -> Response:
        content_type, body = encode_metrics(registry, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
