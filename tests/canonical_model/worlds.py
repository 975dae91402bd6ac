"""Generated journeys for property tests: two orders, several containers, ties, coarse times, claims, corrections."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from canonical_model.catalogue import EVENTS, ROLES, STATES
from tests.canonical_model.facts import (
    APHERESIS,
    BATCH,
    COI,
    COURIER,
    DECISION,
    DONATION,
    LOT,
    MAKER,
    ORDER,
    OTHER,
    OUTBOUND,
    PATIENT,
    SITE,
    STRANGER,
    Fact,
    Ref,
    fact,
    ref,
    when,
)

PARTNERS = ("mercy", "cdmo", "courier", "lab")
PARTIES = (APHERESIS, COURIER, MAKER, SITE)
TIMES = (
    *("2026-03-08", "2026-03-09", "2026-03-08T09", "2026-03"),
    *("2026-03-08T09:00", "2026-03-08T09:00:00", "2026-03-08T09:05:00", "2026-03-08T10:00:00", "2026-03-08T23:00:00"),
    *("2026-03-09T00:00:00", "2026-03-09T08:00:00", "2026-03-12T08:00:00"),
)
DIGITS = st.sampled_from(("A", "B", "C"))


@st.composite
def containers(draw: st.DrawFn) -> Ref:
    """A container under one or two of its names, in either order: names join late, and a wrong bag is among them."""
    names = draw(st.lists(st.sampled_from(("BAG-1", "BAG-2", "DIN-1", "X-9")), min_size=1, max_size=2, unique=True))
    return ref("container", *names)


@st.composite
def orders(draw: st.DrawFn) -> Ref:
    """This order or the other one, under some of its names."""
    whole = draw(st.sampled_from((ORDER, ORDER, ORDER, OTHER)))
    kept = draw(st.lists(st.sampled_from(whole["identifiers"]), min_size=1, max_size=2, unique_by=lambda i: i["value"]))
    extra = draw(st.sampled_from(((), ({"system": "urn:lab:order", "value": "F1", "type": "filler"},))))
    shared = draw(st.sampled_from(((), ({"system": "urn:mercy:group", "value": "G1", "type": "group"},))))
    return {"kind": "order", "identifiers": [*kept, *extra, *shared]}


def _about(kind: str) -> st.SearchStrategy[Ref]:
    fixed: dict[str, tuple[Ref, ...]] = {
        "subject": (PATIENT, STRANGER),
        "collection": (DONATION, ref("collection", "A99992612345601", type_="din")),
        "batch": (BATCH,),
        "disposition": (DECISION, ref("disposition", "D-2")),
        "shipment": (OUTBOUND,),
        "material": (LOT,),
    }
    if kind == "container":
        return containers()
    if kind == "order":
        return orders()
    return st.sampled_from(fixed.get(kind, (ref(kind, "1"), ref(kind, "2"))))


VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "order": {
        "patient": st.sampled_from((PATIENT, STRANGER)),
        "service": st.just({"codings": [{"code": "AXI-CEL"}]}),
        "priority": DIGITS,
    },
    "subject": {"deceased": st.booleans(), "sex": st.sampled_from(("female", "male"))},
    "consent": {"status": st.sampled_from(STATES["consent"]), "scope": st.just(["treatment"])},
    "container": {
        "order": orders(),
        "holder": st.sampled_from(PARTIES),
        "giver": st.sampled_from(PARTIES),
        "taker": st.sampled_from(PARTIES),
        "location": st.fixed_dictionaries({"name": DIGITS}),
        "label": st.sampled_from(
            ({"coi": {"system": "x", "value": COI}}, {"lot": "L"}, {"coi": {"system": "x", "value": "Z"}})
        ),
        "batch": st.just(BATCH),
        "material": st.just(LOT),
    },
    "collection": {
        "order": orders(),
        "donor": st.sampled_from((PATIENT, STRANGER)),
        "attempt": st.sampled_from((1, 2)),
    },
    "batch": {"order": orders(), "inputs": st.lists(containers(), max_size=2), "attempt": st.sampled_from((1, 2))},
    "shipment": {
        "contents": st.lists(containers(), max_size=2),
        "removed": st.lists(containers(), max_size=1),
        "giver": st.sampled_from(PARTIES),
        "taker": st.sampled_from(PARTIES),
        "consignee": st.sampled_from(PARTIES),
    },
    "result": {
        "criterion": st.sampled_from(("viability", "sterility")),
        "evaluation": st.sampled_from(("in", "out")),
        "status": st.sampled_from(("final", "preliminary")),
        "material": st.just(LOT),
    },
    "disposition": {
        "decision": st.sampled_from(("released", "quarantined", "rejected")),
        "material": st.just(LOT),
        "batch": st.just(BATCH),
    },
    "material": {"expires_at": st.sampled_from(TIMES).map(when), "batch": st.just(BATCH)},
    "administration": {"containers": st.lists(containers(), min_size=1, max_size=2)},
    "verification": {
        "containers": st.lists(containers(), min_size=1, max_size=1),
        "result": st.sampled_from(("match", "mismatch")),
    },
    "readings": {
        "shipment": st.just(OUTBOUND),
        "quantity": st.just("temperature"),
        "unit": st.just("Cel"),
        "points": st.lists(
            st.fixed_dictionaries(
                {"seconds": st.sampled_from(("0", "600", "90000")), "value": st.sampled_from(("4", "12"))}
            ),
            max_size=3,
        ),
    },
    "appointment": {"status": st.sampled_from(("booked", "done"))},
}
CLEARED = {"order": "priority", "container": "location", "subject": "sex", "shipment": "consignee", "batch": "inputs"}
TYPES = sorted(t for t, row in EVENTS.items() if row.about in VALUES or t in {"record.amended", "issue.resolved"})


@st.composite
def worlds(draw: st.DrawFn, max_facts: int = 16) -> list[Fact]:
    """Facts of one and another order, in the order of their telling; later ones may correct earlier ones."""
    told: list[Fact] = []
    for number in range(draw(st.integers(1, max_facts))):
        type_ = draw(st.sampled_from(TYPES))
        kind = EVENTS[type_].about or draw(st.sampled_from(("order", "container", "disposition")))
        fields = VALUES.get(kind, {})
        chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True)) if fields else []
        values = {field: draw(fields[field]) for field in chosen}
        if type_ == "subject.merged":
            values["retired"] = STRANGER["identifiers"]
        clears = CLEARED.get(kind)
        clear = (
            (draw(st.sampled_from(("", "?"))) + clears,)
            if clears and clears not in values and draw(st.booleans())
            else ()
        )
        above = draw(st.lists(st.sampled_from(told), max_size=2, unique_by=lambda e: e["id"])) if told else []
        role = draw(st.sampled_from(("", "", "", *ROLES)))
        told.append(
            fact(
                type_,
                draw(_about(kind)),
                draw(st.sampled_from(TIMES)),
                by=draw(st.sampled_from(PARTNERS)),
                role=role,
                clear=clear,
                supersedes=tuple(above) if draw(st.integers(0, 3)) == 0 else (),
                ordinal=draw(st.sampled_from(("1", "2"))),
                source=f"m{number}",
                **values,
            )
        )
    return told


@st.composite
def told_twice(draw: st.DrawFn, max_facts: int = 16) -> tuple[list[Fact], list[Fact]]:
    """A world, and the same facts in another order, some of them again."""
    facts = draw(worlds(max_facts))
    again = draw(st.lists(st.sampled_from(facts), max_size=4))
    return facts, draw(st.permutations([*facts, *again]))
