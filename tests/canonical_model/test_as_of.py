"""As-of views: what was believed when something was decided, and what of it had happened. Scenarios 11 and 20."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical_model.as_of import as_of, touching
from canonical_model.fold import fold
from canonical_model.ids import name_key
from canonical_model.journey import Journey, comparable
from canonical_model.order_document import OrderDocument, document_as_of, order_document
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.questions import may_infuse
from canonical_model.rules import check
from tests.canonical_model.facts import (
    BAG,
    LOT,
    NAMES,
    NOW,
    ORDER,
    OTHER,
    PATIENT,
    PRODUCT,
    SITE,
    STRANGER,
    Fact,
    created,
    dose_ready,
    fact,
    ref,
    result,
    short,
    submitted,
)
from tests.canonical_model.worlds import worlds

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RELEASE = datetime(2026, 3, 10, 12, tzinfo=UTC)
"""After the release, before the infusion."""
LATER = datetime(2026, 4, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rules(state: Journey, now: datetime) -> set[str]:
    return {found.rule for found in check(state, DEFAULT_PROTOCOLS, now).findings}


def infusion(day: str = "2026-03-10T13:00:00") -> Fact:
    return fact("infusion.started", ref("administration", "1"), day, containers=[PRODUCT])


def late(told: Fact, recorded: str) -> Fact:
    return {**told, "recorded": recorded}


# ---- scenario 11 --------------------------------------------------------------------------------------------------

STORY = [
    submitted(),
    fact("material.stated", LOT, "2026-03-09T07:00:00", by="cdmo", role="cdmo", order=ORDER),
    *dose_ready(),
    infusion(),
]
STERILE = next(f for f in STORY if f["set"].get("criterion") == "sterility")
GROWTH = result("sterility", LOT, "2026-03-24T09:00:00", "out", type_="result.corrected", supersedes=(STERILE,))


def test_a_corrected_result_after_the_infusion_leaves_what_was_known_at_release() -> None:
    """Scenario 11: nothing rewritten; the as-of view shows what was known."""
    log = [*STORY, GROWTH]
    then, today = as_of(NAMES, log, RELEASE), as_of(NAMES, log, LATER)
    assert may_infuse(then, [PRODUCT], short(SITE), DEFAULT_PROTOCOLS, RELEASE).verdict == "allow"
    assert not rules(then, RELEASE)
    assert "I-13" in rules(today, LATER)
    outcomes = [[r.fields["evaluation"] for r in s.of("result") if "sterility" in r.name] for s in (then, today)]
    assert outcomes == [["in"], ["out"]]
    assert STERILE in today.events


def test_a_correction_counts_in_the_world_from_what_it_puts_right() -> None:
    """With what is known today, the lot was never sterile; the infusion had not happened by the tenth."""
    state = as_of(NAMES, [*STORY, GROWTH], LATER, occurred=RELEASE)
    (sterility,) = (r for r in state.of("result") if "sterility" in r.name)
    assert sterility.fields["evaluation"] == "out"
    assert state.of("administration") == []


# ---- scenario 20 --------------------------------------------------------------------------------------------------


def test_what_came_after_an_outage_is_in_no_report_of_before() -> None:
    """Scenario 20: messages of six hours are replayed, and one event is back-dated into last month."""
    before = [submitted(), created(order=ORDER)]
    stored = late(fact("container.stored", BAG, "2026-03-09T08:00:00"), "2026-03-09T14:00:00Z")
    backdated = late(fact("order.held", ORDER, "2026-02-01T08:00:00"), "2026-03-09T15:00:00Z")
    log = [*before, stored, backdated]
    past = at("2026-03-09T09:00:00")
    report = order_document(fold(NAMES, before), DEFAULT_PROTOCOLS, past)
    assert document_as_of(NAMES, log, DEFAULT_PROTOCOLS, past) == report
    assert document_as_of(NAMES, [*log[::-1], *log], DEFAULT_PROTOCOLS, past) == report
    OrderDocument.model_validate(report)
    today = as_of(NAMES, log, at("2026-03-09T16:00:00"))
    assert (today.held, as_of(NAMES, log, past).held) == (True, False)
    assert "late-event" in {f.kind for f in check(today, DEFAULT_PROTOCOLS, NOW).findings}


def test_a_fact_that_was_received_twice_was_known_since_the_first_time() -> None:
    told = submitted()
    assert (
        as_of(NAMES, [late(told, "2026-03-09T00:00:00Z"), told], at("2026-03-02T00:00:00")).order.state == "submitted"
    )


# ---- late identifiers and merges ----------------------------------------------------------------------------------


def test_facts_of_another_order_are_in_no_view() -> None:
    strangers = created(ref("container", "BAG-9"), order=OTHER)
    state = as_of(NAMES, [submitted(), created(order=ORDER), strangers], NOW)
    assert [c.name for c in state.of("container")] == ["urn:test:container|BAG-1"]


def test_a_name_that_was_joined_later_leads_nowhere_before() -> None:
    alias = {"kind": "container", "identifiers": [*BAG["identifiers"], *ref("container", "ALIAS")["identifiers"]]}
    stored = fact("container.stored", ref("container", "ALIAS"), "2026-03-08T10:00:00")
    joined = late(fact("container.observed", alias, "2026-03-08T09:30:00"), "2026-03-12T00:00:00Z")
    log = [submitted(), created(order=ORDER), stored, joined]
    states = [as_of(NAMES, log, at(f"2026-03-{day}T00:00:00")).of("container")[0].state for day in (11, 13)]
    assert states == ["", "stored"]


def test_a_merge_that_is_known_later_changes_no_view_of_before() -> None:
    died = fact("subject.deceased", STRANGER, "2026-03-05T00:00:00")
    merged = late(
        fact("subject.merged", PATIENT, "2026-03-04T00:00:00", retired=STRANGER["identifiers"]), "2026-03-08T00:00:00Z"
    )
    parted = late(
        fact("subject.unmerged", PATIENT, "2026-03-04T01:00:00", retired=STRANGER["identifiers"]),
        "2026-03-10T00:00:00Z",
    )
    log = [submitted(patient=PATIENT), died, merged, parted]
    held = [as_of(NAMES, log, at(f"2026-03-{day:02}T12:00:00")).held for day in (6, 8, 11)]
    assert held == [False, True, False]


# ---- the laws -----------------------------------------------------------------------------------------------------


@FEW
@given(worlds(), st.data())
def test_what_comes_later_changes_no_view_of_the_past(facts: list[Fact], data: Any) -> None:
    days = data.draw(st.lists(st.integers(10, 28), min_size=len(facts), max_size=len(facts)))
    log = [late(event, f"2026-03-{day}T00:00:00Z") for event, day in zip(facts, days, strict=True)]
    until = at(f"2026-03-{data.draw(st.integers(9, 29)):02}T00:00:00")
    then = [event for event in log if event["recorded"] <= until.isoformat()[:19] + "Z"]
    assert comparable(as_of(NAMES, log, until)) == comparable(as_of(NAMES, then, LATER))


@FEW
@given(worlds())
def test_a_view_of_everything_is_the_fold_of_what_leads_to_the_order(facts: list[Fact]) -> None:
    names = [name_key("order", NAMES_AS_SENT)]
    assert comparable(as_of(names, facts, LATER, occurred=LATER)) == comparable(fold(names, touching(names, facts)))


NAMES_AS_SENT = {"system": NAMES[0][1], "value": NAMES[0][2]}
