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
    "precondition": "Something was done before what it needs was there.",
    "dose": "A dose, or what it was reckoned from, is not as planned.",
    "qualification": "A party, lane, device or logger is not qualified on the day of the act.",
    "recall": "A lot, donor or container was recalled.",
    "complaint": "Someone complained.",
    "obligation-due": "Something promised by a date has not been done.",
    "duplicate": "Facts contradict each other: both cannot be true.",
    "traceability": "Nobody has said what a material came from, or what became of it.",
    "order-ambiguous": "Facts of one moment say different things and nothing puts them in order.",
    "authority": "A party said what its word does not decide.",
    "mapping": "A value could not be understood, so a rule could not be applied.",
    "clock-skew": "Clocks of reporters disagree.",
    "late-event": "A fact was received long after it happened.",
    "slot-conflict": "Appointments do not fit together, or a resource is booked twice.",
    "delay": "Something will be later than planned.",
    "privacy": "Personal data went where it must not go.",
    "delivery": "A partner is not told what it should know.",
    "event-declared-wrong": "A partner took back what it had told.",
    "departure-voided": "A departure that was told did not take place.",
    "declared-unfit": "A partner declared a thing unfit for its use.",
    "inspection-unclear": "A thing was inspected, and nobody can read with what result.",
    "milestone-unclear": "A milestone came with a status that nobody can read.",
    "shipment-exception": "A courier told that a step of a transport failed.",
    "shipment-on-hold": "A shipment is kept back on its way.",
    "sensor-alarm": "A logger or sensor raised an alarm.",
    "adverse-event": "The patient reacted to what was given.",
    "infusion-presumed": "A unit counts as given because nobody told otherwise.",
}
"""What an Issue is about."""

STAGE_MEANINGS: Mapping[str, str] = {
    "enrolled": "The person is known to the programme.",
    "ordered": "The therapy is ordered.",
    "allocated": "A container of stock is reserved.",
    "scheduled": "A slot is booked.",
    "collected": "Starting material is collected.",
    "outbound": "Starting material is on its way to the manufacturer.",
    "received": "The manufacturer has the starting material.",
    "manufacturing": "A batch is being made.",
    "testing": "The batch is made and being tested.",
    "dispositioned": "Quality has decided about the product.",
    "stored": "The product is decided about and in storage.",
    "returning": "The product is on its way to the patient.",
    "at-site": "The product is at the treating site.",
    "infusing": "The product is being made ready or given.",
    "infused": "The product was given, whole or in part.",
    "follow-up": "The patient is being followed.",
    "closed": "Nothing more is expected.",
    "cancelled": "The order ended before its purpose was reached.",
    "failed": "The purpose can no longer be reached.",
}
"""Headline stages in their order, each with its meaning."""

STAGES = tuple(STAGE_MEANINGS)

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
    "conditioning": {
        "planned": "Will be given.",
        "running": "Being given.",
        "completed": "All of it was given.",
        "stopped": "Ended before all of it was given.",
    },
    "follow-up": {
        "scheduled": "Will take place.",
        "missed": "Did not take place.",
        "completed": "Took place.",
        "handed-over": "Another site or registry sees to it from then on.",
        "lost": "Nobody can reach the patient.",
    },
    "qualification": {"qualified": "May do the activity.", "suspended": "May not do it now."},
    "recall": {"open": "Not all who must be told have been told.", "closed": "Nobody is left to be told."},
    "notification": {"sent": "Told.", "confirmed": "The receiver has said that it was told."},
    "complaint": {"open": "Waits for an answer.", "closed": "Was answered."},
    "issue": {
        "open": "Waits for a person.",
        "assessed": "Judged, with evidence; not yet settled.",
        "resolved": "Settled.",
    },
}
"""States of each facet in the order of a join: of two live facts the later state here holds, so that the state does
not depend on the times of the facts, and the more restrictive one wins where they exclude each other."""

STATES: dict[str, tuple[str, ...]] = {kind: tuple(states) for kind, states in STATE_MEANINGS.items()}
