"""Judging over HTTP: facts that nobody keeps to a document and answers, and an order of the hub as a document.

`POST /model/judge` has no state and no storage: what is sent is judged by the model and forgotten. It is for whoever
wants to know what the model says of facts, such as the conformance kit (`docs/conformance.md`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from canonical_model.asking import Unasked
from canonical_model.judging import judge
from canonical_model.order_document import order_document
from canonical_model.protocols import Protocol
from hub.bootstrap import Hub
from hub.committer import Committer
from hub.http.auth import Doorkeeper

AT_ONCE = 2
"""Judgements that are worked on at the same time; the others wait."""


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """The routes; a judgement may name the hub's own Protocols by id@version."""
    api = APIRouter(tags=["model"])
    turns = asyncio.Semaphore(AT_ONCE)

    @api.post("/model/judge", dependencies=[Depends(door.partner)])
    async def judged(request: Request) -> Response:
        """What the model says of the given facts."""
        asked = _json(await request.body())
        async with turns:
            return await asyncio.to_thread(_judged, asked, hub.protocols)

    @api.get("/api/journeys/{journey}/document", dependencies=[Depends(door.operator)])
    async def document(journey: str) -> Response:
        """An order as one document: all its facts, and everything that follows from them."""

        def look(committer: Committer) -> dict[str, Any] | None:
            db = committer.connection
            if db.one("journey_root", journey) is None:
                return None
            head = db.one("head")
            state = committer.orders.state(db, journey)
            return order_document(state, hub.protocols, hub.clock(), position=int(head[0]) if head else 0)

        found = await hub.pipeline.run(look)
        if found is None:
            raise HTTPException(404, "no such journey")
        return _said(found)

    return api


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "the body is no JSON") from None


def _said(made: Any) -> Response:
    return Response(orjson.dumps(made), media_type="application/json")


def _judged(asked: Any, protocols: Mapping[str, Protocol]) -> Response:
    """Raises RequestValidationError for what is no judgement: its places, never its values."""
    try:
        return _said(judge(asked, protocols))
    except ValidationError as wrong:
        told = wrong.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(told) from None
    except Unasked as wrong:
        raise HTTPException(422, str(wrong)) from None
    except KeyError:
        known = ", ".join(protocols)
        raise HTTPException(422, f"this Protocol is not known here: name one of {known}, or send it whole") from None
