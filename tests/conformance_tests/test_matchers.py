"""Claims and places: what each holds of, and what it does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conformance_tests.cases import CaseError, parsed
from conformance_tests.matchers import Kept, mismatch
from conformance_tests.pointers import ABSENT, at, edited, field, pointer
from conformance_tests.steps import filled
from conformance_tests.transports import Answer, written


@pytest.mark.parametrize(
    ("expected", "found", "holds"),
    [
        (200, 200, True),
        (200, 201, False),
        (200, "200", False),
        (1, True, False),
        (True, True, True),
        ("", ABSENT, False),
        ({"equals": [1, {"a": "b"}]}, [1, {"a": "b"}], True),
        ({"equals": [1, {"a": "b"}]}, [1, {"a": "b", "c": 1}], False),
        ({"differs": "a"}, "b", True),
        ({"differs": "a"}, "a", False),
        ({"differs": "a"}, ABSENT, False),
        ({"one_of": [200, 404]}, 404, True),
        ({"one_of": [200, 404]}, 500, False),
        ({"matches": "^W/"}, 'W/"1"', True),
        ({"matches": "^W/"}, ABSENT, False),
        ({"matches": "1"}, 1, False),
        ({"lacks": ["DOE"]}, "JANE", True),
        ({"lacks": ["X", "DOE"]}, "JANE DOE", False),
        ({"lacks": ["DOE"]}, ABSENT, False),
        ({"present": True}, "", True),
        ({"present": True}, ABSENT, False),
        ({"present": False}, ABSENT, True),
        ({"present": False}, None, False),
        ({"digits": "98.50"}, Decimal("98.50"), True),
        ({"digits": "98.50"}, Decimal("98.5"), False),
        ({"digits": "98.50"}, "98.50", False),
        ({"digits": "7"}, 7, True),
        ({"digits": "1"}, True, False),
        ({"any": {"/a": 1}}, [{"a": 2}, {"a": 1}], True),
        ({"any": {"/a": 1}}, [], False),
        ({"any": {"/a": 1}}, {"a": 1}, False),
        ({"any": {"/a": 1, "/b": 1}}, [{"a": 1}, {"b": 1}], False),
        ({"one": {"/a": 1}}, [{"a": 1}, {"a": 2}], True),
        ({"one": {"/a": 1}}, [{"a": 1}, {"a": 1}], False),
        ({"none": {"/a": 1}}, [{"a": 2}], True),
        ({"none": {"/a": 1}}, ABSENT, True),
        ({"none": {"/a": 1}}, [{"a": 1}], False),
        ({"none": {"/a": 1}}, "text", False),
        ({"present": True, "matches": "b"}, "a", False),
    ],
)
def test_a_claim_holds_or_does_not(expected: Any, found: Any, holds: bool) -> None:
    assert (mismatch(expected, found, {}) == "") == holds


def test_what_is_kept_is_of_the_item_that_fits() -> None:
    kept: Kept = {}
    items = [{"name": "a", "value": 1}, {"name": "b", "value": 2}, {"name": "c", "value": 3}]
    assert not mismatch({"any": {"/value": {"keep": "found"}, "/name": "b"}}, items, kept)
    assert kept == {"found": 2}


def test_nothing_cannot_be_kept() -> None:
    assert mismatch({"keep": "id"}, ABSENT, {})


def test_a_reason_is_short() -> None:
    assert len(mismatch("a", "b" * 10_000, {})) < 400


def test_a_pointer_finds_its_value() -> None:
    document = {"a": [{"b/c": 1, "d~e": 2}], "": 3}
    assert at(document, "") is document
    assert at(document, "/a/0/b~1c") == 1
    assert at(document, "/a/0/d~0e") == 2
    assert at(document, "/") == 3
    for nowhere in ("/a/1", "/a/-1", "/a/x", "/b", "/a/0/b~1c/x"):
        assert at(document, nowhere) is ABSENT
    assert pointer(["a", 0, "b/c"]) == "/a/0/b~1c"


def test_an_edit_changes_a_copy() -> None:
    document = {"a": [1, 2], "b": {"c": 1}}
    assert edited(document, {"/a/1": 3, "/b/c": ABSENT, "/d": {}}) == {"a": [1, 3], "b": {}, "d": {}}
    assert document == {"a": [1, 2], "b": {"c": 1}}
    with pytest.raises(KeyError):
        edited(document, {"/x/y": 1})


ACK = "MSH|^~\\&|HUB|FAC\rMSA|AA|K1\rERR||ORC^1^9|102^Data|W\rERR||OBX^2^5|103|E\r"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-3", "HUB"),
        ("MSA-2", "K1"),
        ("ERR-2.3", "9"),
        ("ERR[2]-2.1", "OBX"),
        ("ERR[2]-4", "E"),
        ("ERR-1", ABSENT),
        ("ERR[3]-4", ABSENT),
        ("MSA-9", ABSENT),
        ("PID-5", ABSENT),
        ("ERR-2.9", ABSENT),
    ],
)
def test_a_field_is_counted_as_the_standard_counts(place: str, value: Any) -> None:
    assert field(ACK, place) == value


def test_a_field_is_found_in_the_delimiters_of_the_message() -> None:
    assert field("MSH!$~\\&!HUB\rERR!!ORC$1$9", "ERR-2.3") == "9"


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        field(ACK, "MSA.2")


def test_digits_survive_reading_and_writing() -> None:
    text = b'{"value": 98.50, "other": 1e2, "text": "\\u0001x\\u0001"}'
    assert written(parsed(text.decode())) == b'{"value": 98.50, "other": 1E+2, "text": "\\u0001x\\u0001"}'


def test_an_answer_that_is_no_json_has_nothing_at_a_pointer() -> None:
    for body in (b"<h1>no</h1>", b"\xff", b'{"a": NaN}', b""):
        assert Answer(200, {}, body).find("/a") is ABSENT


def test_a_name_alone_becomes_what_it_stands_for() -> None:
    names = {"n": 1, "d": {"x": "y"}, "t": "z"}
    assert filled({"a": ["{{d}}", "{{t}}-{{n}}", "{{n}}", 5]}, names) == {"a": [{"x": "y"}, "z-1", 1, 5]}
    with pytest.raises(CaseError, match="nobody"):
        filled("{{nobody}}", names)
