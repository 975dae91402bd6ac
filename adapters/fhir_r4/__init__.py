"""FHIR R4: bytes of one resource or Bundle to frames and back. Pure; validates nothing (see `validate`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters import building, json_text
from adapters.fhir_r4.absent import complete
from adapters.fhir_r4.codecs import CODECS
from adapters.fhir_r4.context import Document
from adapters.fhir_r4.parts import Part, take_apart
from adapters.fhir_r4.pieces import KINDS_OF, kind_of, name_of, type_of, written_as
from adapters.fhir_r4.plan import Plan
from adapters.fhir_r4.references import References, Resolver
from adapters.reading import Read, Unparsable, Unsupported
from mappings import library, trees
from mappings.account import Piece, Place
from mappings.compile import Table
from mappings.faults import Fault, Unreadable
from mappings.library import Library
from mappings.trees import Leaf

FORMAT = "fhir_r4"
WIRE = "tree"

Frame = Mapping[str, Any]
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Adapter:
    """The tables of one partner (or the base tables), compiled.

    `zone` is that of dates without one, `system` that of identifiers without one, and `server` the address of the FHIR
    server whose resources the partner's relative references name (`https://fhir.mercy.example/r4`).
    """

    library: Library
    leaves: Mapping[str, Leaf]
    zone: str = "UTC"
    system: str = ""
    server: str = ""

    # ---- reading ----------------------------------------------------------------------------------------------

    def read(self, body: bytes) -> Read:
        """Frames, residual, faults and pieces of one resource or Bundle. Raises Unparsable or Unsupported."""
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise Unparsable("fhir-xml", "body", "send JSON; XML is not read, and a DOCTYPE is never resolved")
        return self._read(json_text.loads(body), None)

    def resource_to_frames(self, resource: Tree, resolver: Resolver | None = None) -> Read:
        """One resource or Bundle, parsed by `json_text`. Raises Unparsable or Unsupported.

        With a resolver the resource was sent to this server: its id, version and time are the server's own business.
        """
        if resolver is not None and isinstance(resource, dict):
            resource = _without_own(resource)
        return self._read(resource, resolver)

    def _read(self, document: Any, resolver: Resolver | None) -> Read:
        m = self._document(resolver)
        taken = take_apart(document, self._types, lambda resource: name_of(resource, self.library.codes))
        parts = {f"{part.name}[{n}]": part for n, part in enumerate(taken, 1)}
        texts = _announce(parts, m)
        refs = _references(m)
        reading = trees.read_pieces(
            self.leaves, [(part.name, part.tree) for part in parts.values()], m, lambda keys: refs.keyed(keys, texts)
        )
        places = list(parts)
        for number, (place, part) in enumerate(parts.items(), 1):
            around = _around(part, places, refs.keys)
            if around:
                reading.residual.setdefault(refs.keys[place], {}).update(around)
                reading.pieces += [Piece(name, number, w, None, {"w": w}, self._entry) for name, w in part.kept()]
        type_ = parts[places[0]].type
        return Read(
            type=type_,
            source_id=_source_id(document),
            sequence=_version(document),
            frames=reading.frames,
            residual=reading.residual,
            faults=[_placed(fault, m) for fault in m.faults if fault.severity != "lost"],
            map=self.map(type_),
            pieces=reading.pieces,
            leaves=leaves,
        )

    def map(self, message: str) -> Mapping[str, Any]:
        """The message map of a resource type, or an empty one."""
        return self.library.map_for(message) or {}

    # ---- writing ----------------------------------------------------------------------------------------------

    def write(
        self, message: str, frames: Sequence[Frame], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A resource of that type or a Bundle from frames, with the residual of the document they came from, or fresh.

        Returns the bytes and what had no home in it. Raises Unsupported where no frame is of that type.
        """
        resource, faults = self.frames_to_resource(message, frames, residual)
        return json_text.dumps(resource), faults

    def frames_to_resource(
        self,
        message: str,
        frames: Sequence[Frame],
        residual: Mapping[str, Any] | None = None,
        resolver: Resolver | None = None,
    ) -> tuple[Tree, list[Fault]]:
        """As `write`, for a caller that needs the tree (numbers are `Num`). The server sets `id` and `meta` itself."""
        m = self._document(resolver)
        kept = residual or {}
        plan = Plan(message, _with_orders(frames), self.leaves, kept, self.server)
        refs = _references(m)
        refs.others = {frame["key"]: frame for frame in frames}
        refs.written = plan.references
        m.bases = plan.servers()
        for frame in plan.left_out:
            m.no_home("", f"{frame['kind']} frame", Unreadable("no-home", f"one {message} has no room for it"))
        written = trees.write_pieces(self.leaves, plan.frames, kept, m, plan.names)  # type: ignore[arg-type]
        for name, tree, key in written:
            if key and "piece" not in kept.get(key, {}):  # a sender's own resource goes back as it came
                complete(type_of(name), tree)
        return plan.assemble(written), m.faults

    # ---- shared -----------------------------------------------------------------------------------------------

    @property
    def _types(self) -> set[str]:
        """The resource types that tables read."""
        return {type_of(name) for name in self.leaves}

    @property
    def _entry(self) -> Table:
        return self.library.tables["fhir_r4/entry"]

    def _document(self, resolver: Resolver | None) -> Document:
        m = Document(zone=self.zone, system=self.system, codes=self.library.codes, base=self.server)
        m.refs = References(m, resolver)
        return m


def leaves(name: str, wire: Any) -> Iterator[tuple[Place, str]]:  # noqa: ARG001 - as every format's
    """Every scalar of a resource with its path."""
    yield from json_text.leaves(wire)


def _references(m: Document) -> References:
    assert isinstance(m.refs, References)
    return m.refs


def _announce(parts: Mapping[str, Part], m: Document) -> dict[str, str]:
    """Tells the document where its parts stand and by what they are referred to; the text that leads to each."""
    refs, places, texts = _references(m), list(parts), {}
    for place, part in parts.items():
        m.where[place] = part.path
        if part.server:
            m.bases[place] = part.server
        scope = places[part.holder] if part.holder is not None else ""
        if scope:
            refs.holders[place] = scope
        names = part.names if part.type in KINDS_OF else []
        for name in names:
            refs.places.setdefault((scope, name), place)
        if names:
            texts[place] = names[0]
    return texts


def _around(part: Part, places: Sequence[str], keys: Mapping[str, str]) -> dict[str, Any]:
    """What the residual of a part remembers of its place: its entry, its own id, the resource that contains it, and the
    piece that it is where its kind is usually written as another."""
    kept: dict[str, Any] = {} if part.wrap is None else {"entry": part.wrap}
    if part.local:
        kept["id"] = part.local
    if part.holder is not None:
        kept["within"] = [keys[places[part.holder]], part.index]
    if ":" in part.name and part.name != written_as({"kind": kind_of(part.name), "set": {}}, "", ""):
        kept["as"] = part.name
    return kept


def _without_own(resource: Tree) -> Tree:
    """A resource without what the server that keeps it decides: its id, version and time (http: create, update)."""
    out = {name: value for name, value in resource.items() if name != "id"}
    meta = out.get("meta")
    if isinstance(meta, dict):
        out["meta"] = {name: value for name, value in meta.items() if name not in {"versionId", "lastUpdated"}}
        if not out["meta"]:
            del out["meta"]
    return out


def _source_id(document: Tree) -> str:
    """What the sender calls this document: a Bundle's identifier, or the resource and its version."""
    if document["resourceType"] == "Bundle":
        identifier = document.get("identifier")
        named = identifier.get("value") if isinstance(identifier, dict) else None
        return str(named or document.get("id") or "")
    if not isinstance(document.get("id"), str):
        return ""
    version = _version(document)
    name = f"{document['resourceType']}/{document['id']}"
    return f"{name}/_history/{version}" if version else name


def _version(document: Tree) -> str:
    meta = document.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def _with_orders(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Frames in which a result knows its order: HL7 v2 says it of the report that the result stands in."""
    reports = {frame["key"]: frame["set"] for frame in frames if frame["kind"] == "report"}
    return [_with_order(frame, reports) for frame in frames] if reports else frames


def _with_order(frame: Frame, reports: Mapping[str, Mapping[str, Any]]) -> Frame:
    link = frame["set"].get("report") if frame["kind"] == "result" else None
    report = reports.get(link.get("frame", "")) if link else None
    if report is None or "order" in frame["set"]:
        return frame
    order = report.get("order")
    if order is None:
        known = report.get("identifiers", ())
        names = [item for kind in ("placer", "filler") for item in known if item.get("type") == kind]
        order = {"kind": "order", "identifiers": names} if names else None
    return {**frame, "set": {**frame["set"], "order": order}} if order else frame


def _placed(fault: Fault, m: Document) -> Fault:
    """A fault with the FHIRPath of its part instead of the part's place."""
    place, dash, at = fault.place.partition("-")
    path = m.where.get(place)
    return replace(fault, place=f"{path}.{at}" if dash else path) if path else fault


def adapter(
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",
    event_types: Mapping[str, str] | None = None,
    server: str = "",
) -> Adapter:
    """Loads, checks and compiles the tables. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, schemas, overlays, event_types)
    return Adapter(tables, building.leaves(tables), zone, system, server)


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base tables, without a partner's overlay."""
    return adapter()


__all__ = ["Adapter", "Read", "Resolver", "Unparsable", "Unsupported", "adapter", "base"]
