"""FHIR from outside: a partner reads its own view, what it writes is a difference, and every refusal says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.hub import house, world
from tests.hub.world import FHIR, MRN_SYSTEM, Person

Open = Callable[..., house.House]
JSON = {"content-type": FHIR}


def issues(reply: httpx.Response) -> list[dict[str, Any]]:
    """Issues of an OperationOutcome; each has a severity, a code of ours and a text."""
    told = reply.json()
    assert told["resourceType"] == "OperationOutcome"
    assert reply.headers["content-type"] == FHIR
    assert all(issue["details"]["text"] for issue in told["issue"])
    return list(told["issue"])


def code_of(reply: httpx.Response) -> str:
    """Our code of the first issue."""
    return str(issues(reply)[0]["details"]["coding"][0]["code"])


def patient_of(hub: house.House, who: Person, partner: str = "lakeside") -> dict[str, Any]:
    """The patient as a partner finds it by its number."""
    found = hub.http(partner).get("/fhir/Patient", params={"identifier": f"{MRN_SYSTEM}|{who.mrn}"}).json()
    assert found["total"] == 1
    return dict(found["entry"][0]["resource"])


def order_of(hub: house.House, who: Person, partner: str = "lakeside") -> dict[str, Any]:
    query = {"identifier": f"urn:id:EHR|{who.order}"}
    return dict(hub.http(partner).get("/fhir/ServiceRequest", params=query).json()["entry"][0]["resource"])


def post(hub: house.House, resource: Any, partner: str = "lakeside", **headers: str) -> httpx.Response:
    body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    type_ = json.loads(body)["resourceType"]
    return hub.http(partner).post(f"/fhir/{type_}", content=body, headers={**JSON, **headers})


def put(hub: house.House, resource: dict[str, Any], match: str = "", partner: str = "lakeside") -> httpx.Response:
    where = f"/fhir/{resource['resourceType']}/{resource['id']}"
    headers = JSON | ({"if-match": match} if match else {})
    return hub.http(partner).put(where, content=json.dumps(resource), headers=headers)


# ---- reading --------------------------------------------------------------------------------------------------


def test_what_came_by_hl7_is_read_as_fhir(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "READ-1"))
    found = patient_of(hub, who)
    reply = hub.http("lakeside").get(f"/fhir/Patient/{found['id']}")
    assert reply.status_code == 200
    assert reply.headers["etag"] == 'W/"1"'
    shown = reply.json()
    assert shown == found
    assert shown["name"] == [{"use": "official", "family": who.family, "given": [who.given]}]
    assert shown["birthDate"] == f"{who.born[:4]}-{who.born[4:6]}-{who.born[6:]}"


def test_a_reference_leads_to_a_resource_or_names_it(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "REF-1"))
    hub.send(world.apheresis(who, "REF-2"))
    client = hub.http("lakeside")
    found = client.get("/fhir/Observation", params={"patient": patient_of(hub, who)["id"]}).json()
    assert found["total"] >= 3
    told = json.dumps(found)
    references = {text.split('"')[0] for text in told.split('"reference": "')[1:]}
    assert references
    assert {client.get(f"/fhir/{reference}").status_code for reference in references} == {200}
    assert "Specimen/" in told


def test_a_decimal_keeps_its_digits(hub: house.House, who: Person) -> None:
    reply = post(hub, world.observation(who, "98.50"))
    assert reply.status_code == 201
    assert '"value":98.50' in hub.http("lakeside").get(reply.headers["location"]).text


def test_search_is_by_system_and_value(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "FIND-1"))
    client = hub.http("lakeside")

    def total(identifier: str) -> int:
        return int(client.get("/fhir/Patient", params={"identifier": identifier}).json()["total"])

    assert total(f"{MRN_SYSTEM}|{who.mrn}") == total(who.mrn) == 1
    assert total(f"urn:oid:9.9.9|{who.mrn}") == total(f"{MRN_SYSTEM}|nobody") == 0
    assert total(f"urn:oid:9.9.9|{who.mrn},{MRN_SYSTEM}|{who.mrn}") == 1


def test_people_are_found_by_name_and_birth_date_together_only(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "FIND-2"))
    born = f"{who.born[:4]}-{who.born[4:6]}-{who.born[6:]}"
    client = hub.http("lakeside")
    both = client.get("/fhir/Patient", params={"family": who.family.upper(), "birthdate": born})
    assert both.json()["total"] == 1
    for alone in ({"family": who.family}, {"birthdate": born}):
        reply = client.get("/fhir/Patient", params=alone)
        assert (reply.status_code, code_of(reply)) == (400, "not-supported")
    wrong = client.get("/fhir/Patient", params={"family": who.family, "birthdate": "1900-01-01"})
    assert wrong.json()["total"] == 0


def test_nobody_leafs_through_everything(hub: house.House) -> None:
    for query in ({}, {"_count": "10"}, {"name": "x"}, {"gender": "female"}):
        reply = hub.http("lakeside").get("/fhir/Patient", params=query)
        assert (reply.status_code, code_of(reply)) == (400, "not-supported")


def test_pages_hold_every_resource_once(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "PAGE-1"))
    hub.send(world.apheresis(who, "PAGE-2"))
    client = hub.http("lakeside")
    address = f"/fhir/Observation?patient={patient_of(hub, who)['id']}&_count=1"
    seen = []
    while address:
        page = client.get(address).json()
        seen += [entry["resource"]["id"] for entry in page.get("entry", ())]
        address = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert len(seen) == len(set(seen)) == page["total"] >= 2


@pytest.mark.parametrize("query", ["_count=x", "_count=-1", "_offset=1e3", "_count=9999999", "_count=٣"])
def test_a_page_number_that_is_none_is_refused(hub: house.House, query: str) -> None:
    reply = hub.http("lakeside").get(f"/fhir/Patient?identifier=x&{query}")
    assert (reply.status_code, code_of(reply)) == (400, "value")


# ---- who reads what -------------------------------------------------------------------------------------------


def test_what_a_partner_may_not_read_is_as_if_it_were_not(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "SEE-1"))
    found = patient_of(hub, who)
    other = hub.http("northern")
    hidden, absent = (other.get(f"/fhir/Patient/{i}") for i in (found["id"], "nobody"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text == absent.text
    assert other.get("/fhir/Patient", params={"identifier": f"{MRN_SYSTEM}|{who.mrn}"}).json()["total"] == 0
    assert other.get(f"/fhir/Patient/{found['id']}/_history/1").status_code == 404


def test_a_maker_reads_the_order_of_its_product_without_the_person(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "SEE-2"))
    order = order_of(hub, who, "foundry")
    assert any(identifier["value"] == who.coi for identifier in order["identifier"])
    assert "requester" not in order
    patient = hub.http("foundry").get(f"/fhir/{order['subject']['reference']}").text
    assert not [text for text in (who.mrn, who.family, who.given, who.born[:4]) if text in patient]


def test_a_partner_without_fhir_is_told_so_and_a_stranger_has_to_say_who_it_is(hub: house.House) -> None:
    courier = hub.http("heron").get("/fhir/Patient/1")
    assert (courier.status_code, code_of(courier)) == (403, "forbidden")
    stranger = hub.http().get("/fhir/Patient/1")
    assert (stranger.status_code, code_of(stranger)) == (401, "login")
    assert stranger.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("given", ["Bearer", "Basic dG9rZW4=", "Bearer wrong", "bearer " + "x" * 5000])
def test_a_wrong_token_is_no_token(hub: house.House, given: str) -> None:
    reply = hub.http().get("/fhir/Patient/1", headers={"authorization": given})
    assert (reply.status_code, code_of(reply)) == (401, "login")


def test_metadata_is_public_and_says_what_is_done(hub: house.House) -> None:
    reply = hub.http().get("/fhir/metadata")
    assert reply.status_code == 200
    told = reply.json()
    assert (told["resourceType"], told["fhirVersion"], told["kind"]) == ("CapabilityStatement", "4.0.1", "instance")


def test_an_operation_is_not_taken_for_a_resource(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "OPER-1"))
    order = order_of(hub, who)
    client = hub.http("lakeside")
    asked = client.get(f"/fhir/ServiceRequest/{order['id']}/$may-ship", params={"container": f"{world.BAGS}|{who.bag}"})
    assert asked.json()["resourceType"] == "Parameters"
    unknown = client.get(f"/fhir/ServiceRequest/{order['id']}/$may-fly")
    assert (unknown.status_code, code_of(unknown)) == (404, "not-supported")
    validated = client.post("/fhir/ServiceRequest/$validate", content=json.dumps(order), headers=JSON)
    assert (validated.status_code, issues(validated)[0]["severity"]) == (200, "information")


# ---- creating -------------------------------------------------------------------------------------------------


def test_a_created_resource_is_read_back_at_its_location(hub: house.House, who: Person) -> None:
    made = post(hub, world.patient(who))
    assert made.status_code == 201
    assert hub.http("lakeside").get(made.headers["location"]).json() == made.json()


def test_the_same_resource_again_is_the_same_resource(hub: house.House, who: Person) -> None:
    first = post(hub, world.service_request(who), "northern")
    facts = hub.facts()
    again = post(hub, world.service_request(who), "northern")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert hub.facts() == facts


def test_create_if_none_exist_makes_one_resource(hub: house.House, who: Person) -> None:
    condition = {"if-none-exist": f"identifier={MRN_SYSTEM}|{who.mrn}"}
    first = post(hub, world.patient(who), **condition)
    facts = hub.facts()
    changed = {**world.patient(who), "gender": "male"}
    second = post(hub, changed, **condition)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json(), "the condition was met: nothing of the second is taken"
    assert hub.facts() == facts


def test_create_if_none_exist_is_refused_where_several_fit(hub: house.House, who: Person) -> None:
    other = world.person(3000)
    for person in (who, other):
        post(hub, world.patient(person))
    either = f"identifier={MRN_SYSTEM}|{who.mrn},{MRN_SYSTEM}|{other.mrn}"
    reply = post(hub, world.patient(who), **{"if-none-exist": either})
    assert (reply.status_code, code_of(reply)) == (412, "conflict")


def test_a_condition_that_is_no_search_is_refused(hub: house.House, who: Person) -> None:
    for condition in ("nonsense", "gender=female", "family=X"):
        reply = post(hub, world.patient(who), **{"if-none-exist": condition})
        assert (reply.status_code, code_of(reply)) == (400, "not-supported")


def test_an_order_that_names_its_patient_by_number_keeps_the_number_out_of_the_log(
    hub: house.House, who: Person
) -> None:
    assert post(hub, world.service_request(who)).status_code == 201
    assert not [text for (text,) in hub.rows("SELECT event FROM log") if who.mrn in text]
    assert order_of(hub, who)["subject"]["identifier"] == {"system": MRN_SYSTEM, "value": who.mrn}
    assert post(hub, world.patient(who)).status_code == 201
    assert order_of(hub, who)["subject"] == {"reference": f"Patient/{patient_of(hub, who)['id']}"}


def test_two_partners_number_one_patient_without_meeting(hub: house.House, who: Person) -> None:
    """Another system's patient of the same number is another patient."""
    mine = post(hub, world.patient(who)).json()
    other = deepcopy(world.patient(who))
    other["identifier"][0]["system"] = "urn:oid:2.16.840.1.113883.3.8888"
    theirs = post(hub, other, "northern").json()
    assert mine["id"] != theirs["id"]


def test_an_observation_of_an_unknown_order_is_taken_and_said_to_wait(hub: house.House, who: Person) -> None:
    reply = post(hub, world.observation(who))
    assert reply.status_code == 201
    assert code_of(reply) == "unlinked"
    assert issues(reply)[0]["severity"] == "warning"


# ---- updating -------------------------------------------------------------------------------------------------


def test_an_update_changes_what_was_changed_and_nothing_else(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-1"))
    shown = patient_of(hub, who)
    reply = put(hub, {**shown, "gender": "male"}, 'W/"1"')
    assert reply.status_code == 200
    assert reply.headers["etag"] == 'W/"2"'
    after = reply.json()
    assert after["gender"] == "male"
    assert {**after, "meta": "", "gender": ""} == {**shown, "meta": "", "gender": ""}


def test_what_a_partner_never_saw_stays_when_it_updates(open_house: Open, who: Person) -> None:
    def of_sponsor(found: dict[str, dict[str, Any]]) -> None:
        found["foundry"]["role"] = "sponsor"

    hub = open_house(of_sponsor)
    hub.send(world.order(who, "UPD-2"))
    before = order_of(hub, who)
    assert "requester" in before
    shown = order_of(hub, who, "foundry")
    assert "requester" not in shown
    version = shown["meta"]["versionId"]
    assert put(hub, {**shown, "priority": "urgent"}, f'W/"{version}"', "foundry").status_code == 200
    after = order_of(hub, who)
    assert after["priority"] == "urgent"
    assert after["requester"] == before["requester"]


def test_a_change_by_who_has_no_say_is_kept_as_a_claim(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "CLAIM-1"))
    shown = order_of(hub, who, "foundry")
    version = shown["meta"]["versionId"]
    assert "priority" not in put(hub, {**shown, "priority": "urgent"}, f'W/"{version}"', "foundry").json()
    assert [issue["kind"] for issue in hub.journey(who)["issues"] if issue["rule"] == "I-35"] == ["authority"]


def test_an_update_without_a_change_is_no_fact(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-3"))
    shown, facts = patient_of(hub, who), hub.facts()
    reply = put(hub, shown, 'W/"1"')
    assert (reply.status_code, reply.headers["etag"]) == (200, 'W/"1"')
    assert hub.facts() == facts


def test_an_update_asks_for_the_version_that_it_changes(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-4"))
    changed = {**patient_of(hub, who), "gender": "male"}
    facts = hub.facts()
    without, stale = put(hub, changed), put(hub, changed, 'W/"7"')
    assert (without.status_code, code_of(without)) == (428, "if-match")
    assert (stale.status_code, code_of(stale)) == (412, "conflict")
    assert hub.facts() == facts


def test_of_two_who_change_one_version_the_second_reads_again(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-5"))
    shown = patient_of(hub, who)
    assert put(hub, {**shown, "gender": "male"}, 'W/"1"').status_code == 200
    assert put(hub, {**shown, "gender": "other"}, 'W/"1"').status_code == 412
    assert patient_of(hub, who)["gender"] == "male"


def test_what_no_table_carries_is_refused_with_its_place(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-6"))
    reply = put(hub, {**patient_of(hub, who), "photo": [{"title": "me"}], "gender": "male"}, 'W/"1"')
    assert (reply.status_code, code_of(reply)) == (422, "unwritable")
    assert issues(reply)[0]["expression"] == ["Patient.photo.title"]
    assert patient_of(hub, who)["gender"] == "female", "half an update was taken"


def test_a_resource_under_another_address_is_refused(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-7"))
    shown = patient_of(hub, who)
    reply = hub.http("lakeside").put(
        f"/fhir/Patient/{shown['id']}",
        content=json.dumps({**shown, "id": "another"}),
        headers={**JSON, "if-match": 'W/"1"'},
    )
    assert (reply.status_code, code_of(reply)) == (400, "id-unreadable")


def test_nobody_updates_what_it_may_not_read(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "UPD-8"))
    reply = put(hub, {**patient_of(hub, who), "gender": "male"}, 'W/"1"', "northern")
    assert (reply.status_code, code_of(reply)) == (404, "not-found")


def test_an_old_version_reads_as_it_was(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "VER-1"))
    shown = patient_of(hub, who)
    put(hub, {**shown, "gender": "male"}, 'W/"1"')
    client, where = hub.http("lakeside"), f"/fhir/Patient/{shown['id']}/_history"
    assert client.get(f"{where}/1").json()["gender"] == "female"
    assert client.get(f"{where}/2").json()["gender"] == "male"
    for version in ("0", "3", "99999999999999999999", "x"):
        assert client.get(f"{where}/{version}").status_code == 404


# ---- bad input ------------------------------------------------------------------------------------------------

DEEP = b'{"resourceType":"Patient","x":' + b"[" * 5000 + b"]" * 5000 + b"}"
WIDE = b'{"resourceType":"Patient","text":"' + b"x" * 1_100_000 + b'"}'


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json-syntax"),
        (b"{", 400, "json-syntax"),
        (b"\xff\xfe", 400, "json-encoding"),
        (b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', 400, "json-encoding"),
        (b'{"resourceType":"Patient","gender":"male","gender":"female"}', 400, "json-duplicate-key"),
        (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', 400, "json-number"),
        (b'{"resourceType":"Patient","multipleBirthInteger":-Infinity}', 400, "json-number"),
        (DEEP, 400, "json-too-deep"),
        (WIDE, 413, "too-large"),
        (b"[]", 422, "shape"),
        (b"null", 422, "shape"),
        (b'{"resourceType":"Observation"}', 422, "type-mismatch"),
        (b'{"resourceType":"Patient","gender":"purple"}', 422, "code-invalid"),
        (b'{"resourceType":"Patient","birthDate":"1971-02-31"}', 422, "value"),
        (b'{"resourceType":"Patient","nonsense":1}', 422, "unknown-element"),
        (b'{"resourceType":"Patient","name":[]}', 422, "empty"),
    ],
)
def test_bad_json_is_refused_with_its_reason_and_nothing_is_kept(
    hub: house.House, body: bytes, status: int, code: str
) -> None:
    rows = hub.count("inbox")
    reply = hub.http("lakeside").post("/fhir/Patient", content=body, headers=JSON)
    assert (reply.status_code, code_of(reply)) == (status, code)
    assert hub.count("inbox") == rows


def test_all_faults_are_told_at_once_each_with_its_expression(hub: house.House) -> None:
    body = b'{"resourceType":"Patient","gender":"purple","birthDate":"1971-02-31","active":"yes"}'
    reply = hub.http("lakeside").post("/fhir/Patient", content=body, headers=JSON)
    assert {issue["expression"][0] for issue in issues(reply)} == {
        "Patient.gender",
        "Patient.birthDate",
        "Patient.active",
    }
    assert not [text for text in ("purple", "1971", "yes") if text in reply.text], "a value is repeated"
    validated = hub.http("lakeside").post("/fhir/Patient/$validate", content=body, headers=JSON)
    assert (validated.status_code, validated.json()) == (200, reply.json())


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/fhir+xml", ""])
def test_only_json_is_taken(hub: house.House, kind: str) -> None:
    reply = hub.http("lakeside").post("/fhir/Patient", content=b"{}", headers={"content-type": kind})
    assert (reply.status_code, code_of(reply)) == (415, "media-type")


def test_a_charset_beside_the_media_type_is_borne(hub: house.House, who: Person) -> None:
    reply = post(hub, world.patient(who), **{"content-type": "application/fhir+json; charset=utf-8"})
    assert reply.status_code == 201


def test_a_compressed_body_is_refused(hub: house.House) -> None:
    reply = hub.http("lakeside").post(
        "/fhir/Patient", content=b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"}
    )
    assert (reply.status_code, code_of(reply)) == (415, "media-type")


def test_xml_is_not_written(hub: house.House) -> None:
    reply = hub.http("lakeside").get("/fhir/Patient?identifier=x&_format=xml")
    assert (reply.status_code, code_of(reply)) == (406, "not-supported")


def test_unserved_types_methods_and_addresses_are_told_apart(hub: house.House) -> None:
    client = hub.http("lakeside")
    unserved, method, address = (
        client.get("/fhir/Device/1"),
        client.delete("/fhir/Patient/1"),
        client.get("/fhir/a/b/c"),
    )
    assert (unserved.status_code, code_of(unserved)) == (404, "not-supported")
    assert (method.status_code, code_of(method)) == (405, "not-supported")
    assert (address.status_code, code_of(address)) == (404, "not-found")


def test_an_error_outside_fhir_is_a_problem_document(hub: house.House) -> None:
    for path, status, code in (("/api/journeys", 401, "login"), ("/nowhere", 404, "not-found")):
        reply = hub.http().get(path)
        told = reply.json()
        assert (reply.status_code, told["status"]) == (status, status)
        assert reply.headers["content-type"] == "application/problem+json"
        assert told["faults"][0]["code"] == code
        assert {"type", "title"} <= told.keys()


def test_every_answer_bears_the_headers_that_keep_it_private(hub: house.House) -> None:
    for reply in (hub.http().get("/health"), hub.http().get("/nowhere"), hub.http("lakeside").get("/fhir/Patient/1")):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
