"""GS1 keys and private URIs: known vectors, and what must hold for any of them."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical_model.identifiers import (
    ANY_URI,
    GLN,
    GS1,
    SSCC,
    UNASSIGNED,
    check_digit,
    from_uri,
    gs1,
    is_checked,
    is_shipment,
    miscounted,
    to_uri,
    to_urn,
)
from tests.effort import at_most

VECTORS = [
    ("SSCC", "10614141123456789", "7"),
    ("GLN", "952114111111", "6"),
    ("GTIN", "7061414112345", "1"),
    ("GRAI", "061414112345", "2"),
    ("GSRN", "06141410000010253", "4"),
    ("zero", "000000000000", "0"),
]

SAME = [
    ("urn:epc:id:sscc:0614141.1234567890", "https://id.gs1.org/00/106141412345678908", "00", "106141412345678908"),
    (
        "urn:epc:id:sgtin:0614141.712345.2017",
        "https://id.gs1.org/01/70614141123451/21/2017",
        "01-21",
        "70614141123451.2017",
    ),
    ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652", "01", "04012345987652"),
    (
        "urn:epc:class:lgtin:4012345.012345.998877",
        "https://id.gs1.org/01/04012345123456/10/998877",
        "01-10",
        "04012345123456.998877",
    ),
    ("urn:epc:id:sgln:0614141.00777.0", "https://id.gs1.org/414/0614141007776", "414", "0614141007776"),
    (
        "urn:epc:id:sgln:0614141.07346.1234",
        "https://id.gs1.org/414/0614141073467/254/1234",
        "414-254",
        "0614141073467.1234",
    ),
    ("urn:epc:id:pgln:4012345.00225", "https://id.gs1.org/417/4012345002256", "414", "4012345002256"),
    ("urn:epc:id:giai:4000001.111", "https://id.gs1.org/8004/4000001111", "8004", "4000001111"),
    ("urn:epc:id:grai:0614141.12345.400", "https://id.gs1.org/8003/00614141123452400", "8003", "00614141123452400"),
    ("urn:epc:id:gsrn:0614141.0000010253", "https://id.gs1.org/8018/061414100000102534", "8018", "061414100000102534"),
    (
        "urn:epc:id:gdti:0614141.00001.1618034",
        "https://id.gs1.org/253/06141410000121618034",
        "253",
        "06141410000121618034",
    ),
]


@pytest.mark.parametrize(("key", "digits", "check"), VECTORS)
def test_a_check_digit_is_as_gs1_counts_it(key: str, digits: str, check: str) -> None:
    assert check_digit(digits) == check
    assert is_checked(digits + check)
    assert not is_checked(digits + str((int(check) + 1) % 10))


@pytest.mark.parametrize(("urn", "link", "system", "value"), SAME)
def test_a_urn_and_a_digital_link_of_one_thing_are_one_identifier(urn: str, link: str, system: str, value: str) -> None:
    assert from_uri(urn) == from_uri(link) == {"system": f"{GS1}{system}", "value": value}


@pytest.mark.parametrize(("urn", "link", "system", "value"), SAME)
def test_a_gs1_key_is_written_as_a_digital_link(urn: str, link: str, system: str, value: str) -> None:
    assert to_uri(from_uri(urn), party="417" in link) == link


def test_a_digital_link_may_stand_under_any_domain_and_path() -> None:
    assert from_uri("https://id.gs1.de/414/4012345000115") == {"system": GLN, "value": "4012345000115"}
    assert from_uri("http://brand.example/x/y/00/106141412345678908?linkType=all#a") == {
        "system": SSCC,
        "value": "106141412345678908",
    }


def test_a_short_gtin_is_the_same_as_its_fourteen_digits() -> None:
    assert from_uri("https://id.gs1.org/01/9521141012345") == from_uri("https://id.gs1.org/01/09521141012345")


def test_a_place_and_a_party_of_one_gln_are_one_identifier() -> None:
    assert from_uri("https://id.gs1.org/417/9521141111116") == from_uri("https://id.gs1.org/414/9521141111116")


@pytest.mark.parametrize(
    ("uri", "system", "value"),
    [
        ("https://mercy.example/bag/BAG-1", "https://mercy.example/bag", "BAG-1"),
        ("https://mercy.example/bag/BAG%2F1", "https://mercy.example/bag", "BAG/1"),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("urn:oid:1.2.3:BAG-1", "urn:oid:1.2.3", "BAG-1"),
        ("urn:epcglobal:cbv:bt:0614141073467:1152", "urn:epcglobal:cbv:bt:0614141073467", "1152"),
        ("urn:epc:id:sgtin:0614141.1.2017", "urn:epc:id:sgtin", "0614141.1.2017"),
        ("ni:///sha-256;abc?ver=CBV2.0", ANY_URI, "ni:///sha-256;abc?ver=CBV2.0"),
        ("https://mercy.example/bag/", ANY_URI, "https://mercy.example/bag/"),
        ("https://mercy.example", ANY_URI, "https://mercy.example"),
        ("https://mercy.example/bag/%FF", ANY_URI, "https://mercy.example/bag/%FF"),
    ],
)
def test_a_private_uri_is_split_before_its_last_segment_or_stays_whole(uri: str, system: str, value: str) -> None:
    assert from_uri(uri) == {"system": system, "value": value}
    assert to_uri(from_uri(uri)) == uri


def test_a_key_with_a_wrong_check_digit_is_kept_as_it_is_and_told() -> None:
    wrong = "https://id.gs1.org/00/106141412345678907"
    assert to_uri(from_uri(wrong)) == wrong
    assert miscounted(wrong)
    assert miscounted("https://id.gs1.org/414/952114111111")
    assert not miscounted("https://id.gs1.org/00/106141412345678908")
    assert not miscounted("https://mercy.example/00/1")
    place, party = "https://id.gs1.org/414/9521141111117", "https://id.gs1.org/417/9521141111117"
    assert from_uri(place) == from_uri(party) == {"system": GLN, "value": "9521141111117"}


def test_under_a_private_domain_only_a_right_check_digit_makes_a_key() -> None:
    assert from_uri("https://mercy.example/414/9521141111116")["system"] == GLN
    assert from_uri("https://mercy.example/414/9521141111117")["system"] == "https://mercy.example/414"


def test_only_a_logistic_unit_is_a_shipment_by_its_key() -> None:
    assert is_shipment(from_uri("urn:epc:id:sscc:0614141.1234567890"))
    assert not any(is_shipment(from_uri(urn)) for urn, *_ in SAME[1:])


@pytest.mark.parametrize("text", ["", "BAG-1", "https:", ":x", "1https://x/y", "https://x/a b", "https://x/\n"])
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a URI"):
        from_uri(text)


@pytest.mark.parametrize("system", [UNASSIGNED, "BAGS", "ftp://x/y", "https://", "urn:"])
def test_a_name_without_a_uri_for_its_name_space_is_not_written(system: str) -> None:
    with pytest.raises(ValueError, match="no URI"):
        to_uri({"system": system, "value": "BAG-1"})


DIGITS = st.text("0123456789", min_size=17, max_size=17)
SERIAL = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=20)


@given(DIGITS, st.integers(6, 12))
def test_any_sscc_comes_back_from_both_its_forms(digits: str, split: int) -> None:
    number = digits + check_digit(digits)
    urn = f"urn:epc:id:sscc:{digits[1 : split + 1]}.{digits[0]}{digits[split + 1 :]}"
    assert from_uri(urn) == from_uri(to_uri({"system": SSCC, "value": number})) == {"system": SSCC, "value": number}


@given(DIGITS, SERIAL, st.sampled_from(["01-21", "01-10"]))
def test_any_gtin_with_a_serial_or_lot_comes_back(digits: str, serial: str, key: str) -> None:
    gtin = digits[:13] + check_digit(digits[:13])
    identifier = {"system": f"{GS1}{key}", "value": f"{gtin}.{serial}"}
    assert from_uri(to_uri(identifier)) == identifier


@given(DIGITS, SERIAL)
def test_any_gln_with_an_extension_comes_back(digits: str, extension: str) -> None:
    identifier = {"system": f"{GLN}-254", "value": f"{digits[:12]}{check_digit(digits[:12])}.{extension}"}
    assert from_uri(to_uri(identifier)) == identifier


PATHS = st.lists(st.text("abcxyz-_.", min_size=1, max_size=8), min_size=0, max_size=3)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(st.sampled_from(["http", "https"]), PATHS, VALUES)
def test_any_name_under_a_private_url_comes_back(scheme: str, path: list[str], value: str) -> None:
    identifier = {"system": "/".join([f"{scheme}://mercy.example", *path]), "value": value}
    assert from_uri(to_uri(identifier)) == identifier


@given(st.sampled_from(["urn:oid:1.2.3", "urn:uuid", "urn:id:MERCY", "urn:hd:DNS:mercy.example"]), VALUES)
def test_any_name_under_a_private_urn_comes_back(system: str, value: str) -> None:
    identifier = {"system": system, "value": value}
    assert from_uri(to_uri(identifier)) == identifier


@given(st.text(max_size=60))
def test_any_text_is_an_identifier_or_is_refused(text: str) -> None:
    for uri in (text, f"https://x.example/{text}", f"urn:epc:id:{text}", f"https://id.gs1.org/01/{text}"):
        try:
            identifier = from_uri(uri)
        except ValueError:
            continue
        assert from_uri(to_uri(identifier)) == identifier


@pytest.mark.parametrize(("urn", "link", "system", "value"), SAME)
def test_a_urn_comes_back_from_its_identifier_and_the_length_of_its_prefix(
    urn: str, link: str, system: str, value: str
) -> None:
    prefix = len(urn.partition(":")[2].rpartition(":")[2].partition(".")[0])
    assert to_urn(from_uri(link), prefix, party="pgln" in urn) == urn


@given(DIGITS, SERIAL, st.integers(6, 12), st.sampled_from(["00", "01", "01-21", "01-10", "414", "414-254", "8003"]))
def test_any_key_comes_back_from_its_urn(digits: str, serial: str, prefix: int, key: str) -> None:
    size = {"00": 17, "01": 13}.get(key[:2], 12)
    number = digits[:size] + check_digit(digits[:size])
    value = {"00": number, "01": number, "414": number, "8003": f"0{number}{serial}"}.get(key, f"{number}.{serial}")
    identifier = {"system": f"{GS1}{key}", "value": value}
    if identifier == {"system": f"{GS1}414-254", "value": f"{number}.0"}:
        return  # the URN writes no extension as 0 (EPC Tag Data Standard, section 6)
    assert from_uri(to_urn(identifier, prefix)) == identifier


@pytest.mark.parametrize(
    ("system", "value", "prefix"),
    [
        ("https://mercy.example/bag", "BAG-1", 7),
        (SSCC, "106141412345678908", 5),
        (SSCC, "106141412345678908", 13),
        (SSCC, "106141412345678907", 7),
        (SSCC, "1061414123456789080", 7),
        (f"{GS1}8003", "00614141123452", 7),
        (f"{GS1}8004", "AB4000001", 7),
        (f"{GS1}8004", "4000001", 7),
        (f"{GS1}01-21", "70614141123451", 7),
    ],
)
def test_what_has_no_urn_is_refused(system: str, value: str, prefix: int) -> None:
    with pytest.raises(ValueError, match=r"EPC URN|check digit|company prefix"):
        to_urn({"system": system, "value": value}, prefix)


def test_a_hostile_path_is_told_in_no_time() -> None:
    with at_most(10):
        from_uri("https://id.gs1.org" + "/00" * 100_000)


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(gs1).failed == 0
