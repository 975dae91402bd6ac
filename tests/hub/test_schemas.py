"""The hub hands out the published schemas to anyone, and nothing beside them."""

from __future__ import annotations

import httpx

from canonical_model import BASE
from tests.hub import house


def test_a_published_schema_is_read_without_a_token(hub: house.House) -> None:
    with httpx.Client(base_url=hub.base) as stranger:
        reply = stranger.get("/schemas/v1/event.schema.json")
        assert reply.status_code == 200
        assert reply.json()["$id"].startswith(BASE)
        assert "CC0" in stranger.get("/schemas/LICENSE").text


def test_nothing_beside_the_schemas_is_handed_out(hub: house.House) -> None:
    with httpx.Client(base_url=hub.base) as stranger:
        for path in ("/schemas/", "/schemas/../publish.py", "/schemas/%2e%2e/publish.py", "/schemas/v1/none.json"):
            assert stranger.get(path).status_code in {401, 404}
