"""Journeys of all four Protocols, step by step, held against what must be true of every journey after every step.

Hypothesis chooses what happens (`acts`, `troubles`); a fold with a planted fault must be told from the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import count, pairwise
from random import Random
from typing import Any, ClassVar

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import canonical_model.fold as module
from canonical_model.events import check as valid
from canonical_model.events import has_authority, is_coarse, may_supersede
from canonical_model.fold import fold
from canonical_model.ids import Key, name_key
from canonical_model.journey import EventDict, Journey, RecordState, comparable
from canonical_model.json_schema import event_schema, order_schema
from canonical_model.order_document import faults, order_document
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.questions import may_infuse, may_ship
from canonical_model.rules import Check, check
from canonical_model.stage import headline
from canonical_model.values import MOMENT
from tests.canonical_model.acts import goes_on, infused, steps_of
from tests.canonical_model.courses import PARTY, Course, Telling, as_event
from tests.canonical_model.facts import Fact, short
from tests.canonical_model.standing import standing
from tests.canonical_model.test_fold_laws import by_arrival
from tests.canonical_model.troubles import TROUBLES, contradicted, settled
from tests.scale import share

EVENT = jsonschema_rs.validator_for(event_schema())
DOCUMENT = jsonschema_rs.validator_for(order_schema())
PROTOCOLS = tuple(DEFAULT_PROTOCOLS.values())
WAITS = tuple(timedelta(hours=hours) for hours in (0, 1, 24, 24 * 14, 24 * 365, 24 * 365 * 16))
Folding = Callable[[Iterable[Key], Iterable[EventDict]], Journey]


class Journeys(RuleBasedStateMachine):
    """One order, told by five partners whose word counts for different things, with what troubles it."""

    folding: ClassVar[tuple[Folding]] = (fold,)
    course: Course
    now: datetime
    key: list[Key]
    folded: tuple[int, Journey] | None = None

    @initialize(data=st.data(), protocol=st.sampled_from(PROTOCOLS), steps=st.integers(2, 20))
    def begins(self, data: st.DataObject, protocol: Protocol, steps: int) -> None:
        """An order that is some way on its course."""
        self.course = Course(partial(_pick, data), protocol, envelope=_noted)
        self.now = self.course.at
        self.key = [name_key("order", self.course.placer)]
        self.goes_on(data, steps)

    # ---- what may happen ------------------------------------------------------------------------------------------

    @rule(data=st.data(), steps=st.integers(1, 5))
    def goes_on(self, data: st.DataObject, steps: int) -> None:
        """The usual course of the Protocol."""
        self._choose_by(data)
        for _ in range(steps):
            goes_on(self.course)

    @rule(data=st.data(), themes=st.lists(st.sampled_from(sorted(TROUBLES)), min_size=1, max_size=3))
    def has_trouble(self, data: st.DataObject, themes: list[str]) -> None:
        """What touches the order, its people, its material, and what was said of them."""
        for theme in themes:
            self._choose_by(data)
            data.draw(st.sampled_from(TROUBLES[theme]))(self.course)

    @rule(data=st.data())
    def is_contradicted(self, data: st.DataObject) -> None:
        """Something else is told of the same moment."""
        self._choose_by(data)
        contradicted(self.course)

    @rule(data=st.data())
    def is_settled(self, data: st.DataObject) -> None:
        """A person answers one of the Issues that there are."""
        self._choose_by(data)
        settled(self.course, tuple(finding.id for finding in self._checked(self._state()).findings))

    @rule(data=st.data())
    def takes_a_correction_back(self, data: st.DataObject) -> None:
        """What a correction put right stands again, and nothing else is changed, when it is taken back."""
        self._choose_by(data)
        c = self.course
        if not c.told:
            return
        before, target = self._state(), c.pick(*reversed(c.told[-20:]))
        c.pick = _first  # at once, by who may
        was_live = target["id"] in {event["id"] for event in (*before.facts, *before.claims)}
        wrong = c.tell("quality", target["type"], target["about"], corrects=(target,), **_emptied(target))
        dead = self._state()
        assert target["id"] not in {event["id"] for event in (*dead.facts, *dead.claims)}
        c.tell("quality", "record.retracted", target["about"], corrects=(wrong,))
        after = self._state()
        assert _core(after) == _core(before), "a correction that was taken back left something behind"
        assert (target["id"] in {event["id"] for event in (*after.facts, *after.claims)}) == was_live

    @rule(wait=st.sampled_from(WAITS))
    def waits(self, wait: timedelta) -> None:
        """Nothing but time passes: what is found changes only where a deadline said that it may."""
        state, later = self._state(), self.now + wait
        deadline = self._checked(state).next_change
        if deadline is None or later < deadline:
            assert _found(state, later) == _found(state, self.now), "changed by time alone, unannounced"
        self.now = later

    # ---- what must be true after each step ------------------------------------------------------------------------

    @invariant()
    def one_state(self) -> None:
        """The same facts backwards, some of them again, are the same state with the same answers."""
        told = self._told()
        again = self.folding[0](self.key, [*reversed(told), *told[-3:]])
        assert self._seen(again) == self._seen(self._state()), "another order of arrival gives another state"

    @invariant()
    def no_fact_is_lost(self) -> None:
        """Every fact stands in the log view once: live, a claim, or superseded by one that stands."""
        told, state = self._told(), self._state()
        assert sorted(e["id"] for e in state.events) == sorted(e["id"] for e in told), "the log view is not the log"
        stand = standing(told)
        assert {e["id"] for e in state.facts} == {e["id"] for e in told if e["id"] in stand and has_authority(e)}
        assert {e["id"] for e in state.claims} == {e["id"] for e in told if e["id"] in stand and not has_authority(e)}

    @invariant()
    def one_holder(self) -> None:
        state = self._state()
        for record in state.of("container"):
            assert {state.aliases[key] for key in record.keys} == {record.name}, "a name of two containers"
        for name, chain in state.custody.items():
            assert chain.holder == (chain.steps[-1].taker if chain.steps else ""), "the holder is not who took last"
            told = {gap.event for gap in chain.gaps}
            fuzzy = any(
                is_coarse(e)
                for e in state.facts
                if state.name_of(e["about"]) == name or e["about"]["kind"] == "shipment"
            )
            for one, other in pairwise(chain.steps):
                assert fuzzy or other.giver == one.taker or other.event in told, "two holders, and nobody is told"

    @invariant()
    def deadlines_hold(self) -> None:
        state = self._state()
        deadline = self._checked(state).next_change
        assert deadline is None or deadline > self.now
        last = self.now + timedelta(days=36_500) if deadline is None else deadline - MOMENT
        assert _found(state, last) == _found(state, self.now), "changed before the next change"

    def teardown(self) -> None:
        if not hasattr(self, "course"):
            return
        told, expected = self._told(), self._seen(self._state())
        for event in told:
            valid(event)
            EVENT.validate(event)
        for number in range(2):
            arrived = told + told[:: number + 2]
            Random(number).shuffle(arrived)
            assert self._seen(self.folding[0](self.key, arrived)) == expected, "another permutation, another state"
        document = orjson.loads(orjson.dumps(order_document(self._state(), DEFAULT_PROTOCOLS, self.now)))
        DOCUMENT.validate(document)
        assert faults(document, DEFAULT_PROTOCOLS) == [], "the document does not follow from its facts"
        if protocol := DEFAULT_PROTOCOLS.get(document.get("protocol", "")):
            shown = {one.get("stage", "") for one in (document["state"], *document["state"]["attempts"])}
            assert shown <= {"", *protocol.stages}, "a stage that the Protocol does not know"

    # ---- looking --------------------------------------------------------------------------------------------------

    def _choose_by(self, data: st.DataObject) -> None:
        self.course.pick = partial(_pick, data)

    def _told(self) -> list[Fact]:
        self.now = max(self.now, self.course.at)
        return self.course.told

    def _state(self) -> Journey:
        """The fold of what was told, once for all who look."""
        told = self._told()
        if self.folded is None or self.folded[0] != len(told):
            self.folded = len(told), self.folding[0](self.key, told)
        return self.folded[1]

    def _checked(self, state: Journey) -> Check:
        return check(state, DEFAULT_PROTOCOLS, self.now)

    def _seen(self, state: Journey) -> list[Any]:
        findings = self._checked(state).findings
        return [comparable(state, findings), self._answers(state, self.now)]

    def _answers(self, state: Journey, now: datetime) -> list[Any]:
        """What is found at an instant, and answered about one of the containers."""
        containers = state.of("container")
        found: list[Any] = [_found(state, now)]
        if containers:
            asked = [{"identifiers": containers[len(state.events) % len(containers)].identifiers}]
            found.append(may_ship(state, asked, short(PARTY["celltech"]), DEFAULT_PROTOCOLS, now))
            found.append(may_infuse(state, asked, short(PARTY["general"]), DEFAULT_PROTOCOLS, now))
        return found


def _pick(data: st.DataObject, *options: Any) -> Any:
    """One of the options; as often as all others together the first, which is how things usually go."""
    return data.draw(st.sampled_from((options[0],) * max(1, len(options) - 1) + options[1:]))


def _found(state: Journey, now: datetime) -> list[Any]:
    return [(f.id, f.severity, f.text) for f in check(state, DEFAULT_PROTOCOLS, now).findings]


def _first(*options: Any) -> Any:
    return options[0]


def _noted(telling: Telling, number: int, ordinal: str) -> Fact:
    event = as_event(telling, number, ordinal)
    names = " ".join(identifier["value"] for identifier in event["about"]["identifiers"])
    above = f" puts right {[one['id'][:6] for one in telling[6]]}" if telling[6] else ""
    note(f"{event['id'][:6]} {telling[3]} {telling[0]}: {telling[1]} {names} {telling[4]} {telling[5]}{above}")
    return event


def _emptied(target: Fact) -> dict[str, Any]:
    """The fact without one of its values."""
    return dict(list(target["set"].items())[1:])


def _core(state: Journey) -> dict[str, Any]:
    """What a journey comes to, without the list of facts that say so and without records of which nothing is said."""

    def plain(record: RecordState) -> Any:
        pairs = [(d.why, d.fields) for d in record.disagreements]
        return record.state, record.fields, record.identifiers, record.conflicts, sorted(pairs)

    seen = comparable(state)
    told = [r for kind in state.records for r in state.of(kind) if r.fields or r.state]
    records = {(r.kind, r.name): plain(r) for r in told}
    return {name: seen[name] for name in ("stage", "held", "attempt", "custody", "claims")} | {"records": records}


def settings_for(examples: int, steps: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def test_journeys_of_every_protocol_are_whole_after_every_step() -> None:
    run_state_machine_as_test(Journeys, settings=settings_for(12, 15))


@pytest.mark.slow
def test_many_journeys_of_every_protocol_are_whole_after_every_step() -> None:
    run_state_machine_as_test(Journeys, settings=settings_for(share(1_000), 25))


# ---- planted faults -------------------------------------------------------------------------------------------------


def ties_by_arrival(names: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """The planted fault: what nothing puts in order is put into the order in which it arrived."""
    places = count()
    return fold(names, [{**event, "ordinal": f"{next(places):06}"} for event in events])


def never_revived(names: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """The planted fault: what was put right once stays dead, though the correction was taken back."""
    real = module._liveness

    def liveness(log: list[EventDict]) -> Any:
        known = {event["id"]: event for event in log}
        dead = {t for e in log for t in e.get("supersedes", ()) if t in known and may_supersede(e, known[t])}
        return real(log)[0] - dead, real(log)[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_liveness", liveness)
        return fold(names, events)


def counted_twice(names: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """The planted fault: a fact that came twice is two facts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_once", list)
        return fold(names, events)


def first_word_holds(names: Iterable[Key], events: Iterable[EventDict]) -> Journey:
    """The planted fault: custody goes to whoever is heard first."""
    told = list({event["id"]: event for event in events}.values())
    state = fold(names, told)
    heard = {event["id"]: place for place, event in enumerate(told)}
    for chain in state.custody.values():
        chain.steps.sort(key=lambda step: heard[step.event])
    return state


FAULTS: tuple[Folding, ...] = (by_arrival, ties_by_arrival, never_revived, counted_twice, first_word_holds)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: Folding) -> None:
    class Faulty(Journeys):
        folding = (fault,)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Faulty, settings=settings_for(40, 12, phases=[Phase.generate], report_multiple_bugs=False, derandomize=True)
        )


def test_the_usual_course_of_every_protocol_ends_well() -> None:
    """Where nothing goes wrong, no rule finds anything, and shipping and infusion are allowed in their turn."""
    for protocol in PROTOCOLS:
        course, allowed = Course(_first, protocol), set()
        for _ in range(25):
            goes_on(course)
            state = fold([name_key("order", course.placer)], course.told)
            for dose in state.of("container"):
                asked = [{"identifiers": dose.identifiers}]
                shipped = may_ship(state, asked, short(PARTY["celltech"]), DEFAULT_PROTOCOLS, course.at)
                given = may_infuse(state, asked, short(PARTY["general"]), DEFAULT_PROTOCOLS, course.at)
                allowed |= {answer.question for answer in (shipped, given) if answer.verdict == "allow"}
        assert (state.stage, allowed, state.claims) == ("closed", {"may-ship", "may-infuse"}, [])
        assert [finding.text for finding in check(state, DEFAULT_PROTOCOLS, course.at).findings] == []


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.id)
def test_the_headline_of_the_usual_course_is_a_stage_of_its_protocol(protocol: Protocol) -> None:
    course = Course(_first, protocol)
    for _ in range(25):
        goes_on(course)
        state = fold([name_key("order", course.placer)], course.told)
        stage, attempts = headline(state, protocol)
        assert {stage, *(attempt.stage for attempt in attempts)} <= {"", *protocol.stages}


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.id)
def test_the_answer_about_an_infusion_changes_by_time_alone_only_at_a_deadline(protocol: Protocol) -> None:
    course = Course(_first, protocol)
    while course.done <= steps_of(course).index(infused):
        goes_on(course)
    state = fold([name_key("order", course.placer)], course.told)
    asked = [{"identifiers": course.things["dose"][0]["identifiers"]}]
    now: datetime | None = course.at
    while now is not None:
        deadline = check(state, DEFAULT_PROTOCOLS, now).next_change
        last = now + timedelta(days=3_650) if deadline is None else deadline - MOMENT
        answers = [may_infuse(state, asked, short(PARTY["general"]), DEFAULT_PROTOCOLS, at) for at in (now, last)]
        assert answers[0] == answers[1]
        now = deadline
