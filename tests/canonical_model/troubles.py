"""What comes between an order and its usual course: changes, failures, corrections, doubts. One act tells of one.

Each act may be told at any time and of anything that there is: that it makes sense is not its business, a log takes
every fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonical_model import BASE
from canonical_model.catalogue import EVENTS
from tests.canonical_model.acts import PEOPLE, Act, collected, filled, made, tested, verified
from tests.canonical_model.courses import Course
from tests.canonical_model.facts import Fact, Ref, ref

ISSUE_SYSTEM = f"{BASE}/id/issue"
SUBJECT_SYSTEM = "urn:test:subject"

# ---- the order ----------------------------------------------------------------------------------------------------


def amended(c: Course) -> None:
    how = c.pick("priority", "priority", "clear", "silent", "product", "weight", "protocol")
    values: Mapping[str, Any] = {
        "priority": {"priority": c.pick("R", "S", "A")},
        "product": {"service": {"codings": [{"code": c.pick("AXI-CEL", "AAV", "NOBODY-KNOWS")}]}},
        "weight": {"weight": {"value": c.pick("9.1", "70"), "unit": "kg"}, "weighed_at": c.near(0)},
        "protocol": {"protocol": c.protocol.key},
    }.get(how, {})
    clear = {"clear": ("priority",), "silent": ("?priority",)}.get(how, ())
    c.tell(c.pick("mercy", "general"), c.pick("order.amended", "order.stated"), c.order(), clear, **values)


def asked(c: Course) -> None:
    types = ("order.cancel-requested", "order.change-requested", "order.answered", "order.transferred")
    site: dict[str, Any] = {"site": c.parties[c.pick("mercy", "general")]}
    c.tell("mercy", c.pick(*types), c.order(), **site)


def held(c: Course) -> None:
    c.tell(c.pick("mercy", "quality"), c.pick("order.held", "order.resumed"), c.order())


def ended(c: Course) -> None:
    c.tell("mercy", c.pick("order.cancelled", "order.rejected", "order.completed"), c.order())


def renamed(c: Course) -> None:
    """An identifier is taken back or takes another's place: here the other order's, by mistake."""
    other = {**c.chain, "value": f"CHA9999260{c.number + c.pick(1, 50):05}"}
    c.tell(
        "mercy",
        c.pick("identity.voided", "identity.replaced"),
        c.order(c.placer, c.pick(c.chain, other)),
        retired=[other],
    )


# ---- people -------------------------------------------------------------------------------------------------------


def _old(c: Course) -> Ref:
    """Another record of the patient, or another patient's."""
    return ref("subject", c.pick(f"old-{c.number}", f"token-{c.number + 1}"))


def updated(c: Course) -> None:
    about, clear = c.pick(c.patient, c.donor, _old(c)), c.pick((), (), ("sex",), ("?sex",))
    values: dict[str, Any] = {} if clear else {"sex": c.pick("female", "male")}
    c.tell(c.pick("mercy", "general"), "subject.updated", about, clear, **values)


def merged(c: Course) -> None:
    retired = _old(c)["identifiers"]
    c.tell("mercy", c.pick("subject.merged", "subject.merged", "subject.unmerged"), c.patient, retired=retired)


def died(c: Course) -> None:
    c.tell("mercy", "subject.deceased", c.pick(c.patient, c.donor), deceased_at=c.near(-1))


def consent_changed(c: Course) -> None:
    form, what = c.one("consent"), c.pick("consent.withdrawn", "consent.recorded")
    status: dict[str, Any] = {} if what == "consent.withdrawn" else {"status": c.pick("active", "refused", "expired")}
    scope = [c.pick("treatment", "treatment", "research")]
    c.tell("mercy", what, form, order=c.order(), subject=c.pick(c.patient, c.donor), scope=scope, **status)


def judged(c: Course) -> None:
    kind = c.pick("clinical", "coverage", "donor", "collection", "adequacy", "conditioning", "infusion", "retreatment")
    decision: dict[str, Any] = {
        "decision": c.pick("eligible", "not-eligible", "conditional", "pending"),
        "until": c.near(20),
    }
    c.tell("mercy", "eligibility.decided", c.pick(c.patient, c.donor), eligibility={kind: decision})


# ---- plans and papers ---------------------------------------------------------------------------------------------


def slot_moved(c: Course) -> None:
    types = ("slot.offered", "slot.proposed", "slot.changed", "slot.cancelled", "slot.missed", "slot.released")
    values: dict[str, Any] = {"order": c.order(), "kind": c.pick("apheresis", "infusion")}
    period: dict[str, Any] = {"start": c.near(c.pick(1, 5)), "end": c.near(6)}
    c.tell(c.pick("general", "celltech"), c.pick(*types), c.one("appointment"), period=period, **values)


def labelled(c: Course) -> None:
    labels = c.some("labels")
    counts: dict[str, Any] = {c.pick("issued", "applied", "destroyed"): c.pick(0, 4, 5)}
    c.tell("celltech", c.pick("label.issued", "label.applied", "label.reconciled"), labels, order=c.order(), **counts)


def qualified(c: Course) -> None:
    valid: dict[str, Any] = {"start": c.near(-30), "end": c.near(c.pick(5, 300))}
    values: dict[str, Any] = {
        "party": c.parties[c.pick("general", "celltech")],
        "activity": c.pick("infuse", "manufacture", "ship"),
    }
    types = ("party.qualified", "party.suspended", "party.agreement-signed")
    c.tell("quality", c.pick(*types), c.some("qualification"), valid=valid, **values)


# ---- material -----------------------------------------------------------------------------------------------------


def collection_failed(c: Course) -> None:
    what = c.pick("collection.failed", "collection.cancelled")
    c.tell("mercy", what, c.one("collection"), order=c.order(), reason={"text": "poor mobilisation"})


def batch_failed(c: Course) -> None:
    c.tell("celltech", c.pick("batch.failed", "batch.terminated"), c.one("batch"), reason={"text": "contaminated"})


def made_again(c: Course) -> None:
    """Another collection, another batch, or another filling of one batch."""
    act = c.pick(collected, made, lambda course: filled(course, course.some("batch"), course.new("lot")))
    act(c)


def refused(c: Course) -> None:
    what = c.pick("material.rejected", "material.stated")
    c.tell("celltech", what, c.one(c.pick("cells", "lot", "vector")), expires_at=c.near(c.pick(3, 90)))


def named_twice(c: Course) -> None:
    """The late name of a thing is told together with the first; now and then two bags are taken for one."""
    thing, other = c.some(c.pick("bag", "dose")), c.some(c.pick("dose", "bag"))
    both = (
        thing["identifiers"]
        if c.pick(True, True, True, False)
        else [*thing["identifiers"][:1], other["identifiers"][-1]]
    )
    c.tell("swift", "container.observed", {"kind": "container", "identifiers": both}, location={"name": "dock"})


def handed(c: Course) -> None:
    giver, taker = c.pick(*c.parties), c.pick(*c.parties)
    c.tell(
        c.pick(giver, taker),
        "custody.transferred",
        c.one(c.pick("bag", "dose")),
        giver=c.parties[giver],
        taker=c.parties[taker],
    )


def handled(c: Course) -> None:
    types = ("stored", "issued", "returned", "relabelled", "observed", "emptied", "destroyed")
    values: dict[str, Any] = {"location": {"name": c.pick("tank 3", "ward")}} | (
        {"label": {"coi": c.chain}} if c.pick(0, 1) else {}
    )
    c.tell(c.pick("general", "celltech"), f"container.{c.pick(*types)}", c.one(c.pick("dose", "bag", "kit")), **values)


def reserved(c: Course) -> None:
    """A container is reserved, or given back; perhaps by the order beside it."""
    taken = c.pick("container.allocated", "container.unallocated")
    other = {**c.placer, "value": f"P{c.number + 1}"}
    c.tell("celltech", taken, c.one("dose"), order=c.pick(c.order(), c.order(other)))


def went_astray(c: Course) -> None:
    types = ("located", "delayed", "recharged", "unpacked", "rejected", "lost", "cancelled", "arrived")
    values: dict[str, Any] = c.pick(
        {}, {"hold_until": c.near(2)}, {"removed": [c.one("bag")]}, {"contents": [c.one("dose")]}
    )
    c.tell("swift", f"shipment.{c.pick(*types)}", c.one("shipment"), **values)


def logged(c: Course) -> None:
    """A file of a logger that comes late, of a shipment or of a container."""
    of: dict[str, Any] = c.pick({"shipment": c.one("shipment")}, {"container": c.one("dose")})
    points = [{"seconds": s, "value": c.pick("5.0", "12.0", "-140")} for s in ("0", c.pick("900", "90000"))]
    series: dict[str, Any] = {"quantity": "temperature", "unit": "Cel", "start": c.near(-1), "points": points}
    c.tell("swift", "readings.recorded", c.new("readings"), **of, **series)


# ---- quality ------------------------------------------------------------------------------------------------------


def result_changed(c: Course) -> None:
    values: dict[str, Any] = {
        "evaluation": c.pick("in", "out", "not-evaluated"),
        "status": c.pick("corrected", "final"),
    }
    what = c.pick("result.corrected", "result.reported", "result.invalidated")
    c.tell("celltech", what, c.one("result"), **values)


def deviated(c: Course) -> None:
    values: dict[str, Any] = {"order": c.order(), "severity": c.pick("minor", "critical"), "about": [c.one("dose")]}
    c.tell("quality", c.pick("deviation.opened", "deviation.closed"), c.some("issue"), **values)


def decided_again(c: Course) -> None:
    """The same decision anew or another one, of a container, a lot or a batch; perhaps with evidence."""
    says = c.pick("released", "quarantined", "rejected", "released-conditional", "released-exceptionally")
    of: dict[str, Any] = c.pick({"material": c.one("lot")}, {"container": c.one("dose")}, {"batch": c.one("batch")})
    if says == "released-exceptionally" and c.pick(True, False):
        of |= {name: ref("document", name) for name in ("physician_request", "risk_evaluation", "acceptance")}
    decision: dict[str, Any] = c.pick(c.new, c.some)("disposition")
    if c.pick(True, True, True, False):
        c.tell(c.pick("quality", "celltech", "swift"), "disposition.decided", decision, decision=says, **of)
    else:
        c.tell("quality", "disposition.revoked", decision)


def promised(c: Course) -> None:
    values: dict[str, Any] = {
        "kind": c.pick("result", "delivery"),
        "criterion": "sterility",
        "due": c.near(c.pick(1, 14)),
    }
    done: dict[str, Any] = c.pick({}, {"done_at": c.near(0)})
    c.tell("quality", "obligation.recorded", c.some("obligation"), order=c.order(), **values, **done)


def recalled(c: Course) -> None:
    target = c.pick(c.one("vector"), c.one("lot"), c.one("dose"), c.donor, c.one("collection"))
    told: dict[str, Any] = c.pick({}, {"told": [c.parties["general"]]})
    types = ("recall.initiated", "recall.initiated", "recall.acknowledged", "recall.closed")
    c.tell("quality", c.pick(*types), c.some("recall"), targets=[target], **told)


def notified(c: Course) -> None:
    values: dict[str, Any] = {"order": c.order(), "role": "regulator", "due": c.near(2)}
    if c.pick(True, False):
        values["recall"] = c.one("recall")
    c.tell("quality", c.pick("notification.sent", "notification.confirmed"), c.some("notification"), **values)


def complained(c: Course) -> None:
    of: dict[str, Any] = c.pick({"container": c.one("dose")}, {"shipment": c.one("shipment")}, {"order": c.order()})
    c.tell("general", c.pick("complaint.received", "complaint.closed"), c.some("complaint"), **of)


# ---- treatment ----------------------------------------------------------------------------------------------------


def broken_off(c: Course) -> None:
    types = ("infusion.stopped", "infusion.not-done", "conditioning.stopped", "infusion.started")
    what = c.pick(*types)
    tag = EVENTS[what].about
    c.tell("general", what, c.some(tag), order=c.order(), reason={"text": "fever"})


def spoilt(c: Course) -> None:
    what = c.pick("product.thawed", "dose.prepared", "dose.expired")
    c.tell("general", what, c.one(c.pick("dose", "syringe")), expires_at=c.near(0.1), breached=c.pick(False, True))


def lived_on(c: Course) -> None:
    types = ("followup.scheduled", "followup.missed", "followup.handed-over", "followup.lost", "followup.completed")
    c.tell("general", c.pick(*types), c.some("follow-up"), order=c.order(), due=c.near(c.pick(2, 400)))


# ---- what was said before -----------------------------------------------------------------------------------------


EASY: Mapping[str, tuple[Any, ...]] = {
    "decision": ("rejected", "released", "quarantined"),
    "evaluation": ("out", "in"),
    "result": ("mismatch", "match"),
    "priority": ("S", "R"),
    "sex": ("male", "female"),
    "deceased": (True, False),
    "attempt": (2, 1),
    "grade": (4, 1),
    "kind": ("other", "another"),
}
"""Fields that are easily said otherwise, and how; parties too."""
SIDES = ("holder", "giver", "taker")
FREE_TEXT_KINDS = frozenset({"appointment", "container"})
"""Kinds whose `kind` is any word."""


def _easy(target: Fact) -> list[str]:
    return [
        f for f in (*EASY, *SIDES) if f in target["set"] and (f != "kind" or target["about"]["kind"] in FREE_TEXT_KINDS)
    ]


def _earlier(c: Course) -> Fact | None:
    """One of the last facts, rather one that is easily said otherwise."""
    lately = c.told[-40:]
    return c.pick(*reversed([fact for fact in lately if _easy(fact)] or lately), *lately) if lately else None


def _again(c: Course, target: Fact, but: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The values of a fact with one of them changed, where it has one that is easily changed; `but` not to these."""
    values = dict(target["set"])
    for name in _easy(target)[:2]:
        others = tuple(c.parties.values()) if name in SIDES else EASY[name]
        values[name] = c.pick(*(value for value in others if not but or value != but.get(name)))
    return values


def corrected(c: Course) -> None:
    """The same fact put right: by its speaker, by quality, or by somebody who has no say in it."""
    if target := _earlier(c):
        by = c.pick(target["reporter"]["partner"], target["reporter"]["partner"], "quality", "swift")
        c.tell(by, target["type"], target["about"], corrects=(target,), **_again(c, target, target["set"]))


def disputed(c: Course) -> None:
    """Two corrections of one fact, told apart from each other."""
    if target := _earlier(c):
        speaker = target["reporter"]["partner"]
        one = c.tell(speaker, target["type"], target["about"], corrects=(target,), **_again(c, target))
        c.tell("quality", target["type"], target["about"], corrects=(target,), **_again(c, target, one["set"]))


def contradicted(c: Course) -> None:
    """A fact is told once more at the same moment, otherwise: nothing puts the two in order."""
    if target := _earlier(c):
        by = c.pick(target["reporter"]["partner"], target["reporter"]["partner"], "quality", "general")
        values = _again(c, target, target["set"])
        c.tell(by, target["type"], target["about"], moment=target["occurred"]["local"], **values)


def withdrawn(c: Course) -> None:
    """A fact is taken back; where it was a correction, what it put right stands again."""
    if target := _earlier(c):
        by = c.pick(target["reporter"]["partner"], target["reporter"]["partner"], "quality", "swift")
        c.tell(by, "record.retracted", target["about"], corrects=(target,))


def chained(c: Course) -> None:
    """A correction of a correction of a correction."""
    if target := _earlier(c):
        for _ in range(c.pick(2, 3, 4)):
            kept = c.pick(True, False)
            what, values = (target["type"], _again(c, target)) if kept else ("record.retracted", {})
            target = c.tell("quality", what, target["about"], corrects=(target,), **values)


def settled(c: Course, issues: tuple[str, ...]) -> None:
    """Quality answers an Issue, or opens it again."""
    if issues:
        about = {"kind": "issue", "identifiers": [{"system": ISSUE_SYSTEM, "value": c.pick(*issues)}]}
        what = c.pick("issue.resolved", "issue.resolved", "issue.assessed", "issue.reopened", "issue.acknowledged")
        c.tell("quality", what, about, order=c.order(c.placer), person=PEOPLE[0], role="qa")


TROUBLES: Mapping[str, tuple[Act, ...]] = {
    "order": (amended, amended, asked, held, held, ended, renamed),
    "people": (updated, merged, died, consent_changed, judged),
    "plans": (slot_moved, labelled, qualified),
    "making": (collection_failed, batch_failed, made_again, refused),
    "moving": (named_twice, handed, handled, reserved, went_astray, logged),
    "quality": (result_changed, deviated, decided_again, promised, recalled, notified, complained, tested),
    "treating": (broken_off, spoilt, lived_on, verified),
    "correcting": (corrected, corrected, disputed, contradicted, contradicted, withdrawn, withdrawn, chained),
}
"""By what they touch."""
