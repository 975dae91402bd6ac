"""The account of an output: of every leaf of the frames that were due, what became of it. Reads no message.

Each leaf has exactly one fate: written, withheld by policy, or without a home in the partner's format. A field of which
anything is lost counts as lost with all its leaves: what is called written is written as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mappings.faults import Fault

Frame = Mapping[str, Any]


def account(due: Sequence[Frame], shown: Sequence[Frame], faults: Iterable[Fault]) -> dict[str, Any]:
    """`{due, written, withheld: {path: leaves}, no-home: {path: leaves}}`; a path is `kind.field`, or that of a loss.

    A loss is told by its path, not by its frame: where several frames of a kind say the same, it is counted for each.
    """
    every, visible = _fields(due), _fields(shown)
    losses = {path_of(fault) for fault in faults if fault.severity == "lost"}
    lost = {path: sum(_beneath(frame, path.split(".")) for frame in shown) for path in _outermost(losses)}
    return {
        "due": every.total(),
        "written": visible.total() - sum(lost.values()),
        "withheld": dict(sorted((every - visible).items())),
        "no-home": {path: count for path, count in sorted(lost.items()) if count},
    }


def path_of(fault: Fault) -> str:
    """The canonical path that a fault names after its row: `result.value` of `row 1 result.value`, the kind of a frame
    that has no home."""
    *_, last = words = fault.place.split(" ")
    return words[-2] if last == "frame" and len(words) > 1 else last


def _fields(frames: Iterable[Frame]) -> Counter[str]:
    """Leaves of each field."""
    found: Counter[str] = Counter()
    for frame in frames:
        for name, value in frame["set"].items():
            found[f"{frame['kind']}.{name}"] += count(value)
    return found


def count(value: Any) -> int:
    """Leaves of a value."""
    if isinstance(value, dict):
        return sum(map(count, value.values()))
    return sum(map(count, value)) if isinstance(value, list | tuple) else 1


def _outermost(paths: Iterable[str]) -> list[str]:
    """The paths that are no part of another one."""
    kept: list[str] = []
    for path in sorted(paths, key=len):
        if not any(path == other or path.startswith(f"{other}.") for other in kept):
            kept.append(path)
    return kept


def _beneath(frame: Frame, steps: Sequence[str]) -> int:
    """Leaves of a frame at a path and below it."""
    kind, *rest = steps
    return _at(frame["set"], rest) if frame["kind"] == kind else 0


def _at(value: Any, steps: Sequence[str]) -> int:
    if not steps:
        return count(value)
    if isinstance(value, list | tuple):
        return sum(_at(item, steps) for item in value)
    first, *rest = steps
    return _at(value[first], rest) if isinstance(value, dict) and first in value else 0
