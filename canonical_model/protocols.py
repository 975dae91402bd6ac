"""Protocols: what a therapy allows, as versioned data. Defaults a site may replace; never constants in code.

Numbers come from domain design 5 and are no regulatory advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from pydantic import Field

from canonical_model.values import Coding, Model, Number


class Condition(Model):
    """A named temperature condition: range in degrees Celsius, longest spell and longest sum outside it, longest gap."""

    name: str
    low: Number | None = None
    high: Number | None = None
    max_outside: timedelta = timedelta()
    max_total: timedelta = timedelta()
    max_gap: timedelta = timedelta(minutes=30)


class Window(Model):
    """The longest elapsed time between two kinds of fact, measured in UTC."""

    name: str
    start: str = Field(description="event type that opens the window")
    end: str = Field(description="event type that closes it")
    longest: timedelta
    blocks: tuple[str, ...] = ()


class Protocol(Model):
    """A versioned therapy protocol. `id@version` is what an order refers to."""

    id: str
    version: str
    name: str
    products: tuple[Coding, ...]
    sourcing: str = Field(description="autologous, directed-donor or stock")
    conditions: Mapping[str, Condition] = {}
    direction_condition: Mapping[str, str] = {}
    windows: tuple[Window, ...] = ()
    criteria: tuple[str, ...] = Field(default=(), description="hub test codes that release needs a final result of")
    late_after: timedelta = timedelta(days=3)
    skew: timedelta = timedelta(minutes=10)

    @property
    def key(self) -> str:
        return f"{self.id}@{self.version}"


AUTOLOGOUS_CAR_T = Protocol(
    id="autologous-car-t",
    version="1",
    name="Autologous CAR-T, fresh apheresis, cryopreserved product",
    products=(Coding(code="AXI-CEL"), Coding(code="TISA-CEL"), Coding(code="CAR-T")),
    sourcing="autologous",
    conditions={
        "refrigerated": Condition(
            name="refrigerated",
            low=Decimal(2),
            high=Decimal(8),
            max_outside=timedelta(minutes=30),
            max_total=timedelta(hours=1),
        ),
        "cryo": Condition(name="cryo", high=Decimal(-150)),
    },
    direction_condition={"collection-outbound": "refrigerated", "to-patient": "cryo"},
    windows=(
        Window(
            name="collection-to-manufacture",
            start="collection.completed",
            end="batch.started",
            longest=timedelta(hours=72),
            blocks=("may-start",),
        ),
        Window(
            name="thaw-to-infusion",
            start="product.thawed",
            end="infusion.started",
            longest=timedelta(minutes=30),
            blocks=("may-infuse",),
        ),
    ),
    criteria=("viability", "sterility", "endotoxin"),
)

DEFAULT_PROTOCOLS: Mapping[str, Protocol] = {AUTOLOGOUS_CAR_T.key: AUTOLOGOUS_CAR_T}
