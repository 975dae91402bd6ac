"""A unit that a segment names by its ISBT 128 label (BPX-5 and 6, BTX-2 and 3), where it has no number of its own."""

from __future__ import annotations

from typing import Any

from adapters.hl7v2.codecs import Value
from adapters.hl7v2.tokenizer import Delimiters
from canonical_model import identifiers
from mappings.faults import Unreadable
from mappings.runtime import Codec


def read_labelled(din: str, product: str, named: str, m: Delimiters) -> list[Value] | None:
    """The container by donation number and product code, where the unique identifier is empty.

    A product code with its type of donation and its division (8 characters) names one unit of a split donation; less
    of it names several.
    """
    if m.part(named or "", 1):
        return None
    number, code = m.part(din or "", 1), m.part(product or "", 1).strip().removeprefix("=<")
    if not number or not code:
        return None
    try:
        unit = identifiers.read("isbt-unit", f"{identifiers.read('din', number)['value']}-{code}")
    except identifiers.Misread:
        return None
    return [{"system": unit["system"], "value": unit["value"]}]


def read_unit_named(status: str, din: str, product: str, named: str, m: Delimiters) -> list[Value] | None:  # noqa: ARG001
    """As `read_labelled`; a unit that nothing names is told, because no fact comes of its status."""
    unit = read_labelled(din, product, named, m)
    if unit is None and not m.part(named or "", 1):
        remedy = "name the unit: by its identifier (BPX-17), or by donation number and product code of 8 characters"
        raise Unreadable("required", remedy)
    return unit


def write_nothing(value: Any, m: Delimiters) -> None:
    """The identifier is written in its own field."""


LABEL_CODECS: dict[str, Codec] = {
    "labelled": Codec(read_labelled, write_nothing, raw=True),
    "unit_named": Codec(read_unit_named, write_nothing, raw=True),
}
