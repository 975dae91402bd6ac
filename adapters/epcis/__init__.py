"""EPCIS 2.0: bytes of one document, query result or event, in JSON-LD or XML, to frames and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters import building, json_text
from adapters.epcis import dispositions, document, leaves, sensing, validate, xml_document
from adapters.epcis.codecs import CODECS, EventContext
from adapters.epcis.document import Document
from adapters.epcis.xml_shape import Names
from adapters.reading import Read, Unparsable, Unsupported
from mappings import account, library, trees
from mappings.account import Piece
from mappings.codes import CodeTable
from mappings.faults import Fault
from mappings.groups import Reading

FORMAT = "epcis"
WIRE = "tree"
JSON, XML = "EPCIS", "EPCIS+XML"

Frame = dict[str, Any]
Tree = dict[str, Any]


class Adapter(building.TreeAdapter):
    """Reads and writes EPCIS documents."""

    __slots__ = ()

    def read(self, body: bytes, media: str = "") -> Read:
        """Frames, residual, faults and pieces of one document.

        An event with an error is not read: it is kept whole for its sender, and its faults name its place, `event[2]`.
        Raises Unparsable or Unsupported for the document as a whole.
        """
        tree, names = _parsed(body, media)
        opened = document.opened(tree)
        m = EventContext(zone=self.zone, system=self.system, codes=self.library.codes, xml=names is not None)
        events, aliases = _own_prefixes(opened, names)
        head = trees.read_pieces(self.only("document"), [("document", opened.head)] if opened.path else [], m)
        if opened.path:
            m.faults += validate.head_faults(opened.head, m.xml)
        body_read, layouts, pieces = self._read_events(events, m)
        residual: dict[str, Any] = {**head.residual, **body_read.residual, "head": _envelope(opened, names, aliases)}
        if layouts:
            residual["layout"] = layouts
        frames = [*head.frames, *with_what_follows(body_read.frames, self.library.codes)]
        return Read(
            type=JSON if names is None else XML,
            source_id=_source_id(opened),
            sequence="",
            frames=frames,
            residual=residual,
            faults=m.faults,
            map=self.library.map_for(JSON) or {},
            pieces=[*head.pieces, *pieces],
            leaves=leaves.leaves,
        )

    def _read_events(self, events: Sequence[Any], m: EventContext) -> tuple[Reading, dict[str, Any], list[Piece]]:
        """Events as pieces; what may be no event, or is of a type that no table reads, is kept whole."""
        found: list[Fault] = []
        pieces: list[tuple[str, Any]] = []
        layouts: list[tuple[Tree, list[Tree]]] = []
        for count, event in enumerate(events, 1):
            faults = validate.event_faults(event, m.codes, f"event[{count}]", m.xml)
            found += faults
            kept = any(fault.severity == "error" or fault.code == "event-unsupported" for fault in faults)
            flat, layout = (event, []) if kept else sensing.flatten(event)
            pieces.append(("kept" if kept else "event", flat))
            layouts.append((event, layout))
        read = [(f"event[{n}]", event) for n, (name, event) in enumerate(pieces, 1) if name == "event"]
        found += validate.document_faults(read)
        before = len(m.faults)
        reading = trees.read_pieces(self.only("event"), pieces, m)
        m.faults[before:] = [*found, *(fault for fault in m.faults[before:] if fault.code != "piece-unsupported")]
        keys = iter(frame["key"] for frame in reading.frames)
        placed = {}
        for (name, _), (event, layout) in zip(pieces, layouts, strict=True):
            if name == "event":
                where = _layout(event, layout, m.xml)
                key = next(keys)
                if where:
                    placed[key] = where
        shown = [_as_sent(piece, *layouts[piece.ordinal - 1]) if piece.table else piece for piece in reading.pieces]
        return reading, placed, sorted(shown, key=lambda piece: piece.ordinal)

    def write(
        self, message_type: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A document from frames; with the residual of the document they came from, or fresh.

        `message_type` is `EPCIS` (JSON-LD) or `EPCIS+XML`; a residual brings the syntax in which its sender wrote.
        Returns the bytes and the faults: what had no home in this format, and what makes an event one that no receiver
        may take (severity `error`).
        """
        residual = residual or {}
        envelope = residual.get("head", {})
        xml = envelope.get("syntax", "xml" if message_type == XML else "json") == "xml"
        m = EventContext(zone=self.zone, system=self.system, codes=self.library.codes, xml=xml)
        heads = [dict(frame) for frame in frames if frame["kind"] == "message"][:1]
        own = {key: residual[key] for frame in heads if (key := frame["key"]) in residual}
        written = trees.write_pieces(self.only("document"), heads, own, m)
        head = written[0][1] if written else {}
        events, orders = self._write_events(handlings(frames, m), residual, m)
        path = tuple(envelope.get("path", ()))
        if not path and (len(events) != 1 or not envelope):
            path = document.LISTS["EPCISDocument"]
        if not envelope.get("path"):
            head = _complete(head, events, m) if path else head
        tree = document.closed(Document(head, events, path))
        if xml:
            if not envelope:
                _drop_headers(tree, m)
            names = Names(dict(envelope.get("prefixes", {})), bool(envelope.get("plain")))
            return xml_document.dumps(tree, names, orders), m.faults
        theirs = {ours: prefix for prefix, ours in envelope.get("aliases", {}).items()}
        tree = document.renamed(tree, theirs)
        if not envelope or (document.mentions(tree, "cgt") and not envelope.get("unbound")):
            tree = document.with_context(tree)
        return json_text.dumps(document.unmarked(tree)), m.faults

    def _write_events(
        self, frames: Sequence[Frame], residual: Mapping[str, Any], m: EventContext
    ) -> tuple[list[Any], list[Mapping[str, Sequence[str]]]]:
        layouts = residual.get("layout", {})
        events: list[Any] = []
        orders: list[Mapping[str, Sequence[str]]] = []
        for _, tree, key in trees.write_pieces(self.only("event"), frames, residual, m):
            if not key:  # kept whole, whatever it is
                events.append(tree)
                orders.append(xml_document.stood(tree) if isinstance(tree, dict) else {})
                continue
            where = layouts.get(key, {})
            event = dict(tree)
            if sensing.LIST in event and not where.get("raw"):
                event[sensing.LIST] = sensing.unflatten(event[sensing.LIST], where.get("sensors", ()))
            events.append(event)
            orders.append(where.get("order", {}))
            m.faults += validate.event_faults(event, m.codes, f"event[{len(events)}]", m.xml)
        return events, orders


# ---- the way in -----------------------------------------------------------------------------------------------


_MARKED = (b"null", b"#", b"\\u")
"""What a body holds that may have to be marked: a null, or a key that begins with `#` (perhaps escaped)."""


def _parsed(body: bytes, media: str) -> tuple[Any, Names | None]:
    """The tree of a body, and its namespaces where it is XML (by its media type, else by its first character)."""
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if "xml" in media or (not media and start == b"<") or ("json" not in media and start == b"<"):
        return xml_document.loads(body)
    tree = json_text.loads(body)
    return (document.marked(tree) if any(mark in body for mark in _MARKED) else tree), None


def _own_prefixes(opened: Document, names: Names | None) -> tuple[list[Any], dict[str, str]]:
    """The events with our prefixes for the namespaces that the tables know, and which prefix the sender has."""
    if names is not None:
        bound = {prefix: uri for uri, prefix in names.prefixes.items()}
    else:
        outer = opened.head if opened.path else opened.events[0]
        bound = document.prefixes(outer.get("@context"))
    aliases = document.aliases(bound)
    return ([document.renamed(event, aliases) for event in opened.events] if aliases else opened.events), aliases


def _envelope(opened: Document, names: Names | None, aliases: Mapping[str, str]) -> dict[str, Any]:
    """What is needed to write in the sender's syntax again."""
    head: dict[str, Any] = {"syntax": "json" if names is None else "xml", "path": list(opened.path)}
    if names is not None:
        head["prefixes"] = {uri: aliases.get(prefix, prefix) for uri, prefix in names.prefixes.items()}
        if names.plain:
            head["plain"] = True
    elif aliases:
        head["aliases"] = dict(aliases)
    elif document.mentions([opened.head, *opened.events], "cgt") and not _bound(opened, "cgt"):
        head["unbound"] = True
    return head


def _bound(opened: Document, prefix: str) -> bool:
    outer = opened.head if opened.path else opened.events[0]
    return prefix in document.prefixes(outer.get("@context"))


def _source_id(opened: Document) -> str:
    """instanceIdentifier, or the eventID of a lone event, or the document's id."""
    names = [opened.head.get("instanceIdentifier")]
    if len(opened.events) == 1 and isinstance(opened.events[0], dict):
        names.append(opened.events[0].get("eventID"))
    names.append(opened.head.get("id"))
    return next((name for name in names if isinstance(name, str) and name), "")


def _layout(event: Tree, sensors: list[Tree], xml: bool) -> dict[str, Any]:
    order = xml_document.stood(event) if xml else {}
    raw = sensing.LIST in event and not sensors
    found = {"sensors": sensors, "order": order, "raw": raw}
    return {name: value for name, value in found.items() if value}


def _as_sent(piece: Piece, event: Tree, layout: Sequence[Mapping[str, Any]]) -> Piece:
    """A piece for the account in the shape in which it was sent, its canonical writing beside it."""
    if not layout:
        return piece
    if piece.node is None:
        return Piece(piece.name, piece.ordinal, event, event, None, piece.table)
    aligned = dict(account.aligned(piece.wire, piece.canonical, piece.node) or {})
    flats = aligned.get(sensing.LIST)
    if isinstance(flats, list):
        flats = [flat if isinstance(flat, dict) else {} for flat in flats][: len(piece.wire[sensing.LIST])]
        aligned[sensing.LIST] = sensing.placed(flats, layout)
    return Piece(piece.name, piece.ordinal, event, aligned, {"w": {}}, piece.table)


def with_what_follows(frames: Iterable[Frame], codes: Mapping[str, CodeTable]) -> list[Frame]:
    """Frames with what follows from each handling: the finding of a look in it, its readings and Issues behind it."""
    out: list[Frame] = []
    for frame in frames:
        if frame["kind"] != "handling":
            out.append(frame)
            continue
        found = dispositions.inspection_of(frame["set"], codes)
        told = {**frame, "set": {**frame["set"], "inspection": found}} if found else frame
        out += [told, *(sensing.readings_of(told) if "series" in told["set"] else ())]
        out += dispositions.issues_of(told, codes)
    return out


# ---- the way out ----------------------------------------------------------------------------------------------


def handlings(frames: Sequence[Mapping[str, Any]], m: EventContext) -> list[Frame]:
    """The frames that become events. Readings follow from the series of their handling, or become its series.

    A readings frame that says other than its handling's series, or stands alone, has no home. Giver and taker become
    possessing parties, a shipment one of the things handled. Findings and Issues follow from the dispositions.
    """
    follows = {issue["key"]: issue["set"] for frame in frames for issue in _issues(frame, m)}
    out = [
        _as_epcis(frame, m)
        for frame in frames
        if frame["kind"] not in {"message", "readings"} and follows.get(frame["key"]) != frame["set"]
    ]
    by_key = {frame["key"]: frame for frame in out if frame["kind"] == "handling"}
    known = [said for frame in by_key.values() for said in _said(sensing.readings_of(frame))]
    added: dict[str, list[Any]] = {}
    for frame in frames:
        if frame["kind"] != "readings" or frame["set"] in known:
            continue
        holder = by_key.get(frame.get("parent", ""))
        if holder is None or "series" in holder["set"]:
            m.faults.append(Fault("no-home", "readings frame", "say it in the series of its handling", "", "lost"))
        else:
            added.setdefault(holder["key"], []).extend(sensing.series_of(frame["set"]))
    for key, series in added.items():
        by_key[key]["set"] = {**by_key[key]["set"], "series": series}
    return out


def _issues(frame: Mapping[str, Any], m: EventContext) -> list[Frame]:
    return dispositions.issues_of(dict(frame), m.codes) if frame["kind"] == "handling" else []


def _as_epcis(frame: Mapping[str, Any], m: EventContext) -> Frame:
    """A handling with what other formats name directly in the lists where EPCIS has it, without what follows."""
    if frame["kind"] != "handling":
        return dict(frame)
    values = dict(frame["set"])
    if "inspection" in values and values["inspection"] == dispositions.inspection_of(values, m.codes):
        del values["inspection"]
    for name, sides in (("giver", "sources"), ("taker", "destinations")):
        party = values.pop(name, None)
        side = {"type": "possessing_party", "identifier": party}
        if party is not None and side not in values.get(sides, ()):
            values[sides] = [*values.get(sides, ()), side]
    shipment = values.pop("shipment", None)
    if shipment is not None and shipment not in values.get("containers", ()):
        values["containers"] = [shipment, *values.get("containers", ())]
    return {**frame, "set": values}


def _said(frames: Iterable[Frame]) -> list[Any]:
    return [frame["set"] for frame in frames]


def _complete(head: Tree, events: Sequence[Tree], m: EventContext) -> Tree:
    """The head with what every document must have (9.5); without a time of its own it has that of its last event."""
    head = {"type": "EPCISDocument", "schemaVersion": "2.0", **head}
    if "creationDate" not in head and head["type"] == "EPCISDocument":
        times = [str(event["eventTime"]) for event in events if isinstance(event, dict) and "eventTime" in event]
        head["creationDate"] = max(times, default="1970-01-01T00:00:00Z")
        remedy = "give the message frame sent_at; the latest time of the events is written"
        m.faults.append(Fault("time-missing", "creationDate", remedy))
    first: Tree = {key: head[key] for key in ("type", "schemaVersion", "creationDate") if key in head}
    return {**first, **head}


def _drop_headers(tree: Tree, m: EventContext) -> None:
    """What only JSON-LD has a place for; XML has a business document header instead, which is the channel's."""
    for name in ("id", "instanceIdentifier", "sender", "receiver"):
        if name in tree:
            del tree[name]
            m.faults.append(Fault("no-home", name, "XML has no place for it; write JSON", severity="lost"))


# ---- loading --------------------------------------------------------------------------------------------------


def adapter(
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",
    event_types: Mapping[str, str] | None = None,
) -> Adapter:
    """Loads, checks and compiles the tables. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, schemas, overlays, event_types)
    return Adapter(tables, building.leaves(tables), zone, system)


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base tables, without a partner's overlay."""
    return adapter()


__all__ = ["JSON", "XML", "Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
