"""Every question with a verdict, in its three forms: allow, deny, cannot-tell, and that none of them lacks a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from canonical_model import questions
from canonical_model.codes import ROLES
from canonical_model.journey import Journey
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS, DONOR_DERIVED, IN_VIVO_AAV
from canonical_model.protocols import Protocol
from canonical_model.questions import ALLOW, CANNOT_TELL, DENY, VERDICTS, Reason, Verdict
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BATCH,
    BATCH_2,
    COURIER,
    DONATION,
    LOT,
    MAKER,
    ORDER,
    OTHER,
    OUTBOUND,
    PATIENT,
    PRODUCT,
    SITE,
    STRANGER,
    Fact,
    Ref,
    created,
    fact,
    handed,
    journey,
    ref,
    short,
    submitted,
    when,
)
from tests.canonical_model.questions import stories
from tests.canonical_model.questions.stories import NOW, decided

Ask = Callable[[Journey, dict[str, Protocol], datetime, list[Reason]], Verdict]

ASK: dict[str, Ask] = {
    "may-collect": lambda j, p, t, u: questions.may_collect(j, p, t, u),
    "may-label": lambda j, p, t, u: questions.may_label(j, BATCH, p, t, u),
    "may-start": lambda j, p, t, u: questions.may_start(j, BATCH, short(MAKER), p, t, unsettled=u),
    "may-allocate": lambda j, p, t, u: questions.may_allocate(j, stories.VIAL, p, t, u),
    "may-ship": lambda j, p, t, u: questions.may_ship(j, [BAG], short(APHERESIS), p, t, u),
    "may-accept": lambda j, p, t, u: questions.may_accept(j, OUTBOUND, short(MAKER), p, t, u),
    "may-condition": lambda j, p, t, u: questions.may_condition(j, p, t, u),
    "may-prepare": lambda j, p, t, u: questions.may_prepare(j, [PRODUCT], short(SITE), p, t, u),
    "may-infuse": lambda j, p, t, u: questions.may_infuse(j, [PRODUCT], short(SITE), p, t, u),
    "may-give-next-dose": lambda j, p, t, u: questions.may_give_next_dose(j, p, t, u),
    "may-close": lambda j, p, t, u: questions.may_close(j, p, t, u),
}
"""How each question is asked in these cases, by the party that would do it."""


@dataclass(frozen=True)
class Case:
    """Facts, and the answer that they give; `rules` are those of the reasons, all of them."""

    question: str
    verdict: str
    facts: list[Fact]
    rules: set[str]
    now: datetime
    protocols: dict[str, Protocol]

    def answer(self, unsettled: tuple[Reason, ...] = ()) -> Verdict:
        return ASK[self.question](journey(*self.facts), self.protocols, self.now, list(unsettled))


def reserved(order: Ref = ORDER, at: str = "2026-03-09T16:00:00") -> Fact:
    """The vial is reserved for an order."""
    return fact("container.allocated", stories.VIAL, at, by="cdmo", role="cdmo", order=order)


def case(
    question: str,
    verdict: str,
    name: str,
    facts: list[Fact],
    *rules: str,
    now: datetime = NOW,
    protocol: Protocol | None = None,
) -> Any:
    protocols = {protocol.key: protocol} if protocol else dict(DEFAULT_PROTOCOLS)
    return pytest.param(Case(question, verdict, facts, set(rules), now, protocols), id=f"{question} {verdict} {name}")


def without(facts: list[Fact], *left_out: Fact) -> list[Fact]:
    kept = [event for event in facts if all(event is not other for other in left_out)]
    assert len(kept) == len(facts) - len(left_out)
    return kept


def instead(facts: list[Fact], old: Fact, **new: Any) -> list[Fact]:
    """The facts with one that states something else."""
    return [{**event, **new} if event is old else event for event in facts]


HELD = fact("order.held", ORDER, "2026-03-09T23:00:00")
DEAD = fact("subject.deceased", PATIENT, "2026-03-09T23:00:00")
TWICE = [
    fact("collection.completed", ref("collection", "X"), "2026-03-08T08:00:00", order=ORDER),
    fact("collection.failed", ref("collection", "X"), "2026-03-08T08:10:00", order=ORDER),
]
"""Facts of which one must be wrong."""
UNNAMED = submitted() | {"about": {"kind": "order", "identifiers": ORDER["identifiers"][:1]}}
"""The order before it has a chain-of-identity identifier."""
COARSE = "2026-03-08"
LOGGER = ref("device", "LOGGER-1")
KIT = AUTOLOGOUS_CAR_T.model_copy(update={"kit": True})
DIRECTED = submitted(service={"codings": [{"code": DONOR_DERIVED.products[0].code}]}, donor=STRANGER)
DONOR_FIT = fact(
    "eligibility.decided", STRANGER, "2026-03-02T09:00:00", eligibility={"donor": {"decision": "eligible"}}
)
SAMPLED = fact(
    "sample.taken", ref("material", "TUBE"), "2026-03-05T09:00:00", order=ORDER, stage="sample", donor=STRANGER
)
PARCEL, DOSE_X = ref("shipment", "PARCEL"), [ref("container", "DOSE-X")]
SENT = [
    fact("shipment.planned", PARCEL, "2026-03-08T08:00:00", by="courier", role="courier", order=ORDER),
    fact("shipment.packed", PARCEL, "2026-03-08T09:00:00", by="cdmo", contents=DOSE_X),
    fact("shipment.cancelled", PARCEL, "2026-03-08T10:00:00", by="courier", role="courier"),
]
"""A shipment of the order with a dose that no fact allocated to it."""
CASES = [
    # ---- may-collect
    case("may-collect", ALLOW, "a patient who consents and is eligible", stories.READY_TO_COLLECT),
    case("may-collect", DENY, "no order", [stories.CONSENT, decided("clinical")], "I-30"),
    case("may-collect", DENY, "on hold", [*stories.READY_TO_COLLECT, HELD], "I-30"),
    case("may-collect", DENY, "dead", [*stories.READY_TO_COLLECT, DEAD], "I-30", "I-9"),
    case(
        "may-collect",
        DENY,
        "not eligible",
        [*stories.READY_TO_COLLECT[:2], decided("clinical", "not-eligible")],
        "I-20",
    ),
    case(
        "may-collect",
        DENY,
        "unfit on the day",
        [*stories.READY_TO_COLLECT, decided("collection", "not-eligible")],
        "I-20",
    ),
    case(
        "may-collect",
        DENY,
        "eligible until yesterday",
        [*stories.READY_TO_COLLECT[:2], decided("clinical", until=when("2026-03-09"))],
        "I-20",
    ),
    case(
        "may-collect",
        DENY,
        "consent that ran out",
        [
            *instead(
                stories.READY_TO_COLLECT,
                stories.CONSENT,
                set={**stories.CONSENT["set"], "period": {"end": when(COARSE)}},
            )
        ],
        "I-9",
    ),
    case(
        "may-collect",
        DENY,
        "while a collection runs",
        [*stories.READY_TO_COLLECT, fact("collection.started", DONATION, "2026-03-10T09:00:00", order=ORDER)],
        "I-20",
    ),
    case("may-collect", DENY, "after one that was enough", [*stories.READY_TO_COLLECT, stories.COLLECTED], "I-20"),
    case(
        "may-collect",
        ALLOW,
        "another day of the attempt",
        [*stories.READY_TO_COLLECT, stories.COLLECTED, decided("adequacy", "not-eligible", "2026-03-09T08:00:00")],
    ),
    case(
        "may-collect",
        ALLOW,
        "after one that failed",
        [*stories.READY_TO_COLLECT, fact("collection.failed", DONATION, "2026-03-08T09:00:00", order=ORDER)],
    ),
    case("may-collect", DENY, "of stock", [stories.STOCK_ORDER, *stories.READY_TO_COLLECT[1:]], "I-30"),
    case("may-collect", DENY, "without the kit that is asked for", stories.READY_TO_COLLECT, "I-20", protocol=KIT),
    case(
        "may-collect",
        ALLOW,
        "from a donor who is eligible and tested",
        [DIRECTED, stories.CONSENT, decided("clinical"), DONOR_FIT, SAMPLED],
    ),
    case(
        "may-collect",
        DENY,
        "from a donor whose sample nobody took",
        [DIRECTED, stories.CONSENT, decided("clinical"), DONOR_FIT],
        "I-20",
    ),
    case(
        "may-collect",
        CANNOT_TELL,
        "from a donor about whom nobody decided",
        [DIRECTED, stories.CONSENT, decided("clinical"), SAMPLED],
        "I-11",
    ),
    case("may-collect", CANNOT_TELL, "consent never told", [submitted(), decided("clinical")], "I-9"),
    case("may-collect", CANNOT_TELL, "eligibility never told", stories.READY_TO_COLLECT[:2], "I-20"),
    case(
        "may-collect",
        CANNOT_TELL,
        "eligibility pending",
        [*stories.READY_TO_COLLECT[:2], decided("clinical", "pending")],
        "I-20",
    ),
    # ---- may-label
    case("may-label", ALLOW, "a batch that is made", stories.BEING_MADE),
    case(
        "may-label",
        DENY,
        "a batch that failed",
        [*stories.BEING_MADE, fact("batch.failed", BATCH, "2026-03-10T09:00:00", by="cdmo")],
        "I-17",
    ),
    case("may-label", DENY, "a batch of nobody knows which order", [submitted()], "I-1"),
    case("may-label", DENY, "an order on hold", [*stories.BEING_MADE, HELD], "I-30"),
    case(
        "may-label",
        CANNOT_TELL,
        "an order without chain-of-identity identifier",
        [UNNAMED, instead([stories.STARTED], stories.STARTED, set={"order": UNNAMED["about"]})[0]],
        "I-1",
    ),
    # ---- may-start
    case("may-start", ALLOW, "cells that were received in time", stories.AT_MAKER),
    case("may-start", DENY, "cells that are too old", stories.AT_MAKER, "I-4", now=NOW + timedelta(days=2)),
    case("may-start", DENY, "no cells", [submitted()], "I-12"),
    case("may-start", DENY, "cells that another holds", stories.AT_MAKER[:3], "I-2", "I-33"),
    case(
        "may-start",
        DENY,
        "a batch that has begun",
        [*stories.AT_MAKER, stories.STARTED],
        "I-30",
    ),
    case(
        "may-start",
        DENY,
        "cells that were refused",
        [*stories.AT_MAKER, fact("material.rejected", stories.CELLS, "2026-03-09T11:00:00", by="cdmo")],
        "I-12",
    ),
    case(
        "may-start",
        DENY,
        "cells that are used up",
        [
            *stories.AT_MAKER,
            fact("container.destroyed", BAG, "2026-03-09T11:00:00", by="cdmo", role="cdmo"),
        ],
        "I-12",
    ),
    case(
        "may-start",
        CANNOT_TELL,
        "cells of which nobody told the receipt",
        without(stories.AT_MAKER, stories.RECEIVED),
        "I-33",
    ),
    case(
        "may-start",
        CANNOT_TELL,
        "cells collected on a day that may be too long ago",
        instead(stories.AT_MAKER, stories.COLLECTED, occurred=when(COARSE)),
        "I-4",
        now=datetime(2026, 3, 11, 12, tzinfo=UTC),
    ),
    # ---- may-allocate
    case("may-allocate", ALLOW, "released stock in date", stories.IN_STOCK),
    case(
        "may-allocate",
        DENY,
        "what another order has",
        [
            *stories.IN_STOCK,
            reserved(OTHER),
        ],
        "I-1",
        "I-10",
    ),
    case(
        "may-allocate",
        ALLOW,
        "what is this order's already",
        [
            *stories.IN_STOCK,
            reserved(),
        ],
    ),
    case(
        "may-allocate",
        DENY,
        "what was this order's and went on its way",
        [
            *stories.IN_STOCK,
            reserved(),
            handed(MAKER, COURIER, "2026-03-09T17:00:00", MAKER, stories.VIAL),
        ],
        "I-10",
    ),
    case(
        "may-allocate",
        DENY,
        "what was reserved on the day on which it went on its way",
        [
            *stories.IN_STOCK,
            reserved(at="2026-03-09"),
            handed(MAKER, COURIER, "2026-03-09T17:00:00", MAKER, stories.VIAL),
        ],
        "I-10",
    ),
    case(
        "may-allocate",
        DENY,
        "what was this order's and is in a shipment under way",
        [
            *stories.IN_STOCK,
            reserved(),
            fact("shipment.departed", OUTBOUND, "2026-03-09T17:00:00", order=ORDER, contents=[stories.VIAL]),
        ],
        "I-10",
    ),
    case(
        "may-allocate",
        CANNOT_TELL,
        "what is this order's, while a shipment is under way of which nobody told what it holds",
        [
            *stories.IN_STOCK,
            reserved(),
            fact("shipment.departed", OUTBOUND, "2026-03-09T17:00:00", order=ORDER),
        ],
        "I-10",
    ),
    case("may-allocate", DENY, "what is not released", [*stories.IN_STOCK[:5], stories.IN_DATE], "I-6"),
    case("may-allocate", DENY, "what has expired", stories.IN_STOCK, "I-7", now=datetime(2027, 4, 1, tzinfo=UTC)),
    case(
        "may-allocate",
        DENY,
        "what is made for one patient",
        [submitted(), *stories.IN_STOCK[1:]],
        "I-10",
    ),
    case("may-allocate", DENY, "what nobody knows", [stories.STOCK_ORDER], "I-1"),
    case(
        "may-allocate",
        DENY,
        "what was recalled",
        [*stories.IN_STOCK, fact("recall.initiated", ref("recall", "R"), "2026-03-10T08:00:00", targets=[LOT])],
        "I-25",
    ),
    case("may-allocate", CANNOT_TELL, "stock of unknown date", stories.IN_STOCK[:-1], "I-7"),
    case(
        "may-allocate",
        CANNOT_TELL,
        "what is reserved for nobody knows whom",
        [*stories.IN_STOCK, fact("container.allocated", stories.VIAL, "2026-03-09T16:00:00", by="cdmo", role="cdmo")],
        "I-10",
    ),
    # ---- may-ship
    case("may-ship", ALLOW, "the holder", [submitted(), created(order=ORDER)]),
    case("may-ship", DENY, "on hold", [submitted(), created(order=ORDER), HELD], "I-30"),
    case("may-ship", CANNOT_TELL, "contradictory facts", [submitted(), created(order=ORDER), *TWICE], "I-14"),
    case(
        "may-ship",
        DENY,
        "with a logger whose calibration ran out",
        [
            submitted(),
            created(order=ORDER),
            fact("shipment.packed", OUTBOUND, contents=[BAG], loggers=[LOGGER]),
            fact("record.amended", LOGGER, "2026-03-01T08:00:00", calibrated_until=when("2026-03-05")),
        ],
        "I-19",
    ),
    case(
        "may-ship",
        DENY,
        "with a carrier that was suspended",
        [
            submitted(),
            created(order=ORDER),
            fact("shipment.packed", OUTBOUND, contents=[BAG], carrier=COURIER),
            fact("party.suspended", ref("qualification", "Q"), "2026-03-09T08:00:00", party=COURIER, activity="ship"),
        ],
        "I-19",
    ),
    # ---- may-accept
    case("may-accept", ALLOW, "what arrived in its condition", stories.ON_ARRIVAL),
    case("may-accept", ALLOW, "for an order that ended", [*stories.ON_ARRIVAL, HELD, DEAD]),
    case(
        "may-accept",
        DENY,
        "for another consignee",
        instead(
            stories.ON_ARRIVAL,
            stories.ON_ARRIVAL[2],
            set={**stories.SHIPMENT, "consignee": SITE},
        ),
        "I-33",
    ),
    case("may-accept", DENY, "what nobody read out", stories.ON_ARRIVAL[:-1], "I-3"),
    case(
        "may-accept",
        DENY,
        "what has not left",
        [submitted(), fact("shipment.packed", OUTBOUND, **stories.SHIPMENT)],
        "I-33",
    ),
    case("may-accept", DENY, "an unknown shipment", [submitted()], "I-1"),
    case(
        "may-accept",
        DENY,
        "what was refused",
        [*stories.ON_ARRIVAL, fact("shipment.rejected", OUTBOUND, "2026-03-08T15:30:00")],
        "I-33",
    ),
    case("may-accept", CANNOT_TELL, "what nobody saw arrive", without(stories.ON_ARRIVAL, stories.ARRIVED), "I-33"),
    case(
        "may-accept",
        CANNOT_TELL,
        "what is for nobody knows whom",
        instead(
            stories.ON_ARRIVAL,
            stories.ON_ARRIVAL[2],
            set={name: value for name, value in stories.SHIPMENT.items() if name != "consignee"},
        ),
        "I-33",
    ),
    # ---- may-condition
    case("may-condition", ALLOW, "with the product released", [*stories.READY, stories.CONSENT]),
    case("may-condition", DENY, "without a release", [*stories.UNRELEASED, stories.CONSENT], "I-15"),
    case("may-condition", DENY, "without a product", [submitted(), stories.CONSENT], "I-15"),
    case(
        "may-condition",
        DENY,
        "an unfit patient",
        [*stories.READY, stories.CONSENT, decided("conditioning", "not-eligible")],
        "I-15",
    ),
    case(
        "may-condition",
        DENY,
        "twice at a time",
        [
            *stories.READY,
            stories.CONSENT,
            fact("conditioning.started", ref("conditioning", "1"), "2026-03-10T11:00:00", order=ORDER),
        ],
        "I-15",
    ),
    case(
        "may-condition",
        DENY,
        "for a therapy without it",
        [submitted(service={"codings": [{"code": IN_VIVO_AAV.products[0].code}]}), stories.CONSENT],
        "I-15",
    ),
    case(
        "may-condition",
        DENY,
        "for a product that was recalled",
        [
            *stories.READY,
            stories.CONSENT,
            fact("recall.initiated", ref("recall", "R"), "2026-03-10T08:00:00", targets=[LOT]),
        ],
        "I-25",
    ),
    case("may-condition", CANNOT_TELL, "consent never told", stories.READY, "I-9"),
    # ---- may-prepare
    case("may-prepare", ALLOW, "a released dose at the site", stories.READY[:-1]),
    case("may-prepare", DENY, "an unreleased dose", stories.UNRELEASED, "I-7"),
    case("may-prepare", DENY, "a dose elsewhere", stories.READY[:-3], "I-7"),
    case(
        "may-prepare",
        DENY,
        "a bag that was thawed too long ago",
        [*stories.READY, fact("product.thawed", PRODUCT, "2026-03-10T11:00:00")],
        "I-8",
    ),
    case(
        "may-prepare",
        CANNOT_TELL,
        "a bag that was thawed some time this hour",
        [*stories.READY, fact("product.thawed", PRODUCT, "2026-03-10T11")],
        "I-8",
    ),
    # ---- may-infuse
    case("may-infuse", ALLOW, "a released and verified dose", stories.READY),
    case("may-infuse", DENY, "an unverified dose", stories.READY[:-1], "I-7"),
    case("may-infuse", CANNOT_TELL, "contradictory facts", [*stories.READY, *TWICE], "I-14"),
    case(
        "may-infuse",
        CANNOT_TELL,
        "a bag that was thawed some time this hour",
        [*stories.READY, fact("product.thawed", PRODUCT, "2026-03-10T11")],
        "I-8",
    ),
    case(
        "may-infuse",
        CANNOT_TELL,
        "at a site of whose qualification nobody told",
        stories.READY,
        "I-19",
        protocol=AUTOLOGOUS_CAR_T.model_copy(update={"qualified": ("infuse",)}),
    ),
    # ---- may-give-next-dose
    case("may-give-next-dose", ALLOW, "decided, on its day", stories.BETWEEN_DOSES, now=stories.DAY_10),
    case("may-give-next-dose", DENY, "undecided", stories.FIRST_DOSE, "I-18", now=stories.DAY_10),
    case("may-give-next-dose", DENY, "too early", stories.BETWEEN_DOSES, "I-18"),
    case("may-give-next-dose", DENY, "too late", stories.BETWEEN_DOSES, "I-18", now=NOW + timedelta(days=30)),
    case("may-give-next-dose", DENY, "before the first", [stories.STOCK_ORDER], "I-18"),
    case("may-give-next-dose", DENY, "where one is planned", stories.READY, "I-18"),
    case(
        "may-give-next-dose",
        DENY,
        "put off",
        [*stories.FIRST_DOSE, decided("infusion", at="2026-03-12T09:00:00", since=when("2026-03-20"))],
        "I-18",
        now=stories.DAY_10,
    ),
    case(
        "may-give-next-dose",
        CANNOT_TELL,
        "when the decision may have come before the dose",
        [*stories.FIRST_DOSE, decided("infusion", at="2026-03-05")],
        "I-18",
        now=stories.DAY_10,
    ),
    # ---- may-close
    case("may-close", ALLOW, "given, emptied, handed over", stories.ENDED),
    case("may-close", DENY, "followed by nobody", without(stories.ENDED, stories.HANDED_OVER), "I-24"),
    case("may-close", DENY, "with a bag that nobody accounts for", [*stories.ENDED, created(order=ORDER)], "I-23"),
    case("may-close", DENY, "before anything was given", [submitted(), created(order=ORDER)], "I-23", "I-30"),
    case(
        "may-close",
        DENY,
        "with a promise open",
        [
            *stories.ENDED,
            fact("obligation.recorded", ref("obligation", "O"), by="cdmo", order=ORDER, due=when("2026-06-01")),
        ],
        "I-45",
    ),
    case(
        "may-close",
        DENY,
        "while a batch is made",
        [*stories.ENDED, fact("batch.started", BATCH_2, "2026-03-11T12:00:00", order=ORDER)],
        "I-30",
    ),
    case("may-close", CANNOT_TELL, "sent what nothing else tells of", [*stories.ENDED, *SENT], "I-23"),
    case("may-close", ALLOW, "a shipment of nobody's came by", [*stories.ENDED, *SENT[1:]]),
    case(
        "may-close",
        CANNOT_TELL,
        "contradictory facts",
        [*stories.ENDED, *TWICE],
        "I-14",
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_question_is_answered_with_its_verdict_for_its_reasons(one: Case) -> None:
    answer = one.answer()
    assert (answer.verdict, {reason.rule for reason in answer.reasons}) == (one.verdict, one.rules)
    assert answer.question == one.question


@pytest.mark.parametrize("question", VERDICTS)
@pytest.mark.parametrize("verdict", [ALLOW, DENY, CANNOT_TELL])
def test_every_question_has_a_case_of_every_verdict(question: str, verdict: str) -> None:
    assert any((one.values[0].question, one.values[0].verdict) == (question, verdict) for one in CASES)


def test_every_function_that_answers_with_a_verdict_is_among_the_questions() -> None:
    told = {name.replace("_", "-") for name in questions.__all__ if name.startswith("may_")}
    assert told == set(VERDICTS) == set(ASK)


@pytest.mark.parametrize("one", CASES)
def test_every_reason_names_rule_text_remedy_and_facts_that_exist(one: Case) -> None:
    known = {event["id"] for event in one.facts}
    for reason in one.answer().reasons:
        assert reason.rule
        assert reason.text
        assert reason.settle
        assert set(reason.facts) <= known
        assert set(reason.clears) <= set(ROLES)
        assert reason.plain()["clears"] == list(reason.clears)


@pytest.mark.parametrize("question", VERDICTS)
def test_what_the_caller_knows_of_turns_every_yes_into_cannot_tell(question: str) -> None:
    one = next(c.values[0] for c in CASES if c.values[0].question == question and c.values[0].verdict == ALLOW)
    unread = Reason("I-40", CANNOT_TELL, "a message is unread", "read it", clears=("hub",))
    assert one.answer((unread,)) == Verdict(question, CANNOT_TELL, (unread,))


@pytest.mark.parametrize("question", VERDICTS)
def test_no_question_about_something_to_be_done_has_an_answer_without_a_protocol(question: str) -> None:
    one = next(c.values[0] for c in CASES if c.values[0].question == question and c.values[0].verdict == ALLOW)
    answer = ASK[question](journey(*one.facts), {}, one.now, [])
    assert answer.verdict != ALLOW
    assert any((r.rule, r.verdict) == ("I-30", CANNOT_TELL) for r in answer.reasons)


@pytest.mark.parametrize("question", VERDICTS)
def test_facts_that_contradict_each_other_leave_no_yes(question: str) -> None:
    one = next(c.values[0] for c in CASES if c.values[0].question == question and c.values[0].verdict == ALLOW)
    assert ASK[question](journey(*one.facts, *TWICE), one.protocols, one.now, []).verdict != ALLOW


def test_who_may_clear_a_reason_is_quality_where_only_a_person_settles_it_else_whose_word_counts() -> None:
    wrong = fact("container.observed", BAG, "2026-03-09T09:00:00", label={"coi": {"system": "x", "value": "CHX"}})
    shipped = questions.may_ship(
        journey(submitted(), created(order=ORDER), wrong), [BAG], short(COURIER), DEFAULT_PROTOCOLS, NOW
    )
    clears = {reason.rule: reason.clears for reason in shipped.reasons}
    assert clears["I-1"] == ("qa",)
    assert "apheresis-centre" in clears["I-2"]
    assert "payer" not in clears["I-2"]
    released = questions.may_infuse(journey(*stories.UNRELEASED), [PRODUCT], "", DEFAULT_PROTOCOLS, NOW)
    assert {r.clears for r in released.reasons} == {
        tuple(r for r in ROLES if r in {"cell-lab", "cdmo", "sponsor", "qa"})
    }
    dead = questions.may_collect(journey(*stories.READY_TO_COLLECT, DEAD), DEFAULT_PROTOCOLS, NOW)
    assert [r.clears for r in dead.reasons if r.rule == "I-9"] == [()]


def test_a_dose_is_infused_into_its_own_patient_only() -> None:
    def answer(patient: dict[str, Any]) -> Verdict:
        return questions.may_infuse(
            journey(*stories.READY), [PRODUCT], short(SITE), DEFAULT_PROTOCOLS, NOW, patient=patient
        )

    assert answer(PATIENT).verdict == ALLOW
    assert {r.rule for r in answer(STRANGER).reasons} == {"I-7"}


def test_a_batch_starts_from_what_is_named_not_from_what_else_there_is() -> None:
    other = created(ref("container", "BAG-2"), COURIER, "2026-03-08T09:00:00", order=ORDER, material=stories.CELLS)
    state = journey(*stories.AT_MAKER, other)

    def answer(*containers: dict[str, Any]) -> str:
        return questions.may_start(state, BATCH, short(MAKER), DEFAULT_PROTOCOLS, NOW, containers).verdict

    assert answer(BAG) == ALLOW
    assert answer() == DENY
    assert answer(BAG, ref("container", "BAG-2")) == DENY
