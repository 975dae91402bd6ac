"""What couriers write alike in rows and in JSON: names of shipments and of parties, words of a code table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from canonical_model.identifiers import SSCC, is_checked
from mappings.codes import CodeTable
from mappings.faults import Unreadable

GLN = "https://id.gs1.org/414"

Name = dict[str, Any]
_SSCC = re.compile(r"(?:\(00\)|00)?([0-9]{18})")
_AWB = re.compile(r"[0-9]{3}-?([0-9]{7})([0-9])")
_GLN = re.compile(r"[0-9]{13}")
_BETWEEN = re.compile(r"[^a-z0-9]+")


def sscc(text: str) -> Name:
    """An SSCC with or without its application identifier 00. Raises Unreadable where its check digit is wrong."""
    found = _SSCC.fullmatch(text)
    if found is None or not is_checked(found[1]):
        raise Unreadable("check-digit", "an SSCC has 18 digits, the last one its check digit; scan it again")
    return {"system": SSCC, "value": found[1]}


def read_shipment(text: str, declared: str | None, other: Callable[[], Name]) -> Name:
    """A shipment's SSCC, air waybill (its last digit is the serial number modulo 7) or a number of the partner's own.

    `declared` is the system that the partner's table names for the field, `other` reads any other name.
    """
    if _SSCC.fullmatch(text) and (declared in {None, SSCC} or text.startswith("(00)")):
        return sscc(text)
    name = other()
    awb = _AWB.fullmatch(text)
    if awb and int(awb[1]) % 7 == int(awb[2]):
        name["type"] = "awb"
    return name


def write_shipment(value: Name, declared: str | None, other: Callable[[], str]) -> str:
    """The text that `read_shipment` reads as this name."""
    if value["system"] == SSCC:
        return f"{'' if declared in {None, SSCC} else '(00)'}{value['value']}"
    return other()


def read_party(text: str, other: Callable[[], Name]) -> Name:
    """A party or place: a GLN, or what `other` reads."""
    return {"system": GLN, "value": text} if _GLN.fullmatch(text) and is_checked(text) else other()


def write_party(value: Name, other: Callable[[], str]) -> str:
    """The text that `read_party` reads as this name."""
    return str(value["value"]) if value["system"] == GLN else other()


def read_word(table: CodeTable, text: str) -> str:
    """The code of a word whatever its case and what stands between its parts. Raises Unreadable as the table does."""
    found = table.forward.get(text)
    parts = _BETWEEN.sub("_", text.casefold()).strip("_")
    for mark in "_ -":
        found = found or table.forward.get(parts.replace("_", mark))
    return found or table.read(parts or text)
