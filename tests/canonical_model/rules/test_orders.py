"""A patient's orders beside each other: journeys that break the rules, and their nearest neighbours that do not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.ids import names
from canonical_model.journey import Other
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.rules import Finding, check, seen_beside
from canonical_model.rules.finding import EVERYTHING
from tests.canonical_model.facts import NOW, ORDER, OTHER, PATIENT, STRANGER, Fact, fact, journey, ref, submitted
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.test_rules import resolution

THEIRS = frozenset(names(OTHER))
MERGED = fact("subject.merged", PATIENT, "2026-03-05T00:00:00", retired=STRANGER["identifiers"])
UNMERGED = fact("subject.unmerged", PATIENT, "2026-03-06T00:00:00", retired=STRANGER["identifiers"])


def other(**values: Any) -> Other:
    """An active order of the same patient under the same Protocol, unless something else is said."""
    return Other(**{"names": THEIRS, "state": "accepted", "protocol": AUTOLOGOUS_CAR_T.key, **values})


def beside(*ones: Other) -> dict[str, Any]:
    return {"others": ones}


SECOND, IDENTITY = "duplicate", "identity-mismatch"
OF_A_STRANGER = frozenset(names(STRANGER))
CASES = [
    case(
        "two active orders",
        "I-39",
        SECOND,
        [submitted()],
        [submitted()],
        "major",
        **beside(other()),
        other_neighbours=(other(state="cancelled"),),
    ),
    case(
        "of another Protocol",
        "I-39",
        SECOND,
        [submitted()],
        [submitted()],
        **beside(other(state="submitted")),
        other_neighbours=(other(protocol="in-vivo-aav@1"),),
    ),
    case(
        "it replaces this one",
        "I-39",
        SECOND,
        [submitted()],
        [submitted()],
        **beside(other()),
        other_neighbours=(other(replaces=frozenset(names(ORDER))),),
    ),
    case("this one replaces it", "I-39", SECOND, [submitted()], [submitted(replaces=OTHER)], **beside(other())),
    case(
        "this one replaces a third",
        "I-39",
        SECOND,
        [submitted(replaces=ref("order", "P9", system="urn:mercy:order"))],
        [submitted(replaces=OTHER)],
        **beside(other()),
    ),
    case(
        "this one is over",
        "I-39",
        SECOND,
        [submitted()],
        [submitted(), fact("order.completed", ORDER, "2026-03-09T00:00:00")],
        **beside(other()),
    ),
    case(
        "a merge joined two patients with an active order each",
        "I-39",
        IDENTITY,
        [submitted(), MERGED],
        [submitted(), MERGED, UNMERGED],
        "critical",
        **beside(other(patient=OF_A_STRANGER)),
    ),
    case(
        "both were placed for one patient before",
        "I-39",
        IDENTITY,
        [submitted(), MERGED],
        [submitted(), MERGED],
        **beside(other(patient=OF_A_STRANGER)),
        other_neighbours=(other(patient=frozenset(names(PATIENT))),),
    ),
    case(
        "the other one was over",
        "I-39",
        IDENTITY,
        [submitted(), MERGED],
        [submitted(), MERGED],
        **beside(other(patient=OF_A_STRANGER)),
        other_neighbours=(other(patient=OF_A_STRANGER, state="completed"),),
    ),
    case(
        "placed after the merge for the person that both were by then",
        "I-39",
        IDENTITY,
        [submitted("2026-03-04T00:00:00"), MERGED],
        [submitted("2026-03-06T00:00:00"), MERGED],
        **beside(other(patient=OF_A_STRANGER)),
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def ordered(order: dict[str, Any], patient: dict[str, Any], at: str = "2026-03-01T08:00:00") -> Fact:
    return fact("order.submitted", order, at, service={"codings": [{"code": "AXI-CEL"}]}, patient=patient)


def merged_orders(*more: Fact, at: str = "2026-03-01T08:00:00") -> tuple[list[Finding], list[Finding]]:
    """What is told of each of two orders, of two patients whom a merge joined."""
    own = journey(ordered(ORDER, PATIENT), MERGED, *more)
    theirs = journey(ordered(OTHER, STRANGER, at), MERGED, *more, names=[("order", "urn:mercy:order", "P2")])
    seen = seen_beside(own, theirs, DEFAULT_PROTOCOLS), seen_beside(theirs, own, DEFAULT_PROTOCOLS)
    own.others, theirs.others = (tuple(filter(None, [one])) for one in seen)
    said = [check(state, DEFAULT_PROTOCOLS, NOW).findings for state in (own, theirs)]
    first, second = ([f for f in found if f.rule == "I-39" and f.kind == IDENTITY] for found in said)
    return first, second


def test_a_merge_of_two_patients_is_told_on_both_orders_and_denies_everything_until_quality_resolves() -> None:
    """Scenario 2."""
    for (found,) in merged_orders():
        assert found.severity == "critical"
        assert found.person
        assert found.blocks == EVERYTHING
        assert found.facts == (MERGED["id"],)
    (found,), _ = merged_orders()
    settled, still = merged_orders(resolution(found.id, "2026-03-07T00:00:00"))
    assert not settled
    assert still


def test_a_merge_that_was_taken_back_joins_nobody() -> None:
    assert merged_orders(UNMERGED) == ([], [])


def test_an_order_of_the_retired_record_after_the_merge_is_one_patients() -> None:
    assert merged_orders(at="2026-03-05T00:00:01") == ([], [])


def test_an_order_that_was_restated_for_the_survivor_was_still_placed_for_another() -> None:
    restated = fact("order.amended", OTHER, "2026-03-07T00:00:00", patient=PATIENT)
    assert all(merged_orders(restated))


def test_where_nobody_says_whom_the_other_order_was_placed_for_a_merge_is_in_doubt() -> None:
    state = journey(submitted(), MERGED)
    state.others = (other(),)
    assert IDENTITY in {f.kind for f in check(state, DEFAULT_PROTOCOLS, NOW).findings if f.rule == "I-39"}
