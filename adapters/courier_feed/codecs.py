"""Codecs of couriers' JSON feeds: pairs of functions for what a field says. Each pair is tested both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters import logistics, times
from canonical_model.identifiers import SSCC, UNASSIGNED, from_uri, miscounted, to_uri
from canonical_model.ids import COI_SYSTEM
from canonical_model.values import instant_text
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec, Context

Value = dict[str, Any]

_URI = re.compile(r"(?:https?://|urn:)\S+", re.IGNORECASE)
_EPOCH = re.compile(r"[0-9]{10}(?:[0-9]{3})?")
_LOCAL = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s*(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


@dataclass(slots=True)
class FeedContext(Context):
    """The context of a feed: whose numbers its fields hold."""

    systems: Mapping[str, str] = field(default_factory=dict)

    def text(self, value: Any) -> str:
        """A text leaf; a number is its digits. Raises Unreadable for anything else."""
        if not isinstance(value, str) or not value.isprintable():
            raise Unreadable("shape", "a text is expected here")
        return str(value).strip()


# ---- time -----------------------------------------------------------------------------------------------------


def read_instant(value: Any, zone: Any, m: FeedContext) -> Value | None:
    """A When from a time and, where it has no offset, the zone that stands beside it; else the partner's zone."""
    if value is None:
        return None
    text = m.text(value)
    if _EPOCH.fullmatch(text):
        return times.when(_epoch(text), "Z", "")
    found = _LOCAL.fullmatch(text)
    if found is None:
        raise Unreadable("time-unreadable", "write a time as YYYY-MM-DDThh:mm:ss+hh:mm, or with its zone beside it")
    local = "-".join(found.group(1, 2, 3)) + (f"T{found[4]}" if found[4] else "")
    offset = found[5] or ""
    offset = f"{offset[:3]}:{offset[3:]}" if len(offset) == 5 else offset
    name = ""
    if not offset and zone is not None:
        try:
            offset, name = times.named_zone(m.text(zone))
        except ValueError as wrong:
            raise Unreadable("zone-unknown", "write an IANA name such as Europe/Berlin, or an offset") from wrong
    try:
        when = dict(times.when(local, offset, name or m.zone))
    except ValueError as wrong:
        raise Unreadable("time-unreadable", "there is no such day or time in the calendar") from wrong
    if name:
        del when["assumed_zone"]
    if when.get("unclear"):
        m.faults.append(Fault("time-unclear", m.place, "this local time exists twice or not at all; send its offset"))
    return when


def _epoch(text: str) -> str:
    """Local text in UTC of seconds or milliseconds since 1970."""
    moment = datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
    return instant_text(moment).removesuffix("Z")[:23]


def write_instant(value: Value, m: FeedContext) -> tuple[str, str | None]:
    """A time with its offset; a local time with its zone beside it, or of the partner's zone."""
    zone = value.get("zone") or "Z"
    if value.get("assumed_zone"):
        return (value["local"], None) if zone == m.zone or len(value["local"]) <= 10 else (value["local"], zone)
    if zone[:1] in "Z+-":
        return times.write_iso(value), None
    return value["local"], zone


# ---- identifiers ----------------------------------------------------------------------------------------------


def read_identifier(value: Any, m: FeedContext) -> Value:
    """An Identifier of a URI, or a bare text of the system that the map names for the field, or of the partner's."""
    text = m.text(value)
    if not text:
        raise Unreadable("identifier-unreadable", "an identifier is not empty")
    if _URI.fullmatch(text):
        if miscounted(text):
            raise Unreadable("check-digit", "the GS1 key does not end in its check digit; scan it again")
        return {**from_uri(text)}
    declared = m.systems.get(_field(m))
    if declared:
        return logistics.sscc(text) if declared == SSCC else {"system": declared, "value": text}
    return {"system": m.system or UNASSIGNED, "value": text, "assumed": True}


def _field(m: FeedContext) -> str:
    return m.at.partition("[")[0]


def write_identifier(value: Value, m: FeedContext) -> str:
    text = str(value["value"])
    own = value["system"] == m.systems.get(_field(m)) or (
        value.get("assumed") and value["system"] == (m.system or UNASSIGNED)
    )
    if own and not _URI.fullmatch(text):
        return text
    return _uri(value)


def _uri(value: Value) -> str:
    try:
        return to_uri(value)
    except ValueError as wrong:
        raise Unreadable("no-home", f"{wrong}; give its name space a URI") from wrong


def write_item(value: Value, m: FeedContext) -> str | None:
    """One name of a list; a name that cannot be written leaves the others standing."""
    try:
        return write_identifier(value, m)
    except Unreadable as wrong:
        m.no_home("", m.place, wrong)
        return None


def read_shipment(value: Any, m: FeedContext) -> Value:
    """A shipment's SSCC, air waybill or the partner's own number."""
    text = m.text(value)
    return logistics.read_shipment(text, m.systems.get(_field(m)), lambda: read_identifier(text, m))


def write_shipment(value: Value, m: FeedContext) -> str:
    return logistics.write_shipment(value, m.systems.get(_field(m)), lambda: write_identifier(value, m))


def read_party(value: Any, m: FeedContext) -> Value:
    """A party or place: a URI, a GLN, or a name of the partner's own."""
    text = m.text(value)
    return logistics.read_party(text, lambda: read_identifier(text, m))


def write_party(value: Value, m: FeedContext) -> str:
    return logistics.write_party(value, lambda: write_identifier(value, m))


def read_coi(value: Any, m: FeedContext) -> Value:
    """The order by its chain-of-identity identifier; of another's number where the map names its system."""
    text = m.text(value).removeprefix("&/")
    identifier = read_identifier(text, m)
    if identifier.get("assumed"):
        identifier["system"] = COI_SYSTEM
    own = m.systems.get(_field(m)) == identifier["system"] != COI_SYSTEM
    return identifier if own else {**identifier, "type": "coi"}


def write_coi(value: Value, m: FeedContext) -> str:
    if value["system"] == COI_SYSTEM and value.get("assumed") and _field(m) not in m.systems:
        return str(value["value"])
    return write_identifier(value, m)


def _link(kind: str) -> Codec:
    """The codec of a reference to a record of this kind by one identifier."""
    reader, writer = (read_party, write_party) if kind == "party" else (read_identifier, write_identifier)

    def read(value: Any, m: FeedContext) -> Value:
        return {"kind": kind, "identifiers": [reader(value, m)]}

    def write(value: Value, m: FeedContext) -> str:
        if len(value.get("identifiers", ())) != 1:
            raise Unreadable("no-home", "a field names a record by one identifier")
        return writer(value["identifiers"][0], m)

    return Codec(read, write, raw=True)


# ---- words ----------------------------------------------------------------------------------------------------


def _word(table: str) -> Codec:
    """The codec of a code table whose words are read whatever their case and what stands between them."""

    def read(value: Any, m: FeedContext) -> str:
        return logistics.read_word(m.codes[table], m.text(value))

    def write(value: str, m: FeedContext) -> str:
        return m.codes[table].write(value)

    return Codec(read, write, raw=True)


UNREAD = "x-unreadable"
"""A statement of another shape than a word: it says something, so it never counts as none."""


def read_statement(value: Any, m: FeedContext) -> str | None:
    """How a milestone stands to what was said before, by its code table."""
    if value is None:
        return None
    try:
        return logistics.read_word(m.codes["statement"], m.text(value))
    except Unreadable as wrong:
        m.faults.append(Fault(wrong.code, m.place, wrong.remedy))
        return UNREAD


def read_text(value: Any, m: FeedContext) -> str:
    return m.text(value)


def write_text(value: Any, m: FeedContext) -> str:  # noqa: ARG001
    if not isinstance(value, str):
        raise Unreadable("no-home", "a sealed text is written only where it was opened")
    return value


CODECS: dict[str, Codec] = {
    "instant": Codec(read_instant, write_instant, raw=True),
    "moment": Codec(
        lambda value, m: read_instant(value, None, m), lambda value, m: write_instant(value, m)[0], raw=True
    ),
    "identifier": Codec(read_identifier, write_identifier, raw=True),
    "item": Codec(read_identifier, write_item, raw=True),
    "shipment": Codec(read_shipment, write_shipment, raw=True),
    "party": Codec(read_party, write_party, raw=True),
    "coi": Codec(read_coi, write_coi, raw=True),
    "party_link": _link("party"),
    "device_link": _link("device"),
    "milestone": _word("milestone"),
    "statement": Codec(read_statement, lambda value, m: m.codes["statement"].write(value), raw=True),
    "line": Codec(read_text, write_text, raw=True),
}
