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
TYPES = {"OML^O21", "ORM^O01", "ORU^R01", "ADT^A01", "ADT^A08", "ADT^A40", "ACK"}


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
