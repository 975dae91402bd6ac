"""An EPCIS document as a plain tree, opened into its head and its events, and closed again. Knows no syntax.

The tree has the shape of EPCIS 2.0 JSON-LD. A JSON null stands as a mark, because the tables take absent for null; a
prefix that the sender bound to a namespace of ours stands as our own prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.reading import Unparsable, Unsupported
from canonical_model import BASE

Tree = dict[str, Any]

EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
LISTS = {
    "EPCISDocument": ("epcisBody", "eventList"),
    "EPCISQueryDocument": ("epcisBody", "queryResults", "resultsBody", "eventList"),
}
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACE = f"{BASE}/ns/epcis/"
"""Namespace of the hub's own extensions (`cgt:coi`, `cgt:din`)."""
OURS = {"cgt": NAMESPACE, "cbvmda": "urn:epcglobal:cbv:mda"}
"""Prefixes that the tables know, and the namespace of each."""

NULL = {"#null": "null"}
"""How a null of JSON stands in a tree. Keys that begin with `#` are ours: a sender's own are doubled."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document taken apart: what it says of itself, its events, and where they stood (nowhere: a bare event)."""

    head: Tree
    events: list[Any]
    path: tuple[str, ...]


def opened(tree: Any) -> Document:
    """The head and the events of a document. Raises Unparsable or Unsupported."""
    if not isinstance(tree, dict):
        raise Unparsable("epcis-shape", "body", "send an EPCISDocument, an EPCISQueryDocument or an event")
    kind = tree.get("type")
    if isinstance(kind, str) and kind not in LISTS and ("eventTime" in tree or "#xml" in tree):
        return Document({}, [tree], ())
    if not isinstance(kind, str) or kind not in LISTS:
        raise Unsupported("", "type", f"send one of: {', '.join(sorted(LISTS))}, or an event with its eventTime")
    path = LISTS[kind]
    head: Tree = dict(tree)
    node = head
    for step in path[:-1]:
        inner = node.get(step)
        if not isinstance(inner, dict):
            raise Unparsable("epcis-shape", ".".join(path), f"{kind} has {step} as an object")
        node[step] = node = dict(inner)
    events = node.pop(path[-1], None)
    if not isinstance(events, list):
        raise Unparsable("epcis-shape", ".".join(path), f"{kind} has its events in a list")
    return Document(head, events, path)


def closed(document: Document) -> Tree:
    """The inverse of `opened`."""
    if not document.path:
        return document.events[0]  # type: ignore[no-any-return]
    node = document.head
    for step in document.path[:-1]:
        node = node.setdefault(step, {})
    node[document.path[-1]] = document.events
    return document.head


# ---- nulls and prefixes ---------------------------------------------------------------------------------------


def marked(value: Any) -> Any:
    """The value with every null as a mark, and no key of the sender's that could be taken for one of ours."""
    if value is None:
        return dict(NULL)
    if isinstance(value, dict):
        return {f"#{key}" if key.startswith("#") else key: marked(item) for key, item in value.items()}
    return [marked(item) for item in value] if isinstance(value, list) else value


def unmarked(value: Any) -> Any:
    """The inverse of `marked`."""
    if isinstance(value, dict):
        return None if value == NULL else {key.removeprefix("#"): unmarked(item) for key, item in value.items()}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def prefixes(context: Any) -> dict[str, str]:
    """Prefix -> namespace, as a JSON-LD context binds them."""
    bound: dict[str, str] = {}
    for entry in context if isinstance(context, list) else [context]:
        if isinstance(entry, dict):
            bound.update({k: v for k, v in entry.items() if isinstance(v, str) and not k.startswith("@")})
    return bound


def aliases(bound: Mapping[str, str]) -> dict[str, str]:
    """The sender's prefixes for namespaces of ours -> our prefix, where they differ and ours is free."""
    found = {}
    for ours, namespace in OURS.items():
        theirs = [p for p, uri in bound.items() if uri.rstrip("/:#") == namespace.rstrip("/:#")]
        if theirs and ours not in theirs and ours not in bound:
            found[theirs[0]] = ours
    return found


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The value with the prefixes of its keys replaced."""
    if isinstance(value, dict):
        return {_renamed(key, names): renamed(item, names) for key, item in value.items()}
    return [renamed(item, names) for item in value] if isinstance(value, list) else value


def _renamed(key: str, names: Mapping[str, str]) -> str:
    prefix, colon, local = key.partition(":")
    return f"{names[prefix]}:{local}" if colon and prefix in names else key


def mentions(value: Any, prefix: str) -> bool:
    """True when a key of the tree has the prefix."""
    if isinstance(value, dict):
        return any(key.startswith(f"{prefix}:") or mentions(item, prefix) for key, item in value.items())
    return isinstance(value, list) and any(mentions(item, prefix) for item in value)


def with_context(head: Tree) -> Tree:
    """The head with a context that binds what the document uses, in the order in which people read it."""
    context = head.get("@context", [CONTEXT])
    if mentions(head, "cgt") and "cgt" not in prefixes(context):
        context = [*(context if isinstance(context, list) else [context]), {"cgt": NAMESPACE}]
    return {"@context": context, **{key: value for key, value in head.items() if key != "@context"}}


def ordered(keys: Iterable[str], standard: Mapping[str, int]) -> list[str]:
    """Keys in the order of a schema, then the others as they stand."""
    return sorted(keys, key=lambda key: standard.get(key, len(standard)))
