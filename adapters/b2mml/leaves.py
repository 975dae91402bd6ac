"""The leaves of a B2MML tree, for its account: each text and attribute with its place, as the document has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from adapters import xml_text

Place = tuple[str, ...]
Leaf = tuple[Place, str]

_THROUGH = frozenset({"#noun", "#steps", "#text"})
"""Keys of ours behind which the document's own leaves stand."""


def leaves(name: str, tree: Any) -> Iterator[Leaf]:  # noqa: ARG001 - an account's shape
    """Every leaf with its place. List items count from 1 as `Value[2]`, the first without a count."""
    return _leaves(tree, ())


def _leaves(value: Any, place: Place) -> Iterator[Leaf]:
    if isinstance(value, dict) and isinstance(value.get("#xml"), str):
        yield from _inside(xml_text.parse(value["#xml"].encode()), place)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key[:1] != "#":
                yield from _leaves(item, (*place, key))
            elif key in _THROUGH:
                yield from _leaves(item, place)
    elif isinstance(value, list):
        for count, item in enumerate(value, 1):
            *above, last = place or ("",)
            yield from _leaves(item, (*above, last if count == 1 else f"{last}[{count}]"))
    elif value is not None and str(value).strip():
        yield place, str(value).strip()


def _inside(element: etree._Element, place: Place) -> Iterator[Leaf]:
    """Leaves of an element that was kept whole because it mixes text and elements."""
    for key, text in element.attrib.items():
        if str(text).strip():
            yield (*place, f"@{etree.QName(str(key)).localname}"), str(text)
    texts = [element.text, *(child.tail for child in element)]
    for count, said in enumerate((text.strip() for text in texts if text and text.strip()), 1):
        yield (*place, f"text[{count}]"), said
    for count, child in enumerate(element, 1):
        yield from _inside(child, (*place, f"{etree.QName(child).localname}[{count}]"))
