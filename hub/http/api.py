"""The operators' API: journeys, Issues, deliveries, questions; messages have a module of their own. JSON for people."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Depends, HTTPException, Query

from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.rules import protocol_of
from canonical_model.stage import headline
from canonical_model.values import instant_text
from hub.answers import QUESTIONS
from hub.bootstrap import Hub
from hub.http import asking
from hub.http.auth import OPERATORS, Doorkeeper
from hub.links import Links
from hub.profiles import Profile
from hub.reading import state_of
from hub.store import Connection, Row

_ISSUE = ("id", "journey", "rule", "kind", "severity", "text", "settle", "facts", "opened", "times")


Limit = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str, Query(max_length=64)]


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """The routes under `/api`."""
    everyone = APIRouter(prefix="/api", tags=["questions"])
    api = APIRouter(tags=["operators"], dependencies=[Depends(door.operator)])

    @api.get("/journeys")
    async def journeys(limit: Limit = 100, after: Key = "") -> list[dict[str, Any]]:
        """Orders with their headline, by id; `after` is the id that the last page ended with."""

        def look(db: Connection) -> list[dict[str, Any]]:
            found = [row[0] for row in db.all("journeys_after", after, limit)]
            states = ((one, state_of(db, one)) for one in found)
            return [_headline(one, state, hub.protocols) for one, state in states if state is not None]

        return await hub.readers.run(look)

    @api.get("/journeys/{journey}")
    async def journey(journey: str) -> dict[str, Any]:
        """One order: its facts in order, its custody, its Issues."""

        def look(db: Connection) -> dict[str, Any] | None:
            state = state_of(db, journey)
            if state is None:
                return None
            called = Links(db).now(journey)
            issues = _issues(db.all("issues_of", called), _OF)
            return {**_headline(called, state, hub.protocols), **_trail(state), "issues": issues}

        found = await hub.readers.run(look)
        if found is None:
            raise HTTPException(404, "no such journey")
        return found

    @api.get("/issues")
    async def issues(limit: Limit = 100) -> list[dict[str, Any]]:
        """Open Issues, the worst first."""
        found = await hub.readers.run(lambda db: db.all("issues_open", limit))
        return _issues(found, _ISSUE)

    @api.get("/unlinked")
    async def unlinked(limit: Limit = 100) -> list[dict[str, Any]]:
        """Facts that wait for an identifier."""
        found = await hub.readers.run(lambda db: db.all("unlinked", limit))
        return [{"position": position, **_shown(orjson.loads(text))} for position, text in found]

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
        wanted = asking.wanted(question, asked, partner, caller.partner)
        given = await hub.pipeline.run(lambda c: hub.questions.ask(c, wanted))
        return given.plain()  # type: ignore[no-any-return]

    @api.get("/doctor")
    async def doctor() -> dict[str, Any]:
        """Counts per partner and outcome; what waits."""
        counts = await hub.readers.run(lambda db: db.all("inbox_counts"))
        waiting = await hub.readers.run(lambda db: db.all("delivery_counts"))
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
