"""EPCIS 2.0 over HTTP: `POST /epcis/capture` (202 and a job) and `POST /epcis/events` (201). GS1's REST binding.

What is asked for is in `epcis_queries`.

Both answer after the facts are durable; a capture of a partner whose profile says `acknowledge: stored` after its
document is, and its job tells the rest. A document with one bad event keeps the good ones, whatever error behaviour
its sender asks for, and says so; the job names the bad.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.committer import Answer, Incoming
from hub.conversion import HELD, REJECTED
from hub.http import epcis_queries
from hub.http.auth import Doorkeeper
from hub.http.problems import problem, refusal
from hub.outcomes import RECEIVED
from hub.profiles import Profile
from hub.storing import is_stored

if TYPE_CHECKING:
    from hub.bootstrap import Hub

BEHAVIOUR = "proceed"
HEADERS = {
    "GS1-EPCIS-Version": "2.0.0",
    "GS1-CBV-Version": "2.0.0",
    "GS1-Capture-Error-Behaviour": BEHAVIOUR,
}
MEDIA_TYPES = frozenset({"application/ld+json", "application/json", "application/xml", "text/xml"})
INVALID = "epcisException:ValidationException"
"""Problem type of a document or an event that cannot be taken (GS1 EPCIS 2.0 REST binding)."""
LONGEST_KEY = 128
_JOB = re.compile(r"[0-9]{1,18}", re.ASCII)


def routes(hub: Hub, door: Doorkeeper) -> list[Route]:
    """The EPCIS routes."""

    async def take(request: Request, may_wait: bool = False) -> Answer | Response:
        profile = door.partner(request)
        refused = _not_spoken(profile)
        if refused is not None:
            return refused
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in MEDIA_TYPES:
            fault = refusal("media-type", "content-type", "send application/ld+json or application/xml")
            return problem(415, "unsupported media type", [fault])
        name = request.headers.get("idempotency-key", "")[:LONGEST_KEY]
        body, stored = await request.body(), may_wait and is_stored(profile, "epcis")
        return await hub.receive(Incoming(profile.partner, "epcis", "epcis", body, kind, name, stored=stored))

    async def capture(request: Request) -> Response:
        answer = await take(request, may_wait=True)
        if isinstance(answer, Response):
            return answer
        if _is_unread(answer):
            return problem(400, f"the document was {answer.outcome}", answer.faults, kind=INVALID)
        return Response(b"", 202, {"location": f"/epcis/capture/{answer.inbox}", **HEADERS})

    async def events(request: Request) -> Response:
        answer = await take(request)
        if isinstance(answer, Response):
            return answer
        if answer.outcome in {HELD, REJECTED}:
            status = 400 if _is_unread(answer) else 422
            return problem(status, f"the event was {answer.outcome}", answer.faults, kind=INVALID)
        headers = {"location": f"/epcis/capture/{answer.inbox}", **HEADERS}
        if answer.faults or answer.unlinked:
            shown = _job(answer.inbox, answer.parts) | {"unlinked": answer.unlinked}
            shown["warnings"] = [fault.plain() for fault in answer.faults]
            return Response(orjson.dumps(shown), 201, headers, "application/json")
        return Response(b"", 201, headers)

    async def job(request: Request) -> Response:
        profile = door.partner(request)
        refused = _not_spoken(profile)
        if refused is not None:
            return refused
        text = request.path_params["job"]
        number = int(text) if _JOB.fullmatch(text) else 0
        row = await hub.pipeline.run(lambda c: c.connection.one("get_inbox", number)) if number else None
        if row is None or row[2] != profile.partner or row[3] != "epcis":
            return problem(404, "no such capture job", [refusal("not-found", "", "no such capture job")])
        running = row[10] == RECEIVED
        shown = {**_job(row[0], orjson.loads(row[11]), running), "createdAt": row[1]}
        if not running:
            shown["finishedAt"] = row[1]
        return Response(orjson.dumps(shown), 200, HEADERS, "application/json")

    return [
        Route("/epcis/capture", capture, methods=["POST"]),
        Route("/epcis/events", events, methods=["POST"]),
        Route("/epcis/capture/{job:str}", job, methods=["GET"]),
        *epcis_queries.routes(hub, door, HEADERS),
    ]


def _not_spoken(profile: Profile) -> Response | None:
    if profile.http is None or "epcis" not in profile.http.formats:
        fault = refusal("forbidden", "", "this partner does not use EPCIS here")
        return problem(403, fault.remedy, [fault])
    return None


def _is_unread(answer: Answer) -> bool:
    """True when nothing of the document could be read."""
    return answer.outcome in {HELD, REJECTED} and len(answer.parts) == 1 and answer.parts[0]["part"] == "message"


def _job(inbox: int, parts: list[dict[str, Any]], running: bool = False) -> dict[str, Any]:
    """A capture job as EPCIS names its fields, and the fate of every part."""
    bad = [part for part in parts if part["fate"] in {HELD, REJECTED}]
    faults = [fault for part in bad for fault in part.get("faults", ())]
    return {
        "captureID": str(inbox),
        "running": running,
        "success": not bad and not running,
        "captureErrorBehaviour": BEHAVIOUR,
        "errors": [{"type": INVALID, "title": f["remedy"], "detail": f"{f['code']} at {f['place']}"} for f in faults],
        "parts": parts,
    }
