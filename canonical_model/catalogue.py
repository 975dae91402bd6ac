"""The event catalogue: every kind of fact, what it is about, what it makes of it, and whose word counts.

A row: type, the kind it is about, its rank (what causes comes before what follows; the second part of the sort key),
the state that its facet reaches, the roles whose word is a fact, and a definition. A fact from another role is kept as
a claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from canonical_model.codes import (
    APHERESIS,
    CDMO,
    COURIER,
    HOSPITAL,
    HUB,
    LAB,
    LOGGER,
    PAYER,
    QA,
    QC,
    REGISTRY,
    REGULATOR,
    REPOSITORY,
    SITE,
    SPONSOR,
)
from canonical_model.codes import ROLES as ROLES
from canonical_model.codes import STATES as STATES

_CARE = (HOSPITAL, SITE)
_HOLDERS = (HOSPITAL, SITE, APHERESIS, LAB, CDMO, QC, COURIER, REPOSITORY)
_MAKERS = (CDMO, LAB)
_QUALITY = (CDMO, LAB, SPONSOR, QA)
_TESTERS = (QC, LAB, CDMO, HOSPITAL, APHERESIS)


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the catalogue."""

    type: str
    about: str
    rank: int
    becomes: str
    roles: tuple[str, ...]
    definition: str


_RANKS = {
    "subject": 0,
    "order": 10,
    "identity": 15,
    "consent": 20,
    "eligibility": 25,
    "slot": 30,
    "label": 35,
    "collection": 40,
    "container": 50,
    "custody": 60,
    "shipment": 70,
    "readings": 75,
    "material": 80,
    "batch": 90,
    "step": 95,
    "sample": 100,
    "result": 110,
    "deviation": 115,
    "disposition": 120,
    "obligation": 125,
    "conditioning": 130,
    "product": 140,
    "dose": 142,
    "infusion": 145,
    "outcome": 150,
    "followup": 155,
    "recall": 160,
    "notification": 165,
    "party": 170,
    "complaint": 175,
    "record": 180,
    "issue": 190,
}

_ABOUT = {
    "identity": "order",
    "eligibility": "subject",
    "slot": "appointment",
    "label": "labels",
    "custody": "container",
    "step": "batch",
    "sample": "material",
    "deviation": "issue",
    "product": "container",
    "dose": "container",
    "infusion": "administration",
    "followup": "follow-up",
    "party": "qualification",
}


def _rows(family: str, roles: tuple[str, ...], types: Iterable[tuple[str, str, str]]) -> list[EventType]:
    about = _ABOUT.get(family, family)
    return [EventType(f"{family}.{name}", about, _RANKS[family], state, roles, text) for name, state, text in types]


_ALL: tuple[EventType, ...] = (
    *_rows(
        "subject",
        (HOSPITAL, APHERESIS, SITE, REGISTRY),
        (
            ("enrolled", "", "The person became known to the programme."),
            ("updated", "", "What is known of the person changed; names and dates of birth stay in the vault."),
            ("merged", "", "Two records are one person; `retired` names the one that ends."),
            ("unmerged", "", "A merge was wrong."),
            ("deceased", "", "The person died."),
        ),
    ),
    *_rows(
        "consent",
        (*_CARE, APHERESIS, SPONSOR),
        (
            ("recorded", "active", "Consent was given or refused."),
            ("withdrawn", "withdrawn", "Consent was taken back."),
        ),
    ),
    *_rows(
        "eligibility",
        (HOSPITAL, PAYER, APHERESIS, LAB),
        (("decided", "", "A named eligibility was decided: clinical, coverage, donor, collection, infusion."),),
    ),
    *_rows(
        "order",
        (HOSPITAL, SITE, SPONSOR),
        (
            ("submitted", "submitted", "The therapy was ordered."),
            ("accepted", "accepted", "The filler took the order on."),
            ("rejected", "rejected", "The filler did not take the order on."),
            ("amended", "", "What was ordered changed."),
            ("completed", "completed", "The therapy was given and reported."),
            ("cancelled", "cancelled", "The order ended before its purpose was reached."),
            ("closed", "closed", "Nothing more is expected of the order."),
            ("cancel-requested", "", "The placer asks the filler to cancel."),
            ("change-requested", "", "The placer asks the filler for a change."),
            ("transferred", "", "Another site took the patient over."),
            ("answered", "", "The filler refused or answered a request; nothing changed."),
            ("stated", "", "A message repeated the order without changing its state."),
        ),
    ),
    *_rows(
        "order",
        (HOSPITAL, SITE, SPONSOR, QA),
        (("held", "", "Nothing new may start for the order."), ("resumed", "", "The hold ended.")),
    ),
    *_rows(
        "identity",
        (SPONSOR, HOSPITAL, APHERESIS, CDMO, LAB, SITE),
        (
            ("issued", "", "A chain-of-identity identifier was given to the order."),
            ("voided", "", "An identifier was issued in error."),
            ("replaced", "", "An identifier took another's place."),
        ),
    ),
    *_rows(
        "slot",
        (HOSPITAL, SITE, APHERESIS, SPONSOR, CDMO, LAB, COURIER),
        (
            ("offered", "proposed", "A resource could be had at a time."),
            ("proposed", "proposed", "A time was proposed."),
            ("held", "held", "A time is kept for the order until the hold expires."),
            ("booked", "booked", "A time was agreed."),
            ("changed", "booked", "An agreed time moved."),
            ("cancelled", "cancelled", "An agreed time was given up."),
            ("missed", "missed", "An agreed time passed unused."),
            ("released", "cancelled", "A hold ended without a booking."),
        ),
    ),
    *_rows(
        "label",
        (*_HOLDERS, SPONSOR),
        (
            ("issued", "", "Labels were printed."),
            ("applied", "", "A label was put on its container."),
            ("reconciled", "", "Labels issued, applied, spoilt and destroyed were counted."),
        ),
    ),
    *_rows(
        "collection",
        (APHERESIS, HOSPITAL, LAB),
        (
            ("started", "in-progress", "The collection began."),
            ("completed", "completed", "The collection ended with a product."),
            ("failed", "failed", "The collection ended without a usable product."),
            ("cancelled", "cancelled", "The collection did not take place."),
        ),
    ),
    *_rows(
        "container",
        _HOLDERS,
        (
            ("created", "", "A container was filled or labelled; its custody begins."),
            ("allocated", "allocated", "A stock container was reserved for the order."),
            ("unallocated", "unallocated", "The reservation ended."),
            ("stored", "stored", "The container was put into storage."),
            ("issued", "issued", "The container was handed out for use."),
            ("returned", "returned", "The container came back unused."),
            ("relabelled", "", "The container got another label."),
            ("emptied", "emptied", "Nothing is left in the container; its custody ends."),
            ("destroyed", "destroyed", "The container was destroyed before a witness; its custody ends."),
            ("observed", "", "The container was seen or scanned somewhere."),
        ),
    ),
    *_rows("custody", _HOLDERS, (("transferred", "", "The container went from giver to taker."),)),
    *_rows(
        "shipment",
        (COURIER, LOGGER, HOSPITAL, SITE, APHERESIS, LAB, CDMO, REPOSITORY, SPONSOR),
        (
            ("planned", "planned", "A transport was planned."),
            ("packed", "packed", "Containers were put together for transport."),
            ("unpacked", "delivered", "Containers were taken out on arrival."),
            ("departed", "in-transit", "The shipment left."),
            ("located", "in-transit", "The shipment was seen on its way."),
            ("delayed", "in-transit", "The shipment will be late."),
            ("recharged", "in-transit", "What keeps the condition was renewed; `hold_until` tells the new end."),
            ("arrived", "delivered", "The shipment reached its destination."),
            ("accepted", "accepted", "The consignee took the shipment."),
            ("rejected", "rejected", "The consignee refused the shipment."),
            ("lost", "lost", "Nobody knows where the shipment is."),
            ("cancelled", "cancelled", "The shipment will not go."),
        ),
    ),
    *_rows("readings", (LOGGER, COURIER, *_HOLDERS), (("recorded", "", "A device recorded a series."),)),
    *_rows(
        "material",
        (*_MAKERS, REPOSITORY, SITE, HOSPITAL, QC, APHERESIS),
        (
            ("received", "", "Material was received and looked at."),
            ("rejected", "", "Received material was refused."),
            ("stated", "", "A message described the material."),
        ),
    ),
    *_rows(
        "batch",
        _MAKERS,
        (
            ("started", "running", "Manufacture began."),
            ("completed", "completed", "Manufacture ended with a product."),
            ("failed", "failed", "Manufacture ended without a usable product."),
            ("terminated", "terminated", "Manufacture was stopped on purpose."),
        ),
    ),
    *_rows(
        "step",
        _MAKERS,
        (("started", "running", "A step of manufacture began."), ("completed", "running", "A step ended.")),
    ),
    *_rows("sample", (*_MAKERS, QC, HOSPITAL, APHERESIS), (("taken", "", "A sample was taken."),)),
    *_rows(
        "result",
        _TESTERS,
        (
            ("reported", "reported", "A test result was reported."),
            ("corrected", "corrected", "A reported result was corrected."),
            ("invalidated", "invalidated", "A reported result no longer counts."),
        ),
    ),
    *_rows(
        "deviation",
        _QUALITY,
        (
            ("opened", "open", "A quality system opened a deviation."),
            ("closed", "resolved", "The deviation was closed."),
        ),
    ),
    *_rows(
        "disposition",
        _QUALITY,
        (
            ("decided", "", "Quality decided about the material."),
            ("revoked", "", "A quality decision was taken back."),
        ),
    ),
    *_rows("obligation", _QUALITY, (("recorded", "", "Something is due by a date, or was done."),)),
    *_rows(
        "conditioning",
        _CARE,
        (
            ("started", "running", "Conditioning of the patient began."),
            ("completed", "completed", "Conditioning ended."),
            ("stopped", "stopped", "Conditioning was stopped."),
        ),
    ),
    *_rows("product", (*_CARE, LAB), (("thawed", "", "The product was thawed."),)),
    *_rows(
        "dose",
        (*_CARE, LAB),
        (("prepared", "", "A dose was prepared."), ("expired", "", "A prepared dose passed its time.")),
    ),
    *_rows(
        "infusion",
        _CARE,
        (
            ("started", "running", "The product began to flow."),
            ("completed", "completed", "The whole dose was given."),
            ("stopped", "stopped", "The infusion ended before the dose was given."),
            ("not-done", "not-done", "The infusion did not take place."),
        ),
    ),
    *_rows("outcome", (*_CARE, REGISTRY), (("reported", "", "An outcome was reported."),)),
    *_rows(
        "followup",
        (*_CARE, REGISTRY),
        (
            ("scheduled", "scheduled", "A follow-up visit was planned."),
            ("completed", "completed", "A follow-up visit took place."),
            ("missed", "missed", "A follow-up visit did not take place."),
            ("lost", "lost", "The patient is lost to follow-up."),
            ("handed-over", "handed-over", "Another site or registry took the follow-up over."),
        ),
    ),
    *_rows(
        "recall",
        (CDMO, SPONSOR, QA, REGULATOR, LAB),
        (
            ("initiated", "open", "A lot, donor or container was recalled."),
            ("acknowledged", "open", "A recall reached someone."),
            ("closed", "closed", "A recall ended."),
        ),
    ),
    *_rows(
        "notification",
        (QA, SPONSOR, CDMO, HUB),
        (("sent", "sent", "Someone was told."), ("confirmed", "confirmed", "Someone confirmed that they were told.")),
    ),
    *_rows(
        "party",
        (SPONSOR, QA),
        (
            ("qualified", "qualified", "A party or device may do an activity."),
            ("suspended", "suspended", "It may no longer do it."),
            ("agreement-signed", "", "The agreement under which it does so was signed."),
        ),
    ),
    *_rows(
        "complaint",
        (*_HOLDERS, SPONSOR),
        (("received", "open", "Someone complained."), ("closed", "closed", "A complaint was answered.")),
    ),
    EventType(
        "identity.verified",
        "verification",
        15,
        "",
        (*_HOLDERS, SPONSOR),
        "Scanned identifiers were compared with what was expected.",
    ),
    EventType("report.stated", "report", 105, "", (*_TESTERS, SITE), "Results were given together."),
    EventType("appointment.stated", "appointment", 30, "", ROLES, "A message described the appointment."),
    EventType("document.recorded", "document", 18, "", ROLES, "A document was made, changed or sent."),
    EventType("record.amended", "", 180, "", ROLES, "A partner changed fields that it was shown."),
    EventType("record.retracted", "", 180, "", ROLES, "A mended mapping no longer finds this fact in its message."),
    *_rows(
        "issue",
        (QA, CDMO, HOSPITAL, SITE, SPONSOR, COURIER, HUB),
        (
            ("raised", "open", "A rule or a person found what needs a person."),
            ("acknowledged", "open", "Someone took the Issue on."),
            ("assessed", "assessed", "Someone judged the Issue, with evidence."),
            ("resolved", "resolved", "The Issue was settled."),
            ("reopened", "open", "The Issue came back."),
            ("cleared", "resolved", "The facts no longer support the Issue."),
        ),
    ),
)

EVENTS: dict[str, EventType] = {row.type: row for row in _ALL}


def counts(role: str, type_: str, kind: str) -> bool:
    """True when a role's word about a record of this kind is a fact of this type; otherwise it is a claim.

    Amendments and retractions, which fit every kind, take the roles of the kind's own facts, and quality assurance.
    """
    row = EVENTS[type_]
    if row.about:
        return role in row.roles
    return kind not in AUTHORS or role in AUTHORS[kind] or role == QA


def _authors() -> dict[str, frozenset[str]]:
    """Per kind, the roles whose word counts for its own family of facts; for a kind without one, for facts about it."""
    rows: dict[str, list[EventType]] = {}
    for row in _ALL:
        rows.setdefault(row.about, []).append(row)
    return {
        kind: frozenset(r for row in [x for x in own if x.type.startswith(f"{kind}.")] or own for r in row.roles)
        for kind, own in rows.items()
        if kind
    }


AUTHORS: dict[str, frozenset[str]] = _authors()
"""Roles that may amend or retract what is known of a kind. A kind that no event is about is anyone's."""

MAIN_NAMES = {"order": "placer"}
"""Identifier types that name a record of this kind by themselves: two of them are never one record."""

UPWARD: dict[str, tuple[str, ...]] = {
    "order": (),
    "report": ("order", "material"),
    "consent": ("order", "subject"),
    "appointment": ("order",),
    "collection": ("order",),
    "material": ("order", "collection", "batch", "report"),
    "container": ("order", "material", "collection", "batch"),
    "batch": ("order", "inputs", "steps.consumed.item|container"),
    "result": ("order", "material", "container", "batch", "report"),
    "disposition": ("order", "material", "container", "batch"),
    "shipment": ("order", "contents", "removed"),
    "readings": ("order", "shipment", "container"),
    "administration": ("order", "containers", "given.container"),
    "conditioning": ("order",),
    "follow-up": ("order",),
    "labels": ("order", "batch", "container"),
    "obligation": ("order", "material"),
    "recall": ("order", "targets"),
    "notification": ("order", "issue", "recall"),
    "complaint": ("order", "container", "shipment"),
    "qualification": ("party", "device"),
    "verification": ("order", "containers"),
    "outcome": ("order",),
    "issue": ("order", "about"),
    "document": ("order", "about"),
    "subject": (),
    "device": (),
    "party": (),
    "location": (),
}
"""Fields, as dotted paths, by which a record leads to the orders that it belongs to; `|kind`: references to that kind
alone. A container that a step used up is the patient's cells; a material is a lot that many orders share."""

DOWNWARD: dict[str, tuple[str, ...]] = {
    "order": ("patient", "donor"),
    "report": ("patient",),
    "shipment": ("packaging", "loggers"),
    "batch": ("consumed", "outputs", "steps.consumed.item|material", "steps.produced.item", "steps.equipment"),
    "collection": ("donor", "outputs", "device"),
    "material": ("donor", "parents"),
    "container": ("prepared_from",),
}
"""Fields, as dotted paths, whose record leads back to this one: a fact about the patient touches every order of the
patient, and one about a reagent lot every order whose cells it touched."""
