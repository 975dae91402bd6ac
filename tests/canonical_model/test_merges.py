"""Merges of persons: they join what is known of both, and an unmerge leaves the journey as if they had never been."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from canonical_model.fold import fold
from canonical_model.journey import Journey
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.questions import may_infuse
from tests.canonical_model.facts import (
    DONATION,
    NAMES,
    NOW,
    ORDER,
    OTHER,
    PATIENT,
    PRODUCT,
    SITE,
    STRANGER,
    Fact,
    dose_ready,
    fact,
    findings,
    journey,
    plain,
    ref,
    short,
    submitted,
)
from tests.canonical_model.worlds import worlds

THIRD = ref("subject", "token-3")
PEOPLE = (PATIENT, STRANGER, THIRD)
MERGING = frozenset({"subject.merged", "subject.unmerged"})
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def merging(type_: str, survivor: Any, retired: Any, at: str, source: str = "m1") -> Fact:
    return fact(type_, survivor, at, source=source, retired=retired["identifiers"])


MERGED = merging("subject.merged", PATIENT, STRANGER, "2026-03-04T08:00:00")
UNMERGED = merging("subject.unmerged", PATIENT, STRANGER, "2026-03-06T08:00:00")


def without_merging(seen: dict[str, Any]) -> dict[str, Any]:
    """What is known, without the merges and partings themselves."""
    people: dict[str, Any] = {}
    for name, record in seen["records"].get("subject", {}).items():
        told = [one for one in record["facts"] if one[0] not in MERGING]
        if told:
            people[name] = {**record, "facts": told}
    records = {kind: known for kind, known in seen["records"].items() if kind != "subject"}
    return {**seen, "records": {**records, **({"subject": people} if people else {})}}


# ---- scenario 1 -------------------------------------------------------------------------------------------------


def test_after_a_merge_a_label_with_the_retired_number_still_matches() -> None:
    """Scenario 1: the order and the verification name the record that ended."""
    told = [submitted(patient=STRANGER), *dose_ready(), MERGED]
    verified = fact(
        "identity.verified",
        ref("verification", "V"),
        "2026-03-10T10:00:00",
        containers=[PRODUCT],
        patient=PATIENT,
        result="match",
        people=[{"actor": "nurse-1"}, {"actor": "nurse-2"}],
    )
    story = [*(one for one in told if one["type"] != "identity.verified"), verified]
    assert may_infuse(journey(*story), [PRODUCT], short(SITE), DEFAULT_PROTOCOLS, NOW).verdict == "allow"
    apart = [*story, UNMERGED]
    reasons = may_infuse(journey(*apart), [PRODUCT], short(SITE), DEFAULT_PROTOCOLS, NOW).reasons
    assert "two people have not verified container and patient" in [reason.text for reason in reasons]


def test_orders_collections_and_consents_of_the_retired_record_are_the_patients() -> None:
    consent = fact("consent.withdrawn", ref("consent", "1"), subject=STRANGER)
    collected = fact("collection.completed", DONATION, order=ORDER, donor=STRANGER)
    told = [submitted(patient=PATIENT), consent, collected]
    assert not journey(*told).held
    assert [f.rule for f in findings(*told, rule="I-10")] == ["I-10"]
    assert journey(*told, MERGED).held
    assert not findings(*told, MERGED, rule="I-10")
    assert plain(*told, MERGED, UNMERGED)["held"] is False


def test_a_merge_after_labels_is_told_until_it_is_taken_back_and_again_when_it_is_made_again() -> None:
    told = [submitted(), *dose_ready(), MERGED]
    again = merging("subject.merged", PATIENT, STRANGER, "2026-03-08T08:00:00", "m2")
    assert [f.severity for f in findings(*told, rule="I-37")] == ["info"]
    assert not findings(*told, UNMERGED, rule="I-37")
    assert len(findings(*told, UNMERGED, again, rule="I-37")) == 1


def test_two_patients_who_are_merged_keep_both_orders() -> None:
    """Scenario 2, as far as one order's facts tell it."""
    theirs = fact("order.submitted", OTHER, patient=STRANGER)
    state = journey(submitted(patient=PATIENT), theirs, MERGED)
    assert len(state.of("order")) == 2
    assert state.same(PATIENT, STRANGER)


# ---- the law ----------------------------------------------------------------------------------------------------


def ordinary(facts: list[Fact]) -> list[Fact]:
    """Facts without merges among them, and without corrections that would take one back."""
    gone = {event["id"] for event in facts if event["type"] in MERGING}
    return [event for event in facts if event["id"] not in gone and not gone & set(event.get("supersedes", ()))]


@FEW
@given(worlds(), st.permutations(range(4)))
def test_after_merge_and_unmerge_everything_is_as_before(facts: list[Fact], order: list[int]) -> None:
    """Wherever in the arrival the two come, with facts between, the unmerge first, and both twice."""
    told = ordinary(facts)
    merge = merging("subject.merged", PATIENT, STRANGER, "2026-03-08T09:00:00")
    parting = merging("subject.unmerged", PATIENT, STRANGER, "2026-03-09T09:00:00")
    half = len(told) // 2
    parts = [told[:half], [merge, merge], told[half:], [parting, parting]]
    arrived = [event for place in order for event in parts[place]]
    assert without_merging(plain(*arrived)) == without_merging(plain(*told))


class Persons(RuleBasedStateMachine):
    """Persons are merged and parted again and again, with facts between; the model is a list of standing merges."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Fact] = [submitted()]
        self.standing: list[tuple[int, int]] = []
        self.seen = 0

    def next(self) -> str:
        self.seen += 1
        return f"2026-03-{1 + self.seen // 24:02}T{self.seen % 24:02}:00:00"

    @rule(one=st.integers(0, 2), other=st.integers(0, 2))
    def merge(self, one: int, other: int) -> None:
        if one != other:
            self.told.append(merging("subject.merged", PEOPLE[one], PEOPLE[other], self.next(), f"m{self.seen}"))
            self.standing.append((one, other))

    @rule(one=st.integers(0, 2), other=st.integers(0, 2))
    def part(self, one: int, other: int) -> None:
        """The record that ended is on its own again; which merges ended it, the model knows by their direction."""
        if one == other:
            return
        self.told.append(merging("subject.unmerged", PEOPLE[one], PEOPLE[other], self.next(), f"m{self.seen}"))
        everything = [(m["about"], m["set"]["retired"]) for m in self.told if m["type"] == "subject.merged"]
        pairs = [tuple(_number(names) for names in pair) for pair in everything]
        if other in _reach(one, pairs):
            ended = other if any(retired == other for _, retired in pairs) else one
            self.standing = [pair for pair in self.standing if pair[1] != ended]

    @rule(who=st.integers(0, 2), type_=st.sampled_from(("subject.updated", "subject.deceased")))
    def tell(self, who: int, type_: str) -> None:
        self.told.append(fact(type_, PEOPLE[who], self.next(), source=f"m{self.seen}", sex="female"))

    @invariant()
    def who_is_one_follows_from_the_standing_merges(self) -> None:
        state = fold(NAMES, self.told)
        for one in range(3):
            for other in range(one):
                joined = other in _reach(one, self.standing)
                assert state.same(PEOPLE[one], PEOPLE[other]) == joined, (one, other)

    @invariant()
    def arrival_changes_nothing(self) -> None:
        shuffled = [*self.told, *self.told[-2:]]
        Random(len(self.told)).shuffle(shuffled)
        assert fold(NAMES, shuffled) == fold(NAMES, self.told)

    @invariant()
    def a_person_alone_knows_what_was_told_of_them(self) -> None:
        if not self.standing:
            bare = [event for event in self.told if event["type"] not in MERGING]
            assert without_merging(plain(*self.told)) == without_merging(plain(*bare))


def _number(names: Any) -> int:
    value = (names["identifiers"] if isinstance(names, dict) else names)[0]["value"]
    return int(value.removeprefix("token-")) - 1


def _reach(start: int, pairs: Any) -> set[int]:
    found = {start}
    while True:
        more = {end for pair in pairs for end in pair if set(pair) & found} - found
        if not more:
            return found
        found |= more


TestPersons = Persons.TestCase
TestPersons.settings = settings(FEW, max_examples=80, stateful_step_count=12)


def test_a_merge_that_is_not_taken_back_leaves_its_mark() -> None:
    """That the law above can fail."""
    told = [submitted(), *(fact("subject.updated", who, sex="female") for who in PEOPLE)]
    joined: Journey = journey(*told, MERGED)
    assert len(joined.of("subject")) == 2
    assert without_merging(plain(*told, MERGED)) != without_merging(plain(*told))
