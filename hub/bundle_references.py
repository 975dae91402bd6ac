"""References in the resources of a Bundle: found, rewritten, and those that are conditions. Resolves none.

A reference between entries is the `fullUrl` of the entry that is meant; one by a condition (`Patient?identifier=…`) is
answered from what the hub has (R4 http: transaction).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_CONDITIONAL = re.compile(r"(?P<type>[A-Z][A-Za-z]{2,40})\?(?P<query>.+)", re.ASCII | re.DOTALL)


def references(value: Any) -> Iterator[str]:
    """The texts of all references in a resource."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def rewritten(value: Any, to: Callable[[str], str]) -> Any:
    """The resource with every reference as `to` gives it."""
    if isinstance(value, dict):
        return {
            name: to(inner) if name == "reference" and isinstance(inner, str) else rewritten(inner, to)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [rewritten(inner, to) for inner in value]
    return value


def condition_of(reference: str) -> tuple[str, str] | None:
    """Type and criteria of a reference by condition, or None."""
    found = _CONDITIONAL.fullmatch(reference)
    return (found["type"], found["query"]) if found else None


def rests_on_records(bundle: Any) -> bool:
    """True where what a Bundle says depends on what the hub had when it came: it has conditions or updates."""
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    for tree in entries if isinstance(entries, list) else ():
        request = tree.get("request") if isinstance(tree, dict) else None
        if isinstance(request, dict) and (request.get("method") == "PUT" or request.get("ifNoneExist")):
            return True
        if any(condition_of(text) for text in references(tree)):
            return True
    return False
