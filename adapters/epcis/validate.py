"""Whether an EPCIS event may be one (EPCIS 2.0, 7; CBV 2.0, 7). Compact rules of our own; no schema file is needed.

A fault of severity `error` says that the event breaks a SHALL of the standard: it is not read, and the hub holds or
rejects it. A `warning` says that it deviates: it is read, and the deviation is kept with it. The texts never quote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adapters.epcis.codecs import bare, is_nil
from adapters.epcis.document import EVENT_TYPES, NULL
from adapters.epcis.examination import URI, Codes, Examination, Tree
from adapters.json_text import Num
from mappings.faults import Fault

_OFFSET = re.compile(r"[+-]((0\d|1[0-3]):[0-5]\d|14:00)", re.ASCII)
_UNIT = re.compile(r"[A-Z0-9]{2,3}", re.ASCII)

_COMMON = (
    *("@context", "type", "eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "certificationInfo"),
    *("errorDeclaration", "bizStep", "disposition", "readPoint", "bizLocation", "bizTransactionList"),
    *("sourceList", "destinationList", "sensorElementList"),
)
_FIELDS: Mapping[str, frozenset[str]] = {
    "ObjectEvent": frozenset((*_COMMON, "action", "epcList", "quantityList", "persistentDisposition", "ilmd")),
    "AggregationEvent": frozenset((*_COMMON, "action", "parentID", "childEPCs", "childQuantityList")),
    "TransactionEvent": frozenset((*_COMMON, "action", "parentID", "epcList", "quantityList")),
    "AssociationEvent": frozenset((*_COMMON, "action", "parentID", "childEPCs", "childQuantityList")),
    "TransformationEvent": frozenset(
        (
            *_COMMON,
            *("inputEPCList", "outputEPCList", "inputQuantityList", "outputQuantityList"),
            *("transformationID", "persistentDisposition", "ilmd"),
        )
    ),
}
_EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_SHARED = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_URIS_OF_REPORT = (*_SHARED, "microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue")
_META = frozenset((*("time", "startTime", "endTime"), *_SHARED))
_NUMBERS = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
_VALUES = (*_NUMBERS, "stringValue", "booleanValue", "hexBinaryValue", "uriValue", "exception")
_TIMES = ("time", "startTime", "endTime")
_REPORT = frozenset((*_VALUES, *_URIS_OF_REPORT, "type", "time", "component", "uom"))
_ELEMENT = frozenset({"sensorMetadata", "sensorReport"})
_CORRECTION = frozenset({"declarationTime", "reason", "correctiveEventIDs"})

EXCLUSIVE: Mapping[str, frozenset[str]] = {
    "receiving": frozenset({"arriving", "accepting"}),
    "shipping": frozenset({"staging_outbound", "loading", "departing"}),
    "consigning": frozenset({"staging_outbound", "loading", "departing", "accepting", "shipping"}),
}
"""Steps that stand for several finer ones (CBV 7.1.3): for one thing either the coarse or the fine is told."""


def event_faults(tree: Any, codes: Codes, place: str, xml: bool = False) -> list[Fault]:
    """All faults of one event in the shape of EPCIS 2.0 JSON. `codes` are the code tables of the format."""
    if not isinstance(tree, dict) or tree == NULL:
        return [Fault("shape", place, "an event is an object", severity="error")]
    kind = tree.get("type")
    if isinstance(kind, str) and kind not in EVENT_TYPES and _is_extension(kind, tree):
        return [Fault("event-unsupported", place, "no table reads this type of event; it is kept for its sender")]
    event = Examination(tree, codes, place, xml)
    if not isinstance(kind, str) or kind not in EVENT_TYPES:
        event.error("event-type", "type", f"write one of: {', '.join(EVENT_TYPES)}")
        return event.faults
    if "#xml" in tree:
        event.error("xml-shape", "", "write the event as the XML schema of EPCIS 2.0 has it")
        return event.faults
    for rule in _RULES:
        rule(event, kind)
    return event.faults


def _is_extension(kind: str, tree: Tree) -> bool:
    """True for a type of event that the standard leaves to its user: a URI, or an element with a namespace."""
    return bool(URI.fullmatch(kind)) or ("#xml" in tree and ":" in kind)


def head_faults(head: Tree, xml: bool) -> list[Fault]:
    """What a document ought to say of itself (9.5) and does not. Its events are read all the same."""
    needed = ["schemaVersion", "creationDate", *(["@context"] if not xml else [])]
    if head.get("type") == "EPCISQueryDocument":
        needed = needed[2:]
    return [Fault("head-incomplete", name, "a document of EPCIS 2.0 says this") for name in needed if name not in head]


def document_faults(events: Iterable[tuple[str, Any]]) -> list[Fault]:
    """Faults between events of one document: a coarse and a fine step for one thing. `events`: place and tree."""
    told: dict[str, list[tuple[str, str]]] = {}
    for place, tree in events:
        step = tree.get("bizStep") if isinstance(tree, dict) else None
        if not isinstance(step, str) or "errorDeclaration" in tree:
            continue
        names = [tree.get("parentID"), *(tree["epcList"] if isinstance(tree.get("epcList"), list) else [])]
        for name in {name for name in names if isinstance(name, str)}:
            told.setdefault(name, []).append((bare("biz_step", step), place))
    found = {}
    for steps in told.values():
        words = {step for step, _ in steps}
        for step, place in steps:
            if EXCLUSIVE.get(step, frozenset()) & words:
                remedy = f"{step} is never told beside {', '.join(sorted(EXCLUSIVE[step] & words))} for one thing"
                found[place] = Fault("step-exclusive", f"{place}.bizStep", remedy)
    return list(found.values())


# ---- rules ----------------------------------------------------------------------------------------------------


def _fields(event: Examination, kind: str) -> None:
    """Fields that this type of event has (7.4.2 to 7.4.6); extensions have a prefix."""
    for name in event.tree:
        if name in _FIELDS[kind] or name == "action" or ":" in name or (event.xml and _is_xml(name)):
            continue
        if name == "persistentDisposition" and event.xml:
            event.warn("field-misplaced", name, "only an ObjectEvent or TransformationEvent has this field")
        elif any(name in fields for fields in _FIELDS.values()):
            event.error("field-misplaced", name, f"an event of type {kind} has no such field")
        else:
            event.error("field-unknown", "", "a field without a prefix is no field of EPCIS 2.0; give it a namespace")


def _known(event: Examination, at: str, holder: Tree, names: frozenset[str]) -> None:
    """Fields of an inner object: its own, and extensions with a prefix."""
    for name in holder:
        if name not in names and ":" not in name and not (event.xml and _is_xml(name)):
            event.error("field-unknown", at, "a field without a prefix is no field of EPCIS 2.0; give it a namespace")


def _is_xml(name: str) -> bool:
    """True for an attribute, and for the places that the XML schema keeps for extensions."""
    return name.startswith("@") or name in {"extension", "baseExtension"}


def _times(event: Examination, kind: str) -> None:  # noqa: ARG001 - a rule's shape
    for name in ("eventTime", "recordTime"):
        if name in event.tree or name == "eventTime":
            event.stamp(name, event.tree.get(name))
    offset = event.tree.get("eventTimeZoneOffset")
    if not isinstance(offset, str) or not _OFFSET.fullmatch(offset):
        event.error("time-unreadable", "eventTimeZoneOffset", "write the offset in force where it happened as +hh:mm")


def _action(event: Examination, kind: str) -> None:
    action = event.tree.get("action")
    if kind == "TransformationEvent":
        if action is not None:
            event.error("field-misplaced", "action", "a TransformationEvent has no action")
    elif action not in ("ADD", "OBSERVE", "DELETE"):
        event.error("action-unknown", "action", "write ADD, OBSERVE or DELETE")


def _terms(event: Examination, kind: str) -> None:  # noqa: ARG001
    event.term("biz_step", "bizStep", event.tree.get("bizStep"))
    event.term("disposition", "disposition", event.tree.get("disposition"))


def _what(event: Examination, kind: str) -> None:
    """The things that the event is about (7.4.2 to 7.4.6)."""
    for name in _EPC_LISTS:
        names = event.listed(name)
        event.uris(name, names)
        if len({str(item) for item in names}) < len(names):
            event.warn("epc-twice", name, "one thing is named twice")
    for name in _QUANTITY_LISTS:
        for count, item in enumerate(event.listed(name), 1):
            _quantity(event, f"{name}[{count}]", item)
    for name in ("parentID", "transformationID", "eventID"):
        if name in event.tree:
            event.uri(name, event.tree[name])
    _WHAT[kind](event)


def _object(event: Examination) -> None:
    if event.tree.get("epcList") or event.tree.get("quantityList"):
        return
    sensed = bool(event.tree.get("sensorElementList"))
    if "epcList" in event.tree and not sensed:
        event.warn("what-missing", "epcList", "the event is about nothing: name what was handled")
    elif "epcList" not in event.tree and not (sensed and "readPoint" in event.tree):
        event.error("what-missing", "", "give epcList or quantityList, or sensorElementList with readPoint")


def _children(event: Examination) -> None:
    action = event.tree.get("action")
    if action != "DELETE" and not event.tree.get("childEPCs") and not event.tree.get("childQuantityList"):
        event.error("what-missing", "childEPCs", "give childEPCs or childQuantityList")
    if "parentID" not in event.tree and (action != "OBSERVE" or event.tree.get("type") == "AssociationEvent"):
        event.error("parent-missing", "parentID", "name the parent of the children")


def _transaction(event: Examination) -> None:
    if not event.tree.get("bizTransactionList"):
        event.error("what-missing", "bizTransactionList", "a TransactionEvent names its business transaction")
    some = event.tree.get("epcList") is not None or event.tree.get("quantityList")
    if event.tree.get("action") != "DELETE" and not some:
        event.error("what-missing", "epcList", "give epcList or quantityList")


def _transformation(event: Examination) -> None:
    inputs = event.tree.get("inputEPCList") or event.tree.get("inputQuantityList")
    outputs = event.tree.get("outputEPCList") or event.tree.get("outputQuantityList")
    if not (inputs and outputs) and not ((inputs or outputs) and "transformationID" in event.tree):
        event.error("what-missing", "", "give inputs and outputs, or one of them with transformationID")


_WHAT: Mapping[str, Callable[[Examination], None]] = {
    "ObjectEvent": _object,
    "AggregationEvent": _children,
    "AssociationEvent": _children,
    "TransactionEvent": _transaction,
    "TransformationEvent": _transformation,
}


def _quantity(event: Examination, at: str, item: Any) -> None:
    """7.4.2 QuantityElement: a class, and then an amount with or without a unit."""
    if not isinstance(item, dict):
        event.error("shape", at, "an object is expected here")
        return
    event.uri(f"{at}.epcClass", item.get("epcClass"))
    if "quantity" in item and not isinstance(item["quantity"], Num) and not (event.xml and is_nil(item["quantity"])):
        event.error("number-unreadable", f"{at}.quantity", "write a number, not a text")
    unit = item.get("uom")
    if unit is not None and not (isinstance(unit, str) and _UNIT.fullmatch(unit)):
        event.error("unit-unknown", f"{at}.uom", "write the two or three characters of UN/CEFACT Recommendation 20")
    if item.keys() - {"epcClass", "quantity", "uom"}:
        event.error("field-unknown", at, "a quantity element has epcClass, quantity and uom only")


def _where(event: Examination, kind: str) -> None:  # noqa: ARG001
    for name in ("readPoint", "bizLocation"):
        if name not in event.tree:
            continue
        place = event.tree[name]
        if not isinstance(place, dict):
            event.error("shape", name, "write {id: URI}")
        else:
            event.uri(f"{name}.id", place.get("id"))


def _lists(event: Examination, kind: str) -> None:  # noqa: ARG001
    """Business transactions, sources and destinations (7.4.5, 7.4.6)."""
    for name, key, table in (
        ("bizTransactionList", "bizTransaction", "transaction_type"),
        ("sourceList", "source", "side_type"),
        ("destinationList", "destination", "side_type"),
    ):
        for count, item in enumerate(event.listed(name), 1):
            at = f"{name}[{count}]"
            if not isinstance(item, dict):
                event.error("shape", at, "an object is expected here")
                continue
            event.uri(f"{at}.{key}", item.get(key))
            if table == "side_type" and "type" not in item:
                event.error("shape", at, "a source or destination has a type")
            event.term(table, f"{at}.type", item.get("type"))
            if item.keys() - {"type", key}:
                event.error("field-unknown", at, f"an item of {name} has type and {key} only")


def _persistent(event: Examination, kind: str) -> None:  # noqa: ARG001
    value = event.tree.get("persistentDisposition")
    if value is None:
        return
    if not isinstance(value, dict) or value.keys() - {"set", "unset"} or not (value.get("set") or value.get("unset")):
        event.error("shape", "persistentDisposition", "write {set: […], unset: […]}, one of them at least")
        return
    for name in ("set", "unset"):
        items = value.get(name, [])
        if not isinstance(items, list):
            event.error("shape", f"persistentDisposition.{name}", "a list is expected here")
            continue
        for item in items:
            event.term("disposition", f"persistentDisposition.{name}", item)
        if "completeness_inferred" in items and event.tree.get("action") != "OBSERVE" and name == "set":
            event.warn("disposition-misplaced", "persistentDisposition", "completeness_inferred goes with OBSERVE")


def _master_data(event: Examination, kind: str) -> None:
    """ilmd: of what is commissioned or made, under a namespace (7.3.6)."""
    data = event.tree.get("ilmd")
    if data is None:
        return
    if kind == "ObjectEvent" and event.tree.get("action") != "ADD":
        event.error("ilmd-misplaced", "ilmd", "master data goes with action ADD")
    if not isinstance(data, dict):
        event.error("shape", "ilmd", "an object is expected here")
        return
    if any(":" not in name and not (event.xml and _is_xml(name)) for name in data):
        event.error("ilmd-namespace", "ilmd", "give every attribute a prefix, such as cbvmda:lotNumber")


def _certificates(event: Examination, kind: str) -> None:  # noqa: ARG001
    value = event.tree.get("certificationInfo")
    if value is not None:
        event.uris("certificationInfo", value if isinstance(value, list) else [value])


def _correction(event: Examination, kind: str) -> None:  # noqa: ARG001
    """errorDeclaration (7.4.1); a thing that did not occur has no corrective event (CBV 7.5)."""
    value = event.tree.get("errorDeclaration")
    if value is None:
        return
    if not isinstance(value, dict):
        event.error("shape", "errorDeclaration", "an object is expected here")
        return
    _known(event, "errorDeclaration", value, _CORRECTION)
    event.stamp("errorDeclaration.declarationTime", value.get("declarationTime"))
    reason = value.get("reason")
    event.term("error_reason", "errorDeclaration.reason", reason)
    ids = value.get("correctiveEventIDs", [])
    if not isinstance(ids, list):
        event.error("shape", "errorDeclaration.correctiveEventIDs", "a list is expected here")
        return
    event.uris("errorDeclaration.correctiveEventIDs", ids)
    if ids and isinstance(reason, str) and bare("error_reason", reason) == "did_not_occur":
        event.error("correction-contradicts", "errorDeclaration", "what did_not_occur has no corrective event")


def _sensors(event: Examination, kind: str) -> None:  # noqa: ARG001
    """Sensor elements (7.4.7): reports with a type, and values of the type that each field has."""
    for count, element in enumerate(event.listed("sensorElementList"), 1):
        at = f"sensorElementList[{count}]"
        reports = element.get("sensorReport") if isinstance(element, dict) else None
        if not isinstance(reports, list) or not reports:
            event.error("shape", at, "a sensor element has at least one sensorReport")
            continue
        meta = element.get("sensorMetadata", {})
        if not isinstance(meta, dict):
            event.error("shape", f"{at}.sensorMetadata", "an object is expected here")
            meta = {}
        _known(event, at, element, _ELEMENT)
        _known(event, f"{at}.sensorMetadata", meta, _META)
        _measured(event, f"{at}.sensorMetadata", meta)
        for number, report in enumerate(reports, 1):
            _report(event, f"{at}.sensorReport[{number}]", report)


def _report(event: Examination, at: str, report: Any) -> None:
    if not isinstance(report, dict):
        event.error("shape", at, "an object is expected here")
        return
    _known(event, at, report, _REPORT)
    if "type" not in report and not event.xml:
        event.error("shape", at, "a sensor report has a type")
    event.term("measurement", f"{at}.type", report.get("type"))
    event.term("alert", f"{at}.exception", report.get("exception"))
    event.term("component", f"{at}.component", report.get("component"))
    _measured(event, at, report)
    for name in _NUMBERS:
        if name in report and not isinstance(report[name], Num):
            event.error("number-unreadable", f"{at}.{name}", "write a number, not a text")
    if "booleanValue" in report and not isinstance(report["booleanValue"], bool):
        event.error("shape", f"{at}.booleanValue", "write true or false")
    if not any(name in report for name in _VALUES):
        event.warn("value-missing", at, "the report says nothing: give a value or an exception")
    low, high = _number(report.get("minValue")), _number(report.get("maxValue"))
    if low is not None and high is not None and low > high:
        event.warn("values-contradict", at, "the minimum is above the maximum")


def _measured(event: Examination, at: str, holder: Tree) -> None:
    for name in _TIMES:
        if name in holder:
            event.stamp(f"{at}.{name}", holder[name])
    for name in _URIS_OF_REPORT:
        if name in holder:
            event.uri(f"{at}.{name}", holder[name])


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, Num) else None


_RULES = (
    *(_fields, _times, _action, _terms, _what, _where, _lists),
    *(_persistent, _master_data, _certificates, _correction, _sensors),
)
