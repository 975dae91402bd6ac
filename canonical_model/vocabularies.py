"""Closed vocabularies of record fields, each value with its meaning; hub test codes. States and types stand elsewhere.

Every list of values that a record allows is here, in `codes.STATE_MEANINGS` (where the field is the state of a facet),
or in the event catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping

VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    "location-kind": {
        "site": "An address of a party.",
        "room": "A room of a site.",
        "storage": "A freezer, tank or shelf.",
        "vehicle": "What moves.",
    },
    "device-kind": {
        "logger": "Records conditions.",
        "shipper": "Holds containers on their way and keeps a condition.",
        "equipment": "Collects, processes or measures.",
        "freezer": "Keeps a condition in one place.",
        "software": "A program.",
    },
    "subject-role": {"patient": "The therapy is for this person.", "donor": "The material comes from this person."},
    "sex": {
        "female": "Female, for administration.",
        "male": "Male, for administration.",
        "other": "Neither of the two.",
        "unknown": "Not known.",
    },
    "eligibility-decision": {
        "eligible": "Decided: yes.",
        "not-eligible": "Decided: no.",
        "conditional": "Decided: yes, if a condition is met.",
        "pending": "Not decided yet.",
    },
    "sourcing": {
        "autologous": "The patient's own cells.",
        "directed-donor": "Cells of a donor for this patient.",
        "stock": "Cells of donors for nobody in particular, or no cells.",
    },
    "programme": {
        "commercial": "A product with a marketing authorisation.",
        "trial": "A clinical trial.",
        "expanded-access": "Given outside a trial before or beyond an authorisation.",
        "hospital-exemption": "Made for one patient under the exemption for hospitals.",
    },
    "material-stage": {
        "starting": "As collected.",
        "intermediate": "Between two steps of manufacture.",
        "drug-substance": "The active part, not yet filled.",
        "drug-product": "Filled, as it will be given.",
        "reagent": "Used in manufacture, not a part of the product.",
        "vector": "Carries the gene.",
        "sample": "Taken to be tested.",
        "retain": "Kept back for later tests.",
    },
    "inspection-result": {
        "accepted": "Taken.",
        "rejected": "Refused.",
        "conditional": "Taken until something is cleared up.",
    },
    "container-role": {
        "primary": "Meant to be used.",
        "backup": "Kept in case the first cannot be used.",
        "retain": "Kept back for later tests.",
        "sample": "To be tested.",
        "salvage": "Took up what another container lost.",
    },
    "step-status": {
        "planned": "Will be done.",
        "running": "Being done.",
        "completed": "Done.",
        "failed": "Did not succeed.",
        "skipped": "Left out on purpose.",
    },
    "evaluation": {
        "in": "Inside its limit.",
        "out": "Outside its limit.",
        "not-evaluated": "Nobody compared it, or it cannot be compared.",
    },
    "decision": {
        "quarantined": "Not to be used until quality decides.",
        "released": "Meets its specification and may be used.",
        "released-conditional": "May be shipped; a dated result is outstanding.",
        "released-exceptionally": "Does not meet its specification; may be used at a physician's request.",
        "rejected": "Must not be used.",
        "revoked": "An earlier decision no longer counts.",
    },
    "shipment-direction": {
        "kit": "Collection kit to the collecting site.",
        "collection-outbound": "Starting material to the manufacturer.",
        "to-patient": "Product to the treating site.",
        "transfer": "Between two other parties.",
        "sample": "Samples to a laboratory.",
        "empty-return": "Empty packaging back to its owner.",
        "destruction": "To be destroyed.",
    },
    "reading-quantity": {
        "temperature": "How warm it is.",
        "humidity": "Relative humidity.",
        "tilt": "Angle from upright.",
        "shock": "Acceleration.",
        "battery": "Charge of the device's own battery.",
        "pressure": "Pressure of the air around it.",
        "light": "Light, as when a box is opened.",
    },
    "reading-alarm": {"alarm": "A limit set in the device was passed.", "error": "The device itself failed."},
    "verification-result": {"match": "All agreed.", "mismatch": "Something did not agree."},
    "outcome-kind": {
        "response": "How the disease responded.",
        "adverse-event": "Something untoward after the therapy.",
        "vital-status": "Alive or dead.",
        "persistence": "Whether the given cells or genes are still found.",
        "secondary-malignancy": "A further cancer after the therapy.",
    },
    "severity": {
        "info": "To be known; nothing has to be done.",
        "minor": "To be looked at in its turn.",
        "major": "Puts product or chain in doubt.",
        "critical": "Puts a patient in danger.",
    },
    "precision": {
        "year": "The year is known.",
        "month": "Year and month are known.",
        "day": "The day is known.",
        "hour": "The hour is known.",
        "minute": "The minute is known.",
        "second": "The second is known.",
        "fraction": "A part of a second is known.",
    },
    "comparator": {
        "<": "The true value is less.",
        "<=": "The true value is less or equal.",
        ">=": "The true value is greater or equal.",
        ">": "The true value is greater.",
    },
    "obligation-kind": {
        "result": "A test result.",
        "delivery": "That something is delivered.",
        "assessment": "That a person judges something.",
        "document": "A document.",
        "notification": "That someone is told.",
    },
    "label-identity": {
        "pseudonym": "No name, no date: only numbers.",
        "initials": "Initials and year of birth.",
        "full": "Name and date of birth.",
    },
    "conditioning-after": {
        "released": "When quality has released the product.",
        "at-site": "When the product has arrived where it is given.",
        "confirmed": "When quality has released it conditionally and its delivery has a date.",
    },
    "criterion-phase": {
        "collection": "Of what is collected, at its end.",
        "receipt": "Of what the manufacturer receives.",
        "in-process": "While it is being made.",
        "release": "Before quality releases it.",
        "post-release": "After quality has released it.",
        "stability": "While it is kept.",
        "post-thaw": "When it was thawed.",
    },
    "window-rule": {"I-4": "Stages follow each other in time.", "I-8": "What was thawed is given in time."},
    "activity": {
        "collect": "Collection of starting material.",
        "manufacture": "To make the product.",
        "test": "To test material or product.",
        "ship": "To move it.",
        "store": "To keep it.",
        "infuse": "Giving the product.",
    },
    "consent-scope": {
        "treatment": "To be treated.",
        "manufacture": "That cells are taken and a product is made of them.",
        "data-sharing": "That partners of the therapy share data.",
        "registry": "That a registry is told.",
        "research": "That material or data are used in research.",
        "data-transfer": "That data leave the person's region.",
    },
    "appointment-kind": {
        "apheresis": "Collection of starting material.",
        "pickup": "A courier takes a shipment.",
        "manufacturing": "A batch is made.",
        "delivery": "A shipment reaches its consignee.",
        "conditioning": "The patient is prepared for the infusion.",
        "infusion": "The product is given.",
        "follow-up": "The patient is seen afterwards.",
    },
}
"""Vocabulary -> its values with their meanings."""

FIELDS: Mapping[str, str] = {
    "location.kind": "location-kind",
    "device.kind": "device-kind",
    "subject.roles": "subject-role",
    "subject.sex": "sex",
    "Decided.decision": "eligibility-decision",
    "order.programme": "programme",
    "material.stage": "material-stage",
    "Inspection.result": "inspection-result",
    "container.role": "container-role",
    "Step.status": "step-status",
    "result.evaluation": "evaluation",
    "disposition.decision": "decision",
    "shipment.direction": "shipment-direction",
    "readings.quantity": "reading-quantity",
    "readings.alarm": "reading-alarm",
    "verification.result": "verification-result",
    "outcome.kind": "outcome-kind",
    "issue.severity": "severity",
    "consent.scope": "consent-scope",
    "Quantity.comparator": "comparator",
    "When.precision": "precision",
    "protocol.sourcing": "sourcing",
    "protocol.label_identity": "label-identity",
    "Conditioned.after": "conditioning-after",
    "Criterion.phase": "criterion-phase",
    "Window.rule": "window-rule",
    "obligation.kind": "obligation-kind",
    "qualification.activity": "activity",
    "appointment.kind": "appointment-kind",
}
"""Field of a record or value -> its vocabulary."""

OPEN = frozenset({"consent.scope", "appointment.kind", "qualification.activity"})
"""Fields whose vocabulary is open: other values are kept as sent."""

TESTS: Mapping[str, tuple[str, str, str, str]] = {
    "car-t-panel": ("Panel of a CAR-T product.", "", "102078-3", "equivalent"),
    "car-t-total": ("CAR-T cells in all.", "10*6", "102081-7", "equivalent"),
    "t-cell-panel": ("Panel of the T cells of a product.", "", "95828-0", "equivalent"),
    "cd3-total": ("CD3 cells in all.", "10*6", "95836-3", "equivalent"),
    "cd3-viability": ("Share of viable cells among CD3 cells.", "%", "95827-2", "equivalent"),
    "cd3-concentration": ("CD3 cells by volume.", "", "106920-2", "equivalent"),
    "mnc-total": ("Mononuclear cells in all.", "", "95834-8", "equivalent"),
    "cd34-viability": ("Share of viable cells among CD34 cells.", "%", "80698-4", "equivalent"),
    "cd34-fraction": ("Share of CD34 cells among all.", "%", "33023-3", "equivalent"),
    "sterility": ("Growth of bacteria and fungi.", "", "76693-1", "inexact"),
    "endotoxin": ("Bacterial endotoxin.", "{EU}/mL", "33643-8", "inexact"),
    "mycoplasma": ("Mycoplasma, by culture or nucleic acid.", "", "687-4", "inexact"),
    "viability": ("Share of viable cells among all.", "%", "", ""),
    "vector-copy-number": ("Vector copies by transduced cell.", "{copies}/{transduced cell}", "", ""),
    "replication-competent-virus": ("Replication-competent lentivirus or retrovirus.", "", "", ""),
    "car-fraction": ("Share of cells that express the receptor.", "%", "", ""),
    "residual-beads": ("Beads left from activation.", "{beads}/10*6", "", ""),
    "anti-capsid-antibody": ("Antibodies against the capsid, as a titre.", "", "", ""),
}
"""Hub test code -> meaning, usual unit in UCUM, LOINC code (none where none was found), how it stands to the hub's.

The LOINC codes are to be checked against a licensed release before they are relied on; no text of LOINC is here.
"""
