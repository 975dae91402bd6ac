"""Bytes to assertions by a partner's profile. Pure: looks at no state of the hub, raises what a channel can answer.

A message has parts (an order group, a patient, an event, a row); each gets exactly one fate. What the vault and the
committer add comes later.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.reading import Read, Unparsable, Unsupported, bounded
from canonical_model.identifiers import UNASSIGNED
from hub.filtering import passed_over
from hub.profiles import Profile
from mappings import events as event_tables
from mappings.faults import Fault

RECORDED, FILTERED, HELD, REJECTED = "recorded", "filtered", "held", "rejected"
FATES = (RECORDED, FILTERED, HELD, REJECTED)
"""From the best to the worst: a message shows the worst fate of its parts."""


class Format(Protocol):
    """What the hub needs of an adapter."""

    def read(self, body: bytes, hint: str = "") -> Read: ...

    def map(self, message: str) -> Mapping[str, Any]: ...

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]: ...


@dataclass(slots=True)
class Part:
    """One part of a message: what it asserts, and what became of it."""

    name: str
    fate: str
    assertions: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    frame: str = ""
    """The key of its frame, where what came of the part is asked for again."""

    def plain(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"part": self.name, "fate": self.fate}
        if self.frame:
            shown["frame"] = self.frame
        if self.faults:
            shown["faults"] = [fault.plain() for fault in self.faults]
        return shown


@dataclass(slots=True)
class Converted:
    """A message after conversion."""

    type: str
    source_id: str
    sequence: str
    parts: list[Part]
    faults: list[Fault]
    frames: list[dict[str, Any]] = field(repr=False, default_factory=list)
    residual: dict[str, Any] = field(repr=False, default_factory=dict)
    account: dict[str, int] = field(default_factory=dict)
    processing: str = "production"
    indivisible: bool = False
    """Whether nothing of it is recorded unless all of it is."""

    @property
    def outcome(self) -> str:
        """The worst fate of the parts; a message without parts was recorded as it is."""
        return max((part.fate for part in self.parts), key=FATES.index, default=RECORDED)

    @property
    def whole(self) -> bool:
        """True when nothing of it is held or rejected: what it does not say, it does not say."""
        return all(part.fate in {RECORDED, FILTERED} for part in self.parts)


def convert(
    profile: Profile, adapter: Format, body: bytes, hint: str = "", knows: Callable[[list[Any]], bool] | None = None
) -> Converted:
    """Parts and assertions of one message. What cannot be read is one held or rejected part; nothing is raised.

    `knows` tells whether a patient's identifiers are the hub's business already (for the profile's filter).
    """
    try:
        read = adapter.read(body, hint)
    except Unsupported as unsupported:
        if unsupported.message_type in profile.filter.types:
            return Converted(unsupported.message_type, "", "", [Part("message", FILTERED)], [])
        return _refused(unsupported.message_type, REJECTED, unsupported)
    except Unparsable as unparsable:
        fate = REJECTED if unparsable.code.endswith("too-large") else HELD
        return _refused("", fate, unparsable)
    if read.type in profile.filter.types:
        return Converted(read.type, read.source_id, read.sequence, [Part("message", FILTERED)], [])
    namespace = f"{profile.partner}/{read.source_id or digest(body)}"
    expected = read.map.get("expects", ())
    if expected and not any(frame["kind"] in expected for frame in read.frames):
        remedy = f"{read.type} is to tell of {' or '.join(expected)}, and this one does not: send all of it"
        read.faults.append(Fault("required", "message", remedy))
    if not profile.system:
        read.faults += dict.fromkeys(_unassigned(read.frames))
    parts = [*_parts(profile, read, namespace, knows), *_unread(read.faults)]
    if parts:  # what was told of it stays with it: the operators see what the sender was answered
        parts[0].faults += [fault for fault in read.faults if fault.severity != "error"]
    silent = all(part.fate == RECORDED and not part.assertions for part in parts)
    head: dict[str, Any] = next((f["set"] for f in read.frames if f["kind"] == "message"), {})
    return Converted(
        type=read.type,
        source_id=read.source_id,
        sequence=read.sequence,
        parts=parts,
        faults=[*read.faults, _SILENT] if silent else read.faults,
        frames=read.frames,
        residual=read.residual,
        account=dict(read.summary()),
        processing=head.get("processing", "production"),
    )


_SILENT = Fault("asserts-nothing", "message", "it came to no fact; send with it what it is to tell")


def _refused(message_type: str, fate: str, wrong: Unsupported | Unparsable) -> Converted:
    fault = Fault(wrong.code, wrong.place, wrong.remedy, severity="error")
    return Converted(message_type, "", "", [Part("message", fate, faults=[fault])], [fault])


def _parts(profile: Profile, read: Read, namespace: str, knows: Callable[[list[Any]], bool] | None) -> list[Part]:
    by_key = {frame["key"]: frame for frame in read.frames}
    parts: dict[str, Part] = {}
    counts: dict[str, int] = {}
    unnamed: dict[Fault, None] = {}
    passed = passed_over(profile.filter, read.frames, knows)
    for frame in read.frames:
        if frame["kind"] == "message" or frame.get("parent"):
            continue
        counts[frame["kind"]] = counts.get(frame["kind"], 0) + 1
        name = f"{frame['kind']} {counts[frame['kind']]}"
        parts[frame["key"]] = Part(name, FILTERED if frame["key"] in passed else RECORDED)
    for assertion in event_tables.assertions(read.map, read.frames, namespace):
        top = by_key[assertion["frame"]]
        while top.get("parent"):
            top = by_key[top["parent"]]
        part = parts.get(top["key"])
        if part is not None and part.fate == RECORDED:
            if (fault := _unnamed(part.name, assertion)) is not None:
                unnamed[fault] = None
            if assertion["about"].get("identifiers") != []:
                part.assertions.append(assertion)
    read.faults += bounded([*unnamed])
    return list(parts.values())


def _unnamed(part: str, assertion: Mapping[str, Any]) -> Fault | None:
    """What is wrong with a fact about something that nothing names; None where nothing is."""
    kind, names = assertion["about"]["kind"], assertion["about"].get("identifiers")
    if names == []:
        remedy = f"name the {kind}, and its number's system in the profile or table: no {assertion['type']} came of it"
        return Fault("required", part, remedy)
    if kind == "order" and event_tables.is_made_up(names):
        return Fault("required", part, "give the order a number: what comes after can be linked to it by nothing else")
    return None


def _unassigned(frames: list[dict[str, Any]]) -> Iterator[Fault]:
    """Names of things whose authority nobody tells: they are kept, and name and link nothing."""
    for frame in frames:
        for name, value in frame["set"].items():
            if event_tables.is_link(name, value) and _has_unassigned(value):
                place = f"{frame['kind']}.{name}"
                remedy = "say whose number it is, there or as `system` in the profile: it names and links nothing"
                yield Fault("identifier-unassigned", place, remedy)


def _has_unassigned(value: Any) -> bool:
    """True where an identifier of no system stands in a value, other than the id of a FHIR resource."""
    if isinstance(value, list):
        return any(_has_unassigned(item) for item in value)
    if not isinstance(value, dict):
        return False
    if value.get("system") == UNASSIGNED:
        return value.get("type") != "resource"
    return any(_has_unassigned(item) for item in value.values())


def _unread(faults: list[Fault]) -> list[Part]:
    """Parts that could not be read: each with the faults whose place begins with its name."""
    parts: dict[str, Part] = {}
    for fault in faults:
        if fault.severity == "error":
            name = re.split(r"[.\-]", fault.place, maxsplit=1)[0] or "message"
            parts.setdefault(name, Part(name, HELD)).faults.append(fault)
    return list(parts.values())


def digest(body: bytes) -> str:
    """SHA-256 of a body, hex."""
    return hashlib.sha256(body).hexdigest()


def sameness(format_name: str, volatile: tuple[str, ...], body: bytes) -> str:
    """Digest of what makes two messages the same: the body without the profile's volatile header fields, whatever ends
    its segments."""
    if format_name != "hl7v2" or not body[:64].lstrip(b"\x0b\r\n \t\xef\xbb\xbf").startswith(b"MSH"):
        return digest(body)
    body = body.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    start = body.find(b"MSH")
    separator = body[start + 3 : start + 4]
    if not separator:
        return digest(body)
    header, mark, rest = body[start:].partition(b"\r")
    fields = header.split(separator)
    for name in volatile:
        segment, _, number = name.partition("-")
        if segment == "MSH" and number.isdigit() and 2 < int(number) <= len(fields):
            fields[int(number) - 1] = b""
    return digest(separator.join(fields) + mark + rest.rstrip(b"\r\x1c"))
