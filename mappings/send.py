"""Facts to frames (`send:`), one-way: what a partner is told of a fact, before anybody decides what it may see.

A `send:` row per event type lists frames in the order of the message. A frame takes a whole source (`from`), single
paths (`set`) and constants (`constants`). Sources: `event` (its fields), `about` (its record, folded), `order`,
`patient`, `identity`, `partner` (the receiver), `message` (id and time of the delivery, `type` of the fact), `journey`
(the `stage` at which the order stands); with `for_each` one frame per item of a list, which is the source `each`. The
law: what `send` wrote, read by `on`, asserts the same type, key and visible data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mappings.faults import TableFault

Sources = Mapping[str, Mapping[str, Any]]
_ENVELOPE = frozenset({"occurred"})
"""What an event source has besides the fields of its record."""
WORDS = frozenset({"frame", "from", "set", "constants", "parent", "links", "only_with", "as_list", "for_each"})


def frames(data: Mapping[str, Any], event_type: str, sources: Sources) -> list[dict[str, Any]]:
    """Frames that tell a fact in this message; empty where the map has no row for it."""
    rows = _rows(data, event_type)
    keys: dict[str, str] = {}
    out: list[dict[str, Any]] = []
    for row, known in _each(rows, sources):
        kind = row["frame"]
        if "only_with" in row and not known.get(row["only_with"]):
            continue
        source = known.get(row.get("from", ""), {})
        record: dict[str, Any] = {name: value for name, value in source.items() if name not in _ENVELOPE}
        for path, source in row.get("set", {}).items():
            value = _reach(known, source)
            if value is not None:
                _put(record, path, [value] if path in row.get("as_list", ()) else value)
        for path, constant in row.get("constants", {}).items():
            _put(record, path, constant)
        for path, target in row.get("links", {}).items():
            if target in keys:
                record[path] = {"frame": keys[target]}
        parent = keys.get(row.get("parent", ""), "")
        key = f"{parent}/{kind}" if parent else kind
        if "for_each" in row and (count := sum(frame["key"].partition("#")[0] == key for frame in out)):
            key = f"{key}#{count + 1}"
        keys[kind] = key
        frame: dict[str, Any] = {"kind": kind, "key": key}
        if parent:
            frame["parent"] = parent
        frame["set"] = record
        out.append(frame)
    return out


def _each(rows: Iterable[Mapping[str, Any]], sources: Sources) -> Iterator[tuple[Mapping[str, Any], Sources]]:
    """Rows with their sources; one that says `for_each` comes once per item of that list."""
    for row in rows:
        if "for_each" not in row:
            yield row, sources
            continue
        for item in _reach(sources, row["for_each"]) or ():
            yield row, {**sources, "each": item}


def _rows(data: Mapping[str, Any], event_type: str) -> list[Mapping[str, Any]]:
    send = data.get("send", {})
    rows = send.get(event_type, send.get(event_type.partition(".")[0] + ".*", []))
    if isinstance(rows, str):  # the same as another event type's
        rows = send.get(rows, [])
    return list(rows)


def _reach(sources: Sources, path: str) -> Any:
    """A value by path; `order.identifiers[placer]` takes the items of that type, `…[placer]!` the first one.

    Over a list of records, `event.contents.identifiers` gives one name of each.
    """
    first = path.endswith("!")
    name, _, wanted = path.removesuffix("!").rstrip("]").partition("[")
    value: Any = sources
    for step in name.split("."):
        if isinstance(value, list):
            found = [item.get(step) for item in value if isinstance(item, Mapping)]
            value = [item[0] if isinstance(item, list) else item for item in found if item]
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        items = [item for item in value if not wanted or (isinstance(item, Mapping) and item.get("type") == wanted)]
        if first:
            return items[0] if items else None
        return items or None
    return value


def _put(record: dict[str, Any], path: str, value: Any) -> None:
    *branch, last = path.split(".")
    for step in branch:
        record = record.setdefault(step, {})
    record[last] = value


def check(name: str, data: Mapping[str, Any], types: Mapping[str, str]) -> list[TableFault]:
    """Faults of a map's `send:` rows."""
    faults = []
    for event_type, rows in (data.get("send") or {}).items():
        family = event_type.removesuffix(".*")
        if event_type not in types and not any(t.startswith(f"{family}.") for t in types):
            faults.append(TableFault(name, f"send {event_type}", "no such event type in the catalogue"))
        for row in rows if isinstance(rows, list) else ():
            unknown = sorted(set(row) - WORDS)
            if unknown or "frame" not in row:
                known = ", ".join(sorted(WORDS))
                faults.append(TableFault(name, f"send {event_type}", f"unknown words {unknown}; known are: {known}"))
    return faults
