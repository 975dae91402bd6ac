"""A courier's milestone feed over HTTP: `POST /feed/milestones` takes JSON and answers once its facts are durable.

201 where all of it was recorded, 422 where a milestone was held: the others count, and the answer names each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.committer import Incoming
from hub.conversion import HELD, REJECTED
from hub.http.auth import Doorkeeper
from hub.http.problems import problem, refusal

if TYPE_CHECKING:
    from hub.bootstrap import Hub

FORMAT = "courier_feed"
LONGEST_KEY = 128


def routes(hub: Hub, door: Doorkeeper) -> list[Route]:
    """The feed's route."""

    async def take(request: Request) -> Response:
        profile = door.partner(request)
        if profile.http is None or FORMAT not in profile.http.formats:
            fault = refusal("forbidden", "", "this partner has no milestone feed here")
            return problem(403, fault.remedy, [fault])
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            fault = refusal("media-type", "content-type", "send application/json")
            return problem(415, "unsupported media type", [fault])
        name = request.headers.get("idempotency-key", "")[:LONGEST_KEY]
        answer = await hub.receive(Incoming(profile.partner, "http", FORMAT, await request.body(), "", name))
        if answer.outcome in {HELD, REJECTED} and len(answer.parts) == 1 and answer.parts[0]["part"] == "message":
            return problem(400, f"the feed was {answer.outcome}", answer.faults)
        told = {
            "message": answer.inbox,
            "outcome": answer.outcome,
            "parts": answer.parts,
            "unlinked": answer.unlinked,
            "warnings": [fault.plain() for fault in answer.faults if fault.severity != "error"],
        }
        whole = answer.outcome not in {HELD, REJECTED}
        return Response(orjson.dumps(told), 201 if whole else 422, media_type="application/json")

    return [Route("/feed/milestones", take, methods=["POST"])]
