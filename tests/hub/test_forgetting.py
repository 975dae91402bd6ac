"""Erasure of a person: nobody is found any more, no key is left in any file, facts stay, and what stays is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub import ledger
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.house import msa
from tests.hub.world import FHIR, MRN_SYSTEM, Person

Open = Callable[..., house.House]
Cli = Callable[..., Ran]


def ask(who: Person, **change: Any) -> dict[str, Any]:
    return {"partner": "lakeside", "system": MRN_SYSTEM, "number": who.mrn, "reason": "letter of 1 March", **change}


def forget(hub: house.House, who: Person, **change: Any) -> dict[str, Any]:
    reply = hub.http("watch").post("/api/forget", json=ask(who, apply=True, **change))
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def found(hub: house.House, who: Person) -> int:
    """How many patients the hospital finds by number, and by name and birth date."""
    born = f"{who.born[:4]}-{who.born[4:6]}-{who.born[6:]}"
    totals = [
        hub.http("lakeside").get("/fhir/Patient", params=query).json()["total"]
        for query in ({"identifier": who.mrn}, {"family": who.family, "birthdate": born})
    ]
    return sum(totals)


def tell(hub: house.House, who: Person) -> None:
    for message in (world.order(who, f"{who.order}-1"), world.apheresis(who, f"{who.order}-2")):
        assert msa(hub.send(message))[0] == "AA"


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith("hub.db"))


def test_who_was_forgotten_is_found_by_nobody_and_the_facts_stay(open_house: Open, who: Person) -> None:
    hub, other = open_house(), world.person(9001)
    tell(hub, who)
    tell(hub, other)
    assert (found(hub, who), found(hub, other)) == (2, 2)
    before, journey = hub.facts(), hub.journey(who)
    told = forget(hub, who)
    assert told["goes"]["persons"] == 1
    assert told["goes"]["messages"] == 2
    assert (found(hub, who), found(hub, other)) == (0, 2)
    assert hub.facts() == before == hub.facts()
    assert hub.journey(who)["timeline"] == journey["timeline"]
    kept = hub.rows("SELECT source_id, body IS NULL, residual IS NULL FROM inbox ORDER BY id")
    assert [row[1:] for row in kept] == [(1, 1), (1, 1), (0, kept[2][2]), (0, kept[3][2])]
    faults, _, _ = hub.committer(lambda c: ledger.check(c.connection, hub.hub.keys.public_key()))
    assert faults == []


def test_no_key_and_no_row_of_a_forgotten_person_is_left_in_a_file(open_house: Open, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    sealed = [row[0] for row in hub.rows("SELECT key FROM person UNION SELECT sealed FROM identity")]
    sealed += [row[0] for row in hub.rows("SELECT sealed FROM body")]
    folder = hub.hub.settings.data
    hub.until(lambda: all(part in files(folder) for part in sealed[:1]))
    forget(hub, who)
    hub.stop()
    left = files(folder)
    assert [len(part) for part in sealed if part[:48] in left] == []


def test_without_apply_nothing_goes(open_house: Open, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    reply = hub.http("watch").post("/api/forget", json=ask(who)).json()
    assert (reply["applied"], reply["goes"]["persons"]) == (False, 1)
    assert found(hub, who) == 2


def test_what_is_shown_of_others_and_what_nobody_has_read_stays_and_is_told(open_house: Open, who: Person) -> None:
    hub, other = open_house(), world.person(9002)
    tell(hub, who)
    merge = world.v2(
        world.msh("ADT^A40^ADT_A39", "BOTH-1"),
        "EVN|A40|20260305080000-0600",
        world.pid(other),
        f"MRG|{who.mrn}^^^LAKESIDE&{world.OID}&ISO^MR",
    )
    assert msa(hub.send(merge))[0] == "AA"
    hub.send(world.order(who, "HELD-1") + world.order(who, "HELD-2"))
    told = forget(hub, who)
    assert told["stays"] | {"facts": 0} == {"facts": 0, "shared": 1, "held": 1, "waiting": 0}
    kept = hub.rows("SELECT source_id FROM inbox WHERE body IS NOT NULL ORDER BY id")
    assert [row[0] for row in kept] == ["BOTH-1", "HELD-1"]


def test_what_a_reader_was_shown_of_the_person_goes(open_house: Open, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    reply = hub.http("lakeside").get("/fhir/Patient", params={"identifier": who.mrn})
    patient = reply.json()["entry"][0]["resource"]
    shown = "SELECT count(*) FROM shown WHERE kind = 'subject'"
    assert hub.rows(shown) == [(1,)]
    forget(hub, who)
    assert hub.rows(shown) == [(0,)]
    again = hub.http("lakeside").get(f"/fhir/Patient/{patient['id']}").json()
    assert "name" not in again
    assert "birthDate" not in again


def test_all_numbers_of_a_person_lead_to_the_person(open_house: Open, who: Person) -> None:
    """A message with two numbers joins them; by either one all rows go."""
    hub = open_house()
    both = world.patient(who)
    both["identifier"].append({**both["identifier"][0], "value": f"{who.mrn}7"})
    tell(hub, who)
    reply = hub.http("lakeside").post("/fhir/Patient", content=json.dumps(both), headers={"content-type": FHIR})
    assert reply.status_code == 201
    forget(hub, who, number=f"{who.mrn}7")
    assert hub.count("identity") == hub.count("blind") == hub.count("person") == 0
    assert found(hub, who) == 0


def test_who_is_told_of_again_is_known_again(open_house: Open, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    forget(hub, who)
    hub.send(world.update(who, "AGAIN-1"))
    assert found(hub, who) == 2


@pytest.mark.parametrize("change", [{"number": "unheard-of"}, {"partner": "northern"}, {"partner": "nobody"}])
def test_only_who_told_of_a_person_has_the_person_forgotten(
    open_house: Open, who: Person, change: dict[str, str]
) -> None:
    hub = open_house()
    tell(hub, who)
    reply = hub.http("watch").post("/api/forget", json=ask(who, apply=True, **change))
    assert reply.status_code == 404
    assert who.mrn not in reply.text
    assert found(hub, who) == 2


def test_partners_forget_nobody(open_house: Open, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    assert hub.http("lakeside").post("/api/forget", json=ask(who, apply=True)).status_code == 403
    assert found(hub, who) == 2


def test_who_asked_and_why_is_audited_and_names_nobody(open_house: Open, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    forget(hub, who)
    ((actor, about, detail),) = hub.rows("SELECT actor, about, detail FROM audit WHERE act = 'person.forget'")
    said = json.loads(detail)
    assert (actor, said["partner"], said["reason"]) == ("watch", "lakeside", "letter of 1 March")
    assert not [word for word in (who.mrn, who.family, who.given) if word in about + detail]


def test_a_stopped_hub_forgets_from_a_terminal(open_house: Open, cgt_hub: Cli, who: Person) -> None:
    hub = open_house()
    tell(hub, who)
    arguments = ("forget", "--partner", "lakeside", "--identifier", f"{MRN_SYSTEM}|{who.mrn}", "--reason", "ticket 7")
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners}
    ran = cgt_hub(*arguments, **places)
    assert (ran.code, "stop it first" in ran.err) == (2, True)
    hub.stop()
    assert "would be erased" in cgt_hub(*arguments, **places).out
    ran = cgt_hub(*arguments, "--apply", "--json", **places)
    assert (ran.code, ran.json["goes"]["persons"]) == (0, 1)
    again = cgt_hub(*arguments, "--apply", **places)
    assert (again.code, who.mrn in again.err) == (2, False)
    assert cgt_hub("ledger", "verify", **places).code == 0
