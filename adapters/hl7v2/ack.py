"""The acknowledgement of a received message (HL7 v2.5.1 2.9.2, 2.14.5, 2.14.8). Pure: bytes in, bytes out.

Works on whatever came: where only a part of the header can be read, that part is echoed; where nothing can, the answer
has no control id to echo. Faults become ERR segments from v2.5 on; before that MSA-3 names the first one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from adapters import times
from adapters.hl7v2 import Adapter, base, version_of
from adapters.hl7v2.tokenizer import Delimiters, fields_of
from adapters.reading import Unparsable
from canonical_model import BASE
from mappings.faults import Fault

CODES = {
    "hl7v2-no-header": "100",
    "hl7v2-batch": "100",
    "hl7v2-charset": "102",
    "required": "101",
    "code-unknown": "103",
    "unsupported-message": "200",
    "unlinked": "204",
    "source-id-reused": "205",
    "internal-error": "207",
}
"""Our code -> HL7 table 0357; a text that cannot be read is a data type error, anything else an internal one."""
_READABLE = "102"
_INTERNAL = "207"
_TEXTS = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
_SEVERITIES = {"error": "error", "warning": "warning"}
_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<ordinal>\d+)\])?(?:-(?P<field>\d+)(?:\[(?P<repeat>\d+)\])?(?:\.(?P<component>\d+))?)?"
)
MOST = 50
"""Faults named in one acknowledgement; the rest are in the hub."""


def acknowledge(
    body: bytes,
    code: str,
    faults: Sequence[Fault],
    control_id: str,
    now: datetime,
    adapter: Adapter | None = None,
    accept: str = "",
) -> bytes:
    """An ACK with MSA-1 `code` for a message, in its own delimiters, character set and version.

    `accept`: when it wants an accept acknowledgement itself (MSH-15), as an application acknowledgement does.
    """
    header, m = _header(body)
    version = m.part(header.get("12", ""), 1) or "2.5.1"
    echoed = m.part(header.get("10", ""), 1)
    asked = {"accept_acknowledgement": accept, "application_acknowledgement": "never"} if accept else {}
    frames: list[dict[str, Any]] = [
        {"kind": "message", "key": "message", "set": _message(header, m, version, control_id, now) | asked},
        {"kind": "answer", "key": "answer", "set": _answer(code, echoed, faults, version)},
    ]
    if version_of(version) >= (2, 5):
        frames += [
            {"kind": "finding", "key": f"answer/finding#{n}", "parent": "answer", "set": _finding(fault)}
            for n, fault in enumerate(faults[:MOST], 1)
        ]
    head = {"delimiters": header.get("1", "|") + header.get("2", "^~\\&"), "charset": "utf-8"}
    return (adapter or base()).write("ACK", frames, {"head": head})[0]


def _header(body: bytes) -> tuple[dict[str, str], Delimiters]:
    """Fields of the first MSH that can be found, and its delimiters."""
    m = Delimiters()
    start = body.find(b"MSH")
    line = re.split(rb"[\r\n]", body[start : start + 4096], maxsplit=1)[0].decode("latin-1") if start >= 0 else ""
    if len(line) < 8 or not _delimit(line[3]):
        return {}, m
    end = line.find(line[3], 4)
    others = line[4:end] if 4 < end <= 9 and _delimit(line[4:end]) else "^~\\&"
    if len({line[3], *others}) <= len(others):  # one of them twice: nothing can be told apart
        return {}, m
    m.with_delimiters(line[3], others)
    try:
        return {**fields_of(line, line[3]), "2": others}, m
    except Unparsable:
        return {}, m


def _delimit(text: str) -> bool:
    """True for characters that can be delimiters: what is longer or other than that is text, and is not repeated."""
    return all(" " < character < "\x7f" and not character.isalnum() for character in text)


def _message(header: dict[str, str], m: Delimiters, version: str, control_id: str, now: datetime) -> dict[str, Any]:
    def endpoint(application: str, facility: str) -> dict[str, Any]:
        named = {"application": m.part(header.get(application, ""), 1), "facility": m.part(header.get(facility, ""), 1)}
        return {name: value for name, value in named.items() if value}

    local = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    message = {
        "sender": endpoint("5", "6"),
        "receiver": endpoint("3", "4"),
        "sent_at": times.when(local, "+00:00", ""),
        "code": "ACK",
        "trigger": m.part(header.get("9", ""), 2),
        "structure": "ACK",
        "control_id": control_id,
        "processing": "production",
        "version": version,
    }
    return {name: value for name, value in message.items() if value}


def _answer(code: str, echoed: str, faults: Sequence[Fault], version: str) -> dict[str, Any]:
    answer = {"code": code, "control_id": echoed}
    if faults and version_of(version) < (2, 5):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        answer["text"] = f"{faults[0].place}: {faults[0].code}: {faults[0].remedy}{more}"[:80]
    return {name: value for name, value in answer.items() if value}


def _finding(fault: Fault) -> dict[str, Any]:
    code = CODES.get(fault.code, _READABLE if fault.code.endswith("-unreadable") else _INTERNAL)
    found: dict[str, Any] = {
        "condition": _coded(code, _TEXTS[code], "http://terminology.hl7.org/CodeSystem/v2-0357"),
        "severity": _SEVERITIES.get(fault.severity, "information"),
        "code": _coded(fault.code, "", f"{BASE}/cs/fault"),
        "text": f"{fault.place}: {fault.remedy}" if fault.place else fault.remedy,
    }
    place = _PLACE.match(fault.place)
    if place is not None:
        numbers = {name: int(text) for name, text in place.groupdict().items() if text and name != "segment"}
        found["places"] = [{"segment": place["segment"], "ordinal": 1, **numbers}]
    return found


def _coded(code: str, display: str, system: str) -> dict[str, Any]:
    coding = {"code": code, "system": system}
    return {"codings": [{**coding, "display": display} if display else coding]}
