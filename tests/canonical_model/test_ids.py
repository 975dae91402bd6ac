"""Ids and names: made from content, the same wherever and whenever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical_model import ids
from canonical_model.ids import COI_SYSTEM, canonical_json, content_id, issue_id, name_key, names, normal_system

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4))
def test_the_order_of_keys_is_no_content(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(list(value.items()))))
    assert content_id(value) == content_id(dict(reversed(list(value.items()))))


@given(PLAIN, PLAIN)
def test_other_content_has_another_id(one: object, other: object) -> None:
    assert (content_id(one) == content_id(other)) == (canonical_json(one) == canonical_json(other))


def test_an_id_is_forty_hex_digits() -> None:
    assert len(content_id("x")) == 40
    assert set(content_id("x")) <= set("0123456789abcdef")


def test_parts_are_not_run_together() -> None:
    assert content_id("a", "bc") != content_id("ab", "c")
    assert content_id("a") != content_id(["a"])


@given(PLAIN)
def test_an_id_does_not_depend_on_what_is_installed(value: object) -> None:
    """A faster writer of JSON may be there or not: the bytes are the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "orjson", None)
        slow = canonical_json(value)
    assert canonical_json(value) == slow


def test_an_issue_does_not_depend_on_the_order_of_what_it_is_about() -> None:
    assert issue_id("I-1", [["a", "1"], ["b", "2"]], "c") == issue_id("I-1", [["b", "2"], ["a", "1"]], "c")
    assert issue_id("I-1", [["a", "1"]], "c") != issue_id("I-2", [["a", "1"]], "c")
    assert issue_id("I-1", [["a", "1"]], "c") != issue_id("I-1", [["a", "1"]], "d")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "https://www.isbt128.org/uri/DonationIdentificationNumber",
            "https://www.isbt128.org/uri/donationidentificationnumber",
        ),
        ("http://www.isbt128.org/uri/GRID", "https://www.isbt128.org/uri/grid/"),
        ("urn:x", "urn:x/"),
    ],
)
def test_spellings_of_one_system_are_one(one: str, other: str) -> None:
    assert normal_system(one) == normal_system(other)


def test_case_is_meant_elsewhere() -> None:
    assert normal_system("https://mercy.example/MRN") != normal_system("https://mercy.example/mrn")


@pytest.mark.parametrize("type_", ["coi", None])
def test_a_chain_identifier_is_one_whatever_its_system(type_: str | None) -> None:
    """ISBT 128, data structure 040: unique by itself."""
    said = {"value": "CHA999926000012", **({"type": type_} if type_ else {})}
    assert name_key("order", {**said, "system": "urn:a"}) == name_key("order", {**said, "system": "urn:b"})
    assert name_key("order", {**said, "system": "urn:a"})[1] == COI_SYSTEM


@pytest.mark.parametrize(
    ("value", "type_"),
    [("CHA9999260000012", "coi"), ("CHO999926000012", "coi"), ("SPONSOR-1", "coi"), ("CHA999926000012", "placer")],
)
def test_what_has_another_shape_or_type_is_its_systems(value: str, type_: str) -> None:
    key = name_key("order", {"system": "urn:a", "value": value, "type": type_})
    assert key == ("order", "urn:a", value)


def test_white_space_around_a_value_is_not_meant() -> None:
    assert name_key("container", {"system": "s", "value": " 1 "}) == ("container", "s", "1")


def test_weak_names_are_used_only_where_there_is_nothing_else() -> None:
    group, placer = {"system": "s", "value": "G", "type": "group"}, {"system": "s", "value": "P", "type": "placer"}
    assert names({"kind": "order", "identifiers": [group, placer]}) == [("order", "s", "P")]
    assert names({"kind": "order", "identifiers": [group]}) == [("order", "s", "G")]
