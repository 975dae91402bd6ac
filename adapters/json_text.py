"""The door for JSON: strict, bounded, and true to every digit. Knows no format.

`json` accepts NaN, duplicate keys, lone surrogates and endless depth, and floats lose digits (1.50 becomes 1.5): here
a number is a `Num`, its text as sent, and comes out as the same text. What is kept of a document (its residual) goes
through `dumps` and `loads` too, or its numbers come back as strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from adapters.reading import Unparsable

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Num(str):
    """A JSON number as its text."""

    __slots__ = ()


def loads(body: bytes) -> Any:
    """The JSON value of a body.

    Raises Unparsable: too large, too deep, not JSON, not UTF-8, a key twice, NaN, half a surrogate pair.
    """
    if len(body) > MAX_BYTES:
        raise Unparsable("json-too-large", "body", f"a document has at most {MAX_BYTES} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Unparsable("json-encoding", f"byte {wrong.start}", "JSON is UTF-8") from wrong
    try:
        value = json.loads(text, parse_float=Num, parse_int=Num, parse_constant=_no_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as wrong:
        raise Unparsable("json-syntax", f"line {wrong.lineno} column {wrong.colno}", "send well-formed JSON") from wrong
    except RecursionError as wrong:
        raise _too_deep() from wrong
    _check(value, escapes="\\u" in text)
    return value


def _check(root: Any, escapes: bool) -> None:
    """Raises Unparsable where the value is too deep, or holds half a surrogate pair (only an escape can write one)."""
    level = [root]
    for depth in range(MAX_DEPTH + 2):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict | list):
                if depth == MAX_DEPTH:
                    raise _too_deep()
                inner += value.values() if isinstance(value, dict) else value
                if escapes and isinstance(value, dict):
                    inner += value
            elif escapes and isinstance(value, str) and _SURROGATE.search(value):
                raise Unparsable("json-encoding", "body", "write both halves of a surrogate pair")
        level = inner


def _too_deep() -> Unparsable:
    return Unparsable("json-too-deep", "body", f"nest at most {MAX_DEPTH} levels")


def _no_constant(_: str) -> Any:
    raise Unparsable("json-number", "body", "NaN and Infinity are no JSON numbers")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unparsable(
            "json-duplicate-key", "body", f"a key of one object stands there once: {len(pairs) - len(found)} too many"
        )
    return found


def dumps(value: Any) -> bytes:
    """JSON bytes; a Num is written as the number that it is."""
    return orjson.dumps(value, _raw, orjson.OPT_PASSTHROUGH_SUBCLASS)


def normal(value: Any) -> bytes:
    """The one spelling of a value, for comparing: keys sorted, no white space; a number keeps its text."""
    return orjson.dumps(value, _raw, orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_SORT_KEYS)


def _raw(value: Any) -> orjson.Fragment:
    if isinstance(value, Num):
        return orjson.Fragment(value.encode())
    raise TypeError(f"{type(value).__name__} is no JSON value")


def number(text: str) -> Num:
    """A JSON number from a decimal text. Raises ValueError where JSON has no such number."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a JSON number")
    return Num(text)


def leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every scalar of a tree with its path; list items count from 1 as `name[2]`, the first without a count."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    elif isinstance(value, list):
        for count, item in enumerate(value, 1):
            *above, last = place or ("",)
            yield from leaves(item, (*above, last if count == 1 else f"{last}[{count}]"))
    elif value is not None:
        yield place, str(value)
