"""The report of an order over HTTP, for each partner as it may see it. The page of it is `hub.web`'s."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from starlette.responses import JSONResponse, Response

from hub.bootstrap import Hub
from hub.http.auth import Doorkeeper
from hub.profiles import Profile
from hub.reports.serving import Several, report_for
from hub.reports.shape import OrderReport

SCHEMA = "/schemas/report/v1.json"


def router(hub: Hub, door: Doorkeeper) -> APIRouter:
    """`/api/orders/{order}/report`, and the report's schema, which is public like the model's."""
    api = APIRouter(tags=["reports"])

    @api.get("/api/orders/{order:path}/report")
    async def made(caller: Annotated[Profile, Depends(door.partner)], order: str) -> Response:
        """Chain of identity and chain of custody; `order` is the id of its journey, or any identifier of it."""
        try:
            found = await report_for(hub, caller, order)
        except Several as several:
            text = f"it leads to several orders, ask for one: {', '.join(several.journeys)}"
            raise HTTPException(409, text) from None
        if found is None:
            raise HTTPException(404, "no such order")
        return JSONResponse(found.plain())

    @api.get(SCHEMA)
    async def schema() -> dict[str, object]:
        """The JSON Schema of a report."""
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **OrderReport.model_json_schema()}

    return api
