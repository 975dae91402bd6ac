"""What a FHIR resource asserts (`on:`), and what HL7 v2 messages become as FHIR resources (`convert`)."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest

from adapters import fhir_r4, hl7v2, json_text
from adapters.fhir_r4 import Adapter
from adapters.fhir_r4.validate import validate
from canonical_model import frames as canonical
from canonical_model.catalogue import EVENTS
from mappings.events import assertions
from tests.adapters import fhir_r4_samples as samples
from tests.adapters.test_fhir_r4_laws import faults_of

Tree = dict[str, Any]


@cache
def adapter() -> Adapter:
    event_types = {name: row.about for name, row in EVENTS.items()}
    return fhir_r4.adapter(canonical.set_schemas(), event_types=event_types, server=samples.SERVER)


def asserted(tree: Tree | str) -> list[Tree]:
    body = tree.encode() if isinstance(tree, str) else json.dumps(tree).encode()
    read = adapter().read(body)
    return assertions(read.map, read.frames, "mercy/1")


def order(**elements: Any) -> Tree:
    tree: Tree = json.loads(samples.ORDER)
    tree.update(elements)
    return {name: value for name, value in tree.items() if value is not None}


def result(**elements: Any) -> Tree:
    tree: Tree = json.loads(samples.RESULT)
    tree.update(elements)
    return {name: value for name, value in tree.items() if value is not None}


@pytest.mark.parametrize(
    ("elements", "types"),
    [
        ({"status": "active"}, ["order.submitted"]),
        ({"status": "on-hold"}, ["order.held"]),
        ({"status": "revoked"}, ["order.cancelled"]),
        ({"status": "entered-in-error"}, ["order.cancelled"]),
        ({"status": "completed"}, ["order.completed"]),
        ({"status": "draft"}, ["order.stated"]),
        ({"status": "unknown"}, ["order.stated"]),
        ({"status": "active", "intent": "proposal"}, []),
        ({"status": "active", "intent": "plan"}, []),
        ({"status": "active", "intent": "filler-order"}, ["order.submitted"]),
        ({"status": "active", "doNotPerform": True}, []),
    ],
)
def test_what_a_service_request_asserts(elements: Tree, types: list[str]) -> None:
    assert [
        event["type"]
        for event in asserted(
            order(doNotPerform=False, **elements) if "doNotPerform" not in elements else order(**elements)
        )
    ] == types


@pytest.mark.parametrize(
    ("status", "types"),
    [
        ("final", ["result.reported"]),
        ("preliminary", ["result.reported"]),
        ("amended", ["result.corrected"]),
        ("corrected", ["result.corrected"]),
        ("entered-in-error", ["result.invalidated"]),
        ("cancelled", ["result.invalidated"]),
        ("registered", []),
    ],
)
def test_what_an_observation_asserts(status: str, types: list[str]) -> None:
    assert [event["type"] for event in asserted(result(status=status))] == types


def test_a_patient_is_an_update_and_a_death_is_told_with_its_time() -> None:
    tree = json.loads(samples.PATIENT)
    del tree["link"]
    assert [event["type"] for event in asserted(tree)] == ["subject.updated"]
    del tree["deceasedBoolean"]
    tree["deceasedDateTime"] = "2026-03-05T07:00:00Z"
    updated, died = asserted(tree)
    assert (updated["type"], died["type"]) == ("subject.updated", "subject.deceased")
    assert died["occurred"]["at"] == "2026-03-05T07:00:00Z"
    assert updated["occurred"]["at"] == "2026-03-01T08:00:00.250000Z"


@pytest.mark.parametrize("type_", ["replaces", "replaced-by"])
def test_a_link_to_another_record_of_the_person_is_a_merge(type_: str) -> None:
    tree = json.loads(samples.PATIENT)
    tree["link"][0]["type"] = type_
    updated, merged = asserted(tree)
    assert (updated["type"], merged["type"]) == ("subject.updated", "subject.merged")
    assert merged["about"] == {"kind": "subject", "frame": "subject"}
    assert merged["set"] == {
        type_.replace("-", "_"): {
            "kind": "subject",
            "identifiers": [{"system": f"{samples.SERVER}/Patient", "value": "p-12", "type": "resource"}],
        }
    }


def test_no_name_or_birth_date_is_in_an_assertion() -> None:
    text = json.dumps(asserted(samples.PATIENT))
    for personal in ("Zed", "PAT-77", "1980-02", "Quux", "555", "Main St"):
        assert personal not in text


def test_an_order_is_named_by_its_own_numbers_and_never_by_its_group() -> None:
    (held,) = asserted(samples.ORDER)
    types = [identifier["type"] for identifier in held["about"]["identifiers"]]
    assert types == ["placer", "resource", "filler", "coi"]


def test_a_hold_happened_when_the_resource_changed_not_when_it_was_ordered() -> None:
    (held,) = asserted(order(meta={"lastUpdated": "2026-04-01T00:00:00Z"}))
    assert held["occurred"]["at"] == "2026-04-01T00:00:00Z"
    (held,) = asserted(order())
    assert held["occurred"] is None
    (submitted,) = asserted(order(status="active"))
    assert submitted["occurred"]["local"] == "2026-03-01T10:15:00"


def test_a_correction_happened_when_it_was_issued() -> None:
    (corrected,) = asserted(samples.RESULT)
    assert corrected["occurred"]["local"] == "2026-03-08T06:30:00.000"
    (reported,) = asserted(result(status="final"))
    assert reported["occurred"]["local"] == "2026-03-07T11:00:00"


def test_references_inside_a_bundle_are_named_in_its_events() -> None:
    events = asserted(samples.BUNDLE)
    assert [event["type"] for event in events] == [
        "subject.updated",
        "order.submitted",
        "result.reported",
        "subject.updated",
    ]
    submitted, reported = events[1], events[2]
    assert submitted["set"]["patient"] == {"kind": "subject", "frame": "subject"}
    assert reported["set"]["order"] == {"kind": "order", "identifiers": submitted["about"]["identifiers"]}
    assert reported["about"]["identifiers"] == [{"system": "urn:cgt:message:result", "value": "mercy/1/result"}]


def test_a_result_that_carries_the_chain_of_identity_belongs_to_its_order() -> None:
    coi = {"system": "urn:coi", "value": "CHABC0126ABCDEF", "type": json.loads(samples.typed("coi", samples.OWN_TYPES))}
    (event,) = asserted(result(basedOn=None, identifier=[coi]))
    assert event["set"]["order"]["identifiers"][0]["value"] == "CHABC0126ABCDEF"


def test_a_resource_of_a_server_that_nobody_named_names_no_record() -> None:
    read = fhir_r4.base().read(samples.ORDER.encode())
    (event,) = assertions(read.map, read.frames, "mercy/1")
    assert "patient" not in event["set"]
    assert all(identifier["system"] != "urn:id:unassigned" for identifier in event["about"]["identifiers"])


# ---- HL7 v2 as FHIR -------------------------------------------------------------------------------------------

ORU = "\r".join(
    [
        "MSH|^~\\&|LAB|MERCY|HUB|CGT|20260308064000+0100||ORU^R01^ORU_R01|MSG00001|P|2.5.1",
        "PID|1||PAT-77^^^MERCY&1.2.3.4&ISO^MR~9988^^^SSA&2.16.840.1.113883.4.1&ISO^SS||Zed^Ann^Q^^Dr^^L||198002291015|F"
        "|||1 Main St^Apt 4^Springfield^IL^62701^USA^H||(555)555-0100^PRN^PH~^NET^Internet^ann@example.org",
        "ORC|RE|PLC-1^EHR|FIL-1^LAB|GRP-1^EHR",
        "OBR|1|PLC-1^EHR|FIL-1^LAB|102078-3^CAR-T therapy panel^LN|||20260307101500+0100|||||||||||||||"
        "20260308063000+0100|||F",
        "OBX|1|NM|95836-3^CD3 cells^LN||2.10|10*6/kg^million per kg^UCUM|1.0-5.0|N^Normal^HL70078|||F"
        "|||20260307101500+0100||77^Jones^Eve|FLOW^Flow cytometry^L|CYT-1^LAB|||||"
        "QC Lab^L^^^^NPI&2.16.840.1.113883.4.6&ISO^XX^^^QC1",
        "OBX|2|SN|33643-8^Endotoxin^LN||<^0.5|[EU]/mL^^UCUM|||||P|||20260307",
        "OBX|3|SN|X9^Titre^L||^1^:^128||||||C",
        "OBX|4|CWE|76693-1^Bacteria^LN||260415000^Not detected^SCT||||||F",
        "OBX|5|TX|X1^Comment^L||first line~second line||||||D",
        "OBX|6|TM|X2^Time^L||1015||||||V",
        "OBX|7|DT|X3^Date^L||20260301||||||I",
        "OBX|8|ED|X4^Report^L||^application^pdf^Base64^JVBERg==||||||F",
        "SPM|1|SP-1&EHR^SP-2&LAB||119297000^Blood^SCT|||||||||||||20260307101500+0100",
        "OBX|1|NM|X5^Volume^L||120|mL^^UCUM|||||F",
        "",
    ]
)
OML = "\r".join(
    [
        "MSH|^~\\&|EHR|MERCY|HUB|CGT|20260301101500||OML^O21^OML_O21|MSG00002|P|2.5.1",
        "PID|1||PAT-77^^^MERCY&1.2.3.4&ISO^MR||Zed^Ann||19800229|F",
        "ORC|NW|PLC-1^EHR||GRP-1^EHR|||||20260301101500|||1234^Smith^Adam^^^Dr",
        "OBR|1|PLC-1^EHR||CART^CAR-T therapy^L|S|||||||||||1234^Smith^Adam^^^Dr|||||||||||||||C83.3^DLBCL^I10",
        "OBX|1|ST|COI^Chain of identity identifier^CGT||CHABC0126ABCDEF||||||F",
        "ORC|OH|PLC-2^EHR",
        "OBR|2|PLC-2^EHR||APH^Apheresis^L",
        "",
    ]
)


def converted(message: str) -> tuple[Tree, list[Any], Any]:
    read = hl7v2.base().read(message.encode())
    body, faults = adapter().write("Bundle", read.frames)
    return json.loads(body), faults, body


@pytest.mark.standards
@pytest.mark.parametrize("message", [ORU, OML])
def test_every_resource_of_a_converted_message_is_valid(message: str) -> None:
    bundle, _, body = converted(message)
    assert validate(json_text.loads(body)) == []
    for entry in bundle["entry"]:
        assert faults_of(entry["resource"]) == []


def resources(bundle: Tree, type_: str) -> list[Tree]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == type_]


def test_an_order_message_becomes_orders_of_its_patient() -> None:
    bundle, faults, _ = converted(OML)
    (patient,) = [e for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"]
    first, second = resources(bundle, "ServiceRequest")
    assert (first["status"], second["status"]) == ("active", "on-hold")
    assert first["priority"] == "stat"
    assert first["subject"] == second["subject"] == {"reference": patient["fullUrl"]}
    assert [item["value"] for item in first["identifier"]] == ["CHABC0126ABCDEF", "PLC-1"]
    assert first["requisition"]["value"] == "GRP-1"
    assert first["requester"]["display"] == "Dr Adam Smith"
    assert first["reasonCode"][0]["coding"][0]["code"] == "C83.3"
    assert bundle["identifier"] == {"value": "MSG00002"}
    assert not [fault for fault in faults if fault.place.startswith("order.")]


def test_a_result_message_becomes_observations_with_values_times_and_order() -> None:
    bundle, _, body = converted(ORU)
    observations = resources(bundle, "Observation")
    assert b'"value":2.10' in body
    assert [o["status"] for o in observations] == [
        "final",
        "preliminary",
        "corrected",
        "final",
        "entered-in-error",
        "final",
        "registered",
        "final",
        "final",
    ]
    values = [{name: value for name, value in o.items() if name.startswith("value")} for o in observations]
    assert values[0]["valueQuantity"]["code"] == "10*6/kg"
    assert values[1]["valueQuantity"]["comparator"] == "<"
    assert values[2]["valueRatio"]["denominator"] == {"value": 128}
    assert values[3]["valueCodeableConcept"]["coding"][0]["code"] == "260415000"
    assert values[4] == {"valueString": "first line\nsecond line"}
    assert values[5] == {"valueTime": "10:15:00"}
    assert values[6] == {"valueDateTime": "2026-03-01"}
    assert values[7] == {}
    assert {o["basedOn"][0]["identifier"]["value"] for o in observations} == {"PLC-1"}
    (specimen,) = [e for e in bundle["entry"] if e["fullUrl"] == observations[8]["specimen"]["reference"]]
    assert {item["value"] for item in specimen["resource"]["identifier"]} == {"SP-1", "SP-2"}
    assert observations[0]["referenceRange"] == [{"text": "1.0-5.0"}]
    assert {ref.get("display") for ref in observations[0]["performer"]} == {"QC Lab", "Eve Jones"}


def test_what_fhir_has_no_place_for_is_named() -> None:
    _, faults, _ = converted(ORU)
    lost = {fault.place for fault in faults if fault.severity == "lost"}
    assert {"report frame", "result.value.attachment", "message.sender"} <= lost


def test_a_converted_message_is_read_as_what_it_said() -> None:
    _, _, body = converted(ORU)
    read = adapter().read(body)
    assert read.faults == []
    said = hl7v2.base().read(ORU.encode()).frames
    before = [frame["set"] for frame in said if frame["kind"] == "result"]
    after = [frame["set"] for frame in read.frames if frame["kind"] == "result"]
    for old, new in zip(before, after, strict=True):
        assert new["test"] == old["test"]
        if "attachment" not in old["value"] and "time" not in old["value"]:
            assert new["value"] == old["value"]
        assert new.get("interpretation") == old.get("interpretation")
    identity = next(frame["set"] for frame in read.frames if frame["kind"] == "identity")
    assert [item["value"] for item in identity["identifiers"]] == ["PAT-77", "9988"]
    assert identity["birth_date"] == "1980-02-29"
    assert identity["birth_time"].startswith("1980-02-29T10:15:00")


def test_a_merge_message_links_the_survivor_to_the_retired_record() -> None:
    message = "\r".join(
        [
            "MSH|^~\\&|EHR|MERCY|HUB|CGT|20260301101500||ADT^A40^ADT_A39|M3|P|2.5.1",
            "EVN||20260301101500",
            "PID|1||PAT-77^^^MERCY&1.2.3.4&ISO^MR||Zed^Ann",
            "MRG|PAT-12^^^MERCY&1.2.3.4&ISO^MR",
            "",
        ]
    )
    bundle, _, body = converted(message)
    (patient,) = resources(bundle, "Patient")
    (link,) = patient["link"]
    assert (link["type"], link["other"]["identifier"]["value"]) == ("replaces", "PAT-12")
    assert validate(json_text.loads(body)) == []


def test_the_same_message_is_converted_to_the_same_bytes() -> None:
    assert converted(ORU)[2] == converted(ORU)[2]
    assert converted(copy.copy(OML))[2] == converted(OML)[2]
