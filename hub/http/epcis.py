"""EPCIS 2.0 over HTTP: `POST /epcis/capture` (202 and a job) and `POST /epcis/events` (201). GS1's REST binding, in part.

Both answer after the facts are durable. A document with one bad event keeps the good ones; the job names the bad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.committer import Answer, Incoming
from hub.conversion import HELD, REJECTED
from hub.http.auth import Doorkeeper, read_body
from hub.http.problems import problem
from hub.profiles import Profile
from mappings.faults import Fault

if TYPE_CHECKING:
    from hub.bootstrap import Hub

VERSION_HEADERS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}


def routes(hub: Hub, door: Doorkeeper) -> list[Route]:
    """The EPCIS routes."""

    async def take(request: Request) -> tuple[Answer | None, Response | None]:
        profile = door.partner(request)
        refused = _not_spoken(profile)
        if refused is not None:
            return None, refused
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"application/ld+json", "application/json", "application/xml", "text/xml"}:
            fault = Fault("media-type", "content-type", "send application/ld+json or application/xml", severity="error")
            return None, problem(415, "unsupported media type", [fault])
        body = await read_body(request, hub.settings.max_message)
        if body is None:
            fault = Fault("too-large", "body", f"send at most {hub.settings.max_message} bytes", severity="error")
            return None, problem(413, "too large", [fault])
        name = request.headers.get("idempotency-key", "")[:128]
        return await hub.receive(Incoming(profile.partner, "epcis", "epcis", body, kind, name)), None

    async def capture(request: Request) -> Response:
        answer, refused = await take(request)
        if answer is None:
            return refused  # type: ignore[return-value]
        if _is_unread(answer):
            return problem(400, f"the document was {answer.outcome}", answer.faults)
        headers = {"location": f"/epcis/capture/{answer.inbox}", **VERSION_HEADERS}
        return Response(b"", 202, headers)

    async def events(request: Request) -> Response:
        answer, refused = await take(request)
        if answer is None:
            return refused  # type: ignore[return-value]
        if answer.outcome in {HELD, REJECTED}:
            return problem(400 if _is_unread(answer) else 422, f"the event was {answer.outcome}", answer.faults)
        headers = {"location": f"/epcis/capture/{answer.inbox}", **VERSION_HEADERS}
        if answer.faults or answer.unlinked:
            return Response(orjson.dumps(_job({"inbox": answer.inbox, "parts": answer.parts})), 201, headers, "application/json")
        return Response(b"", 201, headers)

    async def job(request: Request) -> Response:
        profile = door.partner(request)
        row = await hub.pipeline.run(lambda c: c.connection.one("get_inbox", int(request.path_params["job"])))
        if row is None or row[2] != profile.partner:
            return problem(404, "no such capture job")
        shown = {"inbox": row[0], "received": row[1], "outcome": row[10], "parts": orjson.loads(row[11])}
        return Response(orjson.dumps(_job(shown)), 200, VERSION_HEADERS, "application/json")

    return [
        Route("/epcis/capture", capture, methods=["POST"]),
        Route("/epcis/events", events, methods=["POST"]),
        Route("/epcis/capture/{job:int}", job, methods=["GET"]),
    ]


def _not_spoken(profile: Profile) -> Response | None:
    if profile.http is None or "epcis" not in profile.http.formats:
        return problem(403, "this partner does not send EPCIS")
    return None


def _is_unread(answer: Answer) -> bool:
    """True when nothing of the document could be read."""
    return answer.outcome in {HELD, REJECTED} and len(answer.parts) == 1 and answer.parts[0]["part"] == "message"


def _job(shown: dict[str, Any]) -> dict[str, Any]:
    """A capture job as EPCIS names its fields."""
    parts = shown["parts"]
    bad = [part for part in parts if part["fate"] in {HELD, REJECTED}]
    return {
        "captureID": str(shown["inbox"]),
        "running": False,
        "success": not bad,
        "captureErrorBehaviour": "proceed",
        "errors": [
            {"type": f["code"], "title": f["remedy"], "instance": f["place"]} for p in bad for f in p.get("faults", ())
        ],
        "parts": parts,
    }
