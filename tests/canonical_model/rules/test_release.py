"""What a release rests on: for each a journey that breaks the rule, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical_model.journey import Journey
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.protocols import Criterion, Protocol, Specification
from canonical_model.rules import check
from canonical_model.rules.finding import INFUSE
from canonical_model.rules.missing import Missing
from canonical_model.rules.release import EVIDENCE, missing_for_release
from canonical_model.values import MOMENT
from tests.canonical_model.facts import (
    DECISION,
    LOT,
    LOT_2,
    MAKER,
    ORDER,
    PRODUCT,
    Fact,
    checked,
    created,
    dose_ready,
    fact,
    journey,
    ref,
    result,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.test_quality import measured, number

AT = "2026-03-09T12:00:00"
DECIDED = "2026-03-09T15:00:00"
READY = [submitted(), *dose_ready()]
TESTED = [event for event in READY if event["about"] != DECISION]
EARLY = result("sterility", LOT, AT, status="preliminary")
INTERIM = [EARLY if e["set"].get("criterion") == "sterility" else e for e in READY if e["about"] != DECISION]
PROMISED = fact(
    "obligation.recorded",
    ref("obligation", "1"),
    DECIDED,
    by="cdmo",
    material=LOT,
    kind="result",
    criterion="sterility",
    due=when("2026-03-23"),
)
IN_EUROPE = AUTOLOGOUS_CAR_T.model_copy(
    update={
        "id": "european",
        "specification": Specification(
            id="car-t-release",
            version="1",
            regions=("EU", "CH"),
            criteria=AUTOLOGOUS_CAR_T.specification.criteria,  # type: ignore[union-attr]
        ),
    }
)
POST_THAW = AUTOLOGOUS_CAR_T.model_copy(
    update={
        "id": "thawed",
        "specification": Specification(
            id="thawed",
            version="1",
            criteria=(
                Criterion(test="viability", low=Decimal(70), unit="%"),
                Criterion(test="viability", low=Decimal(60), unit="%", phase="post-thaw"),
            ),
        ),
    }
)
LINKS = ("physician_request", "risk_evaluation", "acceptance", "consent")


def released(says: str = "released", at: str = DECIDED, signed_as: str = "", **values: Any) -> Fact:
    said = {"material": LOT, "decision": says, **values}
    return _as_role(fact("disposition.decided", DECISION, at, by="cdmo", **said), signed_as)


def _as_role(told: Fact, role: str) -> Fact:
    """A fact that states a role in its data, which is not the role of who tells it."""
    return {**told, "set": {**told["set"], "role": role}} if role else told


def region(name: str) -> list[Fact]:
    """The ready dose of an order of a region, under the European Protocol."""
    return [submitted(protocol=IN_EUROPE.key, region=name), *READY[1:]]


def exceptionally(*lacking: str, order: dict[str, Any] | None = None, **values: Any) -> list[Fact]:
    """An exceptional release with all evidence that any region asks for, except what is lacking."""
    evidence: dict[str, Any] = {name: ref("document", name) for name in LINKS}
    evidence |= {name: [{"system": "urn:agency", "value": name}] for name in ("notifications",)}
    evidence["ethics"] = {"system": "urn:irb", "value": "1"}
    said = {name: value for name, value in evidence.items() if name not in lacking}
    return [submitted(**(order or {})), released("released-exceptionally", **said, **values)]


def notified(at: str, role: str = "") -> Fact:
    return _as_role(fact("notification.sent", ref("notification", "N"), at, by="qa", order=ORDER), role)


AMERICAN = {"region": "US", "programme": "expanded-access"}
EUROPEAN = {"region": "EU"}
CASES = [
    case(
        "released with an interim result",
        "I-6",
        "oos",
        [*INTERIM, released()],
        [*INTERIM, released("released-conditional"), PROMISED],
        "critical",
    ),
    case(
        "conditionally, and more than an interim result is missing",
        "I-6",
        "oos",
        [*(e for e in INTERIM if e["set"].get("criterion") != "endotoxin"), released("released-conditional"), PROMISED],
        [*INTERIM, released("released-conditional"), PROMISED],
        "critical",
    ),
    case(
        "conditionally, and the criterion accepts no interim result",
        "I-6",
        "oos",
        [
            *(e for e in READY if e["about"] != DECISION and e["set"].get("criterion") != "viability"),
            result("viability", LOT, AT, status="preliminary"),
            released("released-conditional"),
        ],
        [*INTERIM, released("released-conditional"), PROMISED],
    ),
    case(
        "conditionally without a date",
        "I-6",
        "obligation-due",
        [*INTERIM, released("released-conditional")],
        [*INTERIM, released("released-conditional"), PROMISED],
        "major",
    ),
    case(
        "the date is of another lot's result",
        "I-6",
        "obligation-due",
        [*INTERIM, released("released-conditional"), {**PROMISED, "set": {**PROMISED["set"], "material": LOT_2}}],
        [*INTERIM, released("released-conditional"), PROMISED],
    ),
    case(
        "released although the Specification says out",
        "I-6",
        "oos",
        [
            *(e for e in READY if e["set"].get("criterion") != "viability"),
            measured("viability", number("69", "%"), "in"),
        ],
        [
            *(e for e in READY if e["set"].get("criterion") != "viability"),
            measured("viability", number("70", "%"), "in"),
        ],
    ),
    case(
        "released on a number that cannot be compared",
        "I-6",
        "oos",
        [
            *(e for e in READY if e["set"].get("criterion") != "endotoxin"),
            measured("endotoxin", number("1", "{EU}/kg"), "in"),
        ],
        [
            *(e for e in READY if e["set"].get("criterion") != "endotoxin"),
            measured("endotoxin", number("1", "[IU]/mL"), "in"),
        ],
    ),
    case(
        "a result after the thaw is none of the release",
        "I-6",
        "oos",
        [
            submitted(protocol=POST_THAW.key),
            *READY[1:],
            fact("product.thawed", PRODUCT, "2026-03-20T10:00:00"),
            measured("viability", number("65", "%"), at="2026-03-19T10:00:00", by="site-lab"),
        ],
        [
            submitted(protocol=POST_THAW.key),
            *READY[1:],
            fact("product.thawed", PRODUCT, "2026-03-18T10:00:00"),
            measured("viability", number("65", "%"), at="2026-03-19T10:00:00", by="site-lab")
            | {"about": ref("result", "after the thaw")},
        ],
        protocols={POST_THAW.key: POST_THAW},
    ),
    case(
        "a Specification of another region",
        "I-6",
        "oos",
        region("US"),
        region("EU"),
        "critical",
        protocols={IN_EUROPE.key: IN_EUROPE},
    ),
    case(
        "another Specification than the Protocol's",
        "I-6",
        "oos",
        [*TESTED, released(specification="car-t-release@0")],
        [*TESTED, released(specification="car-t-release@1")],
        "minor",
    ),
    case(
        "signed in a role that does not release",
        "I-6",
        "oos",
        [*TESTED, released(signed_as="operator", signer={"actor": "1"})],
        [*TESTED, released(signed_as="Qualified Person", signer={"actor": "1"})],
        "critical",
    ),
    case(
        "a role and nobody who signed",
        "I-6",
        "oos",
        [*TESTED, released(signed_as="qp")],
        [*TESTED, released(signed_as="qp", signer={"actor": "1"})],
        "major",
    ),
    case(
        "exceptionally in the US, not under expanded access",
        "I-28",
        "oos",
        exceptionally(order={"region": "US", "programme": "commercial"}),
        exceptionally("physician_request", "risk_evaluation", "acceptance", "notifications", order=AMERICAN),
        "critical",
    ),
    case(
        "exceptionally in the US without a new consent",
        "I-28",
        "oos",
        exceptionally("consent", order=AMERICAN),
        exceptionally(order=AMERICAN),
    ),
    case(
        "the decision's own region counts before the order's",
        "I-28",
        "oos",
        exceptionally("physician_request", order=AMERICAN, region="EU"),
        exceptionally("physician_request", order=EUROPEAN | {"programme": "expanded-access"}, region="US"),
    ),
    case(
        "nobody told the authority",
        "I-28",
        "oos",
        exceptionally("notifications", order=EUROPEAN),
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-10T15:00:00", role="regulator")],
    ),
    case(
        "the site was told, not the authority",
        "I-28",
        "oos",
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-10T15:00:00", role="infusion-site")],
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-10T15:00:00")],
    ),
    case(
        "the authority was told of something else before",
        "I-28",
        "oos",
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-08T15:00:00")],
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-09T15:00:00")],
    ),
    case(
        "the authority was told too late",
        "I-28",
        "obligation-due",
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-11T15:00:01")],
        [*exceptionally("notifications", order=EUROPEAN), notified("2026-03-11T15:00:00")],
        "major",
    ),
    case(
        "in the US no time is set for telling",
        "I-28",
        "obligation-due",
        exceptionally("notifications", order=EUROPEAN),
        exceptionally("notifications", order=AMERICAN),
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_every_missing_piece_of_evidence_is_named_in_one_finding() -> None:
    (found,) = (f for f in checked(*exceptionally(*LINKS, "notifications", "ethics")).findings if f.kind == "oos")
    assert found.rule == "I-28"
    assert found.blocks == (INFUSE,)
    for name in ("physician-request", "risk-evaluation", "acceptance", "notification"):
        assert name in found.text
    assert "ethics" not in found.text


def test_protocols_ask_only_for_evidence_that_can_be_shown() -> None:
    for protocol in DEFAULT_PROTOCOLS.values():
        for wanted in protocol.release_evidence.values():
            assert set(wanted) <= set(EVIDENCE)


def test_evidence_that_nobody_can_show_is_always_missing() -> None:
    asking = AUTOLOGOUS_CAR_T.model_copy(update={"release_evidence": {"": ("a-letter",)}})
    found = checked(*exceptionally(), protocols={asking.key: asking}).findings
    assert [f.text for f in found if f.rule == "I-28"] == ["exceptional release without: a-letter"]


def test_the_authority_has_its_time_to_the_last_moment() -> None:
    told = exceptionally("notifications", order=EUROPEAN)
    state, deadline = journey(*told), datetime(2026, 3, 11, 15, tzinfo=UTC)
    before = check(state, DEFAULT_PROTOCOLS, deadline - timedelta(hours=1))
    assert before.next_change == deadline + MOMENT
    kinds = [[f.kind for f in check(state, DEFAULT_PROTOCOLS, at).findings] for at in (deadline, deadline + MOMENT)]
    assert [("obligation-due" in found) for found in kinds] == [False, True]


def test_nobody_is_late_by_a_decision_that_is_known_to_the_day() -> None:
    vague = [
        {**e, "occurred": when("2026-03-09")} if e["about"] == DECISION else e for e in exceptionally(order=EUROPEAN)
    ]
    late = [{**e, "set": {k: v for k, v in e["set"].items() if k != "notifications"}} for e in vague]
    assert "obligation-due" not in {f.kind for f in checked(*late).findings}


def test_a_region_that_is_not_known_leaves_the_specification_open() -> None:
    unknown = [submitted(protocol=IN_EUROPE.key), *READY[1:]]
    (found,) = (f for f in checked(*unknown, protocols={IN_EUROPE.key: IN_EUROPE}).findings if f.rule == "I-6")
    assert found.unclear


# ---- what is missing for release --------------------------------------------------------------------------------


def missing(
    *facts: Fact, target: dict[str, Any] | None = LOT, protocol: Protocol | None = AUTOLOGOUS_CAR_T
) -> list[Missing]:
    state: Journey = journey(*facts)
    now = datetime(2026, 3, 10, tzinfo=UTC)
    return missing_for_release(state, protocol, target, now, check(state, DEFAULT_PROTOCOLS, now).findings)


def test_a_tested_lot_lacks_nothing() -> None:
    assert missing(*READY) == []
    assert missing(*READY, target=PRODUCT) == []


@pytest.mark.parametrize("test", ["viability", "sterility", "endotoxin"])
def test_every_criterion_of_release_is_asked_for(test: str) -> None:
    (found,) = missing(*(e for e in READY if e["set"].get("criterion") != test))
    assert (found.what, found.facts) == ("criterion", ())
    assert test in found.text


def test_criteria_after_the_release_are_not_asked_for_before_it() -> None:
    assert not any("mycoplasma" in found.text for found in missing(submitted(), *dose_ready()[:1]))


def test_an_interim_result_leaves_the_final_one_outstanding() -> None:
    (found,) = missing(*INTERIM)
    assert found.what == "interim"
    assert found.facts == (EARLY["id"],)


@pytest.mark.parametrize(
    ("out", "word"),
    [
        (measured("viability", number("69", "%"), "in"), "out of its limits"),
        (measured("viability", number("69", "10*6"), "in"), "not evaluated"),
    ],
)
def test_what_stands_in_the_way_is_said(out: Fact, word: str) -> None:
    rest = [e for e in READY if e["set"].get("criterion") != "viability"]
    found = next(m for m in missing(*rest, out) if m.what == "criterion")
    assert word in found.text
    assert found.facts == (out["id"],)


def test_results_of_another_lot_release_nothing() -> None:
    assert {m.what for m in missing(*READY, target=LOT_2)} == {"criterion"}


def test_an_open_issue_about_the_product_stands_against_its_release() -> None:
    wrong = fact(
        "container.observed", PRODUCT, "2026-03-09T13:00:00", label={"coi": {"system": "x", "value": "CHB000026000012"}}
    )
    (found,) = missing(*READY, wrong)
    assert (found.what, found.kind, found.of) == (
        "issue",
        "identity-mismatch",
        ("container", "urn:test:container|DOSE-1"),
    )


def test_an_open_issue_about_something_else_does_not() -> None:
    other = [created(ref("container", "OTHER"), MAKER, order=ORDER)]
    wrong = fact(
        "container.observed",
        ref("container", "OTHER"),
        "2026-03-09T13:00:00",
        label={"coi": {"system": "x", "value": "CHB000026000012"}},
    )
    assert missing(*READY, *other, wrong) == []


def test_its_own_finding_is_no_reason_of_its_own() -> None:
    """I-6 rests on what is missing; what is missing does not rest on I-6."""
    unfounded = [e for e in READY if e["set"].get("criterion") != "viability"]
    assert [m.what for m in missing(*unfounded)] == ["criterion"]


def test_a_minor_issue_stands_against_nothing() -> None:
    assert missing(*TESTED, released(specification="car-t-release@0")) == []


def test_without_a_specification_nobody_can_tell() -> None:
    for protocol in (None, AUTOLOGOUS_CAR_T.model_copy(update={"specification": None})):
        (found,) = missing(*READY, protocol=protocol)
        assert found.what == "specification"
        assert found.unclear


def test_a_specification_of_another_region_is_missing_one() -> None:
    assert [m.what for m in missing(*region("US"), protocol=IN_EUROPE)] == ["region"]
    assert missing(*region("EU"), protocol=IN_EUROPE) == []
