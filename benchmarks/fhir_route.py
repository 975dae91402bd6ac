"""The baseline of the FHIR POST: a route that parses with fhir.resources and stores nothing. `PORT` is an argument."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response
from fhir.resources.R4B.observation import Observation


def create() -> FastAPI:
    """One route."""
    app = FastAPI()

    @app.post("/fhir/Observation")
    async def observation(request: Request) -> Response:
        resource = Observation.model_validate_json(await request.body())
        return Response(resource.model_dump_json(), 201, media_type="application/fhir+json")

    return app


if __name__ == "__main__":
    uvicorn.run(create(), port=int(sys.argv[1]), log_config=None, access_log=False)
