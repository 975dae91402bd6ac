"""Whatever order a hub hears things in, it ends knowing the same: the cases of the design, then generated journeys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from random import Random
from typing import Any

import pytest

from canonical_model.journey import Journey
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from hub import links, orders
from hub.conversion import HELD, Converted, Part, convert
from tests.canonical_model.acts import CODES, goes_on, steps_of, verified
from tests.postgres import impossible
from tests.scale import share
from tests.verify import difficulties, facts_alone, histories, stores
from tests.verify import messages as m
from tests.verify.histories import TELLING
from tests.verify.messages import BAGS, PRODUCTS, Delivery, Person, fact, ref, said
from tests.verify.small_hub import SmallHub, difference, outcome, read_model

JANE = Person("4701")
CHAIN = "CHABC1226000001"
DOSE = ref("container", PRODUCTS, "DOSE-1")


def v2(body: bytes) -> Delivery:
    return Delivery("mercy", "hl7v2", body)


def ordered(control: str = "C1", **changed: str) -> Delivery:
    return v2(m.order(JANE, control, **{"placer": "ORD-1", "chain": CHAIN, **changed}))


def collected(control: str = "R1", **changed: str) -> Delivery:
    known = {"placer": "ORD-1", "lab": "LAB-1", "chain": CHAIN, "bag": "BAG-1"}
    times = {"start": "20260310090000-0500", "end": "20260310130000-0500"}
    return v2(m.apheresis(JANE, control, **{**known, **times, **changed}))


def received(day: str = "2026-03-11 07:25", bag: str = "BAG-1", chain: str = CHAIN) -> Delivery:
    rows = (chain, f"{BAGS}/{bag}", "", day, "accepted")
    return Delivery("celltech", "mes_csv", m.receipts(rows), "mes_csv/receipts", "receipts-1.csv")


def hub_of(*told: Delivery) -> SmallHub:
    hub = SmallHub()
    hub.take([[one] for one in told])
    return hub


def only_journey(hub: SmallHub) -> Journey:
    (row,) = hub.store.writer.all("journeys", 10, 0)
    return hub.committer.orders.state(hub.store.writer, row[0])


def facts(hub: SmallHub) -> list[str]:
    found: list[str] = outcome(hub)["facts"]
    return found


def in_any_order(*told: Delivery) -> list[SmallHub]:
    """A hub for every order of arrival; all must know the same."""
    hubs = [hub_of(*order) for order in permutations(told)]
    first = outcome(hubs[0])
    for hub in hubs[1:]:
        assert outcome(hub) == first, difference(first, outcome(hub))
    return hubs


def issues(hub: SmallHub, kind: str) -> int:
    rows = hub.store.writer.all("issues_of", hub.store.writer.all("journeys", 1, 0)[0][0])
    return sum(row[3] == kind and row[9] is None for row in rows)


# ---- (a) the same said again is the same fact ---------------------------------------------------------------------


def test_a_what_comes_again_adds_no_fact() -> None:
    once, again = hub_of(ordered()), hub_of(ordered(), ordered(), ordered())
    assert outcome(once) == outcome(again)
    assert again.store.writer.one("head") == once.store.writer.one("head")


def test_a_what_is_resent_with_a_new_time_in_its_header_is_the_same_message() -> None:
    hub = SmallHub()
    answers = hub.take([[ordered()], [ordered(sent="20260301083107-0600")]])
    assert [answer.repeated for answer in answers] == [False, True]


def test_a_what_uses_a_control_id_again_is_recorded_as_well() -> None:
    hubs = in_any_order(ordered(), ordered(action="XX", at="20260302090000-0600", product="TISA-CEL"))
    assert only_journey(hubs[0]).order.fields["service"]["codings"][0]["code"] == "TISA-CEL"


def test_a_what_two_messages_say_alike_is_two_facts() -> None:
    assert len(facts(hub_of(ordered("C1"), ordered("C2")))) == 2 * len(facts(hub_of(ordered("C1"))))


def test_a_what_is_replayed_with_the_tables_of_then_adds_nothing() -> None:
    hub = hub_of(ordered(), collected())
    head, before = hub.store.writer.one("head"), outcome(hub)
    hub.committer.replay(collected().incoming(), 2)
    assert (hub.store.writer.one("head"), outcome(hub)) == (head, before)


# ---- (b) one order of facts, never that of their arrival ----------------------------------------------------------


def test_b_of_two_orders_of_one_instant_the_sequence_of_their_sender_decides() -> None:
    held = ordered("C2", action="OH", at="20260302090000-0600", sequence="8")
    renamed = ordered("C3", action="XX", at="20260302090000-0600", sequence="9", product="TISA-CEL")
    again = ordered("C4", action="XX", at="20260302090000-0600", sequence="10")
    for hub in in_any_order(ordered(), held, renamed, again):
        assert only_journey(hub).order.fields["service"]["codings"][0]["code"] == "AXI-CEL"
        assert issues(hub, "order-ambiguous") == 0


def test_b_what_nothing_puts_in_order_opens_an_issue_whichever_came_first() -> None:
    one = ordered("C2", action="XX", at="20260302090000-0600")
    other = ordered("C3", action="XX", at="20260302090000-0600", product="TISA-CEL")
    assert {issues(hub, "order-ambiguous") for hub in in_any_order(ordered(), one, other)} == {1}


# ---- (c) coarse times ---------------------------------------------------------------------------------------------


def test_c_a_receipt_known_to_the_day_comes_after_the_departure_of_that_day() -> None:
    bag = f"{BAGS}/BAG-1"
    left = m.epcis("D1", m.moved([bag], "2026-03-11T15:30:00+01:00", "departing", "mercy", "swift"))
    for hub in in_any_order(ordered(), collected(), received("2026-03-11"), Delivery("swift", "epcis", left, "json")):
        (chain,) = only_journey(hub).custody.values()
        assert chain.holder.endswith(m.GLN["celltech"])
        assert [gap.why for gap in chain.gaps] == []


def test_c_a_completed_batch_has_been_started_whatever_the_times_say() -> None:
    batch = ref("batch", "urn:celltech:batch", "B-1")
    bag = ref("container", BAGS, "BAG-1")
    started = said("celltech", "S", fact("batch.started", batch, "2026-03-18T09:00:00", inputs=[bag]))
    completed = said("celltech", "E", fact("batch.completed", batch, "2026-03-18", outputs=[DOSE]))
    for hub in in_any_order(ordered(), collected(), started, completed):
        assert [record.state for record in only_journey(hub).of("batch")] == ["completed"]


# ---- (d) corrections ----------------------------------------------------------------------------------------------


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets which viability today's tables read in a message; an empty text is what it says, `-` finds no result."""
    today = ""

    def of_today(*given: Any) -> Converted:
        read = convert(*given)
        for part in read.parts:
            if today == "-":
                part.assertions = [a for a in part.assertions if not a["type"].startswith("result.")]
            for assertion in part.assertions:
                if today and assertion["type"].startswith("result."):
                    quantity = assertion["set"]["value"]["quantity"]
                    assertion["set"] |= {"value": {"quantity": {**quantity, "value": today}}}
        return read

    def become(value: str) -> None:
        nonlocal today
        today = value

    monkeypatch.setattr("hub.committer.convert", of_today)
    yield become
    become("")


def corrected() -> Delivery:
    at = "20260310141500-0500"
    return v2(m.results(JANE, "R2", placer="ORD-1", lab="LAB-1", chain="", value="98.50", status="F", at=at, sent=at))


def viability(hub: SmallHub) -> str:
    """The one viability that the order has; empty where none stands."""
    (result,) = only_journey(hub).of("result")
    return str(result.fields["value"]["quantity"]["value"]) if "value" in result.fields else ""


def test_d_undoing_a_correction_revives_what_it_corrected(tables: Callable[[str], None]) -> None:
    hub = hub_of(ordered(), corrected())
    for today, stands in [("61.00", "61.00"), ("62.00", "62.00"), ("", "98.50"), ("61.00", "61.00"), ("", "98.50")]:
        tables(today)
        hub.committer.replay(corrected().incoming(), 2)
        assert viability(hub) == stands
        outcome(hub)


def test_d_a_fact_that_is_found_no_more_is_retracted_and_comes_back_when_it_is_found(
    tables: Callable[[str], None],
) -> None:
    hub = hub_of(ordered(), corrected())
    for today, stands in [("-", ""), ("", "98.50"), ("-", ""), ("", "98.50")]:
        tables(today)
        hub.committer.replay(corrected().incoming(), 2)
        assert viability(hub) == stands


def test_d_a_replay_that_cannot_read_a_part_takes_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = hub_of(ordered(), corrected())
    unread = Converted("", "R2", "", [Part("message", HELD)], [])
    monkeypatch.setattr("hub.committer.convert", lambda *_: unread)
    hub.committer.replay(corrected().incoming(), 2)
    assert viability(hub) == "98.50"


def test_d_of_two_decisions_of_one_moment_the_stricter_holds_and_a_person_is_asked() -> None:
    decision = ref("disposition", "urn:quality:decision", "D-1")
    values = {"container": DOSE, "batch": ref("batch", "urn:celltech:batch", "B-1")}
    made = said("celltech", "M", fact("container.created", DOSE, "2026-03-18T08:00:00", batch=values["batch"]))
    fed = said(
        "celltech", "F", fact("batch.started", values["batch"], "2026-03-12", inputs=[ref("container", BAGS, "BAG-1")])
    )
    one, other = (
        said("quality", word, fact("disposition.decided", decision, "2026-03-19T08:00:00", decision=word, **values))
        for word in ("released", "rejected")
    )
    for order in permutations((one, other, made)):
        hub = hub_of(ordered(), collected(), fed, *order)
        assert [r.fields["decision"] for r in only_journey(hub).of("disposition")] == ["rejected"]
        assert issues(hub, "order-ambiguous") == 1


# ---- (e) what changes nothing is kept; who came first does not matter ---------------------------------------------


def test_e_a_fact_that_changes_nothing_stays_in_the_log_with_its_reporter() -> None:
    bag = f"{BAGS}/BAG-1"
    event = m.moved([bag], "2026-03-10T15:30:00-05:00", "departing", "mercy", "swift")
    twice = (Delivery("swift", "epcis", m.epcis(name, event), "json") for name in ("D1", "D2"))
    hub = hub_of(ordered(), collected(), *twice)
    (chain,) = only_journey(hub).custody.values()
    assert len([e for e in only_journey(hub).facts if e["type"] == "custody.transferred"]) == 2
    assert [step.giver.rpartition("/")[2] for step in chain.steps] == ["", f"414|{m.GLN['mercy']}"]


def test_e_a_bag_is_linked_whether_its_order_or_its_receipt_came_first() -> None:
    by_filler = v2(m.order(JANE, "C2", placer="", filler="FIL-1", chain=CHAIN, action="SC", at="20260302090000-0600"))
    named = v2(m.order(JANE, "C3", placer="ORD-1", filler="FIL-1", action="OK", at="20260303080000-0600"))
    for hub in in_any_order(ordered(chain=""), by_filler, named, collected(placer=""), received()):
        assert outcome(hub)["unlinked"] == []


def test_e_two_orders_with_one_bag_are_both_told_whoever_came_first() -> None:
    other = v2(m.order(Person("4702"), "C9", placer="ORD-2", chain="CHABC1226000002"))
    hubs = in_any_order(ordered(), other, collected(), received(chain="CHABC1226000002"))
    assert all(journey["issues"] for journey in outcome(hubs[0])["journeys"])


def test_what_came_before_a_partner_took_part_is_told_when_it_does() -> None:
    """Celltech takes part by the product, which the hub hears after the results."""
    unnamed = ordered(product="")
    named = ordered("C2", action="XX", at="20260302090000-0600")
    for order in permutations((unnamed, collected(), named)):
        hub = hub_of(*order)
        told = {row[4] for row in hub.store.writer.all("deliveries", 100) if row[1] == "celltech"}
        assert "mes_csv/qc_results" in told
        outcome(hub)


# ---- generated ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quietly() -> None:
    histories.quiet()


def test_a_few_hundred_journeys_end_in_one_state_in_any_order() -> None:
    tally, found = histories.examine_journeys(200, permutations=1, seed="quick ")
    assert not found, str(found[0])
    assert tally.journeys >= 200
    assert tally.duplicates > tally.stories
    assert tally.answers > 100


def test_journeys_of_every_protocol_told_as_facts_end_in_one_state_in_any_order() -> None:
    tally, found = histories.examine_journeys(20, permutations=1, seed="quick ", batch=4, told_as="facts")
    assert not found, str(found[0])
    assert tally.journeys >= 20
    assert tally.answers > 20


def test_readers_find_the_same_whatever_came_first() -> None:
    for seed in ("read 1", "read 2", "read 3", "read 4"):
        told = TELLING["facts"](seed, 2)
        arrival = histories.otherwise(Random(seed), len(told))
        one, other = hub_of(*told), SmallHub()
        other.take([[told[place] for place in group] for group in arrival])
        assert read_model(one) == read_model(other), difference(read_model(one), read_model(other))


def test_what_a_merge_makes_of_an_order_is_seen_by_the_other_orders_of_its_patient() -> None:
    """A story that was found to end otherwise: whom an order was placed for changes with a merge that comes late."""
    found = histories.examine("round b427", 1)
    assert isinstance(found, histories.Tally), str(found)


def test_two_orders_with_one_fillers_number_are_two_records_to_a_reader() -> None:
    one = ordered("C1", placer="ORD-1", filler="FIL-1", chain="")
    other = v2(m.order(Person("4702"), "C2", placer="ORD-2", filler="FIL-1", chain=""))
    first, second = (read_model(hub_of(*order)) for order in permutations((one, other)))
    assert first == second, difference(first, second)
    patients = [first[f"order urn:id:EPIC|{number}"][0][0]["fields"]["patient"] for number in ("ORD-1", "ORD-2")]
    assert patients[0] != patients[1]


@pytest.mark.slow
@pytest.mark.parametrize(("told_as", "permutations"), [("messages", 2), ("facts", 1)])
def test_thousands_of_journeys_end_in_one_state_in_any_order(told_as: str, permutations: int) -> None:
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    tally, found = histories.examine_journeys(share(10_000), permutations, processes=2 if alone else 1, told_as=told_as)
    assert not found, str(found[0])
    assert tally.journeys >= share(10_000)


def test_short_stories_are_short_and_of_every_difficulty() -> None:
    told = [difficulties.tell(f"short {number}", 1 + number % 2) for number in range(60)]
    assert {3 <= len(story) <= difficulties.MOST for story in told} == {True}
    assert all(len(difficulties.tell_facts(f"short {number}", 1)) < 40 for number in range(20))


def test_some_short_histories_end_in_one_state_in_any_order() -> None:
    tally, found = histories.examine_orders(60, seed="quick ")
    assert not found, str(found[0])
    assert tally.histories >= 60
    assert tally.duplicates >= tally.histories


def test_a_hub_that_remembers_next_to_nothing_knows_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "REMEMBERED", 12)
    monkeypatch.setattr(orders, "CACHED_JOURNEYS", 1)
    tally, found = histories.examine_orders(60, seed="forgets ")
    assert not found, str(found[0])
    assert tally.histories >= 60


def test_an_issue_of_many_orders_is_no_way_along_which_names_are_read_ahead() -> None:
    """A store of several hubs: names are read ahead, and one Issue may be of every order of a partner."""
    if impossible():
        pytest.skip(impossible())
    with stores.serving("postgres"):
        hub = SmallHub("postgres")
        known = hub.committer._links
        for number in range(40):
            named = {"placer": f"ORD-{number}", "chain": f"CHABC12260{number:05}"}
            known.forget()
            hub.take([[v2(m.order(Person(f"48{number:02}"), f"C{number}", **named))]])
            hub.take([[received(bag=f"BAG-{number}", chain=named["chain"])]])
        assert len(known._infos) < 40
        of_many = "SELECT count(*) FROM issue WHERE rule = 'I-46' GROUP BY id"
        assert hub.store.writer.raw.execute(of_many).fetchall() == [(40,)]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_histories_end_in_one_state_in_any_order_on_a_store_that_lasts(store: str) -> None:
    if store == "postgres" and impossible():
        pytest.skip(impossible())
    with stores.serving(store):
        tally, found = histories.examine_orders(share(200), seed="lasting ", store=store)
    assert not found, str(found[0])
    assert tally.histories >= share(200)


def test_stories_of_facts_are_of_every_protocol_and_have_corrections_that_the_hub_takes() -> None:
    """A correction names the fact that it puts right by the id that the hub gave it."""
    told = [delivery for seed in range(12) for delivery in TELLING["facts"](f"every {seed}", 1)]
    ordered = [f["set"]["service"]["codings"][0]["code"] for d in told for f in d.facts if "service" in f["set"]]
    assert set(CODES.values()) <= set(ordered)
    targets = 0
    for seed in range(4):
        hub, story = SmallHub(), TELLING["facts"](f"every {seed}", 1)
        assert {answer.outcome for answer in hub.take([[one] for one in story])} == {"recorded"}
        named = {target for one in story for fact in one.facts for target in fact.get("supersedes", ())}
        assert named <= set(facts(hub))
        targets += len(named)
    assert targets


def test_what_the_usual_course_of_every_protocol_comes_to_at_the_hub_is_an_infusion_that_is_allowed() -> None:
    for protocol in DEFAULT_PROTOCOLS.values():
        told, course = facts_alone.telling(protocol)
        while course.done <= steps_of(course).index(verified):
            goes_on(course)
        answers = outcome(hub_of(*told))["answers"]
        assert ["may-infuse", "allow"] in [[question, verdict] for question, _, _, verdict, *_ in answers], protocol.id


def test_an_arrival_has_every_message_and_some_twice() -> None:
    for count in (1, 5, 30):
        places = [p for group in histories.otherwise(Random(count), count) for p in group]
        assert set(places) == set(range(count))
        assert len(places) > count


def test_a_counterexample_is_as_short_as_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that ends otherwise when a death comes before an order: the two are all that is shown."""

    def end(told: Sequence[Delivery], arrival: histories.Arrival) -> dict[str, Any]:
        came = [told[place].name for group in arrival for place in group]
        return {"state": "death" in came and "order" in came and came.index("death") < came.index("order")}

    monkeypatch.setattr(histories, "end", end)
    names = ("a", "order", "b", "c", "death", "d")
    told = [Delivery("mercy", "hl7v2", name.encode(), name=name) for name in names]
    found = histories.shrunk("s", told, ((5, 4), (3, 2, 1, 0), (4,)))
    assert (found.messages, found.arrival) == (("mercy hl7v2: order", "mercy hl7v2: death"), ((1,), (0,)))
    assert "state: false | true" in str(found)


def test_whose_number_an_order_shares_by_mistake_counts_as_its_patients_order_in_no_order_of_arrival() -> None:
    other = Person("4702")
    own = {"placer": "ORD-2", "sent": "20260301083000-0600"}
    numbers = [m.numbered("ORD-2", ""), m.numbered("FIL-1", "FILL") | {"system": "urn:id:CELLLAB"}]
    in_any_order(
        v2(m.order(JANE, "C1", placer="ORD-1", filler="FIL-1", chain=CHAIN)),
        v2(m.order(other, "C2", at="20260301083000-0600", **own)),
        v2(m.order(other, "C3", filler="FIL-1", action="OH", at="20260311093000-0500", **own)),
        Delivery("mercy", "fhir_r4", m.request(numbers, "4702", "on-hold", "2026-03-01T08:30:00-06:00")),
    )
