"""Operators and deliveries: what is listed, retried, dismissed, by whom and why; over HTTP and from a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import orjson
import pytest

from tests.hub import house, receivers, world
from tests.hub.conftest import Ran
from tests.hub.house import fields
from tests.hub.receivers import acknowledgement
from tests.hub.world import Person

Open = Callable[..., house.House]
WHY = {"reason": "their table knows the code now"}


class Town:
    """A hub, a hospital that answers with the code that a test sets, and a courier."""

    def __init__(self, hub: house.House, ehr: receivers.Interface, codes: list[str]) -> None:
        self.hub, self.ehr, self.codes = hub, ehr, codes
        self.watch = hub.http("watch")

    def results(self, who: Person, *values: str) -> None:
        for message in (world.order(who, f"{who.order}-1"), world.apheresis(who, f"{who.order}-2")):
            assert b"|AA|" in self.hub.send(message)
        for value in values:
            body = world.qc(who, value).replace(b"S-1;", f"S-{value};".encode())
            assert self.hub.dropped(f"qc-{who.order}-{value}.csv", body)["outcome"] == "recorded"

    def wait(self, state: str, count: int) -> list[dict[str, Any]]:
        """The hospital's deliveries in a state, as soon as there are so many."""
        return self.hub.until(lambda: found if len(found := self.listed(state)) >= count else [])

    def listed(self, state: str = "", partner: str = "lakeside") -> list[dict[str, Any]]:
        chosen = {"partner": partner, "state": state} if state else {"partner": partner}
        shown: list[dict[str, Any]] = self.watch.get("/api/deliveries", params=chosen).json()
        return shown

    def audits(self, act: str) -> list[tuple[str, str, dict[str, Any]]]:
        rows = self.hub.rows("SELECT actor, about, detail FROM audit WHERE act = ? ORDER BY id", act)
        return [(actor, about, orjson.loads(detail)) for actor, about, detail in rows]


@pytest.fixture
def town(open_house: Open) -> Iterator[Town]:
    codes: list[str] = []

    def answer(message: bytes) -> bytes:
        return acknowledgement(codes[0] if codes else "AA", fields(message, "MSH")[0][10])

    with ExitStack() as stack:
        ehr = stack.enter_context(receivers.interface(answer))
        courier = stack.enter_context(receivers.endpoint())
        hub = open_house(lambda found: world.told(found, ehr.port, courier.url))
        yield Town(hub, ehr, codes)
        hub.stop()


def test_a_retry_sends_the_same_bytes_and_says_who_and_why(town: Town, who: Person) -> None:
    town.codes.append("AE")
    town.results(who, "97.20")
    refused = town.wait("refused", 2)
    town.codes.clear()
    answer = town.watch.post(f"/api/deliveries/{refused[0]['id']}/retry", json=WHY)
    assert answer.status_code == 200
    assert answer.json()["state"] == "waiting"
    town.wait("done", 1)
    assert town.ehr.received[-1] == town.ehr.received[0]
    about, told = f"lakeside/{refused[0]['id']}", {"was": "refused", "anew": False, **WHY}
    assert town.audits("delivery.retry") == [("watch", about, told)]


def test_rendered_anew_it_goes_under_an_id_of_its_own(town: Town, who: Person) -> None:
    town.codes.append("AE")
    town.results(who, "97.20")
    refused = town.wait("refused", 2)
    town.codes.clear()
    town.watch.post(f"/api/deliveries/{refused[0]['id']}/retry", json={**WHY, "anew": True})
    town.wait("done", 1)
    first, *_, last = (fields(message, "MSH")[0][10] for message in town.ehr.received)
    assert last == f"{first}R1"


def test_all_that_a_partner_refused_is_retried_in_its_order(town: Town, who: Person) -> None:
    town.codes.append("AR")
    town.results(who, "90.10", "90.20", "90.30")
    refused = town.wait("refused", 6)
    town.codes.clear()
    chosen = {"partner": "lakeside", "state": "refused"}
    assert town.watch.post("/api/deliveries/retry", params=chosen, json=WHY).json() == {"decided": 6}
    town.wait("done", 6)
    assert town.ehr.received[6:] == town.ehr.received[:6]
    assert len(town.audits("delivery.retry")) == len(refused)


def test_what_is_dismissed_is_sent_no_more(town: Town, who: Person) -> None:
    town.codes.append("AR")
    town.results(who, "97.20")
    first, second = town.wait("refused", 2)
    town.watch.post(f"/api/deliveries/{first['id']}/dismiss", json={"reason": "told by telephone"})
    assert [one["state"] for one in town.listed()] == ["dismissed", "refused"]
    assert town.audits("delivery.dismiss")[0][2]["reason"] == "told by telephone"
    assert town.listed("dismissed")[0]["id"] == first["id"]
    assert town.watch.get(f"/api/deliveries/{second['id']}").json()["state"] == "refused"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("99999/retry", WHY, 404),
        ("DONE/retry", WHY, 409),
        ("DONE/dismiss", WHY, 409),
        ("DONE/retry", {"reason": ""}, 422),
        ("DONE/retry", {}, 422),
        ("DONE/burn", WHY, 422),
        ("retry", WHY, 422),
        ("retry?partner=lakeside&state=done", WHY, 422),
    ],
)
def test_what_cannot_be_decided_is_refused(town: Town, who: Person, path: str, body: Any, status: int) -> None:
    town.results(who, "97.20")
    done = town.wait("done", 2)
    answer = town.watch.post(f"/api/deliveries/{path.replace('DONE', str(done[0]['id']))}", json=body)
    assert answer.status_code == status
    assert {one["state"] for one in town.listed()} == {"done"}


@pytest.mark.parametrize("path", ["1/retry", "1/dismiss", "retry?partner=lakeside&state=refused"])
def test_only_operators_decide(town: Town, path: str) -> None:
    for partner in ("lakeside", "foundry", "heron"):
        assert town.hub.http(partner).post(f"/api/deliveries/{path}", json=WHY).status_code == 403
    assert town.hub.http().post(f"/api/deliveries/{path}", json=WHY).status_code == 401


def test_deliveries_are_listed_by_partner_and_state(town: Town, who: Person) -> None:
    town.results(who, "97.20")
    town.wait("done", 2)
    everything = town.watch.get("/api/deliveries").json()
    assert {one["partner"] for one in everything} >= {"lakeside", "foundry"}
    assert {one["partner"] for one in town.listed(partner="foundry")} == {"foundry"}
    done = town.watch.get("/api/deliveries", params={"state": "done"}).json()
    assert done
    assert {one["state"] for one in done} == {"done"}
    assert town.listed("refused") == []


def test_a_terminal_lists_retries_and_dismisses(town: Town, who: Person, cgt_hub: Callable[..., Ran]) -> None:
    town.codes.append("AR")
    town.results(who, "97.20")
    first, _ = town.wait("refused", 2)
    places = {"data": town.hub.hub.settings.data, "partners": town.hub.hub.settings.partners}
    chosen = ("--partner", "lakeside", "--state", "refused")
    beside = cgt_hub("deliveries", "list", "--json", *chosen, **places)
    assert beside.json[0]["id"] == first["id"]
    assert cgt_hub("deliveries", "retry", first["id"], "--reason", "mended", **places).code == 2
    town.hub.stop()
    assert cgt_hub("deliveries", "dismiss", first["id"], "--reason", "told by telephone", **places).out == "1 decided\n"
    assert cgt_hub("deliveries", "retry", *chosen, "--reason", "mended", **places).out == "1 decided\n"
    states = [
        one["state"] for one in cgt_hub("deliveries", "list", "--json", **places).json if one["partner"] == "lakeside"
    ]
    assert states == ["dismissed", "waiting"]
    for wrong in ((), (first["id"], *chosen), (99999,), (first["id"],)):
        assert cgt_hub("deliveries", "dismiss", *wrong, "--reason", "no reason", **places).code == 2
    assert cgt_hub("deliveries", "retry", first["id"], **places).code == 2
