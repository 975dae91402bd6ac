"""Deadlines: `check().next_change` is the first instant at which time alone can change what the rules say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from canonical_model import rules
from canonical_model.journey import Journey
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS, IN_VIVO_AAV
from canonical_model.protocols import Protocol
from canonical_model.questions import may_infuse, may_ship
from canonical_model.rules import RULES, check
from canonical_model.rules.finding import Finding, Item
from canonical_model.values import MOMENT
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    COURIER,
    DONATION,
    LOT,
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
    short,
    submitted,
    when,
)
from tests.canonical_model.rules.clock import changes_only_when_told
from tests.canonical_model.worlds import worlds

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CLOCK = st.sampled_from([datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(35 * 24)])

TIMED = [
    submitted("2026-03-01T08:00:00"),
    fact("collection.completed", DONATION, "2026-03-08T08:30:00", order=ORDER),
    created(order=ORDER),
    handed(APHERESIS, COURIER, "2026-03-08T11:00:00", COURIER),
    created(PRODUCT, MAKER, "2026-03-12T09:00:00", material=LOT, order=ORDER),
    fact("material.stated", LOT, "2026-03-12T09:00:00", by="cdmo", role="cdmo", expires_at=when("2026-03-25")),
    fact("product.thawed", PRODUCT, "2026-03-20T09:00:00"),
    fact("consent.recorded", ref("consent", "1"), "2026-03-01T09:00:00", period={"end": when("2026-04-01")}),
]
LOGGER = ref("device", "LOG-1")


def qualified(party: Ref, activity: str, at: str, type_: str = "party.qualified", **valid: str) -> Fact:
    said: dict[str, Any] = {"valid": {name: when(day) for name, day in valid.items()}} if valid else {}
    about = ref("qualification", activity)
    return fact(type_, about, at, by="sponsor", role="sponsor", party=party, activity=activity, **said)


AGEING = [
    submitted(
        "2026-03-01T08:00:00",
        protocol=IN_VIVO_AAV.key,
        site=SITE,
        weight={"value": "4.0", "unit": "kg"},
        weighed_at=when("2026-03-02T09:00:00"),
        titre_at=when("2026-03-03"),
    ),
    qualified(SITE, "infuse", "2026-03-02T08:00:00", start="2026-03-05", end="2026-04-10"),
    qualified(SITE, "infuse", "2026-03-07T10:00:00", "party.suspended"),
    qualified(SITE, "infuse", "2026-03-11T10:00:00"),
    qualified(COURIER, "ship", "2026-03-02T08:00:00", start="2026-03-01", end="2026-03-22"),
    fact("record.amended", LOGGER, "2026-03-04T08:00:00", role="courier", calibrated_until=when("2026-03-23")),
    fact("shipment.planned", OUTBOUND, "2026-03-04T09:00:00", contents=[PRODUCT], carrier=COURIER, loggers=[LOGGER]),
    fact("infusion.started", ref("administration", "1"), "2026-03-12T09:00:00", containers=[PRODUCT], site=SITE),
]
"""What ages or ends by itself, though the question was asked and the dose was given long ago."""


def answers(state: Journey, now: datetime) -> list[Any]:
    """Everything that is said at an instant."""
    return [
        check(state, DEFAULT_PROTOCOLS, now).findings,
        may_ship(state, [BAG, PRODUCT], short(COURIER), DEFAULT_PROTOCOLS, now),
        may_infuse(state, [PRODUCT], "", DEFAULT_PROTOCOLS, now),
    ]


@FEW
@given(worlds(12), st.lists(st.sampled_from([*TIMED, *AGEING]), unique_by=lambda e: e["id"]), CLOCK, CLOCK)
def test_nothing_changes_by_time_alone_before_the_next_change(
    world: list[Fact], timed: list[Fact], now: datetime, later: datetime
) -> None:
    state = journey(*world, *timed)
    deadline = check(state, DEFAULT_PROTOCOLS, now).next_change
    assert deadline is None or deadline > now
    if later >= now and (deadline is None or later < deadline):
        assert answers(state, later) == answers(state, now)
    if deadline is not None:
        assert answers(state, deadline - MOMENT) == answers(state, now)


def changes(state: Journey, start: datetime) -> list[datetime]:
    """The instants from one next change to the next, until there is none."""
    found: list[datetime] = []
    now: datetime | None = start
    while now is not None:
        now = check(state, DEFAULT_PROTOCOLS, now).next_change
        if now is not None:
            found.append(now)
    return found


def test_a_clock_that_follows_the_deadlines_meets_every_change() -> None:
    state = journey(*TIMED)
    start = datetime(2026, 3, 12, 10, tzinfo=UTC)
    met = changes(state, start)
    assert met == [
        datetime(2026, 3, 20, 9, 30, tzinfo=UTC) + MOMENT,  # thawed and not infused
        datetime(2026, 3, 20, 12, tzinfo=UTC) + MOMENT,  # nor the end of the infusion told
        datetime(2026, 3, 26, tzinfo=UTC),  # the end of its last day
        datetime(2026, 4, 2, tzinfo=UTC),  # the end of consent
    ]
    for at in met:
        assert answers(state, at) != answers(state, at - MOMENT)
    assert answers(state, met[-1] + timedelta(days=4000)) == answers(state, met[-1])


def test_what_ages_or_ends_is_told_of_when_the_answers_change_after_a_dose_too() -> None:
    """I-19, I-26: no finding changes then, for the act lies behind; whoever asks about another one hears otherwise."""
    state = journey(created(PRODUCT, MAKER), *AGEING)
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    met = [at for at in changes(state, start) if answers(state, at)[1:] != answers(state, at - MOMENT)[1:]]
    assert met == [
        datetime(2026, 3, 2, 9, tzinfo=UTC),  # the weight is measured
        datetime(2026, 3, 3, tzinfo=UTC),  # and the titre
        datetime(2026, 3, 5, tzinfo=UTC),  # the site is qualified
        datetime(2026, 3, 7, 10, tzinfo=UTC) + MOMENT,  # suspended
        datetime(2026, 3, 11, 10, tzinfo=UTC),  # and qualified again
        datetime(2026, 3, 16, 9, tzinfo=UTC) + MOMENT,  # the weight is too old
        datetime(2026, 3, 23, tzinfo=UTC),  # the carrier's qualification has ended
        datetime(2026, 3, 24, tzinfo=UTC),  # and the logger's calibration
        datetime(2026, 4, 3, tzinfo=UTC),  # the titre is too old
    ]
    assert changes_only_when_told(state, DEFAULT_PROTOCOLS, start, start + timedelta(days=60), answers) >= len(met)


@pytest.mark.parametrize(
    ("facts", "deadline"),
    [
        (TIMED[:2], datetime(2026, 3, 11, 8, 30, tzinfo=UTC) + MOMENT),
        (TIMED[2:4], datetime(2026, 3, 9, 11, tzinfo=UTC) + MOMENT),
        ([*TIMED[2:3], handed(APHERESIS, COURIER, "2026-03-08", COURIER)], datetime(2026, 3, 10, tzinfo=UTC)),
        (TIMED[4:6], datetime(2026, 3, 26, tzinfo=UTC)),
        (TIMED[7:], datetime(2026, 4, 2, tzinfo=UTC)),
        (TIMED[:1], None),
        ([*TIMED[:2], fact("batch.started", ref("batch", "1"), "2026-03-09T08:00:00")], None),
        ([*TIMED[:2], fact("batch.started", ref("batch", "1"), "2026-03-09")], None),
    ],
)
def test_a_deadline_is_the_moment_after_which_something_is_late(facts: list[Fact], deadline: datetime | None) -> None:
    early = datetime(2026, 3, 8, 12, tzinfo=UTC)
    state = journey(submitted(), *facts)
    assert check(state, DEFAULT_PROTOCOLS, early).next_change == deadline
    if deadline is not None:
        before, after = (check(state, DEFAULT_PROTOCOLS, at).findings for at in (deadline - MOMENT, deadline))
        assert len(after) == len(before) + 1


def test_a_window_that_was_opened_at_a_coarse_time_is_looked_at_when_its_answers_change() -> None:
    """No finding rests on a coarse time; the answer becomes cannot-tell, then no, and each at a told instant."""
    state = journey(submitted(), created(PRODUCT, MAKER), fact("product.thawed", PRODUCT, "2026-03-20T09"))
    met = changes(state, datetime(2026, 3, 20, 9, tzinfo=UTC))
    assert met == [
        datetime(2026, 3, 20, 9, 30, tzinfo=UTC) + MOMENT,
        datetime(2026, 3, 20, 10, 30, tzinfo=UTC),
    ]
    told = [
        [r.verdict for r in may_infuse(state, [PRODUCT], "", DEFAULT_PROTOCOLS, at).reasons if r.rule == "I-8"]
        for at in (met[0] - MOMENT, met[0], met[1])
    ]
    assert told == [[], ["cannot-tell"], ["deny"]]


@pytest.mark.parametrize("mute", ["windows_hold", "handovers_are_confirmed", "product_in_date", "consent_is_current"])
def test_a_rule_that_forgets_its_deadline_is_found(mute: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a rule that looks at the clock and does not say when to look again."""
    real = next(rule for rule in RULES if rule.__name__ == mute)

    def forgetful(state: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
        return (item for item in real(state, protocol, now) if isinstance(item, Finding))

    def breaks(case: tuple[datetime, datetime]) -> bool:
        now, later = sorted(case)
        state = journey(*TIMED)
        told = check(state, DEFAULT_PROTOCOLS, now)
        waits = told.next_change is None or later < told.next_change
        return waits and check(state, DEFAULT_PROTOCOLS, later).findings != told.findings

    clocks = st.tuples(CLOCK, CLOCK)
    search = settings(FEW, max_examples=2000, phases=[Phase.generate])
    with pytest.raises(NoSuchExample):
        find(clocks, breaks, settings=settings(search, max_examples=100))
    monkeypatch.setattr(rules, "RULES", (*(rule for rule in RULES if rule is not real), forgetful))
    assert find(clocks, breaks, settings=search)
