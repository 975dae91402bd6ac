"""Cell counts of laboratories: ASM documents, and instruments' exports by way of ASM, to frames and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters import building, json_text
from adapters.asm import convert, export, shape
from adapters.asm.codecs import CODECS, KINDS, Asm
from adapters.reading import Read, Unparsable, Unsupported, bounded
from mappings import library, trees
from mappings.account import Piece
from mappings.faults import Fault

FORMAT = "asm"
WIRE = "tree"
BASE_MAP = "asm/results"
WORDS = ("zone", "systems", "sample", "day_first")
"""Words of `dialect` in a map."""
COI_FIRST = r"(?P<order>CH[A-Z0-9]{3}[0-9]{2,4}[A-Z0-9]{6,7})(?:[-_/. ].*)?"
"""A sample's name that opens with a chain-of-identity identifier: of ISBT 128's shape (structure 040) or nearly."""

Frame = dict[str, Any]
Map = Mapping[str, Any]


class Adapter(building.TreeAdapter):
    """Reads and writes results of instruments."""

    __slots__ = ()

    def read(self, body: bytes, hint: str = "") -> Read:
        """Frames, residual, faults and pieces of an ASM document or of an instrument's export.

        `hint` names the map; without it a site's own is taken before the base one. Raises Unparsable or Unsupported.
        """
        name = hint if hint in self.library.maps else list(self.library.maps)[-1]
        data = building.map_named(self.library, name)
        converted = self._converted(body, data)
        opened = shape.opened(converted.tree)
        m = self._context(data)
        keys: list[str] = []
        reading = trees.read_pieces(
            self.leaves, [(cut.piece, cut.tree) for cut in opened.cuts], m, lambda told: keys.extend(k for _, k in told)
        )
        faults = [*converted.faults, *opened.faults, *m.faults]
        if not opened.cuts:
            faults.append(Fault("asm-empty", "body", "the document has no quantity with a number and a unit"))
        residual = {**reading.residual, "rest": opened.rest, "stood": shape.layout(opened.cuts, keys, converted.tree)}
        return Read(
            type=str(data["map"]),
            source_id="",
            sequence="",
            frames=reading.frames,
            residual=residual,
            faults=bounded(faults),
            map=data,
            pieces=[*_kept(opened.rest, converted.beside), *reading.pieces],
            leaves=leaves,
        )

    def write(
        self, message: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """An ASM document from frames; with the residual of the document they came from, or fresh."""
        m = self._context(building.map_named(self.library, message))
        kept = {key: value for key, value in (residual or {}).items() if key not in {"rest", "stood"}}
        written = trees.write_pieces(self.leaves, [dict(frame) for frame in frames], kept, m)
        told = [(tree, key) for _, tree, key in written]
        tree, faults = shape.closed((residual or {}).get("rest", {}), told, (residual or {}).get("stood", {}))
        if not residual:
            faults += _completed(frames)
        return json_text.dumps(tree), [*m.faults, *faults]

    def _converted(self, body: bytes, data: Map) -> convert.Converted:
        if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            return convert.Converted(json_text.loads(body))
        return convert.convert(export.read(body), data["columns"], (data.get("dialect") or {}).get("day_first"))

    def _context(self, data: Map) -> Asm:
        said = data.get("dialect") or {}
        return Asm(
            zone=said.get("zone") or self.zone,
            system=self.system,
            codes=self.library.codes,
            systems=building.systems_of(said),
            sample=re.compile(said.get("sample", COI_FIRST)),
        )


def _completed(frames: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """What is stated of times beyond what was known."""
    times = [frame["set"].get("analysed_at") or {} for frame in frames]
    if any(time.get("assumed_zone") for time in times):
        remedy = "ASM has no time without its offset: the one of the partner's zone is written"
        yield Fault("zone-stated", "result.analysed_at", remedy, severity="lost")
    if any(len(time.get("local", "")) in range(1, 19) for time in times):
        yield Fault("precision-lost", "result.analysed_at", "ASM has seconds; the time stated less", severity="lost")


def _kept(rest: Any, beside: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    """What is no result: the document around them, and cells of the export that the document does not say."""
    yield Piece("rest", 1, rest, None, {"w": rest}, None)
    for ordinal, cell in enumerate(beside, 1):
        said = {label: text for label, text in cell.items() if label != "line"}
        yield Piece("cell", ordinal, said, None, {"w": said}, None)


def leaves(name: str, wire: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every scalar of a piece with its path; what a measurement says of all its quantities at the first of them.

    The name of a quantity is no scalar but a key, save that of a calculation.
    """
    counted = shape.COUNTED.get(name)
    if counted is None or not isinstance(wire, dict):
        yield from json_text.leaves(wire)
        return
    hidden = frozenset() if name == "calculation" else frozenset({"name"})
    told = {key: value for key, value in wire.items() if not key.startswith("#") or key in counted}
    yield from json_text.leaves({key: value for key, value in told.items() if key not in hidden})


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
    building.of_maps(tables, _faults)
    return Adapter(tables, found, zone, system)


def _faults(data: Map) -> Iterator[tuple[str, str]]:
    """What is wrong with the columns and the dialect of a map."""
    columns = data.get("columns") or {}
    for name in ("#time", "#offset", "#analyst", "#sample"):
        if not isinstance(columns.get(name), list):
            yield "columns", f"`{name}` is written with a list of labels"
    said = data.get("dialect") or {}
    yield from (("dialect", text) for text in building.dialect_faults(said, WORDS))
    try:
        groups = re.compile(said.get("sample", "")).groupindex
    except (re.error, TypeError):
        yield "dialect", "`sample` is a regular expression"
    else:
        if unknown := sorted(groups.keys() - set(KINDS)):
            yield "dialect", f"`sample` names {unknown[0]!r}; its groups may be: {', '.join(KINDS)}"
    if not isinstance(said.get("day_first", False), bool):
        yield "dialect", "`day_first` is true or false"


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base tables, without a partner's overlay."""
    return adapter()


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
