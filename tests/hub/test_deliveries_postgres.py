"""Deliveries in a store of PostgreSQL: the same statements, the same outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hub import house, receivers, world
from tests.hub.conftest import Ran
from tests.hub.house import fields
from tests.hub.receivers import acknowledgement
from tests.hub.test_redelivery import WHY, Town
from tests.hub.world import Person

postgres = pytest.importorskip("tests.postgres", reason="psycopg is not installed", exc_type=ImportError)
pytestmark = pytest.mark.skipif(bool(postgres.impossible()), reason=postgres.impossible() or "it is there")


def test_a_receiver_goes_away_comes_back_and_refuses(
    open_house: Callable[..., house.House], cgt_hub: Callable[..., Ran], who: Person
) -> None:
    codes: list[str] = ["down"]

    def answer(message: bytes) -> bytes | None:
        if codes == ["down"]:
            return None
        return acknowledgement(codes[0] if codes else "AA", fields(message, "MSH")[0][10])

    with postgres.running() as server, receivers.interface(answer) as ehr, receivers.endpoint() as courier:
        dsn = server.fresh("deliveries")
        hub = open_house(lambda found: world.told(found, ehr.port, courier.url), store=dsn)
        town = Town(hub, ehr, codes)
        town.results(who, "90.10", "90.20")

        def issues() -> list[str]:
            hub.clock.put_forward(minutes=20)
            return [one["rule"] for one in hub.http("watch").get("/api/issues").json() if one["journey"] == ""]

        hub.until(lambda: issues() == ["D-1"])
        codes[:] = ["AR"]
        hub.clock.put_forward(minutes=20)
        refused = town.wait("refused", 4)
        hub.until(lambda: issues() == ["D-2"])
        codes.clear()
        assert hub.http("watch").post(f"/api/deliveries/{refused[0]['id']}/dismiss", json=WHY).status_code == 200
        chosen = {"partner": "lakeside", "state": "refused"}
        assert hub.http("watch").post("/api/deliveries/retry", params=chosen, json=WHY).json() == {"decided": 3}
        town.wait("done", 3)
        assert issues() == []
        places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners, "store": dsn}
        listed = cgt_hub("deliveries", "list", "--json", "--partner", "lakeside", **places).json
        assert [one["state"] for one in listed] == ["dismissed", "done", "done", "done"]
        hub.stop()
