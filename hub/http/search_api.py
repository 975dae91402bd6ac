"""The operators' search, and an order's whole trail. A person's number is looked for by its token only, and audited."""

from datetime import UTC
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime

from canonical_model.values import instant_text
from hub.bootstrap import Hub
from hub.committer import Committer
from hub.http.auth import Doorkeeper
from hub.person_search import NoNumber, token_of
from hub.profiles import Profile
from hub.searching import Criteria, Page, lists_of, search
from hub.store import Connection
from hub.trails import trail

Text = Annotated[str, Query(max_length=256)]
Texts = Annotated[list[Annotated[str, Query(max_length=256)]], Query(max_length=8)]
Moment = Annotated[AwareDatetime | None, Query()]
Limit = Annotated[int, Query(ge=1, le=500)]
List = Literal["journeys", "messages", "facts", "deliveries", "issues"]


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """`/api/search` and the trail."""
    api = APIRouter(prefix="/api", tags=["search"])

    @api.get("/search")
    async def look_for(
        caller: Annotated[Profile, Depends(door.operator)],
        identifier: Texts = [],  # noqa: B006 - FastAPI copies it
        order: Text = "",
        patient: Text = "",
        source_id: Text = "",
        partner: Text = "",
        type: Text = "",  # noqa: A002 - the name of the parameter
        outcome: Text = "",
        since: Moment = None,
        until: Moment = None,
        of: List | None = None,
        after: Text = "",
        limit: Limit = 20,
    ) -> dict[str, Any]:
        """What the hub has of it: each list with its first page, or with `of` a page of one list."""
        person = await _person(hub, caller, patient) if patient else ""
        times = (instant_text(at.astimezone(UTC)) if at else "" for at in (since, until))
        criteria = Criteria(tuple(identifier), order, person, source_id, partner, type, outcome, *times)
        wanted: list[str] = [of] if of else lists_of(criteria)
        if not set(wanted) <= set(lists_of(criteria)):
            raise HTTPException(422, f"one of the criteria says nothing of {of}: leave it out, or ask for another list")
        return await hub.readers.run(lambda db: _pages(db, criteria, wanted, after if of else "", limit))

    @api.get("/journeys/{journey}/trail", dependencies=[Depends(door.operator)])
    async def whole(
        journey: str, after: Text = "", limit: Annotated[int, Query(ge=1, le=5000)] = 1000
    ) -> dict[str, Any]:
        """Every message, fact, answer and delivery of one order, in the order of time."""
        found = await hub.readers.run(lambda db: _going_on(lambda: trail(db, journey, after, limit)))
        if found is None:
            raise HTTPException(404, "no such journey")
        return found.plain()

    return api


def _pages(db: Connection, criteria: Criteria, wanted: list[str], after: str, limit: int) -> dict[str, Any]:
    found = {name: _going_on(lambda name=name: search(db, criteria, name, after, limit)) for name in wanted}
    return {name: page.plain() for name, page in found.items() if page is not None}


def _going_on(work: Any) -> Page | None:
    """Work that goes on after a key, which may be none."""
    try:
        return work()  # type: ignore[no-any-return]
    except (ValueError, OverflowError):
        raise RequestValidationError([{"type": "next", "loc": ("query", "after")}]) from None


async def _person(hub: Hub, caller: Profile, number: str) -> str:
    """The token of a person's number; that it was asked for stands in the audit."""

    def audited(committer: Committer) -> str:
        region, at = hub.settings.region, instant_text(hub.clock())
        return token_of(committer.connection, hub.keys, region, number, caller.partner, at)

    try:
        return await hub.pipeline.run(audited)  # type: ignore[no-any-return]
    except NoNumber as wrong:
        raise HTTPException(422, str(wrong)) from None
