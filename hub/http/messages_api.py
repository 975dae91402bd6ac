"""Messages for the operators: what came of each, mending, dismissing, replays, reload, what-if. JSON for people."""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable
from pathlib import Path as Folder
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from canonical_model.codes import HUB
from hub import what_if
from hub.bootstrap import Hub
from hub.committer import Answer, Committer
from hub.formats import Adapters
from hub.http.auth import Doorkeeper, Forbidden
from hub.http.problems import problem, refusal
from hub.keeping import kept_until
from hub.mending import NotMended
from hub.outcomes import OPEN
from hub.profiles import Profile, ProfileError
from hub.reloading import reload
from hub.replaying import NotKept, Reason, Wanted, listed, messages_of, shown
from hub.resources import Resolver
from hub.store import Connection, Row
from mappings.faults import Fault, TableError

_MESSAGE = (
    "id",
    "received",
    "partner",
    "channel",
    "format",
    "type",
    "source_id",
    "sameness",
    "digest",
    "size",
    "outcome",
    "parts",
    "account",
    "body",
    "residual",
    "repeats",
    "mends",
    "reason",
    "configuration",
)
_NOT_SHOWN = frozenset({"sameness", "body", "residual"})
T = TypeVar("T")
LAST = 2**62
Limit = Annotated[int, Query(ge=1, le=1000)]
Before = Annotated[int, Query(ge=1, lt=2**63, description="the number that the last page ended with")]
Number = Annotated[int, Path(ge=1, lt=2**63)]


class Mend(BaseModel):
    """The mended text of a message, as text in UTF-8 or as bytes in base64, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason
    text: str | None = None
    base64: str | None = None

    @model_validator(mode="after")
    def _has_one_body(self) -> "Mend":
        if (self.text is None) == (self.base64 is None):
            raise ValueError("give the body once: as text, or in base64")
        return self

    def body(self) -> bytes:
        """The bytes. Raises RequestValidationError."""
        if self.base64 is None:
            return (self.text or "").encode()
        try:
            return base64.b64decode(self.base64, validate=True)
        except binascii.Error:
            raise RequestValidationError([{"type": "base64", "loc": ("body", "base64")}]) from None


class Why(BaseModel):
    """Why something is done, in the operator's words. They are kept with the message and in the audit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason


class Asked(BaseModel):
    """What-if: whose messages, and by which tables: those on disk now, or a folder beside the profiles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partner: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    overlay: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$", description="name of a folder in CGT_PARTNERS")
    last: int = Field(default=100, ge=1, le=10_000)
    show: bool = Field(default=False, description="values too: they may be personal")


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """The routes under `/api`, for operators only."""
    api = APIRouter(prefix="/api", tags=["messages"])
    _reading(api, hub, door)
    _acting(api, hub, door)
    _replays(api, hub, door)
    _changes(api, hub, door)
    return api


def _reading(api: APIRouter, hub: Hub, door: Doorkeeper) -> None:
    """Messages as they stand. Only the reading of a body runs on the committer's thread: it is audited."""

    @api.get("/messages", dependencies=[Depends(door.operator)])
    async def messages(
        limit: Limit = 100, before: Before = LAST, outcome: str = "", partner: str = ""
    ) -> list[dict[str, Any]]:
        """The last messages with their outcomes, the newest first."""

        def look(db: Connection) -> list[dict[str, Any]]:
            return [_message(row) for row in db.all("messages", before, outcome, partner, limit)]

        return await _read(hub, look)

    @api.get("/messages/{inbox}", dependencies=[Depends(door.operator)])
    async def message(inbox: Number) -> dict[str, Any]:
        """One message: parts with fates, faults with places, account, facts, lineage, and what was done with it."""
        found = await _read(hub, lambda db: _whole(hub, db, inbox))
        if found is None:
            raise HTTPException(404, "no such message")
        return found

    @api.get("/messages/{inbox}/body")
    async def body(caller: Annotated[Profile, Depends(door.operator)], inbox: Number) -> Response:
        """The bytes of a message as they came, for the hub's own people alone. That they were read is audited."""
        if not _reads_bodies(hub, caller):
            raise Forbidden
        try:
            raw = await hub.pipeline.run(lambda c: hub.mending.body(c, inbox, caller.partner))
        except NotKept as missing:
            raise HTTPException(404, missing.why) from None
        return Response(raw, media_type="application/octet-stream")


def _acting(api: APIRouter, hub: Hub, door: Doorkeeper) -> None:
    @api.post("/messages/{inbox}/mend")
    async def mend(
        caller: Annotated[Profile, Depends(door.operator)], inbox: Number, mended: Annotated[Mend, Body()]
    ) -> Response:
        """Records the mended text of a held message in its place: 201. What cannot be recorded is told and not kept."""
        raw = mended.body()
        if len(raw) > hub.settings.max_message:
            raise HTTPException(413, f"send at most {hub.settings.max_message} bytes")

        def work(committer: Committer) -> Answer:
            return hub.mending.mend(committer, inbox, raw, mended.reason, caller.partner)

        answer = await _done(hub, work)
        if isinstance(answer, Response):
            return answer
        told = {"message": answer.inbox, "mends": inbox, "outcome": answer.outcome, "unlinked": answer.unlinked}
        told |= {"facts": answer.last - answer.first + 1, "faults": [fault.plain() for fault in answer.faults]}
        return JSONResponse(told, 201, {"location": f"/api/messages/{answer.inbox}"})

    @api.post("/messages/{inbox}/dismiss")
    async def dismiss(
        caller: Annotated[Profile, Depends(door.operator)], inbox: Number, why: Annotated[Why, Body()]
    ) -> Response:
        """Sets a held message aside: no answer waits for it any more."""
        done = await _done(hub, lambda c: hub.mending.dismiss(c, inbox, why.reason, caller.partner))
        return done if isinstance(done, Response) else JSONResponse({"message": inbox, "outcome": "dismissed"})


async def _done(hub: Hub, work: Any) -> Any:
    """What came of an act, or the refusal of it."""
    try:
        return await hub.pipeline.run(work)
    except NotKept as missing:
        raise HTTPException(404, missing.why) from None
    except NotMended as wrong:
        status = 422 if wrong.faults else 409
        return problem(status, wrong.text, wrong.faults or [refusal("conflict", "message", wrong.text)])


def _replays(api: APIRouter, hub: Hub, door: Doorkeeper) -> None:
    @api.post("/replays")
    async def begin(caller: Annotated[Profile, Depends(door.operator)], wanted: Annotated[Wanted, Body()]) -> Response:
        """Begins to replay messages by number, or all that fit; 202 with where its progress stands."""
        number = await hub.pipeline.run(lambda c: hub.replays.begin(c, wanted, caller.partner))
        return JSONResponse({"replay": number}, 202, {"location": f"/api/replays/{number}"})

    @api.get("/replays", dependencies=[Depends(door.operator)])
    async def replays(limit: Limit = 100, before: Before = LAST) -> list[dict[str, Any]]:
        """The last replays with their tables, the newest first."""
        return await _read(hub, lambda db: listed(db, before, limit))

    @api.get("/replays/{number}", dependencies=[Depends(door.operator)])
    async def replay(number: Number) -> dict[str, Any]:
        """A replay: how far it is, and how many messages became what."""
        return _or_missing(await _read(hub, lambda db: shown(db, number)))

    @api.get("/replays/{number}/messages", dependencies=[Depends(door.operator)])
    async def of_replay(
        number: Number, limit: Limit = 100, after: Annotated[int, Query(ge=0, lt=2**63)] = 0
    ) -> list[dict[str, Any]]:
        """What became of each message of a replay, page by page."""
        return await _read(hub, lambda db: messages_of(db, number, after, limit))

    @api.post("/replays/{number}/stop")
    async def stop(caller: Annotated[Profile, Depends(door.operator)], number: Number) -> dict[str, Any]:
        """Ends a replay after the batch that is under way. What it did stands."""
        await hub.pipeline.run(lambda c: hub.replays.end(c, number, caller.partner))
        return _or_missing(await _read(hub, lambda db: shown(db, number)))


def _changes(api: APIRouter, hub: Hub, door: Doorkeeper) -> None:
    looking = asyncio.Lock()

    @api.post("/reload")
    async def reloaded(caller: Annotated[Profile, Depends(door.operator)]) -> Response:
        """Reads profiles and tables again: 200 with whose messages are read otherwise now, or 422 and nothing is."""
        try:
            return JSONResponse({"changed": await reload(hub, caller.partner)})
        except ProfileError as wrong:
            return _misconfigured(wrong.faults)

    @api.post("/what-if")
    async def whatif(caller: Annotated[Profile, Depends(door.operator)], asked: Annotated[Asked, Body()]) -> Response:
        """What the tables on disk, or those of a folder, would change in the last messages of a partner."""
        if asked.show and not _reads_bodies(hub, caller):
            raise Forbidden
        async with looking:
            try:
                return JSONResponse(await asyncio.to_thread(_looked, hub, asked))
            except ProfileError as wrong:
                return _misconfigured(wrong.faults)
            except TableError as wrong:
                return _misconfigured([str(fault) for fault in wrong.faults])


def _looked(hub: Hub, asked: Asked) -> dict[str, Any]:
    overlay = Folder(hub.settings.partners) / asked.overlay if asked.overlay else None
    then = what_if.partner_as(hub.settings, asked.partner, overlay)
    resolver = Resolver(hub.model)
    with contextlib.closing(hub.store.reader()) as db:
        reader = what_if.Reader(
            db=db,
            keys=hub.keys,
            region=hub.settings.region,
            now=hub.adapters.beside(resolver),
            partners=hub.profiles,
            adapters=Adapters({then.partner: then}, resolver),
            then=then,
            clock=hub.clock,
        )
        return what_if.look(reader, asked.last, asked.show)


def _reads_bodies(hub: Hub, caller: Profile) -> bool:
    """True for the hub's own people in its region: who mends a message has to see it. Quality assurance need not."""
    return caller.role == HUB and caller.region == hub.settings.region


def _misconfigured(faults: list[str]) -> Response:
    told: list[Fault] = [refusal("configuration", "", text) for text in faults]
    return problem(422, "the profiles and tables do not fit; nothing changed", told)


def _or_missing(found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        raise HTTPException(404, "no such replay")
    return found


async def _read(hub: Hub, work: Callable[[Connection], T]) -> T:
    """Work on a connection and a thread of its own: no message waits for it."""

    def look() -> T:
        with contextlib.closing(hub.store.reader()) as db:
            return work(db)

    return await asyncio.to_thread(look)


def _message(row: Row) -> dict[str, Any]:
    found = dict(zip(_MESSAGE, row, strict=True))
    found["parts"], found["account"] = orjson.loads(found["parts"]), orjson.loads(found["account"])
    return {name: value for name, value in found.items() if name not in _NOT_SHOWN}


def _whole(hub: Hub, db: Connection, inbox: int) -> dict[str, Any] | None:
    row = db.one("message", inbox)
    if row is None:
        return None
    told = _message(row)
    until = kept_until(hub.settings, "message", row[1])
    mended = db.one("mended_from", inbox)
    faults = [{"part": part["part"], **fault} for part in told["parts"] for fault in part.get("faults", ())]
    names = ("replay", "at", "cause", "reason", "was", "outcome", "facts", "note")
    return {
        **told,
        "faults": faults,
        "events": [_fact(orjson.loads(text)) for _, text in db.all("events_of_inbox", inbox) if text is not None],
        "mended_as": mended[0] if mended is not None else None,
        "body_is_kept": row[13] is not None,
        "body_kept_until": until.isoformat() if until is not None else None,
        "can_be_mended": row[10] in OPEN and row[13] is not None,
        "replays": [dict(zip(names, one, strict=True)) for one in db.all("replays_of", inbox)],
        "acts": [
            {"at": at, "actor": actor, "act": act, "detail": orjson.loads(detail)}
            for at, actor, act, detail in db.all("audits_about", f"message/{inbox}")
        ],
    }


def _fact(event: dict[str, Any]) -> dict[str, Any]:
    """A fact for a list, with what it put right and why. Holds no person: the log has none."""
    names = ("id", "type", "about", "occurred", "recorded", "reporter", "set", "supersedes", "reason", "configuration")
    return {name: event[name] for name in names if name in event}


__all__ = ["router"]
