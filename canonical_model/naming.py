"""Which names are one record, as the live facts with authority join them. The same for every order of the facts.

Names stated together in `about` are one record's; a merge of subjects joins theirs until it is taken back. Two orders
are never joined: an order reference is the journey's own when it shares a name with it and carries no other placer's
number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from canonical_model.catalogue import MAIN_NAMES
from canonical_model.events import is_after
from canonical_model.ids import Key, name_key, names
from canonical_model.journey import EventDict, text_of

OWN = ""
"""Name of the journey's own order record."""


class Classes:
    """The classes of the names that some facts are about."""

    def __init__(self, facts: Sequence[EventDict], given: Iterable[Key]) -> None:
        self._parent: dict[Key, Key] = {}
        self.keys = [names(event["about"]) for event in facts]
        self._orders = [index for index, keys in enumerate(self.keys) if keys[0][0] == "order"]
        self.own = _own_names([(self.keys[i], _mains(facts[i]["about"])) for i in self._orders], frozenset(given))
        others = {i: [k for k in self.keys[i] if k not in self.own] or self.keys[i] for i in self._orders}
        self._owned = {i for i in self._orders if self._is_own(facts[i], self.keys[i])}
        for index, keys in enumerate(self.keys):
            if index not in self._owned:
                self._join(others.get(index, keys))
        for merged in _standing_merges(facts):
            self._join(merged)

    def aliases(self) -> dict[Key, str]:
        """Every name -> the name of its record, the smallest of its class."""
        found: dict[Key, str] = {}
        for key in self._parent:
            root = self._root(key)
            if root not in found:
                found[root] = text_of(root)
            found[key] = found[root]
        for key in self.own:
            found[key] = OWN
        return found

    def named(self, aliases: dict[Key, str]) -> list[str]:
        """Names of the records that the facts are about, fact by fact."""
        found = [aliases[keys[0]] for keys in self.keys]
        for index in self._orders:
            keys = [key for key in self.keys[index] if key not in self.own]
            found[index] = OWN if index in self._owned else min(map(aliases.__getitem__, keys), default=OWN)
        return found

    def _is_own(self, event: EventDict, keys: list[Key]) -> bool:
        return any(key in self.own for key in keys) and _mains(event["about"]) <= self.own

    def _join(self, keys: list[Key]) -> None:
        parent = self._parent
        if len(keys) == 1:
            parent.setdefault(keys[0], keys[0])
            return
        root = self._root(keys[0])
        for key in keys[1:]:
            other = self._root(key)
            if other != root:
                low, high = (root, other) if root < other else (other, root)
                parent[high] = low
                root = low

    def _root(self, key: Key) -> Key:
        parent = self._parent
        above = parent.setdefault(key, key)
        while above != key:
            parent[key] = parent[above]
            key, above = above, parent[above]
        return key


def _mains(ref: dict[str, Any]) -> set[Key]:
    """The names of a reference that name its record by themselves: an order's placer number."""
    wanted = MAIN_NAMES.get(ref["kind"])
    return {name_key(ref["kind"], i) for i in ref["identifiers"] if wanted and i.get("type") == wanted}


def _own_names(orders: Iterable[tuple[list[Key], set[Key]]], given: frozenset[Key]) -> frozenset[Key]:
    """All names of the order that has the given ones, as facts about it add them: `orders` are the names of each such
    fact, and which of them are placers' numbers.

    Where a placer's number is given, another's is never added; where none is, those that come with a given name are.
    """
    stated = {(frozenset(keys), frozenset(mains)) for keys, mains in orders}
    closed = any(key in given for _, mains in stated for key in mains)
    own = given
    while True:
        more = [keys for keys, mains in stated if keys & own and not keys <= own and (mains <= own or not closed)]
        if not more:
            return own
        own = own.union(*more)


def _standing_merges(facts: Iterable[EventDict]) -> list[list[Key]]:
    """The names that merges join: survivor and retired, unless the merge was taken back and not made again since."""
    merged, unmerged = [], []
    for event in facts:
        if event["type"] == "subject.merged":
            merged.append((event, set(names(event["about"])), _retired(event)))
        elif event["type"] == "subject.unmerged":
            unmerged.append((event, set(names(event["about"])), _retired(event)))
    return [
        sorted(survivor | retired)
        for event, survivor, retired in merged
        if not any(
            (retired & parted or not parted) and (survivor | retired) & own and not is_after(event, undone)
            for undone, own, parted in unmerged
        )
    ]


def _retired(event: EventDict) -> set[Key]:
    return {name_key("subject", identifier) for identifier in event["set"].get("retired") or ()}
