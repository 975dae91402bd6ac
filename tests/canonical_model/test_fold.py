"""The fold: fields and their precedence, what is cleared, facets, merges, holds, authority."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from canonical_model.fold import fold
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    DECISION,
    DONATION,
    LOT,
    NAMES,
    ORDER,
    OTHER,
    OUTBOUND,
    PATIENT,
    STRANGER,
    Fact,
    created,
    fact,
    journey,
    ref,
    submitted,
    when,
)


def fields(*facts: Fact) -> dict[str, Any]:
    """The order's fields."""
    return journey(*facts).order.fields


def amended(at: str, *, by: str = "mercy", **values: Any) -> Fact:
    role = "sponsor" if by == "sponsor" else "hospital"
    return fact("order.amended", ORDER, at, by=by, role=role, **values)


def cleared(path: str, at: str, by: str = "mercy") -> Fact:
    role = "sponsor" if by == "sponsor" else "hospital"
    return fact("order.amended", ORDER, at, by=by, role=role, clear=(path,))


DAY = "2026-03-0{}T10:00:00"


# ---- fields ----------------------------------------------------------------------------------------------------


def test_of_two_partners_the_later_statement_holds() -> None:
    one, two = amended(DAY.format(1), priority="R"), amended(DAY.format(2), by="sponsor", priority="S")
    assert fields(one, two)["priority"] == fields(two, one)["priority"] == "S"


@pytest.mark.parametrize("identifier", ORDER["identifiers"], ids=["placer", "coi"])
def test_the_order_is_found_by_any_one_of_its_names(identifier: dict[str, Any]) -> None:
    state = journey(submitted())
    by_one = {"kind": "order", "identifiers": [identifier]}
    assert state.name_of(by_one) == state.name_of(ORDER) == state.order.name
    assert state.record(by_one) is state.order


def test_a_fact_says_nothing_of_the_fields_that_it_does_not_state() -> None:
    assert fields(amended(DAY.format(1), priority="R"), amended(DAY.format(2), status="F")) == {
        "priority": "R",
        "status": "F",
    }


def test_an_explicit_null_clears_whoever_said_it() -> None:
    said = amended(DAY.format(1), priority="R")
    assert fields(said, cleared("priority", DAY.format(2), "sponsor")) == {}
    assert fields(said, cleared("priority", DAY.format(2)), amended(DAY.format(3), priority="S")) == {"priority": "S"}


def test_the_silence_of_a_snapshot_clears_only_what_its_own_partner_said() -> None:
    said = amended(DAY.format(1), priority="R")
    assert fields(said, cleared("?priority", DAY.format(2))) == {}
    assert fields(said, cleared("?priority", DAY.format(2), "sponsor")) == {"priority": "R"}


def test_what_another_partner_said_stands_again_after_a_snapshots_silence() -> None:
    theirs, ours = amended(DAY.format(1), by="sponsor", priority="S"), amended(DAY.format(2), priority="R")
    silence = cleared("?priority", DAY.format(3))
    assert fields(theirs, ours, silence) == {"priority": "S"}
    both_silent = cleared("?priority", DAY.format(4), "sponsor")
    assert fields(theirs, ours, silence, both_silent) == {}


def test_a_snapshots_silence_takes_nothing_that_another_partners_fact_implies() -> None:
    dead = fact("subject.deceased", PATIENT, DAY.format(1))
    silence = fact(
        "subject.updated", PATIENT, DAY.format(2), by="apheresis", role="apheresis-centre", clear=("?deceased",)
    )
    assert journey(dead, silence).of("subject")[0].fields == {"deceased": True}


@pytest.mark.parametrize("by", ["mercy", "sponsor"])
def test_what_was_cleared_before_does_not_come_back_through_a_snapshot(by: str) -> None:
    facts = [
        amended(DAY.format(1), by="sponsor", priority="S"),
        cleared("priority", DAY.format(2), by),
        amended(DAY.format(3), priority="R"),
        cleared("?priority", DAY.format(4)),
    ]
    assert fields(*facts) == {}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("observed.start", {"observed": {"end": when("2026-03-02")}}),
        ("observed", {}),
        ("parents[placer]", {"parents": [{"system": "s", "value": "2", "type": "filler"}]}),
        ("parents", {}),
        ("identifiers[coi]", {}),
        ("priority", {}),
    ],
)
def test_a_part_of_a_field_can_be_cleared(path: str, left: dict[str, Any]) -> None:
    whole: dict[str, Any] = {
        "observed": {"start": when("2026-03-01"), "end": when("2026-03-02")},
        "parents": [{"system": "s", "value": "1", "type": "placer"}, {"system": "s", "value": "2", "type": "filler"}],
    }
    field = path.partition(".")[0].partition("[")[0]
    said = amended(DAY.format(1), **({field: whole[field]} if field in whole else {}))
    assert fields(said, cleared(path, DAY.format(2))) == left


def test_names_are_never_cleared() -> None:
    state = journey(submitted(), cleared("identifiers[coi]", DAY.format(2)))
    assert [i["type"] for i in state.order.identifiers] == ["placer", "coi"]


def test_a_start_and_an_end_from_two_facts_make_one_period() -> None:
    begun = fact("collection.started", DONATION, DAY.format(1), period={"start": when("2026-03-01T10:00:00")})
    ended = fact("collection.completed", DONATION, DAY.format(1), period={"end": when("2026-03-01T12:00:00")})
    state = journey(begun, ended)
    period = state.of("collection")[0].fields["period"]
    assert period == {"start": when("2026-03-01T10:00:00"), "end": when("2026-03-01T12:00:00")}
    assert state.of("collection")[0].disagreements == []


def test_a_period_that_is_stated_again_replaces_the_old_one() -> None:
    planned = fact(
        "slot.booked",
        ref("appointment", "1"),
        DAY.format(1),
        period={"start": when("2026-03-05"), "end": when("2026-03-06")},
    )
    moved = fact("slot.changed", ref("appointment", "1"), DAY.format(2), period={"start": when("2026-03-09")})
    assert journey(planned, moved).of("appointment")[0].fields["period"] == {"start": when("2026-03-09")}


@pytest.mark.parametrize(
    ("type_", "about", "field", "value"),
    [
        ("subject.deceased", PATIENT, "deceased", True),
        ("disposition.revoked", DECISION, "decision", "revoked"),
        ("consent.withdrawn", ref("consent", "1"), "status", "withdrawn"),
    ],
)
def test_a_type_says_what_its_data_need_not(type_: str, about: dict[str, Any], field: str, value: Any) -> None:
    assert journey(fact(type_, about)).of(about["kind"])[0].fields == {field: value}


# ---- facets ----------------------------------------------------------------------------------------------------


def test_a_facet_is_the_furthest_state_that_facts_reach() -> None:
    told = [fact(f"shipment.{name}", OUTBOUND, "2026-03-01") for name in ("departed", "planned", "arrived", "located")]
    assert journey(*told).of("shipment")[0].state == "delivered"


def test_states_that_exclude_each_other_are_found_whatever_else_was_reached() -> None:
    told = [
        fact(f"order.{name}", ORDER, DAY.format(day))
        for day, name in enumerate(("accepted", "completed", "rejected"), 1)
    ]
    for facts in (told, told[::-1], [told[1], told[0], told[2]]):
        assert journey(*facts).order.conflicts == [("accepted", "rejected")]


def test_what_comes_and_goes_is_where_the_latest_fact_leaves_it() -> None:
    told = [
        fact(f"container.{name}", BAG, DAY.format(day))
        for day, name in enumerate(("stored", "issued", "returned", "stored"), 1)
    ]
    assert journey(*told).of("container")[0].state == "stored"
    assert journey(*told, fact("container.destroyed", BAG, DAY.format(2))).of("container")[0].state == "destroyed"


# ---- authority -------------------------------------------------------------------------------------------------


def test_a_fact_from_another_party_is_a_claim_and_changes_nothing() -> None:
    claim = fact("disposition.decided", DECISION, by="courier", role="courier", decision="released", material=LOT)
    state = journey(submitted(), claim)
    assert state.claims == [claim]
    assert state.of("disposition") == []


@pytest.mark.parametrize(("role", "is_fact"), [("courier", False), ("payer", False), ("qa", True), ("cdmo", True)])
def test_an_amendment_counts_from_those_whose_facts_count(role: str, is_fact: bool) -> None:
    changed = fact("record.amended", DECISION, by=role, role=role, decision="released")
    assert bool(journey(changed).of("disposition")) == is_fact


def test_the_names_of_a_claim_join_nothing() -> None:
    both = {"kind": "container", "identifiers": [*BAG["identifiers"], *ref("container", "BAG-2")["identifiers"]]}
    claim = fact("container.observed", both, by="payer", role="payer")
    state = journey(created(), created(ref("container", "BAG-2")), claim)
    assert len(state.of("container")) == 2


# ---- merges ----------------------------------------------------------------------------------------------------

PERSON, DOUBLE = (fact("subject.updated", who, DAY.format(1), sex="female") for who in (PATIENT, STRANGER))
MERGED = fact("subject.merged", PATIENT, DAY.format(3), retired=STRANGER["identifiers"])
UNMERGED = fact("subject.unmerged", PATIENT, DAY.format(5), retired=STRANGER["identifiers"])


def subjects(*facts: Fact) -> int:
    return len(journey(submitted(), PERSON, DOUBLE, *facts).of("subject"))


def test_a_merge_makes_one_record_of_two() -> None:
    assert subjects() == 2
    assert subjects(MERGED) == 1


def test_an_unmerge_makes_two_of_it_again_as_before() -> None:
    assert subjects(MERGED, UNMERGED) == 2
    before = journey(submitted(), PERSON, DOUBLE)
    after = journey(submitted(), PERSON, DOUBLE, MERGED, UNMERGED)
    assert [r.fields["sex"] for r in after.of("subject")] == [r.fields["sex"] for r in before.of("subject")]


def test_a_merge_may_be_made_again() -> None:
    again = fact("subject.merged", PATIENT, DAY.format(7), retired=STRANGER["identifiers"])
    assert subjects(MERGED, UNMERGED, again) == 1


def test_an_unmerge_of_others_changes_nothing() -> None:
    other = fact("subject.unmerged", PATIENT, DAY.format(5), retired=ref("subject", "token-9")["identifiers"])
    assert subjects(MERGED, other) == 1


def test_a_merge_that_cannot_be_put_after_its_undoing_does_not_stand() -> None:
    assert subjects({**MERGED, "occurred": when("2026-03-05")}, UNMERGED) == 2


# ---- holds -----------------------------------------------------------------------------------------------------

HELD = fact("order.held", ORDER, DAY.format(2))


@pytest.mark.parametrize(
    ("resumed", "held"),
    [(DAY.format(3), False), (DAY.format(1), True), ("2026-03-02", True), ("2026-03-03", False), (DAY.format(2), True)],
)
def test_only_what_certainly_came_later_lifts_a_hold(resumed: str, held: bool) -> None:
    lifted = fact("order.resumed", ORDER, resumed, by="sponsor", role="sponsor")
    assert journey(submitted(), HELD, lifted).held == held


def test_a_hold_of_another_order_holds_nothing() -> None:
    assert not journey(submitted(), fact("order.held", OTHER, DAY.format(2))).held


def test_quality_assurance_may_hold_an_order() -> None:
    assert journey(submitted(), fact("order.held", ORDER, DAY.format(2), by="qa", role="qa")).held


def test_every_hold_needs_its_own_resumption() -> None:
    again = fact("order.held", ORDER, DAY.format(6))
    lifted = fact("order.resumed", ORDER, DAY.format(4))
    assert journey(submitted(), HELD, lifted, again).held
    assert not journey(submitted(), HELD, lifted).held


# ---- the journey -----------------------------------------------------------------------------------------------


def test_a_fold_without_facts_is_empty() -> None:
    state = fold(NAMES, [])
    assert (state.stage, state.held, state.attempt, state.order.state) == ("", False, 1, "")


def test_a_fold_without_an_order_folds_records() -> None:
    assert fold([], [created()]).of("container")[0].identifiers == BAG["identifiers"]


def test_the_fold_leaves_its_events_as_they_were() -> None:
    facts = [submitted(), created(order=ORDER), cleared("service", DAY.format(9))]
    before = repr(facts)
    journey(*facts)
    assert repr(facts) == before


def test_the_highest_attempt_of_a_collection_is_the_orders() -> None:
    state = journey(submitted(), fact("collection.started", DONATION, attempt=3, order=ORDER))
    assert state.attempt == 3


# ---- Issues that come back ---------------------------------------------------------------------------------------

ISSUE = ref("issue", "I-1")


def issue_state(*facts: Fact) -> str:
    return journey(submitted(), *facts).of("issue")[0].state


def issue(type_: str, at: str = DAY.format(3), role: str = "qa") -> Fact:
    return fact(type_, ISSUE, at, by=role, role=role)


RAISED, RESOLVED = issue("issue.raised", DAY.format(1), "hub"), issue("issue.resolved")


def test_a_reopened_issue_is_open_until_it_is_settled_again() -> None:
    reopened = issue("issue.reopened", DAY.format(4))
    assert issue_state(RAISED, RESOLVED) == "resolved"
    assert issue_state(RAISED, RESOLVED, reopened) == "open"
    assert issue_state(RAISED, RESOLVED, reopened, issue("issue.assessed", DAY.format(5))) == "assessed"
    assert issue_state(RAISED, RESOLVED, reopened, issue("issue.resolved", DAY.format(6))) == "resolved"


def test_an_issue_that_may_have_been_reopened_after_its_settling_is_open() -> None:
    assert issue_state(RAISED, RESOLVED, issue("issue.reopened", "2026-03-03")) == "open"
    assert issue_state(RAISED, RESOLVED, issue("issue.reopened", DAY.format(2))) == "resolved"


def test_what_the_rules_find_again_is_open_again() -> None:
    cleared, again = issue("issue.cleared", DAY.format(3), "hub"), issue("issue.raised", DAY.format(4), "hub")
    assert issue_state(RAISED, cleared) == "resolved"
    assert issue_state(RAISED, cleared, again) == "open"


def test_a_deviation_whose_opening_is_told_vaguely_is_closed_when_it_was_closed() -> None:
    opened = fact("deviation.opened", ISSUE, "2026-03", by="qa", role="qa")
    assert issue_state(opened, fact("deviation.closed", ISSUE, DAY.format(3), by="qa", role="qa")) == "resolved"


# ---- steps -------------------------------------------------------------------------------------------------------


def stepped(at: str, *steps: dict[str, Any], by: str = "cdmo") -> Fact:
    return fact("step.completed", BATCH, at, by=by, steps=list(steps))


def steps_of(*facts: Fact) -> list[dict[str, Any]]:
    (batch,) = journey(*facts).of("batch")
    found: list[dict[str, Any]] = batch.fields["steps"]
    assert batch.disagreements == []
    return found


def test_steps_that_are_told_one_by_one_are_all_known_in_their_order() -> None:
    steps = [{"sequence": number, "status": "completed"} for number in (10, 2, 1)]
    assert [s["sequence"] for s in steps_of(*(stepped(DAY.format(1), s) for s in steps))] == [1, 2, 10]


def test_of_a_step_that_is_told_again_the_later_word_holds_and_the_rest_stays() -> None:
    begun = {"sequence": 1, "status": "running", "consumed": [{"lot": "L"}]}
    assert steps_of(stepped(DAY.format(1), begun), stepped(DAY.format(2), {"sequence": 1, "status": "completed"})) == [
        {"sequence": 1, "status": "completed", "consumed": [{"lot": "L"}]}
    ]


def test_two_tellings_of_one_moment_disagree_only_about_the_same_step() -> None:
    one, other = {"sequence": 1, "status": "running"}, {"sequence": 1, "status": "completed"}
    assert len(steps_of(stepped(DAY.format(1), one), stepped(DAY.format(1), {"sequence": 2}, by="lab"))) == 2
    (batch,) = journey(stepped(DAY.format(1), one), stepped(DAY.format(1), other, by="lab")).of("batch")
    assert [d.fields for d in batch.disagreements] == [("steps",)]


def test_steps_without_a_number_are_told_apart_by_their_names_or_by_what_they_say() -> None:
    named, bare = {"identifier": {"system": "s", "value": "HARVEST"}}, {"status": "planned"}
    assert len(steps_of(stepped(DAY.format(1), named, bare), stepped(DAY.format(2), named, bare))) == 2


# ---- death and consent hold --------------------------------------------------------------------------------------


def consent(type_: str, at: str, **values: Any) -> Fact:
    return fact(type_, ref("consent", values.pop("name", "1")), at, order=ORDER, subject=PATIENT, **values)


def held(*facts: Fact) -> bool:
    return journey(submitted(patient=PATIENT), *facts).held


def test_a_withdrawal_of_consent_to_treatment_holds_until_there_is_consent_again() -> None:
    given, gone = consent("consent.recorded", DAY.format(1)), consent("consent.withdrawn", DAY.format(2))
    again = consent("consent.recorded", DAY.format(3), name="2")
    assert [held(given), held(given, gone), held(given, gone, again)] == [False, True, False]


@pytest.mark.parametrize(
    "other",
    [
        consent("consent.withdrawn", DAY.format(2), scope=["registry"]),
        {**consent("consent.withdrawn", DAY.format(2)), "set": {"subject": STRANGER}},
        consent("consent.recorded", DAY.format(2), status="refused"),
    ],
)
def test_other_ends_of_consent_hold_nothing(other: Fact) -> None:
    """Another scope, another person; and where consent was never given, the question says no by itself (I-9)."""
    assert not held(other)


def test_a_death_holds_however_it_is_told() -> None:
    assert held(fact("subject.deceased", PATIENT, DAY.format(2)))
    assert held(fact("subject.updated", PATIENT, DAY.format(2), deceased=True))
    assert not held(fact("subject.deceased", STRANGER, DAY.format(2)))


# ---- chains of merges --------------------------------------------------------------------------------------------

THIRD = ref("subject", "token-3")


def merge(survivor: dict[str, Any], retired: dict[str, Any], at: int, type_: str = "subject.merged") -> Fact:
    return fact(type_, survivor, DAY.format(at), retired=retired["identifiers"])


def people(*facts: Fact) -> list[list[str]]:
    """The tokens of each person."""
    each = [fact("subject.updated", who, DAY.format(1)) for who in (PATIENT, STRANGER, THIRD)]
    state = journey(submitted(), *each, *facts)
    return sorted(sorted(i["value"] for i in r.identifiers) for r in state.of("subject"))


CHAIN = [merge(STRANGER, THIRD, 2), merge(PATIENT, STRANGER, 3)]


@pytest.mark.parametrize(
    ("parting", "left"),
    [
        (merge(PATIENT, THIRD, 5, "subject.unmerged"), [["token-1", "token-2"], ["token-3"]]),
        (merge(STRANGER, THIRD, 5, "subject.unmerged"), [["token-1", "token-2"], ["token-3"]]),
        (merge(PATIENT, STRANGER, 5, "subject.unmerged"), [["token-1"], ["token-2", "token-3"]]),
        (merge(STRANGER, PATIENT, 5, "subject.unmerged"), [["token-1"], ["token-2", "token-3"]]),
        (fact("subject.unmerged", THIRD, DAY.format(5)), [["token-1", "token-2"], ["token-3"]]),
        (merge(PATIENT, ref("subject", "nobody"), 5, "subject.unmerged"), [["token-1", "token-2", "token-3"]]),
    ],
)
def test_a_parting_takes_back_the_merge_that_ended_who_is_parted(parting: Fact, left: list[list[str]]) -> None:
    for facts in ([*CHAIN, parting], [parting, *CHAIN], [CHAIN[1], parting, CHAIN[0], parting]):
        assert people(*facts) == left


def test_a_parting_knows_a_person_by_any_of_their_names() -> None:
    both = {"kind": "subject", "identifiers": [*STRANGER["identifiers"], *ref("subject", "token-2b")["identifiers"]]}
    named = fact("subject.updated", both, DAY.format(1))
    parting = merge(PATIENT, ref("subject", "token-2b"), 5, "subject.unmerged")
    assert ["token-1"] in people(merge(PATIENT, STRANGER, 3), named, parting)


def test_a_record_keeps_the_names_that_standing_merges_retired_and_no_others() -> None:
    """Scenario 1: a retired number stays an alias; after an unmerge it is none."""
    merges = [merge(PATIENT, STRANGER, 2), merge(PATIENT, THIRD, 3)]
    parted = merge(PATIENT, THIRD, 4, "subject.unmerged")

    def retired(*facts: Fact) -> list[str]:
        record = journey(submitted(), *facts).record(PATIENT)
        return [i["value"] for i in record.fields.get("retired", ())] if record else []

    assert retired(*merges) == ["token-2", "token-3"]
    assert retired(*merges, parted) == ["token-2"]
    assert retired(*merges, parted, merge(PATIENT, STRANGER, 5, "subject.unmerged")) == []


def test_each_eligibility_is_decided_by_itself() -> None:
    cleared = fact(
        "eligibility.decided", PATIENT, "2026-03-02T08:00:00", eligibility={"clinical": {"decision": "eligible"}}
    )
    covered = fact(
        "eligibility.decided", PATIENT, "2026-03-03T08:00:00", eligibility={"coverage": {"decision": "pending"}}
    )
    anew = fact(
        "eligibility.decided", PATIENT, "2026-03-04T08:00:00", eligibility={"coverage": {"decision": "eligible"}}
    )
    told = {"clinical": {"decision": "eligible"}, "coverage": {"decision": "eligible"}}
    for facts in permutations([submitted(), cleared, covered, anew]):
        (subject,) = journey(*facts).of("subject")
        assert subject.fields["eligibility"] == told
