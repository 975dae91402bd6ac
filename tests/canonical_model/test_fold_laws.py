"""The fold's law: the same facts give the same journey, however they arrive. And that the law's test can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

import canonical_model.fold as module
from canonical_model import naming
from canonical_model.events import check, may_supersede, sort_key
from canonical_model.fold import fold, live
from canonical_model.ids import names as names_of
from canonical_model.journey import Journey, comparable, text_of
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules import check as check_rules
from tests.canonical_model.facts import NAMES, NOW, Fact
from tests.canonical_model.worlds import told_twice, worlds

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=3000)
SEARCH = settings(FEW, max_examples=3000, phases=[Phase.generate])
Fold = Callable[[Any, Iterable[Fact]], Journey]


def seen(folded: Journey) -> dict[str, Any]:
    """What must be equal: the state with what the rules say of it."""
    return comparable(folded, check_rules(folded, DEFAULT_PROTOCOLS, NOW).findings)


def differ(folding: Fold, told: tuple[list[Fact], list[Fact]]) -> bool:
    return seen(folding(NAMES, told[0])) != seen(folding(NAMES, told[1]))


@FEW
@given(told_twice())
def test_any_order_and_repetition_of_the_same_facts_gives_the_same_journey(told: tuple[list[Fact], list[Fact]]) -> None:
    one, other = fold(NAMES, told[0]), fold(NAMES, told[1])
    assert one == other
    assert seen(one) == seen(other)


@pytest.mark.slow
@MANY
@given(told_twice(30))
def test_any_order_of_many_facts_gives_the_same_journey(told: tuple[list[Fact], list[Fact]]) -> None:
    assert fold(NAMES, told[0]) == fold(NAMES, told[1])


@FEW
@given(told_twice())
def test_it_does_not_matter_which_names_of_the_order_are_asked_for(told: tuple[list[Fact], list[Fact]]) -> None:
    for names in ([("order", "urn:sponsor:coi", "nobody")], [], [*NAMES, ("order", "urn:mercy:group", "G1")]):
        assert seen(fold(names, told[0])) == seen(fold(names, told[1]))


@FEW
@given(worlds())
def test_generated_facts_are_facts_of_the_log(facts: list[Fact]) -> None:
    for event in facts:
        check(event)


@FEW
@given(worlds())
def test_an_event_is_live_iff_no_live_event_supersedes_it(facts: list[Fact]) -> None:
    by_id = {event["id"]: event for event in facts}
    alive = live(list(by_id.values()))
    for event in by_id.values():
        above = [o for o in by_id.values() if event["id"] in o.get("supersedes", ()) and may_supersede(o, event)]
        assert (event["id"] in alive) == all(other["id"] not in alive for other in above)


@FEW
@given(worlds())
def test_a_claim_changes_nothing_but_the_list_of_claims(facts: list[Fact]) -> None:
    """Beyond taking back what its own speaker said."""
    folded = fold(NAMES, facts)
    ids = {claim["id"] for claim in folded.claims if "supersedes" not in claim}
    without = fold(NAMES, [event for event in facts if event["id"] not in ids])
    assert {**seen(folded), "claims": [], "findings": []} == {**seen(without), "claims": [], "findings": []}


@FEW
@given(worlds())
def test_what_is_superseded_leaves_no_trace_in_the_state(facts: list[Fact]) -> None:
    """Unless it would revive something: then it is needed to say what is dead."""
    folded = fold(NAMES, facts)
    alive = {event["id"] for event in (*folded.facts, *folded.claims)}
    assert {e["id"] for e in folded.events} >= alive
    standing = [{k: v for k, v in e.items() if k != "supersedes"} for e in facts if e["id"] in alive]
    bare, rivals = fold(NAMES, standing), folded.rivals
    if not rivals:
        assert seen(bare) == seen(folded)


# ---- planted faults: each must be found, or the law above proves nothing ----------------------------------------


def by_arrival(names: Any, events: Iterable[Fact]) -> Journey:
    """The planted fault: facts in the order of their arrival."""
    ticks = count()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "sort_key", lambda e: (start + timedelta(seconds=next(ticks)), *sort_key(e)[1:]))
        return fold(names, events)


def by_first_name(names: Any, events: Iterable[Fact]) -> Journey:
    """The planted fault: a record is called by whichever name was heard first."""
    facts = list({event["id"]: event for event in events}.values())
    heard: dict[tuple[str, str, str], int] = {}
    for event in facts:
        for key in names_of(event["about"]):
            heard.setdefault(key, len(heard))
    real = naming.Classes.aliases

    def aliases(self: naming.Classes) -> dict[tuple[str, str, str], str]:
        found = real(self)
        first: dict[tuple[str, str], str] = {}
        for key in sorted(found, key=lambda k: heard.get(k, 0)):
            first.setdefault((key[0], found[key]), text_of(key))
        return {key: name and first[key[0], name] for key, name in found.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(naming.Classes, "aliases", aliases)
        return fold(names, facts)


def with_the_last_word(names: Any, events: Iterable[Fact]) -> Journey:
    """The planted fault: what arrives after its correction is not corrected."""
    kept: list[Fact] = []
    for event in {e["id"]: e for e in events}.values():
        kept = [earlier for earlier in kept if earlier["id"] not in event.get("supersedes", ())]
        kept.append({k: v for k, v in event.items() if k != "supersedes"})
    return fold(names, kept)


@pytest.mark.parametrize("fault", [by_arrival, by_first_name, with_the_last_word])
def test_a_planted_fault_breaks_the_law(fault: Fold) -> None:
    found = find(told_twice(6), lambda told: differ(fault, told), settings=SEARCH)
    assert differ(fault, found)
    assert not differ(fold, found)
