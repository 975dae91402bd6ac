"""Faults of message maps that only the tables, the schemas and the catalogue together show. Compiles nothing.

Every fault says the map, the place in it, and the words that are known there, what was perhaps meant first. What needs
the published schemas is checked only with them, so a site's overlay is told everything when it is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings import paths
from mappings.codes import KEPT, CodeTable
from mappings.faults import TableFault
from mappings.vocabulary import GROUP_WORDS, Row, Spec

Data = Mapping[str, Any]
Places = list[paths.Schema]

TREE_WORDS = frozenset({"frame", "piece", "table", "also", "key", "links"})
LEVEL_WORDS = frozenset({"frame", "table", "by", "also", "key", "links"})
RULE_WORDS = frozenset({"first", "within", "by"})
CASE_WORDS = frozenset({"when", "events"})
EVENT_WORDS = frozenset({"event", "about_kind", "about", "set", "constants", "for_each", "with", "occurred"})
SOURCES: Mapping[str, str] = {"order": "order", "patient": "subject", "identity": "identity"}
"""Sources of `send:` that are one kind of record; `event` and `about` are what the event is about."""
MESSAGE_WORDS = frozenset({"id", "at", "type"})
JOURNEY_WORDS = frozenset({"stage"})
_ENVELOPE = frozenset({"occurred"})
"""What an event source has besides the fields of its record."""


@dataclass(frozen=True, slots=True)
class Known:
    """What maps are held against. Without schemas, kinds and paths go unchecked; without event types, `send:`."""

    specs: Mapping[str, Spec]
    codes: Mapping[str, CodeTable]
    schemas: Mapping[str, Any] | None = None
    event_types: Mapping[str, str] | None = None


def check(name: str, data: Data, known: Known) -> list[TableFault]:
    """Faults of one message map."""
    return list(dict.fromkeys(_Map(name, data, known).faults()))


def check_all(maps: Mapping[str, Data], known: Known) -> list[TableFault]:
    """Faults of all maps; what a map has from the one that it is like is told there alone."""
    found = {name: check(name, data, known) for name, data in maps.items()}
    said = {name: {(fault.row, fault.text) for fault in faults} for name, faults in found.items()}
    return [
        fault
        for name, faults in found.items()
        for fault in faults
        if (fault.row, fault.text) not in said.get(maps[name].get("like", ""), ())
    ]


class _Map:
    """One message map while its faults are gathered."""

    def __init__(self, name: str, data: Data, known: Known) -> None:
        self.name, self.data, self.known = name, data, known
        self.groups = list(_all_groups(data))
        self.kinds = {kind for group in self.groups for kind in _kinds(group)}
        if not any("start" in group for group in self.groups):  # adapters of trees make further frames of a piece
            self.kinds |= {*(known.schemas or ()), *data.get("on", ())}
        self.labels = [label for group in self.groups for label in _labels(group)]

    def fault(self, place: str, text: str) -> TableFault:
        return TableFault(self.name, place, text)

    def faults(self) -> Iterator[TableFault]:
        before: dict[str, None] = {}
        for group in _listed(self.data.get("frames")) + _listed(self.data.get("rows_by")):
            yield from self.group(group, "frames", before)
            before |= dict.fromkeys(kind for one in _all_groups({"frames": group}) for kind in _kinds(one))
        for kind in _listed(self.data.get("expects")):
            yield from self.kind("expects", kind)
        yield from self.identify()
        yield from self.belongs()
        yield from self.occurred()
        for kind, cases in _mapping(self.data.get("on")).items():
            yield from self.kind(f"on {kind}", kind)
            for number, case in enumerate(cases, 1):
                yield from self.case(f"on {kind} row {number}", kind, case)
        if self.known.schemas is not None and self.known.event_types is not None:
            yield from self.send(self.known.schemas, self.known.event_types)

    # ---- words and kinds ----------------------------------------------------------------------------------------

    def words(self, place: str, said: Iterable[str], words: Collection[str]) -> Iterator[TableFault]:
        for word in said:
            if word not in words:
                yield self.fault(place, f"unknown word {word!r}; {paths.known(word, words)}")

    def kind(self, place: str, kind: str, others: Collection[str] = ()) -> Iterator[TableFault]:
        """A kind of which this map has frames (or one of the others)."""
        if kind not in self.kinds and kind not in others:
            words = paths.known(kind, {*self.kinds, *others})
            yield self.fault(place, f"this map has no frame of kind {kind!r}; {words}")

    # ---- groups -------------------------------------------------------------------------------------------------

    def group(self, group: Data, above: str, seen: Mapping[str, None]) -> Iterator[TableFault]:
        """`seen` are the kinds of frames that stand before it or hold it."""
        kind = str(group.get("frame", ""))
        place = f"{above}/{kind}"
        by_segment = "table" not in group
        words: Collection[str] = (
            GROUP_WORDS if by_segment else (LEVEL_WORDS if "by" in group else TREE_WORDS | LEVEL_WORDS)
        )
        yield from self.words(place, group, words)
        if self.known.schemas is not None:
            for one in _kinds(group):
                if one not in self.known.schemas:
                    yield self.fault(place, f"no frame kind {one!r}; {paths.known(one, self.known.schemas)}")
        if by_segment:
            yield from self.segments(place, group)
        for path in _listed(group.get("key")):
            yield from self.key(f"{place} key", kind, path)
        for field, target in _mapping(group.get("links")).items():
            yield from self.path(f"{place} links", kind, field)
            if target not in seen:
                words = paths.known(target, seen)
                yield self.fault(f"{place} links {field}", f"no frame {target!r} stands before it or holds it; {words}")
        before = {**seen, **dict.fromkeys(_kinds(group))}
        for inner in _listed(group.get("frames")):
            yield from self.group(inner, place, before)
            before |= dict.fromkeys(_kinds(inner))

    def segments(self, place: str, group: Data) -> Iterator[TableFault]:
        """Segments of a group: one that begins it has a row, and each table is the segment's own."""
        rows = _mapping(group.get("rows"))
        starts = _listed(group.get("start"))
        if not starts:
            yield self.fault(place, "`start` names the segments that begin a new occurrence")
        for start in starts:
            if start not in rows:
                yield self.fault(f"{place} start", f"no row says what reads {start!r}; {paths.known(start, rows)}")
        kinds = _kinds(group)
        for segment, labels in rows.items():
            for label in _listed(labels):
                spec = self.known.specs.get(label)
                if spec is None:
                    yield self.fault(f"{place} rows", f"no table {label!r}; {paths.known(label, self.known.specs)}")
                    continue
                if spec.piece != segment:
                    fit = [other for other, one in self.known.specs.items() if one.piece == segment]
                    said = f"{label} reads {spec.piece}, not {segment}; {paths.known(label, fit)}"
                    yield self.fault(f"{place} rows {segment}", said)
                for kind in spec.kinds():
                    if kind not in kinds:
                        said = f"{label} fills {kind}, which is neither `frame` nor `also` here"
                        yield self.fault(f"{place} rows {segment}", f"{said}; {paths.known(kind, kinds)}")

    def key(self, place: str, kind: str, path: str) -> Iterator[TableFault]:
        if "=" in path:
            yield self.fault(place, f"{path!r}: an item is told by its type alone here, as in identifiers[placer]")
        else:
            yield from self.path(place, kind, path)

    # ---- paths --------------------------------------------------------------------------------------------------

    def at(self, kind: str) -> Places | None:
        """The place of a whole record of a kind; None where it is not known here (told elsewhere)."""
        schema = (self.known.schemas or {}).get(kind)
        return None if schema is None else paths.whole(schema)

    def leads(self, kind: str, path: str) -> tuple[Places | None, str]:
        """Where a path of a record leads, and what is wrong with it; None where nothing can be said."""
        places = self.at(kind)
        if places is None:
            return None, ""
        found, wrong = paths.missing((self.known.schemas or {})[kind], places, path)
        return found, wrong

    def path(self, place: str, kind: str, path: str) -> Iterator[TableFault]:
        wrong = self.leads(kind, path)[1]
        if wrong:
            yield self.fault(place, f"{path!r} of {kind}: {wrong}")

    def value(
        self, place: str, kind: str, path: str, each: tuple[str, ...] = (), named: bool = False
    ) -> Iterator[TableFault]:
        """A path of `on:`. `each`: paths of the items that `each` stands for; `named`: `[placer]` tells a type."""
        if path == "#":
            return
        origin, rest = kind, path
        if path.startswith("@"):
            origin, _, rest = path[1:].partition(".")
            if origin not in self.kinds:
                yield from self.kind(place, origin)
                return
        elif path.startswith("message."):
            origin, rest = "message", path[8:]
        elif each and path.partition(".")[0] == "each":
            inner = path[5:]
            if inner and not any(self.leads(*_from(kind, f"{one}.{inner}"))[1] == "" for one in each):
                yield from self.value(place, kind, f"{each[0]}.{inner}")
            return
        if "[" in rest and "=" not in rest and not named:
            name, _, item = rest.partition("[")
            yield self.fault(place, f"{path!r} selects nothing here: say {name}[type={item}")
            rest = name
        yield from self.path(place, origin, rest)

    # ---- identify, belongs, occurred ----------------------------------------------------------------------------

    def identify(self) -> Iterator[TableFault]:
        for kind, rule in _mapping(self.data.get("identify")).items():
            place = f"identify {kind}"
            yield from self.kind(place, kind)
            if not isinstance(rule, Mapping):
                for path in _listed(rule):
                    yield from self.value(place, kind, path, named=True)
                continue
            yield from self.words(place, rule, RULE_WORDS)
            for word in ("within", "by"):
                if word not in rule:
                    yield self.fault(place, f"a derived name says `{word}`; {paths.known(word, RULE_WORDS)}")
            for word in RULE_WORDS & {*rule}:
                for path in _listed(rule[word]):
                    yield from self.value(f"{place} {word}", kind, path, named=word != "by")

    def belongs(self) -> Iterator[TableFault]:
        """`belongs` is asked for what an event is about, and its paths start at the frame that asserts the event."""
        asserting: dict[str, list[str]] = {kind: [kind] for kind in self.kinds}
        for kind, event in self.events():
            asserting.setdefault(event.get("about_kind", kind), []).append(kind)
        for about, fields in _mapping(self.data.get("belongs")).items():
            place = f"belongs {about}"
            yield from self.kind(place, about, asserting)
            for field, found in _mapping(fields).items():
                yield from self.path(place, about, field)
                kinds = [kind for kind in asserting.get(about, ()) if kind in self.kinds]
                for path in _listed(found):
                    wrong = [list(self.value(f"{place} {field}", kind, path, named=True)) for kind in kinds]
                    if wrong and all(wrong):
                        yield from wrong[-1]

    def occurred(self) -> Iterator[TableFault]:
        for kind, found in _mapping(self.data.get("occurred")).items():
            yield from self.kind(f"occurred {kind}", kind)
            for path in _listed(found):
                yield from self.value(f"occurred {kind}", kind, path)

    # ---- on -----------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[tuple[str, Data]]:
        for kind, cases in _mapping(self.data.get("on")).items():
            for case in cases:
                for event in _listed(case.get("events")):
                    yield kind, event if isinstance(event, Mapping) else {"event": event}

    def case(self, place: str, kind: str, case: Data) -> Iterator[TableFault]:
        yield from self.words(place, case, CASE_WORDS)
        if "events" not in case:
            yield self.fault(place, f"a row says its `events`; {paths.known('events', CASE_WORDS)}")
        for path, wanted in _mapping(case.get("when")).items():
            yield from self.value(f"{place} when", kind, path)
            yield from self.wanted(f"{place} when {path}", kind, path, _listed(wanted))
        for event in _listed(case.get("events")):
            if isinstance(event, Mapping):
                yield from self.event(f"{place} {event.get('event', '')}", kind, event)

    def wanted(self, place: str, kind: str, path: str, values: Iterable[str]) -> Iterator[TableFault]:
        """Values of a `when`: codes of the schema, or those that the tables of this map read there."""
        if self.known.schemas is None:
            return
        origin, _, rest = path[1:].partition(".") if path.startswith("@") else (kind, "", path)
        places = self.leads(origin, rest)[0]
        words = paths.codes(places) if places else None
        if words is None:
            words = self.read_codes(f"{origin}.{rest}")
        for value in values:
            if words is not None and value not in {"*", "!", *words} and not value.startswith(KEPT):
                yield self.fault(place, f"no value {value!r}; {paths.known(value, words)}")

    def read_codes(self, path: str) -> set[str] | None:
        """The codes that the map's tables read into a path; None where a row reads any text there."""
        rows = [row for label in self.labels if label in self.known.specs for row in self.known.specs[label].rows]
        found: set[str] = set()
        for row in rows:
            if path in row.implies:
                found.add(str(row.implies[path]))
            if path not in (*row.into, *row.derive) or row.only == "out":
                continue
            words = self.row_codes(row) if path in row.into else None
            if words is None:
                return None
            found |= words
        return found or None

    def row_codes(self, row: Row) -> set[str] | None:
        table = self.known.codes.get(row.table or row.codec)
        return None if table is None else {*table.forward.values()} | ({row.default} if row.default else set())

    def event(self, place: str, kind: str, event: Data) -> Iterator[TableFault]:
        yield from self.words(place, event, EVENT_WORDS)
        about = str(event.get("about_kind", kind))
        if self.known.schemas is not None and about not in self.known.schemas:
            yield self.fault(place, f"no record kind {about!r}; {paths.known(about, self.known.schemas)}")
        each = tuple(_listed(event.get("for_each")))
        for word in ("for_each", "with", "occurred"):
            for path in _listed(event.get(word)):
                yield from self.value(f"{place} {word}", kind, path, each)
        for path in _listed(event.get("about")):
            yield from self.value(f"{place} about", kind, path, each, named=True)
        for field, source in _mapping(event.get("set")).items():
            yield from self.path(f"{place} set", about, field.removesuffix("[]"))
            for target, found in source.items() if isinstance(source, Mapping) else [("", source)]:
                if target and self.known.schemas is not None and target not in self.known.schemas:
                    words = paths.known(target, self.known.schemas)
                    yield self.fault(f"{place} set {field}", f"no record kind {target!r}; {words}")
                for path in _listed(found):
                    yield from self.value(f"{place} set {field}", kind, path, each)
        for field in _mapping(event.get("constants")):
            yield from self.path(f"{place} constants", about, field)

    # ---- send ---------------------------------------------------------------------------------------------------

    def send(self, schemas: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[TableFault]:
        send = _mapping(self.data.get("send"))
        for event_type, rows in send.items():
            family = event_type.removesuffix(".*")
            abouts = {about for type_, about in types.items() if type_ == event_type or type_.startswith(f"{family}.")}
            if isinstance(rows, str):
                if rows not in send:
                    yield self.fault(f"send {event_type}", f"like {rows!r}: no such row; {paths.known(rows, send)}")
                continue
            before: dict[str, None] = {}
            for row in rows:
                yield from self.sent(f"send {event_type} {row.get('frame', '')}", row, before, abouts, schemas)
                before[str(row.get("frame", ""))] = None

    def sent(
        self, place: str, row: Data, before: Collection[str], abouts: Collection[str], schemas: Mapping[str, Any]
    ) -> Iterator[TableFault]:
        kind = str(row.get("frame", ""))
        if kind not in schemas:
            yield self.fault(place, f"no frame kind {kind!r}; {paths.known(kind, schemas)}")
        sources = {
            *SOURCES,
            "event",
            "about",
            "partner",
            "message",
            "journey",
            *(("each",) if "for_each" in row else ()),
        }
        if "for_each" in row:
            yield from self.source(f"{place} for_each", row["for_each"], abouts, sources)
        for word in ("from", "only_with"):
            if word in row and row[word] not in sources:
                yield self.fault(f"{place} {word}", f"no source {row[word]!r}; {paths.known(row[word], sources)}")
        for word, targets in (("parent", _listed(row.get("parent"))), ("links", _mapping(row.get("links")).values())):
            for target in targets:
                if target not in before:
                    yield self.fault(f"{place} {word}", f"no frame {target!r} before it; {paths.known(target, before)}")
        for word in ("set", "constants", "links"):
            for path in _mapping(row.get(word)):
                yield from self.path(f"{place} {word}", kind, path)
        yield from self.words(f"{place} as_list", _listed(row.get("as_list")), [*_mapping(row.get("set"))])
        for field, source in _mapping(row.get("set")).items():
            yield from self.source(f"{place} set {field}", source, abouts, sources)

    def source(self, place: str, path: str, abouts: Collection[str], sources: Collection[str]) -> Iterator[TableFault]:
        """A path of `send:`, such as `order.identifiers[placer]!`."""
        origin, _, rest = path.removesuffix("!").partition(".")
        if origin not in sources:
            yield self.fault(place, f"{path!r}: no source {origin!r}; {paths.known(origin, sources)}")
        elif origin == "message":
            yield from self.words(place, [rest.partition(".")[0]], MESSAGE_WORDS)
        elif origin == "journey":
            yield from self.words(place, [rest], JOURNEY_WORDS)
        elif origin == "each" or (origin == "event" and rest.partition(".")[0] in _ENVELOPE):
            return
        elif origin != "partner":  # the receiver's words are those of its profile
            kinds: Sequence[str] = [SOURCES[origin]] if origin in SOURCES else sorted(abouts)
            wrong = [list(self.path(place, kind, rest)) for kind in kinds]
            if wrong and all(wrong):
                yield from wrong[0]


def _all_groups(data: Data) -> Iterator[Data]:
    for word in ("frames", "rows_by"):
        for group in _listed(data.get(word)):
            yield group
            yield from _all_groups({"frames": group.get("frames")})


def _kinds(group: Data) -> list[str]:
    return [str(group.get("frame", "")), *_listed(group.get("also"))]


def _labels(group: Data) -> Iterator[str]:
    for labels in _mapping(group.get("rows")).values():
        yield from _listed(labels)
    if "table" in group:
        yield str(group["table"])


def _from(kind: str, path: str) -> tuple[str, str]:
    """Kind and path where a path of `on:` starts."""
    origin, _, rest = path[1:].partition(".") if path.startswith("@") else (kind, "", path)
    return origin, rest


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _mapping(value: Any) -> Data:
    return value if isinstance(value, Mapping) else {}
