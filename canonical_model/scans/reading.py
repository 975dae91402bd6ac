"""Tells what form a scan has, and hands it to the one who reads that form. Raises nothing, quotes nothing."""

from __future__ import annotations

import re

from canonical_model.identifiers import elements
from canonical_model.identifiers.checks import check_character
from canonical_model.identifiers.elements import FNC1
from canonical_model.identifiers.kinds import DIN, FIN, KINDS
from canonical_model.scans.gs1 import read_elements, read_uri
from canonical_model.scans.isbt128 import read_structures
from canonical_model.scans.scan import Reading, Scan, nothing

MAX_SCAN = 8192
"""Characters of the longest scan that is read; the largest symbol (QR Code, version 40) holds 7,089."""

_SYMBOLOGY = re.compile(r"\]([A-Za-z][0-9A-Za-z])")
_GS1_SYMBOLS = frozenset({"C1", "e0", "e1", "e2", "d2", "Q3", "J1"})
"""Symbology identifiers of symbols that begin with FNC1 (GS1 General Specifications, section 5)."""
_GTIN_SYMBOLS = frozenset({"E0", "E4", "I1"})
"""Those of symbols that hold a GTIN and nothing else: EAN/UPC and ITF-14."""
_ENVELOPE = re.compile(r"\[\)>\x1e([0-9]{2})\x1d(.*?)(?:\x1e?\x04?)", re.DOTALL)
_HIDDEN = re.compile(r"[\x00-\x1c\x1e\x1f\x7f-\x9f\ud800-\udfff]")
_TYPED_DIN = re.compile(rf"(?=[A-Z]){DIN}([0-9]{{2}})?[0-9A-Z*]", re.ASCII)
_WITHOUT_SYMBOLOGY = re.compile(r"01[0-9]{14}|00[0-9]{18}", re.ASCII)


def read_scan(scanned: str | bytes, year: int | None = None) -> Scan:
    """What a scanner sent, or a person typed from a label, as identifiers, attributes, personal data and faults.

    Reads ISBT 128 data structures, single, concatenated or in a compound message; GS1 element strings with FNC1
    (U+001D) or in brackets; GS1 Digital Links; EPC URNs; private URIs; the text of a Data Matrix with its ISO/IEC 15434
    envelope of format 05; each with or without symbology identifier. Any other text comes back as `form="text"`: only
    its column or field can say what it is. `year` is the year of reading, for two-digit years of GS1 (section 7.12).

    >>> scan = read_scan("=+02000=G12341765432100=<S1128V00")
    >>> scan.form, [i["type"] for i in scan.identifiers], scan.attributes["product"]
    ('isbt-128', ['din', 'isbt-unit'], 'S1128V00')
    >>> read_scan("(00)106141412345678907").faults[0].code
    'check-digit'
    """
    if len(scanned) > MAX_SCAN:
        return nothing("too-large", "no label holds as much; scan one label at a time")
    text = scanned.decode("utf-8", "replace") if isinstance(scanned, bytes) else scanned
    body, symbology = _unwrapped(text)
    hidden = _HIDDEN.search(body)
    if not body or hidden:
        place = f"character {hidden.start() + 1}" if hidden else ""
        return nothing("identifier-unreadable", "a label holds printable characters; scan it again", place)
    return _read(body, symbology, Reading(year))


def is_scan(text: str) -> bool:
    """True where a text begins as only a scanner's does: with a data identifier and its structure, a symbology
    identifier, brackets, an envelope or FNC1. A number that somebody typed is none, nor is a URI.

    >>> is_scan("=+02000=G12341765432100=<S1128V00"), is_scan("=HYPERLINK(1)"), is_scan("BAG-1")
    (True, False, False)
    """
    return _BEGINNING.match(text) is not None


_BEGINNING = re.compile(
    rf"\][A-Za-z][0-9][=&0-9\x1d]|\x1d|\[\)>\x1e|\([0-9]{{2,4}}\)|SEC:|={FIN}[0-9]{{8}}"
    r"|=\+[0-9]{5}|=<[A-Z0-9]{8}|=\$[A-Z0-9]{16}|&/CH|&,[124]|&:[1-9]|&#[A-Z0-9]{2}[0-9]{2}|=#[A-Z0-9]{10}"
)


def _unwrapped(text: str) -> tuple[str, str]:
    """Without the scanner's line end, symbology identifier and envelope; and the symbology."""
    text = text.strip("\r\n\t ")
    found = _SYMBOLOGY.match(text)
    symbology = found[1] if found else ""
    text = text[found.end() :] if found else text
    envelope = _ENVELOPE.fullmatch(text)
    if envelope and envelope[1] == "05":
        return envelope[2], "d2"
    return text.replace("\u241d", FNC1), symbology


def _read(body: str, symbology: str, into: Reading) -> Scan:
    lowered = body[:8].lower()
    if lowered.startswith(("http://", "https://", "urn:")):
        return read_uri(body, into)
    if symbology in _GTIN_SYMBOLS:
        into.identify("gtin", body, "character 1")
        return into.done("gs1")
    if symbology in _GS1_SYMBOLS or FNC1 in body:
        return read_elements(list(elements.split(body)), into)
    if body[0] in "=&" or lowered.startswith("sec:"):
        return read_structures(body, into)
    if re.match(r"\([0-9]{2,4}\)", body):
        return read_elements(list(elements.split_bracketed(body)), into)
    return _read_bare(body, into)


def _read_bare(body: str, into: Reading) -> Scan:
    """A text without any mark: what its length, shape and check characters leave no doubt of, and else a text."""
    close = "".join(body.split())
    if _TYPED_DIN.fullmatch(close) and close[-1] == check_character(close[:13]):
        into.identify("din", close, "character 1")
    elif KINDS["mpho"].pattern.fullmatch(close):
        into.identify("mpho", close, "character 1")
    elif KINDS["coi"].pattern.fullmatch(close):
        into.identify("coi", close, "character 1")
    elif _WITHOUT_SYMBOLOGY.match(body):
        scan = read_elements(list(elements.split(body)), Reading(into.year))
        return scan if not scan.faults else Scan("text", text=body)
    else:
        return Scan("text", text=body)
    return into.done("isbt-128")
