"""The shape of EPCIS 2.0 XML: what each element is in the tree of EPCIS 2.0 JSON, and in which order it stands.

Data of the XML schema (EPCglobal-epcis-2_0.xsd and EPCglobal-epcis-query-2_0.xsd), and the names of a document. Reads
and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from adapters.epcis.document import EVENT_TYPES, OURS

NAMESPACES = {"EPCISDocument": "urn:epcglobal:epcis:xsd:2", "EPCISQueryDocument": "urn:epcglobal:epcis-query:xsd:2"}
ROOT_PREFIX = {"EPCISDocument": "epcis", "EPCISQueryDocument": "epcisq"}
OLD = frozenset({"urn:epcglobal:epcis:xsd:1", "urn:epcglobal:epcis-query:xsd:1"})
_XML = "http://www.w3.org/XML/1998/namespace"
WRITTEN = {
    "cgt": OURS["cgt"],
    "cbvmda": OURS["cbvmda"],
    "cbv": "https://ref.gs1.org/cbv/",
    "gs1": "https://gs1.org/voc/",
}

ITEMS = {
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), "epc"),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), "quantityElement"
    ),
    "bizTransactionList": "bizTransaction",
    "sourceList": "source",
    "destinationList": "destination",
    "sensorElementList": "sensorElement",
    "correctiveEventIDs": "correctiveEventID",
}
"""Lists, and the element that each item is."""
OBJECTS = frozenset(
    {*EVENT_TYPES, "readPoint", "bizLocation", "quantityElement", "sensorElement", "persistentDisposition", "ilmd"}
    | {"errorDeclaration"}
)
TYPED = frozenset({"bizTransaction", "source", "destination"})
"""Elements with a type as attribute and the name as text."""
ATTRIBUTED = frozenset({"sensorMetadata", "sensorReport"})
REPEATED = frozenset({"sensorReport", "set", "unset"})
"""Elements that may repeat inside their parent: always a list in the tree."""
NUMBERS = frozenset({"quantity", "value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"})
TEXTS = frozenset(
    {
        *("eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "certificationInfo", "action", "bizStep"),
        *("disposition", "parentID", "transformationID", "id", "epcClass", "quantity", "uom", "declarationTime"),
        *("reason", "epc", "correctiveEventID", "set", "unset", "queryName", "subscriptionID"),
    }
)
ATTRIBUTES = frozenset({"type", "schemaVersion", "creationDate"})
"""What a document says of itself in its name and its attributes."""
WRAPPERS = {"EPCISBody": "epcisBody", "QueryResults": "queryResults", "resultsBody": "resultsBody"}
ENVELOPE = {
    name: rank
    for rank, name in enumerate(
        ("epcisHeader", "epcisBody", "queryName", "subscriptionID", "queryResults", "resultsBody", "eventList")
    )
}
"""Order of what holds the events, in the XML schema; extensions follow."""
RESULTS = f"{{{NAMESPACES['EPCISQueryDocument']}}}QueryResults"
KEYS = {**WRAPPERS, "EPCISHeader": "epcisHeader", "EventList": "eventList"}
"""Elements that hold the events, and the header: their keys in the tree."""
INSIDE = {
    "document": ("EPCISHeader", "EPCISBody"),
    "EPCISBody": ("QueryResults", "EventList"),
    "QueryResults": ("resultsBody",),
    RESULTS: ("resultsBody",),
    "resultsBody": ("EventList",),
}
"""Where each of them stands."""

_BASE = ("eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "errorDeclaration", "certificationInfo")
_WHY = ("action", "bizStep", "disposition", "readPoint", "bizLocation")
_ORDERS: Mapping[str, Sequence[str]] = {
    "ObjectEvent": ("epcList", *_WHY, "bizTransactionList", "quantityList"),
    "AggregationEvent": ("parentID", "childEPCs", *_WHY, "bizTransactionList", "childQuantityList"),
    "AssociationEvent": ("parentID", "childEPCs", "childQuantityList", *_WHY, "bizTransactionList"),
    "TransactionEvent": ("bizTransactionList", "parentID", "epcList", *_WHY, "quantityList"),
    "TransformationEvent": (
        *("inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "transformationID"),
        *(*_WHY, "bizTransactionList"),
    ),
}
_TAIL = ("sourceList", "destinationList", "sensorElementList", "persistentDisposition", "ilmd")
_INNER = (
    *("id", "epcClass", "quantity", "uom", "declarationTime", "reason", "correctiveEventIDs"),
    *("sensorMetadata", "sensorReport", "unset", "set"),
)


def _ranks(names: Iterable[str]) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(names)}


ORDERS = {kind: _ranks((*_BASE, *names, *_TAIL)) for kind, names in _ORDERS.items()}
"""Order of an event's children in the XML schema (EPCglobal-epcis-2_0.xsd)."""
INNER_ORDER = _ranks(_INNER)


@dataclass(slots=True)
class Names:
    """Namespaces of a document and the one prefix of each; `plain` when its QueryResults stand in no namespace."""

    prefixes: dict[str, str] = field(default_factory=dict)
    plain: bool = False

    def bind(self, element: etree._Element) -> None:
        """Takes the prefixes that an element and those inside it declare."""
        for _, (prefix, uri) in etree.iterwalk(element, events=("start-ns",)):
            self.prefix(uri, prefix or "ns")

    def prefix(self, uri: str, wanted: str = "ns") -> str:
        """The prefix of a namespace; the first one met, numbered where another namespace has it already."""
        if uri not in self.prefixes:
            taken = set(self.prefixes.values())
            count, name = 1, wanted
            while name in taken:
                count, name = count + 1, f"{wanted}_{count + 1}"
            self.prefixes[uri] = name
        return self.prefixes[uri]

    def key(self, tag: str) -> str:
        """`{uri}local` as `prefix:local`."""
        name = etree.QName(tag)
        if not name.namespace:
            return name.localname
        if name.namespace == _XML:
            return f"xml:{name.localname}"
        return f"{self.prefix(name.namespace)}:{name.localname}"

    def tag(self, key: str) -> str:
        """The inverse of `key`. Raises ValueError for a prefix that is bound to nothing."""
        prefix, colon, local = key.partition(":")
        if not colon:
            return key
        if prefix == "xml":
            return f"{{{_XML}}}{local}"
        uri = next((uri for uri, known in self.prefixes.items() if known == prefix), None)
        if uri is None:
            raise ValueError("a prefix is bound to no namespace")
        return f"{{{uri}}}{local}"
