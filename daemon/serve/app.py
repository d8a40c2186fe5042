"""The FastAPI application of `tidemill serve`: routes, health, metrics, errors."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

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
from daemon.serve.champions import Champions
from daemon.serve.counting import CHAMPION, NO_ROUTE, WAITING, CountAnswers
from daemon.serve.routes import build_router
from daemon.version import VERSION


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
        # What is traced, and where to, says log.otlp alone: no variable of the environment makes FastAPI send anything.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    metrics = ServeMetrics(registry)
    champions.told = metrics.champion_seen
    app.add_middleware(CountAnswers, metrics=metrics)
    routers = (build_router(champions), *more)
    for router in routers:
        app.include_router(router)
    _add_health(app, asks, registry)
    problems.install(app)
    routes = (route for one in (app.router, *routers) for route in one.routes)
    metrics.routes_known([*(route.path for route in routes if isinstance(route, Route)), CHAMPION + WAITING, NO_ROUTE])
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
