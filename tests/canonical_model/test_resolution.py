"""Identity resolution: every key is tried, the strongest first, all must agree, and weak matches stay weak."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from canonical_model.identifiers import check_digit
from canonical_model.ids import Key, name_key
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.questions import may_infuse
from canonical_model.resolution import Known, Memory, Resolution, known_of, resolve
from canonical_model.scans import read_scan
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    COI,
    NOW,
    ORDER,
    OUTBOUND,
    PATIENT,
    PRODUCT,
    SITE,
    STRANGER,
    Ref,
    dose_ready,
    fact,
    journey,
    ref,
    short,
    submitted,
)

A, B = "journey-a", "journey-b"
DIN = "A999926123456"
OTHER_COI = "CHA999926000099"


def placer(value: str) -> Ref:
    return {"kind": "order", "identifiers": [{"system": "urn:mercy:order", "value": value, "type": "placer"}]}


PLACER_A, PLACER_B = placer("P1"), placer("P2")
FILLER = {"kind": "order", "identifiers": [{"system": "urn:lab", "value": "F1", "type": "filler"}]}
APPOINTMENT, VISIT = ref("appointment", "SLOT-1"), ref("administration", "INF-1")
MPHO = {"kind": "container", "identifiers": [{"system": "ISBT128", "value": f"A9999E0398{DIN}A00000"}]}
DONATION = {"kind": "collection", "identifiers": [{"system": "din", "value": DIN, "type": "din"}]}
OTHER_BAG = ref("container", "BAG-2")
SSCC = "00952114100000001"


def coi(value: str = COI) -> Ref:
    return {"kind": "order", "identifiers": [{"system": "urn:sponsor:coi", "value": value, "type": "coi"}]}


def key(one: Ref) -> Key:
    return name_key(one["kind"], one["identifiers"][0])


def sscc() -> Ref:
    value = SSCC + check_digit(SSCC)
    return {"kind": "shipment", "identifiers": [{"system": "sscc", "value": value, "type": "sscc"}]}


def index(**changed: Any) -> Memory:
    """Two orders of one patient each, with a shipper that holds a bag of both; the patients' numbers as tokens."""
    ours = Known(frozenset({key(PLACER_A), key(coi())}), products=frozenset({"AXI-CEL"}))
    theirs = Known(frozenset({key(PLACER_B), key(coi(OTHER_COI))}), products=frozenset({"TISA-CEL"}))
    names: dict[Key, set[str]] = {
        **{key(one): {A} for one in (BAG, DONATION, BATCH, APPOINTMENT, VISIT, PATIENT, FILLER)},
        **{key(one): {B} for one in (OTHER_BAG, STRANGER)},
        key(sscc()): {A, B},
    }
    return Memory({A: ours, B: theirs, **changed.get("orders", {})}, {**names, **changed.get("names", {})})


def resolved(*refs: Ref, **more: Any) -> Resolution:
    return resolve(more.pop("index", index()), refs, **more)


# ---- strong keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "step"),
    [
        (coi(), "coi"),
        ({"kind": "order", "identifiers": [{"system": "elsewhere", "value": COI}]}, "coi"),
        (PLACER_A, "number"),
        (FILLER, "number"),
        (BAG, "container"),
        (DONATION, "container"),
        (MPHO, "container"),
        (BATCH, "lot"),
        (APPOINTMENT, "appointment"),
        (VISIT, "record"),
    ],
)
def test_every_key_finds_its_order_and_says_what_found_it(one: Ref, step: str) -> None:
    found = resolved(one)
    assert (found.verdict, found.orders, found.weak, found.identifies) == ("found", (A,), False, True)
    assert [match.step for match in found.matches] == [step]


def test_all_keys_are_tried_and_the_strongest_comes_first() -> None:
    for refs in permutations((PATIENT, sscc(), BAG, PLACER_A, coi())):
        found = resolved(*refs)
        assert [match.step for match in found.matches] == ["coi", "number", "container", "shipment", "person"]
        assert (found.orders, found.identifies) == ((A,), True)


def test_a_shipper_with_bags_of_two_orders_is_both_until_another_key_tells() -> None:
    assert (resolved(sscc()).verdict, resolved(sscc()).orders) == ("several", (A, B))
    assert not resolved(sscc()).identifies
    assert resolved(sscc(), BAG).identifies
    narrowed = resolved(sscc(), PATIENT)
    assert (narrowed.verdict, narrowed.orders, narrowed.weak, narrowed.identifies) == ("found", (A,), True, False)


def test_no_key_leaves_an_item_unlinked_and_names_what_it_bore() -> None:
    new = ref("container", "BAG-9")
    assert resolved() == Resolution("unlinked", (), True, (), ())
    found = resolved(new)
    assert (found.verdict, found.orders, found.unknown) == ("unlinked", (), (key(new),))


def test_what_nobody_knows_beside_a_key_that_is_known_is_news_and_no_contradiction() -> None:
    more = {"kind": "order", "identifiers": [{"system": "urn:lab", "value": "F2", "type": "filler"}]}
    found = resolved(coi(), ref("container", "BAG-9"), more)
    assert (found.verdict, found.orders, len(found.unknown), found.contradicted) == ("found", (A,), 2, ())


# ---- disagreement -------------------------------------------------------------------------------------------------


def test_two_keys_that_disagree_name_both_orders_and_the_scanned_container_decides_where_it_is_kept() -> None:
    """Scenario 3: a label with another order's chain of identity."""
    for refs in ((coi(), OTHER_BAG), (OTHER_BAG, coi())):
        found = resolved(*refs)
        assert (found.verdict, found.orders, found.container, found.identifies) == ("disagreement", (A, B), (B,), False)


def test_the_patient_of_another_order_disagrees_too() -> None:
    found = resolved(coi(), STRANGER)
    assert (found.verdict, found.orders, found.container) == ("disagreement", (A, B), (A,))


def test_two_agreeing_keys_do_not_outvote_a_third() -> None:
    assert resolved(coi(), PLACER_A, OTHER_BAG).verdict == "disagreement"


@pytest.mark.parametrize("one", [coi("CHA999926000777"), placer("P9")])
def test_an_order_that_is_found_under_another_number_than_the_item_bears_disagrees(one: Ref) -> None:
    found = resolved(BAG, one)
    assert (found.verdict, found.orders, found.contradicted) == ("disagreement", (A,), (key(one),))


# ---- weak keys ----------------------------------------------------------------------------------------------------


def two_orders_of_one_patient(active: bool = True) -> Memory:
    again = Known(frozenset({key(PLACER_B)}), active, frozenset({"TISA-CEL"}))
    return index(orders={B: again}, names={key(PATIENT): {A, B}})


def test_a_patients_number_alone_is_a_weak_match_if_exactly_one_active_order_fits() -> None:
    found = resolved(PATIENT)
    assert (found.verdict, found.orders, found.weak, found.identifies) == ("found", (A,), True, False)


def test_a_patients_number_never_chooses_between_two_orders() -> None:
    """Scenario 7."""
    found = resolved(PATIENT, index=two_orders_of_one_patient())
    assert (found.verdict, found.orders) == ("unlinked", ())
    assert [match.orders for match in found.matches] == [{A, B}]
    assert resolved(PATIENT, index=two_orders_of_one_patient(active=False)).orders == (A,)


def test_a_product_chooses_between_the_orders_of_a_patient_and_leaves_the_match_weak() -> None:
    found = resolved(PATIENT, products=["TISA-CEL"], index=two_orders_of_one_patient())
    assert (found.verdict, found.orders, found.identifies) == ("found", (B,), False)
    assert resolved(PATIENT, products=["ABECMA"]).verdict == "unlinked"


def test_a_number_that_is_not_the_orders_own_forbids_the_weak_match() -> None:
    """A new order of a known patient, reported before the order itself: it is not the old one."""
    found = resolved(PATIENT, placer("P9"))
    assert (found.verdict, found.contradicted) == ("unlinked", (key(placer("P9")),))


def test_a_number_without_its_assigner_is_no_key() -> None:
    bare = {"system": "urn:id:unassigned", "value": "token-1"}
    with_bare = index(
        names={("subject", "urn:id:unassigned", "token-1"): {A}, ("order", "urn:id:unassigned", "token-1"): {A}}
    )
    for kind in ("subject", "order"):
        assert resolved({"kind": kind, "identifiers": [bare]}, index=with_bare).matches == ()


def test_a_group_number_is_no_key() -> None:
    group = {"system": "urn:mercy:order", "value": "P1", "type": "group"}
    assert resolved({"kind": "order", "identifiers": [group]}).matches == ()


def test_two_patients_numbers_that_name_two_people_disagree() -> None:
    found = resolved(PATIENT, STRANGER)
    assert (found.verdict, found.orders, found.identifies) == ("disagreement", (A, B), False)


def test_names_and_dates_of_birth_are_never_keys() -> None:
    labels = [read_scan("&#02044711"), read_scan("=#0119600229")]
    assert [person.kind for label in labels for person in label.personal] == ["patient-id", "birth-date"]
    everybody = {
        ("subject", system, value): {A} for system in ("", "urn:test:subject") for value in ("4711", "1960-02-29")
    }
    assert resolve(index(names=everybody), scans=labels).matches == ()


# ---- scans --------------------------------------------------------------------------------------------------------


def test_a_scanned_label_resolves_by_all_that_it_says() -> None:
    label = f"=+02000={DIN}00=<S1128V00"
    unit = next(i for i in read_scan(label).identifiers if i["type"] == "isbt-unit")
    both = index(names={name_key("container", unit): {A}})
    found = resolve(both, scans=[read_scan(label)])
    assert [match.key[0] for match in found.matches] == ["collection", "container"]
    assert found.identifies
    assert resolve(both, [{"kind": "container", "identifiers": [{"system": "s", "value": label}]}]) == found


def test_a_scanned_chain_of_identity_and_a_foreign_bag_disagree() -> None:
    found = resolve(index(), [OTHER_BAG], [read_scan(f"&/{COI}")])
    assert (found.verdict, found.orders, found.container) == ("disagreement", (A, B), (B,))


def test_a_scanned_shipper_is_known_however_it_is_spelt() -> None:
    (value,) = (i["value"] for i in sscc()["identifiers"])
    for text in (f"(00){value}", f"https://id.gs1.org/00/{value}", f"]C100{value}"):
        assert resolve(index(), scans=[read_scan(text)]).orders == (A, B)


def test_a_barcode_without_structure_is_a_bag_if_only_one_bag_is_called_so() -> None:
    assert resolve(index(), scans=[read_scan("BAG-1")]).identifies
    twice = index(names={("container", "urn:elsewhere", "BAG-1"): {B}})
    assert resolve(twice, scans=[read_scan("BAG-1")]).verdict == "unlinked"


def test_a_lot_number_on_a_label_identifies_nothing_by_itself() -> None:
    label = read_scan("(01)09521141012345(10)LOT7")
    (lot,) = (i for i in label.classes if i["type"] == "gtin-lot")
    known = index(names={name_key("material", lot): {A}})
    found = resolve(known, scans=[label])
    assert (found.verdict, found.weak, found.identifies) == ("found", True, False)
    assert resolve(known, [OTHER_BAG], [label]).orders == (B,)


# ---- I-1 and I-7 --------------------------------------------------------------------------------------------------


def rules(*facts: Any, containers: list[Ref]) -> set[str]:
    return {r.rule for r in may_infuse(journey(*facts), containers, short(SITE), DEFAULT_PROTOCOLS, NOW).reasons}


def test_a_bag_that_only_the_patients_number_leads_to_the_order_fails_i_1() -> None:
    story = [submitted(patient=PATIENT), *dose_ready()]
    unmarked = ref("container", "UNMARKED")
    assert rules(*story, containers=[PRODUCT]) == set()
    by_patient = resolve(Memory({A: known_of(journey(*story))}, {key(PATIENT): {A}}), [unmarked, PATIENT])
    assert (by_patient.orders, by_patient.identifies, by_patient.unknown) == ((A,), False, (key(unmarked),))
    assert {"I-1", "I-7"} <= rules(*story, containers=[unmarked])


def test_a_check_of_the_patient_alone_is_no_check_of_the_bag() -> None:
    """I-7 wants container and patient verified by two people; a wristband is half of it."""
    story = [submitted(patient=PATIENT), *(f for f in dose_ready() if f["type"] != "identity.verified")]
    people = [{"actor": "nurse-1"}, {"actor": "nurse-2"}]
    wristband = fact(
        "identity.verified",
        ref("verification", "V"),
        "2026-03-10T10:00:00",
        patient=PATIENT,
        result="match",
        people=people,
    )
    assert "I-7" in rules(*story, wristband, containers=[PRODUCT])


def test_what_is_known_of_an_order_comes_from_its_journey() -> None:
    known = known_of(journey(submitted(protocol="autologous-car-t@1")))
    assert known == Known(journey(submitted()).names, True, frozenset({"AXI-CEL", "autologous-car-t@1"}))
    assert not known_of(journey(submitted(), fact("order.cancelled", ORDER))).active
    assert OUTBOUND["kind"] == "shipment"
