"""The log's end in one transaction: facts get positions, salts and leaves, and are linked. A part of the committer."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from canonical_model.ids import canonical_json
from hub import ledger
from hub.links import Links
from hub.store import PROVISIONAL, Connection


class Appender:
    """Appends facts. Their positions may be provisional until the store places them."""

    def __init__(self, links: Links, salt: Callable[[int], bytes] = os.urandom) -> None:
        self._links, self._salt = links, salt
        self.leaves: list[bytes] = []
        self.new: dict[int, dict[str, Any]] = {}
        """Facts of this transaction by position."""
        self.ids: set[str] = set()
        """Ids of the facts of this transaction."""
        self.position = self.first = self._shift = 0

    def begin(self) -> None:
        """A transaction begins."""
        self.leaves, self.new = [], {}
        self.ids.clear()

    def start(self, position: int) -> None:
        """What this transaction appends follows a position."""
        self.position = self.first = position

    def add(self, db: Connection, event: dict[str, Any], inbox: int | None, only: str = "") -> None:
        """Adds a fact to the log and links it. The log does not have it yet."""
        self.write(db, event, inbox)
        self.new[self.position] = event
        self._links.add(self.position, event, only)

    def write(self, db: Connection, entry: dict[str, Any], inbox: int | None = None) -> None:
        """Adds an entry to the log."""
        text = canonical_json(entry)
        salt = self._salt(ledger.SALT)
        hashed = ledger.leaf(salt, text)
        self.position += 1
        db.later("add_event", self.position, entry["id"], entry["type"], inbox, text.decode(), salt, hashed)
        self.leaves.append(hashed)
        self.ids.add(entry["id"])

    def placed(self, offset: int) -> None:
        """Positions that were provisional are real from now on."""
        self._shift = offset
        self.position, self.first = self.position + offset, self.first + offset
        self.new = {self.real(position): event for position, event in self.new.items()}
        self._links.placed(offset, PROVISIONAL)

    def real(self, position: int) -> int:
        """The position by which the log knows a fact that may have got a provisional one."""
        return position + self._shift if position >= PROVISIONAL - 1 else position

    def undo(self, position: int, leaves: int) -> None:
        """Goes back to where the log ended before an undone message."""
        self.position = self.real(position)
        del self.leaves[leaves:]
        for later in [p for p in self.new if p > position]:
            self.ids.discard(self.new.pop(later)["id"])
