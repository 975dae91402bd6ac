"""Custody: who holds a container, and where the reports leave a gap."""

from __future__ import annotations

from itertools import permutations

import pytest

from canonical_model.journey import Custody
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    COURIER,
    MAKER,
    ORDER,
    OUTBOUND,
    SITE,
    Fact,
    Ref,
    created,
    fact,
    findings,
    handed,
    journey,
    short,
    submitted,
)

BAG_NAME = "urn:test:container|BAG-1"


def chain(*facts: Fact) -> Custody:
    """The chain of the bag; the same for every arrival of the facts."""
    state = journey(*facts)
    for order in list(permutations(facts))[:200]:
        assert journey(*order).custody == state.custody
    return state.custody[BAG_NAME]


def steps(custody: Custody) -> list[tuple[str, str]]:
    return [(step.giver.rpartition("|")[2], step.taker.rpartition("|")[2]) for step in custody.steps]


def why(custody: Custody) -> list[str]:
    return [gap.why for gap in custody.gaps]


def test_creation_opens_custody_with_its_maker() -> None:
    custody = chain(created())
    assert (custody.holder, custody.since, custody.closed) == (short(APHERESIS), "2026-03-08T09:00:00Z", False)
    assert steps(custody) == [("", "apheresis")]


def test_a_maker_that_is_not_named_is_who_reports() -> None:
    assert chain(fact("container.created", BAG, by="apheresis")).holder == "apheresis"


def test_both_sides_of_one_handover_are_one_step() -> None:
    custody = chain(
        created(),
        handed(APHERESIS, COURIER, "2026-03-08T11:00:00", APHERESIS),
        handed(APHERESIS, COURIER, "2026-03-08T11:07:00", COURIER),
    )
    assert steps(custody) == [("", "apheresis"), ("apheresis", "courier")]
    assert custody.steps[1].reporters == ["apheresis", "courier"]
    assert custody.gaps == []


def test_one_side_is_enough_to_move_a_bag() -> None:
    for by in (APHERESIS, COURIER):
        custody = chain(created(), handed(APHERESIS, COURIER, "2026-03-08T11:00:00", by))
        assert (custody.holder, custody.gaps) == (short(COURIER), [])


def test_a_taker_needs_not_know_from_whom() -> None:
    custody = chain(created(), handed(None, COURIER, "2026-03-08T11:00:00", COURIER))
    assert steps(custody)[-1] == ("apheresis", "courier")


def test_a_giver_needs_not_know_to_whom() -> None:
    gone = [created(), handed(APHERESIS, APHERESIS, "2026-03-08T11:00:00", APHERESIS)]
    assert chain(*gone).holder == ""
    assert chain(*gone, handed(APHERESIS, COURIER, "2026-03-08T11:05:00", COURIER)).holder == short(COURIER)
    onward = chain(*gone, handed(COURIER, MAKER, "2026-03-08T15:00:00", MAKER))
    assert steps(onward) == [("", "apheresis"), ("apheresis", "courier"), ("courier", "cdmo")]
    assert onward.gaps == []


def test_a_giver_that_did_not_hold_is_a_gap_and_the_chain_goes_on() -> None:
    custody = chain(created(), handed(COURIER, MAKER, "2026-03-08T15:00:00", MAKER))
    (gap,) = custody.gaps
    assert (gap.why, gap.holder, gap.giver, gap.since) == (
        "other-giver",
        short(APHERESIS),
        short(COURIER),
        "2026-03-08T09:00:00Z",
    )
    assert custody.holder == short(MAKER)


def test_a_handover_of_a_bag_that_nobody_created_is_a_gap() -> None:
    assert why(chain(handed(APHERESIS, COURIER, "2026-03-08T11:00:00", COURIER))) == ["no-holder"]


def test_the_missing_half_that_comes_last_moves_nothing_back() -> None:
    """The courier's clock is behind: it tells of its receipt after the maker told of its own."""
    custody = chain(
        created(),
        handed(APHERESIS, COURIER, "2026-03-08T11:00:00", APHERESIS),
        handed(COURIER, MAKER, "2026-03-08T11:03:00", MAKER),
        handed(APHERESIS, COURIER, "2026-03-08T11:05:00", COURIER),
    )
    assert custody.holder == short(MAKER)
    assert why(custody) == ["late-half"]


@pytest.mark.parametrize(("told", "rule"), [("2026-03-08T11:10:00", "I-34"), ("2026-03-08T13:00:00", "I-2")])
def test_a_late_half_is_a_clock_within_tolerance_and_a_gap_beyond(told: str, rule: str) -> None:
    facts = [
        submitted(),
        created(order=ORDER),
        handed(APHERESIS, COURIER, "2026-03-08T11:00:00", APHERESIS),
        handed(COURIER, MAKER, "2026-03-08T11:03:00", MAKER),
        handed(APHERESIS, COURIER, told, COURIER),
    ]
    assert [f.rule for f in findings(*facts) if f.rule in {"I-2", "I-34"}] == [rule]


def test_a_bag_may_come_back_and_leave_again() -> None:
    trip = [
        created(),
        handed(APHERESIS, COURIER, "2026-03-08T11:00:00", APHERESIS),
        handed(COURIER, APHERESIS, "2026-03-08T13:00:00", COURIER),
        handed(APHERESIS, COURIER, "2026-03-08T15:00:00", COURIER),
    ]
    custody = chain(*trip)
    assert steps(custody)[1:] == [("apheresis", "courier"), ("courier", "apheresis"), ("apheresis", "courier")]
    assert (custody.holder, custody.gaps) == (short(COURIER), [])


@pytest.mark.parametrize("end", ["container.destroyed", "container.emptied"])
def test_destruction_ends_custody(end: str) -> None:
    ended = [created(), fact(end, BAG, "2026-03-09T00:00:00")]
    assert chain(*ended).closed
    after = chain(*ended, handed(APHERESIS, COURIER, "2026-03-09T08:00:00", COURIER))
    assert why(after) == ["ended"]
    before = chain(*ended, handed(APHERESIS, COURIER, "2026-03-08T11:00:00", COURIER))
    assert why(before) == []


def test_a_return_ends_nothing() -> None:
    assert not chain(created(), fact("container.returned", BAG, "2026-03-09T00:00:00")).closed


def test_a_second_maker_is_a_gap_unless_it_holds_the_bag() -> None:
    first = [created(), handed(APHERESIS, MAKER, "2026-03-08T11:00:00", MAKER)]
    assert why(chain(*first, created(holder=MAKER, at="2026-03-08T12:00:00"))) == []
    assert why(chain(*first, created(holder=SITE, at="2026-03-08T12:00:00"))) == ["two-makers"]


# ---- coarse times -----------------------------------------------------------------------------------------------


def test_a_creation_known_to_the_day_comes_before_the_handovers_of_that_day() -> None:
    custody = chain(created(at="2026-03-08"), handed(APHERESIS, COURIER, "2026-03-08T11:00:00", COURIER))
    assert steps(custody) == [("", "apheresis"), ("apheresis", "courier")]
    assert (custody.gaps, custody.unsure) == ([], False)


def test_a_handover_known_to_the_day_is_placed_where_it_fits() -> None:
    custody = chain(
        created(),
        handed(APHERESIS, COURIER, "2026-03-08", COURIER),
        handed(COURIER, MAKER, "2026-03-08T15:00:00", MAKER),
    )
    assert steps(custody) == [("", "apheresis"), ("apheresis", "courier"), ("courier", "cdmo")]
    assert (custody.gaps, custody.unsure, custody.holder) == ([], False, short(MAKER))


def test_two_handovers_of_one_day_are_put_in_their_only_order() -> None:
    custody = chain(
        created(),
        handed(COURIER, SITE, "2026-03-08", SITE),
        handed(APHERESIS, COURIER, "2026-03-08", COURIER),
        handed(SITE, MAKER, "2026-03-08T22:00:00", MAKER),
    )
    assert steps(custody)[1:] == [("apheresis", "courier"), ("courier", "site"), ("site", "cdmo")]
    assert custody.gaps == []


def test_the_second_half_may_be_known_to_the_day() -> None:
    custody = chain(
        created(),
        handed(APHERESIS, COURIER, "2026-03-08T11:00:00", APHERESIS),
        handed(COURIER, MAKER, "2026-03-08T15:00:00", MAKER),
        handed(APHERESIS, COURIER, "2026-03-08", COURIER),
    )
    assert (custody.holder, custody.gaps, custody.unsure) == (short(MAKER), [], False)
    assert custody.steps[1].reporters == ["apheresis", "courier"]


@pytest.mark.parametrize("day", ["2026-03-08", "2026-03-09", "2026-03"])
def test_a_coarse_report_never_makes_a_gap(day: str) -> None:
    facts = [created(), handed(SITE, MAKER, day, MAKER), handed(APHERESIS, COURIER, "2026-03-08T11:00:00", COURIER)]
    custody = chain(*facts)
    assert custody.gaps == []
    assert custody.unsure


def test_a_coarse_report_that_leads_elsewhere_explains_no_gap() -> None:
    elsewhere = handed(SITE, MAKER, "2026-03-08", MAKER)
    assert why(chain(created(), elsewhere, handed(COURIER, SITE, "2026-03-08T15:00:00", SITE))) == ["other-giver"]


def test_a_coarse_report_without_a_taker_may_explain_the_next_giver() -> None:
    gone = handed(APHERESIS, APHERESIS, "2026-03-08", APHERESIS)
    custody = chain(created(), gone, handed(COURIER, SITE, "2026-03-08T15:00:00", SITE))
    assert steps(custody)[1:] == [("apheresis", "courier"), ("courier", "site")]
    assert custody.gaps == []


def test_who_holds_is_sure_again_after_an_exact_report() -> None:
    doubtful = [created(), handed(SITE, MAKER, "2026-03-08", MAKER)]
    assert chain(*doubtful).unsure
    for giver in (APHERESIS, MAKER):
        custody = chain(*doubtful, handed(giver, COURIER, "2026-03-09T08:00:00", COURIER))
        assert (custody.holder, custody.unsure, custody.gaps) == (short(COURIER), False, [])


def test_the_earliest_possible_creation_opens_the_chain() -> None:
    custody = chain(
        created(at="2026-03-08"),
        handed(APHERESIS, MAKER, "2026-03-08T11:00:00", MAKER),
        created(holder=MAKER, at="2026-03-08T12:00:00"),
    )
    assert steps(custody) == [("", "apheresis"), ("apheresis", "cdmo")]
    assert custody.gaps == []


def test_a_coarse_report_of_another_day_explains_nothing() -> None:
    custody = chain(
        created(), handed(SITE, MAKER, "2026-03-10", MAKER), handed(COURIER, SITE, "2026-03-08T15:00:00", SITE)
    )
    assert why(custody) == ["other-giver"]


# ---- shipments --------------------------------------------------------------------------------------------------


def shipment(type_: str, at: str, by: Ref, **sides: object) -> Fact:
    return fact(type_, OUTBOUND, at, by=by["identifiers"][0]["value"], **sides)  # type: ignore[arg-type]


def test_a_shipment_moves_what_it_holds() -> None:
    custody = chain(
        created(),
        shipment("shipment.packed", "2026-03-08T10:00:00", APHERESIS, contents=[BAG]),
        shipment("shipment.departed", "2026-03-08T11:00:00", COURIER, giver=APHERESIS, taker=COURIER),
        shipment("shipment.accepted", "2026-03-09T08:00:00", MAKER, giver=COURIER, taker=MAKER),
    )
    assert steps(custody) == [("", "apheresis"), ("apheresis", "courier"), ("courier", "cdmo")]
    assert custody.gaps == []


def test_what_was_taken_out_before_it_left_stays_behind() -> None:
    left = [
        created(),
        shipment("shipment.packed", "2026-03-08T10:00:00", APHERESIS, contents=[BAG]),
        shipment("shipment.unpacked", "2026-03-08T10:30:00", APHERESIS, removed=[BAG]),
        shipment("shipment.departed", "2026-03-08T11:00:00", COURIER, giver=APHERESIS, taker=COURIER),
    ]
    assert chain(*left).holder == short(APHERESIS)
    again = shipment("shipment.packed", "2026-03-08T10:45:00", APHERESIS, contents=[BAG])
    assert chain(*left, again).holder == short(COURIER)


def test_who_gives_a_shipment_away_gives_it_to_its_carrier() -> None:
    custody = chain(
        created(),
        shipment("shipment.packed", "2026-03-08T10:00:00", APHERESIS, contents=[BAG], carrier=COURIER),
        shipment("shipment.departed", "2026-03-08T11:00:00", APHERESIS, giver=APHERESIS),
    )
    assert custody.holder == short(COURIER)


def test_a_shipment_that_names_no_side_moves_nothing() -> None:
    custody = chain(
        created(),
        shipment("shipment.packed", "2026-03-08T10:00:00", APHERESIS, contents=[BAG]),
        shipment("shipment.departed", "2026-03-08T11:00:00", COURIER),
    )
    assert custody.holder == short(APHERESIS)


def test_a_handover_told_minutes_after_the_next_one_is_a_matter_of_clocks() -> None:
    taken = handed(COURIER, MAKER, "2026-03-08T17:00:00", MAKER)
    given = [handed(APHERESIS, COURIER, "2026-03-08T17:04:00", by) for by in (APHERESIS, COURIER)]
    custody = chain(created(), taken, *given)
    assert steps(custody) == [("", "apheresis"), ("apheresis", "courier"), ("courier", "cdmo")]
    assert (custody.holder, why(custody)) == (short(MAKER), ["skew"])
    assert [f.severity for f in findings(created(), taken, *given, rule="I-34")] == ["info"]
    assert not findings(created(), taken, *given, rule="I-2")


def test_a_handover_told_an_hour_after_the_next_one_is_a_gap() -> None:
    taken = handed(COURIER, MAKER, "2026-03-08T17:00:00", MAKER)
    late = handed(APHERESIS, COURIER, "2026-03-08T18:00:00", APHERESIS)
    assert why(chain(created(), taken, late))[0] == "other-giver"
