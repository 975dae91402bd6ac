"""Requests that ask a question: which arguments each question takes, and all faults of a request at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from canonical_model.values import Identifier
from hub.answers import Question

Names = Annotated[list[Identifier], Field(min_length=1, max_length=20)]
"""Names of one thing."""
Scanned = Annotated[list[Identifier], Field(max_length=200)]
"""Containers as they were scanned, each by one name."""


class OfOrder(BaseModel):
    """A question about an order, by any of its names."""

    model_config = ConfigDict(extra="forbid")

    order: Names
    partner: str | None = Field(default=None, description="ask as this partner; operators only")


class OfContainers(OfOrder):
    """A question about containers that are scanned; none scanned is answered with no."""

    containers: Scanned = []


class OfInfusion(OfContainers):
    """A question about containers and whoever is in the bed."""

    patient: Names | None = Field(default=None, description="names of the patient, such as a medical record number")


class OfStock(OfOrder):
    """A question about one container that may be nobody's yet."""

    containers: Annotated[list[Identifier], Field(min_length=1, max_length=1)]


class OfBatch(OfOrder):
    """A question about a batch."""

    batch: Names


class OfStart(OfBatch):
    """A question about a batch and what goes in."""

    containers: Scanned = []


class OfShipment(OfOrder):
    """A question about a shipment."""

    shipment: Names


class OfMaterial(OfOrder):
    """A question about a material, batch or container."""

    material: Names


class OfIssue(OfOrder):
    """A question about an Issue of an order."""

    issue: Annotated[str, Field(min_length=1, max_length=200)]


ARGUMENTS: Mapping[str, type[OfOrder]] = {
    "may-collect": OfOrder,
    "may-label": OfBatch,
    "may-start": OfStart,
    "may-allocate": OfStock,
    "may-ship": OfContainers,
    "may-accept": OfShipment,
    "may-condition": OfOrder,
    "may-prepare": OfContainers,
    "may-infuse": OfInfusion,
    "may-give-next-dose": OfOrder,
    "may-close": OfOrder,
    "what-is-missing-for-release": OfMaterial,
    "what-is-due": OfOrder,
    "who-must-be-told": OfIssue,
}
"""Question -> the arguments that it takes."""


def read(question: str, body: Mapping[str, Any]) -> OfOrder:
    """The arguments of a question. Raises RequestValidationError with all faults of the request."""
    try:
        return ARGUMENTS[question].model_validate(body)
    except ValidationError as wrong:
        raise RequestValidationError(
            [{**error, "loc": ("body", *_place(error["type"], error["loc"]))} for error in wrong.errors()]
        ) from None


def _place(kind: str, steps: Sequence[str | int]) -> Sequence[str | int]:
    """A place in the body; a name that the sender made up is not repeated."""
    return (*steps[:-1], "…") if kind == "extra_forbidden" else steps


def wanted(question: str, asked: OfOrder, partner: str, caller: str = "") -> Question:
    """The question as the hub answers it; `caller` asks it in the partner's name."""
    scanned = [{"kind": "container", "identifiers": [plain(c)]} for c in getattr(asked, "containers", [])]
    return Question(
        question,
        _all(asked, "order"),
        scanned,
        partner,
        batch=_all(asked, "batch"),
        shipment=_all(asked, "shipment"),
        material=_all(asked, "material"),
        patient=_all(asked, "patient"),
        issue=getattr(asked, "issue", ""),
        caller=caller,
    )


def _all(asked: OfOrder, name: str) -> list[dict[str, Any]]:
    return [plain(identifier) for identifier in getattr(asked, name, None) or ()]


def plain(identifier: Identifier) -> dict[str, Any]:
    """A name as the log writes it."""
    return identifier.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
