"""The HTTP application: puts the routes together and answers for errors, without telling what an error could tell."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

import canonical_model
from hub import reloading
from hub.bootstrap import Hub
from hub.http import (
    api,
    deliveries_api,
    epcis,
    feed,
    fhir,
    judging,
    keeping_api,
    ledger_api,
    messages_api,
    report_api,
    search_api,
    webhooks,
)
from hub.http.auth import Doorkeeper, Forbidden, Unauthorized
from hub.http.guard import Guard
from hub.http.problems import problem, refusal, refused
from hub.pipeline import Overloaded
from hub.web import routes as web

_SCHEMAS = Path(str(canonical_model.__file__)).parent / "schemas"
_CODES = {404: "not-found", 405: "not-supported"}
_NAME = re.compile(r"[a-z_]{1,40}")
_SAID = {404: "no such address", 405: "this address does not take that method"}


def create(hub: Hub, own: bool = True) -> FastAPI:
    """The application of a hub; with `own` it starts and stops the hub with itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if own:
            await hub.start()
            reloading.on_hangup(hub)
        yield
        if own:
            await hub.stop()

    closed: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None, "redirect_slashes": False}
    app = FastAPI(title="CGT Hub", version="1", lifespan=lifespan, **closed)
    door = Doorkeeper(hub.profiles)
    app.include_router(api.router(hub, door))
    app.include_router(deliveries_api.router(hub, door))
    app.include_router(judging.router(hub, door))
    app.include_router(keeping_api.router(hub, door))
    app.include_router(ledger_api.router(hub, door))
    app.include_router(messages_api.router(hub, door))
    app.include_router(report_api.router(hub, door))
    app.include_router(search_api.router(hub, door))
    app.router.routes.extend(epcis.routes(hub, door))
    app.router.routes.extend(feed.routes(hub, door))
    app.router.routes.extend(fhir.routes(hub, door))
    app.router.routes.extend(webhooks.routes(hub))

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Alive. Tells nothing else to those who are not known."""
        return {"status": "ok"}

    web.attach(app, hub, door)
    app.mount("/schemas", StaticFiles(directory=_SCHEMAS))  # public: the model belongs to everyone

    for kind, answer in (
        (Unauthorized, _unauthorized),
        (Forbidden, _forbidden),
        (Overloaded, _overloaded),
        (RequestValidationError, _invalid),
        (HTTPException, _not_served),
    ):
        app.add_exception_handler(kind, answer)
    app.add_middleware(Guard, limit=hub.settings.max_message, patience=hub.settings.patience)
    return app


async def _unauthorized(request: Request, _: Exception) -> Response:
    fault = refusal("login", "authorization", "who are you? send Authorization: Bearer <token>")
    return refused(request.url.path, 401, fault, {"www-authenticate": "Bearer"})


async def _forbidden(request: Request, _: Exception) -> Response:
    return refused(request.url.path, 403, refusal("forbidden", "", "not for this partner"))


async def _overloaded(request: Request, _: Exception) -> Response:
    fault = refusal("throttled", "", "too much waits; send again later")
    return refused(request.url.path, 503, fault, {"retry-after": "5"})


async def _invalid(_: Request, wrong: Exception) -> Response:
    """What does not fit the API's own schema: places and expectations, never what was sent."""
    errors = cast("RequestValidationError", wrong).errors()
    return problem(
        422, "the request does not fit", [refusal("value", _place(e["loc"]), _expected(e)) for e in errors[:50]]
    )


def _place(steps: Sequence[str | int]) -> str:
    """A place in the request; a name that the sender made up is not repeated."""
    return ".".join(str(step) if isinstance(step, int) or _NAME.fullmatch(step) else "…" for step in steps[:8])


def _expected(error: Mapping[str, Any]) -> str:
    """What pydantic expected, in words that hold nothing of what was sent."""
    known = {
        "missing": "this is missing",
        "model_attributes_type": "send a JSON object, with content-type application/json",
        "json_invalid": "this is not JSON",
    }
    return known.get(error["type"]) or f"it does not fit: {error['type'].replace('_', ' ')}"


async def _not_served(request: Request, wrong: Exception) -> Response:
    """What no route takes, and what a route of ours does not find; the text is ours in both cases."""
    status, detail = cast("HTTPException", wrong).status_code, cast("HTTPException", wrong).detail
    text = _SAID.get(status, "the request cannot be read") if detail == HTTPStatus(status).phrase else detail
    fault = refusal(_CODES.get(status, "value"), "", text)
    return refused(request.url.path, status, fault, cast("HTTPException", wrong).headers)
