"""Sensor data of EPCIS events: every report on its own with what it inherits, and the readings that follow from it.

`flatten` and `unflatten` are a pair: sensorElementList with its metadata <-> a list of reports that each say all they
mean (EPCIS 2.0, 7.4.7: what a report does not say itself it takes from the metadata of its element). Where a value
stood is kept beside the event as its layout; the layout is used again only where it gives back the same reports.

`readings_of` is one-way, like `derive`: the readings frames follow from the series of their handling frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from adapters import times
from canonical_model.identifiers import is_shipment
from canonical_model.values import instant_text, parse_instant

Tree = dict[str, Any]
Frame = dict[str, Any]

LIST = "sensorElementList"
INHERITED = (
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
)
_META, _ELEMENT = "sensorMetadata", "sensorElement"
_SUMMARY = ("minimum", "maximum", "mean")
_KNOWN = frozenset({"temperature", "humidity", "tilt", "shock", "battery", "pressure", "light"})


# ---- reports and their metadata -------------------------------------------------------------------------------


def flatten(event: Tree) -> tuple[Tree, list[Tree]]:
    """The event with one entry per report in its sensor list, and the layout that tells where each value stood.

    What is no list of elements with reports stays as it is, with an empty layout.
    """
    elements = event.get(LIST)
    if not isinstance(elements, list) or not elements or not all(_is_plain(element) for element in elements):
        return event, []
    flats: list[Tree] = []
    layout: list[Tree] = []
    for element in elements:
        reports, place = _split(element)
        flats += reports
        layout.append(place)
    if any(key in report for report in _reports(elements) for key in (_META, _ELEMENT)):
        return event, []
    return {**event, LIST: flats}, layout


def _is_plain(element: Any) -> bool:
    if not isinstance(element, dict) or not isinstance(element.get(_META, {}), dict):
        return False
    reports = element.get("sensorReport")
    return isinstance(reports, list) and bool(reports) and all(isinstance(report, dict) for report in reports)


def _reports(elements: Iterable[Tree]) -> Iterable[Tree]:
    return (report for element in elements for report in element["sensorReport"])


def _split(element: Tree) -> tuple[list[Tree], Tree]:
    """One element: its reports with what they inherit; metadata that no report takes stays with the first report."""
    meta: Tree = element.get(_META, {})
    flats = []
    own: list[list[str]] = []
    for report in element["sensorReport"]:
        flats.append({**report, **{key: meta[key] for key in INHERITED if key in meta and key not in report}})
        own.append([key for key in INHERITED if key in report])
    taken = {key for keys in own for key in INHERITED if key in meta and key not in keys}
    left = {key: value for key, value in meta.items() if key not in taken}
    rest = {key: value for key, value in element.items() if key not in {_META, "sensorReport"}}
    if left:
        flats[0][_META] = left
    if rest:
        flats[0][_ELEMENT] = rest
    place: Tree = {"reports": str(len(flats)), "meta": [key for key in meta if key in taken]}
    if any(own):
        place["own"] = own
    if _META in element and not meta:
        place["empty"] = True
    return flats, place


def unflatten(flats: Any, layout: Sequence[Mapping[str, Any]]) -> Any:
    """A sensor list from single reports: as it stood where the layout still fits, or in as few elements as say it."""
    if not isinstance(flats, list) or not flats or not all(isinstance(flat, dict) for flat in flats):
        return flats
    if layout and sum(int(place["reports"]) for place in layout) == len(flats):
        elements = placed(flats, layout)
        if flatten({LIST: elements})[0][LIST] == flats:
            return elements
    return _compact(flats)


def placed(flats: Sequence[Tree], layout: Sequence[Mapping[str, Any]]) -> list[Tree]:
    """The elements of a layout, filled from reports whose number it fits."""
    elements = []
    at = 0
    for place in layout:
        group = flats[at : at + int(place["reports"])]
        at += len(group)
        own = place.get("own", [[] for _ in group])
        meta: Tree = dict(group[0].get(_META, {}))
        for key in place["meta"]:
            holder = next((f for f, keys in zip(group, own, strict=True) if key not in keys and key in f), None)
            if holder is not None:
                meta[key] = holder[key]
        reports = [
            {k: v for k, v in flat.items() if k not in _not_own(place["meta"], keys)}
            for flat, keys in zip(group, own, strict=True)
        ]
        head: Tree = {_META: meta} if meta or place.get("empty") else {}
        elements.append({**head, "sensorReport": reports, **group[0].get(_ELEMENT, {})})
    return elements


def _not_own(inherited: Iterable[str], own: Sequence[str]) -> set[str]:
    return {_META, _ELEMENT, *(key for key in inherited if key not in own)}


def _compact(flats: Sequence[Tree]) -> list[Tree]:
    """Consecutive reports that share device and the like are one element; so is the time where all share it."""
    elements = []
    for _, grouped in groupby(flats, key=lambda flat: _shared(flat, INHERITED[1:])):
        group = list(grouped)
        shared = INHERITED if len({str(flat.get("time")) for flat in group}) == 1 else INHERITED[1:]
        meta = {key: group[0][key] for key in shared if key in group[0]}
        for flat in group:  # metadata that no report took would now be taken by one that it does not belong to
            meta.update({key: value for key, value in flat.get(_META, {}).items() if key not in INHERITED})
        rest = {key: value for flat in group for key, value in flat.get(_ELEMENT, {}).items()}
        reports = [{k: v for k, v in flat.items() if k not in (*shared, _META, _ELEMENT)} for flat in group]
        elements.append({**({_META: meta} if meta else {}), "sensorReport": reports, **rest})
    return elements


def _shared(flat: Tree, keys: Iterable[str]) -> list[Any]:
    return [flat.get(key) for key in keys]


# ---- readings -------------------------------------------------------------------------------------------------


def readings_of(frame: Frame) -> list[Frame]:
    """The readings frames of a handling frame: one per device and channel, columnar, for each thing measured.

    A value without a time was read at the time of the event (7.4.7). A quantity that the model does not know stays
    with the handling frame, unless the device raised an alarm over it.
    """
    handled = frame["set"]
    readings: list[Frame] = []
    if "correction" in handled:  # what was declared wrong is measured no more than it happened
        return readings
    for group in _groups(handled.get("series", ())):
        record = _record(group, handled)
        if record is None:
            continue
        for subject in _subjects(handled):
            key = f"{frame['key']}/readings" + (f"#{len(readings) + 1}" if readings else "")
            readings.append({"kind": "readings", "key": key, "parent": frame["key"], "set": {**record, **subject}})
    return readings


def _groups(series: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Single values of one channel go together; a summary or an alarm stands alone."""
    channels: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    groups: list[list[Mapping[str, Any]]] = []
    for item in series:
        if "exception" in item or "value" not in item or "minimum" in item or "maximum" in item or "mean" in item:
            groups.append([item])
            continue
        device = item.get("device", {})
        names = (device.get("system"), device.get("value"), *(item.get(k) for k in ("quantity", "unit", "channel")))
        found = channels.setdefault(tuple(str(name) for name in names), [])
        if not found:
            groups.append(found)
        found.append(item)
    return groups


def _record(group: Sequence[Mapping[str, Any]], handled: Mapping[str, Any]) -> dict[str, Any] | None:
    first = group[0]
    if first.get("quantity") not in _KNOWN and "exception" not in first:
        return None
    record: dict[str, Any] = {key: first[key] for key in ("channel", "unit", *_SUMMARY) if key in first}
    if first.get("quantity") in _KNOWN:
        record["quantity"] = first["quantity"]
    if first.get("exception") in {"alarm", "error"}:
        record["alarm"] = first["exception"]
    if "device" in first:
        record["device"] = {"kind": "device", "identifiers": [first["device"]]}
    whens = [(item.get("at") or item.get("start") or handled.get("at"), item) for item in group]
    if any(when is None for when, _ in whens):
        return None
    whens.sort(key=lambda pair: parse_instant(pair[0]["at"]))  # type: ignore[index]
    start = first["start"] if len(group) == 1 and "start" in first else whens[0][0]
    record["start"] = start
    record["end"] = first.get("end", whens[-1][0]) if len(group) == 1 else whens[-1][0]
    points = [{"seconds": seconds(start, when), "value": item["value"]} for when, item in whens if "value" in item]
    if points:
        record["points"] = points
    return record


def seconds(start: Any, when: Any) -> str:
    """Seconds from one instant to another, as decimal text."""
    span = parse_instant(when["at"]) - parse_instant(start["at"])
    whole = Decimal(span.days * 86_400 + span.seconds)
    return str(whole + Decimal(span.microseconds) / 1_000_000 if span.microseconds else whole)


def _subjects(handled: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was measured: the shipments, or else the containers, or else the place."""
    containers = list(handled.get("containers", ()))
    shipments = [name for name in containers if is_shipment(name)]
    if handled.get("form") == "aggregation" and "parent" in handled:
        shipments.append(handled["parent"])
    if shipments:
        return [{"shipment": {"kind": "shipment", "identifiers": [name]}} for name in shipments]
    containers += [*handled.get("contents", ()), *handled.get("outputs", ())]
    if containers:
        return [{"container": {"kind": "container", "identifiers": [name]}} for name in containers]
    place = handled.get("read_point") or handled.get("location")
    return [{"location": place} if place else {}]


def series_of(readings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The series of a readings record that has no handling frame of its own: one report per point, or its summary."""
    shared: dict[str, Any] = {key: readings[key] for key in ("quantity", "unit", "channel") if key in readings}
    if "alarm" in readings:
        shared["exception"] = readings["alarm"]
    device = readings.get("device", {})
    if device.get("identifiers"):
        shared["device"] = device["identifiers"][0]
    summary = {key: readings[key] for key in ("start", "end", *_SUMMARY) if key in readings}
    start = readings.get("start")
    series = [{**shared, **summary}] if not readings.get("points") or summary.keys() & set(_SUMMARY) else []
    for point in readings.get("points", ()) if start else ():
        series.append({**shared, "at": _later(start, point["seconds"]), "value": point["value"]})
    return series


def _later(start: Any, offset: str) -> dict[str, Any]:
    shift = Decimal(offset)
    moment = parse_instant(start["at"]) + timedelta(microseconds=int(shift * 1_000_000))
    return times.read_iso(instant_text(moment), "")
