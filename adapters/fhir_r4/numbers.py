"""FHIR's decimal and the canonical one, with its digits as sent. No units."""

from __future__ import annotations

import re
from typing import Any

from adapters.fhir_r4.context import Document
from adapters.json_text import Num, number
from canonical_model.values import DECIMAL_PATTERN
from mappings.faults import Unreadable

_DECIMALS = re.compile(DECIMAL_PATTERN, re.ASCII)


def read_decimal(value: Any, m: Document) -> str:  # noqa: ARG001
    """A decimal with its digits as sent."""
    if not isinstance(value, Num):
        raise Unreadable("number-unreadable", "write a number, not a text")
    if not _DECIMALS.fullmatch(value):
        raise Unreadable("number-unreadable", "a number has at most 40 digits before and after the point")
    return str(value)


def write_decimal(value: str, m: Document) -> Num:  # noqa: ARG001
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    try:
        return number(sign + (digits.lstrip("0") if digits[1:2].isdigit() else digits))
    except ValueError:
        digits = digits.lstrip("0")
        return number(sign + (digits if digits[:1].isdigit() else f"0{digits}"))
