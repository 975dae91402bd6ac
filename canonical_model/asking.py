"""Questions by their names: what each asks about, and the function that answers it. Decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import Field

from canonical_model import questions as q
from canonical_model.journey import Journey, party_name
from canonical_model.protocols import Protocol
from canonical_model.questions import Listed, Reason, Verdict
from canonical_model.rules import check
from canonical_model.values import Model, Ref, plain


class Asked(Model):
    """One question. What it does not need is left out."""

    question: str = Field(description="its name, such as may-infuse")
    containers: tuple[Ref, ...] = Field(default=(), description="containers as they were scanned")
    container: Ref | None = Field(default=None, description="the container that would be allocated")
    party: Ref | None = Field(default=None, description="who would act: giver, taker, maker or site; absent: not asked")
    patient: Ref | None = Field(default=None, description="whoever is in the bed; absent: the order's patient")
    shipment: Ref | None = Field(default=None, description="the shipment that would be accepted")
    batch: Ref | None = Field(default=None, description="the batch that would be started or labelled")
    material: Ref | None = Field(default=None, description="material, batch or container that would be released")
    issue: str | None = Field(default=None, description="id of an Issue")
    rule: str | None = Field(default=None, description="in place of an id: the worst Issue of this rule")


@dataclass(frozen=True, slots=True)
class Matter:
    """What a question is about, as plain references. `party` is the short name of who would act; empty: not asked.

    `unsettled` are reasons that whoever asks knows of, such as unread messages.
    """

    containers: Sequence[Mapping[str, Any]] = ()
    batch: Mapping[str, Any] = field(default_factory=dict)
    shipment: Mapping[str, Any] = field(default_factory=dict)
    material: Mapping[str, Any] = field(default_factory=dict)
    patient: Mapping[str, Any] | None = None
    issue: str = ""
    party: str = ""
    unsettled: Sequence[Reason] = ()


_Ask = Callable[[Journey, Matter, Mapping[str, Protocol], datetime], Verdict | Listed]

ASK: Mapping[str, _Ask] = {
    "may-collect": lambda j, m, p, now: q.may_collect(j, p, now, unsettled=m.unsettled),
    "may-label": lambda j, m, p, now: q.may_label(j, m.batch, p, now, unsettled=m.unsettled),
    "may-start": lambda j, m, p, now: q.may_start(
        j, m.batch, m.party, p, now, containers=m.containers, unsettled=m.unsettled
    ),
    "may-allocate": lambda j, m, p, now: q.may_allocate(j, m.containers[0], p, now, unsettled=m.unsettled),
    "may-ship": lambda j, m, p, now: q.may_ship(j, m.containers, m.party, p, now, unsettled=m.unsettled),
    "may-accept": lambda j, m, p, now: q.may_accept(j, m.shipment, m.party, p, now, unsettled=m.unsettled),
    "may-condition": lambda j, m, p, now: q.may_condition(j, p, now, unsettled=m.unsettled),
    "may-prepare": lambda j, m, p, now: q.may_prepare(j, m.containers, m.party, p, now, unsettled=m.unsettled),
    "may-infuse": lambda j, m, p, now: q.may_infuse(
        j, m.containers, m.party, p, now, unsettled=m.unsettled, patient=m.patient
    ),
    "may-give-next-dose": lambda j, m, p, now: q.may_give_next_dose(j, p, now, unsettled=m.unsettled),
    "may-close": lambda j, m, p, now: q.may_close(j, p, now, unsettled=m.unsettled),
    "what-is-missing-for-release": lambda j, m, p, now: q.what_is_missing_for_release(
        j, m.material, p, now, unsettled=m.unsettled
    ),
    "what-is-due": lambda j, m, p, now: q.what_is_due(j, p, now, unsettled=m.unsettled),
    "who-must-be-told": lambda j, m, p, now: q.who_must_be_told(j, m.issue, p, now, unsettled=m.unsettled),
}
"""Name of a question -> the function that answers it, with the arguments that it takes."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "may-label": ("batch",),
    "may-start": ("batch",),
    "may-allocate": ("container",),
    "may-accept": ("shipment",),
    "what-is-missing-for-release": ("material",),
    "who-must-be-told": ("issue", "rule"),
}
"""What a question cannot be asked without: one of these."""


class Unasked(ValueError):
    """A question that is not known, or that lacks what it asks about."""


def ask(journey: Journey, asked: Asked, protocols: Mapping[str, Protocol], now: datetime) -> Verdict | Listed:
    """The answer to a question as data. Raises Unasked."""
    if asked.question not in ASK:
        raise Unasked(f"known questions are: {', '.join(ASK)}")
    needed = NEEDS.get(asked.question, ())
    if needed and not any(getattr(asked, name) for name in needed):
        raise Unasked(f"{asked.question}: say {' or '.join(needed)}")
    return ASK[asked.question](journey, _matter(journey, asked, protocols, now), protocols, now)


def _matter(journey: Journey, asked: Asked, protocols: Mapping[str, Protocol], now: datetime) -> Matter:
    scanned = (asked.container,) if asked.container else asked.containers
    issue = asked.issue or ""
    if asked.rule and not issue:  # an Issue that is named by its rule: the worst of it
        issue = next((f.id for f in check(journey, protocols, now).findings if f.rule == asked.rule), "")
    return Matter(
        containers=[plain(one) for one in scanned],
        batch=_named(asked.batch),
        shipment=_named(asked.shipment),
        material=_named(asked.material),
        patient=_named(asked.patient) or None,
        issue=issue,
        party=party_name(plain(asked.party)) if asked.party else "",
    )


def _named(ref: Ref | None) -> dict[str, Any]:
    return plain(ref) if ref else {}
