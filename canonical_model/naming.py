"""Which names are one record, as the live facts with authority join them. The same for every order of the facts.

Names stated together in `about` are one record's; a merge of subjects joins theirs until it is taken back. Two orders
are never joined: an order reference is the journey's own when it shares a name with it and carries no other placer's
number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from canonical_model.catalogue import MAIN_NAMES
from canonical_model.events import is_after
from canonical_model.ids import Key, name_key, names
from canonical_model.journey import EventDict, text_of

OWN = ""
"""Name of the journey's own order record."""


class Union:
    """Names in classes, each called by its smallest name."""

    def __init__(self) -> None:
        self.parent: dict[Key, Key] = {}

    def join(self, keys: Sequence[Key]) -> None:
        parent = self.parent
        if len(keys) == 1:
            parent.setdefault(keys[0], keys[0])
            return
        root = self.root(keys[0])
        for key in keys[1:]:
            other = self.root(key)
            if other != root:
                low, high = (root, other) if root < other else (other, root)
                parent[high] = low
                root = low

    def root(self, key: Key) -> Key:
        parent = self.parent
        above = parent.setdefault(key, key)
        while above != key:
            parent[key] = parent[above]
            key, above = above, parent[above]
        return key

    def roots(self, keys: Iterable[Key]) -> set[Key]:
        return {self.root(key) for key in keys}


class Classes:
    """The classes of the names that some facts are about."""

    def __init__(self, facts: Sequence[EventDict], given: Iterable[Key]) -> None:
        self._union = Union()
        self.keys = [names(event["about"]) for event in facts]
        self._orders = [index for index, keys in enumerate(self.keys) if keys[0][0] == "order"]
        mains = {i: frozenset(main_names(facts[i]["about"])) for i in self._orders}
        self.own = _grown(frozenset(given), {(frozenset(self.keys[i]), mains[i]) for i in self._orders})
        others = {i: [k for k in self.keys[i] if k not in self.own] or self.keys[i] for i in self._orders}
        self._owned = {i for i in self._orders if mains[i] <= self.own and not self.own.isdisjoint(self.keys[i])}
        join = self._union.join
        for index, keys in enumerate(self.keys):
            if index not in self._owned:
                join(others.get(index, keys))
        self.merges = _standing(facts, self._union)
        """Merges of subjects that are not taken back, in the order of facts."""
        for event in self.merges:
            join(joined_by(event))

    def aliases(self) -> dict[Key, str]:
        """Every name -> the name of its record, the smallest of its class."""
        found: dict[Key, str] = {}
        for key in self._union.parent:
            root = self._union.root(key)
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


# ---- orders -----------------------------------------------------------------------------------------------------


def main_names(ref: dict[str, Any]) -> set[Key]:
    """The names of a reference that name its record by themselves: an order's placer number."""
    wanted = MAIN_NAMES.get(ref["kind"])
    return {name_key(ref["kind"], i) for i in ref["identifiers"] if i.get("type") == wanted} if wanted else set()


def own_names(orders: Iterable[dict[str, Any]], given: frozenset[Key]) -> frozenset[Key]:
    """All names of the order that has the given ones, as facts add them; `orders` is what those facts are about.

    Where a placer's number is given, another's is never added; where none is, those that come with a given name are.
    """
    return _grown(given, {(frozenset(names(about)), frozenset(main_names(about))) for about in orders})


def _grown(given: frozenset[Key], stated: Collection[tuple[frozenset[Key], frozenset[Key]]]) -> frozenset[Key]:
    """Own names, from the names and main names that are stated together."""
    closed = any(key in given for _, mains in stated for key in mains)
    own = given
    while True:
        more = [keys for keys, mains in stated if keys & own and not keys <= own and (mains <= own or not closed)]
        if not more:
            return own
        own = own.union(*more)


# ---- merges -----------------------------------------------------------------------------------------------------


def standing_merges(facts: Iterable[EventDict]) -> list[EventDict]:
    """The merges that are not taken back, among live facts about subjects in the order of facts."""
    return Classes([event for event in facts if event["about"]["kind"] == "subject"], ()).merges


def _standing(facts: Iterable[EventDict], stated: Union) -> list[EventDict]:
    """The merges that no parting takes back. `stated`: the names that are stated together."""
    merges, partings = [], []
    for event in facts:
        if event["type"] == "subject.merged" and event["set"].get("retired"):
            merges.append(event)
        elif event["type"] == "subject.unmerged":
            partings.append(event)
    if not merges or not partings:
        return merges
    gone: set[str] = set()
    for parting in partings:
        before = [merge for merge in merges if not is_after(merge, parting)]
        gone |= {merge["id"] for merge in _undone(parting, before, stated)}
    return [merge for merge in merges if merge["id"] not in gone]


def _undone(parting: EventDict, merges: list[EventDict], stated: Union) -> list[EventDict]:
    """The merges that a parting of one record from another takes back.

    Those that ended the parted record, be it through others in between; where nothing did, those that ended the record
    from which it is parted. A parting that names nobody else takes back every merge of its record.
    """
    own, parted = stated.roots(names(parting["about"])), stated.roots(retired(parting))
    if not parted:
        return [merge for merge in merges if own & stated.roots(joined_by(merge))]
    chains = Union()
    for merge in merges:
        chains.join(sorted(stated.roots(joined_by(merge))))
    if not chains.roots(own) & chains.roots(parted):
        return []
    ended = [(merge, stated.roots(retired(merge))) for merge in merges]
    return [merge for merge, who in ended if who & parted] or [merge for merge, who in ended if who & own]


def joined_by(merge: EventDict) -> list[Key]:
    """The names that a merge joins: survivor and retired."""
    return sorted({*names(merge["about"]), *retired(merge)})


def retired(event: EventDict) -> set[Key]:
    """The names that a merge retires, or that a parting parts from its record."""
    return {name_key("subject", identifier) for identifier in event["set"].get("retired") or ()}
