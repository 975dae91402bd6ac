"""Resolution over a hub's links: as over any index, and a patient's number alone satisfies no question."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.identifiers import check_digit
from canonical_model.journey import Journey
from canonical_model.resolution import Resolution
from canonical_model.scans import read_scan
from hub.answers import Question, Questions
from hub.demo import world
from hub.resolving import resolve_in
from hub.vault import Vault
from tests.verify import messages as m
from tests.verify.messages import Delivery, Person, ref
from tests.verify.small_hub import KEYS, SmallHub

JANE, JOHN = Person("4701"), Person("4702")
COI, OTHER = "CHABC1226000001", "CHABC1226000002"
SSCC = "09521141000000001" + check_digit("09521141000000001")
MRN = {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "4701", "type": "mrn"}


def v2(body: bytes) -> Delivery:
    return Delivery("mercy", "hl7v2", body)


def collected(person: Person, control: str, placer: str, chain: str, bag: str) -> Delivery:
    times = {"start": "20260310090000-0500", "end": "20260310130000-0500"}
    return v2(m.apheresis(person, control, placer=placer, lab=f"LAB-{bag}", chain=chain, bag=bag, **times))


@pytest.fixture(scope="module")
def hub() -> SmallHub:
    made = SmallHub()
    box = m.packed(SSCC, [f"{m.BAGS}/BAG-1", f"{m.BAGS}/BAG-2"], "2026-03-10T15:05:00-05:00", "mercy")
    told = [
        v2(m.order(JANE, "C1", placer="ORD-1", chain=COI)),
        v2(m.order(JOHN, "C2", placer="ORD-2", chain=OTHER)),
        collected(JANE, "R1", "ORD-1", COI, "BAG-1"),
        collected(JOHN, "R2", "ORD-2", OTHER, "BAG-2"),
        Delivery("swift", "epcis", m.epcis("E1", box), "json"),
    ]
    made.take([[one] for one in told])
    return made


def vault(hub: SmallHub) -> Vault:
    return Vault(KEYS, hub.store.writer, "local")


def resolved(hub: SmallHub, *refs: dict[str, Any], **more: Any) -> Resolution:
    return resolve_in(hub.committer, refs, **more, vault=vault(hub))


def placers(hub: SmallHub, found: Resolution) -> list[str]:
    states: list[Journey] = [hub.committer.orders.state(hub.store.writer, order) for order in found.orders]
    return sorted(i["value"] for state in states for i in state.order.identifiers if i.get("type") == "placer")


def mrn(hub: SmallHub, person: Person) -> dict[str, Any]:
    """The number as Mercy's messages give it, under the system that the hub read it with."""
    return {"system": f"urn:oid:{world.MERCY_OID}", "value": person.mrn, "type": "mrn"}


def test_orders_are_found_by_chain_of_identity_bag_and_scan(hub: SmallHub) -> None:
    coi = {"kind": "order", "identifiers": [{"system": "anywhere", "value": COI, "type": "coi"}]}
    for found in (
        resolved(hub, coi),
        resolved(hub, ref("container", m.BAGS, "BAG-1")),
        resolved(hub, scans=[read_scan(f"&/{COI}")]),
        resolved(hub, scans=[read_scan("BAG-1")]),
    ):
        assert found.identifies
        assert placers(hub, found) == ["ORD-1"]


def test_a_shipper_leads_to_the_orders_of_all_its_bags(hub: SmallHub) -> None:
    found = resolved(hub, scans=[read_scan(f"(00){SSCC}")])
    assert (found.verdict, placers(hub, found)) == ("several", ["ORD-1", "ORD-2"])


def test_a_wrong_bag_names_both_orders(hub: SmallHub) -> None:
    found = resolved(hub, ref("container", m.BAGS, "BAG-2"), scans=[read_scan(f"&/{COI}")])
    assert (found.verdict, placers(hub, found)) == ("disagreement", ["ORD-1", "ORD-2"])
    assert len(found.container) == 1


def test_a_patients_number_is_found_by_its_token_and_stays_weak(hub: SmallHub) -> None:
    found = resolved(hub, persons=[mrn(hub, JANE)])
    assert (found.verdict, found.weak, found.identifies, placers(hub, found)) == ("found", True, False, ["ORD-1"])
    assert resolved(hub, persons=[{**mrn(hub, JANE), "type": "visit"}]).verdict == "unlinked"
    assert resolved(hub, persons=[{**mrn(hub, JANE), "system": "urn:id:unassigned"}]).verdict == "unlinked"


def test_a_bag_without_a_known_name_is_not_infused_on_the_strength_of_its_patients_number(hub: SmallHub) -> None:
    """I-1: what only the patient's number leads to the order is not known to belong to it."""
    unmarked = ref("container", m.BAGS, "UNMARKED")
    found = resolved(hub, unmarked, persons=[mrn(hub, JANE)])
    assert (found.identifies, placers(hub, found)) == (False, ["ORD-1"])
    questions = Questions(KEYS, hub.profiles, {}, hub.clock)
    order = [{"system": "urn:id:EPIC", "value": "ORD-1", "type": "placer"}]
    given = questions.ask(hub.committer, Question("may-infuse", order, [unmarked], "general"))
    assert given.verdict.verdict == "deny"
    assert {"I-1", "I-7"} <= {reason.rule for reason in given.verdict.reasons}


def test_looking_writes_nothing(hub: SmallHub) -> None:
    before = hub.store.writer.all("journeys", 10, 0)
    resolved(hub, ref("container", m.BAGS, "NOBODY"), ref("shipment", "urn:x", "NOBODY"), persons=[MRN])
    assert hub.store.writer.all("journeys", 10, 0) == before
    assert hub.store.writer.one("find_name", "container", "NOBODY", m.BAGS) is None
