"""What one message comes to, without a hub: its parts, their facts, and what is said where there are none."""

from __future__ import annotations

import json

import pytest

from hub.conversion import RECORDED, convert
from hub.explain import ANYONE
from hub.formats import format_of

SCANNED = {"trackingNumber": "NX-9912", "statusCode": "PU", "dateTime": "2026-11-20T08:10:00+01:00"}
RECEIPT = "CoI;Bag;Received At;Inspection{}\nCHABC1226000001;BAG-1;2026-03-11T09:00:00Z;{}{}\n"


def courier(system: str, *scans: dict[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Types of the facts, and what was wrong, of a courier's feed whose profile names a system."""
    feed = format_of("courier_feed", None, "UTC", system)
    found = convert(ANYONE, feed, json.dumps({"trackingEvents": scans}).encode())
    assert found.outcome == RECORDED
    types = [assertion["type"] for part in found.parts for assertion in part.assertions]
    return types, [(fault.code, fault.place) for fault in found.faults]


def test_a_milestone_of_a_number_that_nobody_gave_a_system_comes_to_no_fact_and_says_so() -> None:
    types, faults = courier("", SCANNED)
    assert types == []
    assert ("required", "handling 1") in faults
    types, faults = courier("https://nordic.example/id", SCANNED)
    assert types == ["shipment.departed"]
    assert faults == []


def test_what_nothing_names_is_told_where_others_of_its_message_are_facts() -> None:
    named = {**SCANNED, "trackingNumber": "106141411234567897"}
    types, faults = courier("", named, SCANNED)
    assert types == ["shipment.departed"]
    assert ("required", "handling 2") in faults


@pytest.mark.parametrize("inspection", ["accepted", "rejected", "", "who knows"])
def test_a_receipt_without_a_shipment_lacks_nothing(inspection: str) -> None:
    table = format_of("mes_csv", None, "UTC", "https://foundry.example/id")
    for head, cell, wanted in (("", "", 0), (";Shipment", ";WB-12", 1)):
        found = convert(ANYONE, table, RECEIPT.format(head, inspection, cell).encode(), "mes_csv/receipts")
        types = [assertion["type"] for part in found.parts for assertion in part.assertions]
        assert sum(type_.startswith("shipment.") for type_ in types) == wanted
        assert "required" not in {fault.code for fault in found.faults}


ORDER = b"MSH|^~\\&|EHR|LAKESIDE|HUB|CGT|20260310||OML^O21|1|P|2.5.1\rPID|1||77^^^LAKE^MR||DOE\rORC|NW|P-1^EHR\r"


def test_a_message_that_lacks_what_it_is_for_says_so() -> None:
    """Cut short on the way: the patient is told, the order is not."""
    for body, lacking in ((ORDER, []), (ORDER[: ORDER.index(b"ORC") + 2], ["message"])):
        found = convert(ANYONE, format_of("hl7v2", None, "UTC", "urn:id:LAKE"), body)
        assert found.outcome == RECORDED
        assert found.parts[0].assertions[0]["type"] == "subject.updated"
        assert [fault.place for fault in found.faults if fault.code == "required"] == lacking


@pytest.mark.parametrize(
    ("type_", "lacks"),
    [("ADT^A01", "PID"), ("ADT^A08", "PID"), ("ADT^A40", "PID"), ("BTS^O31", "ORC"), ("BPS^O29", "ORC")],
)
def test_a_message_that_ends_before_what_it_is_for_says_so(type_: str, lacks: str) -> None:
    whole = ORDER.replace(b"OML^O21", type_.encode())
    for body, lacking in ((whole, []), (whole[: whole.index(lacks.encode())], ["message"])):
        found = convert(ANYONE, format_of("hl7v2", None, "UTC", "urn:id:LAKE"), body)
        assert [fault.place for fault in found.faults if fault.code == "required"] == lacking


def test_a_number_whose_authority_nobody_tells_is_told_once_and_not_where_the_profile_tells_it() -> None:
    scan = {**SCANNED, "trackingNumber": "106141411234567897", "packaging": "DEWAR-7"}
    body = json.dumps({"trackingEvents": [scan, {**scan, "dateTime": "2026-11-20T09:10:00+01:00"}]}).encode()
    for system, places in (("", ["handling.packaging"]), ("https://nordic.example/id", [])):
        feed = format_of("courier_feed", None, "UTC", system)
        found = convert(ANYONE.model_copy(update={"system": system}), feed, body)
        assert [fault.place for fault in found.faults if fault.code == "identifier-unassigned"] == places
