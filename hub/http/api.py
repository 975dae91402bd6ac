"""The operators' API: journeys, Issues, messages and their accounts, deliveries, questions. JSON for people."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query

from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.rules import protocol_of
from canonical_model.stage import headline
from canonical_model.values import instant_text
from hub import ledger
from hub.answers import QUESTIONS
from hub.bootstrap import Hub
from hub.committer import Committer
from hub.http import asking
from hub.http.auth import OPERATORS, Doorkeeper
from hub.profiles import Profile
from hub.store import Row

_INBOX = (
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
)
_DELIVERY = (
    "id",
    "partner",
    "journey",
    "position",
    "message",
    "state",
    "attempts",
    "due",
    "body",
    "note",
    "account",
)
_ISSUE = ("id", "journey", "rule", "kind", "severity", "text", "settle", "facts", "opened", "times")


Limit = Annotated[int, Query(ge=1, le=1000)]
Number = Annotated[int, Path(ge=1, lt=2**63)]


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """The routes under `/api`."""
    everyone = APIRouter(prefix="/api", tags=["questions"])
    api = APIRouter(tags=["operators"], dependencies=[Depends(door.operator)])

    @api.get("/journeys")
    async def journeys(limit: Limit = 100, offset: Annotated[int, Query(ge=0, lt=2**63)] = 0) -> list[dict[str, Any]]:
        """Orders with their headline."""

        def look(committer: Committer) -> list[dict[str, Any]]:
            db = committer.connection
            found = [row[0] for row in db.all("journeys", limit, offset)]
            return [_headline(one, committer.state(db, one), hub.protocols) for one in found]

        return await hub.pipeline.run(look)  # type: ignore[no-any-return]

    @api.get("/journeys/{journey}")
    async def journey(journey: str) -> dict[str, Any]:
        """One order: its facts in order, its custody, its Issues."""

        def look(committer: Committer) -> dict[str, Any] | None:
            db = committer.connection
            if db.one("journey_root", journey) is None:
                return None
            state = committer.state(db, journey)
            issues = _issues(db.all("issues_of", journey), _OF)
            return {**_headline(journey, state, hub.protocols), **_trail(state), "issues": issues}

        found = await hub.pipeline.run(look)
        if found is None:
            raise HTTPException(404, "no such journey")
        return found  # type: ignore[no-any-return]

    @api.get("/issues")
    async def issues(limit: Limit = 100) -> list[dict[str, Any]]:
        """Open Issues, the worst first."""
        found = await hub.pipeline.run(lambda c: c.connection.all("issues_open", limit))
        return _issues(found, _ISSUE)

    @api.get("/messages")
    async def messages(limit: Limit = 100) -> list[dict[str, Any]]:
        """The last messages with their outcomes."""
        found = await hub.pipeline.run(lambda c: c.connection.all("inbox_last", limit))
        return [_message(row) for row in found]

    @api.get("/messages/{inbox}")
    async def message(inbox: Number) -> dict[str, Any]:
        """One message: its parts with their fates, its account, the facts it came to."""
        row = await hub.pipeline.run(lambda c: c.connection.one("get_inbox", inbox))
        if row is None:
            raise HTTPException(404, "no such message")
        events = await hub.pipeline.run(lambda c: c.connection.all("events_of_inbox", inbox))
        return {**_message(row), "events": [_shown(orjson.loads(text)) for _, text in events]}

    @api.get("/unlinked")
    async def unlinked(limit: Limit = 100) -> list[dict[str, Any]]:
        """Facts that wait for an identifier."""
        found = await hub.pipeline.run(lambda c: c.connection.all("unlinked", limit))
        return [{"position": position, **_shown(orjson.loads(text))} for position, text in found]

    @api.get("/deliveries")
    async def deliveries(limit: Limit = 1000) -> list[dict[str, Any]]:
        """What partners were told last, with the account of each output, the oldest first."""
        found = await hub.pipeline.run(lambda c: c.connection.all("deliveries", limit))
        rows = _rows(found[::-1], _DELIVERY)
        return [{**row, "account": orjson.loads(row["account"])} for row in rows]

    @everyone.post("/questions/{question}")
    async def ask(
        caller: Annotated[Profile, Depends(door.partner)], question: str, body: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        """May this be done, what is missing, due, to be told? For the caller; an operator may ask as a partner."""
        if question not in QUESTIONS:
            raise HTTPException(404, f"known questions are: {', '.join(QUESTIONS)}")
        asked = asking.read(question, body)
        partner = asked.partner if asked.partner and caller.role in OPERATORS else caller.partner
        if partner not in hub.profiles:
            raise HTTPException(404, "no such partner")
        wanted = asking.wanted(question, asked, partner)
        given = await hub.pipeline.run(lambda c: hub.questions.ask(c, wanted))
        return given.plain()  # type: ignore[no-any-return]

    @api.get("/ledger")
    async def verify() -> dict[str, Any]:
        """Whether the ledger holds, from its first batch to its head."""

        def look() -> tuple[list[ledger.Fault], int, bytes]:
            with contextlib.closing(hub.store.reader()) as reader:
                return ledger.check(reader, hub.keys.public_key())

        faults, position, chain = await asyncio.to_thread(look)
        return {
            "holds": not faults,
            "position": position,
            "head": chain.hex(),
            "faults": [{"place": f.place, "text": f.text} for f in faults],
        }

    @api.get("/doctor")
    async def doctor() -> dict[str, Any]:
        """Counts per partner and outcome; what waits."""
        counts = await hub.pipeline.run(lambda c: c.connection.all("inbox_counts"))
        waiting = await hub.pipeline.run(lambda c: c.connection.all("delivery_counts"))
        return {
            "at": instant_text(hub.clock()),
            "messages": _rows(counts, ("partner", "outcome", "count", "repeats")),
            "deliveries": _rows(waiting, ("partner", "state", "count")),
        }

    everyone.include_router(api)
    return everyone


_OF = ("id", "journey", "rule", "kind", "severity", "text", "settle", "facts", "opened", "closed", "times")


def _rows(rows: list[Row], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _issues(rows: list[Row], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{**shown, "facts": orjson.loads(shown["facts"])} for shown in _rows(rows, names)]


def _message(row: Row) -> dict[str, Any]:
    shown = dict(zip(_INBOX, row, strict=True))
    shown["parts"], shown["account"] = orjson.loads(shown["parts"]), orjson.loads(shown["account"])
    return {name: value for name, value in shown.items() if name not in {"sameness", "body", "residual"}}


def _headline(journey: str, state: Journey, protocols: Mapping[str, Protocol]) -> dict[str, Any]:
    stage, attempts = headline(state, protocol_of(state, protocols))
    return {
        "journey": journey,
        "order": state.order.identifiers,
        "state": state.order.state,
        "stage": stage,
        "held": state.held,
        "attempt": state.attempt,
        "attempts": [{"number": a.number, "open": a.open, "stage": a.stage} for a in attempts],
    }


def _trail(state: Journey) -> dict[str, Any]:
    return {
        "timeline": [_shown(event) for event in state.events],
        "custody": [
            {
                "container": chain.container.rpartition("|")[2],
                "holder": chain.holder,
                "since": chain.since,
                "closed": chain.closed,
                "steps": [{"from": s.giver, "to": s.taker, "at": s.at, "event": s.event} for s in chain.steps],
            }
            for _, chain in sorted(state.custody.items())
        ],
        "claims": [_shown(event) for event in state.claims],
    }


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    """A fact for a list: what, about what, when, by whom. Holds no person: the log has none."""
    return {
        "id": event["id"],
        "type": event["type"],
        "about": event["about"],
        "occurred": event["occurred"],
        "recorded": event["recorded"],
        "reporter": event["reporter"],
        "set": event["set"],
    }
