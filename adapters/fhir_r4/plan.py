"""Where each frame goes in a document that is written: an entry, a contained resource, the resource itself.

Frames that came from a document go back to where their residual says they stood; others get a place of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from adapters.fhir_r4.identifiers import RESOURCE
from adapters.fhir_r4.parts import BUNDLE, Part, server_of
from adapters.fhir_r4.pieces import type_of, written_as
from adapters.reading import Unsupported
from canonical_model.identifiers import UNASSIGNED

Frame = Mapping[str, Any]
Tree = dict[str, Any]
Written = tuple[str, Tree, str]
"""Name of a piece, its tree, its frame key (empty for an entry that was kept whole)."""


class Plan:
    """The places of the frames of one document. `names` are the pieces that frames become (see `pieces`)."""

    def __init__(
        self,
        message: str,
        frames: Sequence[Frame],
        known: Collection[str],
        residual: Mapping[str, Any],
        server: str = "",
    ) -> None:
        self.server = server
        self.residual = residual
        self.frames = list(frames)
        names = {f["key"]: written_as(f, message, residual.get(f["key"], {}).get("as", "")) for f in frames}
        self.names = {key: name for key, name in names.items() if name in known}
        self.left_out: list[Frame] = []
        self.ids = _own_ids(frames)
        self.inside: dict[str, tuple[str, int]] = {}
        for key in self.names:
            holder, index = residual.get(key, {}).get("within", ("", 0))
            if holder in self.names:
                self.inside[key] = (holder, int(index))
        self.top = "" if message == BUNDLE else self._one(message)
        head: Mapping[str, Any] = next((frame["set"] for frame in frames if frame["kind"] == "message"), {})
        self.seed = str(head.get("control_id", ""))
        self.references = {key: text for key in self.names if (text := self._reference(key))}
        """Frame key -> the reference text that leads to its resource inside the document."""

    def _one(self, message: str) -> str:
        """The key of the one resource, with everything that it refers to contained and the rest left out."""
        tops = (key for key, name in self.names.items() if type_of(name) == message and key not in self.inside)
        top = next(tops, "")
        if not top:
            raise Unsupported(message, "frames", "no frame is written as such a resource")
        wanted = {top, *(key for key, (holder, _) in self.inside.items() if holder == top)}
        for frame in self.frames:
            if frame["key"] in wanted or frame.get("parent") in wanted:
                wanted.update(key for key in _links(frame["set"]) if key in self.names)
        kept = [frame for frame in self.frames if frame["key"] in wanted or frame.get("parent") in wanted]
        self.left_out = [frame for frame in self.frames if frame not in kept and frame["kind"] != "message"]
        self.frames = [next(frame for frame in kept if frame["key"] == top), *(f for f in kept if f["key"] != top)]
        self.names = {key: name for key, name in self.names.items() if key in wanted}
        for key in self.names.keys() - {top}:
            self.inside.setdefault(key, (top, len(self.names)))
        return top

    def _reference(self, key: str) -> str:
        if key in self.inside:
            return f"#{self._local(key)}"
        if key == self.top:
            return self._self_reference(key)
        kept = self.residual.get(key, {})
        if "entry" not in kept:
            return _made(f"{self.seed}/{key}")
        wrap, tree = kept["entry"], {"id": self.ids[key]} if key in self.ids else {}
        part = Part(self.names[key], tree, "", wrap, kept.get("id", ""), server_of(wrap))
        return next(iter(part.names), "")

    def _self_reference(self, key: str) -> str:
        """What the resource calls itself: by its address where that is on the server that is written to."""
        frame = next(frame for frame in self.frames if frame["key"] == key)
        type_, here = type_of(self.names[key]), {f"{self.server}/{type_of(self.names[key])}", UNASSIGNED}
        known = (i for i in frame["set"].get("identifiers") or () if i.get("type") == RESOURCE and i["system"] in here)
        return next((f"{type_}/{self.ids[key]}" for _ in known), "#")

    def _local(self, key: str) -> str:
        kept = self.residual.get(key, {})
        if "within" in kept:
            return str(kept["id"])
        return f"{type_of(self.names[key]).lower()}-{list(self.names).index(key)}"

    def servers(self) -> dict[str, str]:
        """Per place of `trees.write_pieces` the server that the resource came from, where its entry names one."""
        places = [frame for frame in self.frames if frame["key"] in self.names or frame["kind"] == "message"]
        found = {}
        for number, frame in enumerate(places, 1):
            at = self.inside.get(frame["key"], (frame["key"], 0))[0]
            server = server_of(self.residual.get(at, {}).get("entry") or {})
            if server:
                found[f"{self.names.get(frame['key'], BUNDLE)}[{number}]"] = server
        return found

    def assemble(self, written: Sequence[Written]) -> Tree:
        """The document out of the pieces."""
        by_key = {key: tree for _, tree, key in written if key}
        for key, (holder, index) in sorted(self.inside.items(), key=lambda item: item[1][1]):
            if key in by_key and holder in by_key:
                contained = list(by_key[holder].get("contained", ()))
                contained.insert(index, {**by_key[key], "id": self._local(key)})
                by_key[holder]["contained"] = contained
        if self.top:
            return by_key[self.top]
        bundle: Tree = {"resourceType": BUNDLE}
        bundle = next((tree for name, tree, key in written if name == BUNDLE and key), bundle)
        bundle.setdefault("type", "transaction")
        entries = [
            self._entry(name, tree, key, bundle["type"]) if key else tree
            for name, tree, key in written
            if key not in self.inside and not (name == BUNDLE and key)
        ]
        if entries:
            bundle["entry"] = entries
        return bundle

    def _entry(self, name: str, tree: Tree, key: str, kind: str) -> Tree:
        kept = self.residual.get(key, {})
        if "entry" in kept:
            return {**kept["entry"], "resource": {**tree, "id": kept["id"]} if "id" in kept else tree}
        entry: Tree = {"fullUrl": self.references[key], "resource": tree}
        if kind in {"transaction", "batch"}:
            entry["request"] = _request(type_of(name), tree)
        return entry


def _made(text: str) -> str:
    """A `urn:uuid` made from content (RFC 9562, version 8): the same document is written the same again."""
    digits = sha256(text.encode()).hexdigest()
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def _request(name: str, tree: Tree) -> Tree:
    """How a server is to record a resource that it may have already: a known Patient is never overwritten, everything
    else is updated under its business identifier (http: conditional create and update)."""
    identifiers = (tree.get("requisition"), *tree.get("identifier", ()))
    named = next((item for item in identifiers[1:] if item.get("system")), None)
    if named is None:
        return {"method": "POST", "url": name}
    query = f"identifier={quote(named['system'], safe=':/.')}|{quote(named['value'], safe='')}"
    if name == "Patient":
        return {"method": "POST", "url": name, "ifNoneExist": query}
    return {"method": "PUT", "url": f"{name}?{query}"}


def _own_ids(frames: Sequence[Frame]) -> dict[str, str]:
    """Frame key -> the id of the resource that it was read from; a patient's stands in the identity beside it."""
    found: dict[str, str] = {}
    for frame in frames:
        key = frame["parent"] if frame["kind"] == "identity" and "parent" in frame else frame["key"]
        for identifier in frame["set"].get("identifiers") or ():
            if identifier.get("type") == RESOURCE:
                value = str(identifier["value"])
                found.setdefault(key, value.rpartition("/")[2] if identifier["system"] == UNASSIGNED else value)
    return found


def _links(value: Any) -> Iterator[str]:
    """Keys of the frames that a value refers to."""
    if isinstance(value, Mapping):
        if set(value) == {"frame"}:
            yield value["frame"]
        else:
            for inner in value.values():
                yield from _links(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _links(inner)
