"""Identity resolution over the hub's link graph. Finds orders; who may know of them, the caller asks (`takes_part`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from canonical_model.ids import Key
from canonical_model.journey import Journey
from canonical_model.resolution import Known, Resolution, known_of, resolve
from canonical_model.scans import Scan
from hub.committer import Committer
from hub.links import Links
from hub.store import Connection
from hub.vault import Vault


class LinkIndex:
    """The link graph as an index. Orders go by the ids of their journeys. Made for one look at it."""

    def __init__(self, db: Connection, state: Callable[[str], Journey]) -> None:
        self._db, self._state = db, state
        self._links = Links(db)

    def orders_above(self, key: Key) -> Collection[str]:
        kind, system, value = key
        row = self._db.one("find_name", kind, value, system)
        return set() if row is None else set(self._links.journeys_above([int(row[0])]))

    def spelt(self, kind: str, value: str) -> Collection[Key]:
        return {
            (known, system, text) for _, known, system, text in self._db.all("names_of_value", value) if known == kind
        }

    def order(self, order: str) -> Known:
        return known_of(self._state(order))


def resolve_in(
    committer: Committer,
    refs: Iterable[Mapping[str, Any]] = (),
    scans: Iterable[Scan] = (),
    products: Collection[str] = (),
    *,
    persons: Iterable[Mapping[str, Any]] = (),
    vault: Vault | None = None,
) -> Resolution:
    """The order that references, labels and patients' numbers lead to, on the committer's thread.

    `persons`: numbers of the item's patient as their hospital gives them; the vault turns them into the tokens under
    which the log knows the person. Those that name nobody for sure, such as visit numbers, are no keys.
    """
    db = committer.connection
    tokens = vault.names(list(persons)) if vault is not None else []
    person = [{"kind": "subject", "identifiers": tokens}] if tokens else []
    index = LinkIndex(db, lambda journey: committer.orders.state(db, journey))
    return resolve(index, [*refs, *person], scans, products)


__all__ = ["LinkIndex", "resolve_in"]
