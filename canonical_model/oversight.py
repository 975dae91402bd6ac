"""What keeps a therapy in order: labels, qualifications, obligations, recalls, notifications, complaints. No rules."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from canonical_model.fields import FreeText, Identifiers, Link, Record
from canonical_model.values import Concept, Identifier, Model, Period, When, Whole


class Spoilt(Model):
    """Labels of a set that were not put on a container."""

    count: Whole = Field(description="how many")
    reason: Concept | None = Field(default=None, description="why")


class Labels(Record):
    """A set of labels printed together, for a batch, a kit or a container. They have to add up to none left."""

    order: Link | None = Field(default=None, description="the order that they are for")
    batch: Link | None = Field(default=None, description="the batch whose containers they label")
    container: Link | None = Field(default=None, description="the kit that they lie in, or the container they are on")
    coi: Identifier | None = Field(default=None, description="chain-of-identity identifier that is printed on them")
    template: str | None = Field(default=None, description="id@version of the template")
    serials: tuple[str, ...] | None = Field(default=None, description="serial numbers of the labels")
    reprint_of: Link | None = Field(default=None, description="the set that this one prints again; needs a reason")
    reason: Concept | None = Field(default=None, description="why they were printed again")
    issued: Whole | None = Field(default=None, description="how many were printed")
    applied: Whole | None = Field(default=None, description="how many were put on containers")
    spoilt: tuple[Spoilt, ...] | None = Field(default=None, description="how many were spoilt")
    destroyed: Whole | None = Field(default=None, description="how many were destroyed unused")


class Qualification(Record):
    """What a party or device may do, until when, and on what agreement: data of whoever answers for the therapy."""

    party: Link | None = Field(default=None, description="the organisation that is qualified")
    device: Link | None = Field(default=None, description="the device that is qualified")
    activity: str | None = Field(default=None, description="collect, manufacture, test, ship, store or infuse")
    product: Concept | None = Field(default=None, description="for which product; absent: for all")
    region: str | None = Field(default=None, description="for which region; absent: for all")
    valid: Period | None = Field(default=None, description="from when until when")
    agreement: Link | None = Field(default=None, description="the signed agreement")
    reason: Concept | None = Field(default=None, description="why it was suspended")


class Obligation(Record):
    """Something promised by a date, such as the final result after a conditional release."""

    order: Link | None = Field(default=None, description="the order that it is for")
    material: Link | None = Field(default=None, description="what it is about")
    kind: Literal["result", "delivery", "assessment", "document", "notification"] | None = Field(
        default=None, description="what was promised"
    )
    criterion: str | None = Field(default=None, description="hub test code of the result that was promised")
    text: FreeText | None = Field(default=None, description="what was promised, in words")
    due: When | None = Field(default=None, description="by when")
    done_at: When | None = Field(default=None, description="when it was done; of a result the result itself says so")


class Recall(Record):
    """Lots, donations or containers that must not be used any more."""

    order: Link | None = Field(default=None, description="an order that it is known to touch")
    recall_class: str | None = Field(default=None, description="class that the authority gives it, such as I, II, III")
    targets: tuple[Link, ...] | None = Field(
        default=None, description="materials, containers, collections and donors that are recalled"
    )
    reason: Concept | None = Field(default=None, description="why")
    authority: Link | None = Field(default=None, description="the authority that asked for it or was told")
    told: tuple[Link, ...] | None = Field(default=None, description="parties that have acknowledged it")


class Notification(Record):
    """Someone had to be told, and by when: an authority, a site, a patient's physician."""

    order: Link | None = Field(default=None, description="the order that it is about")
    issue: Link | None = Field(default=None, description="the Issue that it tells of")
    recall: Link | None = Field(default=None, description="the recall that it tells of")
    to: Link | None = Field(default=None, description="who is told")
    role: str | None = Field(default=None, description="role of the party that is told, such as regulator")
    due: When | None = Field(default=None, description="end of the legal or agreed time for telling")
    references: Identifiers | None = Field(default=None, description="what the receiver calls it")


class Complaint(Record):
    """Someone was not content with a product, a container or a service."""

    order: Link | None = Field(default=None, description="the order that it is about")
    container: Link | None = Field(default=None, description="the container that it is about")
    shipment: Link | None = Field(default=None, description="the shipment that it is about")
    text: FreeText | None = Field(default=None, description="what is complained of")
    documents: tuple[Link, ...] | None = Field(default=None, description="photographs and letters")
