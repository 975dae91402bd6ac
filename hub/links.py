"""Which orders a fact touches: a graph of names that facts have joined, walked upwards. Order of arrival changes none.

Names of one record are joined by facts about it (`same`); a record leads up to what it belongs to (container to order,
result to container), and a person down to their orders. An event touches every order that its names reach. When a
fact adds a name or edge, what was unlinked or less linked before is linked in the same transaction, and journeys that
turn out to be one order become one. Superseded facts keep their links; the fold decides by live facts. An order is
named by its placer number, which never joins another's. Persons are joined by standing merges alone: when a merge is
taken back, what was linked only through it is linked no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from canonical_model.catalogue import DOWNWARD, UPWARD
from canonical_model.contents import joined_down, starts_down, ways_down
from canonical_model.events import has_authority, sort_key
from canonical_model.fold import live
from canonical_model.ids import content_id, name_key
from canonical_model.journey import Key
from canonical_model.lineage import named_at
from canonical_model.naming import joined_by, standing_merges
from hub.claims import Claims
from hub.store import Connection

MAIN_TYPES = {"order": "placer"}
"""Identifier types that name a record of this kind by themselves: through them no other record is joined."""
MERGING = frozenset({"subject.merged", "subject.unmerged"})
BELONGS, SAME, MERGED = 0, 1, 2
"""What an edge says: low belongs to high; both are names of one record, as a fact states or as a merge has it."""
MAX_WALK = 20_000
REMEMBERED = 20_000
"""Names; an order has about ten. A name takes three kilobytes, and what is forgotten is read again."""
LEVELS, MOST_AHEAD = 4, 500
"""Steps from a name that are read ahead, and from how many names at most a further step is made."""


class Links:
    """The graph. What it has read it remembers: `forget` after an undone transaction, and never keep it on a reader."""

    def __init__(self, connection: Connection, claims: Claims | None = None) -> None:
        self._db, self._claims = connection, claims
        self._ids: dict[Key, int] = {}
        self._infos: dict[int, tuple[str, str, str, int, int]] = {}
        self._up: dict[int, dict[int, int]] = {}
        self._down: dict[int, dict[int, int]] = {}
        self.made: dict[str, set[int]] = {}
        """Journey -> positions that were linked to it since the holder of this graph emptied it."""
        self.lost: set[str] = set()
        """Journeys that are no longer, or have lost facts, since the holder of this graph emptied it."""
        self.united: set[str] = set()
        """Journeys that took over another's rows since the holder of this graph emptied it."""
        self.linked: set[int] = set()
        """Positions that were linked to any journey since the holder of this graph emptied it."""
        self._split: set[int] = set()
        self._rooted: dict[int, str | None] = {}
        self._roots_of: dict[str, int] = {}
        self._mentions: dict[int, set[int]] = {}
        self._positions: dict[str, set[int]] = {}
        self._at = 0
        """Position of the fact that is being added."""
        self._added: tuple[set[int], set[str]] = (set(), set())
        """Names and journeys that were given positions in this transaction."""

    def forget(self) -> None:
        """Drops what is remembered of the graph; what waits to be written is written first, since it is read again."""
        if self._claims is not None:
            self._claims.write()
        self._db.flush()
        for memory in (self._ids, self._infos, self._up, self._down, self._mentions):
            memory.clear()
        for journeys in (self._rooted, self._roots_of, self._positions):
            journeys.clear()
        self._split.clear()
        if self._claims is not None:
            self._claims.forget()

    # ---- several writers ----------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """A transaction begins; True where too much was remembered, and everything is forgotten."""
        for told in (self.made, self.lost, self.united, self.linked, *self._added):
            told.clear()
        full = len(self._infos) > REMEMBERED
        if full:
            self.forget()
        return full

    def placed(self, offset: int, provisional: int) -> None:
        """Positions that were provisional are real from now on."""

        def real(positions: set[int]) -> set[int]:
            return {p + offset if p >= provisional else p for p in positions}

        names, journeys = self._added
        self._mentions |= {name: real(self._mentions[name]) for name in names if name in self._mentions}
        self._positions |= {one: real(self._positions[one]) for one in journeys if one in self._positions}
        self.linked = real(self.linked)

    def claim(self, keys: Iterable[Key]) -> set[str]:
        """Has the components of some names to itself; journeys of which nothing remembered holds any more."""
        if self._claims is None:
            return set()
        rows = self._claims.names(keys)
        dropped = self._drop_stale(self._claims.stale)
        for name, kind, system, value, main, known in rows:
            self._ids[kind, system, value] = name
            self._infos.setdefault(name, (kind, system, value, main, known))
        self._load({row[0] for row in rows if row[0] not in self._up})
        return dropped

    def claim_journeys(self, journeys: Iterable[str]) -> set[str]:
        """The same for the components of some orders."""
        if self._claims is None:
            return set()
        roots = {root for journey in journeys if (root := self._root_of(journey)) is not None}
        return self.claim({self._key(root) for root in roots})

    def is_current(self, journey: str) -> bool:
        """True when what is remembered of a journey is what the store has; others may write it too."""
        if self._claims is None:
            return True
        rows = self._db.peek("journey_root", journey)
        return bool(rows) and self._roots_of.get(journey) == rows[0][0] and self._claims.is_current(rows[0][0])

    def refresh(self, journey: str) -> set[str]:
        """Forgets what is remembered of a journey's component; journeys of which nothing remembered holds any more."""
        assert self._claims is not None
        for (root,) in self._db.peek("journey_root", journey):
            self._claims.refresh(int(root))
        return self._drop_stale(self._claims.stale) | {journey}

    def _drop_stale(self, stale: set[int]) -> set[str]:
        dropped = {journey for journey, root in self._roots_of.items() if root in stale} if stale else set()
        for name in stale:
            info = self._infos.pop(name, None)
            if info is not None:
                self._ids.pop(info[:3], None)
            for memory in (self._up, self._down, self._mentions, self._rooted):
                memory.pop(name, None)
        for journey in dropped:
            self._positions.pop(journey, None)
            del self._roots_of[journey]
        stale.clear()
        return dropped

    def _load(self, names: set[int]) -> None:
        """Reads names, and what is around them, in a few statements instead of some for each."""
        assert self._claims is not None
        for level in range(LEVELS):
            asked = sorted(name for name in names if self._about(name)[0] != "issue")  # one may be of every order
            if not asked or (level and len(asked) > MOST_AHEAD):
                return
            here = set(asked)
            for name in asked:
                self._up[name], self._down[name], self._mentions[name], self._rooted[name] = {}, {}, set(), None
            for low, high, same in self._db.peek("edges_of", asked, asked):
                if low in here:
                    self._up[low][high] = same
                    self._claims.beside(low, high)
                if high in here:
                    self._down[high][low] = same
                    self._claims.beside(high, low)
            for name, position in self._db.peek("mentions_of", asked):
                self._mentions[name].add(position)
            for root, journey in self._db.peek("journeys_at", asked):
                self._rooted[root], self._roots_of[journey] = journey, root
            near = {n for name in asked for n in (*self._up[name], *self._down[name])}
            unknown = sorted(name for name in near if name not in self._infos)
            for name, *info in self._db.peek("infos_of", unknown) if unknown else ():
                self._infos[name] = (info[0], info[1], info[2], info[3], info[4])
                self._ids[info[0], info[1], info[2]] = name
            names = {name for name in near if name not in self._up}

    # ---- a fact -------------------------------------------------------------------------------------------------

    def add(self, position: int, event: Mapping[str, Any], only: str = "") -> set[str]:
        """Records an event's names and edges, links it and what now reaches an order; the journeys it touched.

        `only` is the journey of what the hub itself says: of one Issue on two orders it says one fact for each.
        """
        about = event["about"]
        self._at = position
        gained: set[int] = set()
        own = [self._own_name(about["kind"], identifier, gained) for identifier in about["identifiers"]]
        starts = set(own)
        for field in UPWARD.get(about["kind"], ()):
            for target in self._refs(event, field):
                starts.add(target)
                if self._edge(own[0], target, BELONGS):
                    gained.add(own[0])
        for field in DOWNWARD.get(about["kind"], ()):
            for person in self._refs(event, field):
                if self._edge(person, own[0], BELONGS):
                    gained.add(person)
        for other in own[1:]:
            if self._join(own[0], other, SAME):
                gained |= {own[0], other}
        starts |= self._lead_down(event, gained)
        self._unite(gained)
        if only:
            self._add_link(only, position, own[0])
            return self._relink(gained)
        merging = about["kind"] == "subject" and (event["type"] in MERGING or bool(event.get("supersedes")))
        if merging:
            starts |= {self._own_name("subject", other, gained) for other in event["set"].get("retired", ())}
        if self._claims is not None:
            self._claims.together(starts | set(own))
        for name in starts:
            self._mention(name, position)
        parted = self._merge(starts, gained) if merging else set()
        touched = self._link(position, starts)
        return touched | parted | self._relink(gained) | self._separate()

    def _lead_down(self, event: Mapping[str, Any], gained: set[int]) -> set[int]:
        """Adds the ways from lots to their containers; the names from which this event leads down (`contents`)."""
        for low, high in ways_down(event):
            below = self._by_key(low)
            if self._edge(below, self._by_key(high), BELONGS):
                gained.add(below)
        first, *others = [self._by_key(key) for key in joined_down(event)] or [0]
        for other in others:
            if self._join(first, other, SAME):
                gained |= {first, other}
        return {self._by_key(key) for key in starts_down(event)}

    def _by_key(self, key: Key) -> int:
        kind, system, value = key
        return self._name(kind, {"system": system, "value": value}, about=False)[0]

    def _own_name(self, kind: str, identifier: Mapping[str, Any], gained: set[int]) -> int:
        """A name that an event is about; `gained` takes it when the hub hears of its record for the first time."""
        name, news = self._name(kind, identifier, about=True)
        if news:
            gained.add(name)
        return name

    def _refs(self, event: Mapping[str, Any], field: str) -> Iterator[int]:
        for ref in named_at(event["set"], field):
            for identifier in ref["identifiers"]:
                yield self._name(ref["kind"], identifier, about=False)[0]

    def _name(self, kind: str, identifier: Mapping[str, Any], about: bool) -> tuple[int, bool]:
        """A name's number, and whether the hub hears of it as the subject of a fact, or as main, for the first time."""
        key = name_key(kind, identifier)
        main = int(kind in MAIN_TYPES and MAIN_TYPES[kind] == identifier.get("type"))
        name = self._find(key)
        if name is None:
            name = self._ids[key] = self._new(key, main, int(about))
            self._infos[name] = (*key, main, int(about))
            self._up[name], self._down[name], self._rooted[name], self._mentions[name] = {}, {}, None, set()
            return name, about
        info = self._about(name)
        news = main > info[3] or int(about) > info[4]
        if news:
            if main > info[3]:  # from now on it joins nothing: what was reached through it is another order's
                self._split |= self._class(name) | self._class_beside(name)
            if self._claims is None or not self._claims.mark(name, main, int(about)):
                self._db.later("mark_name", main, int(about), name)
            self._infos[name] = (*key, max(main, info[3]), max(int(about), info[4]))
        return name, news

    def _new(self, key: Key, main: int, known: int) -> int:
        if self._claims is None:
            return self._db.add_later("add_name", *key, main, known)
        return self._claims.add(key, main, known)

    def _find(self, key: Key) -> int | None:
        name = self._ids.get(key)
        if name is None and (self._claims is None or not self._claims.has(key)):
            for number, main, known in self._db.peek("find_name", key[0], key[2], key[1]):
                name = self._ids[key] = int(number)
                self._infos.setdefault(name, (*key, main, known))
                if self._claims is not None:
                    self._claims.learn(name)
        return name

    def _about(self, name: int) -> tuple[str, str, str, int, int]:
        """Kind, system, value, main, known."""
        info = self._infos.get(name)
        if info is None:
            kind, system, value, main, known = self._db.peek("get_name", name)[0]
            info = self._infos[name] = (kind, system, value, main, known)
        return info

    def _above(self, name: int) -> dict[int, int]:
        edges = self._up.get(name)
        if edges is None:
            edges = self._up[name] = dict(self._db.peek("edges_up", name))
            self._read_beside(name, edges)
        return edges

    def _beneath(self, name: int) -> dict[int, int]:
        edges = self._down.get(name)
        if edges is None:
            edges = self._down[name] = dict(self._db.peek("edges_down", name))
            self._read_beside(name, edges)
        return edges

    def _read_beside(self, name: int, others: Iterable[int]) -> None:
        if self._claims is not None:
            for other in others:
                self._claims.beside(name, other)

    def _edge(self, low: int, high: int, same: int) -> bool:
        """Adds an edge; False where what is there leads as far already. A merge is kept beside what facts state."""
        known = self._above(low).get(high, -1)
        if low == high or known == same or (known == SAME and same == BELONGS):
            return False
        if self._claims is not None:
            self._claims.together((low, high))
        self._db.later("add_edge", low, high, same)
        self._above(low)[high] = self._beneath(high)[low] = max(known, same)
        return same > known

    def _join(self, first: int, second: int, same: int) -> bool:
        if first == second:
            return False
        added = self._edge(first, second, same)
        return self._edge(second, first, same) or added

    # ---- persons ----------------------------------------------------------------------------------------------

    def _merge(self, names: set[int], gained: set[int]) -> set[str]:
        """Joins persons by the merges that stand by now and parts the others; the journeys that have lost facts."""
        people, facts = self._told_of(names)
        before = self.journeys_above(people)
        wanted = {pair for merge in standing_merges(facts) for pair in self._pairs(joined_by(merge))}
        present = {(low, high) for low in people for high, same in self._above(low).items() if same == MERGED}
        for low, high in sorted(wanted - present):
            if self._edge(low, high, MERGED):
                gained |= {low, high}
        gone = present - wanted
        for low, high in gone:
            self._db.run("drop_edge", low, high, MERGED)
            self._up.pop(low, None)
            self._down.pop(high, None)
        return self._relinked(people, set(before)) if gone else set()

    def part(self, position: int, at: int) -> set[str]:
        """Persons whom nothing joins any more, since the fact at a position is erased; the journeys that are touched.

        What was linked through the fact stays: that it belonged to an order is counted and signed.
        """
        self._at = at
        named = {row[0] for row in self._db.all("mentioned_at", position)}
        gained: set[int] = set()
        parted = self._merge({name for name in named if self._about(name)[0] == "subject"}, gained)
        return parted | self._relink(gained)

    def _told_of(self, names: Iterable[int]) -> tuple[set[int], list[dict[str, Any]]]:
        """All names that facts about these persons, or merges with others, lead to; and those facts, the live ones."""
        people: set[int] = set()
        found: dict[str, dict[str, Any]] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in people or self._about(name)[0] != "subject":
                continue
            people.add(name)
            positions = sorted(self._mentioning(name))
            for _, text in self._db.all("events_at", orjson.dumps(positions).decode()):
                event = orjson.loads(text)
                if event["about"]["kind"] == "subject":
                    found[event["id"]] = event
                    named = [*event["about"]["identifiers"], *event["set"].get("retired", ())]
                    waiting += [other for i in named if (other := self._find(name_key("subject", i))) is not None]
        ordered = sorted(found.values(), key=sort_key)
        alive = live(ordered)
        return people, [event for event in ordered if event["id"] in alive and has_authority(event)]

    def _pairs(self, keys: Iterable[Key]) -> Iterator[tuple[int, int]]:
        """Each of some names with the first one, both ways."""
        first, *others = [name for key in keys if (name := self._find(key)) is not None]
        for other in others:
            yield first, other
            yield other, first

    def _relinked(self, people: set[int], before: set[str]) -> set[str]:
        """Takes from the journeys that these persons led to what leads there no more."""
        lost = set()
        for position, starts in sorted(self._mentioned(people).items()):
            reached = self.journeys_above(starts)
            for journey in before - reached.keys():
                if self._drop_link(journey, position):
                    lost.add(journey)
        self.lost |= lost
        return lost

    # ---- walking ----------------------------------------------------------------------------------------------

    def journeys_above(self, names: Iterable[int]) -> dict[str, int]:
        """Journeys that these names reach, each with the order name that led there."""
        found: dict[str, int] = {}
        seen: set[int] = set()
        for name in self._orders_above(names):
            if name in seen:
                continue
            if not self._about(name)[3]:  # what is joined with it leads where it leads
                seen |= self._class(name)
            for journey in self._journeys_of(name):
                found.setdefault(journey, name)
        return found

    def orders_of(self, people: Iterable[int]) -> set[str]:
        """Journeys that there are above some names. Makes none, unlike a walk from a fact."""
        roots = {root for order in self._orders_above(people) for root in self._roots(order)}
        return {journey for root in roots if (journey := self._rooted_at(root)) is not None}

    def _orders_above(self, names: Iterable[int]) -> Iterator[int]:
        seen = set(names)
        waiting = list(seen)
        while waiting:
            name = waiting.pop()
            if self._about(name)[0] == "order":
                yield name
                continue
            for high in self._above(name):
                if high not in seen and len(seen) < MAX_WALK:
                    seen.add(high)
                    waiting.append(high)

    def _journeys_of(self, name: int) -> list[str]:
        """Journeys of an order name: those of the placer numbers it is joined with, or its own class's."""
        roots = self._roots(name)
        return [self._journey(root) for root in sorted(roots)]

    def _roots(self, name: int) -> set[int]:
        members = self._class(name)
        mains = {m for m in members if self._about(m)[3]}
        known = {m for m in members if self._about(m)[4]}
        if mains & known:
            return mains & known
        return {min(known)} if known else set()

    def _class(self, name: int) -> set[int]:
        """Names joined with this one, up to and including placer numbers but never through them."""
        seen = {name}
        waiting = [] if self._about(name)[3] else [name]
        while waiting:
            for other, same in self._above(waiting.pop()).items():
                if same and other not in seen:
                    seen.add(other)
                    if not self._about(other)[3]:
                        waiting.append(other)
        return seen

    def names_of(self, journey: str) -> set[Key]:
        """All names of a journey's order: its root and what is joined with it, other placer numbers excepted."""
        root = self._root_of(journey)
        assert root is not None
        names = {root}
        for other, same in self._above(root).items():
            if same and not self._about(other)[3]:
                names |= {m for m in self._class(other) if not self._about(m)[3]}
        return {self._key(name) for name in names}

    def ahead(self, keys: Iterable[Key]) -> set[int]:
        """Reads what some names lead up to in one statement; their numbers. For readers."""
        found = {name for key in keys if (name := self._find(key)) is not None}
        asked = sorted(found - self._up.keys())
        self._up |= {name: {} for name in asked}
        for low, high, same in self._db.peek("edges_above", orjson.dumps(asked).decode()):
            self._up[low][high] = same
        return found

    def members(self, names: Iterable[Key]) -> set[int]:
        """Names joined with some names of one record; another order's placer number is none of them."""
        given = {name for key in names if (name := self._find(key)) is not None}
        found = {member for name in given for member in self._class(name) | self._class_beside(name)}
        mains = {name for name in given if self._about(name)[3]}
        return {name for name in found if not mains or name in mains or not self._about(name)[3]}

    def keys(self, names: Iterable[int]) -> set[Key]:
        """Names as keys."""
        return {self._key(name) for name in names}

    def _key(self, name: int) -> Key:
        return self._about(name)[:3]

    def _journey(self, root: int) -> str:
        """The journey of a root name; one that its class had before under another root keeps its name."""
        journey = self._rooted_at(root)
        if journey is not None:
            return journey
        for member in self._class_beside(root):
            earlier = self._rooted_at(member)
            if earlier is not None and not self._about(member)[3]:
                self._db.run("move_journey", root, earlier)
                self._rooted[root], self._rooted[member], self._roots_of[earlier] = earlier, None, root
                return earlier
        journey = content_id("journey", list(self._key(root)))[:20]
        while self._root_of(journey) is not None or self.now(journey) != journey:  # it names another order by now
            journey = content_id("journey", journey)[:20]
        self._db.later("add_journey", journey, root)
        self._rooted[root], self._roots_of[journey], self._positions[journey] = journey, root, set()
        return journey

    def _root_of(self, journey: str) -> int | None:
        """The name at which a journey's order begins; None where there is no such journey."""
        if journey not in self._roots_of:
            for (root,) in self._db.peek("journey_root", journey):
                self._roots_of[journey] = int(root)
        return self._roots_of.get(journey)

    def _rooted_at(self, name: int) -> str | None:
        """The journey whose root a name is."""
        if name not in self._rooted:
            rows = self._db.peek("journey_of_root", name)
            self._rooted[name] = str(rows[0][0]) if rows else None
        return self._rooted[name]

    def now(self, journey: str) -> str:
        """What a journey is called now: two that turned out to be one order have the name of one of them."""
        row = self._db.one("journey_now", journey)
        return journey if row is None else self.now(str(row[0]))

    def _unite(self, names: Iterable[int]) -> None:
        """Journeys whose names turned out to be one order's become one; that of the root stays."""
        for name in sorted(name for name in names if self._about(name)[0] == "order"):
            for member in sorted(self._class_beside(name) | {name}):
                journey = self._rooted_at(member)
                roots = self._roots(member) if journey is not None else set()
                if journey is not None and roots and member not in roots:
                    self._become(journey, self._journey(min(roots)))

    def _become(self, old: str, new: str) -> None:
        """Everything of a journey is the other's; the old name stays an alias."""
        if old == new:
            return
        self.made.pop(old, None)
        self.lost.add(old)
        self.united.add(new)
        self.made.setdefault(new, set()).update(self.positions(old) - self.positions(new))
        self._db.run("move_links", new, old, self._at)
        self._db.run("tell_unlinked", self._at, old)
        for statement in ("move_issues", "move_deliveries"):
            self._db.run(statement, new, old)
        for statement in ("drop_links", "drop_issues", "drop_journey"):
            self._db.run(statement, old)
        self._db.run("add_alias", old, new)
        self._positions[new] |= self._positions.pop(old)
        self._rooted |= {name: None for name, journey in self._rooted.items() if journey == old}
        self._roots_of.pop(old, None)

    def _separate(self) -> set[str]:
        """Links anew what was linked through a name of which the hub now knows that it is a placer's number."""
        if not self._split:
            return set()
        members, self._split = self._split, set()
        self._unite(members)
        journeys = [journey for member in members if (journey := self._rooted_at(member)) is not None]
        for position, starts in sorted(self._mentioned(members).items()):
            reached = self.journeys_above(starts)
            for journey in journeys:
                if journey not in reached and self._drop_link(journey, position):
                    self.lost.add(journey)
            self._link(position, starts)
        return self.lost & set(journeys)

    def _class_beside(self, root: int) -> set[int]:
        beside: set[int] = set()
        for other, same in self._above(root).items():
            if same:
                beside |= self._class(other)
        return beside - {root}

    # ---- linking ----------------------------------------------------------------------------------------------

    def positions(self, journey: str) -> set[int]:
        """Positions of the facts that are linked to a journey."""
        if journey not in self._positions:
            self._positions[journey] = {row[0] for row in self._db.peek("positions_of", journey)}
        return self._positions[journey]

    def _mentioning(self, name: int) -> set[int]:
        """Positions of the facts that a name is in."""
        if name not in self._mentions:
            self._mentions[name] = {row[0] for row in self._db.peek("mentions", name)}
        return self._mentions[name]

    def _mention(self, name: int, position: int) -> None:
        known = self._mentioning(name)
        if position not in known:
            known.add(position)
            self._added[0].add(name)
            self._db.later("add_mention", name, position)

    def _link(self, position: int, starts: Iterable[int]) -> set[str]:
        touched = set()
        for journey, via in self.journeys_above(starts).items():
            if self._add_link(journey, position, via):
                self.made.setdefault(journey, set()).add(position)
                touched.add(journey)
        return touched

    def _add_link(self, journey: str, position: int, via: int) -> bool:
        known = self.positions(journey)
        if position in known:
            return False
        known.add(position)
        self.linked.add(position)
        self._added[1].add(journey)
        self._db.later("add_link", journey, position, via, self._at)
        return True

    def _drop_link(self, journey: str, position: int) -> bool:
        known = self.positions(journey)
        if position not in known:
            return False
        known.discard(position)
        self.made.setdefault(journey, set()).discard(position)
        self._db.run("drop_link", journey, position)
        self._db.later("tell_moved", self._at, position)
        return True

    def _relink(self, gained: set[int]) -> set[str]:
        """Links what could not reach an order before: every earlier event below a name that gained a way up."""
        if not gained:
            return set()
        found = self._mentioned(gained | {m for name in gained for m in self._class_beside(name)})
        found.pop(self._at, None)  # linked by all of its names already
        return {journey for position in sorted(found) for journey in self._link(position, found[position])}

    def _mentioned(self, names: set[int]) -> dict[int, set[int]]:
        """Events below some names, each with the names by which it leads there."""
        found: dict[int, set[int]] = {}
        for name in self._below(names):
            for position in self._mentioning(name):
                found.setdefault(position, set()).add(name)
        return found

    def _below(self, names: set[int]) -> set[int]:
        """Names from which one of these can be reached."""
        seen = set(names)
        waiting = list(names)
        while waiting:
            for low in self._beneath(waiting.pop()):
                if low not in seen and len(seen) < MAX_WALK:
                    seen.add(low)
                    waiting.append(low)
        return seen


def names_in(event: Mapping[str, Any]) -> Iterator[Key]:
    """The names that linking an event looks at."""
    about, values = event["about"], event["set"]
    for identifier in (*about["identifiers"], *(values.get("retired", ()) if about["kind"] == "subject" else ())):
        yield name_key(about["kind"], identifier)
    for field in (*UPWARD.get(about["kind"], ()), *DOWNWARD.get(about["kind"], ())):
        for ref in named_at(values, field):
            for identifier in ref["identifiers"]:
                yield name_key(ref["kind"], identifier)
    for low, high in ways_down(event):
        yield low
        yield high
    yield from joined_down(event)
    yield from starts_down(event)
