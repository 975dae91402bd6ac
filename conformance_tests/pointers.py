"""Places: JSON Pointers (RFC 6901) in documents, fields in HL7 v2 messages counted as the standard counts. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

ABSENT: Final = type("Absent", (), {"__repr__": lambda _: "nothing"})()
"""What stands at a place where nothing stands."""
_FIELD = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\.(\d+))?")


def at(document: Any, pointer: str) -> Any:
    """The value at a pointer, or ABSENT."""
    for step in _steps(pointer):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return ABSENT
    return document


def edited(document: Any, changes: Mapping[str, Any]) -> Any:
    """A copy with a value put at each pointer; ABSENT takes away what stands there. Raises KeyError, IndexError."""
    changed = copy.deepcopy(document)
    for place, value in changes.items():
        above, _, last = place.rpartition("/")
        node = at(changed, above)
        if not isinstance(node, dict | list):
            raise KeyError(place)
        key: Any = int(last) if isinstance(node, list) else _plain(last)
        if value is ABSENT:
            del node[key]
        else:
            node[key] = value
    return changed


def _steps(pointer: str) -> list[str]:
    return [_plain(step) for step in pointer.split("/")[1:]]


def _plain(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def pointer(steps: Sequence[str | int]) -> str:
    """The pointer that takes these steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def field(message: str, place: str) -> Any:
    """`MSA-1`, `ERR[2]-2.3` of an HL7 v2 message, or ABSENT where it is empty. Raises KeyError for no such place."""
    found = _FIELD.fullmatch(place)
    if found is None:
        raise KeyError(place)
    segment, ordinal, number, component = found[1], int(found[2] or 1), int(found[3]), found[4]
    mark = message[3:4] if message.startswith("MSH") else "|"
    lines = [line.split(mark) for line in re.split(r"[\r\n]+", message)]
    named = [parts for parts in lines if parts[0] == segment]
    if len(named) < ordinal:
        return ABSENT
    parts = [segment, mark, *named[ordinal - 1][1:]] if segment == "MSH" else named[ordinal - 1]
    value = parts[number] if number < len(parts) else ""
    if component:
        inner = value.split(message[4:5] if message.startswith("MSH") else "^")
        value = inner[int(component) - 1] if int(component) <= len(inner) else ""
    return value or ABSENT
