"""Protocols: what a therapy allows, as versioned data. Defaults a site may replace; never constants in code.

Numbers come from domain design 5 and are no regulatory advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from canonical_model.catalogue import EVENTS
from canonical_model.values import Coding, Flag, Model, Number

DEFAULT_SKEW = timedelta(minutes=10)


class Condition(Model):
    """A named temperature condition: range in degrees Celsius, longest spell and sum outside it, longest gap."""

    name: str = Field(description="name by which shipments and material refer to it")
    low: Number | None = Field(default=None, description="lowest temperature allowed, in degrees Celsius; absent: none")
    high: Number | None = Field(
        default=None, description="highest temperature allowed, in degrees Celsius; absent: none"
    )
    max_outside: timedelta = Field(default=timedelta(), description="longest single spell outside the range")
    max_total: timedelta = Field(default=timedelta(), description="longest time outside the range in all")
    max_gap: timedelta = Field(default=timedelta(minutes=30), description="longest time without a reading")


class Window(Model):
    """The longest elapsed time between two kinds of fact, measured in UTC."""

    name: str = Field(description="name of the window")
    start: str = Field(description="event type that opens the window")
    end: str = Field(description="event type that closes it")
    longest: timedelta = Field(description="longest elapsed time, in UTC")
    blocks: tuple[str, ...] = Field(default=(), description="questions that a closed window answers with no")

    @model_validator(mode="after")
    def _is_between_facts(self) -> Window:
        if unknown := {self.start, self.end} - EVENTS.keys():
            raise ValueError(f"no such event types: {', '.join(sorted(unknown))}")
        return self


class Protocol(Model):
    """A versioned therapy protocol. `id@version` is what an order refers to."""

    id: str = Field(description="name of the Protocol")
    version: str = Field(description="its version")
    name: str = Field(description="title for people")
    products: tuple[Coding, ...] = Field(description="ordered products that it governs")
    sourcing: Literal["autologous", "directed-donor", "stock"] = Field(description="whose cells the product is made of")
    conditions: Mapping[str, Condition] = Field(default={}, description="temperature conditions by name")
    direction_condition: Mapping[str, str] = Field(default={}, description="direction of a shipment -> condition")
    windows: tuple[Window, ...] = Field(default=(), description="longest times between two kinds of fact")
    criteria: tuple[str, ...] = Field(default=(), description="hub test codes that release needs a final result of")
    ship_under_quarantine: Flag = Field(default=False, description="the product may travel before its disposition")
    handoff_within: timedelta | None = Field(
        default=timedelta(hours=24), description="time in which both sides tell of a handover; none: nobody is asked"
    )
    late_after: timedelta = Field(default=timedelta(days=3), description="lateness from which a fact is told as late")
    skew: timedelta = Field(default=DEFAULT_SKEW, description="how far clocks of reporters may stand apart")

    @property
    def key(self) -> str:
        """What an order names it by."""
        return f"{self.id}@{self.version}"

    def is_for(self, coding: Mapping[str, Any]) -> bool:
        """True when an ordered code is one of its products, in the same system where the product names one."""
        return any(coding.get("code") == p.code and p.system in {None, coding.get("system")} for p in self.products)


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
