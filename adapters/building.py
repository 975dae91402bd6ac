"""What adapters build from their checked tables, once, and look up in them. Reads no file and no message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.reading import Unsupported
from canonical_model.values import zone_of
from mappings.faults import TableError, TableFault
from mappings.library import Library
from mappings.trees import Leaf, leaf_of


@dataclass(frozen=True, slots=True)
class TreeAdapter:
    """The maps of one partner (or the base ones), compiled, with the partner's zone and default system of names."""

    library: Library
    leaves: Mapping[str, Leaf]
    zone: str = "UTC"
    system: str = ""

    def only(self, name: str) -> dict[str, Leaf]:
        """The leaf of one piece."""
        return {name: self.leaves[name]}


def leaves(tables: Library) -> dict[str, Leaf]:
    """The leaves of all message maps by the name of the piece that each reads: an entry's, or else its table's.

    Raises TableError with all faults at once.
    """
    faults: list[TableFault] = []
    found: dict[str, Leaf] = {}
    for name, data in tables.maps.items():
        for entry in data["frames"]:
            leaf = leaf_of(entry, tables.tables, name, faults)
            if leaf is not None:
                found[entry.get("piece", leaf.table.spec.piece)] = leaf
    if faults:
        raise TableError(faults)
    return found


def of_maps(tables: Library, wrong: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]) -> None:
    """Checks what a format says besides in its message maps: `wrong` gives place and text of each fault of one.

    Raises TableError with all faults at once.
    """
    faults = [TableFault(name, place, text) for name, data in tables.maps.items() for place, text in wrong(data)]
    if faults:
        raise TableError(faults)


def dialect_faults(said: Mapping[str, Any], words: Collection[str]) -> Iterator[str]:
    """What is wrong with the words of a dialect, and with its zone."""
    for word in said:
        if word not in words:
            yield f"unknown word {word!r}; known are: {', '.join(words)}"
    try:
        zone_of(said.get("zone", "UTC"))
    except ValueError:
        yield "`zone` is an IANA name such as Europe/Berlin"


def systems_of(said: Mapping[str, Any]) -> dict[str, str]:
    """A dialect's systems of identifiers by field, none of which ends in a slash."""
    return {name: system.rstrip("/") for name, system in said.get("systems", {}).items()}


def map_named(tables: Library, name: str, more: str = "") -> Mapping[str, Any]:
    """A message map by name. Raises Unsupported."""
    data = tables.maps.get(name)
    if data is None:
        raise Unsupported(name, "body", f"no map reads it; name one of {', '.join(tables.maps)}{more}")
    return data
