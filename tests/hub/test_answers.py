"""Questions over HTTP: allow, deny and cannot-tell, each with its reasons, each on record."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.hub import house, world
from tests.hub.house import FS, VT, msa
from tests.hub.world import LD, Person


def ask(hub: house.House, question: str, who: Person, by: str = "lakeside", **change: Any) -> httpx.Response:
    body = {
        "order": [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}],
        "containers": [{"system": world.BAGS, "value": who.bag}],
        **change,
    }
    return hub.http(by).post(f"/api/questions/{question}", json=body)


def verdict(reply: httpx.Response) -> tuple[str, set[str]]:
    """The verdict and the rules of its reasons; every reason says what would settle it."""
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert all(reason["text"] and reason["settle"] for reason in told["reasons"])
    return told["verdict"], {reason["rule"] for reason in told["reasons"]}


@pytest.fixture
def collected(hub: house.House, who: Person) -> Person:
    """A patient whose cells are in a bag that the hospital holds."""
    assert msa(hub.send(world.order(who, f"{who.order}-1")))[0] == "AA"
    assert msa(hub.send(world.apheresis(who, f"{who.order}-2")))[0] == "AA"
    return who


def test_the_holder_may_ship(hub: house.House, collected: Person) -> None:
    reply = ask(hub, "may-ship", collected)
    assert verdict(reply) == ("allow", set())
    assert reply.json()["position"] == hub.rows("SELECT max(position) FROM log")[0][0]


def test_who_does_not_hold_the_bag_may_not_ship_it(hub: house.House, collected: Person) -> None:
    assert verdict(ask(hub, "may-ship", collected, "heron")) == ("deny", {"I-2"})


def test_what_is_not_released_may_not_be_infused(hub: house.House, collected: Person) -> None:
    assert verdict(ask(hub, "may-infuse", collected)) == ("deny", {"I-7"})


def test_another_patients_bag_is_denied(hub: house.House, collected: Person) -> None:
    other = [{"system": world.BAGS, "value": "BAG-OF-ANOTHER"}]
    assert verdict(ask(hub, "may-ship", collected, containers=other)) == ("deny", {"I-1"})
    assert verdict(ask(hub, "may-ship", collected, containers=[])) == ("deny", {"I-1"})


def test_a_dead_patients_product_stays(hub: house.House, collected: Person) -> None:
    dead = world.update(collected, f"{collected.order}-D").replace(
        b"DULUTH^MN^55802^USA^H", b"DULUTH^MN^55802^USA^H" + b"|" * 18 + b"20260311100000-0500|Y"
    )
    assert msa(hub.send(dead))[0] == "AA"
    answer, rules = verdict(ask(hub, "may-ship", collected))
    assert answer == "deny"
    assert "I-9" in rules


def test_another_hospital_learns_nothing_not_even_that_there_is_such_an_order(
    hub: house.House, collected: Person
) -> None:
    real = ask(hub, "may-ship", collected, "northern").json()
    invented = ask(hub, "may-ship", world.person(6999), "northern").json()
    assert real == invented
    assert real["verdict"] == "deny"


def test_a_held_message_that_names_the_bag_leaves_the_answer_open(hub: house.House, collected: Person) -> None:
    unreadable = world.apheresis(collected, "HELD-1") + world.apheresis(collected, "HELD-2")
    assert msa(hub.send(unreadable))[0] == "AE"
    assert verdict(ask(hub, "may-ship", collected)) == ("cannot-tell", {"I-40"})


def test_a_held_message_of_another_order_leaves_it_alone(hub: house.House, collected: Person) -> None:
    other = world.person(6998)
    hub.send(world.apheresis(other, "HELD-3") + world.apheresis(other, "HELD-4"))
    assert verdict(ask(hub, "may-ship", collected))[0] == "allow"


def test_a_message_received_before_the_question_counts_in_its_answer(hub: house.House, who: Person) -> None:
    """The order is sent, not yet acknowledged, and the question asked: the answer knows the order, or is no."""
    with hub.line() as line:
        line.put(VT + world.order(who, "RACE-1") + FS + VT + world.apheresis(who, "RACE-2") + FS)
        early = ask(hub, "may-ship", who).json()["verdict"]
        line.answer()
        line.answer()
    assert early in {"allow", "deny"}
    assert verdict(ask(hub, "may-ship", who))[0] == "allow"


def test_question_and_answer_are_on_record(hub: house.House, collected: Person) -> None:
    ask(hub, "may-ship", collected)
    ask(hub, "may-infuse", collected)
    asked = hub.rows("SELECT actor, act, about, detail FROM audit WHERE act LIKE 'may-%' ORDER BY id DESC LIMIT 2")
    assert [(actor, act) for actor, act, _, _ in asked] == [("lakeside", "may-infuse"), ("lakeside", "may-ship")]
    assert {about for _, _, about, _ in asked} == {hub.journey(collected)["journey"]}
    detail = json.loads(asked[0][3])
    assert (detail["verdict"], set(detail["rules"])) == ("deny", {"I-7"})
    assert detail["at"] > 0


def test_an_operator_asks_as_a_partner_and_a_partner_only_as_itself(hub: house.House, collected: Person) -> None:
    assert verdict(ask(hub, "may-ship", collected, "watch", partner="lakeside"))[0] == "allow"
    assert verdict(ask(hub, "may-ship", collected, "watch"))[0] == "deny"
    assert verdict(ask(hub, "may-ship", collected, "northern", partner="lakeside"))[0] == "deny"
    assert ask(hub, "may-ship", collected, "watch", partner="nobody").status_code == 404


def test_fhir_asks_the_same_question(hub: house.House, collected: Person) -> None:
    client = hub.http("lakeside")
    found = client.get("/fhir/ServiceRequest", params={"identifier": f"urn:id:EHR|{collected.order}"}).json()
    where = f"/fhir/ServiceRequest/{found['entry'][0]['resource']['id']}"
    told = client.get(f"{where}/$may-infuse", params={"container": f"{world.BAGS}|{collected.bag}"}).json()
    said = {part["name"]: part for part in told["parameter"]}
    assert said["verdict"]["valueCode"] == "deny"
    assert said["position"]["valueInteger"] > 0
    assert {p["valueCode"] for p in said["reason"]["part"] if p["name"] == "rule"} == {"I-7"}
    bad = client.get(f"{where}/$may-infuse", params={"container": "no-system"})
    assert bad.status_code == 400
    assert hub.http("northern").get(f"{where}/$may-infuse").status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"order": []}, 422),
        ({"order": "x"}, 422),
        ({"order": [{"value": "x"}]}, 422),
        ({"containers": [1]}, 422),
    ],
)
def test_a_question_that_is_none_is_refused_by_place(
    hub: house.House, who: Person, change: dict[str, Any], status: int
) -> None:
    reply = ask(hub, "may-ship", who, **change)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert all(fault["place"].startswith("body.") for fault in reply.json()["faults"])


def test_an_unknown_question_names_the_known_ones(hub: house.House, who: Person) -> None:
    reply = ask(hub, "may-fly", who)
    assert reply.status_code == 404
    assert "may-ship" in reply.json()["title"]


def test_a_wrong_bag_makes_every_question_about_it_a_no(hub: house.House, collected: Person) -> None:
    """The bag travels in another order's shipper: the courier's word is kept, and nobody may use it."""
    other = world.person(6997)
    hub.send(world.order(other, "WRONG-1"))
    row = world.receipts(other, bag=collected.bag)
    assert hub.dropped("receipts-wrong.csv", row)["outcome"] == "recorded"
    assert verdict(ask(hub, "may-ship", collected))[0] != "allow"
    assert (
        verdict(ask(hub, "may-infuse", other, containers=[{"system": world.BAGS, "value": collected.bag}]))[0] == "deny"
    )
    for one in (collected, other):
        assert [i for i in hub.journey(one)["issues"] if i["severity"] == "critical" and i["closed"] is None], one.order


def test_a_courier_learns_its_own_custody_by_asking(hub: house.House, collected: Person) -> None:
    sscc = "395123450000000116"
    move = world.document(world.packing(collected, sscc), world.departing(sscc))
    hub.http("heron").post("/epcis/capture", content=move, headers={"content-type": LD})
    assert "I-2" not in verdict(ask(hub, "may-ship", collected, "heron"))[1]
    assert "I-2" in verdict(ask(hub, "may-ship", collected))[1]
