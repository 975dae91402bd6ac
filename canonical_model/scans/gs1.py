"""Reads GS1 elements, whichever way they were split, and URIs into a scan. Knows no ISBT 128.

GS1 General Specifications, section 3 (application identifiers); GS1 Digital Link; EPC Tag Data Standard, section 6.
"""

from __future__ import annotations

import re

from canonical_model.identifiers import dates, elements, gs1
from canonical_model.identifiers.checks import is_checked
from canonical_model.identifiers.gs1 import GS1
from canonical_model.identifiers.kinds import BY_SYSTEM, Misread, read
from canonical_model.scans.scan import Element, Form, Reading, Scan, decimal, nothing

_KEYS = {"00": "sscc", "01": "gtin", "414": "gln", "8004": "giai"}
_PLACES = {
    "410": "ship_to",
    "411": "bill_to",
    "412": "purchased_from",
    "413": "ship_for",
    "415": "pay_to",
    "416": "made_at",
    "417": "party",
}
_TEXTS = {
    "10": "lot",
    "21": "serial",
    "22": "variant",
    "30": "count",
    "37": "content_count",
    "240": "additional_id",
    "241": "customer_part",
    "250": "secondary_serial",
    "400": "order_number",
    "401": "consignment_number",
    "402": "shipment_number",
    "403": "route",
    "7240": "protocol",
}
_DATES = {
    "11": "produced",
    "13": "packed",
    "15": "best_before",
    "16": "sell_by",
    "17": "expiry",
    "7003": "expiry",
    "7006": "first_frozen",
    "8008": "produced",
}
_PEOPLE = {
    "8017": "provider",
    "8018": "recipient",
    "7250": "birth-date",
    **{str(ai): "person" for ai in range(7251, 7260)},
    **{str(ai): "contact" for ai in range(4300, 4320)},
}
_MEASURES = {
    "310": ("net-weight", "kg"),
    "311": ("length", "m"),
    "312": ("width", "m"),
    "313": ("height", "m"),
    "314": ("area", "m2"),
    "315": ("net-volume", "L"),
    "316": ("net-volume", "m3"),
    "320": ("net-weight", "[lb_av]"),
    "330": ("gross-weight", "kg"),
    "331": ("gross-length", "m"),
    "332": ("gross-width", "m"),
    "333": ("gross-height", "m"),
    "335": ("gross-volume", "L"),
    "336": ("gross-volume", "m3"),
    "340": ("gross-weight", "[lb_av]"),
}
"""First three digits -> what is measured and its unit in UCUM; the fourth counts the places behind the point."""
_TEMPERATURES = {
    "4330": ("max-temperature", "[degF]"),
    "4331": ("max-temperature", "Cel"),
    "4332": ("min-temperature", "[degF]"),
    "4333": ("min-temperature", "Cel"),
}


def read_elements(fields: list[elements.Field], into: Reading, form: Form = "gs1") -> Scan:
    for found in fields:
        place = f"character {found.at + 1} ({found.ai})" if found.at >= 0 else f"({found.ai})"
        if found.application is None:
            remedy = "no application identifier of GS1 begins like this; scan the label again"
            into.fault("piece-unsupported", f"character {found.at + 1}" if found.at >= 0 else place, remedy)
        elif not found.application.shape.fullmatch(found.value):
            into.fault("value-unreadable", place, "the value has another length or other characters; scan again")
        else:
            personal = found.ai in _PEOPLE
            into.elements.append(Element(found.ai, "" if personal else found.value, found.at + 1, personal))
            _element(found.ai, found.value, place, into)
    _keyed(into)
    return into.done(form)


def _element(ai: str, value: str, place: str, into: Reading) -> None:
    if ai in _KEYS:
        into.identify(_KEYS[ai], value, place)
    elif ai in _PEOPLE:
        _person(_PEOPLE[ai], value, place, into)
    elif ai in _TEXTS:
        into.attribute(_TEXTS[ai], value, place)
    elif ai in _DATES:
        into.date(_DATES[ai], value, place, lambda text: _stamp(text, into.year))
    elif ai in _PLACES or ai == "02":
        _other(ai, value, place, into)
    elif ai in {"253", "8003"}:
        _serialised(ai, value, place, into)
    elif ai == "254":
        into.attribute("extension", value, place)
    elif ai[:3] in _MEASURES:
        of, unit = _MEASURES[ai[:3]]
        quantity = {"of": of, "value": decimal(value, int(ai[3])), "unit": unit}
        into.attributes.setdefault("quantities", []).append(quantity)
    elif ai in _TEMPERATURES and re.fullmatch(r"[0-9]{6}-?", value):
        of, unit = _TEMPERATURES[ai]
        quantity = {"of": of, "value": f"{value[6:]}{decimal(value[:6], 2)}", "unit": unit}
        into.attributes.setdefault("quantities", []).append(quantity)


def _person(kind: str, value: str, place: str, into: Reading) -> None:
    if kind == "birth-date":
        try:
            value = dates.calendar(value)
        except ValueError:
            into.fault("date-unreadable", place, "the label holds no date of the calendar here; print it again")
            return
    into.person(kind, value)


def _stamp(text: str, year: int | None) -> str:
    """A date of GS1, or a date with hours, and minutes and seconds where they are told (8008)."""
    if len(text) == 8:
        return dates.short(f"{text}00", year)[:13]
    if len(text) == 12 and text[10:] < "60":
        return f"{dates.short(text[:10], year)}:{text[10:]}"
    return dates.short(text, year)


def _other(ai: str, value: str, place: str, into: Reading) -> None:
    """The key of something else than what carries the label: where it goes, what is inside."""
    try:
        into.attribute(_PLACES.get(ai, "content"), read("gtin" if ai == "02" else "gln", value), place)
    except Misread as wrong:
        into.fault(wrong.code, place, wrong.remedy)


def _serialised(ai: str, value: str, place: str, into: Reading) -> None:
    """A GRAI or GDTI: with a serial number it names one thing, without it all things of the type."""
    start, end = (1, 14) if ai == "8003" else (0, 13)
    type_ = "grai" if ai == "8003" else "gdti"
    if not is_checked(value[start:end]) or (ai == "8003" and value[0] != "0"):
        into.fault("check-digit", place, "the GS1 key does not end in its check digit; scan it again")
    else:
        found = {"system": f"{GS1}{ai}", "value": value, "type": type_}
        (into.identifiers if value[end:] else into.classes).append(found)


def _keyed(into: Reading) -> None:
    """Keys with what qualifies them: GTIN and serial or lot, GLN and extension."""
    held = {i["type"]: i["value"] for i in (*into.identifiers, *into.classes) if "type" in i}
    serial, lot, extension = (into.attributes.get(name) for name in ("serial", "lot", "extension"))
    if any(fault.code == "places-disagree" for fault in into.faults):
        return
    if "party" in into.attributes and "gln" not in held:
        into.add(into.attributes["party"], "(417)")
    if "gtin" in held and serial:
        into.identify("sgtin", f"{held['gtin']}.{serial}", "(21)")
    if "gtin" in held and lot:
        into.identify("gtin-lot", f"{held['gtin']}.{lot}", "(10)")
    if "gln" in held and extension:
        into.identify("gln-extension", f"{held['gln']}.{extension}", "(254)")
        into.identifiers = [i for i in into.identifiers if i.get("type") != "gln"]


# ---- URIs -----------------------------------------------------------------------------------------------------


def read_uri(uri: str, into: Reading) -> Scan:
    pairs = gs1.link_elements(uri)
    if pairs:
        table = elements.applications()
        padded = [(ai, value.zfill(14) if ai == "01" and len(value) in {8, 12, 13} else value) for ai, value in pairs]
        return read_elements([elements.Field(table.get(ai), ai, v, -1) for ai, v in padded], into, "digital-link")
    try:
        found = gs1.from_uri(uri)
    except ValueError:
        return nothing("identifier-unreadable", "a URI has no white space in it; scan the label again")
    if found["system"] in {f"{GS1}8017", f"{GS1}8018"}:
        into.person(_PEOPLE[found["system"].removeprefix(GS1)], found["value"])
        return into.done("epc")
    kind = BY_SYSTEM.get(found["system"])
    if kind:
        into.identify(kind.type, found["value"], "")
        return into.done("epc")
    into.add(found, "")
    return into.done("epc" if uri[:8].lower() == "urn:epc:" else "uri")
