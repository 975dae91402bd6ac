"""What a scanner sends: published vectors, round trips of any label, and that no scan does harm."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical_model.identifiers import (
    KINDS,
    check_character,
    check_digit,
    elements,
    from_uri,
    mod_37_2,
    read,
    structures,
    to_uri,
    to_urn,
)
from canonical_model.identifiers.elements import FNC1, applications
from canonical_model.identifiers.structures import STRUCTURES
from canonical_model.scans import MAX_SCAN, Scan, read_scan, reading, write_elements, write_structures

ROOT = Path(__file__).parent.parent.parent
DIN, COI = "G123417654321", "CHA999926000012"
ISBT_ROOT, GS1_ROOT = "https://www.isbt128.org/uri/", "https://id.gs1.org/"


def types(scan: Scan) -> list[str | None]:
    return [identifier.get("type") for identifier in scan.identifiers]


def codes(scan: Scan) -> list[str]:
    return [fault.code for fault in scan.faults]


# ---- ISBT 128 -------------------------------------------------------------------------------------------------


def test_the_second_character_of_a_donation_number_is_part_of_it() -> None:
    scan = read_scan(f"={DIN}00")
    assert scan.form == "isbt-128"
    assert scan.identifiers == ({"system": f"{ISBT_ROOT}DonationIdentificationNumber", "value": DIN, "type": "din"},)
    assert not scan.faults


def test_a_compound_message_gives_all_that_the_label_says() -> None:
    label = [
        ("001", f"{DIN}00"),
        ("003", "S1128V00"),
        ("005", "0263652359"),
        ("032", "A00000"),
        ("034", "A9999ABC123S1128"),
        ("035", "000000000000LOT7A1"),
        ("040", COI),
    ]
    scan = read_scan(write_structures(label, "000"))
    assert scan.faults == ()
    assert types(scan) == ["coi", "din", "mpho", "isbt-unit"]
    assert [i["value"] for i in scan.identifiers] == [
        COI,
        DIN,
        f"A9999S1128{DIN}A00000",
        f"{DIN}-S1128V00-A00000",
    ]
    assert scan.classes == ({"system": "https://cgt-hub.example/id/isbt-lot", "value": "LOT7A1", "type": "isbt-lot"},)
    assert scan.attributes == {
        "product": "S1128V00",
        "expiry": "2026-12-31T23:59",
        "division": "A00000",
        "processor": "A9999",
        "processor_product": "ABC123",
        "product_description": "S1128",
        "lot": "LOT7A1",
    }
    assert [(e.code, e.content) for e in scan.elements[1:]] == label


def test_concatenated_structures_need_no_compound_message() -> None:
    scan = read_scan(f"={DIN}00=<E0398V00=%9500=,A00000")
    assert scan.attributes == {"product": "E0398V00", "blood_group": "9500", "division": "A00000"}
    assert not scan.faults


@pytest.mark.parametrize("sent", [1, 3])
def test_a_compound_message_that_counts_otherwise_is_told(sent: int) -> None:
    text = f"=+02000={DIN}00" + "=<E0398V00" * (sent - 1)
    assert codes(read_scan(text)) == ["value-unreadable"]


def test_a_donation_number_names_no_container() -> None:
    """Else two bags of one donation would be one."""
    assert read_scan(f"={DIN}00").naming("container") == ()
    bag = read_scan(f"={DIN}00=<S1128VA0").naming("container")
    other = read_scan(f"={DIN}00=<S1128VB0").naming("container")
    assert bag and other and bag != other


def test_what_names_one_thing_is_kept_apart_from_what_names_many() -> None:
    scan = read_scan("(01)09521141012345(10)LOT7(21)S-1")
    assert types(scan) == ["sgtin"]
    assert [i["type"] for i in scan.classes] == ["gtin", "gtin-lot"]
    assert scan.naming("material") == ()


@pytest.mark.parametrize(
    ("number", "content", "name", "value"),
    [
        ("004", "026060", "expiry", "2026-03-01"),
        ("004", "999365", "expiry", "1999-12-31"),
        ("005", "0260602359", "expiry", "2026-03-01T23:59"),
        ("006", "024366", "collected", "2024-12-31"),
        ("007", "0260010000", "collected", "2026-01-01T00:00"),
        ("008", "026001", "produced", "2026-01-01"),
        ("026", "202602", "expiry", "2026-02"),
        ("031", "1001202603012359", "expiry", "2026-03-01T23:59"),
        ("031", "2002202603012359", "collected", "2026-03-01T23:59Z"),
        ("017", "1FE1234567", "container_catalogue", "1FE1234567"),
        ("018", "0000012345", "container_lot", "0000012345"),
    ],
)
def test_a_structure_becomes_an_attribute(number: str, content: str, name: str, value: str) -> None:
    scan = read_scan(write_structures([(number, content)]))
    assert scan.attributes == {name: value}
    assert not scan.faults


@pytest.mark.parametrize("number", ["004", "005", "006", "026", "031"])
def test_a_date_that_is_none_is_told_and_nothing_is_guessed(number: str) -> None:
    wrong = {"004": "026366", "005": "0260602460", "006": "026000", "026": "202613", "031": "1001202602300000"}[number]
    scan = read_scan(write_structures([(number, wrong)]))
    assert codes(scan) == ["date-unreadable"]
    assert not scan.attributes


def test_dimensions_keep_their_digits() -> None:
    scan = read_scan("&$02" + "01000100250100" + "01000812345000")
    assert scan.attributes["quantities"] == [
        {"of": "dimension-0001", "symbol": "01", "value": "25.0"},
        {"of": "dimension-0008", "symbol": "01", "value": "12345"},
    ]


def test_two_labels_in_one_scan_are_told_and_nothing_is_composed() -> None:
    scan = read_scan(f"={DIN}00=G12341765432200=<E0398V00")
    assert codes(scan) == ["places-disagree"]
    assert types(scan) == ["din"]


def test_a_single_european_code_is_read_from_paper_and_from_a_symbol() -> None:
    code = "FR123456A999926123456" + "AS112800" + "001" + "20271231"
    printed, scanned = read_scan(f"SEC:{code[:21]} {code[21:]}"), read_scan(f"&,4{code}")
    assert printed.identifiers == scanned.identifiers == (read("sec", code),)
    assert printed.attributes == scanned.attributes == {"expiry_day": "2027-12-31"}
    undated = code[:32] + "00000000"
    assert read_scan(f"&,4{undated}").attributes == {}
    assert codes(read_scan(f"&,4{code[:32]}20270230")) == ["date-unreadable"]


def test_flags_that_check_are_checked() -> None:
    assert mod_37_2(DIN) == 10
    right, wrong = read_scan(f"={DIN}70"), read_scan(f"={DIN}71")
    assert right.attributes == {"flags": "70"}
    assert codes(wrong) == ["check-digit"]
    assert wrong.identifiers == ()


@pytest.mark.parametrize(
    ("typed", "type_"),
    [
        ("G1234 17 654321 A", "din"),
        ("G1234 98 654321 00 H", "din"),
        ("g123417654321a", None),
        ("G1234 17 654321 B", None),
        (DIN, None),
        (COI, "coi"),
        ("A9999E0398A999921123456A00000", "mpho"),
        ("0109521141012345", "gtin"),
        ("00106141412345678908", "sscc"),
        ("00106141412345678907", None),
        ("0109521141012345PATIENT", None),
        ("BAG-1", None),
        ("4711", None),
    ],
)
def test_a_text_without_a_mark_is_read_only_where_there_is_no_doubt(typed: str, type_: str | None) -> None:
    scan = read_scan(typed)
    assert [i.get("type") for i in (*scan.identifiers, *scan.classes)] == ([type_] if type_ else [])
    assert not scan.faults
    assert scan.text == ("" if type_ else typed)


# ---- personal data --------------------------------------------------------------------------------------------

SECRET = "19610229X"
PERSONAL = [
    ("=#0119600229", "birth-date", "1960-02-29", "01"),
    ("&#0209" + SECRET, "patient-id", SECRET, "02"),
    ("='A9999" + SECRET[:6], "staff", "A9999" + SECRET[:6], ""),
    ("=(1006196002290000", "donor-death", "196002290000", ""),
    (f"(8018){'061414100000102534'}", "recipient", "061414100000102534", ""),
    (f"(8017){'061414100000102534'}", "provider", "061414100000102534", ""),
    ("(7250)19600229", "birth-date", "1960-02-29", ""),
    (f"(7253){SECRET}", "person", SECRET, ""),
    (f"(4301){SECRET}", "contact", SECRET, ""),
    ("https://id.gs1.org/8018/061414100000102534", "recipient", "061414100000102534", ""),
    ("urn:epc:id:gsrn:0614141.0000010253", "recipient", "061414100000102534", ""),
]


@pytest.mark.parametrize(("text", "kind", "value", "location"), PERSONAL)
def test_personal_data_stands_apart_and_is_shown_by_no_repr(text: str, kind: str, value: str, location: str) -> None:
    scan = read_scan(text)
    assert [(each.kind, each.value, each.location) for each in scan.personal] == [(kind, value, location)]
    assert scan.identifiers == scan.classes == ()
    assert not scan.attributes
    assert not scan.faults
    assert all(element.personal and not element.content for element in scan.elements)
    assert value not in repr(scan)


def test_a_patient_number_does_not_hide_what_follows_it() -> None:
    scan = read_scan(f"=+04000&#0209{SECRET}=#0119600229={DIN}00&/{COI}")
    assert types(scan) == ["coi", "din"]
    assert [each.kind for each in scan.personal] == ["patient-id", "birth-date"]
    assert not scan.faults


@pytest.mark.parametrize(
    "text",
    [
        "=#0119601332",
        f"&#0299{SECRET}",
        f"&#02X9{SECRET}",
        f"(7250){SECRET}",
        f"(01){SECRET}",
        f"={SECRET}",
        f"=?{SECRET}",
        f"https://id.gs1.org/01/{SECRET}",
        f"x\x00{SECRET}",
    ],
)
def test_no_fault_quotes_the_scan(text: str) -> None:
    scan = read_scan(text)
    assert "1960" not in repr(scan)
    assert SECRET not in repr(scan.faults)


# ---- GS1 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "(01)09521141012345(10)LOT7(17)270228(21)S-1",
        f"]d2010952114101234510LOT7{FNC1}1727022821S-1",
        f"{FNC1}010952114101234510LOT7{FNC1}1727022821S-1",
        "]C1" + "010952114101234510LOT7\u241d1727022821S-1\r\n",
        f"[)>\x1e05\x1d010952114101234510LOT7{FNC1}1727022821S-1\x1e\x04",
        "https://id.gs1.org/01/09521141012345/10/LOT7/21/S-1?17=270228",
        "https://brand.example/some/path/01/9521141012345/10/LOT7/21/S-1?17=270228&linkType=all",
    ],
)
def test_one_label_says_the_same_in_every_form(text: str) -> None:
    scan = read_scan(text)
    assert scan.faults == ()
    assert scan.identifiers == ({"system": f"{GS1_ROOT}01-21", "value": "09521141012345.S-1", "type": "sgtin"},)
    assert scan.attributes == {"lot": "LOT7", "expiry": "2027-02-28", "serial": "S-1"}
    assert [i["type"] for i in scan.classes] == ["gtin", "gtin-lot"]


@pytest.mark.parametrize(
    ("urn", "type_"),
    [
        ("urn:epc:id:sscc:0614141.1234567890", "sscc"),
        ("urn:epc:id:sgtin:0614141.712345.2017", "sgtin"),
        ("urn:epc:id:sgln:0614141.00777.0", "gln"),
        ("urn:epc:id:sgln:0614141.07346.1234", "gln-extension"),
        ("urn:epc:id:grai:0614141.12345.400", "grai"),
        ("urn:epc:id:giai:4000001.111", "giai"),
    ],
)
def test_a_urn_and_its_digital_link_are_one_identifier(urn: str, type_: str) -> None:
    link = to_uri(from_uri(urn))
    one, other = read_scan(urn), read_scan(link)
    assert one.identifiers == other.identifiers
    assert types(one) == [type_]
    assert to_urn(one.identifiers[0], 7) == urn


def test_weights_volumes_and_temperatures_are_quantities() -> None:
    scan = read_scan("]C1310300025031510000074331002000-")
    assert not scan.faults
    assert scan.attributes == {
        "quantities": [
            {"of": "net-weight", "value": "0.250", "unit": "kg"},
            {"of": "net-volume", "value": "0.7", "unit": "L"},
            {"of": "max-temperature", "value": "-20.00", "unit": "Cel"},
        ],
    }


def test_where_a_label_goes_is_not_what_it_is_on() -> None:
    scan = read_scan("(00)106141412345678908(410)9521141111116")
    assert types(scan) == ["sscc"]
    assert scan.attributes["ship_to"]["value"] == "9521141111116"


def test_a_party_beside_a_place_is_no_second_place() -> None:
    both = read_scan("(414)9521141111116(417)4012345002256")
    assert [i["value"] for i in both.identifiers] == ["9521141111116"]
    assert both.attributes["party"]["value"] == "4012345002256"
    assert [i["value"] for i in read_scan("(417)4012345002256").identifiers] == ["4012345002256"]


@pytest.mark.parametrize(
    ("digits", "year", "date"),
    [
        ("270228", None, "2027-02-28"),
        ("990228", None, "2099-02-28"),
        ("990228", 2026, "1999-02-28"),
        ("760228", 2026, "2076-02-28"),
        ("770228", 2026, "1977-02-28"),
        ("010228", 2060, "2101-02-28"),
        ("270200", None, "2027-02"),
    ],
)
def test_two_digits_of_a_year_are_read_from_the_year_of_reading(digits: str, year: int | None, date: str) -> None:
    assert read_scan(f"(17){digits}", year).attributes == {"expiry": date}


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("(00)106141412345678907", "check-digit", "character 1 (00)"),
        ("(01)09521141012346", "check-digit", "character 1 (01)"),
        ("(01)9521141012345", "value-unreadable", "character 1 (01)"),
        ("(17)270231", "date-unreadable", "character 1 (17)"),
        ("(10)LOT7(17)271331", "date-unreadable", "character 9 (17)"),
        (f"]C110LOT7{FNC1}05X", "piece-unsupported", "character 8"),
        (f"={DIN}00=?1", "piece-unsupported", "character 17"),
        (f"={DIN}00=<E03", "value-unreadable", "character 17 [003]"),
        (f"={DIN}00=<E0398#00", "value-unreadable", "character 17 [003]"),
        ("&:1234A99992612345699", "identifier-unreadable", "character 1 [039]"),
        ("&/XXA999926000012", "identifier-unreadable", "character 1 [040]"),
        ("https://id.gs1.org/00/106141412345678907", "check-digit", "(00)"),
        ("https://x.example/a b", "identifier-unreadable", ""),
        ("a\x07b", "identifier-unreadable", "character 2"),
        ("", "identifier-unreadable", ""),
        ("9" * (MAX_SCAN + 1), "too-large", ""),
    ],
)
def test_what_is_wrong_has_a_code_and_a_place(text: str, code: str, place: str) -> None:
    assert [(fault.code, fault.place) for fault in read_scan(text).faults] == [(code, place)]


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    sources = [*(ROOT / "canonical_model/scans").glob("*.py"), *(ROOT / "canonical_model/identifiers").glob("*.py")]
    used = {
        code
        for source in sources
        for code in re.findall(r"(?:\bMisread|\.fault|\bnothing)\(\s*\"([a-z-]+)\"", source.read_text(encoding="utf-8"))
    }
    assert len(used) >= 6
    assert {code for code in used if f"| `{code}` |" not in page} == set()


def test_application_identifiers_are_told_apart_by_their_beginning() -> None:
    known = sorted(applications())
    assert len(known) > 400
    assert not [ai for ai, following in pairwise(known) if following.startswith(ai)]


# ---- any label ------------------------------------------------------------------------------------------------

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DIGITS = "0123456789"


def text(alphabet: str, size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=size, max_size=size)


FINS = st.tuples(text("ABCDEFGHIJKLMNPQRSTUVWXYZ123456789", 1), text("ABCNPZ0189", 2), text(DIGITS, 2)).map("".join)
DINS = st.tuples(FINS, text(DIGITS, 8)).map("".join)
GRIDS = st.tuples(text("123456789", 1), text(DIGITS, 3), text(UPPER, 13)).map(
    lambda p: (lambda body: f"{body}{mod_37_2(body):02d}")("".join(p))
)
CONTENTS: dict[str, st.SearchStrategy[str]] = {
    "001": DINS.map(lambda din: f"{din}00"),
    "002": text(DIGITS, 4),
    "003": text(UPPER, 8),
    "004": st.just("027060"),
    "005": st.integers(0, 59).map(lambda minute: f"02706023{minute:02d}"),
    "006": st.integers(1, 365).map(lambda day: f"027{day:03d}"),
    "010": text(UPPER, 5),
    "018": text(UPPER, 10),
    "019": st.tuples(FINS, text(UPPER, 16)).map("".join),
    "024": st.integers(1, 28).map(lambda day: f"01196002{day:02d}"),
    "025": st.text(UPPER + "=&<", min_size=1, max_size=30).map(lambda number: f"01{len(number):02d}{number}"),
    "028": st.tuples(FINS, text(DIGITS, 11)).map("".join),
    "029": st.integers(1, 3).map(lambda count: f"{count:02d}" + "01000100250100" * count),
    "030": st.integers(1, 3).map(lambda count: f"{count:03d}" + "0040020206" * count),
    "032": text(UPPER, 6),
    "033": st.tuples(FINS, text(UPPER, 6)).map("".join),
    "035": text(UPPER, 6).map(lambda lot: f"L{lot}".zfill(18)),
    "039": GRIDS,
    "040": st.tuples(FINS, text(DIGITS, 2), text(UPPER, 6)).map(lambda p: f"CH{''.join(p)}"),
}
LABELS = st.lists(st.sampled_from(sorted(CONTENTS)), unique=True, min_size=1, max_size=8).flatmap(
    lambda numbers: st.tuples(*(st.tuples(st.just(number), CONTENTS[number]) for number in numbers))
)


@given(LABELS, st.sampled_from(["", "000", "017"]), st.sampled_from(["", "]C0", "]C4", "]d1"]))
def test_any_label_of_isbt_128_comes_back_structure_by_structure(
    label: tuple[tuple[str, str], ...], compound: str, symbology: str
) -> None:
    sent = write_structures(list(label), compound)
    scan = read_scan(symbology + sent)
    found = [(e.code, e.content) for e in scan.elements if e.code != "023"]
    expected = [(number, "" if number in {"024", "025"} else content) for number, content in label]
    assert scan.faults == ()
    assert found == expected
    assert len(scan.personal) == len({"024", "025"} & {number for number, _ in label})
    for number, type_ in (("001", "din"), ("039", "grid"), ("040", "coi"), ("028", "consignment"), ("019", "donor")):
        assert (number in dict(label)) == (type_ in types(scan))


def _valued(ai: str) -> st.SearchStrategy[str]:
    application = applications()[ai]
    keys = {"00": 17, "01": 13, "414": 12, "417": 12, "410": 12}
    if ai in keys:
        return text(DIGITS, keys[ai]).map(lambda digits: digits + check_digit(digits))
    if ai in {"11", "17"}:
        return st.integers(1, 28).map(lambda day: f"2702{day:02d}")
    if application.shape.fullmatch("A" * application.most):
        return st.text(UPPER + "!%&'*+,-./:;<=>?_a", min_size=1, max_size=application.most)
    return text(DIGITS, application.most)


AIS = ["00", "01", "10", "11", "17", "21", "37", "240", "254", "310" + "3", "400", "410", "414", "417", "7240", "91"]
ELEMENTS = st.lists(st.sampled_from(AIS), unique=True, min_size=1, max_size=8).flatmap(
    lambda ais: st.tuples(*(st.tuples(st.just(ai), _valued(ai)) for ai in ais))
)


@given(ELEMENTS)
def test_any_gs1_label_comes_back_with_fnc1_and_in_brackets(label: tuple[tuple[str, str], ...]) -> None:
    raw, bracketed = read_scan("]d2" + write_elements(label)), read_scan(write_elements(label, bracketed=True))
    for scan in (raw, bracketed):
        assert scan.faults == ()
        assert [(e.code, e.content) for e in scan.elements] == list(label)
    assert raw.identifiers == bracketed.identifiers
    assert raw.classes == bracketed.classes
    assert raw.attributes == bracketed.attributes
    given_ais = dict(label)
    assert ("sscc" in types(raw)) == ("00" in given_ais)
    assert ("sgtin" in types(raw)) == ({"01", "21"} <= given_ais.keys())


# ---- hostile scans --------------------------------------------------------------------------------------------

BEGINNINGS = st.sampled_from(
    [
        "",
        "=",
        "&",
        "=+",
        "&#",
        "&$",
        "&,",
        "(01)",
        "]C1",
        "]d2",
        "]E0",
        "SEC:",
        "[)>\x1e05\x1d",
        FNC1,
        "https://id.gs1.org/",
        "http://x.example/01/",
        "urn:epc:id:",
        "urn:",
        f"={DIN}00",
    ]
)


def _is_sound(scan: Scan) -> None:
    """Whatever came: identifiers have their structure, faults a code and a remedy, and nothing was made up."""
    for identifier in (*scan.identifiers, *scan.classes):
        if identifier.get("type") in KINDS:
            again = read(identifier["type"], identifier["value"])
            assert again == identifier
    assert all(fault.code and fault.remedy for fault in scan.faults)
    assert scan.form != "none" or (scan.faults and not scan.identifiers)


@given(BEGINNINGS, st.text(max_size=60))
def test_any_text_is_read_or_told(beginning: str, rest: str) -> None:
    _is_sound(read_scan(beginning + rest))


@given(BEGINNINGS, st.binary(max_size=60))
def test_any_bytes_are_read_or_told(beginning: str, rest: bytes) -> None:
    _is_sound(read_scan(beginning.encode() + rest))


@given(LABELS, st.integers(0, 300), st.text(max_size=3))
def test_a_damaged_label_is_read_or_told(label: tuple[tuple[str, str], ...], at: int, instead: str) -> None:
    sent = write_structures(list(label), "000")
    _is_sound(read_scan(sent[:at] + instead + sent[at + 1 :]))


@given(DINS, st.integers(0, 12), st.sampled_from(UPPER))
def test_no_wrong_character_of_a_typed_number_goes_unseen(din: str, at: int, other: str) -> None:
    """ISO/IEC 7064: MOD 37-2 detects every single substitution."""
    printed = f"{din}{check_character(din)}"
    wrong = printed[:at] + other + printed[at + 1 :]
    values = [i["value"] for i in read_scan(wrong).identifiers if i.get("type") == "din"]
    assert values == ([din] if wrong == printed and din[0].isalpha() else [])


LONG: dict[str, Callable[[int], str]] = {
    "structures": lambda size: "=<E0398V00" * (size // 10),
    "counts": lambda size: "&$99" * (size // 4),
    "elements": lambda size: "]d2" + f"10{FNC1}" * (size // 3),
    "unknown elements": lambda size: "]d2" + f"05{FNC1}" * (size // 3),
    "brackets": lambda size: "(10)" * (size // 4),
    "open brackets": lambda size: "(10)" + "(" * size,
    "path": lambda size: "https://id.gs1.org" + "/00" * (size // 3),
    "path without a key": lambda size: "https://x.example" + "/01/09521141012346" * (size // 17),
    "query": lambda size: "https://id.gs1.org/00/106141412345678908?" + "17=270228&" * (size // 10),
    "percent": lambda size: "https://x.example/" + "%41" * (size // 3),
    "digits": lambda size: "0" * size,
    "spaces": lambda size: "G1234" + " " * size + "A",
    "envelope": lambda size: "[)>\x1e05\x1d" + "\x1e" * size,
}


def calls(sent: str) -> int:
    """Functions called while a scan is read: what it costs, on a busy machine too."""
    count = 0

    def counted(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        read_scan(sent)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", sorted(LONG))
def test_a_scan_eight_times_as_long_costs_about_eight_times_as_much(shape: str) -> None:
    read_scan(LONG[shape](1000))  # what is made once is made
    assert calls(LONG[shape](8000)) < 8 * 1.5 * calls(LONG[shape](1000)) + 2_000


def test_lengths_are_those_of_their_structures() -> None:
    """A message of every structure that has one length, each of its length, is split where it was joined."""
    contents = [(s.number, "0" * s.size) for s in STRUCTURES.values() if s.number not in {"001", "023", "025"}]
    pieces = list(structures.split(write_structures(contents)))
    assert [(p.structure.number, p.content) for p in pieces if p.structure] == contents
    assert len(STRUCTURES) == 40


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(reading).failed == 0
    assert doctest.testmod(structures).failed == 0
    assert doctest.testmod(elements).failed == 0
