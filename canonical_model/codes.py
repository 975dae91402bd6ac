"""Code lists of the model beside the event catalogue, each code with its meaning: roles, Issue kinds, states."""

from __future__ import annotations

from collections.abc import Mapping

HOSPITAL, SITE, APHERESIS, LAB = "hospital", "infusion-site", "apheresis-centre", "cell-lab"
CDMO, QC, COURIER, LOGGER, REPOSITORY = "cdmo", "qc-lab", "courier", "logger-provider", "biorepository"
SPONSOR, PAYER, REGISTRY, REGULATOR = "sponsor", "payer", "registry", "regulator"
QA, HUB = "qa", "hub"

ROLE_MEANINGS: Mapping[str, str] = {
    HOSPITAL: "Treats the patient and orders the therapy.",
    APHERESIS: "Collects the starting material.",
    LAB: "Processes, stores or thaws cells for a hospital.",
    CDMO: "Manufactures the product, for itself or under contract.",
    QC: "Tests material and product.",
    COURIER: "Moves shipments.",
    SPONSOR: "Answers for the therapy: marketing authorisation holder or sponsor of a trial.",
    LOGGER: "Provides and reads out devices that record conditions.",
    REPOSITORY: "Stores containers.",
    PAYER: "Decides about coverage.",
    REGISTRY: "Collects outcomes.",
    SITE: "Gives the product to the patient, where that is not the ordering hospital.",
    HUB: "The hub itself: what its rules found.",
    QA: "Quality assurance: persons who decide about material, Issues and contradictions.",
    REGULATOR: "A supervisory authority.",
}
"""Roles in which a partner or person speaks. Whose word counts for what stands in the event catalogue."""

ROLES = tuple(ROLE_MEANINGS)

ISSUE_KINDS: Mapping[str, str] = {
    "identity-mismatch": "Identifiers that must agree do not.",
    "custody-gap": "Who handed a container over is not who held it.",
    "handoff-open": "Only one side of a handover has reported it.",
    "telemetry-gap": "For some time nobody knows the condition.",
    "temperature-excursion": "A temperature was outside its condition for longer than allowed.",
    "hold-time": "A shipper's qualified hold runs out before its journey ends.",
    "window": "A stage took longer than its window, or something is used after its date.",
    "oos": "A result is outside its specification, or a decision is not supported by results.",
    "deviation": "A quality system opened a deviation.",
    "label-discrepancy": "Labels issued, applied, spoilt and destroyed do not add up.",
    "consent": "Consent is missing, refused, withdrawn or expired.",
    "eligibility": "An eligibility that is needed was denied or not decided.",
    "qualification": "A party, lane, device or logger is not qualified on the day of the act.",
    "recall": "A lot, donor or container was recalled.",
    "complaint": "Someone complained.",
    "obligation-due": "Something promised by a date has not been done.",
    "duplicate": "Facts contradict each other: both cannot be true.",
    "order-ambiguous": "Facts of one moment say different things and nothing puts them in order.",
    "authority": "A party said what its word does not decide.",
    "mapping": "A value could not be understood, so a rule could not be applied.",
    "clock-skew": "Clocks of reporters disagree.",
    "late-event": "A fact was received long after it happened.",
    "slot-conflict": "Appointments do not fit together, or a resource is booked twice.",
    "delay": "Something will be later than planned.",
    "privacy": "Personal data went where it must not go.",
}
"""What an Issue is about."""

STATE_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "order": {
        "draft": "Being written; nobody acts on it.",
        "submitted": "Ordered; not yet taken on.",
        "accepted": "Taken on by the filler.",
        "completed": "The therapy was given and reported.",
        "closed": "Nothing more is expected.",
        "rejected": "Not taken on.",
        "cancelled": "Ended before its purpose was reached.",
        "failed": "Ended because its purpose can no longer be reached.",
    },
    "consent": {
        "active": "Given and in force.",
        "refused": "Asked for and not given.",
        "expired": "Given and run out.",
        "withdrawn": "Given and taken back.",
    },
    "appointment": {
        "proposed": "A time is on offer.",
        "held": "A time is kept for this order until the hold expires.",
        "booked": "Agreed.",
        "done": "Took place.",
        "cancelled": "Given up.",
        "missed": "Passed unused.",
    },
    "collection": {
        "planned": "Will take place.",
        "in-progress": "Has begun.",
        "completed": "Ended with material.",
        "cancelled": "Did not take place.",
        "failed": "Ended without usable material.",
    },
    "container": {
        "allocated": "Reserved for this order.",
        "unallocated": "No longer reserved.",
        "stored": "In storage.",
        "issued": "Handed out for use.",
        "returned": "Came back unused.",
        "emptied": "Nothing is left in it.",
        "destroyed": "No longer exists.",
    },
    "shipment": {
        "planned": "Will go.",
        "packed": "Put together.",
        "in-transit": "On its way.",
        "delivered": "Reached its destination.",
        "accepted": "Taken by its consignee.",
        "rejected": "Refused by its consignee.",
        "lost": "Nobody knows where it is.",
        "cancelled": "Will not go.",
    },
    "batch": {
        "planned": "Will be made.",
        "running": "Being made.",
        "completed": "Ended with a product.",
        "terminated": "Stopped on purpose.",
        "failed": "Ended without a usable product.",
    },
    "result": {
        "reported": "Told, preliminary or final.",
        "corrected": "Told again with a change.",
        "invalidated": "Does not count.",
    },
    "administration": {
        "planned": "Will be given.",
        "thawing": "Being made ready.",
        "running": "Being given.",
        "completed": "The whole dose was given.",
        "stopped": "Ended before the whole dose was given.",
        "not-done": "Nothing was given.",
    },
    "issue": {
        "open": "Waits for a person.",
        "assessed": "Judged, with evidence; not yet settled.",
        "resolved": "Settled.",
    },
}
"""States of each facet in the order of a join: of two live facts the later state here holds, so that the state does
not depend on the times of the facts, and the more restrictive one wins where they exclude each other."""

STATES: dict[str, tuple[str, ...]] = {kind: tuple(states) for kind, states in STATE_MEANINGS.items()}
