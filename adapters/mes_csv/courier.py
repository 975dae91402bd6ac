"""Codecs of milestones and receipts in delimited files: times with a zone beside them, words of every spelling."""

from __future__ import annotations

from typing import Any

from adapters import logistics, times
from adapters.mes_csv import codecs, dates
from adapters.mes_csv.codecs import Cells, Value, read_identifier, read_shipment, write_identifier, write_shipment
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec


def read_zoned(text: str | None, zone: str | None, m: Cells) -> Value | None:
    """A When from a time and, where it has no offset, the zone in the cell beside it; else the dialect's zone."""
    if text is None:
        return None
    try:
        named = "".join(times.named_zone(zone)) if zone else ""
    except ValueError as wrong:
        raise Unreadable("zone-unknown", "write an IANA name such as Europe/Berlin, or an offset") from wrong
    when = dict(dates.read(text, m.formats, named or m.zone))
    if named:
        when.pop("assumed_zone", None)
    if when.get("unclear"):
        remedy = "this local time exists twice or not at all; send its offset"
        m.faults.append(Fault("time-unclear", m.place, remedy))
    return when


def write_zoned(value: Value, m: Cells) -> tuple[str, str | None]:
    """A time of the dialect's zone as it is; of another with that zone beside it."""
    zone = value.get("zone") or "Z"
    if value.get("assumed_zone") or len(value["local"]) <= 10:
        return dates.write(value, m.formats, m.zone), None
    own = {**value, "assumed_zone": True}
    text = dates.write(own, m.formats, zone)
    read_back = dates.read(text, m.formats, zone)
    if not read_back.get("assumed_zone"):
        return text, None
    if read_back["at"] != value["at"]:
        raise Unreadable("no-home", "in local time of this dialect this would be another instant")
    return text, "UTC" if zone == "Z" else zone


def word(table: str) -> Codec:
    """The codec of a code table whose words are read whatever their case and what stands between them."""

    def read(text: str, m: Cells) -> str:
        return logistics.read_word(m.table(table), text)

    def write(value: str, m: Cells) -> str:
        return m.table(table).write(value)

    return Codec(read, write)


def read_inspected(text: str, m: Cells) -> tuple[str | None, str | None]:
    """The result of an inspection; a word that nobody knows is kept as its text and told, so that it is never none."""
    try:
        return logistics.read_word(m.table("inspection"), text), None
    except Unreadable as wrong:
        m.fault("", "inspection", wrong)
        return None, text


def write_inspected(value: tuple[str | None, Any], m: Cells) -> str:
    result, text = value
    if result is not None:
        return m.table("inspection").write(result)
    try:
        logistics.read_word(m.table("inspection"), codecs.write_free_text(text, m))
    except Unreadable as wrong:
        if wrong.code == "no-home":
            raise
        return str(text)
    raise Unreadable("no-home", "a remark that would be read as a result is not written in the place of one")


def read_party(text: str, m: Cells) -> Value:
    """A party or place: a URI, a GLN, or a name of the partner's own."""
    return logistics.read_party(text, lambda: read_identifier(text, m))


def write_party(value: Value, m: Cells) -> str:
    return logistics.write_party(value, lambda: write_identifier(value, m))


def _shipment_link() -> Codec:
    def read(text: str, m: Cells) -> dict[str, Any]:
        return {"kind": "shipment", "identifiers": [read_shipment(text, m)]}

    def write(value: Value, m: Cells) -> str:
        if len(value.get("identifiers", ())) != 1:
            raise Unreadable("no-home", "a cell names a record by one identifier")
        return write_shipment(value["identifiers"][0], m)

    return Codec(read, write)


def _device_link() -> Codec:
    def read(text: str, m: Cells) -> dict[str, Any]:
        return {"kind": "device", "identifiers": [{**read_identifier(text, m), "type": "logger"}]}

    def write(value: Value, m: Cells) -> str:
        if len(value.get("identifiers", ())) != 1:
            raise Unreadable("no-home", "a cell names a record by one identifier")
        return write_identifier(value["identifiers"][0], m)

    return Codec(read, write)


CODECS = {
    "zoned": Codec(read_zoned, write_zoned),
    "milestone": word("milestone"),
    "statement": word("statement"),
    "inspection": word("inspection"),
    "result_status": word("result_status"),
    "inspected": Codec(read_inspected, write_inspected),
    "party_id": Codec(read_party, write_party),
    "shipment_link": _shipment_link(),
    "logger_link": _device_link(),
}
