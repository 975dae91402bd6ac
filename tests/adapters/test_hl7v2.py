"""The HL7 v2 adapter on golden pairs, in both directions; and what single fields mean.

A pair is found by its name in tests/samples/hl7v2: `<type>.hl7` and `<type>.frames.json`; where `<type>.written.hl7`
stands beside them, that is what the frames alone are written as. Nobody but a person writes the expected sides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters import hl7v2
from adapters.hl7v2 import tokenizer
from canonical_model.catalogue import EVENTS
from canonical_model.frames import check, set_schemas
from tests.laws import laws

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
PAIRS = sorted(path.name.removesuffix(".frames.json") for path in SAMPLES.glob("*.frames.json"))
MESSAGES = sorted(path.stem for path in SAMPLES.glob("*.hl7") if not path.stem.endswith(".written"))
TYPES = {"OML^O21", "ORM^O01", "ORU^R01", "ADT^A01", "ADT^A08", "ADT^A40", "ACK"} | {
    *("SIU^S12", "SIU^S13", "MDM^T02", "BTS^O31", "RAS^O17", "BPS^O29", "OSM^R26")
}


@pytest.fixture(scope="module")
def adapter() -> hl7v2.Adapter:
    return hl7v2.adapter(set_schemas(), event_types={name: row.about for name, row in EVENTS.items()})


def message(name: str) -> bytes:
    return (SAMPLES / f"{name}.hl7").read_bytes()


def expected(name: str) -> list[dict[str, Any]]:
    return json.loads((SAMPLES / f"{name}.frames.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def lines(body: bytes) -> list[str]:
    return body.decode().replace("\r", "\n").splitlines()


# ---- pairs ----------------------------------------------------------------------------------------------------


def test_every_message_has_its_frames_and_every_type_of_the_slice_its_message(adapter: hl7v2.Adapter) -> None:
    assert PAIRS == MESSAGES
    assert {adapter.read(message(name)).type for name in PAIRS} >= TYPES


@pytest.mark.parametrize("name", PAIRS)
def test_a_sample_is_read_as_its_frames(name: str, adapter: hl7v2.Adapter) -> None:
    read = adapter.read(message(name))
    assert read.frames == expected(name)
    assert read.faults == []
    for frame in read.frames:
        check(frame)


@pytest.mark.parametrize("name", PAIRS)
def test_a_sample_is_written_from_its_frames_and_its_residual(name: str, adapter: hl7v2.Adapter) -> None:
    read = adapter.read(message(name))
    written, faults = adapter.write(read.type, expected(name), read.residual)
    assert tokenizer.normal(written.decode()) == tokenizer.normal(message(name).decode())
    assert faults == []


@pytest.mark.parametrize("name", PAIRS)
def test_frames_alone_are_written_as_a_message_that_says_them(name: str, adapter: hl7v2.Adapter) -> None:
    read = adapter.read(message(name))
    written, faults = adapter.write(read.type, expected(name))
    laws.same_frames(expected(name), adapter.read(written).frames, faults, laws.filled(adapter))
    assert faults == []
    golden = SAMPLES / f"{name}.written.hl7"
    if golden.exists():
        assert lines(written) == lines(golden.read_bytes())


@pytest.mark.parametrize("name", PAIRS)
def test_segments_that_no_table_lists_are_kept_for_their_sender_alone(name: str, adapter: hl7v2.Adapter) -> None:
    read = adapter.read(message(name))
    listed = {own for own, _, _ in _leaves_of_tables(adapter)}
    written = lines(adapter.write(read.type, read.frames)[0])
    assert {line[:3] for line in written} <= listed
    kept = [line for line in lines(message(name)) if line[:3] not in listed]
    assert [line for line in lines(adapter.write(read.type, read.frames, read.residual)[0]) if line in kept] == kept


def _leaves_of_tables(adapter: hl7v2.Adapter) -> set[tuple[str, str, str]]:
    return {
        (table.spec.piece, row.id, at)
        for table in adapter.library.tables.values()
        for row in table.spec.rows
        for at in row.at
    }


# ---- what fields mean -----------------------------------------------------------------------------------------

HEAD = "MSH|^~\\&|LAB|MERCY|CGTHUB|X|20260308014000||{type}|M1|P|{version}\rPID|1||123^^^MERCY^MR\r"


def read(rest: str, type_: str = "ORU^R01", version: str = "2.5.1") -> hl7v2.Read:
    return hl7v2.base().read((HEAD.format(type=type_, version=version) + rest).encode())


def sets(got: hl7v2.Read, kind: str) -> list[dict[str, Any]]:
    return [frame["set"] for frame in got.frames if frame["kind"] == kind]


def value_of(kind: str, value: str, unit: str = "") -> Any:
    (result,) = sets(read(f"OBR|1||F1^LAB|T^^L\rOBX|1|{kind}|X^^L||{value}|{unit}|||||F\r"), "result")
    return result.get("value")


UCUM = "http://unitsofmeasure.org"
VALUES = [
    ("NM", "2.10", "mL^^UCUM", {"quantity": {"value": "2.10", "unit": "mL", "unit_system": UCUM}}),
    ("NM", "<0.10", "", {"quantity": {"value": "0.10", "comparator": "<"}}),
    ("SN", ">=^5", "%", {"quantity": {"value": "5", "unit": "%", "comparator": ">="}}),
    ("SN", "^1^:^128", "", {"ratio": {"numerator": {"value": "1"}, "denominator": {"value": "128"}}}),
    ("SN", "^2^-^5", "", {"range": {"low": {"value": "2"}, "high": {"value": "5"}}}),
    ("NR", "2^5", "", {"range": {"low": {"value": "2"}, "high": {"value": "5"}}}),
    ("ST", "a\\T\\b", "", {"text": ["a&b"]}),
    ("TX", "one~two", "", {"text": ["one", "two"]}),
    ("FT", "one\\.br\\two", "", {"text": ["one\ntwo"]}),
    ("CE", "N^no^L", "", {"concepts": [{"codings": [{"code": "N", "display": "no", "system": "urn:id:L"}]}]}),
    ("CE", "^no", "", {"concepts": [{"text": "no"}]}),
    ("CWE", "^no", "", {"concepts": [{"codings": [{"display": "no"}]}]}),
    ("CWE", "^^^^^^^^as said", "", {"concepts": [{"text": "as said"}]}),
    ("TM", "1015", "", {"time": "10:15"}),
    ("TM", "101530.25+0100", "", {"time": "10:15:30.25+01:00"}),
    ("EI", "7^LAB", "", {"identifier": {"system": "urn:id:LAB", "value": "7"}}),
    ("CX", "7^^^LAB^MR", "", {"identifier": {"system": "urn:id:LAB", "value": "7", "type": "mrn"}}),
    ("RP", "https://x/1^^application^pdf", "", {"attachment": {"url": "https://x/1", "media_type": "application/pdf"}}),
]


@pytest.mark.parametrize(("kind", "value", "unit", "meant"), VALUES)
def test_a_value_is_what_its_type_says(kind: str, value: str, unit: str, meant: dict[str, Any]) -> None:
    assert value_of(kind, value, unit) == meant


@pytest.mark.parametrize(("kind", "value"), [("ST", "^"), ("NM", '""'), ("CE", "^^&"), ("TX", "~")])
def test_a_value_of_nothing_but_delimiters_says_nothing(kind: str, value: str) -> None:
    assert value_of(kind, value) is None


def test_a_time_of_day_from_another_format_is_written_as_hl7_writes_it() -> None:
    got = read("OBR|1||F1^LAB|T^^L\rOBX|1||X^^L||||||||F\r")
    sets(got, "result")[0]["value"] = {"time": "10:15:30"}
    written, faults = hl7v2.base().write("ORU^R01", got.frames)
    assert b"OBX|1|TM|X^^L||101530||||||F\r" in written
    assert faults == []


def test_a_value_of_a_type_that_the_model_has_not_is_named_and_kept() -> None:
    got = read("OBR|1||F1^LAB|T^^L\rOBX|1|MA|X^^L||1^2^3||||||F\r")
    assert [fault.code for fault in got.faults] == ["value-type"]
    assert "value" not in sets(got, "result")[0]
    assert b"OBX|1|MA|X^^L||1^2^3||||||F" in hl7v2.base().write(got.type, got.frames, got.residual)[0]


METHOD = "OBR|1||F1^LAB|T^^L\rOBX|1|NM|X^^L||1||||||F||||||{method}\r"
"""A message with one result and its method (OBX-17): a CE before 2.6, a CWE from then on."""


def written_method(method: dict[str, Any], version: str) -> tuple[str, list[str], Any]:
    """OBX-17 as it is written afresh, the paths that have no home, and what is read of it."""
    got = read(METHOD.format(method=""), version=version)
    sets(got, "result")[0]["methods"] = [method]
    written, faults = hl7v2.base().write(got.type, got.frames)
    obx = next(line for line in lines(written) if line.startswith("OBX")).split("|")
    again = sets(hl7v2.base().read(written), "result")[0].get("methods", [None])[0]
    return (obx[17] if len(obx) > 17 else ""), [fault.place for fault in faults], again


@pytest.mark.parametrize(
    ("version", "field"),
    [("2.3", "^flow cytometry"), ("2.5.1", "^flow cytometry"), ("2.6", "^" * 8 + "flow cytometry")],
)
def test_a_text_without_a_code_stands_where_the_version_has_its_place(version: str, field: str) -> None:
    assert written_method({"text": "flow cytometry"}, version) == (field, [], {"text": "flow cytometry"})


CODED = {"codings": [{"code": "FC", "system": "urn:id:L", "version": "3"}], "text": "flow cytometry"}


def test_a_coded_element_has_no_place_for_a_text_beside_its_code_and_says_so() -> None:
    field, homeless, again = written_method(CODED, "2.5.1")
    assert field == "FC^^L"
    assert homeless == ["result.methods"]
    assert again == {"codings": [{"code": "FC", "system": "urn:id:L"}]}
    assert written_method(CODED, "2.6") == ("FC^^L^^^^3^^flow cytometry", [], CODED)


def test_a_third_coding_has_a_place_from_2_6_on() -> None:
    three = {"codings": [{"code": code, "system": "urn:id:L"} for code in "ABC"]}
    assert written_method(three, "2.5.1") == ("A^^L^B^^L", ["result.methods"], {"codings": three["codings"][:2]})
    assert written_method(three, "2.8") == ("A^^L^B^^L^^^^C^^L", [], three)


def test_a_sender_who_writes_coded_elements_as_they_will_be_gets_them_so() -> None:
    got = read(METHOD.format(method="FC^^L^^^^3^^flow cytometry"))
    assert sets(got, "result")[0]["methods"] == [CODED]
    sets(got, "result")[0]["methods"] = [{**CODED, "text": "another"}]
    written, faults = hl7v2.base().write(got.type, got.frames, got.residual)
    assert "|FC^^L^^^^3^^another" in written.decode()
    assert faults == []


def test_a_field_is_written_from_the_version_that_has_it() -> None:
    """OBX-21 is of 2.6; who sends it before gets it back."""
    rest = "OBR|1||F1^LAB|T^^L\rOBX|1|NM|X^^L||1||||||F||||||||||I7^LAB\r"
    got = read(rest)
    fresh, faults = hl7v2.base().write(got.type, got.frames)
    assert b"I7" not in fresh
    assert [fault.place for fault in faults] == ["result.instance"]
    assert b"|I7^LAB\r" in hl7v2.base().write(got.type, got.frames, got.residual)[0]
    later = read(rest, version="2.6")
    assert b"|I7^LAB\r" in hl7v2.base().write(later.type, later.frames)[0]


def test_a_segment_that_its_sender_leaves_empty_stays_so_when_another_place_of_the_order_is_edited() -> None:
    """ORC-31 and OBR-50 say the same; the OBR is there and empty, and what it leaves out is no answer to an edit."""
    got = read("ORC|NW|P1^EHR" + "|" * 29 + "A^a^L\rOBR|\rTXA|1|CN\r", "MDM^T02")
    (order,) = sets(got, "order")
    del order["parent_service"]
    assert lines(hl7v2.base().write(got.type, got.frames, got.residual)[0])[2:4] == ["ORC|NW|P1^EHR", "OBR|"]


def test_a_segment_that_only_begins_an_order_takes_nothing_from_its_neighbour() -> None:
    """The number stands in OBR-2 alone; an ORC whose only field was taken away says no more than it must."""
    got = read("ORC" + "|" * 31 + "A^a^L\rOBR||P1^EHR\rTXA|1|CN\r", "MDM^T02")
    (order,) = sets(got, "order")
    del order["parent_service"]
    written = lines(hl7v2.base().write(got.type, got.frames, got.residual)[0])
    assert not any(line.startswith("ORC") and "P1" in line for line in written)
    second = read("ORC|NW|P0^EHR\rORC" + "|" * 31 + "A^a^L\rOBR||P1^EHR\rTXA|1|CN\r", "MDM^T02")
    del sets(second, "order")[1]["parent_service"]
    written = lines(hl7v2.base().write(second.type, second.frames, second.residual)[0])
    assert written[2:5] == ["ORC|NW|P0^EHR", "ORC|NW", "OBR||P1^EHR"]


def test_two_results_of_one_test_stay_two_results() -> None:
    got = read("OBR|1||F1^LAB|T^^L\rOBX|1|NM|X^^L||1||||||F\rOBX|2|NM|X^^L||2||||||F\r")
    keys = [frame["key"] for frame in got.frames if frame["kind"] == "result"]
    assert len(set(keys)) == 2
    assert keys[1].endswith("#2")


def test_results_are_counted_on_from_the_obx_that_is_a_field() -> None:
    got = read("ORC|NW|P1^EHR\rOBR|1|P1^EHR||T^^L\rOBX|1|ST|COI^^CGT||CH1||||||F\rOBX|2|ST|X^^L||a||||||F\r", "OML^O21")
    assert [frame["identifiers"][0]["value"] for frame in sets(got, "order")] == ["CH1"]
    written = lines(hl7v2.base().write(got.type, got.frames)[0])
    assert [line[:6] for line in written if line.startswith("OBX")] == ["OBX|1|", "OBX|2|"]


def test_from_2_7_on_the_chain_of_identity_has_a_field_of_its_own() -> None:
    got = read("ORC|NW|P1^EHR\rOBR|1|P1^EHR||T^^L\rOBX|1|ST|COI^^CGT||CH1||||||F\r", "OML^O21")
    frames = [{**f, "set": {**f["set"], "version": "2.7"}} if f["kind"] == "message" else f for f in got.frames]
    written, faults = hl7v2.base().write(got.type, frames)
    assert not any(line.startswith("OBX") for line in lines(written))
    orc = next(line for line in lines(written) if line.startswith("ORC"))
    assert orc.split("|")[33].startswith("CH1")
    assert faults == []


def test_a_time_of_death_means_a_death_and_pid_30_is_written_beside_it() -> None:
    body = HEAD.format(type="ADT^A08^ADT_A01", version="2.5.1").rstrip("\r") + "|" * 26 + "20260331\r"
    got = hl7v2.base().read(body.encode())
    assert sets(got, "subject")[0]["deceased"] is True
    pid = lines(hl7v2.base().write(got.type, got.frames)[0])[1].split("|")
    assert pid[29:31] == ["20260331", "Y"]
    assert lines(hl7v2.base().write(got.type, got.frames, got.residual)[0]) == lines(body.encode())


def test_results_that_an_admission_carries_keep_their_report() -> None:
    got = read("ORC|RE|P1^EHR|F1^LAB\rOBR|1|P1^EHR|F1^LAB|T^^L\rOBX|1|NM|X^^L||1||||||F\r", "ADT^A01^ADT_A01")
    (report,) = sets(got, "report")
    assert [item["value"] for item in report["identifiers"]] == ["F1", "P1"]
    assert sets(got, "result")[0]["report"]["frame"].startswith("report:")


@pytest.mark.parametrize(("said", "meant"), [("F", "female"), ("female", "female"), ("M", "male"), ("A", "other")])
def test_a_sex_is_read_and_its_own_spelling_goes_back_to_its_sender(said: str, meant: str) -> None:
    body = HEAD.format(type="ADT^A08", version="2.5.1").rstrip("\r") + f"|||||{said}\r"
    got = hl7v2.base().read(body.encode())
    assert sets(got, "subject")[0]["sex"] == meant
    assert lines(hl7v2.base().write(got.type, got.frames, got.residual)[0]) == lines(body.encode())


def test_an_acknowledgement_is_read_whatever_message_it_answers() -> None:
    body = b"MSH|^~\\&|A|B|C|D|20260308||ACK^R01^ACK|9|P|2.5.1\rMSA|AA|M1\r"
    got = hl7v2.base().read(body)
    assert got.type == "ACK"
    assert sets(got, "answer") == [{"code": "AA", "control_id": "M1"}]
    assert sets(got, "message")[0]["trigger"] == "R01"


def test_the_partners_zone_and_name_space_stand_in_where_a_message_leaves_them_out() -> None:
    partner = hl7v2.adapter(zone="America/New_York", system="https://mercy.example/mrn")
    got = partner.read(b"MSH|^~\\&|A|B|C|D|20260308120000||ADT^A08|1|P|2.5.1\rPID|1||123\r")
    head, identity = sets(got, "message")[0], sets(got, "identity")[0]
    assert head["sent_at"]["at"] == "2026-03-08T16:00:00Z"
    assert identity["identifiers"] == [{"value": "123", "system": "https://mercy.example/mrn", "assumed": True}]
    assert b"PID|1||123\r" in partner.write(got.type, got.frames)[0]
