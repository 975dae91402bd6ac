"""How the facts about one record combine: what comes and goes, what excludes what, what restricts more. Data only."""

from __future__ import annotations

COMING_AND_GOING: dict[str, frozenset[str]] = {
    "container": frozenset({"allocated", "unallocated", "stored", "issued", "returned"}),
    "qualification": frozenset({"qualified", "suspended"}),
}
"""States that a record may reach again and again: among these the latest fact holds, like a holder in custody."""

REOPENING: dict[str, dict[str, bool]] = {
    "issue": {"issue.reopened": True, "issue.raised": False, "deviation.opened": False},
}
"""Types that open a settled record again. True: unless the settling came after it for certain; False: only where it
came after the settling for certain itself, since what opens a thing is often told late."""

STATED = frozenset({"consent.recorded"})
"""Types whose state is what the fact's own `status` says; the row's is meant where it says none."""

EXCLUSIVE: dict[str, tuple[tuple[str, str], ...]] = {
    "order": (("accepted", "rejected"), ("completed", "cancelled")),
    "appointment": (("done", "cancelled"), ("done", "missed")),
    "collection": (("completed", "failed"), ("completed", "cancelled")),
    "shipment": (("accepted", "rejected"), ("accepted", "lost"), ("accepted", "cancelled")),
    "batch": (("completed", "failed"), ("completed", "terminated")),
    "conditioning": (("completed", "stopped"),),
    "administration": (("completed", "not-done"), ("completed", "stopped"), ("stopped", "not-done")),
}
"""States that cannot both be true: live facts for both are a conflict that a person decides."""

IMPLIED: dict[str, dict[str, str | bool]] = {
    "subject.deceased": {"deceased": True},
    "consent.withdrawn": {"status": "withdrawn"},
    "disposition.revoked": {"decision": "revoked"},
}
"""What a type says by itself, where the fact does not say it in its data."""

RESTRICTIVE: dict[str, tuple[str | bool, ...]] = {
    "decision": ("released", "released-exceptionally", "released-conditional", "quarantined", "rejected", "revoked"),
    "evaluation": ("in", "not-evaluated", "out"),
    "result": ("match", "mismatch"),
    "deceased": (False, True),
    "status": ("active", "expired", "refused", "withdrawn"),
}
"""Values of a field from the least to the most restrictive: what holds where live corrections disagree."""
