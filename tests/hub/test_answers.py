"""Questions over HTTP: allow, deny and cannot-tell, each with its reasons, each on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from canonical_model.asking import ASK
from canonical_model.codes import ROLES
from canonical_model.questions import VERDICTS
from hub.answers import MAY_ASK, QUESTIONS
from hub.committer import Committer
from hub.http.asking import ARGUMENTS
from hub.store import Connection
from tests.canonical_model.facts import MAKER, OTHER, created, fact, ref, result, when
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


def test_a_held_message_names_what_it_bears_as_a_whole(hub: house.House, collected: Person) -> None:
    """A number of a few characters stands inside of anything; only as a word of its own it is shared."""
    held = world.apheresis(world.person(6997), "HELD-5") + b"ZZZ|XB7X|B77\r"
    assert msa(hub.send(held + held))[0] == "AE"
    for bag, shares in (("B7", False), ("B77", True)):
        asked = ask(hub, "may-ship", collected, containers=[{"system": world.BAGS, "value": bag}])
        assert ("I-40" in verdict(asked)[1]) == shares, bag


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_held_message_is_searched_for_names_in_the_characters_it_was_sent_in(
    hub: house.House, collected: Person, encoding: str
) -> None:
    held = world.apheresis(world.person(6996), f"HELD-{encoding}") + f"ZZZ|BEUTEL-Ö-{encoding}\r".encode(encoding)
    assert msa(hub.send(held + held))[0] == "AE"
    bag = {"system": world.BAGS, "value": f"BEUTEL-Ö-{encoding}"}
    assert "I-40" in verdict(ask(hub, "may-ship", collected, containers=[bag]))[1]


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


LAST = "SELECT actor, act, detail FROM audit ORDER BY id DESC LIMIT 1"


def test_who_asks_in_a_partners_name_is_on_record_with_that_name(hub: house.House, collected: Person) -> None:
    ask(hub, "may-ship", collected, "watch", partner="lakeside")
    actor, act, detail = hub.rows(LAST)[0]
    assert (actor, act, json.loads(detail)["as"]) == ("watch", "may-ship", "lakeside")
    ask(hub, "may-ship", collected, "northern", partner="lakeside")
    actor, _, detail = hub.rows(LAST)[0]
    assert (actor, "as" in json.loads(detail)) == ("northern", False)


def test_by_fhir_too_who_asks_in_a_partners_name_is_on_record(
    open_house: Callable[..., house.House], who: Person
) -> None:
    def by_fhir(found: dict[str, dict[str, Any]]) -> None:
        found["watch"]["http"]["formats"] = ["fhir_r4"]

    hub = open_house(by_fhir)
    hub.send(world.order(who, f"{who.order}-1"))
    order = {"name": "order", "valueIdentifier": {"system": "urn:id:EHR", "value": who.order}}
    body = {"resourceType": "Parameters", "parameter": [order, {"name": "partner", "valueString": "lakeside"}]}
    told = hub.http("watch").post(
        "/fhir/ServiceRequest/$may-ship", content=json.dumps(body), headers={"content-type": world.FHIR}
    )
    assert told.status_code == 200, told.text
    actor, act, detail = hub.rows(LAST)[0]
    assert (actor, act, json.loads(detail)["as"]) == ("watch", "may-ship", "lakeside")


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
    ("question", "change", "places"),
    [
        ("may-ship", {"order": []}, {"body.order"}),
        ("may-ship", {"order": "x"}, {"body.order"}),
        ("may-ship", {"order": [{"value": "x"}]}, {"body.order.0.system"}),
        ("may-ship", {"containers": [1]}, {"body.containers.0"}),
        (
            "may-ship",
            {"order": [], "containers": [1], "batch": [], "jane_doe": 1},
            {"body.order", "body.containers.0", "body.…"},
        ),
        ("may-collect", {}, {"body.…"}),
        ("may-label", {"containers": None}, {"body.…", "body.batch"}),
        ("may-start", {"batch": [{}]}, {"body.batch.0.system", "body.batch.0.value"}),
        ("may-allocate", {"containers": []}, {"body.containers"}),
        ("may-accept", {"shipment": [], "order": 1}, {"body.shipment", "body.order", "body.…"}),
        ("may-infuse", {"patient": []}, {"body.patient"}),
        ("what-is-missing-for-release", {}, {"body.material", "body.…"}),
        ("who-must-be-told", {"issue": ""}, {"body.issue", "body.…"}),
    ],
)
def test_a_question_that_is_none_is_refused_with_all_its_faults_by_place(
    hub: house.House, who: Person, question: str, change: dict[str, Any], places: set[str]
) -> None:
    reply = ask(hub, question, who, **change)
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert {fault["place"] for fault in reply.json()["faults"]} == places
    assert "jane_doe" not in reply.text


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


# ---- every question -------------------------------------------------------------------------------------------

BATCH = [{"system": "https://foundry.example/id", "value": "B-77"}]
WHAT: dict[str, dict[str, Any]] = {
    "may-label": {"batch": BATCH},
    "may-start": {"batch": BATCH},
    "may-accept": {"shipment": [{"system": "https://id.gs1.org/00", "value": world.SSCC}]},
    "may-allocate": {"containers": [{"system": world.BAGS, "value": "VIAL"}]},
    "what-is-missing-for-release": {"material": BATCH},
    "who-must-be-told": {"issue": "none"},
}
"""What each question asks about, besides the order."""
ASKER = {question: "lakeside" if "hospital" in roles else "foundry" for question, roles in MAY_ASK.items()}


def asked(hub: house.House, question: str, who: Person, by: str = "", **change: Any) -> httpx.Response:
    body = {
        "order": [{"system": "urn:id:EHR", "value": who.order, "type": "placer"}],
        **WHAT.get(question, {}),
        **change,
    }
    return hub.http(by or ASKER[question]).post(f"/api/questions/{question}", json=body)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_in_its_shape_and_on_record(
    hub: house.House, collected: Person, question: str
) -> None:
    told = asked(hub, question, collected).json()
    assert told["question"] == question
    assert told["position"] == hub.rows("SELECT max(position) FROM log")[0][0]
    if question in VERDICTS:
        assert set(told) == {"question", "verdict", "reasons", "position"}
        assert told["verdict"] in {"allow", "deny", "cannot-tell"}
    else:
        assert set(told) == {"question", "items", "reasons", "position", "withheld"}
    assert all(set(reason) >= {"rule", "text", "settle", "facts", "clears"} for reason in told["reasons"])
    last = hub.rows("SELECT actor, act, about FROM audit ORDER BY id DESC LIMIT 1")[0]
    assert last == (ASKER[question], question, hub.journey(collected)["journey"])


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_says_the_same_of_anothers_order_as_of_none(
    hub: house.House, collected: Person, question: str
) -> None:
    by = "northern" if ASKER[question] == "lakeside" else "watch"
    real = asked(hub, question, collected, by).json()
    assert real == asked(hub, question, world.person(6996), by).json()
    assert [reason["rule"] for reason in real["reasons"]] == ["I-1"]
    assert real.get("verdict", "deny") == "deny"
    assert not real.get("items")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_role_that_is_not_named_for_a_question_learns_nothing_by_it(
    hub: house.House, collected: Person, question: str
) -> None:
    for by, role in (("lakeside", "hospital"), ("foundry", "cdmo"), ("heron", "courier")):
        told = asked(hub, question, collected, by).json()
        barred = [reason["rule"] for reason in told["reasons"]] == ["access"]
        assert barred == (role not in MAY_ASK[question])
        assert not barred or (told.get("verdict", "deny"), told.get("items", [])) == ("deny", [])


def test_every_question_has_a_table_of_who_may_ask_it_and_what_it_takes() -> None:
    assert set(QUESTIONS) == set(MAY_ASK) == set(ASK) == set(ARGUMENTS)
    assert all(roles <= set(ROLES) for roles in MAY_ASK.values())
    assert not any({"payer"} & roles for roles in MAY_ASK.values())


def test_a_list_has_no_entry_about_what_its_asker_does_not_see(hub: house.House, collected: Person) -> None:
    sscc = "395123450000000208"
    move = world.document(world.packing(collected, sscc), world.departing(sscc))
    hub.http("heron").post("/epcis/capture", content=move, headers={"content-type": LD})
    courier = asked(hub, "what-is-due", collected, "heron").json()
    hospital = asked(hub, "what-is-due", collected, "lakeside").json()
    assert {item["about"]["kind"] for item in courier["items"]} == {"container"}
    assert courier["withheld"] > 0
    assert hospital["withheld"] == 0
    assert len(hospital["items"]) == len(courier["items"]) + courier["withheld"]
    assert {"handoff", "window"} <= {item["kind"] for item in hospital["items"]}


def test_who_must_be_told_of_an_issue_of_the_order(hub: house.House, collected: Person) -> None:
    other = world.person(6995)
    hub.send(world.order(other, "TOLD-1"))
    hub.dropped("receipts-told.csv", world.receipts(other, bag=collected.bag))
    issue = next(i for i in hub.journey(collected)["issues"] if i["severity"] == "critical" and i["closed"] is None)
    told = asked(hub, "who-must-be-told", collected, issue=issue["id"]).json()
    said = [(item["kind"], item["roles"]) for item in told["items"]]
    assert ("owner", ["qa"]) in said
    assert ("sponsor", ["sponsor"]) in said


def test_the_patient_in_the_bed_is_named_by_number_and_never_written_down(hub: house.House, collected: Person) -> None:
    def rules(mrn: str, type_: str = "mrn") -> list[str]:
        patient = [{"system": world.MRN_SYSTEM, "value": mrn, "type": type_}]
        told = ask(hub, "may-infuse", collected, patient=patient).json()
        return [reason["text"] for reason in told["reasons"] if "patient" in reason["text"] and reason["rule"] == "I-7"]

    assert not [text for text in rules(collected.mrn) if "another patient" in text]
    assert [text for text in rules("SOMEBODY-ELSE") if "another patient" in text]
    assert [text for text in rules("V-1", "visit") if "name nobody for certain" in text]
    assert not hub.rows("SELECT 1 FROM audit WHERE detail LIKE '%SOMEBODY-ELSE%'")


# ---- stock ----------------------------------------------------------------------------------------------------


def tell(hub: house.House, *facts: dict[str, Any]) -> None:
    """Puts facts into the log as the committer does."""

    def append(committer: Committer) -> None:
        def work(db: Connection) -> None:
            for event in facts:
                committer.log.add(db, event, None)
            committer.orders.refold_touched(db)

        committer._transaction(work)

    hub.committer(append)


def test_stock_is_judged_by_facts_that_belong_to_no_order(open_house: Callable[..., house.House], who: Person) -> None:
    def stocks(found: dict[str, dict[str, Any]]) -> None:
        found["foundry"]["products"] = ["ALLO-CAR-T"]

    hub = open_house(stocks)
    assert msa(hub.send(world.order(who, f"{who.order}-S").replace(b"AXI-CEL", b"ALLO-CAR-T")))[0] == "AA"
    vial, lot = ref("container", f"VIAL-{who.order}"), ref("material", f"LOT-{who.order}")
    own = {"containers": vial["identifiers"]}

    def answer() -> tuple[str, set[str]]:
        return verdict(asked(hub, "may-allocate", who, "foundry", **own))

    assert answer() == ("deny", {"I-1"})
    made = created(vial, MAKER, material=lot, by="foundry", role="cdmo")
    tell(hub, made, created(ref("container", "SIBLING"), MAKER, material=lot, order=OTHER, source="m9"))
    assert answer() == ("deny", {"I-6", "I-7"})
    dated = fact("material.stated", lot, by="foundry", role="cdmo", expires_at=when("2027-01-31"))
    results = [result(test, lot, "2026-03-09T12:00:00") for test in ("viability", "sterility", "endotoxin")]
    release = fact("disposition.decided", ref("disposition", f"D-{who.order}"), material=lot, decision="released")
    tell(hub, dated, *results, release)
    assert answer() == ("allow", set())
    tell(hub, fact("recall.initiated", ref("recall", f"R-{who.order}"), "2026-03-10T08:00:00", targets=[lot]))
    assert answer() == ("deny", {"I-25"})
    assert not [e for e in hub.journey(who)["timeline"] if e["about"]["kind"] == "container"], "asking reserves nothing"
