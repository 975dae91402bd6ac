"""The JSON door: strict, bounded, true to every digit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import json_text
from adapters.json_text import MAX_DEPTH, Num
from adapters.reading import Unparsable

NUMBERS = ["0", "-0", "1.50", "1e400", "-12.0300E-7", "123456789012345678901234567890.10"]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_comes_out_with_the_digits_it_came_in_with(text: str) -> None:
    body = f'{{"value":{text}}}'.encode()
    assert json_text.dumps(json_text.loads(body)) == body


def test_a_number_and_a_text_of_the_same_digits_stay_apart() -> None:
    tree = json_text.loads(b'{"number":1.50,"text":"1.50"}')
    assert isinstance(tree["number"], Num)
    assert type(tree["text"]) is str
    assert json_text.dumps(tree) == b'{"number":1.50,"text":"1.50"}'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json-syntax"),
        (b"{", "json-syntax"),
        (b'{"a":1}x', "json-syntax"),
        (b"{'a':1}", "json-syntax"),
        (b'{"a":NaN}', "json-number"),
        (b"[Infinity]", "json-number"),
        (b"[-Infinity]", "json-number"),
        (b'{"a":1,"a":1}', "json-duplicate-key"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "json-duplicate-key"),
        (b"\xff\xfe", "json-encoding"),
        (b'"\\ud800"', "json-encoding"),
        (b'{"\\udc00":1}', "json-encoding"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "json-too-deep"),
        (b"[" * 1_000_000, "json-too-deep"),
        (b'{"a":' * 500_000, "json-too-deep"),
        (b" " * (json_text.MAX_BYTES + 1), "json-too-large"),
    ],
)
def test_what_is_no_json_of_ours_is_named_and_never_raises_anything_else(body: bytes, code: str) -> None:
    with pytest.raises(Unparsable) as refused:
        json_text.loads(body)
    assert refused.value.code == code


def test_a_document_of_exactly_the_allowed_depth_is_read() -> None:
    assert json_text.loads(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)


def test_a_byte_order_mark_is_not_part_of_the_document() -> None:
    assert json_text.loads(b'\xef\xbb\xbf{"a":true}') == {"a": True}


def test_a_surrogate_pair_written_as_escapes_is_one_character() -> None:
    assert json_text.loads(b'"\\ud83e\\uddec"') == "\U0001f9ec"


def test_normal_form_forgets_key_order_and_white_space_and_nothing_else() -> None:
    one = json_text.loads(b'{"b" : [1.0, 2], "a": "x"}')
    other = json_text.loads(b'{"a":"x","b":[1.0,2]}')
    assert json_text.normal(one) == json_text.normal(other) == b'{"a":"x","b":[1.0,2]}'
    assert json_text.normal(json_text.loads(b"[1.0]")) != json_text.normal(json_text.loads(b"[1.00]"))
    assert json_text.normal(json_text.loads(b"[1,2]")) != json_text.normal(json_text.loads(b"[2,1]"))


def test_a_float_is_refused_on_the_way_out() -> None:
    with pytest.raises(TypeError):
        json_text.dumps({"value": object()})


@pytest.mark.parametrize("text", ["", "1.", ".5", "01", "+1", "1e", "NaN", "0x1", "١"])
def test_only_a_json_number_is_made_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="JSON number"):
        json_text.number(text)


def test_leaves_count_list_items_from_one_and_leave_out_the_first_count() -> None:
    tree = json_text.loads(b'{"name":[{"given":["A","B"]},{"family":"C"}],"active":true,"none":null}')
    assert list(json_text.leaves(tree)) == [
        (("name", "given"), "A"),
        (("name", "given[2]"), "B"),
        (("name[2]", "family"), "C"),
        (("active",), "True"),
    ]


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_PLAIN)
def test_whatever_json_says_goes_through_the_door_unchanged(value: Any) -> None:
    body = json.dumps(value).encode()
    assert json.loads(json_text.dumps(json_text.loads(body))) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_named(body: bytes) -> None:
    try:
        json_text.loads(body)
    except Unparsable as refused:
        assert refused.code.startswith("json-")
