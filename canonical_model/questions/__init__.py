"""Questions: may this be done, what is missing, what is due, who must be told? Pure functions of the state.

A verdict is allow, deny, or cannot-tell, which is treated as no: the facts needed to answer are contradictory, unread,
unlinked, too coarse, or were never told. Every answer gives its reasons, with the facts that they rest on, what would
settle each, and whose word does. A question is no order-control request of HL7.
"""

from __future__ import annotations

from canonical_model.questions import dues, release, telling
from canonical_model.questions.answer import (
    ALLOW,
    CANNOT_TELL,
    DENY,
    Entry,
    Listed,
    Reason,
    Verdict,
)
from canonical_model.questions.closing import may_close
from canonical_model.questions.collection import may_collect
from canonical_model.questions.dues import DUE, what_is_due
from canonical_model.questions.manufacture import Named, may_label, may_start
from canonical_model.questions.release import what_is_missing_for_release
from canonical_model.questions.scanning import ContainerRef
from canonical_model.questions.stock import may_allocate
from canonical_model.questions.telling import TOLD, who_must_be_told
from canonical_model.questions.transport import may_accept, may_ship
from canonical_model.questions.treatment import may_condition, may_give_next_dose, may_infuse, may_prepare
from canonical_model.rules.finding import (
    ACCEPT,
    ALLOCATE,
    CLOSE,
    COLLECT,
    CONDITION,
    INFUSE,
    LABEL,
    NEXT_DOSE,
    PREPARE,
    RELEASE,
    SHIP,
    START,
)

VERDICTS = (COLLECT, LABEL, START, ALLOCATE, SHIP, ACCEPT, CONDITION, PREPARE, INFUSE, NEXT_DOSE, CLOSE)
"""Questions that are answered with allow, deny or cannot-tell, in the order of a therapy."""
LISTS = {RELEASE: release.KINDS, DUE: dues.KINDS, TOLD: telling.KINDS}
"""Questions that are answered with a list -> the kinds of its entries."""

__all__ = [
    "ALLOW",
    "CANNOT_TELL",
    "DENY",
    "LISTS",
    "VERDICTS",
    "ContainerRef",
    "Entry",
    "Listed",
    "Named",
    "Reason",
    "Verdict",
    "may_accept",
    "may_allocate",
    "may_close",
    "may_collect",
    "may_condition",
    "may_give_next_dose",
    "may_infuse",
    "may_label",
    "may_prepare",
    "may_ship",
    "may_start",
    "what_is_due",
    "what_is_missing_for_release",
    "who_must_be_told",
]
