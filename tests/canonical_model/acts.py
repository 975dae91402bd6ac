"""The usual course of one order of each Protocol: who tells what, step by step. Nothing goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.canonical_model.courses import Course
from tests.canonical_model.facts import Ref

Act = Callable[[Course], None]
PEOPLE = [{"actor": f"{number:040x}"} for number in (1, 2)]
CODES = {
    "autologous-car-t": "AXI-CEL",
    "donor-derived-t": "DLI-T",
    "off-the-shelf": "ALLO-NK",
    "in-vivo-aav": "AAV9-SMN1",
}


# ---- the order and its people -------------------------------------------------------------------------------------


def enrolled(c: Course) -> None:
    c.tell("mercy", "subject.enrolled", c.patient, roles=["patient"], sex="female")
    if c.donor != c.patient:
        c.tell("mercy", "subject.enrolled", c.donor, roles=["donor"])


def ordered(c: Course) -> None:
    values: dict[str, Any] = {"service": {"codings": [{"code": CODES[c.protocol.id]}]}, "patient": c.patient}
    values |= {"site": c.parties["general"], "region": c.pick("US", "EU")}
    if not c.is_stock:
        values["donor"] = c.donor
    if c.protocol.max_age:
        values |= {"weight": {"value": c.pick("8.4", "11.0"), "unit": "kg"}, "weighed_at": c.near(-2)}
        values |= {"titre": {"value": c.pick("25", "400"), "unit": "{titer}"}, "titre_at": c.near(-2)}
    if c.pick(False, False, True):
        values["protocol"] = c.protocol.key
    c.tell("mercy", "order.submitted", c.order(c.placer), **values)


def accepted(c: Course) -> None:
    """The filler's number comes with it: what was said under it before finds its order."""
    c.tell("general", "order.accepted", c.order(c.placer, c.filler))


def identified(c: Course) -> None:
    c.tell("mercy", "identity.issued", c.order(c.placer, c.chain))


def consented(c: Course) -> None:
    period: dict[str, Any] = {"start": c.near(0)} | ({"end": c.near(60)} if c.pick(False, False, True) else {})
    form = c.by_name(c.new("consent"))
    c.tell("mercy", "consent.recorded", form, order=c.order(), subject=c.patient, status="active", period=period)


def eligible(c: Course) -> None:
    decided = {"clinical": {"decision": "eligible"}, "infusion": {"decision": "eligible"}}
    c.tell("mercy", "eligibility.decided", c.patient, eligibility=decided)
    if c.donor != c.patient:
        c.tell("mercy", "eligibility.decided", c.donor, eligibility={"donor": {"decision": "eligible"}})
        c.tell("mercy", "sample.taken", c.new("sample"), stage="sample", donor=c.donor)


def booked(c: Course) -> None:
    kind = c.pick("manufacturing", "infusion") if c.is_stock else c.pick("apheresis", "manufacturing", "infusion")
    slot, owner = c.new("appointment"), c.pick("general", "celltech")
    values: dict[str, Any] = {"order": c.order(), "kind": kind, "resource": c.parties[owner]}
    values["period"] = {"start": c.near(3), "end": c.near(4)}
    if c.pick(False, True):
        c.tell(owner, "slot.held", c.by_name(slot), hold_until=c.near(1), **values)
    c.tell(owner, "slot.booked", c.by_name(slot), **values)


# ---- cells --------------------------------------------------------------------------------------------------------


def kitted(c: Course) -> None:
    """A kit with its labels goes to the collecting site."""
    kit, labels = c.new("kit"), c.new("labels")
    c.tell("celltech", "container.created", c.by_name(kit), holder=c.parties["celltech"], kind="kit", order=c.order())
    c.tell("celltech", "label.issued", labels, container=c.by_name(kit), order=c.order(), coi=c.chain, issued=4)
    for side in ("celltech", "mercy"):
        sides: dict[str, Any] = {"giver": c.parties["celltech"], "taker": c.parties["mercy"]}
        c.tell(side, "custody.transferred", c.by_name(kit), **sides)
    c.tell("mercy", "label.reconciled", labels, applied=c.pick(4, 3), spoilt=[], destroyed=0)


def collected(c: Course) -> None:
    collection, bag, cells = c.new("collection"), c.new("bag"), c.new("cells")
    attempt = len(c.things["collection"])
    c.tell("mercy", "collection.started", c.by_name(collection), order=c.order(), donor=c.donor, attempt=attempt)
    c.tell("mercy", "collection.completed", c.by_name(collection), order=c.order(), outputs=[c.by_name(bag)])
    label: dict[str, Any] = {"coi": c.chain, "din": f"A9999261{c.number:05}"}
    values: dict[str, Any] = {"collection": c.by_name(collection), "material": cells, "label": label}
    c.tell("mercy", "container.created", c.by_name(bag), holder=c.parties["mercy"], **values)
    c.tell("mercy", "material.stated", cells, stage="starting", collection=c.by_name(collection))


def shipped(c: Course, tag: str, direction: str, giver: str, taker: str) -> None:
    """A shipment from door to door, with its readings."""
    shipment, contents = c.new("shipment"), [c.by_name(thing) for thing in c.things.get(tag, ())[-3:]] or [c.one(tag)]
    sides: dict[str, Any] = {"giver": c.parties[giver], "taker": c.parties["swift"]}
    plan: dict[str, Any] = {"start": c.near(0), "end": c.near(1)}
    values: dict[str, Any] = {
        "order": c.order(),
        "direction": direction,
        "consignee": c.parties[taker],
        "planned": plan,
    }
    c.tell("swift", "shipment.planned", c.by_name(shipment), **values, hold_until=c.near(c.pick(4, 4, 1)))
    c.tell(giver, "shipment.packed", c.by_name(shipment), contents=contents)
    for side in (giver, "swift"):
        c.tell(side, "shipment.departed", c.by_name(shipment), **sides)
    warm = {"refrigerated": ("4.1", "5.0", "9.5"), "cryo": ("-182", "-170", "-140"), "frozen": ("-75", "-70", "-50")}
    low, usual, high = warm[c.protocol.direction_condition.get(direction, "refrigerated")]
    points = [{"seconds": str(900 * n), "value": c.pick(usual, usual, usual, low, high)} for n in range(c.pick(2, 4))]
    series: dict[str, Any] = {"quantity": "temperature", "unit": "Cel", "start": c.near(0), "points": points}
    c.tell("swift", "readings.recorded", c.new("readings"), shipment=c.by_name(shipment), **series)
    c.tell("swift", "shipment.arrived", c.by_name(shipment), place={"name": taker})
    sides = {"giver": c.parties["swift"], "taker": c.parties[taker]}
    c.tell(taker, "shipment.accepted", c.by_name(shipment), inspection={"result": "accepted"}, **sides)
    for thing in contents:
        c.tell("swift", "custody.transferred", thing, **sides)
        c.tell(taker, "container.stored", thing, location={"name": "tank 1"})


def sent_out(c: Course) -> None:
    shipped(c, "bag", "collection-outbound", "mercy", "celltech")


def received(c: Course) -> None:
    c.tell("celltech", "material.received", c.one("cells"), inspection={"result": "accepted"}, received_at=c.near(0))


def made(c: Course) -> None:
    """A batch out of the bag, a dose out of the batch; lots are used up on the way."""
    batch, vector = c.new("batch"), c.some("vector")
    feed: dict[str, Any] = {} if c.is_stock else {"inputs": [c.one("bag")], "order": c.order()}
    c.tell("celltech", "batch.started", c.by_name(batch), consumed=[vector], attempt=len(c.things["batch"]), **feed)
    step = {"sequence": 1, "kind": {"text": "harvest"}, "status": "completed", "consumed": [{"item": vector}]}
    c.tell("celltech", "step.completed", c.by_name(batch), steps=[step])
    c.tell("celltech", "sample.taken", c.new("sample"), stage="sample", batch=c.by_name(batch))
    c.tell("celltech", "batch.completed", c.by_name(batch))
    filled(c, batch, c.new("lot"))


def filled(c: Course, batch: Ref, lot: Ref) -> None:
    c.tell("celltech", "material.stated", lot, stage="drug-product", batch=c.by_name(batch), expires_at=c.near(90))
    label: dict[str, Any] = {} if c.is_stock else {"label": {"coi": c.chain}}
    for _ in range(max(1, len(c.protocol.doses))):
        dose = c.by_name(c.new("dose"))
        c.tell("celltech", "container.created", dose, holder=c.parties["celltech"], material=lot, **label)


def tested(c: Course) -> None:
    assert c.protocol.specification is not None
    lot = c.one("lot")
    for criterion in c.protocol.specification.of("release", "post-release"):
        amount = criterion.low or criterion.high
        found: dict[str, Any] = {"text": ["NEG"]} if amount is None else {"quantity": {"value": str(amount)}}
        if amount is not None and criterion.unit:
            found["quantity"]["unit"] = criterion.unit
        values: dict[str, Any] = {} if amount is None else {"value": found}
        status, says = c.pick("final", "final", "final", "preliminary"), c.pick("in", "in", "in", "in", "out")
        values |= {"criterion": criterion.test, "status": status, "evaluation": says, "material": lot}
        c.tell("celltech", "result.reported", c.new("result"), **values)


def decided(c: Course) -> None:
    says = c.pick("released", "released", "released", "released-conditional", "quarantined")
    key = c.protocol.specification.key if c.protocol.specification else ""
    signer: dict[str, Any] = {"signer": PEOPLE[0], "role": "qa", "specification": key}
    c.tell(
        c.pick("quality", "celltech"),
        "disposition.decided",
        c.new("disposition"),
        decision=says,
        material=c.one("lot"),
        **signer,
    )


def stored(c: Course) -> None:
    c.tell("celltech", "container.stored", c.one("dose"), location={"name": "tank 3"})


# ---- stock --------------------------------------------------------------------------------------------------------


def stocked(c: Course) -> None:
    """A lot for nobody in particular is made, tested and released before the order is there."""
    made(c)
    tested(c)
    decided(c)
    stored(c)


def allocated(c: Course) -> None:
    """Doses are reserved; their lot is the order's from then on."""
    c.tell("celltech", "material.stated", c.one("lot"), order=c.order(c.placer))
    for dose in c.things.get("dose", ())[: c.pick(2, 1)]:
        c.tell("celltech", "container.allocated", c.by_name(dose), order=c.order())


# ---- the patient --------------------------------------------------------------------------------------------------


def returned(c: Course) -> None:
    shipped(c, "dose", "to-patient", "celltech", "general")


def conditioned(c: Course) -> None:
    if c.protocol.conditioning is None:
        return
    course = c.new("conditioning")
    values: dict[str, Any] = {"order": c.order(), "patient": c.patient, "period": {"start": c.near(0)}}
    c.tell("general", "conditioning.started", course, **values)
    c.at += timedelta(days=2)
    c.tell("general", "conditioning.completed", course, period={"end": c.near(0)})
    c.at += timedelta(days=4)


def _next_dose(c: Course) -> Ref:
    """The dose whose turn it is, in the order in which they were filled."""
    doses, given = c.things.get("dose", []), len(c.things.get("administration", ()))
    return doses[given] if given < len(doses) else c.some("dose")


def verified(c: Course) -> None:
    """Two people compare a dose with its patient."""
    values: dict[str, Any] = {"containers": [c.by_name(_next_dose(c))], "patient": c.patient, "order": c.order()}
    people, says = c.pick(PEOPLE, PEOPLE, PEOPLE[:1]), c.pick("match", "match", "match", "mismatch")
    c.tell("general", "identity.verified", c.new("verification"), people=people, result=says, **values)


def infused(c: Course) -> None:
    """One dose: thawed, made ready, given."""
    dose, number = _next_dose(c), len(c.things.get("administration", ())) + 1
    c.tell("general", "product.thawed", c.by_name(dose))
    given = [c.by_name(dose)]
    if c.pick(False, False, True):
        ready = c.new("syringe")
        c.tell(
            "general",
            "dose.prepared",
            c.by_name(ready),
            prepared_from=given,
            holder=c.parties["general"],
            expires_at=c.near(0.2),
        )
        given = [c.by_name(ready)]
    act = c.new("administration")
    values: dict[str, Any] = {"order": c.order(), "patient": c.patient, "containers": given, "dose_number": number}
    c.tell("general", "infusion.started", act, **values)
    c.tell("general", "infusion.completed", act, dose={"value": "410", "unit": "10*6"})
    c.tell("general", "container.emptied", c.by_name(dose))


def infused_again(c: Course) -> None:
    """The second of several doses, after somebody decided about it."""
    if len(c.protocol.doses) > 1:
        c.at += timedelta(days=9)
        c.tell("mercy", "eligibility.decided", c.patient, eligibility={"infusion": {"decision": "eligible"}})
        verified(c)
        infused(c)


def observed(c: Course) -> None:
    kind = c.pick("response", "adverse-event", "vital-status")
    values: dict[str, Any] = {"order": c.order(), "patient": c.patient, "observed_at": c.near(0), "grade": c.pick(1, 3)}
    c.tell("general", "outcome.reported", c.new("outcome"), kind=kind, **values)


def followed(c: Course) -> None:
    visit = c.new("follow-up")
    values: dict[str, Any] = {"order": c.order(), "patient": c.patient, "visit": "month-3", "due": c.near(90)}
    c.tell("general", "followup.scheduled", visit, **values)
    c.tell("general", c.pick("followup.completed", "followup.missed", "followup.lost"), visit)


def closed(c: Course) -> None:
    c.tell("mercy", "order.completed", c.order())
    c.tell("mercy", "order.closed", c.order())


_BEGIN: tuple[Act, ...] = (enrolled, ordered, accepted, identified, consented, eligible, booked)
_END: tuple[Act, ...] = (returned, conditioned, verified, infused, infused_again, observed, followed, closed)
CELLS: tuple[Act, ...] = (*_BEGIN, kitted, collected, sent_out, received, made, tested, decided, stored, *_END)
STOCK: tuple[Act, ...] = (stocked, *_BEGIN, allocated, *_END)


def steps_of(c: Course) -> tuple[Act, ...]:
    """The usual course of an order of its Protocol."""
    return STOCK if c.is_stock else CELLS


def goes_on(c: Course) -> None:
    """Takes the next step of its usual course."""
    steps = steps_of(c)
    if c.done < len(steps):
        steps[c.done](c)
        c.done += 1
