"""Links: what a fact reaches through its steps and doses, and what a merge joins and its undoing parts again."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import Any

import pytest

from canonical_model.ids import canonical_json
from canonical_model.journey import Journey
from hub.vault import SUBJECT_SYSTEM
from tests.verify.messages import Delivery, fact, ref, said
from tests.verify.small_hub import SmallHub, difference, outcome

Fact = dict[str, Any]
OLD, NEW = ref("subject", SUBJECT_SYSTEM, "token-old"), ref("subject", SUBJECT_SYSTEM, "token-new")
ORDERS = {
    name: {"kind": "order", "identifiers": [{"system": "urn:mercy:order", "value": name, "type": "placer"}]}
    for name in ("P1", "P2")
}
BAG, DOSE = ref("container", "urn:test:bag", "BAG-1"), ref("container", "urn:test:bag", "DOSE-1")
BATCH, REAGENT = ref("batch", "urn:test:batch", "B-1"), ref("material", "urn:test:lot", "VECTOR-7")
DEVICE = ref("device", "urn:test:device", "SEPARATOR-3")


def tell(name: str, told: Fact, by: str = "mercy") -> Delivery:
    return said(by, name, told)


def ordered(placer: str, patient: Fact) -> Delivery:
    service = {"codings": [{"code": "AXI-CEL"}]}
    return tell(placer, fact("order.submitted", ORDERS[placer], "2026-03-01", service=service, patient=patient))


def merged(at: str = "2026-03-04T08:00:00", name: str = "A40") -> Delivery:
    return tell(name, fact("subject.merged", NEW, at, retired=OLD["identifiers"]))


def unmerged(at: str = "2026-03-06T08:00:00", name: str = "A37") -> Delivery:
    return tell(name, fact("subject.unmerged", NEW, at, retired=OLD["identifiers"]))


def updated(who: Fact, sex: str, at: str, name: str) -> Delivery:
    return tell(name, fact("subject.updated", who, at, sex=sex))


def hub_of(*told: Delivery) -> SmallHub:
    hub = SmallHub()
    hub.take([[one] for one in told])
    return hub


def journey(hub: SmallHub, placer: str) -> Journey:
    db = hub.store.writer
    states = [hub.committer.orders.state(db, row[0]) for row in db.all("journeys", 10, 0)]
    return next(s for s in states if any(i["value"] == placer for i in s.order.identifiers))


def types(hub: SmallHub, placer: str, *without: str) -> list[str]:
    """What was told of an order by partners, by type and time."""
    facts = [e for e in journey(hub, placer).facts if e["reporter"]["role"] != "hub" and e["type"] not in without]
    return [f"{e['type']} {e['occurred']['local']}" for e in facts]


# ---- merges -----------------------------------------------------------------------------------------------------

TWO = [ordered("P1", OLD), ordered("P2", NEW)]
NEWS = [updated(OLD, "female", "2026-03-02", "N1"), updated(NEW, "male", "2026-03-05", "N2")]


def test_after_a_merge_news_of_either_person_reach_the_orders_of_both() -> None:
    hub = hub_of(*TWO, *NEWS, merged())
    for placer in ORDERS:
        assert types(hub, placer, "order.submitted") == [
            *("subject.updated 2026-03-02", "subject.merged 2026-03-04T08:00:00", "subject.updated 2026-03-05"),
        ]


@pytest.mark.parametrize("placer", ["P1", "P2"])
def test_an_unmerge_parts_what_was_linked_only_through_the_merge(placer: str) -> None:
    merging = ("subject.merged", "subject.unmerged")
    before, after = hub_of(*TWO, *NEWS), hub_of(*TWO, *NEWS, merged(), unmerged())
    assert types(after, placer, *merging) == types(before, placer)
    assert {"subject.merged", "subject.unmerged"} <= {e["type"] for e in journey(after, placer).facts}


def test_merge_and_unmerge_come_to_one_end_in_every_order_and_twice() -> None:
    told = [*TWO, updated(OLD, "female", "2026-03-05", "N1"), merged(), unmerged()]
    first = outcome(hub_of(*told))
    for order in permutations(told):
        hub = hub_of(*order, order[0], order[-1])
        assert outcome(hub) == first, difference(first, outcome(hub))


def test_a_merge_that_is_made_again_joins_again_in_every_order() -> None:
    told = [
        TWO[0],
        updated(NEW, "male", "2026-03-05", "N2"),
        merged(),
        unmerged(),
        merged("2026-03-08T08:00:00", "A40b"),
    ]
    for order in permutations(told):
        assert "subject.updated 2026-03-05" in types(hub_of(*order), "P1")


def test_an_unmerge_alone_joins_nobody() -> None:
    hub = hub_of(*TWO, *NEWS, unmerged())
    assert "subject.updated 2026-03-05" not in types(hub, "P1")
    assert types(hub, "P1", "subject.unmerged") == types(hub_of(*TWO, *NEWS), "P1")


def test_a_merge_by_somebody_whose_word_does_not_decide_it_joins_nobody() -> None:
    claim = tell("A40", fact("subject.merged", NEW, "2026-03-04", retired=OLD["identifiers"]), by="swift")
    assert "subject.updated 2026-03-05" not in types(hub_of(*TWO, *NEWS, claim), "P1")


def test_names_that_a_fact_states_together_stay_together_after_an_unmerge() -> None:
    both = {"kind": "subject", "identifiers": [*NEW["identifiers"], *OLD["identifiers"]]}
    together = updated(both, "male", "2026-03-03", "N3")
    for order in permutations((together, merged(), unmerged())):
        assert "subject.updated 2026-03-05" in types(hub_of(*TWO, *NEWS, *order), "P1")


def test_a_death_told_of_the_wrong_person_holds_the_other_order_only_while_they_are_one() -> None:
    died = tell("D", fact("subject.deceased", NEW, "2026-03-05"))
    assert journey(hub_of(*TWO, merged(), died), "P1").held
    hub = hub_of(*TWO, merged(), died, unmerged())
    assert not journey(hub, "P1").held
    assert journey(hub, "P2").held
    opened = [row[2] for row in hub.store.writer.all("issues_open", 100)]
    assert "I-37" not in opened


# ---- what steps and doses name ----------------------------------------------------------------------------------


def linked(hub: SmallHub, type_: str) -> bool:
    return any(event["type"] == type_ for event in journey(hub, "P1").events)


FILLED = tell("BAG", fact("container.created", BAG, "2026-03-08", order=ORDERS["P1"]))
STEPS = [{"sequence": 1, "consumed": [{"item": BAG}, {"item": REAGENT}]}, {"sequence": 2, "equipment": [DEVICE]}]


RECALL = fact("recall.initiated", ref("recall", "u", "R"), "2026-03-11", targets=[REAGENT])
SUSPENDED = fact("party.suspended", ref("qualification", "u", "Q"), "2026-03-12", device=DEVICE)


def made(steps: list[Fact]) -> Delivery:
    return tell("B", fact("step.completed", BATCH, "2026-03-10", steps=steps), by="celltech")


@pytest.mark.parametrize(
    ("name", "told", "type_"),
    [
        ("the batch", made(STEPS), "step.completed"),
        ("a recall of the lot", tell("R", RECALL, "celltech"), "recall.initiated"),
        ("what a step made", tell("D", fact("container.stored", DOSE, "2026-03-12"), "celltech"), "container.stored"),
        ("what was found of the device", tell("Q", SUSPENDED, "quality"), "party.suspended"),
    ],
)
def test_what_steps_name_reaches_the_order(name: str, told: Delivery, type_: str) -> None:
    batch = made([*STEPS, {"sequence": 3, "produced": [{"item": DOSE}]}])
    for order in permutations((ordered("P1", OLD), FILLED, batch, told)):
        assert linked(hub_of(*order), type_), name


def test_a_lot_that_two_orders_share_shows_neither_the_other() -> None:
    bag = ref("container", "urn:test:bag", "BAG-2")
    other = [
        tell("BAG2", fact("container.created", bag, "2026-03-08", order=ORDERS["P2"])),
        tell(
            "B2",
            fact(
                "step.completed",
                ref("batch", "urn:test:batch", "B-2"),
                "2026-03-10",
                steps=[{"sequence": 1, "consumed": [{"item": bag}, {"item": REAGENT}]}],
            ),
            by="celltech",
        ),
    ]
    hub = hub_of(*TWO, FILLED, made(STEPS), *other)
    for placer in ORDERS:
        assert len([e for e in journey(hub, placer).facts if e["type"] == "step.completed"]) == 1


def test_a_dose_that_is_told_container_by_container_reaches_the_order() -> None:
    given = tell(
        "I", fact("infusion.completed", ref("administration", "u", "I"), "2026-03-20", given=[{"container": BAG}])
    )
    for order in permutations((ordered("P1", OLD), FILLED, given)):
        assert linked(hub_of(*order), "infusion.completed")
    assert journey(hub_of(ordered("P1", OLD), FILLED, given), "P1").stage == "infused"


def test_the_links_of_a_hub_name_every_record_once() -> None:
    """The parted person is a record of its own again, with what was told of it."""
    hub = hub_of(*TWO, *NEWS, merged(), unmerged())
    told = {canonical_json(r.identifiers) for r in journey(hub, "P1").of("subject") if r.fields.get("sex")}
    assert told == {canonical_json(OLD["identifiers"])}


# ---- devices ----------------------------------------------------------------------------------------------------


def test_a_loggers_readings_reach_the_order_of_their_shipment_and_no_other_that_used_the_logger() -> None:
    logger = ref("device", "urn:test:device", "LOGGER-7")
    told = [ordered("P1", OLD), ordered("P2", NEW)]
    for placer in ("P1", "P2"):
        shipment = ref("shipment", "urn:test:shipment", f"S-{placer}")
        sent = fact("shipment.departed", shipment, "2026-03-08T11:00:00", order=ORDERS[placer], loggers=[logger])
        series = ref("readings", "urn:test:readings", f"R-{placer}")
        read = fact("readings.recorded", series, "2026-03-08T15:00:00", shipment=shipment, device=logger)
        told += [tell(f"sent {placer}", sent, "swift"), tell(f"read {placer}", read, "swift")]
    for order in (told, told[::-1]):
        hub = hub_of(*order)
        for placer, other in (("P1", "P2"), ("P2", "P1")):
            names = {i["value"] for r in journey(hub, placer).of("readings") for i in r.identifiers}
            assert names == {f"R-{placer}"}, other


# ---- stock ------------------------------------------------------------------------------------------------------

LOT, VECTOR = ref("material", "urn:test:lot", "LOT-1"), ref("material", "urn:test:lot", "VECTOR-7")
DOSES = {placer: ref("container", "urn:test:bag", f"DOSE-{placer}") for placer in ORDERS}
MADE = [
    tell("batch", fact("batch.completed", BATCH, "2026-02-01", consumed=[VECTOR], outputs=[LOT]), "celltech"),
    tell("lot", fact("material.stated", LOT, "2026-02-02", batch=BATCH), "celltech"),
    tell("tested", fact("result.reported", ref("result", "u", "R"), "2026-02-03", material=LOT), "celltech"),
    tell("released", fact("disposition.decided", ref("disposition", "u", "D"), "2026-02-04", material=LOT), "celltech"),
]
FILLED_AND_ALLOCATED = [
    tell(f"{type_} {placer}", fact(type_, dose, at, **values), "celltech")
    for placer, dose in DOSES.items()
    for type_, at, values in (
        ("container.created", "2026-02-02", {"material": LOT}),
        ("container.allocated", "2026-03-02", {"order": ORDERS[placer]}),
        ("container.stored", "2026-03-03", {}),
    )
]
ABOUT_THE_LOT = {"batch.completed", "material.stated", "result.reported", "disposition.decided"}


def reached(hub: SmallHub, placer: str) -> set[str]:
    """Types and things of the facts that reach an order, those of the hub apart."""
    facts = [e for e in journey(hub, placer).events if e["reporter"]["role"] != "hub"]
    return {f"{e['type']} {e['about']['identifiers'][0]['value']}" for e in facts}


def test_what_is_said_of_a_stock_lot_reaches_the_orders_that_its_containers_were_allocated_to() -> None:
    told = [*TWO, *MADE, *FILLED_AND_ALLOCATED]
    for seed in range(8):
        order = Random(seed).sample(told, len(told))
        hub = hub_of(*order)
        for placer in ORDERS:
            seen = reached(hub, placer)
            assert {name.partition(" ")[0] for name in seen} >= ABOUT_THE_LOT, (seed, placer)
            bags = {name.partition(" ")[2] for name in seen if name.startswith("container.")}
            assert bags == {f"DOSE-{placer}"}, "another patient's dose"


def test_a_recalled_vector_reaches_every_order_that_a_dose_of_it_was_allocated_to() -> None:
    recall = tell(
        "recall", fact("recall.initiated", ref("recall", "u", "R"), "2026-09-01", targets=[VECTOR]), "celltech"
    )
    for told in ([*TWO, *MADE, *FILLED_AND_ALLOCATED, recall], [recall, *FILLED_AND_ALLOCATED, *MADE[::-1], *TWO]):
        hub = hub_of(*told)
        assert all("recall.initiated R" in reached(hub, placer) for placer in ORDERS)
        open_issues = [(row[1], row[2]) for row in hub.store.writer.all("issues_open", 100)]
        assert len({issue_of for issue_of, rule in open_issues if rule == "I-25"}) == 2


def test_what_is_said_of_a_lot_for_one_order_stays_with_that_order() -> None:
    share = tell("share", fact("material.stated", LOT, "2026-03-05", order=ORDERS["P1"], lot="SHARE-1"), "celltech")
    seen = journey(hub_of(*TWO, *MADE, *FILLED_AND_ALLOCATED, share), "P2")
    assert not any(e["set"].get("lot") == "SHARE-1" for e in seen.events)
