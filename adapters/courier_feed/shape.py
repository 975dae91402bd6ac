"""A courier's JSON to milestones by the names that the tables know, and back. Knows no meaning of a name.

`columns` of a map has, per name of ours, the dotted paths under which senders say it; case, `_` and `-` make no
difference, the first path is written. What no path names stays beside the milestone, as it stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.json_text import Num, number
from adapters.reading import Unparsable

Tree = dict[str, Any]
Path = tuple[str, ...]

REST, NUMBERS = "#rest", "#numbers"
"""Keys of what stands beside, and of the names whose values were numbers; no name of ours begins with `#`."""
MAX_MILESTONES = 20_000
_DEPTH = 4
"""Levels above the list of milestones."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document taken apart: its milestones, the path of their list (None: it is one milestone), the rest of it."""

    milestones: list[Any]
    path: Path | None
    head: Any


def folded(path: str) -> str:
    """A path without what makes no difference."""
    return re.sub(r"[\s_\-]+", "", path).casefold()


def spellings(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Folded path -> name of ours."""
    return {folded(path): name for name, paths in columns.items() for path in paths}


def opened(tree: Any, spelled: Mapping[str, str]) -> Opened:
    """The milestones of a document: the list of them in it, else the document itself, else the first list of objects.

    An envelope may say of itself what a milestone says: a list of milestones in it goes before. Raises Unparsable.
    """
    found = next(nested(tree, spelled), None)
    if found is None and isinstance(tree, dict) and matches(tree, spelled) > 1:
        return Opened([tree], None, {})
    for path, items in [found] if found else _lists(tree, ()):
        if len(items) > MAX_MILESTONES:
            raise Unparsable("json-too-large", ".".join(path) or "body", f"send at most {MAX_MILESTONES} milestones")
        return Opened(items, path, _without(tree, path))
    remedy = "send a milestone as an object, or a list of them, alone or inside an object"
    raise Unparsable("feed-shape", "body", remedy)


def nested(tree: Any, spelled: Mapping[str, str]) -> Iterator[tuple[Path, list[Any]]]:
    """Lists in a tree that hold a milestone: an object that says what and when. The outer ones first."""
    for path, items in _lists(tree, ()):
        if any(isinstance(item, dict) and names(item, spelled) >= {"milestone", "at"} for item in items):
            yield path, items


def _lists(tree: Any, path: Path) -> Iterator[tuple[Path, list[Any]]]:
    """Lists that hold an object, the outer ones first."""
    if isinstance(tree, list):
        if any(isinstance(item, dict) for item in tree) or not path:
            yield path, tree
        return
    if not isinstance(tree, dict) or len(path) == _DEPTH:
        return
    for wanted in (list, dict):
        for key, value in tree.items():
            if isinstance(value, wanted):
                yield from _lists(value, (*path, key))


def _without(tree: Any, path: Path) -> Any:
    if not path:
        return [] if isinstance(tree, list) else tree
    inner = tree[path[0]]
    return {**tree, path[0]: _without(inner, path[1:])}


def closed(document: Opened) -> Any:
    """The inverse of `opened`."""
    if document.path is None:
        return document.milestones[0] if document.milestones else {}
    return _with(document.head, document.path, document.milestones)


def _with(tree: Any, path: Path, items: list[Any]) -> Any:
    if not path:
        return items
    base = tree if isinstance(tree, dict) else {}
    return {**base, path[0]: _with(base.get(path[0]), path[1:], items)}


# ---- one milestone --------------------------------------------------------------------------------------------


def matches(tree: Mapping[str, Any], spelled: Mapping[str, str]) -> int:
    """How many names of ours an object says."""
    return len(names(tree, spelled))


def names(tree: Mapping[str, Any], spelled: Mapping[str, str]) -> set[str]:
    """The names of ours that an object says."""
    return {spelled[folded(".".join(path))] for path, _ in _leaves(tree, ()) if folded(".".join(path)) in spelled}


def _leaves(tree: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """Scalars, and lists of scalars, with their paths."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def named(tree: Mapping[str, Any], spelled: Mapping[str, str]) -> tuple[Tree, dict[str, list[str]]]:
    """A milestone by our names, with what nobody names at `#rest`; and the path of each name as it stood.

    A number is its text: which of them were numbers stands beside the paths.

    Of two places that say one name that counts which the map lists first; the other stays beside.
    """
    rank = {path: place for place, path in enumerate(spelled)}
    best: dict[str, tuple[int, Path, Any]] = {}
    for path, value in _leaves(tree, ()):
        spelling = folded(".".join(path))
        if spelling in spelled and value is not None and value != "" and _is_plain(value):
            name, place = spelled[spelling], rank[spelling]
            if name not in best or place < best[name][0]:
                best[name] = (place, path, value)
    flat: Tree = {name: _texts(value) for name, (_, _, value) in best.items()}
    stood: dict[str, list[str]] = {name: list(path) for name, (_, path, _) in best.items()}
    numbers = [
        name for name, (_, _, value) in best.items() if isinstance(value[0] if isinstance(value, list) else value, Num)
    ]
    rest = _left(tree, (), {tuple(path) for path in stood.values()})
    if numbers:
        stood[NUMBERS] = numbers
    return ({**flat, REST: rest} if rest else flat), stood


def _is_plain(value: Any) -> bool:
    """True for a scalar, and for a list of texts or one of numbers."""
    if not isinstance(value, list):
        return True
    return bool(value) and all(isinstance(item, str) for item in value) and len({type(item) for item in value}) == 1


def _texts(value: Any) -> Any:
    """Numbers as their texts."""
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return str(value) if isinstance(value, Num) else value


def _left(tree: Mapping[str, Any], path: Path, taken: set[Path]) -> Tree:
    left: Tree = {}
    for key, value in tree.items():
        if (*path, key) in taken:
            continue
        if isinstance(value, dict) and value:
            if inner := _left(value, (*path, key), taken):
                left[key] = inner
        else:
            left[key] = value
    return left


def restored(flat: Mapping[str, Any], stood: Mapping[str, Sequence[str]], columns: Mapping[str, Sequence[str]]) -> Tree:
    """A milestone by its sender's names; what it had not said by the first path of ours."""
    tree: Tree = _copied(flat.get(REST, {}))
    for name, value in flat.items():
        if name == REST:
            continue
        path = stood.get(name) or columns[name][0].split(".")
        node = tree
        for step in path[:-1]:
            inner = node.get(step)
            node[step] = node = inner if isinstance(inner, dict) else {}
        node[path[-1]] = _number(value) if name in stood.get(NUMBERS, ()) else value
    return tree


def _number(value: Any) -> Any:
    """The number that a text is, where it is one."""
    if isinstance(value, list):
        return [_number(item) for item in value]
    try:
        return number(str(value))
    except ValueError:
        return value


def _copied(tree: Mapping[str, Any]) -> Tree:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in tree.items()}


__all__ = [
    "MAX_MILESTONES",
    "REST",
    "Opened",
    "closed",
    "folded",
    "matches",
    "named",
    "names",
    "nested",
    "opened",
    "restored",
    "spellings",
]
