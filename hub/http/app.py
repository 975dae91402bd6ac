"""The HTTP application: puts the routes together, answers for errors, and hides what an error could tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.http import api, epcis, fhir
from hub.http.auth import Doorkeeper, Forbidden, Unauthorized
from hub.http.problems import problem
from hub.pipeline import Overloaded

log = structlog.get_logger("hub.http")

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


def create(hub: Hub, own: bool = True) -> FastAPI:
    """The application of a hub; with `own` it starts and stops the hub with itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if own:
            await hub.start()
        yield
        if own:
            await hub.stop()

    app = FastAPI(title="CGT Hub", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    door = Doorkeeper(hub.profiles)
    app.include_router(api.router(hub, door))
    app.router.routes.extend(epcis.routes(hub, door))
    app.router.routes.extend(fhir.routes(hub, door))

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Alive. Tells nothing else to those who are not known."""
        return {"status": "ok"}

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            response = await call_next(request)
        except Unauthorized:
            response = problem(401, "who are you? send Authorization: Bearer <token>", headers={"www-authenticate": "Bearer"})
        except Forbidden:
            response = problem(403, "not for this partner")
        except Overloaded:
            response = problem(503, "too much waits; send again later", headers={"retry-after": "5"})
        except Exception as wrong:  # noqa: BLE001 - the edge: the caller learns that it failed, the log learns where
            log.error("http.failed", path=request.url.path, error=type(wrong).__name__)
            response = problem(500, "the hub failed; nothing of this request was kept")
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app

