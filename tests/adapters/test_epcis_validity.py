"""What an EPCIS event may be: our rules beside GS1's schema, and each rule by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.epcis import JSON
from adapters.epcis.validate import document_faults, event_faults
from adapters.json_text import loads
from adapters.reading import Unparsable, Unsupported
from tests.adapters.epcis_samples import BAG, SSCC, adapter, document, documents, gs1_schema, is_xml, normal

REPORT = {"type": "Temperature", "value": 4, "uom": "CEL"}
SENSED: dict[str, Any] = {"sensorElementList": [{"sensorReport": [REPORT]}]}
AGGREGATION: dict[str, Any] = {"type": "AggregationEvent", "parentID": SSCC, "childEPCs": [BAG]}


def faults(xml: bool = False, without: tuple[str, ...] = (), **fields: Any) -> dict[str, str]:
    """Code -> severity of each fault of an otherwise good event."""
    whole: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventTime": "2026-03-08T06:40:00Z",
        "eventTimeZoneOffset": "+01:00",
    }
    whole |= {"action": "OBSERVE", **({"epcList": [BAG]} if "type" not in fields else {}), **fields}
    tree = loads(json.dumps({k: v for k, v in whole.items() if k not in without}).encode())
    return {f.code: f.severity for f in event_faults(tree, adapter().library.codes, "event[1]", xml)}


@pytest.mark.standards
def test_our_rules_and_gs1s_schema_agree_on_every_document() -> None:
    """All documents, the invalid ones of openEPCIS among them; the schema with its formats asserted."""
    validator = gs1_schema()
    seen = {True: 0, False: 0}
    for name, body in documents():
        if is_xml(body):
            continue
        try:
            read = adapter().read(body)
        except (Unparsable, Unsupported):
            continue
        ours = not any(fault.severity == "error" for fault in read.faults)
        assert ours is validator.is_valid(json.loads(body)), name
        seen[ours] += 1
    assert seen[True] > 65
    assert seen[False] > 10


@pytest.mark.standards
def test_every_document_that_openepcis_calls_invalid_has_an_error() -> None:
    names = [(name, body) for name, body in documents() if "/Invalid/" in name and "/Queries/" not in name]
    assert len(names) >= 15
    for name, body in names:
        assert any(fault.severity == "error" for fault in adapter().read(body).faults), name


def test_a_good_event_has_no_fault() -> None:
    assert faults() == {}
    assert faults(**AGGREGATION, action="ADD", bizStep="packing") == {}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "QuantityEvent"}, "event-type"),
        ({"type": 7}, "event-type"),
        ({"eventTime": "2026-03-08"}, "time-unreadable"),
        ({"eventTime": "2026-02-30T00:00:00Z"}, "time-unreadable"),
        ({"eventTime": "2026-03-08T06:40:00"}, "time-unreadable"),
        ({"eventTimeZoneOffset": "Z"}, "time-unreadable"),
        ({"eventTimeZoneOffset": "+15:00"}, "time-unreadable"),
        ({"recordTime": "yesterday"}, "time-unreadable"),
        ({"action": "CREATE"}, "action-unknown"),
        ({"epcList": "x"}, "shape"),
        ({"epcList": ["BAG-1"]}, "epc-unreadable"),
        ({"epcList": [7]}, "epc-unreadable"),
        ({"eventID": "17"}, "epc-unreadable"),
        ({"bizStep": "transforming"}, "term-unknown"),
        ({"bizStep": "urn:epcglobal:cbv:bizstep:transforming"}, "term-unknown"),
        ({"bizStep": ["shipping"]}, "shape"),
        ({"disposition": "in_transport"}, "term-unknown"),
        ({"parentID": SSCC}, "field-misplaced"),
        ({"colour": "red"}, "field-unknown"),
        ({"ilmd": {"cbvmda:lotNumber": "1"}}, "ilmd-misplaced"),
        ({"action": "ADD", "ilmd": {"lotNumber": "1"}}, "ilmd-namespace"),
        ({"action": "ADD", "ilmd": []}, "shape"),
        ({"persistentDisposition": {}}, "shape"),
        ({"persistentDisposition": {"set": ["lost"]}}, "term-unknown"),
        ({"readPoint": BAG}, "shape"),
        ({"bizLocation": {}}, "epc-unreadable"),
        ({"sourceList": [{"source": BAG}]}, "shape"),
        ({"destinationList": [{"type": "friend", "destination": BAG}]}, "term-unknown"),
        ({"bizTransactionList": [{"type": "po"}]}, "epc-unreadable"),
        ({"bizTransactionList": [{"type": "po", "bizTransaction": BAG, "x": 1}]}, "field-unknown"),
        ({"quantityList": [{"epcClass": BAG, "quantity": "twenty"}]}, "number-unreadable"),
        ({"quantityList": [{"epcClass": BAG, "quantity": 1, "uom": "kilo"}]}, "unit-unknown"),
        ({"quantityList": [{"quantity": 1}]}, "epc-unreadable"),
        ({"certificationInfo": [{"x": 1}]}, "epc-unreadable"),
        ({"errorDeclaration": {}}, "time-unreadable"),
        ({"errorDeclaration": {"declarationTime": "2026-03-08T06:40:00Z", "reason": "oops"}}, "term-unknown"),
        (
            {
                "errorDeclaration": {
                    "declarationTime": "2026-03-08T06:40:00Z",
                    "reason": "did_not_occur",
                    "correctiveEventIDs": ["urn:uuid:1"],
                }
            },
            "correction-contradicts",
        ),
        ({"sensorElementList": [{}]}, "shape"),
        ({"sensorElementList": [{"sensorReport": [{}]}]}, "shape"),
        ({"sensorElementList": [{"sensorReport": [{**REPORT, "type": "Warmth"}]}]}, "term-unknown"),
        ({"sensorElementList": [{"sensorReport": [{**REPORT, "value": "4"}]}]}, "number-unreadable"),
        ({"sensorElementList": [{"sensorReport": [{**REPORT, "booleanValue": "true"}]}]}, "shape"),
        ({"sensorElementList": [{"sensorReport": [{**REPORT, "warm": 1}]}]}, "field-unknown"),
        ({"sensorElementList": [{"sensorReport": [REPORT], "sensorMetadata": {"time": "noon"}}]}, "time-unreadable"),
    ],
)
def test_an_event_that_breaks_a_shall_is_not_read(fields: dict[str, Any], code: str) -> None:
    assert faults(**fields).get(code) == "error"


@pytest.mark.parametrize(
    ("fields", "without", "code"),
    [
        ({}, ("epcList",), "what-missing"),
        (SENSED, ("epcList",), "what-missing"),
        ({}, ("eventTime",), "time-unreadable"),
        ({}, ("eventTimeZoneOffset",), "time-unreadable"),
        ({}, ("action",), "action-unknown"),
        (AGGREGATION, ("childEPCs",), "what-missing"),
        ({**AGGREGATION, "action": "ADD"}, ("parentID",), "parent-missing"),
        ({**AGGREGATION, "action": "DELETE"}, ("parentID",), "parent-missing"),
        ({**AGGREGATION, "type": "AssociationEvent"}, ("parentID",), "parent-missing"),
        ({"type": "TransactionEvent", "epcList": [BAG]}, (), "what-missing"),
        ({"type": "TransformationEvent", "inputEPCList": [BAG]}, ("action",), "what-missing"),
        ({"type": "TransformationEvent", "inputEPCList": [BAG], "outputEPCList": [BAG]}, (), "field-misplaced"),
        ({**AGGREGATION, "persistentDisposition": {"set": ["damaged"]}}, (), "field-misplaced"),
        ({**AGGREGATION, "action": "ADD", "ilmd": {"x:y": 1}}, (), "field-misplaced"),
    ],
)
def test_what_an_event_must_have_and_must_not_have(fields: dict[str, Any], without: tuple[str, ...], code: str) -> None:
    assert faults(without=without, **fields).get(code) == "error"


@pytest.mark.parametrize(
    ("fields", "without"),
    [
        ({**SENSED, "readPoint": {"id": BAG}}, ("epcList",)),
        ({"quantityList": [{"epcClass": BAG, "quantity": 1.5, "uom": "KGM"}]}, ("epcList",)),
        ({**AGGREGATION, "action": "OBSERVE"}, ("parentID",)),
        ({**AGGREGATION, "action": "DELETE"}, ("childEPCs",)),
        ({"type": "TransformationEvent", "inputEPCList": [BAG], "transformationID": BAG}, ("action",)),
        ({"persistentDisposition": {"unset": ["completeness_inferred"]}}, ()),
        ({"bizStep": "https://mercy.example/step/thaw", "x:y": {"z": 1}}, ()),
    ],
)
def test_what_the_standard_allows_has_no_error(fields: dict[str, Any], without: tuple[str, ...]) -> None:
    assert "error" not in faults(without=without, **fields).values()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"epcList": []}, "what-missing"),
        ({"epcList": [BAG, BAG]}, "epc-twice"),
        ({"epcList": ["https://id.gs1.org/00/195211412345678901"]}, "check-digit"),
        ({"disposition": "cbv:x"}, "term-unknown"),
        ({"sensorElementList": [{"sensorReport": [{"type": "Temperature"}]}]}, "value-missing"),
        ({"sensorElementList": [{"sensorReport": [{**REPORT, "minValue": 5, "maxValue": 4}]}]}, "values-contradict"),
        ({"action": "ADD", "persistentDisposition": {"set": ["completeness_inferred"]}}, "disposition-misplaced"),
        ({"type": "https://mercy.example/event/Thaw"}, "event-unsupported"),
    ],
)
def test_a_deviation_is_told_and_the_event_is_read(fields: dict[str, Any], code: str) -> None:
    assert faults(**fields) == {code: "warning"}


def test_xml_may_say_what_its_schema_has_and_json_may_not() -> None:
    placed: dict[str, Any] = {**AGGREGATION, "persistentDisposition": {"set": ["urn:epcglobal:cbv:disp:damaged"]}}
    assert faults(**placed) == {"field-misplaced": "error"}
    assert faults(xml=True, **placed) == {"field-misplaced": "warning"}
    assert faults(xml=True, bizStep="shipping") == {"term-spelling": "warning"}


def told(*steps: tuple[str, str]) -> list[str]:
    found = [(f"event[{n}]", {"bizStep": step, "epcList": [epc]}) for n, (step, epc) in enumerate(steps, 1)]
    return [fault.place for fault in document_faults(found)]


def test_one_thing_is_told_coarsely_or_finely_and_never_both() -> None:
    assert told(("receiving", SSCC), ("arriving", SSCC)) == ["event[1].bizStep"]
    assert told(("departing", SSCC), ("urn:epcglobal:cbv:bizstep:shipping", SSCC)) == ["event[2].bizStep"]
    assert told(("receiving", SSCC), ("arriving", BAG)) == []
    assert told(("departing", SSCC), ("arriving", SSCC), ("accepting", SSCC)) == []


def test_a_bad_event_takes_no_other_down_and_names_its_place() -> None:
    first, bad, last = (
        {"type": "ObjectEvent", "action": action, "eventTime": f"2026-03-08T06:4{n}:00Z", "epcList": [BAG]}
        for n, action in enumerate(["OBSERVE", "CREATE", "OBSERVE"])
    )
    body = document(first, bad, 7, None, last)
    read = adapter().read(body)
    assert [frame["set"]["at"]["at"][-6:] for frame in read.frames if frame["kind"] == "handling"] == [
        "40:00Z",
        "42:00Z",
    ]
    assert [(f.place, f.code) for f in read.faults if f.severity == "error"] == [
        ("event[2].action", "action-unknown"),
        ("event[3]", "shape"),
        ("event[4]", "shape"),
    ]
    assert normal(adapter().write(JSON, read.frames, read.residual)[0]) == normal(body)


def test_an_edit_that_makes_an_event_invalid_is_told_when_it_is_written() -> None:
    frame = {"kind": "handling", "key": "h", "set": {"form": "aggregation", "action": "add"}}
    codes = {fault.code for fault in adapter().write(JSON, [frame])[1] if fault.severity == "error"}
    assert codes == {"time-unreadable", "what-missing", "parent-missing"}


def test_faults_name_places_and_remedies_and_quote_nothing() -> None:
    secret = {"bizStep": "SECRET", "epcList": ["SECRET"], "SECRET": 1, "eventTime": "SECRET", "ilmd": {"SECRET": 1}}
    tree = {"type": "ObjectEvent", "action": "ADD", "eventTimeZoneOffset": "SECRET", **secret}
    found = event_faults(tree, adapter().library.codes, "event[1]")
    assert len(found) >= 6
    assert "SECRET" not in "".join(f"{fault.place} {fault.remedy}" for fault in found)
