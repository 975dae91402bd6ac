"""What the adapters of trees build from their checked tables, once. Reads no file and no message."""

from __future__ import annotations

from mappings.faults import TableError, TableFault
from mappings.library import Library
from mappings.trees import Leaf, leaf_of


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
