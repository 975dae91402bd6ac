"""Who sees what: every frame that leaves the hub goes through `visible`. Deny by default.

A role sees a kind's fields, or nothing of the kind. What it does not see is named, for the output's account; the reader
never learns whether a withheld field had a value from anything but that account, which stays in the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonical_model.journey import Journey
from canonical_model.rules.patient import exports_barred
from hub.profiles import Profile

ALL = frozenset({"*"})
_ORDER_CORE = frozenset(
    {"identifiers", "service", "state", "status", "target", "patient", "protocol", "attempt", "effective_at", "action"}
)
_SHIPPING = frozenset(
    {
        "identifiers",
        "contents",
        "removed",
        "packaging",
        "loggers",
        "condition",
        "planned",
        "hold_until",
        "status",
        "place",
        "shipper",
        "consignee",
        "carrier",
        "giver",
        "taker",
        "direction",
    }
)
_CONTAINER = frozenset(
    {
        "identifiers",
        "kind",
        "holder",
        "giver",
        "taker",
        "location",
        "parent",
        "shipment",
        "seal",
        "transport_temperature",
    }
)
_HANDLING = frozenset(
    {
        "identifiers",
        "form",
        "action",
        "step",
        "disposition",
        "persistent",
        "persistent_ended",
        "at",
        "recorded_at",
        "containers",
        "contents",
        "parent",
        "shipment",
        "inputs",
        "outputs",
        "transformation",
        "read_point",
        "location",
        "transactions",
        "sources",
        "destinations",
        "giver",
        "taker",
        "planned",
        "hold_until",
        "shipper",
        "consignee",
        "carrier",
        "packaging",
        "devices",
        "customs",
        "series",
        "correction",
    }
)
_HEADER = {"message": ALL, "answer": ALL, "finding": ALL}
_CHAIN = {
    "collection": ALL,
    "container": ALL,
    "shipment": ALL,
    "handling": ALL,
    "device": ALL,
    "party": ALL,
    "location": ALL,
}

SEES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "hospital": {
        **_HEADER,
        **_CHAIN,
        "identity": ALL,
        "subject": ALL,
        "order": ALL,
        "report": ALL,
        "consent": ALL,
        "appointment": ALL,
        "booking": ALL,
        "material": ALL,
        "result": ALL,
        "disposition": ALL,
        "readings": ALL,
        "administration": ALL,
        "outcome": ALL,
        "verification": ALL,
        "document": ALL,
        "issue": ALL,
        "conditioning": ALL,
        "follow-up": ALL,
        "labels": ALL,
        "obligation": ALL,
        "recall": ALL,
        "notification": ALL,
        "complaint": ALL,
    },
    "apheresis-centre": {
        **_HEADER,
        **_CHAIN,
        "identity": ALL,
        "subject": frozenset({"identifiers", "roles", "abo_rh"}),
        "order": _ORDER_CORE,
        "report": ALL,
        "appointment": ALL,
        "booking": ALL,
        "material": ALL,
        "result": ALL,
        "issue": ALL,
        "labels": ALL,
        "recall": ALL,
        "complaint": ALL,
    },
    "cdmo": {
        **_HEADER,
        **_CHAIN,
        "subject": frozenset({"identifiers", "roles"}),
        "order": _ORDER_CORE | {"weight", "site", "manufacturer", "sponsor"},
        "report": frozenset({"identifiers", "order", "service", "observed", "status", "reported_at", "batch"}),
        "appointment": ALL,
        "booking": ALL,
        "material": ALL,
        "batch": ALL,
        "result": ALL,
        "disposition": ALL,
        "readings": ALL,
        "issue": ALL,
        "labels": ALL,
        "obligation": ALL,
        "qualification": ALL,
        "recall": ALL,
        "notification": ALL,
        "complaint": ALL,
    },
    "qc-lab": {
        **_HEADER,
        "order": frozenset({"identifiers"}),
        "report": frozenset({"identifiers", "order", "service", "observed", "status", "reported_at", "batch"}),
        "material": frozenset({"identifiers", "stage", "product", "amount", "collected", "received_at", "lot"}),
        "batch": ALL,
        "result": ALL,
        "disposition": ALL,
        "issue": ALL,
        "obligation": frozenset({"identifiers", "order", "material", "kind", "criterion", "due", "done_at"}),
        "recall": ALL,
    },
    "courier": {
        **_HEADER,
        "shipment": _SHIPPING,
        "container": _CONTAINER,
        "handling": _HANDLING,
        "readings": frozenset(
            {
                "identifiers",
                "shipment",
                "container",
                "location",
                "device",
                "channel",
                "quantity",
                "unit",
                "start",
                "end",
                "points",
                "minimum",
                "maximum",
                "mean",
                "alarm",
            }
        ),
        "device": ALL,
        "party": ALL,
        "location": ALL,
    },
    "sponsor": {
        **_HEADER,
        **_CHAIN,
        "subject": ALL,
        "order": ALL,
        "report": ALL,
        "consent": ALL,
        "appointment": ALL,
        "booking": ALL,
        "material": ALL,
        "batch": ALL,
        "result": ALL,
        "disposition": ALL,
        "readings": ALL,
        "administration": ALL,
        "outcome": ALL,
        "verification": ALL,
        "document": ALL,
        "issue": ALL,
        "conditioning": ALL,
        "follow-up": ALL,
        "labels": ALL,
        "obligation": ALL,
        "qualification": ALL,
        "recall": ALL,
        "notification": ALL,
        "complaint": ALL,
    },
    "payer": {**_HEADER, "order": _ORDER_CORE},
    "registry": {
        **_HEADER,
        "subject": ALL,
        "order": _ORDER_CORE | {"indication"},
        "administration": ALL,
        "outcome": ALL,
        "conditioning": ALL,
        "follow-up": ALL,
    },
}
_ALIASES = {
    "cell-lab": "cdmo",
    "infusion-site": "hospital",
    "logger-provider": "courier",
    "biorepository": "cdmo",
    "regulator": "sponsor",
    "qa": "sponsor",
}
_PERSON_ROLES = frozenset({"hospital", "infusion-site", "apheresis-centre"})
"""Roles that may see persons: their own, in their own region."""
_SCOPES = {
    "registry": frozenset({"registry"}),
    "biorepository": frozenset({"research"}),
    "payer": frozenset({"data-sharing"}),
}
"""What a role's exports need the patient's consent to; those who treat, make and carry need that to treatment."""


def visible(profile: Profile, frame: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The frame as this partner may see it (None: nothing of it), and the paths withheld."""
    kind = frame["kind"]
    allowed = SEES.get(_ALIASES.get(profile.role, profile.role), {}).get(kind)
    if allowed is None or (profile.role == "biorepository" and kind == "result"):
        return None, [f"{kind}.{name}" for name in frame["set"]]
    if allowed is ALL:
        return dict(frame), []
    kept = {name: value for name, value in frame["set"].items() if name in allowed}
    withheld = [f"{kind}.{name}" for name in frame["set"] if name not in allowed]
    return {**frame, "set": kept, "clear": [p for p in frame.get("clear", ()) if p in allowed]}, withheld


def sees_kind(profile: Profile, kind: str) -> bool:
    """True when the partner may see anything of records of this kind."""
    return visible(profile, {"kind": kind, "set": {}})[0] is not None


def sees_persons(profile: Profile, region: str) -> bool:
    """True when the partner may see who its own patients and actors are."""
    return profile.role in _PERSON_ROLES and profile.region == region


def bars(profile: Profile, journey: Journey) -> frozenset[str]:
    """Scopes that this partner's role needs and the patient refused or took back: exports to it stop (I-9)."""
    needed = _SCOPES.get(profile.role)
    return needed & exports_barred(journey) if needed else frozenset()


def takes_part(profile: Profile, journey: Journey) -> bool:
    """True when the order is the partner's business: it placed it, or its profile names the product. Deny by default.

    Who placed it is whom the hub heard it from first: another's order is not had by naming its number. Of a patient who
    took back the consent to what the partner is told for, nothing is its business any more.
    """
    if profile.orders == "none" or bars(profile, journey):
        return False
    order = journey.order
    first = min(order.named("order.submitted"), key=lambda e: (e["recorded"], e["id"]), default=None)
    if first is not None and first["reporter"]["partner"] == profile.partner:
        return True
    codes = {coding.get("code") for coding in (order.fields.get("service") or {}).get("codings", ())}
    return bool(codes & set(profile.products))
