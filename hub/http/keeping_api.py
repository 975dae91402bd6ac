"""The operators' routes for what is kept and what is forgotten: retention, and erasure of a person."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from hub import forgetting, keeping
from hub.bootstrap import Hub
from hub.http.auth import Doorkeeper
from hub.profiles import Profile


class Request(BaseModel):
    """Whose erasure is asked for. Without `apply` it tells what would go."""

    model_config = ConfigDict(extra="forbid")

    partner: str = Field(min_length=1, max_length=100, description="at whose request: who told the hub of the person")
    system: str = Field(min_length=1, max_length=500)
    number: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500, description="for the audit; no personal data")
    apply: bool = False


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """`/api/retention` and `/api/forget`."""
    api = APIRouter(prefix="/api", tags=["operators"], dependencies=[Depends(door.operator)])

    @api.get("/retention")
    async def retention() -> dict[str, Any]:
        """Months that each kind is kept, and from which month on there is anything of it."""
        today = keeping.cuts(hub.settings, hub.clock())
        return {"months": keeping.months_of(hub.settings), "kept_from": {cut.kind: cut.before for cut in today}}

    @api.post("/forget")
    async def forget(operator: Annotated[Profile, Depends(door.operator)], asked: Request) -> dict[str, Any]:
        """Erases a person for good; what goes, and what stays."""
        wanted = forgetting.Wanted(asked.partner, asked.system, asked.number, asked.reason)
        try:
            told: dict[str, Any] = await hub.pipeline.run(
                lambda c: forgetting.erase(hub, c, wanted, operator.partner, asked.apply)
            )
        except forgetting.Unknown as nobody:
            raise HTTPException(404, str(nobody)) from None
        return {**told, "applied": asked.apply}

    return api
