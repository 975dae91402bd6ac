"""The usual course of one order of each Protocol, told as facts by five partners. Chooses nothing: `pick` does.

What goes wrong with it stands in `troubles`. Whoever drives a course hands in how to choose (a hypothesis draw or a
seeded random) and how a fact gets its envelope (an event at once, or an assertion for a hub's inbox).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from canonical_model.ids import event_id
from canonical_model.protocols import Protocol
from tests.canonical_model.facts import Fact, Ref, ref, when

ROLE = {"mercy": "hospital", "swift": "courier", "celltech": "cdmo", "general": "infusion-site", "quality": "qa"}
"""Partners and the roles in which they speak."""
PARTY: dict[str, Ref] = {name: ref("party", name) for name in ROLE}
PEOPLE = [{"actor": f"{number:040x}"} for number in (1, 2)]
_MINUTES, _HOURS, _DAY = timedelta(minutes=10), timedelta(hours=3), timedelta(hours=20)
HOW: tuple[tuple[timedelta, int, str], ...] = (
    *((_MINUTES, 19, ""),) * 4,
    *((_HOURS, 19, ""),) * 4,
    *((_DAY, 19, ""),) * 3,
    *((timedelta(), 19, ""),) * 4,
    *(
        (timedelta(), 16, ""),
        (_HOURS, 16, ""),
        (_HOURS, 13, ""),
        (_HOURS, 10, ""),
        (_DAY, 10, ""),
        (timedelta(), 10, ""),
    ),
    *((-_HOURS, 19, ""), (-_DAY, 19, ""), (-_DAY, 10, ""), (-_DAY, 7, "")),
    *((_HOURS, 19, "swift"), (timedelta(), 19, "general")),
)
"""How a fact is told: time since the last one (what lies behind it is told late), digits of its time that are known
(19 a second, 16 a minute, 13 an hour, 10 a day, 7 a month), and by whom where it is not whose word counts."""
KINDS = {
    **dict.fromkeys(("bag", "dose", "kit", "syringe"), "container"),
    **dict.fromkeys(("cells", "lot", "vector", "sample"), "material"),
}
"""Things that are not called after their kind."""
CODES = {
    "autologous-car-t": "AXI-CEL",
    "donor-derived-t": "DLI-T",
    "off-the-shelf": "ALLO-NK",
    "in-vivo-aav": "AAV9-SMN1",
}

Telling = tuple[str, str, Ref, str, dict[str, Any], tuple[str, ...], tuple[Fact, ...]]
"""By whom, type, about what, time as text, what it sets, what it clears, which facts it puts right."""


def as_event(telling: Telling, number: int, ordinal: str) -> Fact:
    """A telling as an event of the log, with an id made of its content."""
    by, type_, about, at, values, clear, corrects = telling
    occurred, above = when(at), [event["id"] for event in corrects]
    return {
        "v": 1,
        "id": event_id(by, f"m{number}", ordinal, "f", type_, about, [values, clear, occurred, above]),
        "type": type_,
        "about": about,
        "set": values,
        "clear": list(clear),
        "occurred": occurred,
        "recorded": occurred["at"],
        "reporter": {"partner": by, "role": ROLE[by]},
        "source_id": f"m{number}",
        "ordinal": ordinal,
        "frame": "f",
        **({"supersedes": above} if above else {}),
    }


@dataclass(slots=True)
class Course:
    """One order on its way: what it is called, what there is of it, and what was told so far."""

    pick: Callable[..., Any]
    protocol: Protocol
    number: int = 1
    envelope: Callable[[Telling, int, str], Fact] = as_event
    parties: Mapping[str, Ref] = field(default_factory=lambda: PARTY)
    told: list[Fact] = field(default_factory=list)
    things: dict[str, list[Ref]] = field(default_factory=dict)
    at: datetime = datetime(2026, 3, 1, 8, tzinfo=UTC)
    done: int = 0
    """How many steps of its usual course were taken."""

    # ---- names ----------------------------------------------------------------------------------------------------

    @property
    def is_stock(self) -> bool:
        return self.protocol.sourcing == "stock"

    @property
    def placer(self) -> dict[str, str]:
        return {"system": "urn:mercy:order", "value": f"P{self.number}", "type": "placer"}

    @property
    def filler(self) -> dict[str, str]:
        return {"system": "urn:general:order", "value": f"F{self.number}", "type": "filler"}

    @property
    def chain(self) -> dict[str, str]:
        return {"system": "urn:test:coi", "value": f"CHA9999260{self.number:05}", "type": "coi"}

    def order(self, *names: dict[str, str]) -> Ref:
        """The order by the given names, or by some of those that it has: a late one is known to few."""
        group = {"system": "urn:mercy:group", "value": "G1", "type": "group"}
        usual = ((self.placer,), (self.placer,), (self.placer, self.chain), (self.placer, self.filler))
        choices = (*usual, (self.filler,), (self.chain,), (self.filler, self.chain), (self.placer, group))
        return {"kind": "order", "identifiers": list(names or self.pick(*choices))}

    @property
    def patient(self) -> Ref:
        return ref("subject", f"token-{self.number}")

    @property
    def donor(self) -> Ref:
        """Who gives the cells."""
        return ref("subject", f"donor-{self.number}") if self.protocol.sourcing == "directed-donor" else self.patient

    def new(self, tag: str) -> Ref:
        """Something there was not before; most things have a second name that comes late."""
        kind, known = KINDS.get(tag, tag), self.things.setdefault(tag, [])
        value = f"{tag.upper()}-{self.number}-{len(known) + 1}"
        systems = (
            ("urn:test", "urn:late") if kind in {"container", "batch", "shipment", "collection"} else ("urn:test",)
        )
        made = {"kind": kind, "identifiers": [{"system": f"{s}:{kind}", "value": value} for s in systems]}
        known.append(made)
        return made

    def some(self, tag: str) -> Ref:
        """One of the things of a sort, whole; a new one where there is none."""
        known = self.things.get(tag)
        return self.pick(*reversed(known)) if known else self.new(tag)

    def by_name(self, thing: Ref) -> Ref:
        """A thing by its first name, by both, or by the second alone."""
        first = thing["identifiers"][:1]
        chosen = self.pick(first, first, first, thing["identifiers"], thing["identifiers"][1:] or first)
        return {"kind": thing["kind"], "identifiers": chosen}

    def one(self, tag: str) -> Ref:
        """One of the things of a sort, by one of its names."""
        return self.by_name(self.some(tag))

    # ---- telling --------------------------------------------------------------------------------------------------

    def tell(
        self,
        by: str,
        type_: str,
        about: Ref,
        /,
        clear: tuple[str, ...] = (),
        corrects: tuple[Fact, ...] = (),
        moment: str = "",
        **values: Any,
    ) -> Fact:
        """One more fact, at a `moment` where one is given."""
        step, digits, stranger = self.pick(*HOW)
        at = self.at + (timedelta() if moment else step)
        self.at = max(self.at, at)
        text = moment or at.strftime("%Y-%m-%dT%H:%M:%S")[:digits]
        telling = (stranger or by, type_, about, text, values, clear, corrects)
        event = self.envelope(telling, len(self.told) + 1, self.pick("1", "1", f"{len(self.told) + 2:06}"))
        self.told.append(event)
        return event

    def near(self, days: float) -> dict[str, Any]:
        """A time around now, to the minute or the day."""
        text = (self.at + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
        return when(text[: self.pick(19, 19, 10)])

    def goes_on(self) -> None:
        """Takes the next step of its usual course."""
        steps = STOCK if self.is_stock else CELLS
        if self.done < len(steps):
            steps[self.done](self)
            self.done += 1


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


Act = Callable[[Course], None]
_BEGIN: tuple[Act, ...] = (enrolled, ordered, accepted, identified, consented, eligible, booked)
_END: tuple[Act, ...] = (returned, conditioned, verified, infused, infused_again, observed, followed, closed)
CELLS: tuple[Act, ...] = (*_BEGIN, kitted, collected, sent_out, received, made, tested, decided, stored, *_END)
STOCK: tuple[Act, ...] = (stocked, *_BEGIN, allocated, *_END)
