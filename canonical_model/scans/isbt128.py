"""Reads the data structures of an ISBT 128 message into a scan. Knows no other form of scan.

Standard Technical Specification (ST-001), section 2.4.N for data structure [N]; ST-012 for the Single European Code.
"""

from __future__ import annotations

import re

from canonical_model.identifiers import dates, structures
from canonical_model.identifiers.kinds import KINDS
from canonical_model.scans.scan import Element, Reading, Scan, decimal


def read_structures(body: str, into: Reading) -> Scan:
    if body[:4].upper() == "SEC:":
        _named("sec", "".join(body[4:].split()), "character 1", into)
        return into.done("isbt-128")
    expected, counted = 0, 0
    for piece in structures.split(body):
        number = piece.structure.number if piece.structure else ""
        place = f"character {piece.at + 1}" + (f" [{number}]" if number else "")
        if piece.structure is None:
            into.fault("piece-unsupported", place, "no data structure of ISBT 128 begins like this; scan again")
        elif not piece.whole:
            into.fault("value-unreadable", place, "the scan ends inside a data structure; scan the label again")
        elif number == "023" and re.fullmatch(r"[0-9]{5}", piece.content):
            expected, counted = expected + int(piece.content[:2]), counted - 1
        counted += 1
        if piece.structure and piece.whole:
            _structure(piece.structure, piece.content, piece.at + 1, place, into)
    if expected and expected != counted:
        remedy = "the compound message counts another number of data structures than came; scan the label again"
        into.fault("value-unreadable", "[023]", remedy)
    _composed(into)
    return into.done("isbt-128")


_PERSONAL = {"staff": "staff", "birth": "birth-date", "patient": "patient-id"}


def _structure(structure: structures.Structure, content: str, at: int, place: str, into: Reading) -> None:
    role = structure.role
    personal = role in _PERSONAL or (role == "flexible" and content[2:4] == "06")
    into.elements.append(Element(structure.number, "" if personal else content, at, personal))
    if role in KINDS:
        _named(role, content, place, into)
    elif role in _PERSONAL:
        _of_a_person(role, content, place, into)
    elif role in {"expiry", "collected", "produced"}:
        into.date(role, content, place, dates.ordinal)
    elif role == "month":
        into.date("expiry", content, place, dates.calendar)
    elif role == "flexible":
        _flexible(content, place, into)
    elif role == "dimensions":
        _dimensions(content, place, into)
    elif role in _SHAPES and not _SHAPES[role].fullmatch(content):
        into.fault("value-unreadable", place, f"write {structure.title} as ISBT 128 has it; scan the label again")
    elif role == "processor":
        _processor(content, place, into)
    elif role not in {"kept", "compound"}:
        into.attribute(role, content, place)


_SHAPES = {
    "product": re.compile(r"[A-Z0-9]{6}[A-Za-z0-9]{2}"),
    "division": re.compile(r"[A-Z0-9]{6}"),
    "processor": re.compile(r"[A-NP-Z0-9]{5}[A-Z0-9]{6}(?:[A-Z0-9]{5})?"),
    "compound": re.compile(r"[0-9]{5}"),
}


def _named(type_: str, content: str, place: str, into: Reading) -> None:
    found = into.identify(type_, content, place)
    if found and type_ == "din" and content[13:] != "00":
        into.attribute("flags", content[13:], place)
    if found and type_ == "sec" and content[32:] != "00000000":
        into.date("expiry_day", content[32:], place, dates.calendar)
    if found and type_ == "isbt-lot":
        into.attribute("lot", found["value"], place)


def _processor(content: str, place: str, into: Reading) -> None:
    """[033] the processor and its own product code; [034] the product description code besides."""
    into.attribute("processor", content[:5], place)
    into.attribute("processor_product", content[5:11], place)
    if content[11:]:
        into.attribute("product_description", content[11:], place)


def _of_a_person(role: str, content: str, place: str, into: Reading) -> None:
    """[020]; [024] two characters of the place and yyyymmdd; [025] the place, the length, and the number."""
    if role == "staff":
        into.person("staff", content)
    elif role == "patient":
        into.person("patient-id", content[4:].strip(), content[:2])
    else:
        try:
            into.person("birth-date", dates.calendar(content[2:]), content[:2])
        except ValueError:
            into.fault("date-unreadable", place, "the label holds no date of the calendar here; print it again")


_TIMES = {"01": "expiry", "02": "collected", "03": "produced"}


def _flexible(content: str, place: str, into: Reading) -> None:
    """[031]: Z says local (1) or UTC (2), TT what the time is of; UTC is told by a final Z."""
    zone = "Z" if content[0] == "2" else ""
    if content[2:4] in _TIMES:
        into.date(_TIMES[content[2:4]], content[4:], place, lambda text: dates.calendar(text) + zone)
    elif content[2:4] == "06":
        into.person("donor-death", content[4:])


def _dimensions(content: str, place: str, into: Reading) -> None:
    """[029]: per dimension symbol 2, dimension 4, digits 5, places behind the point 1, reserved 2. Its unit is that of
    ICCBBA's table, so it is not told here.
    """
    for start in range(2, len(content) - 13, 14):
        part = content[start : start + 14]
        if re.fullmatch(r"[0-9]{11}[0-5][0-9]{2}", part):
            value = {"of": f"dimension-{part[2:6]}", "symbol": part[:2], "value": decimal(part[6:11], int(part[11]))}
            into.attributes.setdefault("quantities", []).append(value)
        else:
            into.fault("number-unreadable", place, "write dimensions with digits only; scan the label again")


def _composed(into: Reading) -> None:
    """What several structures of one label name together: the unit, and the MPHO unique identifier."""
    if any(fault.code == "places-disagree" for fault in into.faults):
        return
    din = next((i["value"] for i in into.identifiers if i.get("type") == "din"), None)
    product, division = into.attributes.get("product"), into.attributes.get("division")
    description = into.attributes.get("product_description", (product or "")[:5])
    if din and product:
        into.identify("isbt-unit", "-".join([din, product, *([division] if division else [])]), "")
    if din and description and division and "processor" in into.attributes:
        into.identify("mpho", f"{into.attributes['processor']}{description}{din}{division}", "")
