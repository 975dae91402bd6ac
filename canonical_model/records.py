"""The records of the canonical model: what there is in cell and gene therapy. One class per kind; no behaviour.

Every field is optional here, because a frame or an event asserts a part; what an event must say stands in the catalogue
(`canonical_model.catalogue`). A field marked `personal` never enters the log: the hub seals it.
References name a record by kind and identifiers. The classes stand in
`parties`, `orders`, `materials`, `outcomes`, `treatment` and `oversight`, kinds that only a message has in `messages`,
what several kinds share in `fields`.
"""

from __future__ import annotations

from canonical_model.fields import Record
from canonical_model.materials import Batch, Collection, Container, Material, Readings, Shipment
from canonical_model.messages import FRAME_ONLY
from canonical_model.orders import Report, TherapyOrder
from canonical_model.outcomes import Disposition, Document, Issue, Result
from canonical_model.oversight import Complaint, Labels, Notification, Obligation, Qualification, Recall
from canonical_model.parties import Appointment, Consent, Device, Location, Party, Subject
from canonical_model.treatment import Administration, Conditioning, FollowUp, Outcome, Verification
from canonical_model.values import Model

RECORDS: dict[str, type[Model]] = {
    "party": Party,
    "location": Location,
    "device": Device,
    "subject": Subject,
    "order": TherapyOrder,
    "report": Report,
    "consent": Consent,
    "appointment": Appointment,
    "collection": Collection,
    "material": Material,
    "container": Container,
    "batch": Batch,
    "result": Result,
    "disposition": Disposition,
    "shipment": Shipment,
    "readings": Readings,
    "administration": Administration,
    "verification": Verification,
    "outcome": Outcome,
    "issue": Issue,
    "document": Document,
    "conditioning": Conditioning,
    "follow-up": FollowUp,
    "labels": Labels,
    "qualification": Qualification,
    "obligation": Obligation,
    "recall": Recall,
    "notification": Notification,
    "complaint": Complaint,
}
"""Kinds that the log knows."""


FRAME_FIELDS = frozenset({"action"})
"""Fields that say what a message does, not what a record is: they choose the event's type and stay out of its data."""

__all__ = ["FRAME_FIELDS", "FRAME_ONLY", "RECORDS", "Record"]
