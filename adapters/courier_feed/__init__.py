"""Couriers' milestone feeds in JSON: bytes of a list of milestones, or of one, to frames and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters import building, json_text
from adapters.courier_feed import shape
from adapters.courier_feed.codecs import CODECS, FeedContext
from adapters.courier_feed.shape import Opened
from adapters.reading import Read, Unparsable, Unsupported, bounded
from mappings import library, trees
from mappings.account import Piece
from mappings.faults import Fault

FORMAT = "courier_feed"
WIRE = "tree"
BASE_MAP = "courier_feed/milestones"
WORDS = ("zone", "systems")
"""Words of `dialect` in a feed's map."""
HOWTO = " (docs/howto-courier-feed.md)"

Frame = dict[str, Any]
Map = Mapping[str, Any]


class Adapter(building.TreeAdapter):
    """Reads and writes a courier's milestones."""

    __slots__ = ()

    def read(self, body: bytes, hint: str = "") -> Read:
        """Frames, residual, faults and pieces of one document of the map `hint`, or of the one that names most of it.

        A milestone without what it must say is kept whole, with a fault that names its place, `milestone[2]`.
        Raises Unparsable or Unsupported.
        """
        tree = json_text.loads(body)
        name = hint if hint in self.library.maps else self.detect(tree)
        data = building.map_named(self.library, name, HOWTO)
        spelled = shape.spellings(data["columns"])
        document = shape.opened(tree, spelled)
        m = self._context(data)
        pieces: list[tuple[str, Any]] = []
        stood: list[dict[str, list[str]]] = []
        found: list[Fault] = []
        for count, item in enumerate(document.milestones, 1):
            faults, flat, paths = _examined(item, data, spelled, f"milestone[{count}]")
            found += faults
            pieces.append(("kept" if faults else "milestone", item if faults else flat))
            stood.append(paths)
        reading = trees.read_pieces(self.leaves, pieces, m)
        keys = [frame["key"] for frame in reading.frames if frame["kind"] == "handling"]
        read = [paths for (name, _), paths in zip(pieces, stood, strict=True) if name == "milestone"]
        head = {"body": document.head, "path": list(document.path) if document.path is not None else None}
        residual = {**reading.residual, "head": head, "stood": dict(zip(keys, read, strict=True))}
        if not document.milestones:
            found.append(Fault("feed-empty", "body", "the document has no milestone"))
        said = (fault for fault in m.faults if fault.code != "piece-unsupported")
        return Read(
            type=str(data["map"]),
            source_id="",
            sequence="",
            frames=reading.frames,
            residual=residual,
            faults=bounded([*found, *said]),
            map=data,
            pieces=[*_head_pieces(document), *reading.pieces],
            leaves=leaves,
        )

    def write(
        self, message: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A feed of the map `message` from frames; with the residual of the document they came from, or fresh."""
        data = building.map_named(self.library, message, HOWTO)
        residual = residual or {}
        m = self._context(data)
        kept = {key: value for key, value in residual.items() if key not in {"head", "stood"}}
        stood = residual.get("stood", {})
        items = [
            tree if not key else shape.restored(tree, stood.get(key, {}), data["columns"])
            for _, tree, key in trees.write_pieces(self.leaves, [dict(frame) for frame in frames], kept, m)
        ]
        head = residual.get("head", {"body": {}, "path": ["milestones"]})
        path = tuple(head["path"]) if head["path"] is not None else None
        if path is None and len(items) != 1:
            path = ("milestones",)
        return json_text.dumps(shape.closed(Opened(items, path, head["body"]))), m.faults

    def detect(self, tree: Any) -> str:
        """Name of the map that names most of a document's first milestone; a site's before the base's."""
        ranked = []
        for place, (name, data) in enumerate(self.library.maps.items()):
            spelled = shape.spellings(data["columns"])
            try:
                items = shape.opened(tree, spelled).milestones[:1]
            except Unparsable:
                continue
            ranked.append((sum(shape.matches(item, spelled) for item in items if isinstance(item, dict)), place, name))
        return max(ranked, default=(0, 0, BASE_MAP))[2]

    def _context(self, data: Map) -> FeedContext:
        said = data.get("dialect") or {}
        zone = said.get("zone") or self.zone
        return FeedContext(zone=zone, system=self.system, codes=self.library.codes, systems=building.systems_of(said))


def _examined(
    item: Any, data: Map, spelled: Mapping[str, str], place: str
) -> tuple[list[Fault], dict[str, Any], dict[str, list[str]]]:
    """A milestone by our names with the paths as they stood; faults where it is none."""
    if not isinstance(item, dict):
        return [Fault("shape", place, "a milestone is an object", severity="error")], {}, {}
    flat, stood = shape.named(item, spelled)
    missing = [name for name in data.get("required", ()) if name not in flat]
    faults = [
        Fault("field-missing", f"{place}.{name}", f"say it as {data['columns'][name][0]}", severity="error")
        for name in missing
    ]
    if next(shape.nested(item, spelled), None):
        remedy = "there are milestones inside this one: send them in one list, by themselves"
        faults.append(Fault("feed-nested", place, remedy, severity="error"))
    return faults, flat, stood


def _head_pieces(document: Opened) -> Iterator[Piece]:
    """What stands around the milestones: its sender's."""
    if document.head:
        yield Piece("document", 1, document.head, None, {"w": document.head}, None)


def leaves(name: str, wire: Any) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ARG001 - the account's shape
    """Every scalar of a milestone with its path; what no path names by the path that it has there."""
    if isinstance(wire, dict) and shape.REST in wire:
        yield from json_text.leaves({key: value for key, value in wire.items() if key != shape.REST})
        yield from json_text.leaves(wire[shape.REST], (shape.REST,))
    else:
        yield from json_text.leaves(wire)


def adapter(
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",
    event_types: Mapping[str, str] | None = None,
) -> Adapter:
    """Loads, checks and compiles the tables. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, schemas, overlays, event_types)
    found = building.leaves(tables)
    building.of_maps(tables, lambda data: _faults(data, found))
    return Adapter(tables, found, zone, system)


def _faults(data: Map, found: Mapping[str, trees.Leaf]) -> Iterator[tuple[str, str]]:
    """What is wrong with the columns and the dialect of a map."""
    places = {place for leaf in found.values() for place in leaf.table.rows_by_place}
    columns = data.get("columns") or {}
    if unknown := sorted(columns.keys() - places):
        yield "columns", f"no row of the tables reads: {', '.join(unknown)}; known are: {', '.join(sorted(places))}"
    if unknown := sorted({*data.get("required", ())} - columns.keys()):
        yield "required", f"`required` names columns of the map; not known: {', '.join(unknown)}"
    seen: dict[str, str] = {}
    for name, paths in columns.items():
        if not isinstance(paths, list) or not paths:
            yield "columns", f"`{name}` is written with a list of paths"
            continue
        for path in paths:
            if seen.setdefault(shape.folded(str(path)), name) != name:
                yield "columns", f"the path {path!r} stands for {seen[shape.folded(str(path))]} and {name}"
    said = data.get("dialect") or {}
    yield from (("dialect", text) for text in building.dialect_faults(said, WORDS))


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base tables, without a partner's overlay."""
    return adapter()


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
