"""Generated journeys: several orders at one hub, as the messages that partners send. Seeded; knows no hub state.

What makes arrival order hard is drawn on purpose: facts that come before their order, orders known by a filler's number
or a chain-of-identity identifier first, two such identifiers, shared numbers and shippers, wrong bags, corrections that
disagree, facts of one instant, times known to the day only, merges, and the same told by two formats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.verify import messages as m
from tests.verify.messages import BAGS, PRODUCTS, Delivery, Person, fact, ref, said

HL7, CSV, EPCIS, FHIR = "hl7v2", "mes_csv", "epcis", "fhir_r4"
LD = "application/ld+json"
INSTANTS = ("20260310090000-0500", "20260310130000-0500", "20260310130000-0500", "202603101300-0500", "20260310")
LATER = ("20260310141500-0500", "20260310141500-0500", "20260311093000-0500", "20260311")


@dataclass(slots=True)
class Case:
    """One order with its patient, numbers and things."""

    number: int
    person: Person
    placer: str
    filler: str
    chain: str
    lab: str
    bag: str
    dose: str
    sscc: str


@dataclass(slots=True)
class Story:
    """What is being told: the cases of one hub and the messages so far."""

    random: Random
    cases: list[Case]
    told: list[Delivery] = field(default_factory=list)
    control: int = 0

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def often(self, share: float) -> bool:
        return self.random.random() < share

    def next(self) -> str:
        """A control id."""
        self.control += 1
        return f"C{self.control:04}"

    def other(self, case: Case) -> Case:
        """Another case of the hub, or the same where it is alone."""
        return self.random.choice([c for c in self.cases if c is not case] or [case])

    def v2(self, body: bytes, partner: str = "mercy") -> None:
        self.told.append(Delivery(partner, HL7, body))

    def epcis(self, *events: dict[str, object], partner: str = "swift") -> None:
        self.told.append(Delivery(partner, EPCIS, m.epcis(self.next(), *events), LD))

    def csv(self, dialect: str, body: bytes) -> None:
        name = f"{dialect}-{self.next()}.csv"
        self.told.append(Delivery("celltech", CSV, body, f"mes_csv/{dialect}", name))

    def fhir(self, body: bytes, partner: str = "mercy") -> None:
        self.told.append(Delivery(partner, FHIR, body))

    def say(self, partner: str, *facts: dict[str, object]) -> None:
        self.told.append(said(partner, self.next(), *facts))


def cases(random: Random, count: int) -> list[Case]:
    """Cases that sometimes share a number, an identifier, a shipper or a patient, by mistake or by right."""
    made: list[Case] = []
    for n in range(1, count + 1):
        national = f"999-00-{n:04}" if random.random() < 0.4 else ""
        case = Case(
            number=n,
            person=Person(f"47{n:02}" if random.random() < 0.93 else "", family=f"FAM{n}", national=national),
            placer=f"ORD-{n}" if random.random() < 0.9 else "",
            filler=f"FIL-{n}",
            chain=f"CHABC1226{n:06}" if random.random() < 0.9 else f"CHAIN {n}",
            lab=f"LAB-{n}",
            bag=f"BAG-{n}",
            dose=f"DOSE-{n}",
            sscc=f"1061414112345678{n:02}",
        )
        if made and random.random() < 0.06:
            case.chain = made[-1].chain  # two orders under one identifier: somebody's mistake
        if made and random.random() < 0.06:
            case.filler = made[-1].filler
        if made and random.random() < 0.10:
            case.person = made[-1].person  # a second order of the same patient
        if made and random.random() < 0.25:
            case.sscc = made[-1].sscc  # two patients' bags in one shipper
        made.append(case)
    return made


def tell(seed: str, count: int) -> list[Delivery]:
    """The messages of `count` orders at one hub, in an order in which they may have happened."""
    story = Story(Random(seed), [])
    story.cases = cases(story.random, count)
    for case in story.cases:
        ordered(story, case)
    for case in story.cases:
        for step, share in STEPS.items():
            if story.often(share):
                step(story, case)
    return story.told


# ---- steps ------------------------------------------------------------------------------------------------------


def ordered(s: Story, c: Case) -> None:
    """The order, once or in pieces: some say the placer's number, some the filler's, some the chain only."""
    at = s.one("20260301083000-0600", "20260301083000-0600", "20260301", "")
    whole = {"placer": c.placer, "filler": c.filler if s.often(0.4) else "", "chain": c.chain if s.often(0.7) else ""}
    if not c.placer:
        whole["filler"] = c.filler
    s.v2(m.order(c.person, s.next(), at=at, **whole))
    if s.often(0.25):
        s.v2(
            m.order(
                c.person, s.next(), placer="", filler=c.filler, chain=c.chain, action="SC", at="20260302090000-0600"
            )
        )
    if s.often(0.15):
        s.v2(m.order(c.person, s.next(), placer="", filler="", chain=c.chain, action="XX", at="20260302100000-0600"))
    if s.often(0.20):
        s.v2(
            m.order(
                c.person, s.next(), placer=c.placer, filler=c.filler, action="OK", at="20260303080000-0600", group="G-1"
            )
        )
    if s.often(0.06):
        chain = f"CHXYZ1226{c.number:06}"
        s.v2(
            m.order(
                c.person, s.next(), placer=c.placer, filler=c.filler, chain=chain, action="XX", at="20260303090000-0600"
            )
        )


def resent_with_changes(s: Story, c: Case) -> None:
    """The hospital's interface engine uses a control id again for something else."""
    control = f"C{s.random.randint(1, s.control):04}"
    s.v2(
        m.order(c.person, control, placer=c.placer, filler=c.filler, action="XX", at=s.one(*LATER), product="TISA-CEL")
    )


def ordered_by_fhir(s: Story, c: Case) -> None:
    """The same order by FHIR, whose number does not always say that it is the placer's."""
    if not c.person.mrn or not c.placer:
        return
    number = m.numbered(c.placer, s.one("PLAC", "PLAC", ""))
    more = [m.numbered(c.filler, "FILL") | {"system": "urn:id:CELLLAB"}] if s.often(0.4) else []
    status = s.one("active", "active", "on-hold", "revoked")
    s.fhir(m.request([number, *more], c.person.mrn, status, s.one("2026-03-01T08:30:00-06:00", "2026-03-02")))


def stopped(s: Story, c: Case) -> None:
    """The order is held, released or cancelled."""
    for _ in range(s.random.randint(1, 3)):
        action = s.one("OH", "OH", "OE", "OC")
        s.v2(m.order(c.person, s.next(), placer=c.placer, filler=c.filler, action=action, at=s.one(*LATER)))


def collected(s: Story, c: Case) -> None:
    """The collection with its bag, perhaps reported again and corrected."""
    sent = s.one(*LATER[:3])
    known = {"placer": c.placer if s.often(0.7) else "", "lab": c.lab, "bag": c.bag, "sent": sent}
    chain = c.chain if s.often(0.6) or not known["placer"] else ""
    start, end = s.one(*INSTANTS), s.one(*INSTANTS)
    s.v2(m.apheresis(c.person, s.next(), chain=chain, start=start, end=end, **known))
    if s.often(0.15):
        s.v2(m.apheresis(c.person, s.next(), chain=chain, start=start, end=end, viability="97.10", status="C", **known))


def corrected(s: Story, c: Case) -> None:
    """Corrections of one result, some of one instant and in conflict."""
    for _ in range(s.random.randint(1, 3)):
        value, status = s.one("98.50", "61.00", "91.00"), s.one("F", "C", "C", "D")
        at = s.one(*LATER)
        body = m.results(
            c.person,
            s.next(),
            placer=c.placer,
            lab=c.lab,
            chain=c.chain,
            value=value,
            status=status,
            at=at,
            sent=LATER[2],
        )
        s.v2(body)


def demographics(s: Story, c: Case) -> None:
    """The person's record changes: a name, a second number, a death."""
    at = s.one("20260305120000-0600", "20260306120000-0600")
    died = s.one("", "", "", "20260306110000-0600", "20260306")
    person = Person(
        c.person.mrn, family=s.one(c.person.family, "SMITH"), national=c.person.national or f"888-00-{c.number:04}"
    )
    s.v2(m.update(person, s.next(), at, died))


def demographics_by_fhir(s: Story, c: Case) -> None:
    """The same person by FHIR."""
    if c.person.mrn:
        more = {"deceasedBoolean": True} if s.often(0.2) else {}
        s.fhir(m.patient(c.person, s.one("2026-03-05T12:00:00-06:00", "2026-03-06T12:00:00-06:00"), **more))


def merged(s: Story, c: Case) -> None:
    """Two records of a patient become one; or two patients' by mistake."""
    retired = Person(f"OLD-{c.number}") if s.often(0.7) else s.other(c).person
    if c.person.mrn and retired.mrn and retired != c.person:
        s.v2(m.merge(c.person, retired, s.next(), "20260304120000-0600"))


def weighed(s: Story, c: Case) -> None:
    """An observation by FHIR that names its order by its number."""
    if c.placer and c.person.mrn:
        number = m.numbered(c.placer, s.one("PLAC", ""))
        s.fhir(
            m.observation(
                number, c.person.mrn, s.one("71.5", "72.0"), s.one("final", "corrected"), "2026-02-28T10:00:00-06:00"
            )
        )


def shipped(s: Story, c: Case) -> None:
    """The way of the shipper, told whole or in part, by one or two reporters."""
    bag, box = f"{BAGS}/{c.bag}", f"https://id.gs1.org/00/{c.sscc}"
    named = {"cgt:coi": c.chain} if s.often(0.3) and c.chain.startswith("CH") and " " not in c.chain else {}
    events = [m.packed(c.sscc, [bag], "2026-03-10T15:05:00-05:00", "mercy")]
    if s.often(0.85):
        events.append(m.moved([box], "2026-03-10T15:30:00-05:00", "departing", "mercy", "swift"))
    if s.often(0.2):
        s.epcis(m.moved([bag], "2026-03-10T15:30:00-05:00", "departing", "mercy", "swift", **named))
    s.epcis(*events)
    if s.often(0.5):
        values = [s.one("4.1", "4.4", "9.5") for _ in range(s.random.randint(3, 12))]
        s.epcis(m.logged(c.sscc, "2026-03-10T21:40:00-05:00", 16, values))
    if s.often(0.6):
        at = s.one("2026-03-11T07:10:00+01:00", "2026-03-10T15:20:00-05:00", "2026-03-10T15:29:00-05:00")
        s.epcis(m.seen([box], at, "arriving", readPoint={"id": m.party("celltech")}))
    if s.often(0.3):
        s.epcis(m.moved([box], "2026-03-11T07:20:00+01:00", s.one("accepting", "receiving"), "swift", "celltech"))


def received(s: Story, c: Case) -> None:
    """The manufacturer's receipts: the right bag, or another one, once or twice, to the minute or the day."""
    bag = c.bag if s.often(0.85) else s.other(c).bag
    time = s.one("2026-03-11 07:25", "2026-03-11 07:25", "2026-03-11")
    sscc = c.sscc if s.often(0.6) else ""
    rows = [(c.chain, f"{BAGS}/{bag}", sscc, time, s.one("accepted", "accepted", "rejected"))]
    if s.often(0.2):
        mate = s.other(c)
        rows.append((mate.chain, f"{BAGS}/{mate.bag}", mate.sscc, time, "accepted"))
    s.csv("receipts", m.receipts(*rows))


def tested(s: Story, c: Case) -> None:
    """Quality control by the manufacturer."""
    rows = []
    for test in ("Viability", "Sterility", "Endotoxin"):
        if s.often(0.7):
            at = s.one("2026-03-11 10:30", "2026-03-11", "2026-03-11 10:30")
            value = s.one("97.20", "97.20", "55.00")
            rows.append((c.chain, f"{BAGS}/{c.bag}", test, value, s.one("final", "final", "corrected"), at))
    if rows:
        s.csv("qc_results", m.qc(*rows))


def made(s: Story, c: Case) -> None:
    """Manufacture, as facts: a batch out of the bag, a dose out of the batch."""
    batch, bag, dose = ref("batch", "urn:celltech:batch", f"B-{c.number}"), ref("container", BAGS, c.bag), _dose(c)
    at = s.one("2026-03-12T08:00:00", "2026-03-12", "2026-03-14T08:00:00")
    told = [fact("batch.started", batch, at, inputs=[bag])]
    ended = s.one("batch.completed", "batch.completed", "batch.failed")
    told.append(fact(ended, batch, "2026-03-18T08:00:00", outputs=[dose]))
    told.append(fact("container.created", dose, "2026-03-18T08:30:00", batch=batch))
    if s.often(0.5):
        s.say("celltech", *told)
    else:
        for one in told:
            s.say("celltech", one)


def decided(s: Story, c: Case) -> None:
    """Quality decides about the dose, perhaps twice and perhaps in conflict."""
    for number in range(s.random.randint(1, 2)):
        decision = s.one("released", "released", "quarantined", "rejected")
        at = s.one("2026-03-19T08:00:00", "2026-03-19T08:00:00", "2026-03-19", "2026-03-19T09:00:00")
        about = ref("disposition", "urn:quality:decision", f"D-{c.number}-{number}")
        speaker = s.one("quality", "quality", "celltech", "swift")
        s.say(
            speaker,
            fact("disposition.decided", about, at, decision=decision, container=_dose(c)),
        )


def treated(s: Story, c: Case) -> None:
    """Consent, verification and infusion at the site; a hold of the dose at the courier in between."""
    dose = _dose(c)
    if s.often(0.4):
        consent = ref("consent", "urn:general:consent", f"CO-{c.number}")
        status = s.one("active", "active", "withdrawn")
        order = ref("order", "urn:id:EPIC", c.placer) if c.placer else ref("order", "urn:id:CELLLAB", c.filler)
        s.say("general", fact("consent.recorded", consent, "2026-03-02T08:00:00", status=status, order=order))
    if s.often(0.7):
        s.epcis(
            m.moved([f"{PRODUCTS}/{c.dose}"], "2026-03-19T09:00:00+00:00", "departing", "celltech", "swift"),
            m.moved([f"{PRODUCTS}/{c.dose}"], "2026-03-19T15:00:00+00:00", "accepting", "swift", "general"),
        )
    if s.often(0.5):
        check = ref("verification", "urn:general:verification", f"V-{c.number}")
        people = [{"actor": f"{n:040x}"} for n in (1, 2)]
        result = s.one("match", "match", "mismatch")
        told = fact("identity.verified", check, "2026-03-20T08:00:00", containers=[dose], result=result, people=people)
        s.say("general", told)
    if s.often(0.3):
        given = ref("administration", "urn:general:infusion", f"I-{c.number}")
        s.say("general", fact("product.thawed", dose, "2026-03-20T09:00:00"))
        s.say("general", fact("infusion.started", given, "2026-03-20T09:10:00", containers=[dose]))
    if s.often(0.1):
        s.say("swift", fact("container.destroyed", dose, s.one("2026-03-19T12:00:00", "2026-03-19")))


def _dose(c: Case) -> dict[str, object]:
    return ref("container", PRODUCTS, c.dose)


Step = Callable[[Story, Case], None]
STEPS: dict[Step, float] = {
    ordered_by_fhir: 0.25,
    resent_with_changes: 0.12,
    stopped: 0.2,
    demographics: 0.3,
    demographics_by_fhir: 0.15,
    merged: 0.15,
    weighed: 0.25,
    collected: 0.9,
    corrected: 0.3,
    shipped: 0.7,
    received: 0.6,
    tested: 0.5,
    made: 0.4,
    decided: 0.4,
    treated: 0.4,
}
"""What may happen to a case, and in what share of cases it does."""
