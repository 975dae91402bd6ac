"""What the log may not hold: personal data that is not sealed, and links to frames. Finds it; seals nothing.

The records mark personal fields (`x-personal` in their schema); in the log such a field holds an `Actor` or a `Sealed`
token, and a reference names its record instead of a frame of the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from canonical_model.frames import set_schema

SEALED, PEOPLE, ACTS = "sealed", "people", "acts"
_LINK, _SEALED, _ACTOR = frozenset({"frame"}), frozenset({"sealed"}), frozenset({"actor"})
_PARTICIPATION = frozenset({"person", "period", "place"})

Plan = Mapping[str, Any]
"""Per field: `sealed`, `people` or `acts` where the whole value is personal, or the plan of what is inside it."""


@cache
def plan_of(kind: str) -> Plan:
    """The personal fields of a record kind."""
    schema = set_schema(kind)
    return _plan(schema, schema, ()) or {}


def _plan(root: Mapping[str, Any], node: Mapping[str, Any], trail: tuple[str, ...]) -> Any:
    if node.get("x-personal"):
        return ACTS if "/Participation'" in str(node) else PEOPLE if "/Actor'" in str(node) else SEALED
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return None if name in trail else _plan(root, root["$defs"][name], (*trail, name))
    found = [_plan(root, inner, trail) for word in ("anyOf", "oneOf") for inner in node.get(word, ())]
    if isinstance(node.get("items"), dict):
        found.append(_plan(root, node["items"], trail))
    whole = [plan for plan in found if isinstance(plan, str)]
    if whole:
        return whole[0]
    inside = {name: plan for plans in found if plans for name, plan in plans.items()}
    for name, field in node.get("properties", {}).items():
        if plan := _plan(root, field, trail):
            inside[name] = plan
    return inside or None


def unfit_for_log(kind: str, values: Mapping[str, Any]) -> list[str]:
    """Paths of what the log may not hold among the fields of a record."""
    return list(_unfit(values, plan_of(kind), ""))


def _unfit(value: Any, plan: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.keys() == _LINK:
            yield path
        for name, inner in value.items():
            below = f"{path}.{name}" if path else name
            inside = plan.get(name) if plan else None
            yield from _unfit(inner, inside, below) if not isinstance(inside, str) else _open(inner, inside, below)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _unfit(item, plan, path)


def _open(value: Any, plan: str, path: str) -> Iterator[str]:
    """A personal value is absent or sealed; people are actors, lists of them, and acts whose person is one."""
    if value is None or (isinstance(value, Mapping) and value.keys() in (_SEALED, _ACTOR)):
        return
    if plan != SEALED and isinstance(value, list | tuple):
        for item in value:
            yield from _open(item, plan, path)
    elif plan == ACTS and isinstance(value, Mapping) and value.keys() <= _PARTICIPATION:
        yield from _open(value.get("person"), plan, path)
    else:
        yield path
