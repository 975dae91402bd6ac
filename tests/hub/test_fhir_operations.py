"""Questions as operations, and what the server says of itself: the CapabilityStatement is what the routes do."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import httpx
import pytest

from adapters.fhir_r4.validate import validate
from hub.answers import QUESTIONS
from hub.http.asking import ARGUMENTS
from hub.http.fhir_operations import OPERATIONS, definition
from hub.resources import SERVED
from hub.search_parameters import REFERENCE, parameters
from tests.hub import house, world
from tests.hub.house import msa
from tests.hub.test_fhir import JSON, code_of, issues, order_of, patient_of
from tests.hub.world import BAGS, FHIR, MRN_SYSTEM, Person
from tests.standards import need, standards_dir

Tree = dict[str, Any]


@pytest.fixture
def collected(hub: house.House, who: Person) -> Person:
    """A patient whose cells are in a bag that the hospital holds."""
    assert msa(hub.send(world.order(who, f"{who.order}-1")))[0] == "AA"
    assert msa(hub.send(world.apheresis(who, f"{who.order}-2")))[0] == "AA"
    return who


def identifier(name: str, system: str, value: str) -> Tree:
    return {"name": name, "valueIdentifier": {"system": system, "value": value}}


def post(hub: house.House, question: str, *given: Any, order: str = "", partner: str = "lakeside") -> httpx.Response:
    where = f"/fhir/ServiceRequest/{order}/${question}" if order else f"/fhir/ServiceRequest/${question}"
    body = json.dumps({"resourceType": "Parameters", "parameter": list(given)})
    return hub.http(partner).post(where, content=body, headers=JSON)


def values(parts: list[Tree], name: str) -> list[Any]:
    """Values, or parts, of the parameters of a name."""
    found = [part for part in parts if part["name"] == name]
    return [next(value for key, value in part.items() if key != "name") for part in found]


def verdict(reply: httpx.Response) -> tuple[str, set[str]]:
    """The verdict and the rules of its reasons."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == FHIR
    told = reply.json()["parameter"]
    return values(told, "verdict")[0], {values(reason, "rule")[0] for reason in values(told, "reason")}


# ---- asked and answered ---------------------------------------------------------------------------------------


def test_a_question_is_asked_of_an_order_or_of_its_names_by_get_or_post(hub: house.House, collected: Person) -> None:
    order, bag = order_of(hub, collected)["id"], identifier("container", BAGS, collected.bag)
    client = hub.http("lakeside")
    token = {"container": f"{BAGS}|{collected.bag}"}
    named = {**token, "order": f"urn:id:EHR|{collected.order}"}
    answers = [
        client.get(f"/fhir/ServiceRequest/{order}/$may-ship", params=token),
        client.get("/fhir/ServiceRequest/$may-ship", params=named),
        post(hub, "may-ship", bag, order=order),
        post(hub, "may-ship", bag, identifier("order", "urn:id:EHR", collected.order)),
        post(hub, "may-ship", bag, {"name": "order", "valueReference": {"reference": f"ServiceRequest/{order}"}}),
    ]
    assert [verdict(answer) for answer in answers] == [("allow", set())] * len(answers)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_an_operation_and_answers_as_the_api_does(
    hub: house.House, collected: Person, question: str
) -> None:
    fields = ARGUMENTS[question].model_fields
    bag = {"system": BAGS, "value": collected.bag}
    asked: Tree = {"order": [{"system": "urn:id:EHR", "value": collected.order}]}
    asked |= {name: [bag] for name in ("containers", "batch", "shipment", "material") if name in fields}
    asked |= {"issue": "none"} if "issue" in fields else {}
    names = {"containers": "container"}
    given = [
        {
            "name": names.get(name, name),
            **({"valueString": value} if name == "issue" else {"valueIdentifier": value[0]}),
        }
        for name, value in asked.items()
    ]
    there = hub.http("lakeside").post(f"/api/questions/{question}", json=asked).json()
    told = post(hub, question, *given).json()["parameter"]
    assert values(told, "question") == [question]
    assert values(told, "verdict") == ([there["verdict"]] if "verdict" in there else [])
    assert [values(one, "text")[0] for one in values(told, "reason")] == [one["text"] for one in there["reasons"]]
    assert [values(one, "text")[0] for one in values(told, "item")] == [one["text"] for one in there.get("items", [])]
    assert values(told, "position")[0] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", values(told, "asked-at")[0])


def test_a_reason_refers_to_the_issue_behind_it(hub: house.House, collected: Person) -> None:
    sscc = "395123450000000024"
    sent = world.document(world.packing(collected, sscc), world.departing(sscc))
    headers = {"content-type": world.LD}
    assert hub.http("heron").post("/epcis/capture", content=sent, headers=headers).status_code == 202
    wrong = world.receipts(collected, bag="STRANGER-BAG", shipment=sscc)
    hub.dropped(f"receipts-{collected.order}.csv", wrong)
    order = order_of(hub, collected)["id"]
    journey = hub.journey(collected)
    known = {issue["id"] for issue in journey["issues"]}
    asked = {"may-infuse": [], "may-ship": [], "may-start": [identifier("batch", "urn:x", "B")]}
    answers = [post(hub, question, *given, order=order).json() for question, given in asked.items()]
    reasons = [reason for answer in answers for reason in values(answer["parameter"], "reason")]
    told = [issue for reason in reasons for issue in values(reason, "issue")]
    assert told, journey["issues"]
    assert {one["identifier"]["value"] for one in told} <= known
    assert all(one["type"] == "DetectedIssue" for one in told)


def test_whoever_is_in_the_bed_is_named_by_number_or_by_resource(hub: house.House, collected: Person) -> None:
    order, bag = order_of(hub, collected)["id"], identifier("container", BAGS, collected.bag)
    by_number = identifier("patient", MRN_SYSTEM, collected.mrn)
    by_resource = {"name": "patient", "valueReference": {"reference": f"Patient/{patient_of(hub, collected)['id']}"}}
    other = identifier("patient", MRN_SYSTEM, "999")
    texts = [
        {
            values(reason, "text")[0]
            for reason in values(post(hub, "may-infuse", bag, who, order=order).json()["parameter"], "reason")
        }
        for who in (by_number, by_resource, other)
    ]
    assert texts[0] == texts[1]
    assert texts[2] > texts[0]


def test_a_number_of_the_patient_is_repeated_nowhere(hub: house.House, collected: Person) -> None:
    order = order_of(hub, collected)["id"]
    reply = post(hub, "may-infuse", identifier("patient", MRN_SYSTEM, collected.mrn), order=order)
    assert collected.mrn not in reply.text
    assert not [line for line in hub.logs.lines if collected.mrn in line]


def test_whoever_may_not_ask_and_whoever_has_no_part_learn_nothing(hub: house.House, collected: Person) -> None:
    order = order_of(hub, collected)["id"]
    assert post(hub, "may-infuse", order=order, partner="northern").status_code == 404
    named = identifier("order", "urn:id:EHR", collected.order)
    absent = identifier("order", "urn:id:EHR", "NO-SUCH-ORDER")
    told, nothing = (post(hub, "may-infuse", one, partner="northern") for one in (named, absent))
    assert verdict(told) == verdict(nothing) == ("deny", {"I-1"})
    assert verdict(post(hub, "may-infuse", named, partner="foundry")) == ("deny", {"access"})


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ([], {"order"}),
        ([{"name": "colour", "valueString": "a|b"}], {"order", "…"}),
        ([{"name": "order", "valueString": "no-system"}], {"Parameters.parameter[0]"}),
        ([{"valueString": "a|b"}, {"name": "order"}], {"Parameters.parameter[0].name", "Parameters.parameter[1]"}),
        ([7, None], {"Parameters.parameter[0].name", "Parameters.parameter[1].name"}),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_all_places(
    hub: house.House, given: list[Any], places: set[str]
) -> None:
    reply = post(hub, "may-infuse", *given)
    assert reply.status_code == 422
    told = {(issue.get("expression") or [issue["details"]["text"].partition(":")[0]])[0] for issue in issues(reply)}
    assert told == places


def test_what_is_no_parameters_and_no_question_is_refused(hub: house.House, collected: Person) -> None:
    order = order_of(hub, collected)["id"]
    client = hub.http("lakeside")
    address = f"/fhir/ServiceRequest/{order}/$may-infuse"
    assert client.post(address, content=json.dumps(world.patient(collected)), headers=JSON).status_code == 422
    assert client.post(address, content=b"{", headers=JSON).status_code == 400
    assert client.post(address, content=b"<a/>", headers={"content-type": "text/xml"}).status_code == 415
    assert client.get(f"/fhir/ServiceRequest/{order}/$may-fly").status_code == 404
    assert client.get("/fhir/Patient/1/$may-infuse").status_code == 404
    twice = post(hub, "may-infuse", identifier("order", "urn:id:EHR", collected.order), order=order)
    assert twice.status_code == 422
    for argument in ("container=nosystem", "container=|x", "x"):
        reply = client.get(f"{address}?{argument}")
        assert (reply.status_code, code_of(reply)) in {(400, "value"), (422, "value")}


# ---- what the server says of itself ---------------------------------------------------------------------------


def capability(hub: house.House) -> Tree:
    return dict(hub.http().get("/fhir/metadata").json())


def test_every_operation_is_defined_where_the_capabilities_say(hub: house.House) -> None:
    served = {resource["type"]: resource for resource in capability(hub)["rest"][0]["resource"]}
    told = {one["name"]: one["definition"] for one in served["ServiceRequest"]["operation"]}
    assert set(told) == {"validate", *QUESTIONS}
    for question in QUESTIONS:
        assert told[question] == definition(question)
        shown = hub.http().get(f"/fhir/OperationDefinition/{question}").json()
        assert shown == json.loads(json.dumps(shown))
        assert (shown["resourceType"], shown["url"], shown["code"]) == ("OperationDefinition", told[question], question)
        taken = {one["name"] for one in shown["parameter"] if one["use"] == "in"}
        names = {"containers": "container"}
        assert taken == {names.get(name, name) for name in ARGUMENTS[question].model_fields}
    assert hub.http().get("/fhir/OperationDefinition/nothing").status_code == 404


BARE = frozenset({"Patient", "Specimen", "BiologicallyDerivedProduct"})
"""Types of which R4 asks for no element: one that says nothing fails at its id alone."""


def test_the_capabilities_are_what_the_routes_do(hub: house.House, collected: Person) -> None:
    rest = capability(hub)["rest"][0]
    client = hub.http("lakeside")
    assert {one["code"] for one in rest["interaction"]} == {"transaction", "batch"}
    for one in rest["interaction"]:
        bundle = json.dumps({"resourceType": "Bundle", "type": one["code"]})
        assert client.post("/fhir", content=bundle, headers=JSON).status_code == 200
    served = {resource["type"]: resource for resource in rest["resource"]}
    assert set(served) == {*SERVED, "OperationDefinition"}
    for type_ in SERVED:
        told = served[type_]
        assert {one["code"] for one in told["interaction"]} == {"read", "vread", "update", "create", "search-type"}
        assert {one["name"]: one["type"] for one in told["searchParam"]} == dict(parameters(type_))
        together = {"birthdate": "1970-01-01", "family": "x"}
        for parameter in told["searchParam"]:
            query = {parameter["name"]: f"{type_}/x" if parameter["type"] == REFERENCE else "x"}
            query |= together if parameter["name"] in together else {}
            for asked in (
                client.get(f"/fhir/{type_}", params=query),
                client.post(f"/fhir/{type_}/_search", data=query),
            ):
                assert asked.status_code == 200, (type_, parameter, asked.text)
                assert asked.json()["total"] == 0
        unknown = client.get(f"/fhir/{type_}", params={"colour": "red"})
        assert (unknown.status_code, code_of(unknown)) == (400, "not-supported")
        for method, address, status in (
            ("GET", f"/fhir/{type_}/none", 404),
            ("GET", f"/fhir/{type_}/none/_history/1", 404),
            ("POST", f"/fhir/{type_}/$validate", 200),
            ("POST", f"/fhir/{type_}", 422),
            ("PUT", f"/fhir/{type_}/none", 400 if type_ in BARE else 422),
            ("PUT", f"/fhir/{type_}?_id=none", 422),
            ("DELETE", f"/fhir/{type_}/none", 405),
            ("PATCH", f"/fhir/{type_}/none", 405),
        ):
            body = json.dumps({"resourceType": type_, "colour": "red"} if status == 422 else {"resourceType": type_})
            reply = client.request(method, address, content=body if method != "GET" else None, headers=JSON)
            assert reply.status_code == status, (method, address, reply.text)
    for type_ in ("Account", "Practitioner", "Encounter"):
        assert client.get(f"/fhir/{type_}/1").status_code == 404


def test_every_search_parameter_is_r4s_own() -> None:
    folder = need(standards_dir() / "fhir" / "r4" / "search-parameters")
    known: dict[tuple[str, str], str] = {}
    for file in folder.glob("*.json"):
        told = json.loads(file.read_bytes())
        known |= {(base, told["code"]): told["type"] for base in told.get("base", ())}
    ours = {(type_, name): kind for type_ in SERVED for name, kind in parameters(type_).items() if name != "_id"}
    own = {at for at, kind in ours.items() if known.get(at) != kind}
    of_several_types = {"identifier", "patient", "family", "birthdate"}  # the folder has those of one type each
    assert {name for _, name in own} <= of_several_types


def test_a_search_by_form_is_a_search(hub: house.House, collected: Person) -> None:
    client = hub.http("lakeside")
    query = {"identifier": f"{MRN_SYSTEM}|{collected.mrn}"}
    found = client.post("/fhir/Patient/_search", data=query)
    assert found.json()["total"] == 1
    assert client.post("/fhir/Patient/_search", json=query).status_code == 415
    many = client.post("/fhir/Patient/_search", data={f"a{n}": "x" for n in range(50)})
    assert (many.status_code, code_of(many)) == (400, "value")


def test_a_criterion_with_very_many_values_is_refused(hub: house.House, collected: Person) -> None:
    """One search of four hundred thousand ids held up all that came in meanwhile."""
    client = hub.http("lakeside")
    for name in ("_id", "identifier", "patient"):
        query = {name: ",".join(f"{n:x}" for n in range(51))}
        reply = client.post("/fhir/Observation/_search", data=query)
        assert (reply.status_code, code_of(reply)) == (400, "value")
        assert issues(reply)[0]["details"]["text"].startswith(f"{name}: give at most 50 values")
        assert client.get("/fhir/Observation", params=query).status_code == 400
        fifty = {name: query[name].rpartition(",")[0]}
        assert client.post("/fhir/Observation/_search", data=fifty).json()["total"] == 0
    assert client.get("/fhir/Patient", params=[("_id", "1")] * 41).status_code == 400
    long = client.post("/fhir/Patient/_search", data={"identifier": "x" * 70_000})
    assert (long.status_code, code_of(long)) == (413, "too-large")
    condition = {"if-none-exist": "_id=" + ",".join("a" * 60)}
    made = client.post("/fhir/Patient", content=json.dumps(world.patient(collected)), headers=JSON | condition)
    assert (made.status_code, code_of(made)) == (400, "value")


def large(size: int) -> Tree:
    component = {"code": {"text": "a"}, "valueString": "x" * 1000}
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    return {**resource, "component": [component] * (size // 1000)}


def test_one_resource_that_holds_no_document_has_a_bound_of_its_own(open_house: Any) -> None:
    hub = open_house(max_message=8 * 1024 * 1024)
    client, body = hub.http("lakeside"), json.dumps(large(1_100_000))
    for address in ("/fhir/Observation", "/fhir/Observation/$validate"):
        reply = client.post(address, content=body, headers=JSON)
        assert (reply.status_code, code_of(reply)) == (413, "too-large")
        assert "as one resource" in reply.text
    assert client.put("/fhir/Observation/x", content=body, headers=JSON).status_code == 413
    attachment = {"attachment": {"contentType": "application/pdf", "data": "QUFB" * 400_000}}
    document = {"resourceType": "DocumentReference", "status": "current", "content": [attachment]}
    assert client.post("/fhir/DocumentReference/$validate", content=json.dumps(document), headers=JSON).is_success


def test_a_large_body_is_read_beside_the_loop(hub: house.House, who: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one was validated nobody else was answered, not even who asks whether the hub is well."""
    threads = []

    def watched(resource: Any, type_: str) -> Any:
        threads.append(threading.get_ident())
        return validate(resource, type_)

    async def here() -> int:
        return threading.get_ident()

    for module in ("fhir", "fhir_request", "fhir_bundles"):
        monkeypatch.setattr(f"hub.http.{module}.validate", watched)
    loop, client, body = hub.run(here()), hub.http("lakeside"), large(100_000)
    client.post("/fhir/Observation/$validate", content=json.dumps(body), headers=JSON)
    client.post("/fhir/Observation", content=json.dumps(body), headers=JSON)
    for kind in ("transaction", "batch"):
        entry = {"request": {"method": "POST", "url": "Observation"}, "resource": body}
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        client.post("/fhir", content=json.dumps(bundle), headers=JSON)
    assert len(threads) >= 4
    assert loop not in threads


def test_an_update_by_criteria_over_http(hub: house.House, who: Person) -> None:
    client = hub.http("lakeside")
    address = f"/fhir/ServiceRequest?identifier=urn:id:EHR|{who.order}"
    sent = world.service_request(who)
    first = client.put(address, content=json.dumps(sent), headers=JSON)
    assert first.status_code == 201
    assert client.put(address, content=json.dumps(sent | {"priority": "asap"}), headers=JSON).status_code == 200
    shown = order_of(hub, who)
    assert shown["priority"] == "asap"
    match = {"if-match": f'W/"{shown["meta"]["versionId"]}"'}
    changed = {**shown, "priority": "stat"}
    assert client.put(address, content=json.dumps(changed), headers=JSON | match).status_code == 200
    assert client.put(address, content=json.dumps(changed), headers=JSON | match).status_code == 412
    assert order_of(hub, who)["priority"] == "stat"
    minimal = client.put(address, content=json.dumps(sent), headers=JSON | {"prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content) == (200, b"")


def stated(hub: house.House, who: Person, partner: str = "lakeside", **more: Any) -> httpx.Response:
    """The order stated by its placer's number, without If-Match."""
    address = f"/fhir/ServiceRequest?identifier=urn:id:EHR|{who.order}"
    sent = world.service_request(who) | more
    return hub.http(partner).put(address, content=json.dumps(sent), headers=JSON)


def types(hub: house.House) -> list[str]:
    """The facts about orders, as they came."""
    return [row[0] for row in hub.rows("SELECT type FROM log WHERE type LIKE 'order.%' ORDER BY position")]


def test_a_state_that_returns_is_no_resend(hub: house.House, who: Person) -> None:
    """It was answered 200 and lost: the same words had been said before the hold."""
    before = types(hub)
    assert stated(hub, who).status_code == 201
    for status in ("on-hold", "active", "on-hold", "active"):
        reply = stated(hub, who, status=status)
        assert (reply.status_code, reply.json()["status"]) == (200, status)
    assert order_of(hub, who)["status"] == "active"
    new = types(hub)[len(before) :]
    assert new == ["order.submitted", "order.held", "order.resumed", "order.held", "order.resumed"]


@pytest.mark.parametrize(
    ("type_", "field", "values"),
    [
        ("Observation", "valueQuantity", [{"value": 3}, {"value": 4}]),
        ("Appointment", "status", ["booked", "cancelled"]),
    ],
)
def test_what_returns_in_any_resource_is_the_last_word(
    hub: house.House, who: Person, type_: str, field: str, values: list[Any]
) -> None:
    stated(hub, who)
    identified, patient = {"system": f"urn:x:{type_}", "value": who.order}, {"system": MRN_SYSTEM, "value": who.mrn}
    order = {"identifier": {"system": "urn:id:EHR", "value": who.order}}
    resource: Tree = {"resourceType": type_, "identifier": [identified], "basedOn": [order], "status": "final"}
    if type_ == "Observation":
        resource |= {"code": {"coding": [{"system": "http://loinc.org", "code": "26464-8"}]}}
        resource |= {"subject": {"identifier": patient}, "effectiveDateTime": "2026-03-10T12:00:00-05:00"}
    else:
        resource["participant"] = [{"status": "accepted", "actor": {"type": "Patient", "identifier": patient}}]
        resource |= {"start": "2026-04-01T08:00:00Z", "end": "2026-04-01T09:00:00Z"}
    address = f"/fhir/{type_}?identifier=urn:x:{type_}|{who.order}"
    for value in (*values, *values, *values):
        before = hub.facts()
        reply = hub.http("lakeside").put(address, content=json.dumps(resource | {field: value}), headers=JSON)
        assert reply.is_success
        assert reply.json()[field] == value
        assert hub.facts() == before + 1
        again = hub.http("lakeside").put(address, content=json.dumps(resource | {field: value}), headers=JSON)
        assert again.json() == reply.json()
        assert hub.facts() == before + 1


def test_a_hold_of_an_order_without_its_time_is_shown(hub: house.House, who: Person) -> None:
    """The order may be of the end of this day: its hold must not seem to be before it."""
    untimed = {name: value for name, value in world.service_request(who).items() if name != "authoredOn"}
    address = f"/fhir/ServiceRequest?identifier=urn:id:EHR|{who.order}"
    for status in ("active", "on-hold"):
        sent = json.dumps(untimed | {"status": status})
        reply = hub.http("lakeside").put(address, content=sent, headers=JSON)
        assert reply.json()["status"] == status


def test_what_is_stated_again_after_a_lost_answer_changes_nothing(hub: house.House, who: Person) -> None:
    stated(hub, who)
    for status in ("on-hold", "active"):
        first, before = stated(hub, who, status=status), (hub.facts(), hub.count("inbox"))
        second = stated(hub, who, status=status)
        assert (second.status_code, second.json()) == (200, first.json())
        assert (hub.facts(), hub.count("inbox")) == before


def test_what_repeats_the_version_that_is_there_is_no_fact(hub: house.House, who: Person) -> None:
    """Another partner's word came in between: what the hospital still says as it stands is nothing new."""
    stated(hub, who)
    stated(hub, who, priority="asap")
    before = hub.facts()
    assert stated(hub, who, status="active").json()["priority"] == "asap", "what it leaves out stays"
    spelt = {"coding": [{"system": "urn:id:CGT", "code": "AXI-CEL", "display": "Axicabtagene ciloleucel"}]}
    assert stated(hub, who, code=spelt, status="active", priority="asap", intent="order").status_code == 200
    assert hub.facts() == before


def test_a_hold_of_others_does_not_end_by_who_may_not_know_it(hub: house.House, who: Person) -> None:
    stated(hub, who)
    held = {**world.service_request(who), "status": "on-hold"}
    assert hub.http("northern").post("/fhir/ServiceRequest", content=json.dumps(held), headers=JSON).is_success
    assert order_of(hub, who)["status"] == "on-hold"
    reply = stated(hub, who, priority="asap")
    assert (reply.status_code, code_of(reply)) == (200, "conflict")
    assert [issue["expression"] for issue in issues(reply)] == [["ServiceRequest.status"]]
    shown = order_of(hub, who)
    assert (shown["status"], shown["priority"]) == ("on-hold", "asap")
    match = {"if-match": f'W/"{shown["meta"]["versionId"]}"'}
    address, seen = f"/fhir/ServiceRequest/{shown['id']}", json.dumps(shown | {"status": "active"})
    ended = hub.http("lakeside").put(address, content=seen, headers=JSON | match)
    assert (ended.status_code, code_of(ended)) == (200, "conflict"), "the hold is of this day, at no known time"
    assert types(hub)[-1] == "order.resumed"
    assert order_of(hub, who)["status"] == "on-hold"


def test_an_order_that_began_on_hold_is_submitted_and_resumed(hub: house.House, who: Person) -> None:
    before = types(hub)
    assert stated(hub, who, status="on-hold").status_code == 201
    reply = stated(hub, who, authoredOn="2026-03-01T08:30:00-06:00")
    assert (reply.status_code, code_of(reply)) == (200, "conflict")
    assert types(hub)[len(before) :] == ["order.held", "order.submitted", "order.resumed"]
    assert order_of(hub, who)["status"] == "on-hold", "the first hold has no time of its own: it may be of today's end"


def test_a_hold_that_is_uncertain_by_its_day_ends_the_day_after(open_house: Any) -> None:
    hub, who = open_house(), world.person(7801)
    stated(hub, who, status="on-hold")
    assert code_of(stated(hub, who)) == "conflict"
    before = hub.facts()
    assert stated(hub, who).json()["status"] == "on-hold"
    assert hub.facts() == before, "sent again on the same day it changes nothing"
    hub.clock.put_forward(days=1)
    assert stated(hub, who).json()["status"] == "active"
    assert order_of(hub, who)["status"] == "active"


def test_a_number_longer_than_any_is_no_version(hub: house.House) -> None:
    for number in ("9" * 5000, "9" * 18, "\u0663", "x"):
        assert hub.http("lakeside").get(f"/fhir/Patient/x/_history/{number}").status_code == 404


def test_an_entry_by_criteria_bears_no_other_records_id(hub: house.House, who: Person) -> None:
    stated(hub, who)
    url = f"ServiceRequest?identifier=urn:id:EHR|{who.order}"
    entry = {"request": {"method": "PUT", "url": url}, "resource": world.service_request(who) | {"id": "another"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    reply = hub.http("lakeside").post("/fhir", content=json.dumps(bundle), headers=JSON)
    assert (reply.status_code, code_of(reply)) == (400, "id-unreadable")


def test_an_operation_definition_says_what_its_question_asks() -> None:
    assert set(OPERATIONS) == set(QUESTIONS)
    assert all(one["affectsState"] is False for one in OPERATIONS.values())
