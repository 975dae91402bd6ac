"""Identifiers with a structure: published vectors, every spelling, every wrong character; aliases of systems."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from canonical_model import BASE
from canonical_model.identifiers import (
    KINDS,
    Misread,
    aliases,
    check_character,
    check_digit,
    checks,
    dates,
    kinds,
    known,
    mod_37_2,
    parts,
    read,
    show,
    system_of,
)
from canonical_model.ids import COI_SYSTEM, name_key
from canonical_model.records import RECORDS

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DIN = "G123417654321"
DIN_SYSTEM = "https://www.isbt128.org/uri/DonationIdentificationNumber"


@pytest.mark.parametrize(("number", "check"), [("G123498654321", "H"), ("G123417654321", "A")])
def test_check_characters_are_as_published(number: str, check: str) -> None:
    """ISBT 128 Standard Technical Specification, appendix A; ISO/IEC 7064, MOD 37-2."""
    assert check_character(number) == check


@pytest.mark.parametrize(("digits", "check"), [("10614141123456789", "7"), ("952114111111", "6")])
def test_check_digits_are_as_published(digits: str, check: str) -> None:
    assert check_digit(digits) == check


@given(st.text(UPPER, min_size=2, max_size=20), st.data())
def test_no_wrong_or_swapped_character_keeps_its_check_value(number: str, data: st.DataObject) -> None:
    """What ISO/IEC 7064 promises of a pure system: all single substitutions, all transpositions of neighbours."""
    at = data.draw(st.integers(0, len(number) - 2))
    other = data.draw(st.sampled_from(UPPER))
    changed = f"{number[:at]}{other}{number[at + 1 :]}"
    swapped = f"{number[:at]}{number[at + 1]}{number[at]}{number[at + 2 :]}"
    for wrong in (changed, swapped):
        assert (mod_37_2(wrong) == mod_37_2(number)) == (wrong == number)


@pytest.mark.parametrize("char", ["*", "a", "-", " ", "é", "٣"])
def test_other_characters_have_no_check_value(char: str) -> None:
    with pytest.raises(ValueError, match="only digits and capital letters"):
        mod_37_2(f"G1234{char}")


# ---- spellings ------------------------------------------------------------------------------------------------

SPELLINGS = [
    ("din", DIN, [f"={DIN}", f"={DIN}00", f"={DIN}70", "G1234 17 654321", "G1234 17 654321 A", "g1234 17 654321 00 a"]),
    ("coi", "CHA999926000012", ["&/CHA999926000012", "cha999926000012", " CHA999926000012 "]),
    ("mpho", "A9999E0398A999921123456A00000", ["A9999 E0398 A999921123456 A00000"]),
    (
        "sec",
        "FR123456A999926123456AS11280000120271231",
        ["SEC:FR123456A999926123456 AS11280000120271231", "&,4FR123456A999926123456AS11280000120271231"],
    ),
    ("consignment", "A999926123450102", ["=$A999926123450102"]),
    ("grid", f"9991A999926123456{mod_37_2('9991A999926123456'):02d}", []),
    ("isbt-lot", "LOT7A1", ["&,1000000000000LOT7A1", "000000000000LOT7A1", "lot7a1"]),
    ("supplemental", "77", ["&,2000000000000000077"]),
    ("donor", "A9999ABCDEFGH12345678", ["=;A9999ABCDEFGH12345678"]),
    ("sscc", "106141411234567897", [" 106141411234567897 "]),
    ("gtin", "09521141012345", ["9521141012345"]),
    ("gtin", "00000096385074", ["96385074"]),
    ("gtin", "00614141999996", ["614141999996"]),
    ("sgtin", "09521141012345.S-1", ["9521141012345.S-1"]),
    ("gtin-lot", "09521141012345.LOT.7", ["9521141012345.LOT.7"]),
    ("gln", "9521141111116", []),
    ("gln-extension", "9521141111116.B12", []),
    ("grai", "00614141123452400", []),
    ("giai", "4000001111", []),
]


@pytest.mark.parametrize(("type_", "value", "spellings"), SPELLINGS)
def test_every_spelling_is_one_identifier(type_: str, value: str, spellings: list[str]) -> None:
    expected = {"system": KINDS[type_].system, "value": value, "type": type_}
    for spelling in (value, *spellings):
        assert read(type_, spelling) == expected
    if not KINDS[type_].clause.startswith("GS1"):  # GS1's brackets are read by `read_scan`, with what stands beside
        assert read(type_, show(expected)) == expected


def test_every_kind_is_tried_and_names_a_record() -> None:
    assert {type_ for type_, *_ in SPELLINGS} | {"isbt-unit"} == set(KINDS)
    assert {record for kind in KINDS.values() for record in kind.names} <= set(RECORDS)
    assert len({kind.system for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("type_", "text", "code"),
    [
        ("din", "G1234 17 654321 B", "check-digit"),
        ("din", "=G12341765432171", "check-digit"),
        ("din", "O123417654321", "identifier-unreadable"),
        ("din", "G12341765432", "identifier-unreadable"),
        ("din", "", "identifier-unreadable"),
        ("coi", "CHA99992600001", "identifier-unreadable"),
        ("coi", "CHO999926000012", "identifier-unreadable"),
        ("grid", "0991A99992612345600", "identifier-unreadable"),
        ("grid", f"9991A999926123456{(mod_37_2('9991A999926123456') + 1) % 37:02d}", "check-digit"),
        ("grid", "9991A99992612345637", "check-digit"),
        ("sec", "FR123456A999926123456AS11280000120270230", "date-unreadable"),
        ("sec", "FR123456A999926123456XS11280000120271231", "identifier-unreadable"),
        ("isbt-lot", "000000000000000000", "identifier-unreadable"),
        ("isbt-lot", "L" * 19, "identifier-unreadable"),
        ("sscc", "106141411234567898", "check-digit"),
        ("gln", "9521141111117", "check-digit"),
        ("gtin", "952114101234", "check-digit"),
        ("gtin", "95211410123", "identifier-unreadable"),
        ("gtin", "٣521141012345", "identifier-unreadable"),
        ("grai", "10614141123452400", "identifier-unreadable"),
        ("grai", "00614141123453400", "check-digit"),
    ],
)
def test_what_is_none_is_refused_without_being_quoted(type_: str, text: str, code: str) -> None:
    with pytest.raises(Misread) as told:
        read(type_, text)
    assert told.value.code == code
    assert not text or text not in str(told.value)


def test_numbers_are_printed_as_labels_show_them() -> None:
    assert show({"type": "din", "value": DIN}) == "G1234 17 654321 A"
    assert show({"type": "sgtin", "value": "09521141012345.S.1"}) == "(01)09521141012345(21)S.1"
    assert show({"type": "grid", "value": "9991A99992612345600"}) == "9991 A999 9261 2345 600"
    assert show({"type": "mrn", "value": "4711"}) == show({"value": "4711"}) == "4711"
    assert show({"type": "din", "value": "4711"}) == "4711"


def test_a_number_is_taken_apart() -> None:
    assert parts(read("mpho", "A9999E0398A999921123456A00000")) == {
        "processor": "A9999",
        "product": "E0398",
        "din": "A999921123456",
        "division": "A00000",
    }
    assert parts(read("coi", "CHA999926000012")) == {"facility": "A9999", "year": "26", "sequence": "000012"}
    assert parts({"type": "din", "value": "4711"}) == parts({"value": DIN}) == {}


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=45))
def test_any_text_is_an_identifier_of_a_kind_or_is_refused(type_: str, text: str) -> None:
    for each in (text, text.upper(), f"{SPELLINGS[0][1]}{text}"):
        try:
            found = read(type_, each)
        except Misread:
            continue
        assert read(type_, found["value"]) == found


# ---- aliases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "system",
    [
        DIN_SYSTEM,
        DIN_SYSTEM.lower(),
        f"{DIN_SYSTEM.replace('https', 'http')}/",
        "urn:oid:2.16.840.1.113883.6.18.2.1",
        "2.16.840.1.113883.6.18.2.1",
        "urn:oid:2.16.840.1.113883.6.18",
        "https://www.isbt128.org/uri/",
        "http://terminology.hl7.org/CodeSystem/ib",
        "ISBT128",
        "urn:id:ISBT128",
        "urn:id:ISBT%20128",
        "ICCBBA",
        "DIN",
    ],
)
def test_a_donation_is_one_however_its_system_is_spelt(system: str) -> None:
    for value in (DIN, f"={DIN}00", "G1234 17 654321"):
        assert known({"system": system, "value": value}) == {"type": "din", "system": DIN_SYSTEM, "value": DIN}
        assert name_key("collection", {"system": system, "value": value}) == name_key(
            "collection", {"system": DIN_SYSTEM, "value": DIN}
        )


@pytest.mark.parametrize(
    ("system", "value", "normal"),
    [
        ("urn:oid:2.51.1.1", "9521141012345", ("gtin", "09521141012345")),
        ("https://www.gs1.org/gtin", "09521141012345", ("gtin", "09521141012345")),
        ("urn:oid:2.51.1.2", "106141411234567897", ("sscc", "106141411234567897")),
        ("2.51.1.3", "9521141111116", ("gln", "9521141111116")),
        ("https://id.gs1.org/417", "9521141111116", ("gln", "9521141111116")),
        ("https://id.gs1.org/01", "9521141012345", ("gtin", "09521141012345")),
        ("http://www.isbt128.org/uri/GRID", "x", None),
        (
            "urn:oid:2.16.840.1.113883.6.18.3.1",
            "A9999E0398A999921123456A00000",
            ("mpho", "A9999E0398A999921123456A00000"),
        ),
        ("https://www.isbt128.org/uri/ChainOfIdentity", "CHA999926000012", ("coi", "CHA999926000012")),
    ],
)
def test_an_alias_leads_to_the_published_system(system: str, value: str, normal: tuple[str, str] | None) -> None:
    found = known({"system": system, "value": value})
    if normal is None:
        assert found == {"system": system, "value": value}
    else:
        assert found == {"type": normal[0], "system": KINDS[normal[0]].system, "value": normal[1]}


@pytest.mark.parametrize(
    ("system", "value"),
    [
        ("ISBT128", "MRN-4711"),
        ("ISBT128", "G1234 17 654321 A"),
        ("urn:oid:2.51.1.2", "106141411234567898"),
        ("https://mercy.example/din", DIN),
        ("urn:id:MERCY", DIN),
        ("urn:oid:2.16.840.1.113883.6.18.99", DIN),
    ],
)
def test_an_alias_says_nothing_of_a_value_that_does_not_fit(system: str, value: str) -> None:
    assert known({"system": system, "value": value, "assigner": "M"}) == {
        "system": system,
        "value": value,
        "assigner": "M",
    }


def test_what_else_an_identifier_says_stays() -> None:
    said = {"system": "DIN", "value": DIN, "type": "collection", "assigner": "M"}
    assert known(said) == {**said, "system": DIN_SYSTEM}


@given(st.text(max_size=30), st.text(max_size=30))
def test_an_identifier_that_is_known_is_known_as_itself(system: str, value: str) -> None:
    assume(not system_of(system))
    assert known({"system": system, "value": value}) == {"system": system, "value": value}


def test_every_published_system_is_its_own_alias_or_ours() -> None:
    for kind in KINDS.values():
        ours = kind.system.startswith(f"{BASE}/id/")
        assert ours or kind.type in {"sgtin", "gtin-lot", "gln-extension"} or kind.type in system_of(kind.system)
    assert KINDS["coi"].system == COI_SYSTEM
    assert all(spelling == spelling.lower() for spelling in aliases.ALIASES)
    assert {type_ for _, type_, _, _ in aliases.rows()} <= set(KINDS)


# ---- dates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", [dates.ordinal, dates.calendar, dates.short])
@pytest.mark.parametrize("text", ["", "2", "999999", "999999999999", "00000000", "26x001", "٣٣٣٣٣٣", "2026-01-01"])
def test_what_is_no_date_is_refused(reader: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        reader(text)


@given(st.dates(date(1900, 1, 1), date(2899, 12, 31)), st.integers(0, 23), st.integers(0, 59))
def test_any_moment_comes_back_from_isbt_128(day: date, hour: int, minute: int) -> None:
    century = 9 if day.year < 2000 else (day.year - 2000) // 100
    written = f"{century}{day:%y%j}{hour:02d}{minute:02d}"
    assert dates.ordinal(written) == f"{day:%Y-%m-%d}T{hour:02d}:{minute:02d}"


@given(st.dates(date(1900, 1, 1), date(2899, 12, 31)), st.integers(-50, 49))
def test_a_date_of_gs1_lies_within_half_a_century(day: date, away: int) -> None:
    assert dates.short(f"{day:%y%m%d}", day.year + away) == day.isoformat()


def test_the_examples_of_the_docstrings_hold() -> None:
    for module in (aliases, checks, dates, kinds):
        assert doctest.testmod(module).failed == 0
