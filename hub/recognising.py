"""Which format a message is in, by its looks. Reads nothing: of several that it may be, `explain.best` tries each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.formats import FORMATS, format_of
from hub.profiles import Profile

DIALECTS = frozenset({"mes_csv"})
"""Formats whose files do not say by themselves how they are read."""
_DELIMITED = ("mes_csv", "asm", "courier_feed")
"""Formats that read delimited files and workbooks: of a maker, of an instrument, of a courier."""
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_V2 = re.compile(r"[\x0b\s\ufeff]*(MSH|FHS|BHS)[^\w\s]")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}\|")
"""A message that lost its header, or a file whose columns a bar parts."""
_WORKBOOK = b"PK\x03\x04"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def recognised(text: str) -> tuple[str, ...]:
    """The formats that a message may be in, by its looks; a delimited file where it looks like nothing else.

    >>> [recognised(t)[0] for t in ("MSH|^~", '{"resourceType": "Patient"}', "CoI;Test")]
    ['hl7v2', 'fhir_r4', 'mes_csv']
    """
    start = text.lstrip("\ufeff \t\r\n\x0b")
    if _V2.match(text):
        return ("hl7v2",)
    if start[:1] in {"{", "["}:
        return _of_json(start)
    if start[:1] == "<":
        root = next((name for name in _ROOT.findall(start[:4_000])), "")
        return ("epcis" if root.startswith("EPCIS") else "b2mml",)
    return ("hl7v2", *_DELIMITED) if _SEGMENT.match(start) else _DELIMITED


def _of_json(text: str) -> tuple[str, ...]:
    if '"resourceType"' in text:
        return ("fhir_r4",)
    if '"$asm.' in text:
        return ("asm",)
    if any(word in text for word in ("epcisBody", '"eventList"', '"bizStep"')):
        return ("epcis",)
    return ("epcis", "canonical", "courier_feed") if '"eventTime"' in text else ("canonical", "courier_feed")


def text_of(body: bytes) -> str:
    """A file as text to look at, whatever its encoding; of a workbook nothing."""
    if body.startswith(_WORKBOOK):
        return ""
    return body.decode("utf-16" if body.startswith(_UTF_16) else "utf-8", "replace")


def dialects(who: Profile, name: str) -> list[str]:
    """Dialects of a format, as the partner's tables have them. Raises TableError."""
    library = format_of(name, who.overlay, who.zone, who.system).adapter.library  # type: ignore[attr-defined]
    return sorted(library.maps)


def ways(text: str, who: Profile, name: str = "", hint: str = "") -> Iterator[tuple[str, str]]:
    """Format and dialect in which a message may be read: what was named, else what it looks like.

    Raises FileNotFoundError where no format is called so, TableError.
    """
    name = name or (hint.partition("/")[0] if "/" in hint else "")
    if name and name not in FORMATS:
        raise FileNotFoundError(f"no format {name!r}; known are: {', '.join(FORMATS)}")
    for likely in (name,) if name else recognised(text):
        hints = [hint] if hint or likely not in DIALECTS else dialects(who, likely) or [""]
        yield from ((likely, one) for one in hints)
