"""Who and what takes part: organisations, places, devices, persons, their consents and appointments. No material."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical_model.fields import (
    Concepts,
    FreeText,
    Identifiers,
    Link,
    People,
    Record,
)
from canonical_model.values import (
    PERSONAL,
    Concept,
    Flag,
    Model,
    Name,
    Period,
    Place,
    Quantity,
    Sealed,
    When,
    Whole,
)


class Party(Record):
    """An organisation that takes part. People appear only as actors."""

    name: str | None = Field(default=None, description="as its partners call it")
    roles: tuple[str, ...] | None = Field(default=None, description="roles of the model's list in which it speaks")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2")
    region: str | None = Field(
        default=None, description="data residency region; its persons stay in that region's vault"
    )
    parent: Link | None = Field(default=None, description="the organisation that it is a part of")


class Location(Record):
    """A site, room, storage or vehicle; its zone is what its un-zoned times are read in."""

    name: str | None = Field(default=None, description="as its owner calls it")
    party: Link | None = Field(default=None, description="whose place it is")
    zone: str | None = Field(default=None, description="IANA name; un-zoned times of this place are read in it")
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2")
    kind: Literal["site", "room", "storage", "vehicle"] | None = Field(
        default=None, description="what sort of place it is"
    )
    parent: Link | None = Field(default=None, description="the place that it is a part of")


class Device(Record):
    """A logger, shipper, freezer or instrument."""

    kind: Literal["logger", "shipper", "equipment", "freezer", "software"] | None = Field(
        default=None, description="what sort of device it is"
    )
    model: str | None = Field(default=None, description="its maker's name of the model")
    serial: str | None = Field(default=None, description="as engraved or labelled")
    owner: Link | None = Field(default=None, description="whose device it is")
    calibrated_until: When | None = Field(default=None, description="end of the calibration's validity")
    qualified_hold: Quantity | None = Field(
        default=None, description="time for which this very unit keeps its condition, unit in UCUM (h or d)"
    )


class Decided(Model):
    """One decision about an eligibility."""

    decision: Literal["eligible", "not-eligible", "conditional", "pending"] | None = Field(
        default=None, description="what was decided"
    )
    urgent_need: Flag | None = Field(
        default=None, description="true: not eligible or not decided, used for a documented urgent medical need"
    )
    since: When | None = Field(default=None, description="not before this; a postponed dose has one")
    until: When | None = Field(default=None, description="end of its validity")


class Eligibility(Model):
    """What a person is eligible for. Each kind is decided by itself."""

    clinical: Decided | None = Field(default=None, description="for the therapy")
    coverage: Decided | None = Field(default=None, description="for being paid for")
    donor: Decided | None = Field(default=None, description="as donor, from screening and testing")
    collection: Decided | None = Field(default=None, description="fit for the collection")
    adequacy: Decided | None = Field(
        default=None, description="what was collected is enough; not eligible: another day of the same attempt"
    )
    conditioning: Decided | None = Field(default=None, description="fit for conditioning")
    infusion: Decided | None = Field(default=None, description="fit for the infusion; before each further dose anew")
    retreatment: Decided | None = Field(default=None, description="for being treated again")


class Subject(Record):
    """A patient or donor, pseudonymous: its identifiers in the log are tokens; the vault knows the person."""

    roles: tuple[Literal["patient", "donor"], ...] | None = Field(default=None, description="patient, donor or both")
    home: Link | None = Field(default=None, description="the site whose region keeps the person's identity")
    birth_year: Whole | None = Field(default=None, description="four digits; the birth date itself is the vault's")
    sex: Literal["female", "male", "other", "unknown"] | None = Field(default=None, description="administrative sex")
    abo_rh: str | None = Field(default=None, description="blood group as sent")
    deceased: Flag | None = Field(default=None, description="true: the person died")
    deceased_at: When | None = Field(default=None, description="when the person died")
    eligibility: Eligibility | None = Field(default=None, description="what was decided, by kind of eligibility")
    identity_unknown: Flag | None = Field(default=None, description="true: nobody knows who the person is yet")
    identity_reliability: str | None = Field(
        default=None, description="the sender's own word on how sure the identity is (HL7 PID-32)"
    )
    stated_at: When | None = Field(default=None, description="when the sender last changed what it knows")
    retired: Identifiers | None = Field(default=None, description="names of the record that a merge retired")
    replaces: Link | None = Field(default=None, description="the record of the same person that this one took over")
    replaced_by: Link | None = Field(default=None, description="the record of the same person that took this one over")
    active: Flag | None = Field(default=None, description="false: the partner no longer uses this record")
    identity_digest: str | None = Field(default=None, description="changes when what the vault knows does")
    birth_digest: str | None = Field(
        default=None, description="keyed digest of a whole birth date: tells another date from the same, and no more"
    )


class Consent(Record):
    """What a subject agreed to, and until when."""

    order: Link | None = Field(default=None, description="the order that it is for; absent: for all")
    subject: Link | None = Field(default=None, description="who consents")
    scope: tuple[str, ...] | None = Field(
        default=None,
        description="treatment, manufacture, data-sharing, registry, research, data-transfer; absent: treatment",
    )
    status: Literal["active", "refused", "withdrawn", "expired"] | None = Field(
        default=None, description="where it stands"
    )
    period: Period | None = Field(default=None, description="validity; after its end there is no consent")
    form: Link | None = Field(default=None, description="the signed document")
    programme: str | None = Field(default=None, description="programme of the order that it was given for")
    language: str | None = Field(default=None, description="language of the form (BCP 47)")
    form_version: str | None = Field(default=None, description="id and version of the blank form")
    decided_at: When | None = Field(default=None, description="when the subject decided")
    consenters: Annotated[tuple[Name, ...] | Sealed | None, Field(json_schema_extra=PERSONAL)] = Field(
        default=None, description="who decided"
    )
    relationships: Concepts | None = Field(default=None, description="how those stand to the subject")


class Appointment(Record):
    """A slot of a resource: for apheresis, pick-up, manufacture, delivery, conditioning, infusion, follow-up."""

    order: Link | None = Field(default=None, description="the order that it is for")
    kind: str | None = Field(
        default=None, description="apheresis, pickup, manufacturing, delivery, conditioning, infusion, follow-up"
    )
    resource: Link | None = Field(default=None, description="who or what is booked")
    period: Period | None = Field(default=None, description="from when to when")
    status: Literal["proposed", "held", "booked", "done", "cancelled", "missed"] | None = Field(
        default=None, description="where it stands"
    )
    hold_until: When | None = Field(default=None, description="until when a held time is kept")
    replaces: Link | None = Field(default=None, description="the appointment that this one moved")
    requested: Period | None = Field(default=None, description="period in which a time was asked for")
    note: FreeText | None = Field(default=None, description="remark in words")
    patient: Link | None = Field(default=None, description="for whom")
    service: Concept | None = Field(default=None, description="what is booked, in the sender's code")
    category: Concept | None = Field(default=None, description="sort of booking: normal, tentative, …")
    reasons: Concepts | None = Field(default=None, description="why it is asked for")
    reason: Concept | None = Field(default=None, description="why it was moved or given up")
    place: Place | None = Field(default=None, description="where")
    duration: Quantity | None = Field(
        default=None, description="how long, where no start and end say so, unit in UCUM (min)"
    )
    requested_by: People | None = Field(default=None, description="who asked for it")
    arranged_by: People | None = Field(default=None, description="who arranges it")
    entered_by: People | None = Field(default=None, description="who entered it")
