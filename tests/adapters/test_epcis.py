"""EPCIS documents to frames and facts, and back: pairs written by hand, and the rules that the pairs rest on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.epcis import JSON, XML
from adapters.reading import Unparsable, Unsupported
from canonical_model.frames import check
from canonical_model.identifiers import SSCC
from mappings import events
from tests.adapters.epcis_samples import adapter, document, normal, said, sample

PAIRS = [("departure", "jsonld"), ("packing", "xml"), ("logger", "jsonld")]


def expected(name: str) -> Any:
    return json.loads(sample(f"{name}.json"))


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_a_document_is_read_as_written_down_by_hand(name: str, suffix: str) -> None:
    read = adapter().read(sample(f"{name}.{suffix}"))
    assert [str(fault) for fault in read.faults] == []
    assert read.frames == expected(f"{name}.frames")
    for frame in read.frames:
        check(frame)


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_a_document_asserts_the_facts_written_down_by_hand(name: str, suffix: str) -> None:
    read = adapter().read(sample(f"{name}.{suffix}"))
    facts = [
        {"type": f["type"], "about": f["about"], "set": f["set"], "occurred": f["occurred"]["at"]}
        for f in events.assertions(read.map, read.frames, "partner/message")
    ]
    assert facts == expected(f"{name}.facts")


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_frames_are_written_as_written_down_by_hand(name: str, suffix: str) -> None:
    body, faults = adapter().write(XML if suffix == "xml" else JSON, expected(f"{name}.frames"))
    assert normal(body) == normal(sample(f"{name}.written.{suffix}"))
    assert [fault.code for fault in faults] == (["time-missing"] if name == "logger" else [])


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_a_document_goes_back_to_its_sender_as_it_came(name: str, suffix: str) -> None:
    body = sample(f"{name}.{suffix}")
    read = adapter().read(body)
    assert normal(adapter().write(read.type, read.frames, read.residual)[0]) == normal(body)


def test_every_leaf_of_a_departure_has_its_fate_and_row() -> None:
    read = adapter().read(sample("departure.jsonld"))
    fates = {(e.piece, ".".join(e.place)): (e.fate, e.row) for e in read.entries()}
    assert fates["event", "bizStep"] == ("carried", "E6")
    assert fates["event", "epcList"] == ("carried", "E10")
    assert fates["event", "carrier:vehicle.carrier:plate"] == ("residual", "")
    assert fates["document", "@context"] == ("ignored", "D1")
    assert read.summary() == {"carried": 25, "ignored": 3, "residual": 2}


BAG = {"type": "ObjectEvent", "action": "OBSERVE", "epcList": ["https://mercy.example/bag/BAG-1"]}


def handled(*found: dict[str, Any]) -> list[dict[str, Any]]:
    read = adapter().read(document(*found))
    assert [fault for fault in read.faults if fault.severity == "error"] == []
    return [frame["set"] for frame in read.frames if frame["kind"] == "handling"]


@pytest.mark.parametrize(
    "spelling",
    [
        "departing",
        "cbv:BizStep-departing",
        "https://ref.gs1.org/cbv/BizStep-departing",
        "http://ns.gs1.org/cbv/BizStep-departing",
        "urn:epcglobal:cbv:bizstep:departing",
        "https://ref.gs1.org/cbv/Bizstep-departing",
    ],
)
def test_a_step_is_one_step_however_it_is_spelt(spelling: str) -> None:
    assert handled({**BAG, "bizStep": spelling})[0]["step"] == "departing"


def test_a_private_step_keeps_its_uri_both_ways() -> None:
    frames = adapter().read(document({**BAG, "bizStep": "https://mercy.example/step/thaw"})).frames
    assert frames[1]["set"]["step"] == "x-https://mercy.example/step/thaw"
    assert b'"bizStep":"https://mercy.example/step/thaw"' in adapter().write(JSON, frames)[0]


@pytest.mark.parametrize(
    ("stamp", "offset", "local", "instant"),
    [
        ("2026-03-08T06:40:00Z", "-05:00", "2026-03-08T01:40:00", "2026-03-08T06:40:00Z"),
        ("2026-03-08T01:40:00.50-05:00", "-05:00", "2026-03-08T01:40:00.50", "2026-03-08T06:40:00.500000Z"),
        ("2026-03-08T01:40:00-05:00", "+05:30", "2026-03-08T12:10:00", "2026-03-08T06:40:00Z"),
        ("2026-01-01T00:10:00Z", "-00:30", "2025-12-31T23:40:00", "2026-01-01T00:10:00Z"),
    ],
)
def test_the_offset_of_an_event_gives_its_local_time(stamp: str, offset: str, local: str, instant: str) -> None:
    at = handled({**BAG, "eventTime": stamp, "eventTimeZoneOffset": offset})[0]["at"]
    assert (at["at"], at["local"], at["zone"]) == (instant, local, offset)


@pytest.mark.parametrize(
    "unit", [("CEL", "Cel"), ("FAH", "[degF]"), ("KEL", "K"), ("P1", "%"), ("NCL", "x-NCL"), ("ZZ", "x-ZZ")]
)
def test_a_unit_changes_its_code_and_never_its_number(unit: tuple[str, str]) -> None:
    report = {"type": "Temperature", "value": 21.50, "uom": unit[0]}
    series = handled({**BAG, "sensorElementList": [{"sensorReport": [report]}]})[0]["series"][0]
    assert (series["value"], series["unit"]) == ("21.5", unit[1])


def test_digits_are_kept_as_they_were_sent() -> None:
    body = document({**BAG, "quantityList": [{"epcClass": "https://id.gs1.org/01/09521141012345", "quantity": 1}]})
    body = body.replace(b'"quantity": 1', b'"quantity": 1.500e2')
    read = adapter().read(body)
    assert read.frames[1]["set"]["amounts"][0]["quantity"] == {"value": "1.500e2"}
    assert b'"quantity":1.500e2' in adapter().write(JSON, read.frames)[0]


def test_a_coi_without_a_uri_is_of_an_assumed_system() -> None:
    order = handled({**BAG, "cgt:coi": "CHMRC26A1B2C3D"})[0]["order"]
    assert order == {
        "system": "https://cgt-hub.example/id/coi",
        "value": "CHMRC26A1B2C3D",
        "type": "coi",
        "assumed": True,
    }


def test_the_hubs_extensions_are_known_under_any_prefix_and_go_back_under_the_senders() -> None:
    body = document(
        {**BAG, "hub:coi": "https://cgt-hub.example/id/coi/C1"},
        **{"@context": [{"hub": "https://cgt-hub.example/ns/epcis/"}]},
    )
    read = adapter().read(body)
    assert read.frames[1]["set"]["order"]["value"] == "C1"
    assert normal(adapter().write(read.type, read.frames, read.residual)[0]) == normal(body)


def test_unknown_extensions_stay_with_their_sender() -> None:
    read = adapter().read(document({**BAG, "x:secret": {"x:a": [1, None, "two"]}}))
    assert "secret" not in json.dumps(read.frames)
    assert b"secret" not in adapter().write(JSON, read.frames)[0]
    assert b'"x:secret":{"x:a":[1,null,"two"]}' in adapter().write(JSON, read.frames, read.residual)[0]


def test_a_bag_has_the_name_that_hl7_gives_it() -> None:
    from adapters import hl7v2

    er7 = (
        b"MSH|^~\\&|A|B|C|D|20260308||ORU^R01|1|P|2.5.1\rPID|1||1^^^M\rOBR|1||F1\r"
        b"SPM|1|^BAG-1&&https://mercy.example/bag&URI\r"
    )
    material = next(f for f in hl7v2.base().read(er7).frames if f["kind"] == "material")
    container = handled(BAG)[0]["containers"][0]
    named = material["set"]["identifiers"][0]
    assert (named["system"], named["value"]) == (container["system"], container["value"])


def test_events_without_an_id_have_different_frames_even_when_they_say_the_same() -> None:
    read = adapter().read(document(BAG, BAG))
    keys = [frame["key"] for frame in read.frames if frame["kind"] == "handling"]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    ("head", "event", "name"),
    [
        ({"instanceIdentifier": "I-1", "id": "https://x.example/d"}, {"eventID": "urn:uuid:1"}, "I-1"),
        ({"id": "https://x.example/d"}, {"eventID": "urn:uuid:1"}, "urn:uuid:1"),
        ({"id": "https://x.example/d"}, {}, "https://x.example/d"),
        ({}, {}, ""),
    ],
)
def test_a_message_is_named_as_its_sender_names_it(head: dict[str, str], event: dict[str, str], name: str) -> None:
    assert adapter().read(document({**BAG, **event}, **head)).source_id == name


def test_a_document_of_the_other_syntax_is_written_when_asked() -> None:
    frames = adapter().read(sample("departure.jsonld")).frames
    body, faults = adapter().write(XML, frames)
    assert sorted(fault.place for fault in faults if fault.severity == "lost") == ["instanceIdentifier", "sender"]
    assert said(adapter().read(body).frames)[1:] == said(frames)[1:]


def test_giver_taker_and_shipment_of_other_formats_have_a_home() -> None:
    frame = {
        "kind": "handling",
        "key": "handling",
        "set": {
            "form": "object",
            "action": "observe",
            "at": handled(BAG)[0]["at"],
            "shipment": {"system": SSCC, "value": "195211412345678900"},
            "giver": {"system": "https://id.gs1.org/414", "value": "9521141111116"},
            "taker": {"system": "https://mercy.example/party", "value": "M1"},
        },
    }
    body, faults = adapter().write(JSON, [frame])
    event = json.loads(body)["epcisBody"]["eventList"][0]
    assert [fault.code for fault in faults] == ["time-missing"]
    assert event["epcList"] == ["https://id.gs1.org/00/195211412345678900"]
    assert event["sourceList"] == [{"type": "possessing_party", "source": "https://id.gs1.org/417/9521141111116"}]
    assert event["destinationList"] == [{"type": "possessing_party", "destination": "https://mercy.example/party/M1"}]


def test_what_epcis_has_no_place_for_is_told() -> None:
    frames = [
        {"kind": "handling", "key": "h", "set": {**handled(BAG)[0], "note": "x", "step": "thawing"}},
        {"kind": "readings", "key": "r", "set": {"quantity": "temperature"}},
        {"kind": "order", "key": "o", "set": {}},
    ]
    places = {f.place for f in adapter().write(JSON, frames)[1] if f.severity == "lost"}
    assert places == {"handling.note", "handling.step", "readings frame", "order frame"}


def test_a_time_that_states_less_than_a_second_says_so_when_it_is_written() -> None:
    day = {"at": "2026-03-08T00:00:00Z", "local": "2026-03-08", "zone": "Z", "precision": "day"}
    body, faults = adapter().write(JSON, [{"kind": "handling", "key": "h", "set": {**handled(BAG)[0], "at": day}}])
    assert b'"eventTime":"2026-03-08T00:00:00Z","eventTimeZoneOffset":"+00:00"' in body
    assert "precision-lost" in {fault.code for fault in faults}


@pytest.mark.parametrize(
    ("body", "raised", "code"),
    [
        (b"[]", Unparsable, "epcis-shape"),
        (b"1", Unparsable, "epcis-shape"),
        (b"{}", Unsupported, "unsupported-message"),
        (b'{"type": "EPCISDocument"}', Unparsable, "epcis-shape"),
        (b'{"type": "EPCISDocument", "epcisBody": {"eventList": {}}}', Unparsable, "epcis-shape"),
        (b'{"type": "EPCISMasterDataDocument"}', Unsupported, "unsupported-message"),
        (b'<EPCISDocument xmlns="urn:epcglobal:epcis:xsd:1"/>', Unsupported, "unsupported-message"),
        (b'<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:2"/>', Unparsable, "epcis-shape"),
        (b"<html/>", Unsupported, "unsupported-message"),
        (b"MSH|", Unparsable, "json-syntax"),
        (b"", Unparsable, "json-syntax"),
    ],
)
def test_another_document_is_refused_and_says_why(
    body: bytes, raised: type[Unparsable | Unsupported], code: str
) -> None:
    with pytest.raises(raised) as wrong:
        adapter().read(body)
    assert code in str(wrong.value)


def test_the_media_type_decides_where_it_is_told() -> None:
    with pytest.raises(Unparsable, match="json-syntax"):
        adapter().read(sample("packing.xml"), "application/ld+json")
    assert adapter().read(sample("packing.xml"), "application/xml").type == XML
