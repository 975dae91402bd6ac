"""Facts in few words, for tests: real events of the log, each valid by the model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from canonical_model.catalogue import EVENTS
from canonical_model.fold import fold
from canonical_model.ids import event_id
from canonical_model.journey import Journey, comparable
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.rules import Check, Finding, check
from canonical_model.values import LOCAL_LENGTHS, instant_text

Fact = dict[str, Any]
Ref = dict[str, Any]

NOW = datetime(2026, 3, 20, tzinfo=UTC)
COI = "CHA999926000012"


def ref(kind: str, *values: str, system: str = "", type_: str = "") -> Ref:
    """A reference by one or more names of one system."""
    named = [{"system": system or f"urn:test:{kind}", "value": value} for value in values]
    return {"kind": kind, "identifiers": [{**i, "type": type_} if type_ else i for i in named]}


ORDER: Ref = {
    "kind": "order",
    "identifiers": [
        {"system": "urn:mercy:order", "value": "P1", "type": "placer"},
        {"system": "urn:sponsor:coi", "value": COI, "type": "coi"},
    ],
}
OTHER: Ref = {
    "kind": "order",
    "identifiers": [
        {"system": "urn:mercy:order", "value": "P2", "type": "placer"},
        {"system": "urn:sponsor:coi", "value": "CHA999926000099", "type": "coi"},
    ],
}
PATIENT, STRANGER = ref("subject", "token-1"), ref("subject", "token-2")
BAG, BAG_2, PRODUCT, PRODUCT_2 = (ref("container", name) for name in ("BAG-1", "BAG-2", "DOSE-1", "DOSE-2"))
DONATION = ref("collection", "A99992612345600", type_="din")
LOT, LOT_2 = ref("material", "LOT-1"), ref("material", "LOT-2")
BATCH, BATCH_2 = ref("batch", "B-1"), ref("batch", "B-2")
OUTBOUND, RETURN = ref("shipment", "S-OUT"), ref("shipment", "S-BACK")
DECISION = ref("disposition", "D-1")
APHERESIS, COURIER, MAKER, SITE = (ref("party", name) for name in ("apheresis", "courier", "cdmo", "site"))
NAMES = [("order", "urn:mercy:order", "P1")]


def short(party: Ref) -> str:
    """Short name of a party."""
    return f"{party['identifiers'][0]['system']}|{party['identifiers'][0]['value']}"


def when(text: str) -> dict[str, Any]:
    """A When in UTC from as much of an ISO text as is known: `2026-03-08` is a day."""
    local = text.removesuffix("Z")
    precision = LOCAL_LENGTHS.get(len(local), "fraction")
    full = local + "0001-01-01T00:00:00"[len(local) :] if len(local) < 19 else local
    at = instant_text(datetime.fromisoformat(full).replace(tzinfo=UTC))
    return {"at": at, "local": local, "zone": "Z", "precision": precision}


def fact(
    type_: str,
    about: Ref,
    at: str = "2026-03-08T10:00:00",
    *,
    by: str = "mercy",
    role: str = "",
    clear: tuple[str, ...] = (),
    supersedes: tuple[Fact, ...] = (),
    ordinal: str = "1",
    source: str = "m1",
    recorded: str = "",
    **values: Any,
) -> Fact:
    """One event. The role is the first whose word counts, unless one is given; the rest of `values` is what it sets."""
    occurred = when(at)
    above = [event["id"] for event in supersedes]
    return {
        "v": 1,
        "id": event_id(by, source, ordinal, "f", type_, about, [values, clear, occurred, above, role]),
        "type": type_,
        "about": about,
        "set": values,
        "clear": list(clear),
        "occurred": occurred,
        "recorded": recorded or occurred["at"],
        "reporter": {"partner": by, "role": role or EVENTS[type_].roles[0]},
        "source_id": source,
        "ordinal": ordinal,
        "frame": "f",
        **({"supersedes": above} if above else {}),
    }


def journey(*facts: Fact, names: list[tuple[str, str, str]] | None = None) -> Journey:
    """The fold of some facts for the order P1."""
    return fold(NAMES if names is None else names, facts)


def plain(*facts: Fact) -> dict[str, Any]:
    """What of the fold and its findings must not depend on the order of arrival."""
    state = journey(*facts)
    return comparable(state, check(state, DEFAULT_PROTOCOLS, NOW).findings)


def checked(*facts: Fact, now: datetime = NOW, protocols: dict[str, Protocol] | None = None) -> Check:
    """What the rules say of some facts."""
    return check(journey(*facts), protocols or DEFAULT_PROTOCOLS, now)


def findings(*facts: Fact, now: datetime = NOW, rule: str = "", kind: str = "") -> list[Finding]:
    """Findings of some facts, of one rule or kind where asked."""
    found = checked(*facts, now=now).findings
    return [f for f in found if (not rule or f.rule == rule) and (not kind or f.kind == kind)]


def minutes(text: str, count: float) -> str:
    """A time so many minutes later."""
    return (datetime.fromisoformat(text) + timedelta(minutes=count)).isoformat(timespec="seconds")


def submitted(at: str = "2026-03-01T08:00:00", **values: Any) -> Fact:
    """The order, for a product that the default Protocol governs."""
    stated: dict[str, Any] = {"service": {"codings": [{"code": "AXI-CEL"}]}, "patient": PATIENT, **values}
    return fact("order.submitted", ORDER, at, **stated)


def created(container: Ref = BAG, holder: Ref = APHERESIS, at: str = "2026-03-08T09:00:00", **values: Any) -> Fact:
    """A container with its first holder."""
    options = {name: values.pop(name) for name in ("by", "role", "source", "ordinal") if name in values}
    options.setdefault("by", holder["identifiers"][0]["value"])
    return fact("container.created", container, at, **options, holder=holder, **values)


def handed(giver: Ref | None, taker: Ref | None, at: str, by: Ref, container: Ref = BAG, **options: Any) -> Fact:
    """A handover, told by one side."""
    sides: dict[str, Any] = {name: party for name, party in (("giver", giver), ("taker", taker)) if party}
    return fact("custody.transferred", container, at, by=by["identifiers"][0]["value"], **options, **sides)


def result(test: str, lot: Ref, at: str, evaluation: str = "in", type_: str = "result.reported", **values: Any) -> Fact:
    """A final result of a lot."""
    name = ref("result", f"{lot['identifiers'][0]['value']}/{test}")
    said = {"criterion": test, "status": "final", "evaluation": evaluation, "material": lot, **values}
    options = {option: said.pop(option) for option in ("supersedes", "by", "ordinal") if option in said}
    return fact(type_, name, at, **{"by": "qc", **options}, **said)


def dose_ready(container: Ref = PRODUCT, lot: Ref = LOT, decision: Ref = DECISION) -> list[Fact]:
    """A product container that is tested, released, at the site, and verified by two people."""
    at = "2026-03-10T09:00:00"
    return [
        created(container, MAKER, "2026-03-09T08:00:00", material=lot, batch=BATCH),
        *(result(test, lot, "2026-03-09T12:00:00") for test in ("viability", "sterility", "endotoxin")),
        fact("disposition.decided", decision, "2026-03-09T15:00:00", by="cdmo", material=lot, decision="released"),
        handed(MAKER, SITE, at, MAKER, container),
        handed(MAKER, SITE, at, SITE, container),
        fact(
            "identity.verified",
            ref("verification", f"V/{container['identifiers'][0]['value']}"),
            "2026-03-10T10:00:00",
            containers=[container],
            result="match",
            people=[{"actor": "nurse-1"}, {"actor": "nurse-2"}],
        ),
    ]
