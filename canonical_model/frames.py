"""Frames: what ONE message asserts of one record. The unit that tables read and write; not yet a fact of the log."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field, TypeAdapter, create_model

from canonical_model.records import FRAME_ONLY, RECORDS
from canonical_model.values import Exchanged, Model

KINDS: dict[str, type[Model]] = {**RECORDS, **FRAME_ONLY}


@cache
def frame_model(kind: str) -> type[Model]:
    """The model of `frame/<kind>`: key, parent, what is set, what is cleared, what was assumed."""
    return create_model(
        f"Frame_{kind}",
        __base__=Exchanged,
        __doc__=f"What one message asserts of one {kind}.",
        kind=(str, Field(pattern=f"^{kind}$", description="kind of the frame")),
        key=(str, Field(min_length=1, description="business key of the frame inside its message")),
        parent=(str | None, Field(default=None, description="key of the frame that this one stands below")),
        set=(KINDS[kind], Field(description="the fields that the message states")),
        clear=(tuple[str, ...], Field(default=(), description="paths that the message empties")),
        assumed=(tuple[str, ...], Field(default=(), description="paths that a default filled; no identity rests here")),
    )


@cache
def frame_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of a frame of this kind."""
    return TypeAdapter(frame_model(kind)).json_schema()


@cache
def set_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of what a frame of this kind may set: what tables are checked against."""
    return TypeAdapter(KINDS[kind]).json_schema()


def set_schemas() -> dict[str, dict[str, Any]]:
    """`set_schema` of every kind."""
    return {kind: set_schema(kind) for kind in KINDS}


def check(frame: dict[str, Any]) -> None:
    """Validates a frame. Raises pydantic.ValidationError with all faults."""
    frame_model(frame["kind"]).model_validate(frame)
