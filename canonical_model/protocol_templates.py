"""Four Protocols as data: autologous, donor-derived, off-the-shelf and in-vivo. A site replaces them by its own.

The numbers come from labels and published practice. They are defaults, no regulatory advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from canonical_model.codes import STAGES
from canonical_model.protocols import (
    Condition,
    Conditioned,
    Criterion,
    PlannedDose,
    Protocol,
    Specification,
    Window,
)
from canonical_model.values import Coding

REFRIGERATED = Condition(
    name="refrigerated",
    low=Decimal(2),
    high=Decimal(8),
    max_outside=timedelta(minutes=30),
    max_total=timedelta(hours=1),
)
CRYO = Condition(name="cryo", high=Decimal(-150))
FROZEN = Condition(name="frozen", high=Decimal(-60), max_outside=timedelta(minutes=15), max_total=timedelta(minutes=30))

_END = ("returning", "at-site", "infusing", "infused", "follow-up", "closed")
_STOCK_STAGES = ("enrolled", "ordered", "scheduled", "allocated", *_END)

EXCEPTIONAL: Mapping[str, tuple[str, ...]] = {
    "": ("physician-request", "risk-evaluation", "acceptance", "notification"),
    "EU": ("physician-request", "risk-evaluation", "acceptance", "notification"),
    "US": ("expanded-access", "ethics", "consent"),
}
"""Region -> evidence of an exceptional release: GMP for ATMP 11.53 and 11.54; in the US only under expanded access.
The empty region counts where the order names none that stands here."""
NOTIFY: Mapping[str, timedelta] = {"EU": timedelta(hours=48)}

_COLLECTION_TO_MANUFACTURE = Window(
    name="collection-to-manufacture",
    start="collection.completed",
    end="batch.started",
    longest=timedelta(hours=72),
    blocks=("may-start",),
)
_THAW_TO_INFUSION = Window(
    name="thaw-to-infusion",
    start="product.thawed",
    end="infusion.started",
    longest=timedelta(minutes=30),
    otherwise=("infusion.not-done",),
    rule="I-8",
    blocks=("may-infuse",),
)
_THAW_TO_END = Window(
    name="thaw-to-end",
    start="product.thawed",
    end="infusion.completed",
    otherwise=("infusion.stopped", "infusion.not-done"),
    longest=timedelta(hours=3),
    rule="I-8",
)

CELLS = Specification(
    id="car-t-release",
    version="1",
    criteria=(
        Criterion(test="viability", low=Decimal(70), unit="%"),
        Criterion(test="sterility", expect="NEG", interim=True, due=timedelta(days=14)),
        Criterion(test="endotoxin", high=Decimal(5), unit="{EU}/mL"),
        Criterion(test="mycoplasma", expect="NEG", phase="post-release"),
        Criterion(test="vector-copy-number", high=Decimal(5), unit="{copies}/{transduced cell}", phase="post-release"),
    ),
)
VECTOR = Specification(
    id="vector-release",
    version="1",
    criteria=(
        Criterion(test="sterility", expect="NEG"),
        Criterion(test="endotoxin", high=Decimal(5), unit="{EU}/mL"),
    ),
)
LYMPHODEPLETION = Conditioned(
    regimen="fludarabine and cyclophosphamide",
    after="released",
    earliest=timedelta(days=2),
    latest=timedelta(days=14),
)
FIFTEEN_YEARS = timedelta(days=15 * 365 + 4)

_CELL_THERAPY: Mapping[str, Any] = {
    "specification": CELLS,
    "conditioning": LYMPHODEPLETION,
    "release_evidence": EXCEPTIONAL,
    "notify_within": NOTIFY,
    "follow_up": FIFTEEN_YEARS,
    "hold_margin": timedelta(hours=24),
}
_MADE_FOR_ONE: Mapping[str, Any] = {
    "stages": tuple(stage for stage in STAGES if stage != "allocated"),
    "conditions": {"refrigerated": REFRIGERATED, "cryo": CRYO},
    "direction_condition": {"collection-outbound": "refrigerated", "to-patient": "cryo"},
    "windows": (_COLLECTION_TO_MANUFACTURE, _THAW_TO_INFUSION, _THAW_TO_END),
}

AUTOLOGOUS_CAR_T = Protocol(
    id="autologous-car-t",
    version="1",
    name="Autologous CAR-T, fresh apheresis, cryopreserved product",
    products=(Coding(code="AXI-CEL"), Coding(code="TISA-CEL"), Coding(code="CAR-T")),
    sourcing="autologous",
    **_MADE_FOR_ONE,
    **_CELL_THERAPY,
)

DONOR_DERIVED = Protocol(
    id="donor-derived-t",
    version="1",
    name="Donor-derived T cells for one patient, cryopreserved product",
    products=(Coding(code="DLI-T"), Coding(code="VST"), Coding(code="DONOR-CAR-T")),
    sourcing="directed-donor",
    donor_test_within=timedelta(days=30),
    **_MADE_FOR_ONE,
    **_CELL_THERAPY,
)

OFF_THE_SHELF = Protocol(
    id="off-the-shelf",
    version="1",
    name="Off-the-shelf allogeneic cells from stock, several doses",
    products=(Coding(code="ALLO-CAR-T"), Coding(code="ALLO-NK")),
    sourcing="stock",
    stages=(*_STOCK_STAGES, "cancelled", "failed"),
    conditions={"cryo": CRYO},
    direction_condition={"to-patient": "cryo"},
    windows=(_THAW_TO_INFUSION, _THAW_TO_END),
    doses=(
        PlannedDose(number=1, day=1, earliest=1, latest=1),
        PlannedDose(number=2, day=10, earliest=8, latest=21),
    ),
    **{**_CELL_THERAPY, "conditioning": LYMPHODEPLETION.model_copy(update={"after": "at-site"})},
)

IN_VIVO_AAV = Protocol(
    id="in-vivo-aav",
    version="1",
    name="In-vivo gene therapy with an AAV vector, kit of vials by body weight",
    products=(Coding(code="AAV9-SMN1"), Coding(code="AAV")),
    sourcing="stock",
    stages=(*_STOCK_STAGES, "cancelled", "failed"),
    conditions={"frozen": FROZEN, "refrigerated": REFRIGERATED},
    direction_condition={"to-patient": "frozen"},
    windows=(
        Window(
            name="thaw-to-infusion",
            start="product.thawed",
            end="infusion.started",
            longest=timedelta(days=14),
            otherwise=("infusion.not-done",),
            rule="I-8",
            blocks=("may-infuse",),
        ),
    ),
    specification=VECTOR,
    max_age={"weight": timedelta(days=14), "titre": timedelta(days=30)},
    release_evidence=EXCEPTIONAL,
    notify_within=NOTIFY,
    follow_up=timedelta(days=5 * 365 + 1),
    hold_margin=timedelta(hours=12),
)

DEFAULT_PROTOCOLS: Mapping[str, Protocol] = {
    protocol.key: protocol for protocol in (AUTOLOGOUS_CAR_T, DONOR_DERIVED, OFF_THE_SHELF, IN_VIVO_AAV)
}
