"""What compiled tables call while a message is read or written. Pure functions and small carriers; no tables here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from mappings.codes import CodeTable
from mappings.faults import Fault, Unreadable


@dataclass(frozen=True, slots=True)
class Codec:
    """A pair of functions for a value. Both get the message's context last; `read` raises Unreadable.

    A raw codec gets wire nodes as they stand (a delimited field with its separators, a tree node); others get one
    leaf of text. `no_value` never leaves `read`: a codec either reads or raises.
    """

    read: Callable[..., Any]
    write: Callable[..., Any]
    raw: bool = False
    always: bool = False
    """Reads even where the wire says nothing, because that means something (an authority left out)."""
    whole: bool = False
    """Of delimited wires: reads all parts of a data type as one list of leaves, and writes such a list."""


@dataclass(slots=True)
class Draft:
    """A frame while it is read or written: what one message asserts of one record."""

    kind: str
    set: dict[str, Any] = field(default_factory=dict)
    clear: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    def unset(self, path: str) -> None:
        """Notes that the message clears a path, once."""
        if path not in self.clear:
            self.clear.append(path)


class Refs(Protocol):
    """Turns references of the wire into frame keys or named records, and back."""

    def read(self, reference: Any, kinds: tuple[str, ...]) -> dict[str, Any] | None: ...

    def write(self, value: Mapping[str, Any], kinds: tuple[str, ...]) -> Any: ...


class NoRefs:
    """A format whose references are all inside the message."""

    def read(self, reference: Any, kinds: tuple[str, ...]) -> dict[str, Any] | None:  # noqa: ARG002 - a Protocol's shape
        raise Unreadable("reference", "this format has no references")

    def write(self, value: Mapping[str, Any], kinds: tuple[str, ...]) -> Any:  # noqa: ARG002
        raise Unreadable("no-home", "this format has no references")


@dataclass(slots=True)
class Context:
    """What a codec may know: the partner's zone and defaults, the version, and where faults go.

    Formats subclass it (separators, namespaces). `place` names the piece, `at` the field inside it.
    """

    zone: str = ""
    system: str = ""
    version: tuple[int, ...] = ()
    refs: Refs = field(default_factory=NoRefs)
    place: str = ""
    at: str = ""
    ordinal: int = 1
    codes: Mapping[str, CodeTable] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    beyond: set[str] = field(default_factory=set)
    """Rows (`table row`) that this sender uses although its version does not have them; they are written to it too."""

    def fault(self, row: str, at: str, wrong: Unreadable) -> None:
        """Notes that a leaf could not be read; the message goes on."""
        self.faults.append(Fault(wrong.code, f"{self.place}-{at}" if at else self.place, wrong.remedy, row))

    def quiet(self) -> Context:
        """A copy with faults of its own, for reading an item again without noting its faults twice."""
        return replace(self, faults=[])

    def listed(self, piece: dict[str, Any] | None, names: frozenset[str]) -> dict[str, Any] | None:  # noqa: ARG002
        """The piece with its repeats as lists, for comparing item by item; a tree has them so already."""
        return piece

    def joined(self, piece: dict[str, Any]) -> dict[str, Any]:
        """The inverse of `listed`."""
        return piece

    def computed(self, name: str) -> str:  # noqa: ARG002 - a format may know more of them
        """The value of a computed constant: `#` is the count of the piece among its siblings."""
        return str(self.ordinal)

    def piece_of(self, text: str) -> tuple[str, dict[str, Any]]:  # noqa: ARG002
        """Name and fields of a piece that is kept as its text."""
        return "", {}

    def no_home(self, row: str, path: str, wrong: Unreadable) -> None:
        """Notes that a canonical value has no place in this format."""
        self.faults.append(Fault(wrong.code, path, wrong.remedy, row, "lost"))


def dig(target: dict[str, Any], *steps: str) -> dict[str, Any]:
    """The branch at `steps`, made where it is absent."""
    for step in steps:
        target = target.setdefault(step, {})
    return target


def pick(source: Mapping[str, Any], *steps: str) -> Any:
    """The value at `steps`, or None."""
    value: Any = source
    for step in steps:
        if not isinstance(value, dict):  # frames and trees are plain; an abstract check costs ten times as much
            return None
        value = value.get(step)
        if value is None:
            return None
    return value


def put(target: dict[str, Any], key: str, value: Any, m: Context, row: str) -> None:
    """Sets a value that another place of the message may have set already; a disagreement is a fault."""
    if target.setdefault(key, value) != value:
        m.faults.append(
            Fault("places-disagree", f"{m.place}-{m.at}", "two places of the message name different values", row)
        )


def join(
    target: dict[str, Any], key: str, item: dict[str, Any], split: Mapping[str, Any], m: Context, row: str
) -> None:
    """Adds an item that another place may have brought already, told apart by its `split` constants."""
    items = target.setdefault(key, [])
    for known in items:
        if all(known.get(name) == value for name, value in split.items()):
            if known != item:
                m.faults.append(
                    Fault(
                        "places-disagree", f"{m.place}-{m.at}", "two places of the message name different values", row
                    )
                )
            return
    add(target, key, item, split)


def add(target: dict[str, Any], key: str, item: Any, split: Mapping[str, Any]) -> None:
    """Adds an item to a list that several rows feed; the list's order is that of the constants, not of the wire."""
    items = target.setdefault(key, [])
    items.append(item)
    if len(items) > 1:
        items.sort(key=lambda known: [str(known.get(name)) for name in split])


def belongs(item: Mapping[str, Any], split: Mapping[str, Any]) -> bool:
    """True when an item carries all the constants of a row."""
    return all(item.get(name) == value for name, value in split.items())


def by_constants(items: Iterable[Mapping[str, Any]] | None, names: tuple[str, ...]) -> dict[Any, Mapping[str, Any]]:
    """The first item for each value of one constant, or for each tuple of values of several."""
    found: dict[Any, Mapping[str, Any]] = {}
    for item in items or ():
        found.setdefault(item.get(names[0]) if len(names) == 1 else tuple(item.get(name) for name in names), item)
    return found


def others(items: Iterable[Mapping[str, Any]], splits: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """Items that no neighbouring row claims."""
    return [item for item in items if not any(belongs(item, split) for split in splits)]


def find_item(node: Any, key: str, name: str, value: str) -> Any:
    """The list item of a tree whose `name` is `value`, or None."""
    items = node.get(key) if isinstance(node, dict) else None
    if not isinstance(items, list):
        return None
    return next((item for item in items if isinstance(item, dict) and item.get(name) == value), None)


def make_item(node: dict[str, Any], key: str, name: str, value: str) -> dict[str, Any]:
    """The list item of a tree whose `name` is `value`, made where it is absent."""
    items = node.setdefault(key, [])
    for item in items:
        if item.get(name) == value:
            return item  # type: ignore[no-any-return]
    item = {name: value}
    items.append(item)
    return item


def first_item(node: Any, key: str) -> Any:
    """The first item of a tree's list, or None where there is no list."""
    items = node.get(key) if isinstance(node, Mapping) else None
    return items[0] if isinstance(items, list) and items else None


def make_first(node: dict[str, Any], key: str) -> dict[str, Any]:
    """The first item of a tree's list, made where it is absent."""
    items = node.setdefault(key, [{}])
    return items[0]  # type: ignore[no-any-return]


def lone(items: Any, m: Context, row: str, path: str) -> Any:
    """The first value of a list for a wire that has room for one; notes that the others have no home."""
    if not items:
        return None
    if len(items) > 1:
        m.no_home(row, path, Unreadable("no-home", "this format has room for one; the others are not written"))
    return items[0]
