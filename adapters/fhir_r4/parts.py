"""A FHIR document taken apart into resources, and put together again. Reads no resource: see the tables.

A part is one resource that a table reads. What stands around it (its entry's `fullUrl` and `request`) is its wrap; a
contained resource of a kind that tables read is a part of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.fhir_r4.pieces import type_of as type_of_piece
from adapters.reading import Unparsable, Unsupported

Tree = dict[str, Any]

BUNDLE = "Bundle"
ENTRY = "Bundle.entry"
CONTAINED = "contained"
Namer = Callable[[Mapping[str, Any]], str]
"""Gives the name of the piece that a resource is."""
BUNDLES = frozenset({"transaction", "batch", "collection"})
_SERVER = re.compile(r"(https?://\S+)/[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}", re.ASCII)


@dataclass(slots=True)
class Part:
    """One piece of a document: its name (see `pieces`), tree and FHIRPath.

    An entry that no table reads is kept whole as `ENTRY`.
    """

    name: str
    tree: Tree
    path: str
    wrap: Tree | None = None
    local: str = ""
    """The id that only the document knows this part by; it is not in the tree."""
    server: str = ""
    holder: int | None = None
    """Number of the part that contains this one, and where in its list."""
    index: int = 0

    def kept(self) -> Iterator[tuple[str, Tree]]:
        """What stands around the part, as pieces for the account."""
        if self.wrap is not None:
            yield ENTRY, self.wrap
        if self.local:
            yield CONTAINED if self.holder is not None else f"{ENTRY}.resource", {"id": self.local}

    @property
    def type(self) -> str:
        """The type of the resource."""
        return type_of_piece(self.name)

    @property
    def names(self) -> list[str]:
        """The reference texts that lead to this part inside its document; the first is the one that is written."""
        if self.holder is not None:
            return [f"#{self.local}"]
        url = (self.wrap or {}).get("fullUrl")
        id_ = self.tree.get("id") or self.local
        relative = [f"{self.type}/{id_}"] if isinstance(id_, str) and id_ else []
        if not isinstance(url, str):
            return relative
        return [*relative, url] if self.server else [url, *relative]


def take_apart(document: Any, known: Collection[str], name_of: Namer) -> list[Part]:
    """Parts of a resource or Bundle, the first one being the resource itself or the Bundle without its entries.

    `known` are the types that tables read; `name_of` names the piece that a resource is.
    Raises Unparsable (not a resource) or Unsupported (no table, other Bundle).
    """
    type_ = type_of(document)
    if type_ != BUNDLE:
        if type_ not in known:
            raise Unsupported(type_, "resourceType", f"send one of: {', '.join(sorted(known))}")
        parts: list[Part] = []
        _add_resource(parts, Part(name_of(document), document, type_), known, name_of)
        return parts
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in BUNDLES:
        named = f"{BUNDLE} {kind}" if isinstance(kind, str) and kind.isalpha() else BUNDLE
        raise Unsupported(named, "Bundle.type", f"send a Bundle of type: {', '.join(sorted(BUNDLES))}")
    entries = document.get("entry", [])
    if not isinstance(entries, list):
        raise Unparsable("fhir-shape", "Bundle.entry", "a list is expected here")
    shell = {name: value for name, value in document.items() if name != "entry"}
    if entries == [] and "entry" in document:
        shell["entry"] = []
    parts = [Part(BUNDLE, shell, BUNDLE)]
    for index, entry in enumerate(entries):
        _add_entry(parts, entry, f"Bundle.entry[{index}]", known, name_of)
    return parts


def type_of(resource: Any) -> str:
    """The type of a resource. Raises Unparsable where it has none."""
    found = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(found, str) or not re.fullmatch(r"[A-Z][A-Za-z]{2,63}", found):
        raise Unparsable("fhir-shape", "resourceType", "send one FHIR resource as a JSON object with its resourceType")
    return found


def _add_entry(parts: list[Part], entry: Any, path: str, known: Collection[str], name_of: Namer) -> None:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    type_ = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(resource, dict) or not isinstance(type_, str) or type_ not in known or type_ == BUNDLE:
        parts.append(Part(ENTRY, entry, path))
        return
    wrap = {name: value for name, value in entry.items() if name != "resource"}
    holder = Part(name_of(resource), resource, f"{path}.resource", wrap, server=server_of(wrap))
    if _is_local(wrap) and isinstance(resource.get("id"), str) and resource["id"]:
        holder.tree = {name: value for name, value in resource.items() if name != "id"}
        holder.local = resource["id"]
    _add_resource(parts, holder, known, name_of)


def server_of(wrap: Mapping[str, Any]) -> str:
    """Address of the server that an entry's `fullUrl` names, or an empty text."""
    url = wrap.get("fullUrl")
    found = _SERVER.fullmatch(url) if isinstance(url, str) else None
    return found[1] if found else ""


def _is_local(wrap: Mapping[str, Any]) -> bool:
    """True where an id is the document's own: the resource is new, or known by a `urn:` only (bundle: resolving)."""
    request = wrap.get("request")
    method = request.get("method") if isinstance(request, dict) else None
    url = wrap.get("fullUrl")
    return method == "POST" or (isinstance(url, str) and url.startswith("urn:"))


def _add_resource(parts: list[Part], holder: Part, known: Collection[str], name_of: Namer) -> None:
    """Adds a resource and, each as a part of its own, the resources it contains that tables read."""
    parts.append(holder)
    number = len(parts) - 1
    contained = holder.tree.get("contained")
    if not isinstance(contained, list):
        return
    kept = []
    for index, inner in enumerate(contained):
        if _is_part(inner, known):
            tree = {name: value for name, value in inner.items() if name != "id"}
            path = f"{holder.path}.contained[{index}]"
            parts.append(Part(name_of(inner), tree, path, None, inner["id"], holder.server, number, index))
        else:
            kept.append(inner)
    if len(kept) < len(contained):
        holder.tree = {name: value for name, value in holder.tree.items() if name != "contained"}
        if kept:
            holder.tree["contained"] = kept


def _is_part(inner: Any, known: Collection[str]) -> bool:
    return (
        isinstance(inner, dict)
        and isinstance(inner.get("resourceType"), str)
        and inner["resourceType"] in known
        and inner["resourceType"] != BUNDLE
        and isinstance(inner.get("id"), str)
        and inner["id"] != ""
        and not inner.get("contained")
    )
