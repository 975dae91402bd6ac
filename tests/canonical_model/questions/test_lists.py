"""Every question with a list: one entry of each of its kinds, and that no kind lacks a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from canonical_model import questions
from canonical_model.catalogue import EVENTS
from canonical_model.codes import ROLES
from canonical_model.journey import Journey
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.questions import CANNOT_TELL, DENY, LISTS, Entry, Listed, Reason
from canonical_model.questions.dues import TAKES_PLACE
from canonical_model.rules import check
from canonical_model.values import instant_text
from canonical_model.vocabularies import VOCABULARIES
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BAG_2,
    BATCH,
    COURIER,
    DECISION,
    DONATION,
    LOT,
    LOT_2,
    MAKER,
    ORDER,
    OUTBOUND,
    PRODUCT,
    SITE,
    Fact,
    Ref,
    created,
    fact,
    handed,
    journey,
    ref,
    result,
    short,
    submitted,
    when,
)
from tests.canonical_model.questions import stories
from tests.canonical_model.questions.stories import NOW
from tests.canonical_model.worlds import worlds

Protocols = dict[str, Protocol]


def asks_release(state: Journey, protocols: Protocols, now: datetime) -> Listed:
    return questions.what_is_missing_for_release(state, LOT, protocols, now)


def asks_due(state: Journey, protocols: Protocols, now: datetime) -> Listed:
    return questions.what_is_due(state, protocols, now)


def asks_told(rule: str) -> Callable[[Journey, Protocols, datetime], Listed]:
    """Asks about the Issue of a rule."""

    def ask(state: Journey, protocols: Protocols, now: datetime) -> Listed:
        issue = next(f.id for f in check(state, protocols, now).findings if f.rule == rule)
        return questions.who_must_be_told(state, issue, protocols, now)

    return ask


@dataclass(frozen=True)
class Case:
    """Facts, and what one entry of the answer says: the kind, and whatever else is stated of it here."""

    question: str
    kind: str
    ask: Callable[[Journey, Protocols, datetime], Listed]
    facts: list[Fact]
    says: dict[str, Any]
    neighbour: list[Fact]
    now: datetime = NOW
    protocol: Protocol | None = None

    def entries(self, facts: list[Fact]) -> list[Entry]:
        protocols = {self.protocol.key: self.protocol} if self.protocol else dict(DEFAULT_PROTOCOLS)
        return [entry for entry in self.ask(journey(*facts), protocols, self.now).items if self._fits(entry)]

    def _fits(self, entry: Entry) -> bool:
        return entry.kind == self.kind and all(getattr(entry, name) == value for name, value in self.says.items())


def case(
    question: str,
    kind: str,
    name: str,
    facts: list[Fact],
    neighbour: list[Fact],
    ask: Callable[[Journey, Protocols, datetime], Listed],
    now: datetime = NOW,
    protocol: Protocol | None = None,
    **says: Any,
) -> Any:
    """A case; `neighbour` are the facts with the least difference that makes the entry vanish."""
    return pytest.param(
        Case(question, kind, ask, facts, says, neighbour, now, protocol), id=f"{question} {kind} {name}"
    )


def missing(kind: str, name: str, facts: list[Fact], neighbour: list[Fact], **more: Any) -> Any:
    return case("what-is-missing-for-release", kind, name, facts, neighbour, asks_release, **more)


def due(kind: str, name: str, facts: list[Fact], neighbour: list[Fact], **more: Any) -> Any:
    return case("what-is-due", kind, name, facts, neighbour, asks_due, **more)


def told(kind: str, rule: str, name: str, facts: list[Fact], neighbour: list[Fact], **more: Any) -> Any:
    return case("who-must-be-told", kind, name, facts, neighbour, asks_told(rule), rule=rule, **more)


def without(facts: list[Fact], *left_out: Fact) -> list[Fact]:
    return [event for event in facts if all(event is not other for other in left_out)]


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> str:
    return instant_text(datetime(2026, month, day, hour, minute, tzinfo=UTC))


def saying(event: Fact, **values: Any) -> Fact:
    """A fact that states these fields as well."""
    return {**event, "set": {**event["set"], **values}}


STERILE = next(event for event in stories.READY if event["set"].get("criterion") == "sterility")
INTERIM = result("sterility", LOT, "2026-03-09T12:00:00", status="preliminary")
EU_ONLY = AUTOLOGOUS_CAR_T.model_copy(
    update={"specification": AUTOLOGOUS_CAR_T.specification.model_copy(update={"regions": ("EU",)})}
    if AUTOLOGOUS_CAR_T.specification
    else {}
)
UNSPECIFIED = AUTOLOGOUS_CAR_T.model_copy(update={"specification": None})
MADE = fact("batch.completed", BATCH, "2026-03-09T07:00:00", by="cdmo", order=ORDER)
MAKING = fact("batch.started", BATCH, "2026-03-09T07:00:00", by="cdmo", order=ORDER)
IN_US, IN_EU = submitted(region="US"), submitted(region="EU")
OUT = result("viability", LOT, "2026-03-09T12:00:00", "out")
PROMISED = fact(
    "obligation.recorded", ref("obligation", "O"), by="cdmo", order=ORDER, kind="document", due=when("2026-03-24")
)
KEPT = fact("obligation.recorded", ref("obligation", "O"), "2026-03-09T10:00:00", by="cdmo", done_at=when("2026-03-09"))
HALF = handed(APHERESIS, COURIER, "2026-03-10T11:00:00", COURIER)
VISIT = fact("followup.scheduled", ref("follow-up", "M3"), order=ORDER, visit="month-3", due=when("2026-06-10"))
SLOT = fact(
    "slot.booked",
    ref("appointment", "A"),
    order=ORDER,
    kind="delivery",
    period={"start": when("2026-03-12T08:00:00")},
)
ARRIVED = fact("shipment.arrived", OUTBOUND, "2026-03-12T07:30:00", order=ORDER, contents=[BAG])
ARRIVED_BEFORE = fact("shipment.arrived", OUTBOUND, "2026-03-09T11:00:00", order=ORDER, contents=[BAG])
"""Of another leg, days before the slot."""
DEWAR = fact(
    "shipment.departed",
    OUTBOUND,
    "2026-03-09T11:00:00",
    order=ORDER,
    contents=[BAG],
    hold_until=when("2026-03-19T11:00:00"),
)
NOTICE = ref("notification", "N")
BEGUN = [submitted(), created(order=ORDER)]
EXCEPTIONAL = {
    **stories.RELEASE,
    "set": {**stories.RELEASE["set"], "decision": "released-exceptionally"},
}
EXCEPTION = [IN_EU, *stories.READY[1:-4], EXCEPTIONAL, *stories.READY[-3:]]
CORRECTED = fact(
    "result.corrected",
    STERILE["about"],
    "2026-03-20T09:00:00",
    by="qc",
    **{**STERILE["set"], "evaluation": "out"},
)
CONTRADICTED = [*stories.READY, *stories.GIVEN, CORRECTED]
LATER = datetime(2026, 3, 21, tzinfo=UTC)
RECALL = fact("recall.initiated", ref("recall", "R"), "2026-03-20T08:00:00", by="cdmo", role="cdmo", targets=[LOT])
RECALLED = [*stories.READY, *stories.GIVEN, RECALL]
HEARD = fact("recall.acknowledged", ref("recall", "R"), "2026-03-20T09:00:00", by="cdmo", role="cdmo", told=[SITE])
RECALL_NOTICE = fact(
    "notification.sent",
    ref("notification", "N"),
    "2026-03-20T12:00:00",
    by="qa",
    role="qa",
    order=ORDER,
)
WRONG = fact("container.observed", BAG, "2026-03-09T09:00:00", label={"coi": {"system": "x", "value": "CHX"}})
SWAPPED = [*BEGUN, handed(COURIER, MAKER, "2026-03-09T09:00:00", MAKER)]


def notice(rule: str, facts: list[Fact], role: str, now: datetime = LATER) -> Fact:
    """A notice about the Issue of a rule."""
    state = journey(*facts)
    issue = next(f.id for f in check(state, DEFAULT_PROTOCOLS, now).findings if f.rule == rule)
    about = ref("issue", issue, system="urn:test:issues")
    sent = fact("notification.sent", NOTICE, "2026-03-20T12:00:00", by="qa", role="qa", order=ORDER)
    return saying(sent, issue=about, role=role)


CASES = [
    # ---- what is missing for release
    missing(
        "result",
        "without a final result",
        without(stories.READY, STERILE),
        stories.READY,
        about=("material", "urn:test:material|LOT-1"),
        rule="I-6",
    ),
    missing("result", "outside its limits", [*without(stories.READY, STERILE), OUT], stories.READY),
    missing("interim", "preliminary", [*without(stories.READY, STERILE), INTERIM], stories.READY),
    missing("specification", "none", stories.READY, [submitted()], protocol=UNSPECIFIED),
    missing("region", "of another region", [IN_US, *stories.READY[1:]], [IN_EU, *stories.READY[1:]], protocol=EU_ONLY),
    missing("issue", "an excursion of the result", [*stories.READY, OUT], stories.READY, rule="I-32", roles=("qa",)),
    missing("manufacture", "a batch that runs", [*stories.READY, MAKING], [*stories.READY, MADE], rule="I-6"),
    missing("decision", "nobody decided", stories.UNRELEASED, stories.READY, rule="I-6"),
    missing(
        "decision",
        "decided against it",
        [*stories.READY, fact("disposition.revoked", DECISION, "2026-03-10T11:00:00", by="cdmo")],
        stories.READY,
        text="the decision that stands is: revoked",
    ),
    # ---- what is due
    due("obligation", "a promise", [*BEGUN, PROMISED], [*BEGUN, PROMISED, KEPT], rule="I-45", late=False),
    due("obligation", "an old promise", [*BEGUN, PROMISED], BEGUN, now=datetime(2026, 4, 1, tzinfo=UTC), late=True),
    due(
        "notification",
        "unconfirmed",
        [*BEGUN, fact("notification.sent", NOTICE, order=ORDER, due=when("2026-03-12T08:00:00"))],
        [
            *BEGUN,
            fact("notification.sent", NOTICE, order=ORDER, due=when("2026-03-12T08:00:00")),
            fact("notification.confirmed", NOTICE, "2026-03-10T09:00:00"),
        ],
        at=at(3, 12, 8),
    ),
    due(
        "handoff",
        "one side only",
        [*BEGUN, HALF],
        [*BEGUN, HALF, handed(APHERESIS, COURIER, "2026-03-10T11:00:00", APHERESIS)],
        at=at(3, 11, 11),
        rule="I-38",
    ),
    due(
        "follow-up",
        "a visit",
        [*stories.READY, *stories.GIVEN, VISIT],
        [*stories.READY, *stories.GIVEN, VISIT, stories.HANDED_OVER],
        rule="I-24",
    ),
    due(
        "appointment",
        "a delivery",
        [*BEGUN, SLOT],
        [*BEGUN, SLOT, fact("slot.cancelled", ref("appointment", "A"), "2026-03-10T09:00:00")],
        at=at(3, 12, 8),
    ),
    due(
        "appointment",
        "that took place",
        [*BEGUN, SLOT],
        [*BEGUN, SLOT, ARRIVED],
        at=at(3, 12, 8),
    ),
    due(
        "appointment",
        "whose leg was another",
        [*BEGUN, SLOT, ARRIVED_BEFORE],
        [*BEGUN, SLOT, ARRIVED],
        at=at(3, 12, 8),
    ),
    due(
        "window",
        "from collection to manufacture",
        stories.AT_MAKER,
        [*stories.AT_MAKER, stories.STARTED],
        at=at(3, 11, 8, 30),
        rule="I-4",
    ),
    due(
        "hold-time",
        "a dewar on its way",
        [*BEGUN, DEWAR],
        [*BEGUN, DEWAR, fact("container.stored", BAG, "2026-03-10T09:00:00", by="cdmo", role="cdmo")],
        at=at(3, 19, 11),
        rule="I-21",
    ),
    due(
        "expiry",
        "of the product",
        [*stories.READY, stories.IN_DATE],
        [*stories.READY, stories.IN_DATE, fact("container.destroyed", PRODUCT, "2026-03-10T11:00:00")],
        rule="I-7",
    ),
    due(
        "consent",
        "that ends",
        [submitted(), {**stories.CONSENT, "set": {**stories.CONSENT["set"], "period": {"end": when("2026-12-31")}}}],
        [submitted(), stories.CONSENT],
        rule="I-9",
    ),
    due(
        "look",
        "when follow-up has to be planned",
        [*stories.READY, *stories.GIVEN],
        [*stories.READY, *stories.GIVEN, stories.HANDED_OVER],
        rule="I-24",
        now=datetime(2026, 3, 11, tzinfo=UTC),
    ),
    # ---- who must be told
    told("owner", "I-1", "of a wrong bag", [*BEGUN, WRONG], CONTRADICTED, roles=("qa",)),
    told("sponsor", "I-1", "of what is critical", [*BEGUN, WRONG], CONTRADICTED, roles=("sponsor",)),
    told(
        "authority",
        "I-28",
        "within 48 hours",
        EXCEPTION,
        stories.READY,
        at=at(3, 11, 15),
        roles=("regulator",),
        late=False,
    ),
    told("authority", "I-25", "of a recall", RECALLED, CONTRADICTED, now=LATER),
    told("maker", "I-25", "of a recall", RECALLED, CONTRADICTED, now=LATER, roles=("cdmo",)),
    told("site", "I-13", "that gave it", CONTRADICTED, [*stories.READY, CORRECTED], now=LATER, party=short(SITE)),
    told("site", "I-25", "that gave it", RECALLED, [*RECALLED, HEARD], now=LATER, party=short(SITE)),
    told("holder", "I-25", "that has it", [*stories.READY, RECALL], [*stories.READY, RECALL, HEARD], now=LATER),
    told("party", "I-2", "who is said to have given", SWAPPED, CONTRADICTED, party=short(COURIER)),
    case(
        "who-must-be-told",
        "notice",
        "of a recall",
        [*RECALLED, notice("I-25", RECALLED, role="regulator")],
        RECALLED,
        asks_told("I-25"),
        now=LATER,
        done=True,
        roles=("regulator",),
    ),
    case(
        "who-must-be-told",
        "notice",
        "that names the recall itself",
        [*RECALLED, saying(RECALL_NOTICE, role="infusion-site", recall=ref("recall", "R"))],
        [*RECALLED, saying(RECALL_NOTICE, role="infusion-site", recall=ref("recall", "another"))],
        asks_told("I-25"),
        now=LATER,
        done=True,
        roles=("infusion-site",),
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_an_entry_is_told_and_its_neighbour_does_not_have_it(one: Case) -> None:
    assert one.entries(one.facts), "the entry is not told"
    try:
        entries = one.entries(one.neighbour)
    except StopIteration:  # the neighbour raises no such Issue at all
        entries = []
    assert not entries, "the neighbour has it as well"


@pytest.mark.parametrize(("question", "kind"), [(q, kind) for q, kinds in LISTS.items() for kind in kinds])
def test_every_kind_of_entry_of_every_list_has_a_case(question: str, kind: str) -> None:
    assert any((one.values[0].question, one.values[0].kind) == (question, kind) for one in CASES)


def test_every_function_that_answers_with_a_list_is_among_the_questions() -> None:
    named = {name.replace("_", "-") for name in questions.__all__ if name.startswith(("what_", "who_"))}
    assert named == set(LISTS)


def answers(state: Journey, now: datetime = NOW) -> list[Listed]:
    """All lists that can be asked of a journey."""
    issues = [finding.id for finding in check(state, DEFAULT_PROTOCOLS, now).findings]
    asked: list[Ref] = [LOT, LOT_2, BATCH, PRODUCT, BAG, BAG_2]
    return [
        questions.what_is_due(state, DEFAULT_PROTOCOLS, now),
        *(questions.what_is_missing_for_release(state, one, DEFAULT_PROTOCOLS, now) for one in asked),
        *(questions.who_must_be_told(state, issue, DEFAULT_PROTOCOLS, now) for issue in issues),
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(12))
def test_every_list_of_every_world_is_in_order_and_says_who_and_what(world: list[Fact]) -> None:
    known = {event["id"] for event in world}
    for answer in answers(journey(submitted(), *world)):
        plain = answer.plain()
        assert set(plain) == {"question", "items", "reasons"}
        for entry in answer.items:
            assert entry.kind in LISTS[answer.question]
            assert entry.text
            assert set(entry.roles) <= set(ROLES)
            assert set(entry.facts) <= known | {submitted()["id"]}
            assert bool(entry.at) or not entry.late
        dates = [entry.at for entry in answer.items if entry.at and not entry.done]
        assert dates == sorted(dates)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(12))
def test_every_deadline_that_a_rule_tells_stands_among_what_is_due(world: list[Fact]) -> None:
    state = journey(submitted(), *world)
    deadline = check(state, DEFAULT_PROTOCOLS, NOW).next_change
    dates = [datetime.fromisoformat(e.at) for e in questions.what_is_due(state, DEFAULT_PROTOCOLS, NOW).items if e.at]
    assert deadline is None or any(timedelta() <= deadline - one <= timedelta(milliseconds=1) for one in dates)


def test_what_cannot_be_listed_is_said() -> None:
    state = journey(submitted())
    unknown = questions.what_is_missing_for_release(state, LOT, DEFAULT_PROTOCOLS, NOW)
    assert (unknown.items, [r.verdict for r in unknown.reasons]) == ((), [DENY])
    nobody = questions.who_must_be_told(state, "0" * 40, DEFAULT_PROTOCOLS, NOW)
    assert (nobody.items, [r.verdict for r in nobody.reasons]) == ((), [DENY])
    lawless = questions.what_is_due(state, {}, NOW)
    assert [(r.rule, r.verdict) for r in lawless.reasons] == [("I-30", CANNOT_TELL)]
    unread = Reason("I-40", CANNOT_TELL, "a message is unread", "read it")
    assert questions.what_is_due(state, DEFAULT_PROTOCOLS, NOW, [unread]).reasons == (unread,)


def test_nothing_is_missing_of_what_was_released_on_all_its_results() -> None:
    answer = asks_release(journey(*stories.READY, MADE), dict(DEFAULT_PROTOCOLS), NOW)
    assert answer == Listed("what-is-missing-for-release", ())


def test_the_issue_of_a_quality_system_has_an_owner_and_a_date() -> None:
    opened = fact("deviation.opened", ref("issue", "DEV-7"), "2026-03-09T10:00:00", by="cdmo", order=ORDER)
    deviation = saying(opened, about=[BATCH], severity="critical", owner="cdmo", due=when("2026-03-20"))
    state = journey(*stories.READY, deviation)
    answer = questions.who_must_be_told(state, "DEV-7", DEFAULT_PROTOCOLS, NOW)
    assert [(entry.kind, entry.roles) for entry in answer.items] == [("owner", ("cdmo",)), ("sponsor", ("sponsor",))]
    assert answer.items[0].at.startswith("2026-03-2")
    closed = fact("deviation.closed", ref("issue", "DEV-7"), "2026-03-10T10:00:00", by="cdmo")
    settled = questions.who_must_be_told(journey(*stories.READY, deviation, closed), "DEV-7", DEFAULT_PROTOCOLS, NOW)
    assert (settled.items, bool(settled.reasons)) == ((), True)


def test_whoever_was_told_is_no_longer_to_be_told() -> None:
    before = asks_told("I-25")(journey(*RECALLED), dict(DEFAULT_PROTOCOLS), LATER)
    sent = [*RECALLED, notice("I-25", RECALLED, role="regulator")]
    after = asks_told("I-25")(journey(*sent), dict(DEFAULT_PROTOCOLS), LATER)
    assert {entry.kind for entry in before.items} - {entry.kind for entry in after.items} == {"authority"}


def test_a_recalled_donation_reaches_the_site_that_gave_what_was_made_of_it() -> None:
    made = fact("batch.started", BATCH, "2026-03-08T12:00:00", by="cdmo", inputs=[BAG])
    given_ = [submitted(), stories.COLLECTED, created(order=ORDER, collection=DONATION), made, *stories.READY[1:]]
    recall = fact("recall.initiated", ref("recall", "R"), "2026-03-20T08:00:00", targets=[DONATION])
    answer = asks_told("I-25")(journey(*given_, *stories.GIVEN, recall), dict(DEFAULT_PROTOCOLS), LATER)
    assert short(SITE) in {entry.party for entry in answer.items}


def test_every_kind_of_appointment_has_facts_that_tell_that_it_took_place() -> None:
    assert TAKES_PLACE.keys() == VOCABULARIES["appointment-kind"].keys()
    assert {kind for kinds in TAKES_PLACE.values() for kind in kinds} <= EVENTS.keys()
