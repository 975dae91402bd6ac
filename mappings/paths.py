"""Canonical paths against the published schemas: what a path leads to, and what was perhaps meant. Reads no table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from mappings.load import split_path

Schema = Mapping[str, Any]
_TOLD = 8
"""How many known words a fault tells; the ones nearest to what was written stand first."""


def known(word: str, words: Iterable[str]) -> str:
    """The known words for the text of a fault, those that `word` may have meant first."""
    every = sorted(set(words))
    close = get_close_matches(word, every, n=3, cutoff=0.6)
    ordered = [*close, *(other for other in every if other not in close)]
    more = f" and {len(ordered) - _TOLD} more" if len(ordered) > _TOLD else ""
    return f"known are: {', '.join(ordered[:_TOLD]) or 'none'}{more}"


def whole(root: Schema) -> list[Schema]:
    """The place of a whole record."""
    return _branches(root, root)


def at(root: Schema, places: Sequence[Schema], name: str) -> list[Schema]:
    """The places that a step leads to from these; none where no schema has a field of the name."""
    found: list[Schema] = []
    for place in places:
        if name in place.get("properties", {}):
            found += _branches(root, place["properties"][name])
        elif _open(place):
            found.append({})
    return found


def missing(root: Schema, places: Sequence[Schema], path: str) -> tuple[list[Schema], str]:
    """Places of a path, and what is wrong with it: empty where it leads somewhere."""
    for step in split_path(path):
        name = step.partition("[")[0]
        after = at(root, places, name)
        if not after:
            return [], f"nothing is named {name!r} there; {known(name, fields(places))}"
        places = after
    return list(places), ""


def fields(places: Iterable[Schema]) -> set[str]:
    """Names of the fields at these places."""
    return {name for place in places for name in place.get("properties", {})}


def codes(places: Iterable[Schema]) -> Collection[str] | None:
    """The values that these places take, as tables write them; None where any text is one."""
    found: set[str] = set()
    for place in places:
        if "enum" in place or "const" in place:
            found |= {str(value) for value in place.get("enum", [place.get("const")])}
        elif place.get("type") == "boolean":
            found |= {"true", "false"}
        elif place.get("type") != "null":
            return None
    return found


def _branches(root: Schema, node: Schema) -> list[Schema]:
    """A node without references, choices and lists: every shape that a value there may have, or its items."""
    while "$ref" in node:
        target: Any = root
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    if "properties" in node or "enum" in node:
        return [node]
    inner = [one for word in ("anyOf", "oneOf", "allOf") for one in node.get(word, [])]
    if inner:
        return [found for one in inner for found in _branches(root, one)]
    if isinstance(node.get("items"), Mapping):
        return _branches(root, node["items"])
    return [node]


def _open(place: Schema) -> bool:
    """True for a place whose fields no schema names."""
    return (
        "properties" not in place
        and place.get("additionalProperties", place.get("type") is None) is not False
        and (place.get("type") in (None, "object"))
        and "enum" not in place
        and "const" not in place
    )
