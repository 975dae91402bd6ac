"""The chain of identity of a report: what ties names together, who checked them, which persons were merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical_model.journey import EventDict, is_ref
from hub.reports.reader import Order
from hub.reports.shape import Binding, IdentityChain, Merge, Verification

MANY = frozenset({"result", "readings", "report"})
"""Kinds of which an order has many that are tied to the same things: told once for each other record."""
APART = frozenset({"issue", "document", "party", "location", "device", "message", "qualification", "verification"})
"""Kinds whose names say nothing of whose something is."""
PLACES = frozenset({"party", "location", "device", "document", "issue"})
"""Records that a reference to binds nothing to a patient."""


def identity(order: Order) -> IdentityChain:
    """The chain of identity."""
    return IdentityChain(
        bindings=tuple(_bindings(order)),
        verifications=tuple(_verifications(order)),
        merges=tuple(_merges(order)),
    )


def _bindings(order: Order) -> Iterator[Binding]:
    found: dict[tuple[str, ...], tuple[dict[str, Any], list[EventDict]]] = {}
    for event in order.facts:
        if event["about"]["kind"] not in APART:
            for key, binding in _of_fact(order, event):
                found.setdefault(key, (binding, []))[1].append(event)
    for binding, events in found.values():
        yield Binding.model_validate({**binding, "told": _told(order, events)})


def _told(order: Order, events: list[EventDict]) -> tuple[Any, ...]:
    """The first statement of each partner in each message: a repeat says nothing new."""
    first: dict[tuple[str, str], EventDict] = {}
    for event in events:
        first.setdefault((event["reporter"]["partner"], event["source_id"]), event)
    return tuple(order.source(event) for event in first.values())


def _of_fact(order: Order, event: EventDict) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The bindings that one fact states, each with what makes it the same when it is stated again."""
    about, kind = event["about"], event["about"]["kind"]
    own = "" if kind in MANY else order.state.name_of(about)
    names = sorted(f"{i['system']}|{i['value']}" for i in about["identifiers"])
    if len(names) > 1 and kind not in MANY:
        yield (kind, own, "", *names), {"record": about}
    for path, to in _refs(order.values(event), ""):
        if to["kind"] not in PLACES:
            yield (kind, own, path, to["kind"], order.state.name_of(to)), {"record": about, "field": path, "to": to}


def _refs(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """References inside a value, each with the field that holds it; a chain-of-identity identifier names an order."""
    if isinstance(value, list):
        for item in value:
            yield from _refs(item, path)
    elif is_ref(value):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            at = f"{path}.{name}" if path else name
            if name == "coi" and isinstance(inner, Mapping) and {"system", "value"} <= inner.keys():
                yield at, {"kind": "order", "identifiers": [dict(inner)]}
            else:
                yield from _refs(inner, at)


def _verifications(order: Order) -> Iterator[Verification]:
    for event in order.facts:
        if event["about"]["kind"] == "verification":
            said = order.values(event)
            yield Verification.model_validate(
                {
                    "result": said.get("result", ""),
                    "method": said.get("method", ""),
                    "people": tuple(said.get("people", ())),
                    "patient": said.get("patient"),
                    "containers": tuple(said.get("containers", ())),
                    "told": order.source(event),
                }
            )


def _merges(order: Order) -> Iterator[Merge]:
    for event in order.facts:
        if event["type"] in {"subject.merged", "subject.unmerged"}:
            retired = order.values(event).get("retired", ())
            yield Merge.model_validate(
                {"subject": event["about"], "retired": tuple(retired), "told": order.source(event)}
            )
