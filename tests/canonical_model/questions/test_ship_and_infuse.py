"""May this be shipped, may this be infused? Each answer in its forms, and what turns one into another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.questions import ALLOW, CANNOT_TELL, DENY, Reason, Verdict, may_infuse, may_ship
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BAG_2,
    COURIER,
    DECISION,
    LOT_2,
    MAKER,
    ORDER,
    PATIENT,
    PRODUCT,
    PRODUCT_2,
    SITE,
    STRANGER,
    Fact,
    Ref,
    created,
    dose_ready,
    fact,
    handed,
    journey,
    ref,
    result,
    short,
    submitted,
    when,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def ship(
    *facts: Fact, container: Ref = BAG, giver: Ref = APHERESIS, protocols: dict[str, Protocol] | None = None
) -> Verdict:
    return may_ship(journey(*facts), [container], short(giver), protocols or DEFAULT_PROTOCOLS, NOW)


def infuse(*facts: Fact, containers: tuple[Ref, ...] = (PRODUCT,), site: Ref = SITE) -> Verdict:
    return may_infuse(journey(*facts), containers, short(site), DEFAULT_PROTOCOLS, NOW)


def rules(verdict: Verdict) -> set[str]:
    return {reason.rule for reason in verdict.reasons}


READY = [submitted(), *dose_ready()]


# ---- may-ship -------------------------------------------------------------------------------------------------


def test_the_holder_may_ship_a_bag_of_an_open_order() -> None:
    assert ship(submitted(), created(order=ORDER)) == Verdict("may-ship", ALLOW, ())


def test_who_does_not_hold_a_bag_cannot_ship_it() -> None:
    verdict = ship(submitted(), created(order=ORDER), giver=COURIER)
    assert verdict.verdict == DENY
    assert rules(verdict) == {"I-2"}


def test_a_party_is_known_by_each_of_its_joined_names() -> None:
    both = {"kind": "party", "identifiers": [*ref("party", "0-alias")["identifiers"], *APHERESIS["identifiers"]]}
    known = fact("record.amended", both, "2026-01-01T00:00:00")
    assert ship(submitted(), created(order=ORDER), known).verdict == ALLOW
    assert ship(submitted(), created(order=ORDER), known, giver=ref("party", "0-alias")).verdict == ALLOW


def test_a_bag_that_was_never_created_has_no_holder() -> None:
    verdict = ship(submitted(), fact("container.observed", BAG, order=ORDER))
    assert verdict.verdict == DENY
    assert "nobody is recorded" in verdict.reasons[0].text


def test_a_bag_of_nobody_knows_which_order_cannot_be_shipped() -> None:
    assert rules(ship(submitted())) == {"I-1"}
    assert may_ship(journey(submitted()), [], "", DEFAULT_PROTOCOLS, NOW).verdict == DENY


def test_names_of_two_bags_are_no_scan_of_one() -> None:
    both = {"kind": "container", "identifiers": [*BAG["identifiers"], *BAG_2["identifiers"]]}
    verdict = ship(submitted(), created(order=ORDER), created(BAG_2, order=ORDER), container=both)
    assert verdict.verdict == DENY
    assert "more than one container" in verdict.reasons[0].text


def test_nobody_can_tell_whether_to_ship_when_custody_is_known_to_the_day() -> None:
    facts = [
        submitted(),
        created(order=ORDER),
        handed(COURIER, SITE, "2026-03-08", SITE),
    ]
    verdict = ship(*facts, giver=SITE)
    assert verdict.verdict == CANNOT_TELL
    assert rules(verdict) == {"I-2"}


def test_nobody_can_tell_without_knowing_the_protocol() -> None:
    verdict = ship(submitted(service={"codings": [{"code": "UNHEARD-OF"}]}), created(order=ORDER))
    assert verdict.verdict == CANNOT_TELL
    two = {p.key: p for p in (AUTOLOGOUS_CAR_T, AUTOLOGOUS_CAR_T.model_copy(update={"version": "2"}))}
    assert ship(submitted(), created(order=ORDER), protocols=two).verdict == CANNOT_TELL
    named = submitted(protocol="autologous-car-t@2")
    assert ship(named, created(order=ORDER), protocols=two).verdict == ALLOW


def test_a_product_travels_after_its_release_or_where_the_protocol_lets_it_in_quarantine() -> None:
    product = [submitted(), created(PRODUCT, MAKER, batch=ref("batch", "B-1"), order=ORDER)]
    assert rules(ship(*product, container=PRODUCT, giver=MAKER)) == {"I-6"}
    open_minded = AUTOLOGOUS_CAR_T.model_copy(update={"ship_under_quarantine": True})
    assert ship(*product, container=PRODUCT, giver=MAKER, protocols={open_minded.key: open_minded}).verdict == ALLOW
    assert ship(*READY[:-3], container=PRODUCT, giver=MAKER).verdict == ALLOW


def test_what_went_into_a_batch_is_not_its_product() -> None:
    batch = ref("batch", "B-1")
    started = fact("batch.started", batch, "2026-03-08T12:00:00", inputs=[BAG])
    assert ship(submitted(), created(order=ORDER, batch=batch), started).verdict == ALLOW


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        (fact("order.cancelled", ORDER, "2026-03-09T00:00:00"), "I-30"),
        (fact("order.held", ORDER, "2026-03-09T00:00:00"), "I-30"),
        (fact("subject.deceased", PATIENT, "2026-03-09T00:00:00"), "I-9"),
        (fact("consent.withdrawn", ref("consent", "C"), "2026-03-09T00:00:00"), "I-9"),
        (fact("container.destroyed", BAG, "2026-03-09T00:00:00"), "I-2"),
        (
            fact(
                "container.observed",
                BAG,
                "2026-03-09T00:00:00",
                label={"coi": {"system": "x", "value": "CHB000026000012"}},
            ),
            "I-1",
        ),
    ],
)
def test_shipping_is_denied_by(more: Fact, rule: str) -> None:
    verdict = ship(submitted(), created(order=ORDER), more)
    assert verdict.verdict == DENY
    assert rule in rules(verdict)


def test_a_wrong_bag_does_not_stop_the_right_one() -> None:
    wrong = fact(
        "container.observed", BAG_2, "2026-03-09T00:00:00", label={"coi": {"system": "x", "value": "CHB000026000012"}}
    )
    assert ship(submitted(), created(order=ORDER), created(BAG_2, order=ORDER), wrong).verdict == ALLOW


# ---- may-infuse -----------------------------------------------------------------------------------------------


def test_a_released_and_verified_dose_at_the_site_may_be_infused() -> None:
    assert infuse(*READY) == Verdict("may-infuse", ALLOW, ())


@pytest.mark.parametrize("left_out", range(len(READY)))
def test_a_dose_lacks_nothing(left_out: int) -> None:
    """Every fact of the ready dose is needed, except the second side of its handover."""
    missing = READY[left_out]
    rest = [event for event in READY if event is not missing]
    expected = ALLOW if missing["type"] == "custody.transferred" else DENY
    assert infuse(*rest).verdict == expected, missing["type"]


def test_a_dose_elsewhere_cannot_be_infused() -> None:
    assert rules(infuse(*READY, site=COURIER)) == {"I-7"}


def test_who_asks_without_naming_a_site_is_answered_without_one() -> None:
    answer = may_infuse(journey(*READY), [PRODUCT], "", DEFAULT_PROTOCOLS, NOW)
    assert answer.verdict == ALLOW


@pytest.mark.parametrize("people", [[{"actor": "nurse-1"}], [{"actor": "nurse-1"}, {"actor": "nurse-1"}], []])
def test_one_person_is_not_two(people: list[dict[str, str]]) -> None:
    verified = {**READY[-1], "set": {**READY[-1]["set"], "people": people}}
    assert rules(infuse(*READY[:-1], verified)) == {"I-7"}


def test_a_courier_cannot_verify_the_patient() -> None:
    verified = {**READY[-1], "reporter": {"partner": "courier", "role": "courier"}}
    assert rules(infuse(*READY[:-1], verified)) == {"I-7"}


def test_a_verification_of_another_patient_is_none() -> None:
    verified = {**READY[-1], "set": {**READY[-1]["set"], "patient": STRANGER}}
    assert rules(infuse(*READY[:-1], verified)) == {"I-7"}


def test_every_lot_of_a_dose_is_released_and_the_missing_one_is_named() -> None:
    second = dose_ready(PRODUCT_2, LOT_2, ref("disposition", "D-2"))
    both = [*READY, *second]
    assert infuse(*both, containers=(PRODUCT, PRODUCT_2)).verdict == ALLOW
    unreleased = [event for event in both if event["about"] != ref("disposition", "D-2")]
    verdict = infuse(*unreleased, containers=(PRODUCT, PRODUCT_2))
    assert verdict.verdict == DENY
    assert [reason.container for reason in verdict.reasons] == ["urn:test:container|DOSE-2"]


def test_results_of_one_lot_do_not_release_another() -> None:
    second = dose_ready(PRODUCT_2, LOT_2, ref("disposition", "D-2"))
    untested = [event for event in second if not event["type"].startswith("result.")]
    verdict = infuse(*READY, *untested, containers=(PRODUCT, PRODUCT_2))
    assert rules(verdict) == {"I-6"}


@pytest.mark.parametrize("decision", ["quarantined", "rejected", "released-conditional", "revoked"])
def test_only_a_release_releases(decision: str) -> None:
    later = fact("disposition.decided", DECISION, "2026-03-10T11:00:00", by="cdmo", decision=decision)
    verdict = infuse(*READY, later)
    assert verdict.verdict == DENY
    assert decision in verdict.reasons[0].text


def test_a_revocation_needs_not_repeat_what_it_is_about() -> None:
    assert infuse(*READY, fact("disposition.revoked", DECISION, "2026-03-10T11:00:00", by="cdmo")).verdict == DENY


def test_a_courier_releases_nothing() -> None:
    held = [event for event in READY if event["type"] != "disposition.decided"]
    claim = fact(
        "disposition.decided", DECISION, "2026-03-09T15:00:00", by="courier", role="courier", decision="released"
    )
    amended = fact("record.amended", DECISION, "2026-03-09T15:00:00", by="courier", role="courier", decision="released")
    for said in (claim, amended):
        assert infuse(*held, said).verdict == DENY


def test_a_container_that_was_rejected_stays_so_when_its_lot_is_released_later() -> None:
    rejected = fact(
        "disposition.decided",
        ref("disposition", "D-9"),
        "2026-03-09T10:00:00",
        by="cdmo",
        container=PRODUCT,
        decision="rejected",
    )
    assert infuse(*READY, rejected).verdict == DENY


def test_a_release_of_one_container_says_nothing_of_its_neighbour() -> None:
    narrow = [
        {**event, "set": {**event["set"], "container": PRODUCT_2}} if event["type"] == "disposition.decided" else event
        for event in READY
    ]
    assert infuse(*narrow).verdict == DENY


def test_an_exceptional_release_needs_its_evidence() -> None:
    out = result("viability", ref("material", "LOT-1"), "2026-03-09T12:00:00", "out")
    others = [event for event in READY if event["set"].get("criterion") != "viability"]
    assert "I-6" in rules(infuse(*others, out))
    evidence: dict[str, Any] = {n: ref("document", n) for n in ("physician_request", "risk_evaluation", "acceptance")}
    evidence["notifications"] = [{"system": "urn:agency", "value": "N-1"}]
    exceptional = fact(
        "disposition.decided", DECISION, "2026-03-10T11:00:00", by="cdmo", decision="released-exceptionally", **evidence
    )
    assert infuse(*others, out, exceptional).verdict == ALLOW
    bare = fact("disposition.decided", DECISION, "2026-03-10T11:00:00", by="cdmo", decision="released-exceptionally")
    assert infuse(*others, out, bare).verdict == DENY


def test_an_expired_dose_cannot_be_infused() -> None:
    expiring = fact("material.stated", LOT_2, "2026-03-09T08:00:00", by="cdmo", role="cdmo", expires_at={})
    for local, verdict in (("2026-03-09", DENY), ("2026-03-10", ALLOW), ("2026-03", ALLOW), ("2026-02", DENY)):
        dated = {**expiring, "about": ref("material", "LOT-1"), "set": {"expires_at": when(local)}}
        assert infuse(*READY, dated).verdict == verdict, local


def test_nobody_can_tell_while_facts_contradict_each_other() -> None:
    twice = [
        fact("collection.completed", ref("collection", "X"), order=ORDER),
        fact("collection.failed", ref("collection", "X"), order=ORDER),
    ]
    verdict = infuse(*READY, *twice)
    assert verdict.verdict == CANNOT_TELL
    assert rules(verdict) == {"I-14"}


def test_what_the_caller_cannot_settle_is_an_answer_of_nobody_can_tell() -> None:
    reason = Reason("I-40", CANNOT_TELL, "a message is unread", "read it")
    answer = may_infuse(journey(*READY), [PRODUCT], short(SITE), DEFAULT_PROTOCOLS, NOW, [reason])
    assert answer == Verdict("may-infuse", CANNOT_TELL, (reason,))


def test_no_beats_not_knowing() -> None:
    reason = Reason("I-40", CANNOT_TELL, "a message is unread", "read it")
    answer = may_infuse(journey(*READY), [PRODUCT], short(COURIER), DEFAULT_PROTOCOLS, NOW, [reason])
    assert answer.verdict == DENY
    assert {r["verdict"] for r in answer.plain()["reasons"]} == {DENY, CANNOT_TELL}


def test_a_used_container_cannot_be_infused_again() -> None:
    assert "I-7" in rules(infuse(*READY, fact("container.emptied", PRODUCT, "2026-03-10T11:00:00")))
