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
from hub.store import Connection

MAIN_TYPES = {"order": "placer"}
"""Identifier types that name a record of this kind by themselves: through them no other record is joined."""
MERGING = frozenset({"subject.merged", "subject.unmerged"})
BELONGS, SAME, MERGED = 0, 1, 2
"""What an edge says: low belongs to high; both are names of one record, as a fact states or as a merge has it."""
MAX_WALK = 20_000
REMEMBERED = 100_000


class Links:
    """The graph. What it has read it remembers: `forget` after an undone transaction, and never keep it on a reader."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._ids: dict[Key, int] = {}
        self._infos: dict[int, tuple[str, str, str, int, int]] = {}
        self._up: dict[int, dict[int, int]] = {}
        self._down: dict[int, dict[int, int]] = {}
        self.made: dict[str, set[int]] = {}
        """Journey -> positions that were linked to it since the holder of this graph emptied it."""
        self.lost: set[str] = set()
        """Journeys that are no longer, or have lost facts, since the holder of this graph emptied it."""
        self._split: set[int] = set()
        self._rooted: dict[int, str | None] = {}
        self._silent: set[int] = set()
        """Names that are in no fact yet."""

    def forget(self) -> None:
        """Drops what is remembered of the graph."""
        for memory in (self._ids, self._infos, self._up, self._down, self._rooted, self._silent):
            memory.clear()

    def add(self, position: int, event: Mapping[str, Any], only: str = "") -> set[str]:
        """Records an event's names and edges, links it and what now reaches an order; the journeys it touched.

        `only` is the journey of what the hub itself says: of one Issue on two orders it says one fact for each.
        """
        about = event["about"]
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
            self._db.run("add_link", only, position, own[0])
            return self._relink(gained)
        merging = about["kind"] == "subject" and (event["type"] in MERGING or bool(event.get("supersedes")))
        if merging:
            starts |= {self._own_name("subject", other, gained) for other in event["set"].get("retired", ())}
        for name in starts:
            self._db.run("add_mention", name, position)
        parted = self._merge(starts, gained) if merging else set()
        touched = self._link(position, starts)
        self._silent -= starts
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
            if len(self._infos) > REMEMBERED:
                self.forget()
            name = self._ids[key] = self._db.add("add_name", kind, key[1], key[2], main, int(about))
            self._infos[name] = (*key, main, int(about))
            self._up[name], self._down[name], self._rooted[name] = {}, {}, None
            self._silent.add(name)
            return name, about
        info = self._about(name)
        news = main > info[3] or int(about) > info[4]
        if news:
            if main > info[3]:  # from now on it joins nothing: what was reached through it is another order's
                self._split |= self._class(name) | self._class_beside(name)
            self._db.run("mark_name", main, int(about), name)
            self._infos[name] = (*key, max(main, info[3]), max(int(about), info[4]))
        return name, news

    def _find(self, key: Key) -> int | None:
        name = self._ids.get(key)
        if name is None:
            row = self._db.one("find_name", key[0], key[2], key[1])
            if row is not None:
                name = self._ids[key] = int(row[0])
        return name

    def _about(self, name: int) -> tuple[str, str, str, int, int]:
        """Kind, system, value, main, known."""
        info = self._infos.get(name)
        if info is None:
            row = self._db.one("get_name", name)
            assert row is not None
            info = self._infos[name] = (row[0], row[1], row[2], row[3], row[4])
        return info

    def _above(self, name: int) -> dict[int, int]:
        edges = self._up.get(name)
        if edges is None:
            edges = self._up[name] = dict(self._db.all("edges_up", name))
        return edges

    def _beneath(self, name: int) -> dict[int, int]:
        edges = self._down.get(name)
        if edges is None:
            edges = self._down[name] = dict(self._db.all("edges_down", name))
        return edges

    def _edge(self, low: int, high: int, same: int) -> bool:
        """Adds an edge; False where what is there leads as far already. A merge is kept beside what facts state."""
        known = self._above(low).get(high, -1)
        if low == high or known == same or (known == SAME and same == BELONGS):
            return False
        self._db.run("add_edge", low, high, same)
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
            positions = [row[0] for row in self._db.all("mentions", name)]
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
                if self._db.run("drop_link", journey, position):
                    lost.add(journey)
                    self.made.setdefault(journey, set()).discard(position)
        self.lost |= lost
        return lost

    # ---- walking ----------------------------------------------------------------------------------------------

    def journeys_above(self, names: Iterable[int]) -> dict[str, int]:
        """Journeys that these names reach, each with the order name that led there."""
        found: dict[str, int] = {}
        for name in self._orders_above(names):
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
        row = self._db.one("journey_root", journey)
        assert row is not None
        root = int(row[0])
        names = {root}
        for other, same in self._above(root).items():
            if same and not self._about(other)[3]:
                names |= {m for m in self._class(other) if not self._about(m)[3]}
        return {self._key(name) for name in names}

    def members(self, names: Iterable[Key]) -> set[int]:
        """Names joined with some names of one record; another order's placer number is none of them."""
        given = {name for key in names if (name := self._find(key)) is not None}
        found = {member for name in given for member in self._class(name) | self._class_beside(name)}
        mains = {name for name in given if self._about(name)[3]}
        return {name for name in found if not mains or name in mains or not self._about(name)[3]}

    def keys(self, names: Iterable[int]) -> set[Key]:
        """Names as keys."""
        return {self._key(name) for name in names}

    def journeys_of_positions(self, positions: Iterable[int]) -> set[str]:
        """Journeys that some events are linked to."""
        return {row[0] for position in positions for row in self._db.all("links_of", position)}

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
                self._rooted[root], self._rooted[member] = earlier, None
                return earlier
        journey = content_id("journey", list(self._key(root)))[:20]
        while self._db.one("journey_root", journey) or self.now(journey) != journey:  # it names another order by now
            journey = content_id("journey", journey)[:20]
        self._db.run("add_journey", journey, root)
        self._rooted[root] = journey
        return journey

    def _rooted_at(self, name: int) -> str | None:
        """The journey whose root a name is."""
        if name not in self._rooted:
            row = self._db.one("journey_of_root", name)
            self._rooted[name] = None if row is None else str(row[0])
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
        moved = {row[0] for row in self._db.all("positions_of", old)} - {
            row[0] for row in self._db.all("positions_of", new)
        }
        self.made.setdefault(new, set()).update(moved)
        for statement in ("move_links", "move_issues", "move_deliveries"):
            self._db.run(statement, new, old)
        for statement in ("drop_links", "drop_issues", "drop_journey"):
            self._db.run(statement, old)
        self._db.run("add_alias", old, new)
        self._rooted.clear()

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
                if journey not in reached and self._db.run("drop_link", journey, position):
                    self.lost.add(journey)
                    self.made.setdefault(journey, set()).discard(position)
            self._link(position, starts)
        return self.lost & set(journeys)

    def _class_beside(self, root: int) -> set[int]:
        beside: set[int] = set()
        for other, same in self._above(root).items():
            if same:
                beside |= self._class(other)
        return beside - {root}

    # ---- linking ----------------------------------------------------------------------------------------------

    def _link(self, position: int, starts: Iterable[int]) -> set[str]:
        touched = set()
        for journey, via in self.journeys_above(starts).items():
            if self._db.run("add_link", journey, position, via):
                self.made.setdefault(journey, set()).add(position)
                touched.add(journey)
        return touched

    def _relink(self, gained: set[int]) -> set[str]:
        """Links what could not reach an order before: every earlier event below a name that gained a way up."""
        if not gained:
            return set()
        found = self._mentioned(gained | {m for name in gained for m in self._class_beside(name)})
        return {journey for position in sorted(found) for journey in self._link(position, found[position])}

    def _mentioned(self, names: set[int]) -> dict[int, set[int]]:
        """Events below some names, each with the names by which it leads there."""
        found: dict[int, set[int]] = {}
        for name in self._below(names) - self._silent:
            for (position,) in self._db.all("mentions", name):
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
