"""A laboratory's cell counts: exports of instruments and ASM to results with the digits of the file; and the laws."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import asm, json_text
from adapters.asm import Adapter, Read, Unparsable, Unsupported, clock, export
from adapters.asm import workbook as sheets
from canonical_model.catalogue import EVENTS
from canonical_model.frames import check, set_schemas
from canonical_model.ids import COI_SYSTEM
from mappings import events
from mappings.account import FATES
from mappings.faults import TableError
from tests.scale import share
from tests.standards import ROOT

SAMPLES = ROOT / "tests" / "samples" / "asm"
KINDS = {name: row.about for name, row in EVENTS.items()}
ZONE, SYSTEM = "America/New_York", "https://lab.example/id"
FILES = ("vi_cell_blu.csv", "vi_cell_xr.txt", "nucleoview.csv", "counts.json")
BLU = (SAMPLES / "vi_cell_blu.csv").read_text(encoding="utf-8")
Tree = dict[str, Any]


@cache
def adapter(zone: str = ZONE) -> Adapter:
    return asm.adapter(set_schemas(), (), zone, SYSTEM, KINDS)


def read(name: str) -> Read:
    return adapter().read((SAMPLES / name).read_bytes())


def blu(**cells: str) -> Read:
    """A Vi-CELL BLU export of one sample, with some of its cells changed."""
    header, row, *_ = BLU.splitlines()
    named = dict(zip(header.split(","), row.split(","), strict=True))
    changed = {**named, **{key.replace("_", " "): value for key, value in cells.items()}}
    return adapter().read(f"{','.join(changed)}\n{','.join(changed.values())}\n".encode())


def value(told: Read, test: str) -> tuple[str, str]:
    """Number and unit of the one result of a test."""
    (found,) = (f["set"]["value"]["quantity"] for f in told.frames if f["set"]["criterion"] == test)
    return found["value"], found["unit"]


# ---- golden pairs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_file_becomes_the_results_of_its_sample(name: str) -> None:
    told = read(name)
    assert told.frames == json.loads((SAMPLES / name).with_suffix(".frames.json").read_bytes())
    for frame in told.frames:
        check(frame)


@pytest.mark.parametrize("name", FILES)
def test_the_results_of_a_sample_become_its_document(name: str) -> None:
    frames = json.loads((SAMPLES / name).with_suffix(".frames.json").read_bytes())
    body, faults = adapter().write("asm/results", frames)
    assert body == (SAMPLES / name).with_suffix(".written.json").read_bytes().strip()
    told = {"vi_cell_blu.csv": ["zone-stated", "precision-lost"], "vi_cell_xr.txt": ["zone-stated"]}
    assert [fault.code for fault in faults] == told.get(name, [])


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_is_valid_by_the_judge_of_allotropy(name: str) -> None:
    schemas = pytest.importorskip("allotropy.allotrope.schemas")
    schemas.validate_asm_schema(json.loads((SAMPLES / name).with_suffix(".written.json").read_bytes()))


# ---- what is carried --------------------------------------------------------------------------------------------


def test_a_number_keeps_the_digits_of_the_file_and_not_those_of_a_float() -> None:
    told = read("vi_cell_blu.csv")
    first = {f["set"]["criterion"]: f["set"]["value"]["quantity"] for f in told.frames[:10]}
    assert first["total-cell-density"] == {
        "value": "1.110",
        "unit": "10*6/mL",
        "unit_system": "http://unitsofmeasure.org",
    }
    assert first["viable-cell-circularity"]["value"] == "0.930"


def test_cells_by_millilitre_become_millions_without_losing_a_digit() -> None:
    told = read("nucleoview.csv")
    assert value(told, "viable-cell-density") == ("1.50", "10*6/mL")
    assert value(told, "dead-cell-density") == ("0.197", "10*6/mL")


@pytest.mark.parametrize("number", ["0", "0.0", "100", "0.1", "99.999999999999", "1e1", "33.3000000"])
def test_any_number_is_the_number_of_its_cell(number: str) -> None:
    told = blu(**{"Viability (%)": number})
    from decimal import Decimal

    assert Decimal(value(told, "viability")[0]) == Decimal(number)


def test_a_sample_that_opens_with_a_chain_of_identity_names_its_order() -> None:
    orders = [f["set"]["order"]["identifiers"][0] for f in read("vi_cell_blu.csv").frames if "order" in f["set"]]
    assert len(orders) == 10
    assert orders[0] == {"system": COI_SYSTEM, "value": "CHA999926000012", "assumed": True, "type": "coi"}


def test_a_result_asserts_a_fact_named_by_sample_test_and_time() -> None:
    told = read("counts.json")
    facts = list(events.assertions(told.map, told.frames, "lab/m"))
    assert {fact["type"] for fact in facts} == {"result.reported"}
    assert len({json.dumps(fact["about"]["identifiers"]) for fact in facts}) == len(facts) == 4
    assert facts[0]["occurred"]["at"] == "2026-03-25T18:05:00Z"


def test_the_same_export_read_twice_is_the_same() -> None:
    assert read("vi_cell_blu.csv").frames == read("vi_cell_blu.csv").frames
    assert read("vi_cell_blu.csv").residual == read("vi_cell_blu.csv").residual


def test_an_analyst_whom_the_file_does_not_name_is_not_made_up() -> None:
    assert all("observers" not in frame["set"] for frame in read("vi_cell_xr.txt").frames)
    assert b"Vi-Cell XR" not in json_text.dumps([frame["set"] for frame in read("vi_cell_xr.txt").frames])


def test_a_local_time_is_of_the_partners_zone_and_an_hour_that_does_not_exist_is_told() -> None:
    told = read("vi_cell_blu.csv")
    times = [frame["set"]["analysed_at"] for frame in told.frames]
    assert (times[0]["at"], times[0]["zone"], times[0]["assumed_zone"]) == ("2026-03-25T18:05:00Z", ZONE, True)
    assert times[-1]["unclear"]
    assert [f.place for f in told.faults if f.code == "time-unclear"] == ["group[11]"]


def test_a_day_that_could_be_its_month_is_told_and_a_file_that_shows_the_way_is_read_so() -> None:
    unsure = blu(**{"Analysis date/time": "3/4/2026 10:00"})
    assert {fault.code for fault in unsure.faults} == {"date-unsure", "sample-unplaced"}
    assert unsure.frames[0]["set"]["analysed_at"]["local"] == "2026-03-04T10:00"
    both = BLU.replace("3/25/2026 14:05", "25/3/2026 14:05").replace("3/8/2026 2:30", "3/4/2026 2:30")
    shown = adapter().read(both.encode())
    assert {f["set"]["analysed_at"]["local"] for f in shown.frames} == {"2026-03-25T14:05", "2026-04-03T02:30"}
    assert not [fault for fault in shown.faults if fault.code == "date-unsure"]


def test_what_the_instrument_could_not_count_is_named_by_line_and_no_result() -> None:
    told = read("vi_cell_blu.csv")
    assert [(f.code, f.place) for f in told.faults if f.code == "value-unread"] == [
        ("value-unread", "line 3 (Cell count)")
    ]
    assert [f["set"]["criterion"] for f in told.frames[10:]].count("total-cell-count") == 0
    assert ("cell", {"Cell count": "ERROR"}) in [(piece.name, piece.wire) for piece in told.pieces]


def test_a_doubtful_number_is_no_result() -> None:
    told = read("nucleoview.csv")
    assert [(f.code, f.place) for f in told.faults] == [("value-unread", "line 7 (Total (cells/ml))")]
    assert not [f for f in told.frames if f["set"]["criterion"] == "total-cell-density"]


@pytest.mark.parametrize(
    "written", ['"3,120"', "3.120", '"3 120"', "3'120", "~3120", "3120?", ">3000", "3.12e", "1_000"]
)
def test_a_count_that_is_no_plain_number_is_no_result_and_told(written: str) -> None:
    told = blu(**{"Cell count": written})
    assert not [f for f in told.frames if f["set"]["criterion"] == "total-cell-count"]
    assert value(told, "viable-cell-count") == ("2901", "{cells}")
    assert [(f.code, f.place) for f in told.faults if f.code == "value-unread"] == [
        ("value-unread", "line 2 (Cell count)")
    ]
    assert ("cell", {"Cell count": written.strip('"')}) in [(piece.name, piece.wire) for piece in told.pieces]


@pytest.mark.parametrize(
    ("label", "test"),
    [
        ("Viability (%)", "viability"),
        ("Viable (x10^6) cells/mL", "viable-cell-density"),
        ("Average diameter (μm)", "cell-diameter"),
        ("Dilution", "dilution-factor"),
    ],
)
@pytest.mark.parametrize("written", ['"1,030"', '"92,98"'])
def test_a_decimal_comma_is_no_number_of_any_quantity(label: str, test: str, written: str) -> None:
    """Neither with what the package makes of it, nor refused in silence."""
    try:
        told = blu(**{label: written})
    except Unparsable as held:
        assert (held.code, held.place) == ("export-unreadable", "line 2")
        return
    assert not [f for f in told.frames if f["set"]["criterion"] == test]
    assert [f.place for f in told.faults if f.code == "value-unread"] == [f"line 2 ({label})"]


def test_the_micro_sign_in_a_label_is_the_greek_letter() -> None:
    told = adapter().read(BLU.replace("\u03bcm", "\u00b5m").encode())
    assert told.frames == read("vi_cell_blu.csv").frames
    assert [f.code for f in told.faults] == [f.code for f in read("vi_cell_blu.csv").faults]


def test_a_quantity_whose_cell_is_not_found_is_told(tmp_path: Path) -> None:
    (tmp_path / "asm").mkdir()
    columns = json.dumps({**adapter().library.maps["asm/results"]["columns"], "total cell count": ["Cells"]})
    text = f"map: asm/site\nlike: asm/results\nfor: [asm/site]\ncolumns: {columns}\n"
    (tmp_path / "asm" / "site.yaml").write_text(text, encoding="utf-8")
    told = asm.adapter(set_schemas(), (tmp_path / "asm",), ZONE, SYSTEM, KINDS).read(BLU.encode())
    assert not [f for f in told.frames if f["set"]["criterion"] == "total-cell-count"]
    assert ("value-unread", "line 2 (total cell count)") in [(f.code, f.place) for f in told.faults]


def test_a_count_with_its_thousands_is_no_result_in_the_text_of_a_report() -> None:
    body = (SAMPLES / "vi_cell_xr.txt").read_bytes().replace(b"Total cells : 2210", b"Total cells : 2,210")
    told = adapter().read(body)
    assert not [f for f in told.frames if f["set"]["criterion"] == "total-cell-count"]
    assert [(f.code, f.place) for f in told.faults] == [("value-unread", "line 10 (Total cells)")]


def nucleoview(**cells: str) -> Read:
    """A NucleoView export with some of its lines changed."""
    text = (SAMPLES / "nucleoview.csv").read_text(encoding="utf-8")
    for line in text.splitlines():
        label = line.partition(";")[0]
        if label in cells:
            text = text.replace(line, f"{label};{cells[label]};")
    return adapter().read(text.encode())


def test_a_calculated_value_with_a_comma_is_no_result() -> None:
    told = nucleoview(**{"Cell diameter standard deviation (um)": "2,10", "Dead (cells/ml)": "197,000"})
    tests = {f["set"]["criterion"] for f in told.frames}
    assert not tests & {"x-Cell diameter standard deviation (um)", "dead-cell-density"}
    assert tests >= {"viability", "viable-cell-density", "cell-diameter"}
    assert {f.place for f in told.faults} >= {
        "line 6 (Dead (cells/ml))",
        "line 10 (Cell diameter standard deviation (um))",
    }


def samples_of(told: Read) -> set[str]:
    """The names of all samples, whole."""
    sets = [frame["set"] for frame in told.frames]
    return {s["sub_id"] if "sub_id" in s else s["material"]["identifiers"][0]["value"] for s in sets}


@pytest.mark.parametrize(
    ("image", "sample"),
    [
        ("20260325-0007-c-DP-0418", "DP-0418"),
        ("20260325-0007-c-DP-0419", "DP-0419"),
        ("20260325-0007-c-DP0419", "DP0419"),
        ("20260325-0007-c-0041", "0041"),
        ("20260325-0007-c-DP,0418", "DP,0418"),
        ("20260325-0007-c-CHA999926000012-D7", "CHA999926000012-D7"),
    ],
)
def test_a_sample_named_by_its_image_keeps_every_hyphen(image: str, sample: str) -> None:
    told = nucleoview(Image=image)
    assert samples_of(told) == {sample}
    assert len(told.frames) == 6


@pytest.mark.parametrize("name", ["00417", "NA", "None", "nan", "1e5", "3.10", "TRUE", "DP-0418", "12-000417"])
def test_a_samples_name_is_the_text_of_its_cell(name: str) -> None:
    assert samples_of(blu(**{"Sample ID": name})) == {name}


def test_a_sample_without_a_name_is_held_and_costs_no_other() -> None:
    told = adapter().read(BLU.replace("CHA999926000012-D7", "").encode())
    assert samples_of(told) == {"DP-0417"}
    assert [(f.code, f.place) for f in told.faults if f.severity == "error"] == [("export-unreadable", "line 2")]


CEDEX = {
    "Sample identifier": "00417",
    "Reactor identifier": "0012",
    "Date finished": "2026-03-25 14:05:00",
    "Viability": "92.10",
    "Viable Cell Conc.": "1500000",
    "Total Cell Conc.": "1700000",
    "Total Cell Count": "3,120",
    "Cedex ID": "0071",
    "System name": "Cedex 1",
    "System description": "Lab 1",
    "Username": "r.okafor",
    "Dilution": "1",
}


def test_names_of_a_workbook_keep_their_zeros_and_a_count_with_a_comma_is_none() -> None:
    told = adapter().read(workbook([list(CEDEX), list(CEDEX.values())]))
    assert samples_of(told) == {"00417"}
    assert {f["set"]["batch"]["identifiers"][0]["value"] for f in told.frames} == {"0012"}
    assert {f["set"]["devices"][0]["value"] for f in told.frames} == {"0071"}
    assert value(told, "viability") == ("92.10", "%")
    assert not [f for f in told.frames if f["set"]["criterion"] == "total-cell-count"]
    assert [(f.code, f.place) for f in told.faults] == [("value-unread", "line 2 (Total Cell Count)")]


def test_samples_of_two_instruments_in_one_file_have_no_instrument() -> None:
    other = {**CEDEX, "Cedex ID": "0072"}
    told = adapter().read(workbook([list(CEDEX), list(CEDEX.values()), list(other.values())]))
    assert not [f for f in told.frames if "devices" in f["set"]]


def test_a_converters_sign_for_nothing_is_no_zero() -> None:
    assert not [f for f in read("counts.json").frames if f["set"]["criterion"] == "dead-cell-density"]


def test_one_sample_that_cannot_be_read_costs_no_other() -> None:
    told = adapter().read(BLU.replace("92.98", "ERROR").encode())
    (error,) = (fault for fault in told.faults if fault.severity == "error")
    assert (error.code, error.place) == ("export-unreadable", "line 2")
    assert {f["set"]["material"]["identifiers"][0]["value"] for f in told.frames} == {"DP-0417"}


# ---- what a site says -------------------------------------------------------------------------------------------


def overlaid(folder: Path, dialect: str) -> Adapter:
    (folder / "asm").mkdir(exist_ok=True)
    text = f"map: asm/site\nlike: asm/results\nfor: [asm/site]\ndialect: {dialect}\n"
    (folder / "asm" / "site.yaml").write_text(text, encoding="utf-8")
    return asm.adapter(set_schemas(), (folder / "asm",), ZONE, SYSTEM, KINDS)


def test_a_site_says_what_its_samples_names_name(tmp_path: Path) -> None:
    dialect = (
        '{sample: "(?P<batch>LOT-[0-9-]+)/(?P<container>B[0-9]+)", systems: {container: "https://foundry.example/bag"}}'
    )
    site = overlaid(tmp_path, dialect)
    body = BLU.replace("CHA999926000012-D7", "LOT-26-7/B2").encode()
    told = site.read(body)
    first = told.frames[0]["set"]
    assert first["container"]["identifiers"] == [{"system": "https://foundry.example/bag", "value": "B2"}]
    assert first["batch"]["identifiers"][0]["value"] == "LOT-26-7"
    again = site.read(site.write("asm/site", told.frames)[0])
    assert again.frames[0]["set"]["container"] == first["container"]


@pytest.mark.parametrize(
    "dialect",
    ['{sample: "("}', '{sample: "(?P<patient>.*)"}', "{zone: Nowhere/Town}", "{colour: red}", "{day_first: 7}"],
)
def test_a_map_that_says_nonsense_is_refused_at_the_start(tmp_path: Path, dialect: str) -> None:
    with pytest.raises(TableError):
        overlaid(tmp_path, dialect)


# ---- laws -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_document_written_with_its_residual_says_what_it_said(name: str) -> None:
    told = read(name)
    body, faults = adapter().write(told.type, told.frames, told.residual)
    assert faults == []
    again = adapter().read(body)
    assert again.frames == told.frames
    if name.endswith(".json"):
        assert json_text.normal(json_text.loads(body)) == json_text.normal(
            json_text.loads((SAMPLES / name).read_bytes())
        )


@pytest.mark.parametrize("name", FILES)
def test_every_leaf_of_the_document_has_exactly_one_fate(name: str) -> None:
    told = read(name)
    body, _ = adapter().write(told.type, told.frames, told.residual)
    cells = sum(piece.name == "cell" for piece in told.pieces)
    entries = list(told.entries())
    assert {entry.fate for entry in entries} <= set(FATES)
    assert len(entries) == sum(told.summary().values()) == len(list(json_text.leaves(json_text.loads(body)))) + cells


def test_an_edited_result_is_written_where_it_stood_and_nothing_else_changes() -> None:
    told = read("counts.json")
    told.frames[0]["set"]["value"] = {"quantity": {**told.frames[0]["set"]["value"]["quantity"], "value": "70.10"}}
    body, faults = adapter().write(told.type, told.frames, told.residual)
    before = json_text.loads((SAMPLES / "counts.json").read_bytes())
    after = json_text.loads(body)
    changed = [
        (place, text)
        for (place, text), (_, old) in zip(
            json_text.leaves(_sorted(after)), json_text.leaves(_sorted(before)), strict=True
        )
        if text != old
    ]
    assert faults == []
    assert [text for _, text in changed] == ["70.10"]


def _sorted(tree: Any) -> Any:
    return json_text.loads(json_text.normal(tree))


def test_a_result_that_goes_takes_its_quantity_along_and_no_other() -> None:
    told = read("counts.json")
    body, _ = adapter().write(told.type, told.frames[1:], told.residual)
    assert b"viability" not in body
    assert [f["set"]["criterion"] for f in adapter().read(body).frames] == [
        f["set"]["criterion"] for f in told.frames[1:]
    ]


def test_results_of_one_measurement_that_disagree_on_its_time_are_told() -> None:
    told = read("counts.json")
    later = {**told.frames[1]["set"]["analysed_at"], "local": "2026-03-26T09:00:00", "at": "2026-03-26T13:00:00Z"}
    told.frames[1]["set"]["analysed_at"] = later
    _, faults = adapter().write(told.type, told.frames, told.residual)
    assert [(fault.code, fault.place) for fault in faults] == [("no-home", "result.analysed_at")]


# ---- hostile and clumsy -----------------------------------------------------------------------------------------


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def packed(**parts: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return body.getvalue()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "instrument-unknown"),
        (b"\x00\x01\x02", "file-kind"),
        (b"name,value\nA,1\n", "instrument-unknown"),
        (b"PK\x03\x04 but no zip", "xlsx-unreadable"),
        (packed(readme_xml=b"<x/>"), "file-kind"),
        (packed(xl__workbook_xml=b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'), "xml-doctype"),
        (packed(xl__workbook_xml="<x/>".encode("utf-16")), "xlsx-unreadable"),
        (packed(xl__workbook_xml=b"<x/>", xl__sheet_xml=b" " * 40_000_000), "file-too-large"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file-kind"),
        (b"x" * (2 * 1024 * 1024 + 1), "file-too-large"),
        (b"{", "json-syntax"),
        (b"{}", "asm-shape"),
        (b'{"$asm.manifest": 7}', "asm-shape"),
        (b'{"$asm.manifest": "x", "a": ' + b"[" * 90 + b"]" * 90 + b"}", "json-too-deep"),
        (BLU.splitlines()[0].encode(), "export-empty"),
        ((BLU.splitlines()[0] + '\n"CLB').encode(), "csv-quotes"),
        ((BLU.splitlines()[0] + "\nA,1,1\n").encode(), "export-unreadable"),
        (
            workbook([["Vi-CELL XR 2.06.3"], ["x"], ["y"], [], ["Sample ID", "File"], ["", ""], ["S", "f"]]),
            "export-unreadable",
        ),
        (workbook([["Something", "else"]]), "instrument-unknown"),
        (workbook([["x"] * 300]), "file-too-large"),
    ],
)
def test_a_file_that_cannot_be_read_is_held_with_one_clear_fault(body: bytes, code: str) -> None:
    with pytest.raises(Unparsable) as held:
        adapter().read(body)
    assert held.value.code == code
    assert held.value.place
    assert len(held.value.remedy) > 15


def test_a_document_of_another_technique_is_refused_by_name() -> None:
    with pytest.raises(Unsupported) as refused:
        adapter().read(b'{"$asm.manifest": "x", "solution analyzer aggregate document": {}}')
    assert (refused.value.code, refused.value.message_type) == ("unsupported-message", "asm/other")


def test_a_cell_that_looks_like_a_formula_is_a_text() -> None:
    sheet = [["Vi-CELL XR 2.06.3"], ["-"], ["Unit S/N: A1"], ["-"]]
    header = ["Sample ID", "Sample date/time", "Viability (%)", "Viable cells /ml (x10^6)", "Comment"]
    row = ["=1+1", "25 Mar 2026  2:07:45 PM", "90.10", "4.30", '=HYPERLINK("http://x")']
    told = adapter().read(sheets.written([*sheet, header, [" "] * 5, row]))
    assert value(told, "viability") == ("90.10", "%")
    assert told.frames[0]["set"]["material"]["identifiers"][0]["value"] == "=1+1"


def test_too_many_samples_are_refused_before_anything_is_read() -> None:
    header, row, *_ = BLU.splitlines()
    with pytest.raises(Unparsable, match="file-too-large"):
        export.read("\n".join([header, *[row] * (export.MAX_RECORDS + 1)]).encode())


def test_a_sample_with_endless_values_is_refused_before_anything_is_read() -> None:
    endless = "".join(f"label {n};{n};\n" for n in range(2_000))
    with pytest.raises(Unparsable, match="file-too-large"):
        adapter().read((SAMPLES / "nucleoview.csv").read_bytes() + endless.encode())


def test_without_the_package_the_fault_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "allotropy.parsers.beckman_vi_cell_blu.vi_cell_blu_parser", None)
    with pytest.raises(Unparsable) as held:
        read("vi_cell_blu.csv")
    assert (held.value.code, "cgt-hub[lab]" in held.value.remedy) == ("extra-missing", True)


def survives(body: bytes) -> None:
    """Frames that fit the schemas, or one refusal."""
    try:
        told = adapter().read(body)
    except (Unparsable, Unsupported):
        return
    for frame in told.frames:
        check(frame)
    adapter().write(told.type, told.frames, told.residual)


@settings(max_examples=share(300), deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash_it(body: bytes) -> None:
    survives(body)


@settings(max_examples=share(60), deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_no_damaged_file_crashes_it(name: str, data: st.DataObject) -> None:
    body = bytearray((SAMPLES / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=6))
    survives(bytes(body))


LEAF = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just({"value": 1, "unit": "%"}))
NAMES = st.sampled_from(
    ["measurement aggregate document", "measurement document", "processed data aggregate document", "analyst", "unit",
     "processed data document", "sample document", "sample identifier", "measurement time", "value", "x",
     "data processing document", "calculated data aggregate document", "calculated data document"]
)  # fmt: skip
TREES = st.recursive(
    LEAF, lambda t: st.one_of(st.lists(t, max_size=3), st.dictionaries(NAMES, t, max_size=4)), max_leaves=12
)


@settings(max_examples=share(400), deadline=None)
@given(TREES)
def test_no_shape_of_a_document_crashes_it(tree: Any) -> None:
    root = {"$asm.manifest": "m", "cell counting aggregate document": {"cell counting document": [tree]}}
    survives(json.dumps(root).encode())


@given(st.text(max_size=30), st.booleans())
def test_no_text_crashes_the_clock(text: str, first: bool) -> None:
    clock.local(text, first)
    clock.offset(text)
    clock.day_first([text])
