"""Who works on what, where several processes write one store: locks of messages and of names that belong together.

Names that one fact has are of one component from then on, and so is everything that linking may reach from them. A
transaction locks the components of the names in its facts before it looks at anything else of theirs; another's work
on other components goes on beside it. A component's turn says whether what a process remembers of it still holds.
Locks are taken in the order of their ids, or tried: where a try fails, the whole transaction is run again with all
locks that it came to need taken at its beginning, so nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from canonical_model.ids import Key
from hub.store import Connection
from hub.store.locks import TakeAgain, lock_of

NameRow = tuple[int, str, str, str, int, int]
"""Id, kind, system, value, main, known."""


class Claims:
    """What one process has to itself, transaction by transaction."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._turns: dict[int, int] = {}
        """Component -> its turn when this process left it."""
        self._members: dict[int, set[int]] = {}
        self._component: dict[int, int] = {}
        self._held: dict[int, int] = {}
        self._messages: set[int] = set()
        self._claimed: set[Key] = set()
        self._parents: dict[int, int] = {}
        """Component -> the one that it became a part of in this transaction."""
        self._fresh: dict[int, tuple[Key, int, int]] = {}
        self._wanted: tuple[set[int], set[int]] = (set(), set())
        self.stale: set[int] = set()
        """Names of which nothing that was remembered holds any more."""

    # ---- one transaction ----------------------------------------------------------------------------------------

    def begin(self, again: bool) -> None:
        """A transaction begins; run again, it takes all locks at once that it came to need before."""
        self._held, self._messages, self._claimed, self._parents, self._fresh = {}, set(), set(), {}, {}
        messages, names = self._wanted
        self._wanted = (set(), set())
        if again:
            for key in sorted(messages):
                self._db.peek("lock_message", key)
                self._messages.add(key)
            while names:
                found = {int(root) for _, root in self._db.peek("components_of", sorted(names))}
                rows = self._db.peek("lock_names", sorted(found))
                names = {int(row[1]) for row in rows if row[1] is not None}
                self._hold(rows)

    def message(self, partner: str, source: str) -> None:
        """Has a partner's message id to itself: of two processes that get one message, the second sees the first."""
        key = lock_of(f"message/{partner}/{source}")
        if key in self._messages:
            return
        if not self._messages and not self._held:
            self._db.peek("lock_message", key)
        elif not self._db.peek("try_message", key)[0][0]:
            self._run_again({key}, set())
        self._messages.add(key)

    def names(self, keys: Iterable[Key]) -> list[NameRow]:
        """Has the components of some names to itself; the names that there are and that it did not have yet."""
        asked = sorted(set(keys) - self._claimed)
        if not asked:
            return []
        rows = self._found(asked)
        while roots := {int(row[6]) for row in rows if row[6] not in self._held}:
            self._hold(self._lock(roots))
            rows = self._found(asked)  # what was seen before the lock may be another's work of the time in between
        for row in rows:
            self._remember(int(row[0]), int(row[6]))
        self._claimed |= set(asked)
        return [row[:6] for row in rows]

    def has(self, key: Key) -> bool:
        """True for a name that this transaction has asked for: what it did not find there is not there."""
        return key in self._claimed

    def _found(self, asked: list[Key]) -> list[Any]:
        kinds, systems, values = ([key[n] for key in asked] for n in range(3))
        return self._db.peek("names_by_key", kinds, systems, values)

    def _lock(self, roots: set[int]) -> list[Any]:
        if not self._held:
            return self._db.peek("lock_names", sorted(roots))
        rows = self._db.peek("try_names", sorted(roots))
        if len(rows) < len(roots):
            self._run_again(set(), roots)
        return rows

    def _hold(self, rows: Iterable[Any]) -> None:
        for root, parent, turn in rows:
            if parent is None and root not in self._held:
                self._held[int(root)] = int(turn)
                if self._turns.get(int(root)) != int(turn):
                    self._drop(int(root))

    def _drop(self, root: int) -> None:
        """What is remembered of a component, and of those that became parts of it, does not hold any more."""
        parts = [int(row[0]) for row in self._db.peek("parts_of", root)] if self._members else []
        for part in (root, *parts):
            for name in self._members.pop(part, ()):
                self._component.pop(name, None)
                self.stale.add(name)
            self._turns.pop(part, None)

    def _remember(self, name: int, root: int) -> None:
        self._component[name] = root
        self._members.setdefault(root, set()).add(name)

    def _run_again(self, messages: set[int], names: set[int]) -> None:
        self._wanted = (self._messages | messages, self._held.keys() | names)
        raise TakeAgain

    # ---- what a transaction adds --------------------------------------------------------------------------------

    def add(self, key: Key, main: int, known: int) -> int:
        """The number of a new name. Where another process has it by then, the transaction is run again."""
        name = self._db.next_id("name")
        self._fresh[name] = (key, main, known)
        self._remember(name, name)
        self._claimed.add(key)
        return name

    def mark(self, name: int, main: int, known: int) -> bool:
        """Notes more of a name that this transaction added; False for one that is written."""
        if name not in self._fresh:
            return False
        key, was_main, was_known = self._fresh[name]
        self._fresh[name] = (key, max(main, was_main), max(known, was_known))
        return True

    def together(self, names: Iterable[int]) -> None:
        """These names are of one component from now on."""
        roots = sorted({self._root(name) for name in names})
        for root in roots[1:]:
            self._parents[root] = roots[0]

    def beside(self, name: int, other: int) -> None:
        """A name that was read on the way from another is of the same component."""
        if other not in self._component:
            self._remember(other, self._component.get(name, name))

    def _root(self, name: int) -> int:
        root = self._component.get(name, name)
        while root in self._parents:
            root = self._parents[root]
        return root

    def write(self) -> None:
        """Lets the new names be written before the transaction ends; they are its own like those that were locked."""
        self._held |= dict.fromkeys(self._write(), -1)

    def _write(self) -> set[int]:
        """Lets the new names be written, each as a part of its component; those that are components."""
        roots = set()
        for name, ((kind, system, value), main, known) in self._fresh.items():
            root = self._root(name)
            self._db.later("add_part", name, kind, system, value, main, known, None if root == name else root)
            roots |= {name} & {root}
        self._fresh = {}
        return roots

    def end(self) -> None:
        """Writes what became of the components; for the end of a transaction."""
        touched = self._write() | {self._root(root) for root in (*self._held, *self._parents)}
        joined = [(part, self._root(part)) for part in self._parents if part in self._held]
        if joined:
            self._db.run("join_names", [part for part, _ in joined], [root for _, root in joined])
        held = sorted(touched & self._held.keys())
        if held:
            self._db.run("next_turn", held)
        for part in list(self._parents):
            for name in self._members.pop(part, ()):
                self._remember(name, self._root(part))
            self._turns.pop(part, None)
        for root in touched:
            self._turns[root] = self._held.get(root, -1) + 1 if root in self._held else 0
        self._claimed = set()  # from here on others may add what was not there

    def learn(self, name: int) -> None:
        """The component of a name that was looked up without a claim."""
        if name not in self._component:
            for _, root in self._db.peek("components_of", [name]):
                self._remember(name, int(root))

    def refresh(self, name: int) -> None:
        """What is remembered of a name's component does not hold any more; what is read from now on does."""
        for root, turn in self._db.peek("turn_of", name):
            self._drop(int(root))
            self._turns[int(root)] = int(turn)
            self._remember(name, int(root))

    def is_current(self, name: int) -> bool:
        """True when what this process remembers of a name's component still holds, for one who only reads."""
        rows = self._db.peek("turn_of", name)
        return bool(rows) and self._component.get(name) == rows[0][0] and self._turns.get(int(rows[0][0])) == rows[0][1]

    def abandon(self) -> None:
        """The transaction is undone, and with it the names that it added."""
        self._fresh = {}

    def forget(self) -> None:
        """Drops what is remembered of components."""
        self._turns.clear()
        self._members.clear()
        self._component.clear()
        self._claimed.clear()
        self.stale.clear()
