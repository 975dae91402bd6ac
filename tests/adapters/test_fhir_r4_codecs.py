"""Codecs of FHIR R4, each both ways; what they refuse, and what they say when something has no home."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import fhir_r4, times
from adapters.fhir_r4 import codecs, concepts, dates, numbers, people, references
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.identifiers import OWN_TYPES, TYPES, read_identifier, write_identifier
from adapters.json_text import Num
from canonical_model.values import When
from mappings.codes import overlay, parse
from mappings.faults import Unreadable


def document(zone: str = "Europe/Berlin", server: str = "", system: str = "") -> Document:
    m = Document(zone=zone, system=system, codes=fhir_r4.base().library.codes, base=server, place="Patient[1]")
    m.refs = references.References(m)
    return m


# ---- times ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("2026", "2025-12-31T23:00:00Z", "year"),
        ("2026-03", "2026-02-28T23:00:00Z", "month"),
        ("2024-02-29", "2024-02-28T23:00:00Z", "day"),
        ("2026-03-01T10:15:00Z", "2026-03-01T10:15:00Z", "second"),
        ("2026-03-01T10:15:00.120-05:00", "2026-03-01T15:15:00.120000Z", "fraction"),
    ],
)
def test_a_date_time_keeps_its_text_and_precision(text: str, at: str, precision: str) -> None:
    when = dates.read_date_time(text, document())
    assert (when["at"], when["precision"]) == (at, precision)
    When.model_validate(when)
    assert dates.write_date_time(when, document()) == text


@pytest.mark.parametrize(
    "text",
    [
        "26",
        "2026-3-1",
        "2026-13",
        "2026-02-29",
        "1971-02-31",
        "2026-03-01T10:15",
        "2026-03-01T10:15Z",
        "2026-03-01T10:15:00",
        "2026-03-01 10:15:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T10:15:60Z",
        "2026-03-01T10:15:00+25:00",
        "0000",
        "2026-03-01T10:15:00z",
        "２０２６",
    ],
)
def test_what_is_no_date_time_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        dates.read_date_time(text, document())


@pytest.mark.parametrize("value", [Num("2026"), 5, True, None, {}, [], "", "2026-01-01\x00"])
def test_a_date_time_is_a_text(value: Any) -> None:
    with pytest.raises(Unreadable):
        dates.read_date_time(value, document())


def test_a_time_without_an_offset_is_written_with_the_one_that_was_assumed() -> None:
    summer, winter = (times.when(f"2026-{month}-01T10:15:00", "", "Europe/Berlin") for month in ("07", "01"))
    assert dates.write_date_time(summer, document()) == "2026-07-01T10:15:00+02:00"
    assert dates.write_date_time(winter, document()) == "2026-01-01T10:15:00+01:00"


def test_seconds_are_zero_filled_and_an_hour_alone_is_a_date() -> None:
    m = document()
    assert dates.write_date_time(times.when("2026-07-01T10:15", "+02:00", ""), m) == "2026-07-01T10:15:00+02:00"
    assert m.faults == []
    assert dates.write_date_time(times.when("2026-07-01T10", "+02:00", ""), m) == "2026-07-01"
    assert [fault.code for fault in m.faults] == ["precision"]


def test_an_instant_is_known_to_the_second() -> None:
    with pytest.raises(Unreadable):
        dates.read_instant("2026-03-01", document())
    with pytest.raises(Unreadable):
        dates.write_instant(dates.read_date_time("2026-03-01", document()), document())


@pytest.mark.parametrize(
    ("canonical", "wire"), [("101530", "10:15:30"), ("1015", "10:15:00"), ("10:15:30.5", "10:15:30.5")]
)
def test_a_time_of_day_is_written_in_fhirs_form(canonical: str, wire: str) -> None:
    assert dates.write_time(canonical, document()) == wire
    assert dates.read_time(wire, document()) == wire


def test_a_birth_time_keeps_its_offset_and_gets_one_where_it_had_none() -> None:
    m = document("America/New_York")
    assert dates.read_birth("1980-02-29", "1980-02-29T10:15:00-05:00", m) == ("1980-02-29", "1980-02-29T10:15:00-05:00")
    assert dates.write_birth(("1980-02-29", "1980-02-29T10:15"), m) == ("1980-02-29", "1980-02-29T10:15:00-05:00")
    assert dates.write_birth(("1980-02-29", "1980-02-29"), m) == ("1980-02-29", None)
    assert dates.read_year(("1980-02-29", None), m) == 1980


# ---- numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0", "1.50", "-0.00", "1e5", "12345678901234567890.0"])
def test_a_decimal_keeps_its_digits(text: str) -> None:
    read = numbers.read_decimal(Num(text), document())
    written = numbers.write_decimal(read, document())
    assert (type(read), type(written), written) == (str, Num, text)


@pytest.mark.parametrize(
    ("canonical", "wire"), [("007", "7"), ("-00.5", "-0.5"), ("0", "0"), ("00", "0"), ("0.10", "0.10")]
)
def test_a_decimal_of_another_format_is_written_as_json_has_it(canonical: str, wire: str) -> None:
    assert numbers.write_decimal(canonical, document()) == wire


@pytest.mark.parametrize("value", ["1.50", True, None, {}, Num("1" * 41), Num("1e999")])
def test_only_a_bounded_number_is_a_decimal(value: Any) -> None:
    with pytest.raises(Unreadable):
        numbers.read_decimal(value, document())


@pytest.mark.parametrize("value", [Num("1.0"), Num("1e2"), "1", True, Num("99999999999")])
def test_an_integer_is_digits_only(value: Any) -> None:
    with pytest.raises(Unreadable):
        codecs.read_integer(value, document())


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20))
def test_every_decimal_comes_back(number: Any) -> None:
    text = f"{number:f}"
    assert numbers.read_decimal(numbers.write_decimal(text, document()), document()) == text


# ---- texts and lists ------------------------------------------------------------------------------------------


@given(st.lists(st.text("ab \n-", min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=4))
def test_notes_are_one_text_and_come_apart_again(texts: list[str]) -> None:
    m = document()
    whole = codecs.read_notes([{"text": text} for text in texts], m)
    again = codecs.read_notes(codecs.write_notes(whole, m), m)
    assert again == whole or any("---" in text for text in texts)


def test_lines_of_a_text_come_back() -> None:
    m = document()
    assert codecs.write_lines(codecs.read_lines("a\n\nb", m), m) == "a\n\nb"


@pytest.mark.parametrize("write", [codecs.write_lines, codecs.write_notes])
def test_a_sealed_text_is_not_written(write: Callable[[Any, Document], Any]) -> None:
    with pytest.raises(Unreadable) as refused:
        write({"sealed": "t"}, document())
    assert refused.value.code == "withheld"


def test_a_code_with_loose_spaces_has_no_home() -> None:
    assert codecs.write_code("a b", document()) == "a b"
    for code in (" a", "a ", "a  b", ""):
        with pytest.raises(Unreadable):
            codecs.write_code(code, document())


@pytest.mark.parametrize(
    ("wire", "canonical"),
    [
        (("mg", "http://unitsofmeasure.org", "mg"), ("mg", "http://unitsofmeasure.org", "mg")),
        (("percent", "http://unitsofmeasure.org", None), ("percent", "http://unitsofmeasure.org", None)),
        (("cells", None, None), (None, None, "cells")),
    ],
)
def test_a_unit_comes_back(wire: tuple[Any, Any, Any], canonical: tuple[Any, Any, Any]) -> None:
    unit, system, code = wire
    assert codecs.read_unit(unit, system, code, document()) == canonical
    assert codecs.write_unit(canonical, document()) == wire


def test_a_unit_code_without_a_system_is_no_code() -> None:
    m = document()
    assert codecs.write_unit(("milligram", None, "mg"), m) == ("mg", None, None)
    assert [fault.code for fault in m.faults] == ["no-home"]


# ---- identifiers and references -------------------------------------------------------------------------------


def test_an_identifier_without_a_system_gets_the_partners_and_does_not_send_it() -> None:
    assert read_identifier({"value": "1"}, document(system="urn:oid:1.2")) == {
        "system": "urn:oid:1.2",
        "value": "1",
        "assumed": True,
    }
    assert write_identifier({"system": "urn:oid:1.2", "value": "1", "assumed": True}, document()) == {"value": "1"}
    assert read_identifier({"system": "urn:x"}, document()) is None


@pytest.mark.parametrize(
    ("system", "code", "type_"),
    [
        (TYPES, "MR", "mrn"),
        ("https://www.hl7.org/fhir/v2/0203/index.html", "DR", "donor"),
        (TYPES, "PGN", "group"),
        (TYPES, "ABC", "x-ABC"),
        (OWN_TYPES, "coi", "coi"),
        ("urn:other", "MR", None),
        (OWN_TYPES, "resource", None),
    ],
)
def test_the_type_of_an_identifier(system: str, code: str, type_: str | None) -> None:
    read = read_identifier({"value": "1", "type": {"coding": [{"system": system, "code": code}]}}, document())
    assert read is not None
    assert read.get("type") == type_


@pytest.mark.parametrize("type_", ["mrn", "placer", "filler", "group", "x-ABC", "coi", "din"])
def test_a_type_comes_back(type_: str) -> None:
    m = document()
    written = write_identifier({"system": "urn:x", "value": "1", "type": type_}, m)
    assert read_identifier(written, m) == {"system": "urn:x", "value": "1", "type": type_}


def test_a_group_number_has_a_type_that_r4_knows_no_code_for() -> None:
    """The v2-to-FHIR tables give it PGN, which table 0203 does not have."""
    written = write_identifier({"system": "urn:x", "value": "1", "type": "group"}, document())
    assert written["type"] == {"coding": [{"system": OWN_TYPES, "code": "group"}]}


def test_an_unreadable_part_of_an_identifier_leaves_the_rest() -> None:
    m = document()
    read = read_identifier({"system": "urn:x", "value": "1", "use": "mine", "period": "x", "type": "MR"}, m)
    assert read == {"system": "urn:x", "value": "1"}
    assert [fault.code for fault in m.faults] == ["code-unknown", "shape"]


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("Patient/1", {"system": "https://a.example/r4/Patient", "value": "1"}),
        ("https://a.example/r4/Patient/1", {"system": "https://a.example/r4/Patient", "value": "1"}),
        ("https://b.example/Patient/1", {"system": "https://b.example/Patient", "value": "1"}),
        ("urn:uuid:0-1", {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:0-1"}),
    ],
)
def test_a_literal_reference_is_an_identifier(text: str, identifier: dict[str, str]) -> None:
    m = document(server="https://a.example/r4")
    found = references.parse(text, m)
    assert found is not None
    assert found[1] == {**identifier, "type": "resource"}
    back = references.address(found[1], m)
    assert back == text.removeprefix("https://a.example/r4/")


def test_an_unnamed_servers_address_is_not_taken_for_another_servers() -> None:
    unnamed = {"system": "urn:id:unassigned", "value": "Patient/1", "type": "resource", "assumed": True}
    assert references.address(unnamed, document()) == "Patient/1"
    assert references.address(unnamed, document(server="https://a.example/r4")) is None


@pytest.mark.parametrize(
    ("reference", "person"),
    [
        ({"display": "Dr A"}, {"name": {"text": "Dr A"}}),
        (
            {"reference": "Practitioner/1", "identifier": {"system": "urn:npi", "value": "9"}},
            {"identifier": {"system": "urn:npi", "value": "9"}},
        ),
        ({"reference": "Organization/1", "display": "Lab"}, None),
        ({"reference": "Device/1"}, None),
        ({"type": "Organization", "display": "Lab"}, None),
    ],
)
def test_who_is_a_person_at_work(reference: dict[str, Any], person: Any) -> None:
    assert people.read_person(reference, document()) == person


def test_a_persons_name_is_written_as_people_read_it() -> None:
    name = {"prefix": "Dr", "given": ["Adam", "B"], "family_prefix": "van", "family": "Smith", "degree": "PhD"}
    assert people.write_person({"name": name}, document()) == {"display": "Dr Adam B van Smith PhD"}


def test_of_two_requesters_the_person_is_written_and_the_other_named() -> None:
    m = document()
    written = people.write_requester(({"name": {"text": "Dr A"}}, {"name": "Mercy"}), m)
    assert written == {"display": "Dr A"}
    assert [(fault.place, fault.severity) for fault in m.faults] == [("order.facilities", "lost")]


@pytest.mark.parametrize(
    ("wire", "canonical"),
    [
        ({"system": "phone", "use": "mobile", "value": "1"}, {"system": "mobile", "value": "1"}),
        ({"system": "phone", "use": "home", "value": "1"}, {"system": "phone", "use": "home", "value": "1"}),
        ({"system": "sms", "use": "mobile", "value": "1"}, {"system": "sms", "use": "mobile", "value": "1"}),
        (
            {"value": "1", "period": {"start": "2026"}},
            {"value": "1", "period": {"start": times.when("2026", "", "Europe/Berlin")}},
        ),
    ],
)
def test_a_contact_point_comes_back(wire: dict[str, Any], canonical: dict[str, Any]) -> None:
    assert people.read_telecom(wire, document()) == canonical
    assert people.write_telecom(canonical, document()) == wire


def test_a_telephone_number_in_parts_is_written_as_one() -> None:
    parts = {"country_code": "1", "area_code": "555", "local_number": "0100", "extension": "7", "system": "phone"}
    assert people.write_telecom(parts, document()) == {"system": "phone", "value": "1 555 0100 x7"}
    assert people.write_telecom({"use": "home"}, document()) is None


def test_a_code_that_fhir_has_not_is_left_out_and_named() -> None:
    m = document()
    assert people.write_telecom({"value": "1", "use": "answering", "system": "phone"}, m) == {
        "system": "phone",
        "value": "1",
    }
    assert [fault.place for fault in m.faults] == ["telecom_use"]


# ---- code tables that go one way ------------------------------------------------------------------------------


def test_a_backward_only_row_is_written_and_never_read() -> None:
    table, faults = parse("t", ["wire,canonical,note", "final,final,", "final,verified!,", "old!,bad,"])
    assert faults == []
    assert (table.read("final"), table.write("verified"), table.write("final")) == ("final", "final", "final")
    with pytest.raises(Unreadable):
        table.write("bad")


def test_two_backward_rows_for_one_code_are_a_fault() -> None:
    _, faults = parse("t", ["wire,canonical,note", "a,x!,", "b,x!,"])
    assert len(faults) == 1


def test_an_overlay_keeps_backward_rows_and_replaces_codes() -> None:
    base, _ = parse("t", ["wire,canonical,note", "final,final,", "final,verified!,", "a,one,"])
    site, _ = parse("t", ["wire,canonical,note", "a,two,"])
    both = overlay(base, site)
    assert both.write("verified") == "final"
    assert (both.read("a"), both.write("two")) == ("two", "a")
    with pytest.raises(Unreadable):
        both.write("one")


def test_every_status_of_hl7_v2_is_written_as_a_code_that_fhir_has() -> None:
    from adapters import hl7v2

    codes = fhir_r4.base().library.codes
    for status in hl7v2.base().library.codes["result_status"].reverse:
        assert codes["observation_status"].write(status)
    for state in hl7v2.base().library.codes["order_status"].reverse:
        assert codes["request_status"].write(state)


@pytest.mark.parametrize(
    ("state", "action", "status"),
    [
        ("completed", "new", "completed"),
        (None, "new", "active"),
        (None, "cancel-request", "active"),
        (None, "hold-request", "active"),
        (None, "cancelled-as-requested", "revoked"),
        (None, "held", "on-hold"),
        (None, "unable", "revoked"),
        ("on-hold", "cancelled", "on-hold"),
    ],
)
def test_a_request_leaves_an_order_active_and_a_fact_does_not(state: Any, action: str, status: str) -> None:
    assert codecs.write_request_status((state, action), document()) == status


# ---- languages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "code", "tag"),
    [
        ("urn:id:ISO639", "en", "en"),
        ("urn:id:ISO639", "EN", "en"),
        ("urn:id:ISO6392", "eng", "en"),
        ("urn:id:ISO6392", "ger", "de"),
        ("urn:oid:2.16.840.1.113883.6.100", "DEU", "de"),
        ("urn:id:HL70296", "pt-br", "pt-BR"),
        (None, "fr", "fr"),
        ("urn:ietf:bcp:47", "de-AT", "de-AT"),
        ("urn:id:ISO639", "xq", None),
        ("urn:id:L", "E", None),
        ("http://snomed.info/sct", "en", None),
    ],
)
def test_a_language_is_written_as_a_tag_of_bcp_47(system: str | None, code: str, tag: str | None) -> None:
    coding = {"code": code, "display": "as said", **({"system": system} if system else {})}
    m = document()
    written = concepts.write_language({"codings": [coding]}, m)
    assert [fault.place for fault in m.faults] == ([] if system == "urn:ietf:bcp:47" else ["identity.language"])
    if tag is None:
        assert written == {"text": "as said"}
    else:
        assert written == {"coding": [{"system": "urn:ietf:bcp:47", "code": tag, "display": "as said"}]}


def test_a_language_of_r4_comes_back() -> None:
    wire = {"coding": [{"system": "urn:ietf:bcp:47", "code": "de-AT"}], "text": "German"}
    read = concepts.read_language(wire, document())
    assert read is not None
    assert concepts.write_language(read, document()) == wire
    two = {"codings": [{"system": "urn:id:L", "code": "G1"}, *read["codings"]]}
    assert concepts.write_language(two, document()) == {"coding": wire["coding"]}
    assert concepts.write_language({"text": "Klingon"}, document()) == {"text": "Klingon"}
    assert concepts.write_language({}, document()) is None
