"""The adapter for delimited files: golden pairs both ways, dialects in YAML alone, and the facts that files state."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters import mes_csv
from adapters.mes_csv import Adapter
from adapters.reading import Read, Unsupported
from canonical_model import rules
from canonical_model.catalogue import EVENTS
from canonical_model.fold import fold
from canonical_model.frames import check, set_schemas
from canonical_model.identifiers import SSCC
from canonical_model.ids import COI_SYSTEM, content_id, name_key
from canonical_model.records import RECORDS
from mappings import events, send
from mappings.faults import TableError

SAMPLES = Path(__file__).parents[1] / "samples" / "mes_csv"
EXAMPLE = Path(__file__).parents[2] / "examples" / "csv-dialect"
GERMAN = "mes_csv/nord-pruefergebnisse"
GOLDEN = ["qc_results", "receipts", "batch_steps", "batch_records", "material_lots", "dispositions", "slots"]


@cache
def base() -> Adapter:
    about = {name: event.about for name, event in EVENTS.items()}
    return mes_csv.adapter(set_schemas(), zone="America/New_York", system="https://cdmo.example/id", event_types=about)


@cache
def german() -> Adapter:
    return mes_csv.adapter(set_schemas(), [EXAMPLE / "overlay" / "mes_csv"])


def frames_of(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def read(name: str) -> Read:
    return base().read((SAMPLES / f"{name}.csv").read_bytes(), f"mes_csv/{name}")


def assertions(got: Read) -> list[dict[str, Any]]:
    return events.assertions(got.map, got.frames, "cdmo-a/file-1")


# ---- golden pairs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_a_sample_reads_as_its_golden_frames(name: str) -> None:
    got = read(name)
    assert got.frames == frames_of(SAMPLES / f"{name}.frames.json")
    for frame in got.frames:
        check(frame)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_frames_are_written_as_the_golden_file(name: str) -> None:
    frames = frames_of(SAMPLES / f"{name}.frames.json")
    body, faults = base().write(f"mes_csv/{name}", frames)
    assert body == (SAMPLES / f"{name}.written.csv").read_bytes()
    assert not faults
    assert base().read(body, f"mes_csv/{name}").frames == frames


@pytest.mark.parametrize("name", GOLDEN)
def test_a_sample_goes_back_to_its_sender_as_it_came(name: str) -> None:
    sent = (SAMPLES / f"{name}.csv").read_bytes()
    got = read(name)
    body, faults = base().write(got.type, got.frames, json.loads(json.dumps(got.residual)))
    assert body.replace(b",'=1+2", b",=1+2") == sent
    assert not faults


def test_the_account_of_a_sample_has_every_cell_and_its_row() -> None:
    got = read("qc_results")
    cells = csv.reader(io.StringIO((SAMPLES / "qc_results.csv").read_text(encoding="utf-8"), newline=""))
    assert sum(got.summary().values()) == sum(1 for row in cells for cell in row if cell)
    told = {(entry.piece, entry.ordinal, entry.place): entry for entry in got.entries()}
    value = told["row", 1, ("value",)]
    assert (value.fate, value.row, value.target) == ("carried", "Q6", "result.value")
    assert told["row", 1, ("sample",)].row == "G2"
    assert told["row", 2, ("unit",)].fate == "lossy"
    assert told["row", 1, ("?Room",)].fate == "residual"
    assert told["header", 1, ("order",)].fate == "lossy"


def test_a_unit_row_has_its_account_too(tmp_path: Path) -> None:
    units = "{delimiter: ',', units_row: true, units: {temperature: '°C'}}"
    (tmp_path / "site.yaml").write_text(
        f"map: site/units\nlike: mes_csv/receipts\ndialect: {units}\n", encoding="utf-8"
    )
    body = "CoI,Bag,Received At,Temp\n,,,[°F]\nCHA9999260000012,B-1,2026-03-01,-240\n".encode()
    adapter = mes_csv.adapter(overlays=[tmp_path])
    got = adapter.read(body, "site/units")
    assert got.frames[0]["set"]["inspection"]["temperature"]["unit"] == "[degF]"
    assert sum(got.summary().values()) == 4 + 1 + 4
    assert adapter.write("site/units", got.frames, got.residual)[0] == body
    fresh, faults = adapter.write("site/units", got.frames)
    assert [(fault.code, fault.place) for fault in faults] == [("no-home", "row 1 handling.inspection.temperature")]
    assert ",°C,".encode() in fresh


# ---- dialects -------------------------------------------------------------------------------------------------


def test_a_site_dialect_needs_no_python() -> None:
    assert not list(EXAMPLE.rglob("*.py"))
    body = (EXAMPLE / "sample.csv").read_bytes()
    got = german().read(body, GERMAN)
    assert got.frames == frames_of(EXAMPLE / "sample.frames.json")
    assert not got.faults
    assert german().write(GERMAN, got.frames, got.residual) == (body, [])


def test_a_site_dialect_is_written_fresh_in_its_own_words() -> None:
    frames = frames_of(EXAMPLE / "sample.frames.json")
    body, faults = german().write(GERMAN, frames)
    assert not faults
    lines = body.decode("cp1252").splitlines()
    assert lines[0].startswith("Therapieauftrag;Los;Probe;Beutel;Prüfung;Messwert;")
    assert lines[1].split(";")[4:11] == ["Viabilität", "92,10", "%", "80,0", "", "bestanden", "freigegeben"]
    assert german().read(body, GERMAN).frames == frames


def test_a_cell_with_two_lots_is_two_results_of_two_lots() -> None:
    results = [
        frame["set"]
        for frame in german().read((EXAMPLE / "sample.csv").read_bytes(), GERMAN).frames
        if frame["kind"] == "result"
    ]
    lots = [result["batch"]["identifiers"][0]["value"] for result in results if result["criterion"] == "viability"]
    assert lots == ["Los1", "Los2"]


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        ((SAMPLES / "qc_results.csv").read_bytes(), "mes_csv/qc_results"),
        ((SAMPLES / "receipts.csv").read_bytes(), "mes_csv/receipts"),
        ((EXAMPLE / "sample.csv").read_bytes(), GERMAN),
        (b"one,two\n1,2\n", ""),
        (b"\xff\xfe\x00", ""),
        (b"", ""),
    ],
)
def test_the_header_tells_the_dialect(body: bytes, dialect: str) -> None:
    assert german().detect(body) == dialect
    if dialect:
        assert german().read(body).type == dialect


def test_a_file_of_no_dialect_is_not_supported() -> None:
    for hint in ("", "site/unknown"):
        with pytest.raises(Unsupported, match="mes_csv/qc_results, mes_csv/receipts"):
            base().read(b"one,two\n1,2\n", hint)


def test_all_faults_of_a_dialect_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(
        """
map: site/wrong
like: mes_csv/qc_results
columns: {order: [CoI, Test], test: [Test], nonsense: [N]}
required: [order, missing]
same: [nowhere]
dialect:
  delimiter: ":"
  decimal: "'"
  encoding: latin
  date_format: [dd.mm]
  zone: Mars/Base
  units_row: maybe
  units: {nonsuch: "%"}
  systems: text
  separator: ""
  thousands: "_"
  colour: red
""",
        encoding="utf-8",
    )
    with pytest.raises(TableError) as wrong:
        mes_csv.adapter(overlays=[tmp_path])
    told = "\n".join(str(fault) for fault in wrong.value.faults)
    words = ("delimiter", "decimal", "encoding", "date_format", "zone", "units_row", "nonsuch", "systems", "separator")
    for word in (
        *words,
        "unknown word 'colour'",
        "`thousands` is one of",
        "nonsense",
        "missing",
        "nowhere",
        "the spelling 'Test' stands for",
    ):
        assert word in told


def test_a_column_of_the_sites_own_is_one_row_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "extends: mes_csv/qc_result\nrows:\n  - {id: S1, at: room, ignore: local}\n"
        "  - {id: S2, at: specification, into: result.reference_range}\n",
        encoding="utf-8",
    )
    (tmp_path / "site.yaml").write_text(
        "map: site/own\nlike: mes_csv/qc_results\n"
        "columns: {order: CoI, test: Test, room: Room, specification: Spec, value: Value}\n",
        encoding="utf-8",
    )
    adapter = mes_csv.adapter(set_schemas(), [tmp_path])
    got = adapter.read(b"CoI,Test,Spec,Room\nCHA9999260000012,Viability,NLT 70 %,R1\n", "site/own")
    assert got.frames[-1]["set"]["reference_range"] == "NLT 70 %"
    assert got.summary() == {"carried": 7, "ignored": 1}
    assert not got.faults


def test_columns_that_must_agree_are_told_where_they_do_not() -> None:
    body = b"CoI,Sample,Test,Report Date\nC-1,S-1,Viability,2026-03-01\nC-1,S-1,Endotoxin,2026-03-02\n"
    got = base().read(body, "mes_csv/qc_results")
    assert [(fault.code, fault.place) for fault in got.faults] == [("rows-disagree", "line 3 column 4 (reported_at)")]
    assert base().write(got.type, got.frames, got.residual) == (body, [])


def test_a_value_that_no_column_says_is_told_and_never_dropped_in_silence() -> None:
    frames = frames_of(SAMPLES / "qc_results.frames.json")
    frames[1]["set"]["reference_range"] = "70-100"
    frames[1]["set"]["value"] = {"boolean": True}
    frames[0]["set"]["requested_at"] = frames[0]["set"]["reported_at"]
    frames.append({"kind": "shipment", "key": "shipment:1", "set": {}})
    _, faults = base().write("mes_csv/qc_results", frames)
    assert {(fault.place, fault.severity) for fault in faults} == {
        ("file shipment frame", "lost"),
        ("row 1 report.requested_at", "lost"),
        ("row 1 result.value", "lost"),
        ("row 1 result.reference_range", "lost"),
    }


def test_a_column_that_the_dialect_has_not_and_an_empty_required_cell_are_told() -> None:
    frames = frames_of(EXAMPLE / "sample.frames.json")[:2]
    frames[0]["set"]["reported_at"] = frames[1]["set"]["analysed_at"]
    del frames[0]["set"]["order"]
    _, faults = german().write(GERMAN, frames)
    assert {(fault.code, fault.place) for fault in faults} == {
        ("no-home", "row 1 reported_at"),
        ("cell-missing", "row 1 order"),
    }


def test_a_header_that_grows_leaves_out_the_line_that_it_would_now_read() -> None:
    body = b"CoI,Test\nC-1,Viability\nC-1,Sterility,x\n"
    got = base().read(body, "mes_csv/qc_results")
    got.frames[1]["set"]["note"] = "new"
    written, faults = base().write(got.type, got.frames, got.residual)
    assert written == b"CoI,Test,Comment\nC-1,Viability,new\n"
    assert [(fault.code, fault.place, fault.severity) for fault in faults] == [("no-home", "row 2", "lost")]


def test_a_limit_of_another_unit_than_the_value_is_not_written_under_it() -> None:
    frames = frames_of(SAMPLES / "qc_results.frames.json")[:2]
    frames[1]["set"]["limit"]["low"].update(unit="{EU}/mL")
    body, faults = base().write("mes_csv/qc_results", frames)
    assert [fault.place for fault in faults] == ["row 1 result.limit.low"]
    assert b",92.10,%,,," in body


# ---- facts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN)
def test_every_fact_of_a_sample_fits_the_catalogue(name: str) -> None:
    for fact in assertions(read(name)):
        event = EVENTS[fact["type"]]
        assert event.about == fact["about"]["kind"]
        RECORDS[event.about].model_validate(fact["set"])


@pytest.mark.parametrize("word", ["INVALID", "Canceled", "CANCELLED", "void", "Withdrawn", "Deleted"])
def test_a_result_that_is_taken_back_is_invalidated_in_every_spelling(word: str) -> None:
    body = f"CoI,Test,Value,Unit,Status\nCHA9999260000029,Viability,92.0,%,{word}\n".encode()
    found = {fact["type"] for fact in assertions(base().read(body, "mes_csv/qc_results"))}
    assert "result.invalidated" in found
    assert "result.reported" not in found


def test_a_status_chooses_the_fact_and_the_record_stays_the_same() -> None:
    rows = ("C-1,L,S,Viability,74,final", "C-1,L,S,Viability,84,corrected", "C-1,L,S,Viability,,invalid")
    body = "\n".join(("CoI,Lot,Sample,Test,Value,Status", *rows)).encode()
    facts = [fact for fact in assertions(base().read(body, "mes_csv/qc_results")) if fact["about"]["kind"] == "result"]
    assert [fact["type"] for fact in facts] == ["result.reported", "result.corrected", "result.invalidated"]
    assert len({json.dumps(fact["about"]) for fact in facts}) == 1


def test_a_second_result_of_one_test_is_another_result() -> None:
    body = b"CoI,Lot,Test,Value,Status\nC-1,L,Viability,74,final\nC-1,L,Viability,84,final\nC-1,M,Viability,90,final\n"
    facts = [fact for fact in assertions(base().read(body, "mes_csv/qc_results")) if fact["about"]["kind"] == "result"]
    assert len({json.dumps(fact["about"]) for fact in facts}) == 3


def test_a_result_names_its_order_lot_bag_criterion_and_verdict() -> None:
    fact = next(fact for fact in assertions(read("qc_results")) if fact["type"] == "result.reported")
    assert fact["set"]["order"]["identifiers"][0]["value"] == "CHA9999260000012"
    assert fact["set"]["batch"]["identifiers"][0]["value"] == "LOT-7"
    assert fact["set"]["container"]["identifiers"] == [{"system": "https://mercy.example/bag", "value": "BAG-1"}]
    assert (fact["set"]["criterion"], fact["set"]["evaluation"]) == ("viability", "in")
    assert fact["occurred"]["at"] == "2026-03-01T09:00:00Z"


def test_a_receipt_hands_the_container_over_and_carries_the_order_of_its_row() -> None:
    facts = [fact for fact in assertions(read("receipts")) if fact["frame"].endswith("BAG-1")]
    assert [fact["type"] for fact in facts] == ["custody.transferred", "material.received", "shipment.accepted"]
    custody, material, shipment = facts
    for fact in (custody, material):
        assert fact["about"]["identifiers"] == [{"system": "https://mercy.example/bag", "value": "BAG-1"}]
        assert fact["set"]["order"]["identifiers"][0]["value"] == "CHA9999260000012"
        assert fact["occurred"]["at"] == "2026-03-05T19:05:00Z"
    assert not {"giver", "taker"} & custody["set"].keys()
    assert shipment["about"]["identifiers"] == [{"system": SSCC, "value": "106141412345678908"}]
    assert "order" not in shipment["set"], "a shipment may carry the bags of several orders"
    assert shipment["set"]["contents"][0]["kind"] == "container"


def test_a_rejected_container_is_no_accepted_shipment() -> None:
    facts = [fact for fact in assertions(read("receipts")) if "BAG-2" in fact["frame"]]
    assert [(fact["type"], fact["about"]["identifiers"][0]["value"]) for fact in facts] == [
        ("custody.transferred", "BAG-2"),
        ("custody.transferred", "BAG-3"),
        ("material.rejected", "BAG-2"),
        ("material.rejected", "BAG-3"),
        ("shipment.arrived", "020-12345675"),
    ]


def _inspected(word: str) -> list[dict[str, Any]]:
    row = f"CHA9999260000012,https://mercy.example/bag/BAG-1,020-12345675,2026-03-05T14:05:00Z,{word}"
    return assertions(base().read(f"CoI,Bag,SSCC,Received At,Inspection\n{row}\n".encode(), "mes_csv/receipts"))


@pytest.mark.parametrize(
    "word", ["FAIL", "Failed", "rejected", "NOK", "not OK", "Not accepted", "non-conforming", "OOS"]
)
def test_what_failed_its_inspection_is_rejected_in_every_spelling(word: str) -> None:
    assert [fact["type"] for fact in _inspected(word)] == [
        "custody.transferred",
        "material.rejected",
        "shipment.arrived",
    ]


@pytest.mark.parametrize("word", ["PASS", "passed", "Ok", "Accepted with deviation", "conforms", ""])
def test_what_passed_its_inspection_is_accepted_in_every_spelling(word: str) -> None:
    assert [fact["type"] for fact in _inspected(word)] == [
        "custody.transferred",
        "material.received",
        "shipment.accepted",
    ]


@pytest.mark.parametrize("word", ["see report", "F", "pending", "rejected?x", "on hold", "nicht bestanden"])
def test_an_inspection_that_nobody_can_read_accepts_nothing_and_a_person_must_look(word: str) -> None:
    facts = _inspected(word)
    assert [fact["type"] for fact in facts] == ["shipment.arrived", "issue.raised"]
    assert facts[1]["set"]["kind"] == "inspection-unclear"
    assert facts[1]["set"]["about"][0]["identifiers"][0]["value"] == "BAG-1"
    assert facts[1]["set"]["order"]["identifiers"][0]["value"] == "CHA9999260000012"


def test_an_inspection_that_nobody_can_read_is_kept_and_told_and_goes_back() -> None:
    body = b"CoI,Bag,Received At,Inspection\nC-1,BAG-1,2026-03-05T14:05:00Z,see report\n"
    got = base().read(body, "mes_csv/receipts")
    assert [(fault.code, fault.place) for fault in got.faults] == [("code-unknown", "line 2 column 4 (inspection)")]
    assert got.frames[0]["set"]["inspection"] == {"text": "see report"}
    assert base().write(got.type, got.frames, got.residual)[0] == body
    again = base().read(base().write(got.type, got.frames)[0], got.type)
    assert again.frames == got.frames


def test_a_remark_is_never_written_in_the_place_of_a_result() -> None:
    got = base().read(b"CoI,Bag,Received At,Inspection\nC-1,BAG-1,2026-03-05T14:05:00Z,pass\n", "mes_csv/receipts")
    got.frames[0]["set"]["inspection"] = {"result": "accepted", "text": "one label smeared"}
    body, faults = base().write(got.type, got.frames)
    assert b",accepted" in body
    assert [fault.severity for fault in faults] == ["lost"]
    got.frames[0]["set"]["inspection"] = {"text": "accepted"}
    body, faults = base().write(got.type, got.frames)
    assert b"accepted" not in body
    assert [fault.severity for fault in faults] == ["lost"]


@pytest.mark.parametrize(("word", "type_"), [("FAIL", "material.rejected"), ("PASSED", "material.received")])
def test_the_inspection_of_a_lot_is_read_in_every_spelling(word: str, type_: str) -> None:
    got = base().read(f"Material Lot,Material,Inspection\nL-1,Vector,{word}\n".encode(), "mes_csv/material_lots")
    assert [fact["type"] for fact in assertions(got)] == [type_]


def test_a_bag_number_of_no_known_system_names_no_record() -> None:
    adapter = mes_csv.adapter()
    got = adapter.read(b"CoI,Bag,Test,Value\nCHA9999260000012,BAG-1,Viability,92\n", "mes_csv/qc_results")
    assert got.frames[-1]["set"]["container"]["identifiers"][0]["value"] == "BAG-1"
    fact = assertions(got)[-1]
    assert "container" not in fact["set"]
    assert fact["set"]["order"]["identifiers"][0]["value"] == "CHA9999260000012"


# ---- what a partner is told -----------------------------------------------------------------------------------


def _sources(fact: dict[str, Any]) -> dict[str, Any]:
    """What a delivery knows of a fact: its fields, its record, the order."""
    order = fact["set"].get("order", {"identifiers": []})["identifiers"]
    return {
        "event": {**fact["set"], "occurred": fact["occurred"]},
        "about": {"identifiers": fact["about"]["identifiers"]},
        "order": {"identifiers": [{"system": "urn:id:EPIC", "value": "ORD-1", "type": "placer"}, *order]},
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_what_was_sent_of_a_fact_states_the_same_fact(name: str) -> None:
    got = read(name)
    told = [fact for fact in assertions(got) if fact["type"] in got.map["send"]]
    assert len(told) >= 3
    if name != "material_lots":  # whoever is told of anything else is told of an order
        told = [fact for fact in told if "order" in fact["set"]]
    for fact in told:
        frames = send.frames(got.map, fact["type"], _sources(fact))
        body, faults = base().write(got.type, frames)
        assert not faults
        again = next(f for f in assertions(base().read(body, got.type)) if f["about"]["kind"] == fact["about"]["kind"])
        assert (again["type"], again["about"], again["set"].keys()) == (fact["type"], fact["about"], fact["set"].keys())
        assert {k: v for k, v in again["set"].items() if k != "report"} == {
            k: v for k, v in fact["set"].items() if k != "report"
        }


def test_the_result_of_another_format_is_told_with_every_digit() -> None:
    fact = {
        "set": {
            "order": {
                "kind": "order",
                "identifiers": [{"system": "https://x.example/coi", "value": "C-1", "type": "coi"}],
            },
            "test": {"codings": [{"code": "viability", "system": "urn:id:CGT", "display": "Viability"}]},
            "value": {"quantity": {"value": "98.50", "unit": "%", "unit_system": "http://unitsofmeasure.org"}},
            "status": "final",
        },
        "about": {"identifiers": []},
        "occurred": {
            "at": "2026-03-10T18:00:00Z",
            "local": "2026-03-10T13:00:00",
            "zone": "-05:00",
            "precision": "second",
        },
    }
    frames = send.frames(base().map("mes_csv/qc_results"), "result.reported", _sources(fact))
    body, faults = base().write("mes_csv/qc_results", frames)
    assert b"https://x.example/coi/C-1,,,,Viability,,,98.50,%,,,,final,2026-03-10T13:00:00-05:00" in body
    assert {fault.place for fault in faults} == {"row 1 result.test", "row 1 result.criterion"}


# ---- the wrong bag --------------------------------------------------------------------------------------------


def _recorded(fact: dict[str, Any], partner: str, role: str) -> dict[str, Any]:
    """A fact with the envelope that the hub gives it."""
    return {
        **fact,
        "id": content_id(fact),
        "v": 1,
        "recorded": "2026-03-06T00:00:00Z",
        "reporter": {"partner": partner, "role": role},
        "source_id": "file-1",
        "ordinal": "1",
    }


@pytest.mark.parametrize(("coi", "mismatch"), [("CHA9999260000012", False), ("CHA9999260000029", True)])
def test_a_bag_received_for_another_order_is_an_identity_mismatch(coi: str, mismatch: bool) -> None:
    name = {"system": COI_SYSTEM, "value": "CHA9999260000012", "type": "coi"}
    bag = {"kind": "container", "identifiers": [{"system": "https://mercy.example/bag", "value": "BAG-1"}]}
    collected = {
        "type": "container.created",
        "frame": "material",
        "about": bag,
        "set": {"order": {"kind": "order", "identifiers": [name]}},
        "clear": [],
        "occurred": {"at": "2026-03-01T09:00:00Z", "local": "2026-03-01T09:00:00", "zone": "Z", "precision": "second"},
    }
    row = f"CoI,Bag,Received At\n{coi},https://mercy.example/bag/BAG-1,2026-03-05T14:05:00Z\n"
    received = assertions(base().read(row.encode(), "mes_csv/receipts"))
    facts = [_recorded(collected, "mercy", "hospital"), *(_recorded(fact, "cdmo-a", "cdmo") for fact in received)]
    found = rules.check(fold([name_key("order", name)], facts), {}, datetime(2026, 3, 6, tzinfo=UTC)).findings
    assert any(finding.rule == "I-1" and finding.severity == "critical" for finding in found) is mismatch
