"""Codecs of delimited files, each read and written: numbers, units, local times, identifiers, tests, people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.mes_csv import base, dates
from adapters.mes_csv.codecs import CODECS, FINDING_SYSTEM, TEST_SYSTEM, UCUM, Cells
from adapters.mes_csv.dates import compile_format
from canonical_model.identifiers import SSCC, UNASSIGNED
from canonical_model.ids import COI_SYSTEM
from canonical_model.protocols import Criterion
from canonical_model.rules.specification import evaluate
from mappings.faults import Unreadable

BAG = "https://mercy.example/bag"
OWN = "https://cdmo.example/id"


def cells(at: str = "value", **said: Any) -> Cells:
    return Cells(zone="Europe/Berlin", codes=base().library.codes, at=at, **said)


def both_ways(codec: str, text: Any, m: Cells) -> Any:
    """What the codec reads; it writes the same text again."""
    read, write = CODECS[codec].read, CODECS[codec].write
    value = read(*text, m) if isinstance(text, tuple) else read(text, m)
    assert write(value, m) == text
    return value


# ---- numbers and units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [("92.10", ".", "92.10"), ("92,10", ",", "92.10"), ("-152,3", ",", "-152.3"), ("1E6", ".", "1E6")],
)
def test_a_decimal_keeps_its_digits_under_its_mark(text: str, mark: str, value: str) -> None:
    assert both_ways("decimal", text, cells(decimal=mark)) == value


@pytest.mark.parametrize(("text", "value"), [("+5", "5"), (".5", "0.5"), ("5.", "5"), ("−3", "-3")])
def test_a_loose_spelling_of_a_number_is_read(text: str, value: str) -> None:
    assert CODECS["decimal"].read(text, cells()) == value


@pytest.mark.parametrize(
    ("text", "mark"),
    [("1,234.5", "."), ("1.234,5", ","), ("92.1", ","), ("92,1", "."), ("1 000", "."), ("1'0", "."), ("٩٢", ".")],
)
def test_a_thousands_separator_or_the_other_mark_is_refused(text: str, mark: str) -> None:
    with pytest.raises(Unreadable, match="decimal mark"):
        CODECS["decimal"].read(text, cells(decimal=mark))


def test_a_number_takes_its_unit_from_the_unit_cell_as_ucum() -> None:
    value = both_ways("quantity", ("EU/mL", "<0.50"), cells())
    assert value == {"value": "0.50", "unit": "{EU}/mL", "unit_system": UCUM, "comparator": "<"}


def test_a_unit_that_the_table_does_not_know_stays_a_text() -> None:
    assert both_ways("quantity", ("furlongs", "3"), cells()) == {"value": "3", "unit_text": "furlongs"}


def test_the_ehrlich_unit_is_read_as_the_known_error_that_it_is() -> None:
    assert CODECS["quantity"].read("[EU]/mL", "1", cells())["unit"] == "{EU}/mL"


def test_an_international_unit_is_one_of_endotoxin_only_where_endotoxin_is_asked_for() -> None:
    """IL-2 is measured in IU too."""
    value = both_ways("quantity", ("IU/mL", "500"), cells())
    assert value == {"value": "500", "unit": "[IU]/mL", "unit_system": UCUM}
    asked = Criterion(test="endotoxin", high=Decimal(5), unit="{EU}/mL")
    assert evaluate(asked, {"value": {"quantity": value}}) == "out"
    assert evaluate(asked, {"value": {"quantity": {**value, "value": "0.5"}}}) == "in"
    other = Criterion(test="x-IL-2", high=Decimal(5), unit="{EU}/mL")
    assert evaluate(other, {"value": {"quantity": value}}) == "not-evaluated"


def test_a_unit_that_no_wire_code_stands_for_is_written_as_it_is() -> None:
    assert CODECS["quantity"].write({"value": "3", "unit": "mmol/L", "unit_system": UCUM}, cells()) == ("mmol/L", "3")


@pytest.mark.parametrize(("text", "sign"), [("≥ 80", ">="), ("≤80", "<="), ("=<5", "<="), (">= 5", ">=")])
def test_a_comparator_is_read_in_all_its_spellings(text: str, sign: str) -> None:
    assert CODECS["quantity"].read(None, text, cells())["comparator"] == sign


def test_a_number_in_a_column_of_one_unit_has_that_unit() -> None:
    m = cells("temperature", units={"temperature": "°C"})
    assert both_ways("quantity_in", "-152.3", m) == {"value": "-152.3", "unit": "Cel", "unit_system": UCUM}


@pytest.mark.parametrize("unit", [{"unit": "[degF]", "unit_system": UCUM}, {}])
def test_a_number_of_another_unit_has_no_place_in_a_column_of_one(unit: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        CODECS["quantity_in"].write({"value": "1", **unit}, cells("temperature", units={"temperature": "°C"}))


# ---- values of results ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (("%", "92.1"), {"quantity": {"value": "92.1", "unit": "%", "unit_system": UCUM}}),
        ((None, "no growth"), {"concepts": [{"codings": [{"code": "no-growth", "system": FINDING_SYSTEM}]}]}),
        ((None, "clear, colourless"), {"text": ["clear, colourless"]}),
        ((None, "1:128"), {"text": ["1:128"]}),
    ],
)
def test_a_value_is_a_number_a_finding_or_a_text(text: tuple[str | None, str], value: dict[str, Any]) -> None:
    assert both_ways("measurement", text, cells()) == value


@pytest.mark.parametrize("text", ["1.234,5", "1,5", "5-10", "92 %", "92%", "3 EU/mL", "1 000"])
def test_what_looks_like_a_number_never_hides_in_a_text(text: str) -> None:
    with pytest.raises(Unreadable):
        CODECS["measurement"].read(None, text, cells())


@pytest.mark.parametrize(
    "value",
    [
        {"boolean": True},
        {"text": ["one", "two"]},
        {"text": {"sealed": "t1"}},
        {"concepts": [{"text": "words"}]},
        {"concepts": [{"codings": [{"code": "nowhere", "system": FINDING_SYSTEM}]}]},
    ],
)
def test_a_value_that_a_cell_cannot_say_has_no_home(value: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        CODECS["measurement"].write(value, cells())


# ---- time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "text", "local"),
    [
        ("dd.mm.yyyy HH:MM", "14.03.2026 09:30", "2026-03-14T09:30"),
        ("dd.mm.yyyy", "14.03.2026", "2026-03-14"),
        ("dd-mmm-yyyy HH:MM:SS", "14-Mar-2026 09:30:05", "2026-03-14T09:30:05"),
        ("mm/dd/yyyy hh:MM AM", "03/14/2026 12:05 AM", "2026-03-14T00:05"),
        ("mm/dd/yyyy hh:MM AM", "03/14/2026 12:05 PM", "2026-03-14T12:05"),
        ("m/d/yyyy h:MM AM", "3/4/2026 9:30 PM", "2026-03-04T21:30"),
        ("d.m.yyyy H:MM", "4.3.2026 9:05", "2026-03-04T09:05"),
        ("yyyymmddHHMMSS", "20260314093005", "2026-03-14T09:30:05"),
        ("iso", "2026-03-14T09:30", "2026-03-14T09:30"),
        ("mm/yyyy", "03/2026", "2026-03"),
    ],
)
def test_a_local_time_is_read_and_written_by_its_format(form: str, text: str, local: str) -> None:
    value = both_ways("instant", text, cells(formats=(compile_format(form),)))
    assert (value["local"], value["zone"], value["assumed_zone"]) == (local, "Europe/Berlin", True)


def test_an_offset_of_its_own_is_no_assumption() -> None:
    value = both_ways("instant", "14.03.2026 09:30 -05:00", cells(formats=(compile_format("dd.mm.yyyy HH:MM Z"),)))
    assert (value["at"], value.get("assumed_zone")) == ("2026-03-14T14:30:00Z", None)


@pytest.mark.parametrize(
    ("text", "at"),
    [("29.03.2026 02:30", "2026-03-29T01:30:00Z"), ("25.10.2026 02:30", "2026-10-25T00:30:00Z")],
)
def test_an_hour_that_is_missing_or_double_is_marked_unclear(text: str, at: str) -> None:
    value = both_ways("instant", text, cells(formats=(compile_format("dd.mm.yyyy HH:MM"),)))
    assert (value["at"], value["unclear"]) == (at, True)


@pytest.mark.parametrize("text", ["14-Foo-2026 09:30 AM", "14-Mar-2026 13:30 AM", "14-Mar-2026 00:30 AM"])
def test_a_month_or_hour_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="calendar"):
        CODECS["instant"].read(text, cells(formats=(compile_format("dd-mmm-yyyy hh:MM AM"),)))


NO_TIMES = ["30.02.2026 10:00", "2026-03-14", "14.3.2026 10:00", "14.03.26 10:00", "14.03.2026 25:00", "x"]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_of_the_format_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        CODECS["instant"].read(text, cells(formats=(compile_format("dd.mm.yyyy HH:MM"),)))


def test_an_instant_of_another_zone_is_written_in_the_dialects_local_time() -> None:
    value = {"at": "2026-07-01T08:00:00Z", "local": "2026-07-01T04:00:00", "zone": "-04:00", "precision": "second"}
    formats = (compile_format("dd.mm.yyyy HH:MM:SS"),)
    assert dates.write(value, formats, "Europe/Berlin") == "01.07.2026 10:00:00"
    assert dates.read("01.07.2026 10:00:00", formats, "Europe/Berlin")["at"] == value["at"]


def test_an_instant_in_the_second_of_two_equal_hours_is_not_written_as_the_first() -> None:
    value = {"at": "2026-10-25T01:30:00Z", "local": "2026-10-25T01:30", "zone": "Z", "precision": "minute"}
    with pytest.raises(Unreadable):
        dates.write(value, (compile_format("dd.mm.yyyy HH:MM"),), "Europe/Berlin")


def test_a_day_is_never_written_as_an_hour() -> None:
    value = {"at": "2026-03-13T23:00:00Z", "local": "2026-03-14", "zone": "Europe/Berlin", "precision": "day"}
    formats = (compile_format("dd.mm.yyyy HH:MM"), compile_format("dd.mm.yyyy"))
    assert dates.write(value, formats, "Europe/Berlin") == "14.03.2026"
    with pytest.raises(Unreadable):
        dates.write(value, formats[:1], "Europe/Berlin")


def test_another_partners_assumed_time_goes_out_with_its_offset() -> None:
    value = {"at": "2026-03-14T08:30:00Z", "local": "2026-03-14T09:30", "zone": "Europe/Berlin", "precision": "minute"}
    assert dates.write({**value, "assumed_zone": True}, (compile_format("iso"),), "UTC") == "2026-03-14T09:30+01:00"


@pytest.mark.parametrize("form", ["dd.mm", "yyyy yyyy", "dd/mmm/mm/yyyy", "h:MM d.m.yyyy", "dd of mm yyyy", "HH", ""])
def test_a_format_that_leaves_a_part_out_is_a_fault_of_the_dialect(form: str) -> None:
    with pytest.raises(ValueError, match="format"):
        compile_format(form)


# ---- identifiers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("BAG-1", {"system": BAG, "value": "BAG-1"}),
        ("https://other.example/b/B%2F2", {"system": "https://other.example/b", "value": "B/2"}),
        ("https://id.gs1.org/00/106141412345678908", {"system": SSCC, "value": "106141412345678908"}),
        ("Beutel 7/2", {"system": BAG, "value": "Beutel 7/2"}),
    ],
)
def test_an_identifier_has_the_system_of_its_column_or_of_its_uri(text: str, value: dict[str, str]) -> None:
    assert both_ways("identifier", text, cells("container", systems={"container": BAG})) == value


def test_a_number_without_a_declared_system_is_assumed_to_be_the_partners() -> None:
    assert both_ways("identifier", "B-1", cells("container", system="https://cdmo.example/id")) == {
        "system": "https://cdmo.example/id",
        "value": "B-1",
        "assumed": True,
    }
    assert both_ways("identifier", "B-1", cells("container"))["system"] == UNASSIGNED


@pytest.mark.parametrize("text", ["BAG\u200b1", "BAG\n1", "BAG\x071", "https://id.gs1.org/00/106141412345678900"])
def test_an_identifier_with_invisible_characters_or_a_wrong_check_digit_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        CODECS["identifier"].read(text, cells("container"))


def test_an_identifier_that_would_be_read_as_another_has_no_home() -> None:
    m = cells("container", systems={"container": BAG})
    for value in ({"system": "not a uri", "value": "1"}, {"system": UNASSIGNED, "value": "1"}):
        with pytest.raises(Unreadable):
            CODECS["identifier"].write(value, m)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("106141412345678908", {"system": SSCC, "value": "106141412345678908"}),
        ("020-12345675", {"system": OWN, "value": "020-12345675", "assumed": True, "type": "awb"}),
        ("TRK 77", {"system": OWN, "value": "TRK 77", "assumed": True}),
    ],
)
def test_a_shipment_is_an_sscc_an_air_waybill_or_a_number_of_its_own(text: str, value: dict[str, Any]) -> None:
    assert both_ways("shipment", text, cells("shipment", system=OWN)) == value


@pytest.mark.parametrize("text", ["(00)106141412345678908", "00106141412345678908"])
def test_the_application_identifier_of_an_sscc_is_no_part_of_it(text: str) -> None:
    assert CODECS["shipment"].read(text, cells("shipment")) == {"system": SSCC, "value": "106141412345678908"}


def test_an_sscc_with_a_wrong_check_digit_is_refused() -> None:
    with pytest.raises(Unreadable, match="check digit"):
        CODECS["shipment"].read("106141412345678900", cells("shipment"))


def test_where_shipments_have_numbers_of_their_own_an_sscc_says_that_it_is_one() -> None:
    m = cells("shipment", systems={"shipment": "https://cdmo.example/transport"})
    assert both_ways("shipment", "106141412345678900", m)["system"] == "https://cdmo.example/transport"
    assert both_ways("shipment", "(00)106141412345678908", m) == {"system": SSCC, "value": "106141412345678908"}


def test_a_chain_of_identity_identifier_is_known_by_its_type() -> None:
    value = both_ways("coi", "CHA9999260000012", cells("order"))
    assert value == {"system": COI_SYSTEM, "value": "CHA9999260000012", "assumed": True, "type": "coi"}
    assert CODECS["coi"].read("&/CHA9999260000012", cells("order")) == value
    m = cells("order", systems={"order": "https://sponsor.example/order"})
    assert both_ways("coi", "PO-77", m) == {"system": "https://sponsor.example/order", "value": "PO-77"}


def test_a_list_cell_names_each_thing_once() -> None:
    m = cells("container", systems={"container": BAG})
    assert [each["value"] for each in both_ways("identifiers", "B-1, B-2", m)] == ["B-1", "B-2"]
    assert [each["value"] for each in CODECS["identifiers"].read("B-1,B-1 ,, B-2,", m)] == ["B-1", "B-2"]
    for value in ([{"system": BAG, "value": "B,1"}],):
        with pytest.raises(Unreadable):
            CODECS["identifiers"].write(value, m)
    with pytest.raises(Unreadable):
        CODECS["identifiers"].read(",", m)


BAG_LABEL = "=+05000=G12341765432100=<S1128V00=,A00000&+A9999ABC123&/CHA999926000012"


def test_a_scanned_label_gives_each_column_its_own_name() -> None:
    bag = {
        "system": "https://www.isbt128.org/uri/MPHOUniqueIdentifier",
        "value": "A9999S1128G123417654321A00000",
        "type": "mpho",
    }
    m = cells("container", systems={"container": BAG})
    assert CODECS["identifier"].read(BAG_LABEL, m) == bag
    assert CODECS["identifiers"].read(BAG_LABEL, m) == [bag]
    assert CODECS["identifier"].read(CODECS["identifier"].write(bag, m), m)["value"] == bag["value"]
    for label in (BAG_LABEL, "&/CHA999926000012=G12341765432100"):
        order = CODECS["coi"].read(label, cells("order"))
        assert order == {"system": COI_SYSTEM, "value": "CHA999926000012", "type": "coi"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("=G12341765432100", "identifier-unreadable"),
        ("=G12341765432171=<S1128V00", "check-digit"),
        ("(01)09521141012345(10)LOT7", "identifier-unreadable"),
        ("&#0204SMIT=#0119600229", "identifier-unreadable"),
    ],
)
def test_a_scan_that_names_no_container_is_refused_and_not_quoted(text: str, code: str) -> None:
    """A donation number alone would make all bags of a donation one; a person's number names no bag."""
    with pytest.raises(Unreadable) as told:
        CODECS["identifier"].read(text, cells("container", systems={"container": BAG}))
    assert told.value.code == code
    assert "SMIT" not in str(told.value)


def test_a_reference_names_its_record_by_one_identifier() -> None:
    value = both_ways("batch_link", "LOT-1", cells("batch", systems={"batch": OWN}))
    assert value == {"kind": "batch", "identifiers": [{"system": OWN, "value": "LOT-1", "type": "batch"}]}
    with pytest.raises(Unreadable):
        CODECS["batch_link"].write({**value, "identifiers": value["identifiers"] * 2}, cells("batch"))


# ---- tests, texts, people -------------------------------------------------------------------------------------


def test_a_test_is_a_hub_test_code_and_a_criterion() -> None:
    value = both_ways("test", "Viability", cells("test"))
    assert value == ({"codings": [{"code": "viability", "system": TEST_SYSTEM}]}, "viability")


def test_a_test_that_the_table_does_not_know_keeps_its_name() -> None:
    assert both_ways("test", "Beads per 3e6", cells("test"))[1] == "x-Beads per 3e6"


def test_a_test_is_written_by_its_criterion_where_its_codes_are_others() -> None:
    loinc = {"codings": [{"code": "33643-8", "system": "http://loinc.org", "display": "Endotoxin"}]}
    assert CODECS["test"].write((loinc, "endotoxin"), cells("test")) == "Endotoxin"
    assert CODECS["test"].write((loinc, None), cells("test")) == "Endotoxin"
    with pytest.raises(Unreadable):
        CODECS["test"].write(({}, None), cells("test"))


def test_people_and_free_texts_are_written_only_where_they_are_open() -> None:
    assert both_ways("person", "A. Schmidt", cells()) == {"name": {"text": "A. Schmidt"}}
    assert both_ways("free_text", "ok", cells()) == "ok"
    assert both_ways("concept", "Flow cytometry", cells()) == {"text": "Flow cytometry"}
    for codec, value in (("person", {"actor": "a1"}), ("free_text", {"sealed": "t1"}), ("concept", {})):
        with pytest.raises(Unreadable):
            CODECS[codec].write(value, cells())


def test_a_whole_number_has_digits_only() -> None:
    assert both_ways("integer", "12", cells()) == 12
    with pytest.raises(Unreadable):
        CODECS["integer"].read("1.5", cells())
