"""The operators' API of deliveries: what partners were told, what waits for a person, retry and dismissal."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from hub.bootstrap import Hub
from hub.http.auth import Doorkeeper
from hub.profiles import Profile
from hub.redelivery import AT_ONCE, LONGEST_REASON, Decision, NoDelivery, WrongState, decide, decide_next, listed, shown

Act = Literal["retry", "dismiss"]
State = Literal["waiting", "done", "refused", "broken", "withheld", "dismissed", "astray"]
Open = Literal["waiting", "refused", "broken", "withheld", "dismissed", "astray"]
Number = Annotated[int, Path(ge=1, lt=2**63)]
PartnerName = Annotated[str, Query(min_length=1, max_length=63)]


class Reason(BaseModel):
    """Why an operator decides so; `anew` has it rendered again, under an id of its own. Names no person."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=LONGEST_REASON)
    anew: bool = False


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """The routes under `/api/deliveries`."""
    api = APIRouter(prefix="/api/deliveries", tags=["deliveries"])
    operator = Depends(door.operator)

    async def at_committer(work: Callable[..., Any], *values: Any) -> Any:
        try:
            return await hub.pipeline.run(lambda committer: work(committer, *values))
        except NoDelivery as wrong:
            raise HTTPException(404, str(wrong)) from None
        except WrongState as wrong:
            raise HTTPException(409, str(wrong)) from None

    @api.get("", dependencies=[operator])
    async def deliveries(
        partner: Annotated[str, Query(max_length=63)] = "",
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> list[dict[str, Any]]:
        """What partners were told last, with the account of each output, the oldest first."""

        def look() -> list[dict[str, Any]]:
            with contextlib.closing(hub.store.reader()) as reader:
                return listed(reader, partner, state or "", limit)

        return await asyncio.to_thread(look)

    @api.get("/{number}", dependencies=[operator])
    async def delivery(number: Number) -> dict[str, Any]:
        """One delivery: its state, the note of its last attempt, the account of its output."""
        row = await hub.pipeline.run(lambda c: c.connection.one("get_delivery", number))
        if row is None:
            raise HTTPException(404, "no such delivery")
        return shown(row)

    @api.post("/{number}/{act}")
    async def one(caller: Annotated[Profile, operator], number: Number, act: Act, body: Reason) -> dict[str, Any]:
        """Tries one again, or lets it be; the delivery as it is then."""
        found = await at_committer(decide, [number], _decision(act, caller, body), hub.clock())
        return found[0]  # type: ignore[no-any-return]

    @api.post("/{act}")
    async def all_of(
        caller: Annotated[Profile, operator], act: Act, partner: PartnerName, state: Open, body: Reason
    ) -> dict[str, int]:
        """The same for all of a partner's deliveries in a state; how many these were."""
        count, after = 0, 0
        while True:
            found = await at_committer(decide_next, partner, state, after, _decision(act, caller, body), hub.clock())
            count += len(found)
            if len(found) < AT_ONCE:
                return {"decided": count}
            after = found[-1]

    return api


def _decision(act: Act, caller: Profile, body: Reason) -> Decision:
    return Decision(act, caller.partner, body.reason, body.anew)
