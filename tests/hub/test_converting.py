"""A message in another format: what it says of its own standard stays behind, and an empty document is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.converting import convert_body

SAMPLES = Path(__file__).parents[1] / "samples"
OML = (SAMPLES / "hl7v2" / "oml_o21.hl7").read_bytes()
BTS = (SAMPLES / "hl7v2" / "bts_o31.hl7").read_bytes()
B2MML = sorted((SAMPLES / "b2mml").glob("*.xml"))


@pytest.mark.parametrize("to", ["epcis", "fhir_r4"])
def test_a_document_says_nothing_of_the_standard_that_was_read(to: str) -> None:
    written, faults = convert_body(BTS if to == "epcis" else OML, "hl7v2", to)
    made = json.loads(written)
    for word in (b"OML", b"BTS", b"O21", b"O31", b"2.5.1", b"2.8"):
        assert json.dumps(word.decode()).encode() not in written
    assert {f"message.{name}" for name in ("code", "trigger", "version")} <= {f.place for f in faults}
    if to == "epcis":
        assert (made["type"], made["schemaVersion"]) == ("EPCISDocument", "2.0")
        assert list(made["epcisBody"]) == ["eventList"]
        assert made["epcisBody"]["eventList"]
        assert made["creationDate"][:4] == "2026"


@pytest.mark.parametrize(("body", "source"), [(OML, "hl7v2"), *((file.read_bytes(), "b2mml") for file in B2MML)])
def test_a_message_of_which_nothing_has_a_home_is_refused(body: bytes, source: str) -> None:
    written, faults = convert_body(body, source, "epcis")
    assert written == b""
    assert [(fault.code, fault.place) for fault in faults if fault.severity == "error"] == [("no-home", "message")]


def test_a_document_in_its_own_format_keeps_what_it_says_of_itself() -> None:
    query = (
        b'{"@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],'
        b' "type": "EPCISQueryDocument", "schemaVersion": "2.0", "creationDate": "2026-03-10T21:00:00Z",'
        b' "epcisBody": {"queryResults": {"queryName":'
        b' "mine", "resultsBody": {"eventList": [{"type": "ObjectEvent", "eventTime": "2026-03-10T15:30:00-05:00",'
        b' "eventTimeZoneOffset": "-05:00", "action": "OBSERVE", "epcList": ["urn:epc:id:sgtin:9531110.000001.1"]}]}}}}'
    )
    written, _ = convert_body(query, "epcis", "epcis")
    assert json.loads(written)["type"] == "EPCISQueryDocument"
    assert json.loads(written)["epcisBody"]["queryResults"]["queryName"] == "mine"


def test_frames_and_the_same_format_are_what_was_read() -> None:
    frames = json.loads(convert_body(OML, "hl7v2", "frames")[0])
    assert frames[0]["set"]["code"] == "OML"
    assert convert_body(OML, "hl7v2", "afresh")[0].startswith(b"MSH|")
    assert b"OML^O21" in convert_body(OML, "hl7v2", "afresh")[0]
