"""What EPCIS events assert, and what the hub's facts become in EPCIS: both tables of mappings/epcis/document.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters import epcis
from adapters.epcis import JSON, XML
from canonical_model.catalogue import EVENTS
from canonical_model.records import RECORDS
from mappings import events, send
from tests.adapters.epcis_samples import BAG, SSCC, adapter, gs1_schema, lone

BAG2 = "https://mercy.example/bag/BAG-2"
DOCK = {"id": "https://id.gs1.org/414/9521141111116"}
GIVER = [{"type": "possessing_party", "source": "https://id.gs1.org/417/9521141111116"}]
TAKER = [{"type": "possessing_party", "destination": "https://id.gs1.org/417/9521141222225"}]


def facts(**fields: Any) -> list[dict[str, Any]]:
    action = {} if fields.get("type") == "TransformationEvent" else {"action": "OBSERVE"}
    read = adapter().read(lone(**{**action, **fields}))
    assert [str(fault) for fault in read.faults if fault.severity == "error"] == []
    found = events.assertions(read.map, read.frames, "partner/message")
    for fact in found:
        assert EVENTS[fact["type"]].about == fact["about"]["kind"]
        RECORDS[fact["about"]["kind"]].model_validate(fact["set"])
    return found


def brief(found: list[dict[str, Any]]) -> list[str]:
    return [f"{fact['type']} {fact['about']['identifiers'][0]['value']}" for fact in found]


S = "195211412345678900"


@pytest.mark.parametrize(
    ("fields", "asserted"),
    [
        ({"bizStep": "departing", "epcList": [SSCC]}, [f"shipment.departed {S}"]),
        ({"bizStep": "shipping", "epcList": [SSCC]}, [f"shipment.departed {S}"]),
        ({"bizStep": "consigning", "epcList": [SSCC]}, [f"shipment.departed {S}"]),
        ({"bizStep": "transporting", "epcList": [SSCC]}, [f"shipment.located {S}"]),
        ({"bizStep": "arriving", "epcList": [SSCC]}, [f"shipment.arrived {S}"]),
        ({"bizStep": "receiving", "epcList": [SSCC]}, [f"shipment.arrived {S}", f"shipment.accepted {S}"]),
        ({"bizStep": "accepting", "epcList": [SSCC]}, [f"shipment.accepted {S}"]),
        ({"bizStep": "loading", "epcList": [SSCC]}, [f"shipment.packed {S}"]),
        ({"bizStep": "picking", "epcList": [SSCC]}, []),
        ({"bizStep": "https://mercy.example/step/x", "epcList": [SSCC]}, [f"shipment.located {S}"]),
        ({"epcList": [BAG]}, ["container.observed BAG-1"]),
        ({"bizStep": "departing", "epcList": [BAG]}, ["container.observed BAG-1"]),
        ({"bizStep": "storing", "epcList": [BAG, BAG2]}, ["container.stored BAG-1", "container.stored BAG-2"]),
        ({"bizStep": "inspecting", "epcList": [BAG]}, ["container.observed BAG-1"]),
        ({"bizStep": "destroying", "action": "DELETE", "epcList": [BAG]}, ["container.destroyed BAG-1"]),
        ({"bizStep": "dispensing", "action": "DELETE", "epcList": [BAG]}, ["container.observed BAG-1"]),
        ({"bizStep": "commissioning", "action": "ADD", "epcList": [BAG]}, ["container.created BAG-1"]),
        ({"bizStep": "commissioning", "epcList": [BAG]}, ["container.observed BAG-1"]),
        (
            {"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "parentID": SSCC, "childEPCs": [BAG]},
            [f"shipment.packed {S}"],
        ),
        (
            {"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "parentID": BAG2, "childEPCs": [BAG]},
            ["shipment.packed BAG-2"],
        ),
        (
            {"type": "AggregationEvent", "action": "DELETE", "bizStep": "unpacking", "parentID": SSCC},
            [f"shipment.unpacked {S}"],
        ),
        (
            {"type": "AggregationEvent", "bizStep": "receiving", "parentID": SSCC, "childEPCs": [BAG]},
            [f"shipment.arrived {S}", f"shipment.accepted {S}"],
        ),
        (
            {
                "type": "AssociationEvent",
                "action": "ADD",
                "bizStep": "installing",
                "parentID": SSCC,
                "childEPCs": [BAG],
            },
            ["container.observed BAG-1", f"shipment.planned {S}"],
        ),
        (
            {"type": "TransformationEvent", "transformationID": BAG2, "inputEPCList": [BAG], "outputEPCList": [BAG2]},
            ["batch.completed BAG-2", "container.created BAG-2"],
        ),
        ({"type": "TransformationEvent", "transformationID": BAG2, "inputEPCList": [BAG]}, ["batch.started BAG-2"]),
        (
            {"type": "TransformationEvent", "inputEPCList": [BAG], "outputEPCList": [BAG2]},
            ["container.created BAG-2"],
        ),
    ],
)
def test_a_step_asserts_what_it_says_and_no_more(fields: dict[str, Any], asserted: list[str]) -> None:
    assert brief(facts(**fields)) == asserted


def test_a_handover_of_a_shipment_names_giver_and_taker() -> None:
    for step in ("departing", "accepting"):
        found = facts(bizStep=step, epcList=[SSCC], sourceList=GIVER, destinationList=TAKER)
        assert [i["value"] for i in found[0]["set"]["giver"]["identifiers"]] == ["9521141111116"]
        assert [i["value"] for i in found[0]["set"]["taker"]["identifiers"]] == ["9521141222225"]


@pytest.mark.parametrize("sides", [{"sourceList": GIVER}, {"destinationList": TAKER}])
def test_bags_without_a_shipment_change_hands_one_by_one(sides: dict[str, Any]) -> None:
    found = facts(bizStep="departing", epcList=[BAG, BAG2], **sides)
    assert brief(found)[2:] == ["custody.transferred BAG-1", "custody.transferred BAG-2"]
    assert {"giver", "taker"} & found[2]["set"].keys() == ({"giver"} if "sourceList" in sides else {"taker"})


def test_an_owner_is_no_holder() -> None:
    owner = [{"type": "owning_party", "source": "https://id.gs1.org/417/9521141111116"}]
    assert brief(facts(bizStep="departing", epcList=[BAG], sourceList=owner)) == ["container.observed BAG-1"]


def test_contents_travel_with_their_shipment() -> None:
    found = facts(type="AggregationEvent", bizStep="departing", parentID=SSCC, childEPCs=[BAG, BAG2])
    assert [ref["identifiers"][0]["value"] for ref in found[0]["set"]["contents"]] == ["BAG-1", "BAG-2"]
    unpacked = facts(type="AggregationEvent", action="DELETE", bizStep="unpacking", parentID=SSCC, childEPCs=[BAG])
    assert [ref["identifiers"][0]["value"] for ref in unpacked[0]["set"]["removed"]] == ["BAG-1"]


def test_a_place_is_where_it_left_and_where_it_stays() -> None:
    there = {"id": "https://id.gs1.org/414/9521141222225"}
    left = facts(bizStep="departing", epcList=[SSCC], readPoint=DOCK, bizLocation=there)
    came = facts(bizStep="arriving", epcList=[SSCC], readPoint=DOCK, bizLocation=there)
    assert left[0]["set"]["place"]["identifier"]["value"] == "9521141111116"
    assert came[0]["set"]["place"]["identifier"]["value"] == "9521141222225"


def test_the_coi_names_the_order_of_every_thing_handled() -> None:
    found = facts(bizStep="departing", epcList=[SSCC, BAG], **{"cgt:coi": "https://cgt-hub.example/id/coi/C1"})
    assert [fact["set"]["order"]["identifiers"][0]["value"] for fact in found] == ["C1", "C1"]


def test_a_commissioned_bag_has_its_label() -> None:
    data = {"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2026-09-01", "cgt:din": "W000026123456"}
    found = facts(bizStep="commissioning", action="ADD", epcList=[BAG], ilmd=data, destinationList=TAKER)
    assert found[0]["set"]["label"] == {"lot": "L1", "expiry": "2026-09-01", "din": "W000026123456"}
    assert found[0]["set"]["holder"]["identifiers"][0]["value"] == "9521141222225"


def disposed(code: str) -> dict[str, Any]:
    return {"codings": [{"system": "https://ref.gs1.org/cbv/Disp", "code": code}]}


@pytest.mark.parametrize(
    ("disposition", "inspection", "issues"),
    [
        ("conformant", {"result": "accepted"}, []),
        ("non_conformant", {"result": "rejected", "conditions": [disposed("non_conformant")]}, ["declared-unfit"]),
        ("damaged", {"conditions": [disposed("damaged")]}, ["declared-unfit"]),
        (
            "mismatch_instance",
            {"result": "rejected", "conditions": [disposed("mismatch_instance")]},
            ["identity-mismatch"],
        ),
    ],
)
def test_an_inspection_says_what_it_found_and_is_no_release(
    disposition: str, inspection: dict[str, Any], issues: list[str]
) -> None:
    found = facts(bizStep="inspecting", disposition=disposition, epcList=[BAG, SSCC])
    assert brief(found)[:2] == ["container.observed BAG-1", f"shipment.located {S}"]
    assert [fact["set"]["inspection"] for fact in found[:2]] == [inspection, inspection]
    assert [fact["set"]["kind"] for fact in found[2:]] == issues


def test_a_shipment_received_damaged_is_received_and_says_so() -> None:
    found = facts(bizStep="receiving", disposition="damaged", epcList=[SSCC], destinationList=TAKER)
    assert [fact["type"] for fact in found] == ["shipment.arrived", "shipment.accepted", "issue.raised"]
    assert [fact["set"]["inspection"] for fact in found[:2]] == [{"conditions": [disposed("damaged")]}] * 2


AGAINST = [
    ({"disposition": "mismatch_instance"}, "mismatch_instance", "identity-mismatch", "critical"),
    ({"disposition": "https://ref.gs1.org/cbv/Disp-mismatch_class"}, "mismatch_class", "identity-mismatch", "critical"),
    ({"disposition": "mismatch_quantity"}, "mismatch_quantity", "traceability", "major"),
    ({"disposition": "no_pedigree_match"}, "no_pedigree_match", "identity-mismatch", "critical"),
    ({"disposition": "recalled"}, "recalled", "recall", "critical"),
    ({"persistentDisposition": {"set": ["recalled"]}}, "recalled", "recall", "critical"),
    ({"disposition": "expired"}, "expired", "window", "major"),
    ({"disposition": "stolen"}, "stolen", "custody-gap", "major"),
    ({"disposition": "non_conformant"}, "non_conformant", "declared-unfit", "major"),
    ({"disposition": "non_sellable_other"}, "non_sellable_other", "declared-unfit", "major"),
    ({"disposition": "destroyed"}, "destroyed", "duplicate", "major"),
]


@pytest.mark.parametrize("step", ["receiving", "accepting"])
@pytest.mark.parametrize(("said", "code", "kind", "severity"), AGAINST)
def test_what_comes_wrong_recalled_or_unfit_arrives_and_is_not_accepted(
    said: dict[str, Any], code: str, kind: str, severity: str, step: str
) -> None:
    found = facts(bizStep=step, epcList=[SSCC, BAG], eventID="urn:uuid:1", destinationList=TAKER, **said)
    assert [fact["type"] for fact in found] == [
        *("shipment.arrived", "container.observed", "custody.transferred", "issue.raised")
    ]
    seen, issue = [fact["set"]["inspection"] for fact in found[:2]], found[3]
    assert seen == [{"result": "rejected", "conditions": [disposed(code)]}] * 2
    assert (issue["set"]["kind"], issue["set"]["severity"], issue["set"]["cause"]) == (kind, severity, code)
    assert issue["set"]["finding"] == disposed(code)
    assert [ref["kind"] for ref in issue["set"]["about"]] == ["shipment", "container"]
    assert issue["about"]["identifiers"][0]["value"] == f"1/{code}"


def test_the_contents_of_a_shipment_received_wrong_are_seen_so() -> None:
    found = facts(
        type="AggregationEvent", bizStep="accepting", parentID=SSCC, childEPCs=[BAG], disposition="mismatch_instance"
    )
    assert brief(found)[:2] == [f"shipment.arrived {S}", "container.observed BAG-1"]
    assert found[1]["set"]["inspection"]["result"] == "rejected"


@pytest.mark.parametrize(("said", "kind"), [(row[0], row[2]) for row in AGAINST[:-1]])
@pytest.mark.parametrize("step", ["departing", "storing", "transporting", "packing", "dispensing", None])
def test_whatever_the_step_a_person_looks_at_what_is_said_against_a_thing(
    said: dict[str, Any], kind: str, step: str | None
) -> None:
    plain = {"epcList": [SSCC, BAG], **({"bizStep": step} if step else {})}
    found = facts(**plain, **said)
    assert found[:-1] == facts(**plain)
    assert (found[-1]["type"], found[-1]["set"]["kind"]) == ("issue.raised", kind)


def test_a_private_disposition_at_a_receipt_is_no_acceptance() -> None:
    found = facts(bizStep="accepting", disposition="https://mercy.example/disp/quarantined", epcList=[SSCC])
    assert [fact["type"] for fact in found] == ["shipment.arrived", "issue.raised"]
    assert found[0]["set"]["inspection"]["result"] == "conditional"
    assert found[1]["set"]["kind"] == "mapping"


@pytest.mark.parametrize(
    "said",
    [{"disposition": "in_progress"}, {"disposition": "available"}, {"persistentDisposition": {"unset": ["recalled"]}}],
)
def test_what_speaks_not_against_a_thing_is_accepted(said: dict[str, Any]) -> None:
    assert brief(facts(bizStep="accepting", epcList=[SSCC], **said)) == [f"shipment.accepted {S}"]


def test_what_is_destroyed_because_it_expired_raises_no_issue() -> None:
    found = facts(bizStep="destroying", action="DELETE", disposition="expired", epcList=[BAG])
    assert brief(found) == ["container.destroyed BAG-1"]


def test_what_was_declared_wrong_asserts_nothing_and_calls_a_person() -> None:
    wrong = {"declarationTime": "2026-03-09T08:00:00Z", "reason": "did_not_occur"}
    report = [{"sensorReport": [{"type": "Temperature", "value": 1, "uom": "CEL"}]}]
    found = facts(
        bizStep="departing", epcList=[SSCC, BAG], eventID="urn:uuid:1", errorDeclaration=wrong, sensorElementList=report
    )
    assert brief(found) == ["issue.raised 1"]
    assert found[0]["occurred"]["at"] == "2026-03-09T08:00:00Z"
    assert found[0]["set"]["cause"] == "did_not_occur"
    assert [ref["kind"] for ref in found[0]["set"]["about"]] == ["shipment", "container"]


def test_a_departure_taken_back_calls_a_person() -> None:
    found = facts(bizStep="void_shipping", epcList=[SSCC])
    assert [fact["type"] for fact in found] == ["issue.raised"]
    assert found[0]["set"]["kind"] == "departure-voided"


def test_readings_of_bags_reach_every_bag() -> None:
    report = [{"sensorReport": [{"type": "Temperature", "value": 4, "uom": "CEL", "time": "2026-03-08T06:00:00Z"}]}]
    found = [f for f in facts(epcList=[BAG, BAG2], sensorElementList=report) if f["type"] == "readings.recorded"]
    assert [f["set"]["container"]["identifiers"][0]["value"] for f in found] == ["BAG-1", "BAG-2"]
    assert len({f["about"]["identifiers"][0]["value"] for f in found}) == 2


def test_readings_of_a_place_are_of_that_place() -> None:
    report = [{"sensorReport": [{"type": "Temperature", "value": 4, "uom": "FAH"}]}]
    found = facts(epcList=[], readPoint=DOCK, sensorElementList=report)
    assert found[0]["set"]["location"]["identifier"]["value"] == "9521141111116"
    assert found[0]["set"]["unit"] == "[degF]"
    assert found[0]["set"]["points"] == [{"seconds": "0", "value": "4"}]


def test_a_quantity_that_the_model_does_not_know_makes_no_readings() -> None:
    report = [{"sensorReport": [{"type": "Speed", "value": 4, "uom": "KMH"}]}]
    assert brief(facts(bizStep="sensor_reporting", epcList=[SSCC], sensorElementList=report)) == []


# ---- the way out ----------------------------------------------------------------------------------------------

NAME = {"system": "https://id.gs1.org/00", "value": S}
BAG_NAME = {"system": "https://mercy.example/bag", "value": "BAG-1"}
PLACE = {"identifier": {"system": "https://id.gs1.org/414", "value": "9521141111116"}}
WHEN = {"at": "2026-03-08T06:40:00Z", "local": "2026-03-08T06:40:00", "zone": "Z", "precision": "second"}


def ref(kind: str, *names: dict[str, str]) -> dict[str, Any]:
    return {"kind": kind, "identifiers": list(names)}


PARTIES = {
    "giver": ref("party", {"system": "https://id.gs1.org/414", "value": "9521141111116"}),
    "taker": ref("party", {"system": "https://mercy.example/party", "value": "M1"}),
}
READINGS = {
    "shipment": ref("shipment", NAME),
    "device": ref("device", {"system": "https://id.gs1.org/8004", "value": "9521141LOG7"}),
    "quantity": "temperature",
    "unit": "Cel",
    "start": WHEN,
    "end": {**WHEN, "at": "2026-03-08T06:50:00Z", "local": "2026-03-08T06:50:00"},
    "points": [{"seconds": "0", "value": "-150.5"}, {"seconds": "600", "value": "-151"}],
}
TOLD = [
    ("shipment.packed", NAME, {"contents": [ref("container", BAG_NAME)], "place": PLACE}),
    ("shipment.unpacked", NAME, {"removed": [ref("container", BAG_NAME)], "place": PLACE}),
    ("shipment.departed", NAME, {"place": PLACE, **PARTIES}),
    ("shipment.located", NAME, {"place": PLACE}),
    ("shipment.arrived", NAME, {"place": PLACE}),
    ("shipment.accepted", NAME, {"place": PLACE, **PARTIES}),
    ("container.created", BAG_NAME, {"label": {"lot": "L1", "expiry": "2026-09-01"}, "location": PLACE}),
    ("container.stored", BAG_NAME, {"location": PLACE}),
    ("container.observed", BAG_NAME, {"location": PLACE}),
    ("container.destroyed", BAG_NAME, {}),
    ("custody.transferred", BAG_NAME, {"location": PLACE, **PARTIES}),
    (
        "batch.completed",
        {"system": "https://cdmo.example/batch", "value": "B1"},
        {"inputs": [ref("container", BAG_NAME)], "outputs": [ref("container", {**BAG_NAME, "value": "BAG-9"})]},
    ),
    ("readings.recorded", {"system": "urn:x", "value": "r"}, READINGS),
]


def told(type_: str, name: dict[str, str], values: dict[str, Any], written_as: str) -> bytes:
    sources = {
        "event": {**values, "occurred": WHEN, "type": type_},
        "about": {"identifiers": [name]},
        "order": {"identifiers": [{"system": "https://cgt-hub.example/id/coi", "value": "C1", "type": "coi"}]},
        "message": {"id": "CGT0000000001", "at": WHEN},
    }
    frames = send.frames(adapter().library.maps["epcis/document"], type_, sources)
    body, faults = adapter().write(written_as, frames)
    lost = [] if written_as == JSON else ["instanceIdentifier"]
    assert [fault.place for fault in faults if fault.severity in {"lost", "error"}] == lost
    return body


@pytest.mark.parametrize("written_as", [JSON, XML])
@pytest.mark.parametrize(("type_", "name", "values"), TOLD)
def test_a_fact_that_is_told_is_heard_as_the_same_fact(
    type_: str, name: dict[str, str], values: dict[str, Any], written_as: str
) -> None:
    read = adapter().read(told(type_, name, values, written_as))
    assert [str(fault) for fault in read.faults if fault.severity == "error"] == []
    heard = next(f for f in events.assertions(read.map, read.frames, "p/m") if f["type"] == type_)
    assert heard["about"]["identifiers"] == [name] or type_ == "readings.recorded"
    assert heard["occurred"]["at"] == (values["end"]["at"] if type_ == "readings.recorded" else WHEN["at"])
    order = heard["set"].pop("order")
    assert [(i["system"], i["value"]) for i in order["identifiers"]] == [("https://cgt-hub.example/id/coi", "C1")]
    assert {k: v for k, v in heard["set"].items() if k != "end"} == {k: v for k, v in values.items() if k != "end"}


@pytest.mark.standards
@pytest.mark.parametrize(("type_", "name", "values"), TOLD)
def test_a_fact_that_is_told_is_valid_by_gs1s_schema(type_: str, name: dict[str, str], values: dict[str, Any]) -> None:
    assert list(gs1_schema().iter_errors(json.loads(told(type_, name, values, JSON)))) == []


@pytest.mark.parametrize(
    ("type_", "disposition"), [("infusion.completed", "dispensed"), ("infusion.stopped", "partially_dispensed")]
)
def test_an_infusion_is_told_as_a_dispensing_that_ends_the_bag(type_: str, disposition: str) -> None:
    sources: dict[str, dict[str, Any]] = {
        "event": {"occurred": WHEN},
        "about": {"containers": [ref("container", BAG_NAME)]},
        "message": {"id": "CGT0000000001", "at": WHEN},
    }
    frames = send.frames(adapter().library.maps["epcis/document"], type_, sources)
    written = json.loads(adapter().write(JSON, frames)[0])["epcisBody"]["eventList"][0]
    assert (written["action"], written["bizStep"], written["disposition"]) == ("DELETE", "dispensing", disposition)
    assert written["epcList"] == [BAG]


def test_a_partner_whose_shippers_carry_another_key_says_so_in_an_overlay(tmp_path: Path) -> None:
    (tmp_path / "shippers.yaml").write_text(
        """
map: epcis/document
like: epcis/document
on:
  handling:
    - when: {step: departing}
      events:
        - event: shipment.departed
          about_kind: shipment
          for_each: "containers[system=https://id.gs1.org/8003]"
          about: each
          set: {place: read_point}
    - {events: []}
"""
    )
    site = epcis.adapter(overlays=[tmp_path])
    shipper = "https://id.gs1.org/8003/00614141123452400"
    read = site.read(lone(action="OBSERVE", bizStep="departing", epcList=[shipper]))
    assert brief(events.assertions(read.map, read.frames, "p/m")) == ["shipment.departed 00614141123452400"]


def test_no_step_is_written_that_only_nearly_says_the_fact() -> None:
    """CBV's terms for other trades stand in the code table to be read; the hub writes none of them."""
    rows = adapter().library.maps["epcis/document"]["send"]
    written = {row.get("constants", {}).get("step") for frames in rows.values() for row in frames}
    assert not written & {"collecting", "reserving", "sampling", "shipping", "receiving", "consigning"}


def test_every_told_fact_and_every_heard_fact_is_in_the_catalogue() -> None:
    data = adapter().library.maps["epcis/document"]
    kinds = {name: row.about for name, row in EVENTS.items()}
    assert send.check("epcis/document", data, kinds) == []
    assert events.check("epcis/document", data, kinds) == []
