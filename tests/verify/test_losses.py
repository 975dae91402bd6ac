"""What is lost, late or told by a wrong clock never makes a hub milder, and is named: cases, generated histories."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.scale import share
from tests.verify import histories, laws, losses
from tests.verify.excuses import DEED, UNNAMED, WORD, excuse
from tests.verify.facts_alone import parties
from tests.verify.losses import Moment, Trial, hear, truth
from tests.verify.mildness import MILD
from tests.verify.worlds import ON_TIME, Telling, World, delivery, history, tellings

QUICK = ("always-allow",)


@pytest.fixture(autouse=True)
def _quietly() -> None:
    histories.quiet()


def worlds(named: str) -> Iterator[World]:
    return (history(f"{named} {number}", parties()) for number in range(100))


def of_type(world: World, type_: str) -> int:
    """The first message that tells a fact of a type; -1 where none does."""
    return next((place for place, told in enumerate(world.told) if type_ in told.types), -1)


def with_type(type_: str, after: int = 1) -> tuple[World, int]:
    """A history in which something happens, and is followed by more."""
    found = ((world, of_type(world, type_)) for world in worlds("with"))
    return next((w, place) for w, place in found if 0 <= place < len(w.told) - after)


def test_a_history_is_told_in_the_order_of_time_and_each_message_once() -> None:
    for world in (history(f"time {number}", parties()) for number in range(20)):
        times = [told.at for told in world.told]
        assert times == sorted(times)
        assert len({told.name for told in world.told}) == len(times)


def test_a_clock_changes_what_it_showed_and_no_plan() -> None:
    world, place = with_type("shipment.planned")
    (fact, *_) = world.told[place].facts
    partner = world.told[place].partner
    told = delivery(world.told[place], Telling("clock", clocks={partner: timedelta(hours=6)}), place).facts[0]
    assert told["occurred"] != fact["occurred"]
    assert told["set"]["planned"]["end"] == fact["set"]["planned"]["end"]


def test_what_is_told_as_it_happened_breaks_no_law() -> None:
    world = history("plain", parties())
    known = truth(world)
    assert not list(laws.forbidden(known))
    late = Telling("delay", late={0: world.told[0].at + ON_TIME})
    found = hear(known, late)
    assert found.asked
    assert (found.breaches, found.stricter, found.healed) == ([], 0, True)


def test_a_clock_that_is_ahead_is_told_and_nothing_is_allowed_on_its_word() -> None:
    world, place = with_type("collection.completed", after=2)
    known = truth(world)
    partner = world.told[place].partner
    telling = Telling("clock", clocks={partner: timedelta(hours=6)})
    found = hear(known, telling)
    assert not found.breaches
    hub = known.before[telling.wrong(world)[0]].fork()
    for moment, _ in losses._events(world, telling, telling.wrong(world)[0], ()):
        losses.heard(hub, moment.at, world.told[moment.place], telling, moment.place)
    assert any(rule == "I-34" and partner in text for _, rule, text in losses.issues(hub))


def test_a_word_that_was_never_told_is_an_excuse_and_a_deed_only_until_something_shows_it() -> None:
    world, place = with_type("shipment.departed", after=2)
    telling = Telling("loss", lost=frozenset({place}))
    reasons = [("I-2", "another party holds the container")]
    before, after = world.told[place].at, world.told[-1].at + timedelta(days=1)
    assert excuse(world, telling, place, before, reasons) == DEED.name
    assert excuse(world, telling, len(world.told) - 1, after, reasons) != WORD.name


def test_what_no_rule_names_stands_in_the_list_with_its_reason() -> None:
    assert all(UNNAMED.values())
    assert not UNNAMED.keys() & {"order.submitted", "identity.issued", "collection.completed", "shipment.accepted"}


def test_the_true_hub_is_held_against_what_happened() -> None:
    world, _ = with_type("order.submitted", after=8)
    known = truth(world)
    moment = Moment(world.told[0].at, 0)
    key = ("may-infuse", "general", "DOSE-1-1")
    known.answers = {moment: {key: losses.Given("allow", frozenset())}}
    assert [words for words in laws.forbidden(known) if "may-infuse" in words]
    known.answers = {moment: {key: losses.Given("deny", frozenset())}}
    assert not list(laws.forbidden(known))


def test_a_few_histories_with_losses_are_never_answered_more_mildly() -> None:
    tally, found = histories.examine_losses(24, tellings=6, seed="quick ")
    assert not found, found[0]
    assert tally.histories >= 24
    assert tally.denied > 300
    assert tally.stricter, "no telling made the hub stricter: the histories say nothing"


@pytest.mark.parametrize("fault", [f if f in QUICK else pytest.param(f, marks=pytest.mark.slow) for f in MILD])
def test_losses_catch_a_hub_in_which(fault: str) -> None:
    for number in range(40):
        _, wrong = laws.examine(f"plant {number}", 8, Trial(fault=MILD[fault], tries=0), most=1)
        if wrong:
            return
    pytest.fail("no law was broken")


@pytest.mark.slow
def test_thousands_of_histories_with_losses_are_never_answered_more_mildly() -> None:
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    tally, found = histories.examine_losses(share(2_000), processes=2 if alone else 1)
    assert not found, found[0]
    assert tally.histories >= share(2_000)


def test_tellings_are_seeded_by_their_history() -> None:
    world = history("seeded", parties())
    assert [str(one) for one in tellings(world, 5)] == [str(one) for one in tellings(world, 5)]
