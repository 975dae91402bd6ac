"""Journeys about which questions are asked: each the facts that make an answer yes. Asserts nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from canonical_model.protocol_templates import OFF_THE_SHELF
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BATCH,
    DECISION,
    DONATION,
    LOT,
    MAKER,
    ORDER,
    OUTBOUND,
    PATIENT,
    PRODUCT,
    SITE,
    Fact,
    created,
    dose_ready,
    fact,
    handed,
    ref,
    result,
    submitted,
    when,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CELLS = ref("material", "CELLS-1")
VIAL = ref("container", "VIAL-1")
CONSENT = fact(
    "consent.recorded",
    ref("consent", "C"),
    "2026-03-02T08:00:00",
    subject=PATIENT,
    scope=["treatment"],
    status="active",
)
STOCK_ORDER = submitted(service={"codings": [{"code": OFF_THE_SHELF.products[0].code}]})


def decided(kind: str, decision: str = "eligible", at: str = "2026-03-02T09:00:00", **more: Any) -> Fact:
    """A decision about an eligibility of the patient."""
    return fact("eligibility.decided", PATIENT, at, eligibility={kind: {"decision": decision, **more}}, ordinal=kind)


# ---- the order, up to its collection --------------------------------------------------------------------------

READY_TO_COLLECT = [submitted(), CONSENT, decided("clinical")]

# ---- collected, received, made --------------------------------------------------------------------------------

COLLECTED = fact("collection.completed", DONATION, "2026-03-08T08:30:00", order=ORDER, by="apheresis")
RECEIVED = fact("material.received", CELLS, "2026-03-09T10:00:00", by="cdmo", role="cdmo")
AT_MAKER = [
    submitted(),
    COLLECTED,
    created(order=ORDER, collection=DONATION, material=CELLS),
    handed(APHERESIS, MAKER, "2026-03-09T09:00:00", APHERESIS),
    handed(APHERESIS, MAKER, "2026-03-09T09:00:00", MAKER),
    RECEIVED,
]
STARTED = fact("batch.started", BATCH, "2026-03-09T12:00:00", by="cdmo", order=ORDER, inputs=[BAG])
BEING_MADE = [submitted(), STARTED]

# ---- on the way -----------------------------------------------------------------------------------------------

ARRIVED = fact("shipment.arrived", OUTBOUND, "2026-03-08T15:00:00", by="courier")
SHIPMENT: dict[str, Any] = {
    "order": ORDER,
    "direction": "collection-outbound",
    "consignee": MAKER,
    "contents": [BAG],
}
ON_ARRIVAL = [
    submitted(),
    created(order=ORDER),
    fact("shipment.departed", OUTBOUND, "2026-03-08T11:00:00", by="courier", **SHIPMENT),
    ARRIVED,
    fact(
        "readings.recorded",
        ref("readings", "1"),
        "2026-03-08T15:00:00",
        by="courier",
        shipment=OUTBOUND,
        quantity="temperature",
        unit="Cel",
        start=when("2026-03-08T11:00:00"),
        points=[{"seconds": str(60 * minute), "value": "5"} for minute in range(0, 241, 20)],
    ),
]

# ---- at the site ----------------------------------------------------------------------------------------------

READY = [submitted(), *dose_ready()]
RELEASE = next(event for event in READY if event["type"] == "disposition.decided")
UNRELEASED = [event for event in READY if event is not RELEASE]
GIVEN = [
    fact("infusion.started", ref("administration", "A"), "2026-03-10T13:00:00", containers=[PRODUCT], site=SITE),
    fact("infusion.completed", ref("administration", "A"), "2026-03-10T13:20:00"),
]
HANDED_OVER = fact("followup.handed-over", ref("follow-up", "F"), "2026-03-12T09:00:00", order=ORDER)
ENDED = [
    *READY,
    *GIVEN,
    fact("container.emptied", PRODUCT, "2026-03-10T14:00:00", by="site"),
    HANDED_OVER,
    fact("order.completed", ORDER, "2026-03-12T10:00:00"),
]
"""An order whose therapy was given and whose follow-up another site took over."""

# ---- stock ----------------------------------------------------------------------------------------------------

IN_DATE = fact(
    "material.stated", LOT, "2026-03-09T08:00:00", by="cdmo", role="cdmo", expires_at=when("2027-03-31"), ordinal="9"
)
VIAL_MADE = created(VIAL, MAKER, "2026-03-09T08:00:00", material=LOT)
IN_STOCK = [
    STOCK_ORDER,
    VIAL_MADE,
    *(result(test, LOT, "2026-03-09T12:00:00") for test in ("viability", "sterility", "endotoxin")),
    fact("disposition.decided", DECISION, "2026-03-09T15:00:00", by="cdmo", material=LOT, decision="released"),
    IN_DATE,
]


def dose(number: int, at: str, end: str) -> list[Fact]:
    """One dose of several, given."""
    name = ref("administration", f"A-{number}")
    return [
        fact("infusion.started", name, at, order=ORDER, dose_number=number),
        fact("infusion.completed", name, end),
    ]


FIT_AGAIN = decided("infusion", at="2026-03-12T09:00:00")
FIRST_DOSE = [STOCK_ORDER, *dose(1, "2026-03-05T09:00:00", "2026-03-05T09:30:00")]
BETWEEN_DOSES = [*FIRST_DOSE, FIT_AGAIN]
DAY_10 = datetime(2026, 3, 14, 12, tzinfo=UTC)
