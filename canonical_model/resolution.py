"""Which order an item belongs to: every key that it bears is tried, the strongest first, and all found must agree.

Pure, over an index of names. Names of people and dates of birth are no keys, and the number of a
patient alone leaves the match weak: it shows where to look, and satisfies neither I-1 nor I-7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from canonical_model.catalogue import MAIN_NAMES
from canonical_model.identifiers import KINDS, UNASSIGNED, Identifier, known, parts
from canonical_model.ids import COI_SYSTEM, WEAK_TYPES, Key, name_key
from canonical_model.journey import Journey
from canonical_model.scans import Scan, is_scan, read_scan

Step = Literal["coi", "number", "container", "lot", "shipment", "appointment", "record", "person", "class"]
"""What sort of key found something, the strongest first."""
STEPS: tuple[Step, ...] = ("coi", "number", "container", "lot", "shipment", "appointment", "record", "person", "class")
WEAK = frozenset({"person", "class"})
"""Keys that several orders share by their nature: a patient's number, a label's lot number or product."""
_STEP_OF: Mapping[str, Step] = {
    "container": "container",
    "collection": "container",
    "material": "lot",
    "batch": "lot",
    "shipment": "shipment",
    "appointment": "appointment",
    "subject": "person",
}
ENDED = frozenset({"closed", "cancelled", "rejected", "failed"})
"""States of an order to which nothing is added on the strength of its patient's number."""

Verdict = Literal["found", "several", "disagreement", "unlinked"]


class Known(NamedTuple):
    """What an index knows of an order."""

    names: frozenset[Key]
    active: bool = True
    products: frozenset[str] = frozenset()
    """Codes of the product that it asks for, and the Protocol that it names."""


class Index(Protocol):
    """What a resolution looks up. Orders go by whatever ids the index has for them."""

    def orders_above(self, key: Key) -> Collection[str]:
        """The orders that a name leads to, through whatever records; none where nobody knows the name."""
        ...

    def spelt(self, kind: str, value: str) -> Collection[Key]:
        """The names of a kind of record that have this value, in whatever system."""
        ...

    def order(self, order: str) -> Known:
        """What is known of an order."""
        ...


@dataclass(frozen=True, slots=True)
class Memory:
    """An index in memory: orders by id, and names of other records with the orders that they lead to."""

    orders: Mapping[str, Known]
    names: Mapping[Key, Collection[str]] = field(default_factory=dict)

    def orders_above(self, key: Key) -> Collection[str]:
        return {*self.names.get(key, ()), *(order for order, known_ in self.orders.items() if key in known_.names)}

    def spelt(self, kind: str, value: str) -> Collection[Key]:
        return {key for key in self.names if key[0] == kind and key[2] == value}

    def order(self, order: str) -> Known:
        return self.orders[order]


def known_of(journey: Journey) -> Known:
    """What a journey knows of its own order."""
    order = journey.order
    codes = {coding["code"] for coding in (order.fields.get("service") or {}).get("codings", ()) if coding.get("code")}
    return Known(
        journey.names, order.state not in ENDED, frozenset({*codes, order.fields.get("protocol") or ""} - {""})
    )


@dataclass(frozen=True, slots=True)
class Match:
    """What one key found."""

    step: Step
    key: Key
    orders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the keys of an item come to.

    `found`: one order. `several`: the keys agree on more than one, such as a shipper with the bags of two.
    `disagreement`: keys name different orders, or one that is found goes by another number than a key says; `orders`
    are all that are named: each gets a critical Issue, and what happened is kept with those of the scanned `container`.
    `unlinked`: nothing, or too many, fit; it waits under its identifiers.
    """

    verdict: Verdict
    orders: tuple[str, ...]
    weak: bool
    matches: tuple[Match, ...]
    """Keys that found something, the strongest first."""
    unknown: tuple[Key, ...]
    """Keys that nobody knows yet."""
    contradicted: tuple[Key, ...] = ()
    """Of the unknown keys, those in whose place a found order has another."""

    @property
    def identifies(self) -> bool:
        """True when the item is this order's for sure, so that it can count for I-1 and I-7."""
        return self.verdict == "found" and not self.weak

    @property
    def container(self) -> tuple[str, ...]:
        """The orders of the scanned container; where none was scanned, of the strongest key."""
        scanned = [match for match in self.matches if match.step == "container"] or self.matches[:1]
        return tuple(sorted({order for match in scanned for order in match.orders}))


class _Sought(NamedTuple):
    step: Step
    key: Key
    main: bool
    """True for a name of which an order has one in each system: a placer's number, a chain-of-identity identifier."""


def resolve(
    index: Index, refs: Iterable[Mapping[str, Any]] = (), scans: Iterable[Scan] = (), products: Collection[str] = ()
) -> Resolution:
    """The order that some references and scanned labels belong to.

    `refs`: `{kind, identifiers}` of what an item names as its own; a person by tokens or numbers with their assigner.
    Lots of reagents, which many orders share, are none of them. `products`: codes of the product or Protocol that the
    item tells, to choose among the orders of one patient.

    >>> P1 = {"kind": "order", "identifiers": [{"system": "urn:mercy", "value": "P1", "type": "placer"}]}
    >>> resolve(Memory({"journey-1": Known(frozenset({("order", "urn:mercy", "P1")}))}), [P1]).orders
    ('journey-1',)
    """
    scans = list(scans)
    sought = sorted({*_of_refs(index, refs), *_of_scans(index, scans)}, key=lambda s: (STEPS.index(s.step), s))
    told = {*products, *(str(scan.attributes["protocol"]) for scan in scans if "protocol" in scan.attributes)}
    matches = [Match(s.step, s.key, frozenset(index.orders_above(s.key))) for s in sought]
    found = tuple(match for match in matches if match.orders)
    lost = [s for s, match in zip(sought, matches, strict=True) if not match.orders]
    strong = [match for match in found if match.step not in WEAK]
    judge = _strong if strong else _weak
    verdict, orders, weak, contradicted = judge(index, found, lost, told)
    unknown = tuple(s.key for s in lost)
    return Resolution(verdict, tuple(sorted(orders)), weak, found, unknown, contradicted)


# ---- judging ----------------------------------------------------------------------------------------------------

_Judged = tuple[Verdict, frozenset[str], bool, tuple[Key, ...]]


def _strong(index: Index, found: Iterable[Match], lost: list[_Sought], told: Collection[str]) -> _Judged:
    """Where a strong key found something: all must agree, the patient's number with them; lots may only narrow."""
    strong = [match.orders for match in found if match.step not in WEAK]
    persons = [match.orders for match in found if match.step == "person"]
    common = frozenset.intersection(*strong)
    named = frozenset.union(*strong, *persons)
    if not common or any(not common & orders for orders in persons):
        return "disagreement", named, False, ()
    others = _contradicted(index, common, [s for s in lost if s.main])
    if others:
        return "disagreement", common, False, others
    if len(common) == 1:
        return "found", common, False, ()
    narrowed = _fitting(index, frozenset.intersection(common, *persons), told)
    if persons and len(narrowed) == 1:
        return "found", narrowed, True, ()
    return "several", common, False, ()


def _weak(index: Index, found: Iterable[Match], lost: list[_Sought], told: Collection[str]) -> _Judged:
    """Where only weak keys found something: exactly one active order has to fit, and no number may speak against it."""
    persons = [match.orders for match in found if match.step == "person"]
    common = frozenset.intersection(*persons) if persons else frozenset()
    if persons and not common:
        return "disagreement", frozenset.union(*persons), True, ()
    if not persons:
        classes = [match.orders for match in found]
        common = frozenset.intersection(*classes) if classes else frozenset()
    fitting = _fitting(index, common, told)
    numbers = [s for s in lost if s.step in {"coi", "number"}]
    others = _contradicted(index, fitting, numbers)
    if len(fitting) == 1 and not others:
        return "found", fitting, True, ()
    return "unlinked", frozenset(), True, others


def _fitting(index: Index, orders: Iterable[str], told: Collection[str]) -> frozenset[str]:
    """The orders to which something may still be added, of the told product where one is told."""
    kept = ((order, index.order(order)) for order in orders)
    return frozenset(order for order, of in kept if of.active and (not told or of.products & set(told)))


def _contradicted(index: Index, orders: Iterable[str], lost: Iterable[_Sought]) -> tuple[Key, ...]:
    """The unknown names of an order in whose system one of these orders has another name."""
    systems = {key[1] for order in orders for key in index.order(order).names}
    return tuple(s.key for s in lost if s.key[0] == "order" and s.key[1] in systems)


# ---- keys -------------------------------------------------------------------------------------------------------


def _of_refs(index: Index, refs: Iterable[Mapping[str, Any]]) -> Iterator[_Sought]:
    """Keys of references. A value that only a scanner sends tells all that its label does."""
    for ref in refs:
        for identifier in ref["identifiers"]:
            if is_scan(identifier["value"]):
                yield from _of_scans(index, [read_scan(identifier["value"])])
            else:
                yield from _keys(ref["kind"], identifier)


def _of_scans(index: Index, scans: Iterable[Scan]) -> Iterator[_Sought]:
    """Keys of labels. Personal data of a label is none of them; a text without structure may be a bag's barcode."""
    for scan in scans:
        for identifier in scan.identifiers:
            kind = KINDS.get(identifier.get("type", ""))
            yield from _keys(kind.names[0] if kind else "container", identifier)
        for identifier in scan.classes:
            yield _Sought("class", name_key("material", identifier), main=False)
        if scan.form == "text":
            spelt = index.spelt("container", scan.text.strip())
            yield from (_Sought("container", key, main=False) for key in spelt if len(spelt) == 1)


def _keys(kind: str, identifier: Mapping[str, Any]) -> Iterator[_Sought]:
    """The keys that one name of a record is, with the donation that a container's name tells."""
    key = name_key(kind, identifier)
    if identifier.get("type") in WEAK_TYPES or (key[1] == UNASSIGNED and kind in {"order", "subject"}):
        return
    step, main = _STEP_OF.get(kind, "record"), False
    if kind == "order":
        chain = identifier.get("type") == "coi" or key[1] == COI_SYSTEM
        step, main = "coi" if chain else "number", chain or identifier.get("type") == MAIN_NAMES["order"]
    yield _Sought(step, key, main)
    if kind == "container" and (din := _din(identifier)):
        yield _Sought("container", name_key("collection", din), main=False)


def _din(identifier: Mapping[str, Any]) -> Identifier | None:
    """The donation identification number inside a container's name (MPHO unique identifier; DIN, product, division)."""
    told = {name: str(identifier[name]) for name in ("system", "value", "type") if name in identifier}
    din = parts(known(told)).get("din")
    return {"system": KINDS["din"].system, "value": din, "type": "din"} if din else None


__all__ = ["STEPS", "Index", "Known", "Match", "Memory", "Resolution", "known_of", "resolve"]
