"""A second pair of eyes finds what it should, and quotes no value."""

from __future__ import annotations

import json
import sys

import pytest

from hub.demo import world
from hub.second_opinion import opinions

PATIENT = {"resourceType": "Patient", "gender": "female", "birthDate": "1971-02-03", "name": [{"family": "Doe"}]}


def test_an_order_that_follows_the_standard_has_no_error() -> None:
    body = world.order(world.JANE, "O1").replace(b"\rZCG|1|kept for its sender", b"")
    assert [fault for fault in opinions(body, "hl7v2") if fault.severity == "error"] == []


def test_hl7apy_misses_a_required_field_and_its_name_is_told() -> None:
    body = world.order(world.JANE, "O1").replace(b"|P|2.5.1", b"||2.5.1")
    told = [fault for fault in opinions(body, "hl7v2") if fault.code == "hl7apy-strict" and fault.severity == "error"]
    assert any("MSH_11" in fault.remedy for fault in told)


def test_a_segment_that_hl7apy_drops_is_told() -> None:
    body = world.order(world.JANE, "O1") + b"AL1|1||PENICILLIN\rAL1|2||NUTS\rPV2|1\r"
    assert "hl7apy-dropped" in {fault.code for fault in opinions(body, "hl7v2")}


def test_what_hl7apy_cannot_parse_is_one_fault_among_ours() -> None:
    body = world.order(world.JANE, "O1").replace(b"MSH|^~\\&|", b"MSH|^~\\&#|", 1)
    assert "hl7apy-unreadable" in {fault.code for fault in opinions(body, "hl7v2")}


def test_without_the_extra_it_is_told_that_one_opinion_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fhir", "fhir.resources", "fhir.resources.R4B"):
        monkeypatch.setitem(sys.modules, name, None)
    told = opinions(json.dumps(PATIENT).encode(), "fhir_r4")
    assert [(fault.code, fault.severity) for fault in told] == [("extra-missing", "warning")]


def test_a_patient_is_looked_at_by_our_rules_and_by_fhir_resources() -> None:
    assert opinions(json.dumps(PATIENT).encode(), "fhir_r4") == []
    wrong = {**PATIENT, "birthDate": "1971-02-31", "gender": "f"}
    told = opinions(json.dumps(wrong).encode(), "fhir_r4")
    assert {fault.place for fault in told if fault.code == "fhir-resources"} == {"Patient.birthDate"}
    assert {"Patient.birthDate", "Patient.gender"} <= {fault.place for fault in told if fault.code != "fhir-resources"}


def test_no_opinion_quotes_a_value() -> None:
    body = world.order(world.JANE, "O1").replace(b"|P|2.5.1", b"|SECRET|2.5.1").replace(b"||O\r", b"||SECRET\r")
    told = [*opinions(body, "hl7v2"), *opinions(json.dumps({**PATIENT, "gender": "SECRET"}).encode(), "fhir_r4")]
    assert told and "SECRET" not in " ".join(map(str, told))
