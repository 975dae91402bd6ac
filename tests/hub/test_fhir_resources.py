"""Every resource type of the journey over the FHIR endpoint: recorded, linked to its order, read back, and not lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from canonical_model import BASE
from hub.own_issues import SYSTEM as ISSUE_SYSTEM
from tests.hub import house, world
from tests.hub.test_fhir import order_of, post, put
from tests.hub.world import Person

SAMPLES = Path(__file__).parent.parent / "samples" / "fhir_r4"
EVENTS = {
    "administration": ("lakeside", "infusion.stopped"),
    "appointment": ("lakeside", "slot.booked"),
    "batch": ("foundry", "batch.failed"),
    "collection": ("lakeside", "collection.completed"),
    "conditioning": ("lakeside", "conditioning.stopped"),
    "document": ("lakeside", "document.recorded"),
    "infusion": ("lakeside", "infusion.completed"),
    "obligation": ("foundry", "obligation.recorded"),
    "product": ("lakeside", "container.created"),
    "shipment": ("lakeside", "shipment.accepted"),
    "specimen": ("lakeside", "material.received"),
}
"""Sample -> who states it, and the fact that it states."""
ALONE = {
    "administration": {"context"},
    "appointment": {"created", "description"},
    "collection": {"location", "note", "performer"},
    "conditioning": {"encounter"},
    "document": {"category", "relatesTo", "securityLabel"},
    "obligation": {"description"},
    "product": {"processing"},
    "shipment": {"lastModified", "priority"},
    "specimen": {"parent"},
}
"""Sample -> elements that are not shown again: nothing of the therapy's, or a reference to what this server has not
(`Location/room-3`), or a text that a maker may not see."""


def sample(name: str, who: Person) -> dict[str, Any]:
    """A sample about this person's order and under numbers of its own."""
    text = (SAMPLES / f"{name}.json").read_text(encoding="utf-8")
    text = text.replace("PLC-77", who.order).replace("urn:oid:1.2.3.6", "urn:id:EHR")
    text = text.replace("CHA999926000077", who.coi).replace("A999926000077", f"A9999260{who.mrn[-5:]}")
    tree: dict[str, Any] = json.loads(text)
    for identifier in tree["identifier"]:
        if not identifier["value"].startswith(("CH", "A9")):
            identifier["value"] += f"/{who.order}"
    return {name: value for name, value in tree.items() if name not in {"subject", "patient"}} | _whom(tree, who)


def _whom(tree: dict[str, Any], who: Person) -> dict[str, Any]:
    """The patient by number: this server does not have `Patient/p-77`."""
    named = {"type": "Patient", "identifier": {"system": world.MRN_SYSTEM, "value": who.mrn}}
    return {name: named for name in ("subject", "patient") if name in tree}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_what_a_resource_states_is_recorded_and_shown_again(hub: house.House, who: Person, name: str) -> None:
    partner, fact = EVENTS[name]
    hub.send(world.order(who, f"RES-{name}"))
    tree = sample(name, who)
    reply = post(hub, tree, partner)
    assert reply.status_code == 201, reply.text
    assert fact in {event["type"] for event in hub.journey(who)["timeline"]}
    shown = hub.http(partner).get(reply.headers["location"]).json()
    if name == "infusion":  # one kind of record is one type of resource, however it came
        assert shown["resourceType"] == "MedicationAdministration"
        assert shown["medicationCodeableConcept"] == tree["code"]
        assert shown["effectiveDateTime"] == tree["performedDateTime"]
    else:
        assert tree.keys() - shown.keys() - {"meta"} == ALONE.get(name, set())


def test_a_drug_that_names_no_bag_is_no_infusion(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "RES-DRUG"))
    tree = sample("administration", who)
    tree["supportingInformation"] = tree["supportingInformation"][:1]
    before = hub.facts()
    reply = post(hub, tree)
    assert (reply.status_code, hub.facts()) == (200, before)
    assert "asserts-nothing" in reply.text


def test_a_reference_that_leads_nowhere_takes_no_other_with_it(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "RES-REF"))
    tree = sample("administration", who)
    assert {"reference": "Observation/o-1"} in tree["supportingInformation"]
    reply = post(hub, tree)
    assert (reply.status_code, "reference-unknown" in reply.text) == (201, True)


def test_a_finding_of_another_system_is_recorded(hub: house.House, who: Person) -> None:
    hub.send(world.order(who, "RES-ISSUE"))
    reply = post(hub, sample("issue", who))
    assert reply.status_code == 201, reply.text
    shown = hub.http("lakeside").get(reply.headers["location"])
    assert (shown.status_code, shown.json()["resourceType"]) == (200, "DetectedIssue")
    assert "issue.assessed" in {event["type"] for event in hub.journey(who)["timeline"]}


# ---- what the hub itself found --------------------------------------------------------------------------------


def changed(hub: house.House, shown: dict[str, Any]) -> httpx.Response:
    """A resource sent back with what was changed in it, against the version that was shown."""
    return put(hub, shown, f'W/"{shown["meta"]["versionId"]}"')


@pytest.fixture
def doubted(hub: house.House, who: Person) -> tuple[Person, str]:
    """A patient of whom one file said two things, and the reference to the patient's resource."""
    hub.send(world.order(who, f"{who.order}-1"))
    hub.send(world.apheresis(who, f"{who.order}-2"))
    for value in ("92.00", "61.00"):
        hub.dropped(f"qc-{who.order}.csv", world.qc(who, value=value))
    hub.quiet()
    return who, order_of(hub, who)["subject"]["reference"]


def test_issues_of_the_hub_are_found_by_patient_and_read(hub: house.House, doubted: tuple[Person, str]) -> None:
    who, patient = doubted
    known = {issue["id"]: issue for issue in hub.journey(who)["issues"]}
    lakeside = hub.http("lakeside")
    found = lakeside.get("/fhir/DetectedIssue", params={"patient": patient}).json()
    assert {entry["resource"]["id"] for entry in found["entry"]} == known.keys()
    for entry in found["entry"]:
        issue = entry["resource"]
        rule = {coding["code"] for coding in issue["code"]["coding"]}
        assert known[issue["id"]]["rule"] in rule
        assert (issue["detail"], issue["patient"]) == (known[issue["id"]]["text"], {"reference": patient})
        assert lakeside.get(f"/fhir/DetectedIssue/{issue['id']}").json() == issue
        assert lakeside.get(f"/fhir/DetectedIssue/{issue['id']}/_history/9").status_code == 404
    one = next(iter(known))
    for asked in (one, f"{ISSUE_SYSTEM}|{one}"):
        by_name = lakeside.get("/fhir/DetectedIssue", params={"identifier": asked, "patient": patient}).json()
        assert [entry["resource"]["id"] for entry in by_name["entry"]] == [one]


def test_issues_of_the_hub_are_nobodys_who_has_no_part(hub: house.House, doubted: tuple[Person, str]) -> None:
    who, patient = doubted
    other = hub.http("northern")
    assert other.get("/fhir/DetectedIssue", params={"patient": patient}).json()["total"] == 0
    for issue in hub.journey(who)["issues"]:
        assert other.get(f"/fhir/DetectedIssue/{issue['id']}").status_code == 404
        assert other.get("/fhir/DetectedIssue", params={"identifier": issue["id"]}).json()["total"] == 0


def test_an_issue_that_rests_on_what_is_not_seen_is_not_seen(open_house: Any) -> None:
    """An apheresis centre sees Issues and no decisions of quality: what quality decided was told by its Issue."""
    centre = {
        "partner": "centre",
        "name": "Centre",
        "role": "apheresis-centre",
        "party": world.party("heron"),
        "system": "https://centre.example/id",
        "http": {"token_sha256": world.hashed("token-of-centre"), "formats": ["fhir_r4"]},
        "products": ["AXI-CEL"],
    }
    hub, who = open_house(lambda partners: partners.update(centre=centre)), world.person(7700)
    hub.send(world.order(who, "SEEN-1"))
    hub.send(world.apheresis(who, "SEEN-2"))
    decided = (
        "Decision No,CoI,Batch,Decision,Decision Date,Signed By,Role\n"
        f"Q1,{who.coi},B-2,released,2026-03-11 12:00,S. Keller,qa\n"
    )
    assert hub.dropped("decisions-7700.csv", decided.encode())["outcome"] == "recorded"
    issues = {issue["id"]: issue["rule"] for issue in hub.journey(who)["issues"]}
    assert "I-6" in issues.values()
    client = httpx.Client(base_url=hub.base, headers={"authorization": "Bearer token-of-centre"}, timeout=20)
    report = client.get(f"/api/orders/{who.order}/report").json()
    read = {one for one in issues if client.get(f"/fhir/DetectedIssue/{one}").status_code == 200}
    assert read == {issue["id"] for issue in report["issues"]} != set()
    assert "I-6" not in {issues[one] for one in read}
    assert {issues[one] for one in issues if hub.http("lakeside").get(f"/fhir/DetectedIssue/{one}").is_success} >= {
        "I-6"
    }, "who sees decisions sees their Issue"


def test_what_a_partner_says_of_an_issue_of_the_hub_lies_over_it(hub: house.House, doubted: tuple[Person, str]) -> None:
    who, patient = doubted
    issue = next(issue for issue in hub.journey(who)["issues"] if issue["rule"] == "I-14")
    lakeside = hub.http("lakeside")
    shown = lakeside.get(f"/fhir/DetectedIssue/{issue['id']}").json()
    shown["extension"] = [{"url": f"{BASE}/StructureDefinition/issue-status", "valueCode": "assessed"}]
    shown["mitigation"] = [{"action": {"text": "the second value is the right one"}}]
    reply = changed(hub, shown)
    assert (reply.status_code, reply.json()["id"]) == (200, issue["id"]), reply.text
    assert "issue.assessed" in {event["type"] for event in hub.journey(who)["timeline"]}
    again = lakeside.get(f"/fhir/DetectedIssue/{issue['id']}")
    assert again.json()["extension"] == shown["extension"]
    assert again.json()["detail"] == shown["detail"]
    assert again.json()["meta"]["versionId"] != shown["meta"]["versionId"]
    found = lakeside.get("/fhir/DetectedIssue", params={"patient": patient}).json()
    assert [entry["resource"]["id"] for entry in found["entry"]].count(issue["id"]) == 1
    assert len(found["entry"]) == len(hub.journey(who)["issues"])


def test_an_issue_of_the_hub_is_resolved_by_an_update(hub: house.House, doubted: tuple[Person, str]) -> None:
    who, _ = doubted
    issue = next(issue for issue in hub.journey(who)["issues"] if issue["rule"] == "I-46")
    lakeside = hub.http("lakeside")
    shown = lakeside.get(f"/fhir/DetectedIssue/{issue['id']}").json()
    shown["extension"] = [{"url": f"{BASE}/StructureDefinition/issue-status", "valueCode": "resolved"}]
    reply = changed(hub, shown)
    assert reply.status_code == 200, reply.text
    assert next(one["closed"] for one in hub.journey(who)["issues"] if one["id"] == issue["id"])
    assert lakeside.get(f"/fhir/DetectedIssue/{issue['id']}").json()["extension"] == shown["extension"]
    assert changed(hub, shown).status_code == 412, "the version that it changes is no longer the last"
