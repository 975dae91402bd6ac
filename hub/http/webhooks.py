"""Facts in the canonical form over HTTP: `POST /webhooks/{partner}`, signed as Standard Webhooks says. Signs nothing.

`webhook-id` is the id of the message: the same id with the same body is a resend and changes nothing. The answer comes
after the facts are durable. Who is not known, and who signs with another's secret, is told the same.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub import webhook_signatures as signatures
from hub.committer import Answer, Incoming
from hub.conversion import HELD, REJECTED
from hub.http.problems import problem, refusal
from hub.profiles import Profile
from hub.webhook_signatures import BadSecret, Refused

if TYPE_CHECKING:
    from hub.bootstrap import Hub

log = structlog.get_logger("hub.http")

CHANNEL = "webhook"
FORMAT = "canonical"
MEDIA_TYPE = "application/json"
STATUS = {"webhook-header": 400}
"""A refusal that is no question of who sends; all others are 401."""


def routes(hub: Hub) -> list[Route]:
    """The route of the partners' webhooks."""

    async def take(request: Request) -> Response:
        body = await request.body()
        profile = hub.profiles.get(request.path_params["partner"])
        try:
            said = signatures.signed({name: request.headers.getlist(name) for name in _HEADERS})
            signatures.check(_keys(profile), said, body, hub.clock())
        except Refused as wrong:
            return _refused(profile, wrong)
        assert profile is not None  # nobody signs with the key of nobody
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != MEDIA_TYPE:
            fault = refusal("media-type", "content-type", f"send {MEDIA_TYPE}")
            return problem(415, "unsupported media type", [fault])
        return _told(await hub.receive(Incoming(profile.partner, CHANNEL, FORMAT, body, said.id, said.id)))

    return [Route("/webhooks/{partner}", take, methods=["POST"])]


_HEADERS = (signatures.ID, signatures.TIMESTAMP, signatures.SIGNATURE)


def _keys(profile: Profile | None) -> list[bytes]:
    """The keys that a partner may sign with; of who has none one that nobody knows. Read anew: a rotation counts."""
    webhook = profile.webhook if profile is not None else None
    try:
        found = signatures.keys_in(webhook.secret_files) if webhook is not None else []
    except (OSError, BadSecret) as wrong:
        log.error("webhook.secret", partner=profile.partner if profile else "", error=type(wrong).__name__)
        found = []
    return found or [secrets.token_bytes(signatures.LONGEST)]


def _refused(profile: Profile | None, wrong: Refused) -> Response:
    log.warning("webhook.refused", partner=profile.partner if profile is not None else "", code=wrong.code)
    fault = refusal(wrong.code, wrong.place, wrong.remedy)
    status = STATUS.get(wrong.code, 401)
    headers = {"www-authenticate": "Standard-Webhooks"} if status == 401 else {}
    return problem(status, "the message was not taken", [fault], headers)


def _told(answer: Answer) -> Response:
    """What became of a message."""
    if answer.outcome in {HELD, REJECTED}:
        unread = len(answer.parts) == 1 and answer.parts[0]["part"] == "message"
        return problem(400 if unread else 422, f"the message was {answer.outcome}", answer.faults)
    shown = {
        "message": answer.inbox,
        "id": answer.source_id,
        "outcome": answer.outcome,
        "repeated": answer.repeated,
        "unlinked": answer.unlinked,
        "warnings": [fault.plain() for fault in answer.faults],
    }
    return Response(orjson.dumps(shown), 200, media_type=MEDIA_TYPE)
