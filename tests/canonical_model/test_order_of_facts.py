"""The five points without which a state would depend on the order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest

from canonical_model.events import is_after, sort_key
from canonical_model.ids import event_id
from canonical_model.journey import comparable
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.questions import CANNOT_TELL, may_ship
from canonical_model.rules import disposition_of
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    COURIER,
    DECISION,
    DONATION,
    LOT,
    MAKER,
    NOW,
    ORDER,
    PATIENT,
    PRODUCT,
    Fact,
    created,
    dose_ready,
    fact,
    findings,
    handed,
    journey,
    plain,
    ref,
    result,
    short,
    submitted,
)


def same_however(*facts: Fact) -> None:
    """Every arrival of these facts gives one state."""
    expected = plain(*facts)
    for order in permutations(facts):
        assert plain(*order) == expected
        assert plain(*order, facts[0]) == expected


# ---- (a) the id of an event is made of its content ---------------------------------------------------------------


def test_a_redelivered_message_gives_the_same_ids() -> None:
    about = {"kind": "order", "identifiers": [{"system": "s", "value": "1"}]}
    one = event_id("mercy", "m1", "digest", "order 1", "order.submitted", about, [{"priority": "R"}])
    assert one == event_id("mercy", "m1", "digest", "order 1", "order.submitted", about, [{"priority": "R"}])


@pytest.mark.parametrize("place", range(7))
def test_a_change_of_anything_that_makes_a_fact_changes_its_id(place: int) -> None:
    said = ["mercy", "m1", "digest", "order 1", "order.submitted", {"kind": "order"}, [{"priority": "R"}]]
    other = [*said]
    other[place] = "changed" if isinstance(said[place], str) else {"changed": True} if place == 5 else ["changed"]
    assert event_id(*said) != event_id(*other)  # type: ignore[arg-type]


def test_a_copy_of_an_event_changes_nothing() -> None:
    facts = [submitted(), created(order=ORDER)]
    late = {**facts[1], "recorded": "2026-04-01T00:00:00Z"}
    assert plain(*facts, late) == plain(*facts) == plain(late, *facts)
    assert journey(late, *facts).facts == journey(*facts).facts


# ---- (b) the sort key --------------------------------------------------------------------------------------------


def test_b_what_causes_comes_before_what_follows_at_one_instant() -> None:
    at = "2026-03-08T09:00:00"
    facts = [
        fact("infusion.started", ref("administration", "1"), at),
        fact("disposition.decided", DECISION, at),
        fact("result.reported", ref("result", "1"), at),
        fact("batch.started", ref("batch", "1"), at),
        handed(APHERESIS, COURIER, at, COURIER),
        created(at=at),
        fact("collection.completed", DONATION, at),
        fact("consent.recorded", ref("consent", "1"), at),
        fact("order.submitted", ORDER, at),
    ]
    told = [event["type"] for event in sorted(facts, key=sort_key)]
    assert told == [event["type"] for event in reversed(facts)]


def test_b_a_partners_own_sequence_decides_at_one_instant_and_nobody_is_asked() -> None:
    first = fact("order.amended", ORDER, ordinal="1", priority="R")
    second = fact("order.amended", ORDER, ordinal="2", priority="S")
    assert is_after(second, first)
    assert not is_after(first, second)
    assert journey(second, first, submitted()).order.fields["priority"] == "S"
    assert not findings(second, first, submitted(), rule="I-36")


@pytest.mark.parametrize("other", [{"by": "sponsor", "role": "sponsor"}, {"source": "m2"}])
def test_b_facts_equal_up_to_the_id_that_differ_are_ambiguous(other: dict[str, str]) -> None:
    one = fact("order.amended", ORDER, priority="R", patient=PATIENT)
    two = fact("order.amended", ORDER, priority="S", patient=PATIENT, **other)  # type: ignore[arg-type]
    (found,) = findings(submitted(), one, two, rule="I-36")
    assert found.kind == "order-ambiguous"
    assert found.text == "facts of one moment differ in: priority"
    assert set(found.facts) == {one["id"], two["id"]}
    same_however(submitted(), one, two)


@pytest.mark.parametrize("first", ["in", "out"])
def test_b_of_two_versions_of_one_row_the_more_restrictive_holds(first: str) -> None:
    """Scenario 4: a file comes again with one changed row."""
    second = {"in": "out", "out": "in"}[first]
    rows = [result("viability", LOT, "2026-03-09T12:00:00", said) for said in (first, second)]
    state = journey(submitted(), *rows)
    assert state.of("result")[0].fields["evaluation"] == "out"
    assert [f.severity for f in findings(submitted(), *rows, rule="I-36")] == ["major"]
    settled = result("viability", LOT, "2026-03-09T12:00:00", "in", type_="result.corrected", supersedes=tuple(rows))
    assert journey(submitted(), *rows, settled).of("result")[0].fields["evaluation"] == "in"
    assert not findings(submitted(), *rows, settled, rule="I-36")
    same_however(submitted(), *rows, settled)


def test_b_facts_equal_up_to_the_id_that_agree_are_not() -> None:
    one = fact("order.amended", ORDER, priority="R")
    two = fact("order.amended", ORDER, priority="R", by="sponsor", role="sponsor")
    assert not findings(submitted(), one, two, rule="I-36")


def test_b_a_later_statement_settles_an_ambiguity() -> None:
    one = fact("order.amended", ORDER, priority="R")
    two = fact("order.amended", ORDER, priority="S", by="sponsor", role="sponsor")
    later = fact("order.amended", ORDER, "2026-03-09T10:00:00", priority="S")
    assert findings(submitted(), one, two, rule="I-36")
    assert not findings(submitted(), one, two, later, rule="I-36")
    same_however(submitted(), one, two, later)


def test_b_arrival_does_not_show_in_the_order() -> None:
    early = created(recorded="2026-03-08T09:00:01Z")
    late = {**early, "recorded": "2026-05-01T00:00:00Z"}
    assert sort_key(early) == sort_key(late)


# ---- (c) coarse times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coarse", "before", "after"),
    [
        ("2026-03-08", "2026-03-08T23:59:59", "2026-03-09T00:00:00"),
        ("2026-03-08T09", "2026-03-08T09:59:59", "2026-03-08T10:00:00"),
        ("2026-03", "2026-03-31T23:59:59", "2026-04-01T00:00:00"),
        ("2026", "2026-12-31T23:59:59", "2027-01-01T00:00:00"),
    ],
)
def test_c_a_time_coarser_than_a_minute_sorts_at_the_end_of_its_interval(coarse: str, before: str, after: str) -> None:
    within, fuzzy, beyond = (fact("order.amended", ORDER, at) for at in (before, coarse, after))
    assert sort_key(within) < sort_key(fuzzy) < sort_key(beyond)
    assert not is_after(fuzzy, within)
    assert not is_after(within, fuzzy)
    assert is_after(beyond, fuzzy)


def test_c_a_minute_is_exact() -> None:
    minute, second = (
        fact("order.amended", ORDER, "2026-03-08T09:00"),
        fact("order.amended", ORDER, "2026-03-08T09:00:01"),
    )
    assert is_after(second, minute)


def test_c_facets_do_not_depend_on_times() -> None:
    done = fact("collection.completed", DONATION, "2026-03-08T08:00:00", order=ORDER)
    begun = fact("collection.started", DONATION, "2026-03-08", order=ORDER)
    assert journey(done, begun).of("collection")[0].state == "completed"


def test_c_no_finding_about_order_rests_on_a_coarse_time() -> None:
    shipped = [
        fact("shipment.departed", ref("shipment", "1"), "2026-03-08T12:00:00", order=ORDER),
        fact("shipment.arrived", ref("shipment", "1"), "2026-03-08T10:00:00", order=ORDER),
    ]
    assert findings(submitted(), *shipped, rule="I-34")
    fuzzy = fact("shipment.arrived", ref("shipment", "1"), "2026-03-08", order=ORDER)
    assert not findings(submitted(), shipped[0], fuzzy, rule="I-34")


def test_c_a_coarse_handover_raises_no_gap_and_leaves_the_holder_open() -> None:
    exact = [submitted(), created(order=ORDER), handed(MAKER, COURIER, "2026-03-08T12:00:00", COURIER)]
    assert findings(*exact, rule="I-2")
    fuzzy = [submitted(), created(order=ORDER), handed(MAKER, COURIER, "2026-03-08", COURIER)]
    assert not findings(*fuzzy, rule="I-2")
    assert journey(*fuzzy).custody["urn:test:container|BAG-1"].unsure

    assert may_ship(journey(*fuzzy), [BAG], short(COURIER), DEFAULT_PROTOCOLS, NOW).verdict == CANNOT_TELL


# ---- (d) liveness ------------------------------------------------------------------------------------------------


def test_d_undoing_a_correction_revives_the_original() -> None:
    first = submitted(priority="R")
    wrong = fact("order.amended", ORDER, "2026-03-02T00:00:00", priority="S", supersedes=(first,))
    undo = fact("record.retracted", ORDER, "2026-03-03T00:00:00", supersedes=(wrong,))
    assert journey(first, wrong).order.fields == {"priority": "S"}
    assert journey(first, wrong, undo).order.fields["priority"] == "R"
    assert journey(first, wrong, undo).order.state == "submitted"
    same_however(first, wrong, undo)


def test_d_undoing_the_undoing_takes_it_back_again() -> None:
    first = submitted(priority="R")
    chain = [first]
    for step in range(5):
        chain.append(fact("record.retracted", ORDER, f"2026-03-0{step + 2}T00:00:00", supersedes=(chain[-1],)))
        stands = journey(*chain).order.state == "submitted"
        assert stands == (step % 2 == 1)
    same_however(*chain[:4])


def test_d_a_chain_of_a_thousand_corrections_is_followed() -> None:
    chain = [submitted()]
    for step in range(1000):
        chain.append(fact("record.retracted", ORDER, ordinal=f"{step:04}", supersedes=(chain[-1],)))
    assert journey(*chain).order.state == "submitted"


def test_d_corrections_in_a_circle_stand_until_a_person_decides() -> None:
    one, two = submitted(priority="R"), fact("order.amended", ORDER, priority="S")
    circle = [{**one, "supersedes": [two["id"]]}, {**two, "supersedes": [one["id"]]}]
    same_however(*circle)
    assert len(journey(*circle).facts) == 2


def test_d_of_corrections_that_disagree_the_more_restrictive_one_holds() -> None:
    ready = dose_ready()
    decided = next(event for event in ready if event["type"] == "disposition.decided")
    corrected = [
        fact(
            "disposition.decided", DECISION, at, by=by, role=by, material=LOT, decision=decision, supersedes=(decided,)
        )
        for at, by, decision in (
            ("2026-03-09T16:00:00", "cdmo", "rejected"),
            ("2026-03-09T18:00:00", "qa", "released"),
        )
    ]
    state = journey(submitted(), *ready, *corrected)
    assert state.of("disposition")[0].fields["decision"] == "rejected"
    (found,) = findings(submitted(), *ready, *corrected, rule="I-14")
    assert (found.severity, found.person) == ("critical", True)

    assert disposition_of(state, PRODUCT) == "rejected"
    assert disposition_of(journey(submitted(), *ready, corrected[1]), PRODUCT) == "released"
    same_however(decided, *corrected)


def test_d_corrections_that_agree_are_no_conflict() -> None:
    first = submitted(priority="R")
    twice = [
        fact("order.amended", ORDER, "2026-03-02T00:00:00", by=by, role=role, priority="S", supersedes=(first,))
        for by, role in (("mercy", "hospital"), ("sponsor", "sponsor"))
    ]
    assert not findings(first, *twice, rule="I-14")


def test_d_who_has_no_say_takes_nothing_back() -> None:
    decided = fact("disposition.decided", DECISION, by="cdmo", material=LOT, decision="rejected")
    retracted = fact("record.retracted", DECISION, by="courier", role="courier", supersedes=(decided,))
    state = journey(decided, retracted)
    assert state.of("disposition")[0].fields["decision"] == "rejected"
    assert state.claims == [retracted]


@pytest.mark.parametrize(("by", "role"), [("cdmo", "cdmo"), ("sponsor", "sponsor"), ("quality", "qa")])
def test_d_who_said_it_and_who_has_a_say_take_it_back(by: str, role: str) -> None:
    decided = fact("disposition.decided", DECISION, by="cdmo", material=LOT, decision="rejected")
    retracted = fact("record.retracted", DECISION, by=by, role=role, supersedes=(decided,))
    assert not journey(decided, retracted).of("disposition")[0].fields


# ---- (e) what changes nothing is kept, and names join whoever came first ------------------------------------------


def test_e_an_assertion_that_changes_nothing_is_kept() -> None:
    first, again = submitted(), fact("order.stated", ORDER, "2026-03-02T00:00:00", by="sponsor", role="sponsor")
    state = journey(first, again)
    assert state.order.facts == [first, again]
    undone = fact("record.retracted", ORDER, "2026-03-03T00:00:00", supersedes=(first,))
    assert journey(first, again, undone).order.named("order.stated") == [again]


def test_e_a_record_has_one_name_whichever_identifier_came_first() -> None:
    by_din, by_bag = ref("container", "Z-DIN"), ref("container", "A-BAG")
    both = {"kind": "container", "identifiers": [*by_din["identifiers"], *by_bag["identifiers"]]}
    facts = [
        created(by_din, order=ORDER),
        handed(APHERESIS, COURIER, "2026-03-08T11:00:00", COURIER, by_bag),
        fact("container.observed", both, "2026-03-08T12:00:00"),
    ]
    state = journey(*facts)
    assert [record.name for record in state.of("container")] == ["urn:test:container|A-BAG"]
    assert state.custody["urn:test:container|A-BAG"].holder == short(COURIER)
    assert len(journey(*facts[:2]).of("container")) == 2
    same_however(*facts)


def test_e_a_late_name_of_the_order_finds_what_was_said_under_it() -> None:
    placer, chain = ({"kind": "order", "identifiers": [i]} for i in ORDER["identifiers"])
    early = fact("order.accepted", chain, "2026-03-02T00:00:00", by="sponsor", role="sponsor")
    facts = [
        fact("order.submitted", placer, "2026-03-01T00:00:00"),
        early,
        fact("identity.issued", ORDER, "2026-03-03T00:00:00"),
    ]
    assert journey(*facts[:2]).order.state == "submitted"
    assert journey(*facts).order.state == "accepted"
    same_however(*facts)


def test_equal_runs_are_equal_in_what_is_compared() -> None:
    facts = [submitted(), created(order=ORDER), *dose_ready()]
    assert comparable(journey(*facts)) == comparable(journey(*reversed(facts)))
    assert comparable(journey(*facts)) != comparable(journey(*facts[:-1]))
