"""Coded values of HL7 v2 (2A.12 CE, 2A.13 CWE, 2A.34 IS) and the names of code systems (table 0396). Knows no field."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from adapters.hl7v2.tokenizer import Delimiters
from mappings.faults import Unreadable

Value = dict[str, Any]

OID = re.compile(r"[0-2](?:\.\d+)+", re.ASCII)
_URI = re.compile(r"https?://|urn:(?!oid:|id:)")
"""Names of code systems that are URIs already; those of these two forms are made here, of other names."""


def coding_system(name: str, m: Delimiters) -> str:
    """URI of a code system's HL7 name (table 0396); an unknown name keeps itself, and one that is a URI is it."""
    return m.codes["coding_system"].forward.get(name) or _unlisted_system(name)


@lru_cache(maxsize=4096)
def _unlisted_system(name: str) -> str:
    if _URI.match(name):
        return name
    return f"urn:oid:{name}" if OID.fullmatch(name) else f"urn:id:{quote(name, safe='')}"


def coding_system_name(uri: str, m: Delimiters) -> str:
    """HL7 name of a code system (table 0396), or what `coding_system` reads as this URI."""
    found = m.codes["coding_system"].reverse.get(uri)
    if found is not None:
        return found
    if uri.startswith("urn:oid:"):
        return uri[8:]
    return unquote(uri[7:]) if uri.startswith("urn:id:") else uri


def read_concept(parts: list[str], m: Delimiters) -> tuple[list[Value] | None, str | None]:
    """Codings and text of a CWE's thirteen components (2A.13): three codings and the original text."""
    codings = [_coding(parts[0], parts[1], parts[2], parts[6], m)] if parts[0] or parts[1] else []
    if parts[3] or parts[4]:
        codings.append(_coding(parts[3], parts[4], parts[5], parts[7], m))
    if parts[9] or parts[10]:
        codings.append(_coding(parts[9], parts[10], parts[11], parts[12], m))
    return codings or None, parts[8] or None


def _coding(code: str, display: str, system: str, version: str, m: Delimiters) -> Value:
    coding = {"code": code} if code else {}
    if display:
        coding["display"] = display
    if system:
        coding["system"] = coding_system(system, m)
    if version:
        coding["version"] = version
    return coding


def write_concept(value: tuple[list[Value] | None, str | None], m: Delimiters) -> list[str]:
    """The components of a CWE as far as they say something; a fourth coding has no home."""
    codings, text = value
    count = len(codings or ())
    if count == 1 and not text and codings and not codings[0].get("version"):
        coding = codings[0]
        name = coding_system_name(coding["system"], m) if coding.get("system") else ""
        return [coding.get("code", ""), coding.get("display", ""), name]
    if count > 3:
        raise Unreadable("no-home", "a coded element holds three codings")
    parts = [""] * (13 if count > 2 else 9 if text or count > 1 or (codings and codings[0].get("version")) else 3)
    for coding, (code, display, system, version) in zip(codings or (), _CODING_PLACES, strict=False):
        parts[code], parts[display] = coding.get("code", ""), coding.get("display", "")
        if coding.get("system"):
            parts[system] = coding_system_name(coding["system"], m)
        if coding.get("version"):
            parts[version] = coding["version"]
    if text:
        parts[8] = text
    return parts


_CODING_PLACES = ((0, 1, 2, 6), (3, 4, 5, 7), (9, 10, 11, 12))
"""Where the three codings of a CWE stand: code, display, system, version."""


def read_element(parts: list[str], m: Delimiters) -> tuple[list[Value] | None, str | None]:
    """As `read_concept`, where the field is a CE before 2.6: six components, whose second is the text of no code."""
    if m.version >= _CODED_WITH_EXCEPTIONS:
        return read_concept(parts, m)
    return read_narrow(parts, m)


def write_element(value: tuple[list[Value] | None, str | None], m: Delimiters) -> list[str]:
    """The components of a CWE, or of a CE before 2.6."""
    return write_concept(value, m) if m.version >= _CODED_WITH_EXCEPTIONS else write_narrow(value, m)


def read_narrow(parts: list[str], m: Delimiters) -> tuple[list[Value] | None, str | None]:
    """Codings and text of a CE (2A.12), or of what a sender wrote as a CWE in its place."""
    if any(parts[6:]):
        m.beyond.add(_ELEMENTS)
    elif parts[1] and not any((parts[0], *parts[2:6])):
        return None, parts[1]
    return read_concept(parts, m)


def write_narrow(value: tuple[list[Value] | None, str | None], m: Delimiters) -> list[str]:
    """The six components of a CE: text has a place only where no code stands, and a version has none."""
    codings, text = value
    if text and not codings:
        return ["", text]
    if _ELEMENTS in m.beyond:
        return write_concept(value, m)
    return write_concept(([{**coding, "version": ""} for coding in (codings or ())[:2]], None), m)[:6]


_ELEMENTS, _CODED_WITH_EXCEPTIONS = "hl7v2/types ce", (2, 6)
"""The fields that are CWE from 2.6 on, and what says that a sender writes them so before."""


def read_flag(text: str, m: Delimiters) -> Value | None:
    """One repeat of OBX-8: a code of table 0078 alone, or (from 2.7 on, and of senders who do so before) a CWE."""
    if m.comp in text and m.version < _CODED_FLAGS:
        m.beyond.add(_FLAGS)
    codings, words = read_concept(m.parts(text, 13), m)
    return {**({"codings": codings} if codings else {}), **({"text": words} if words else {})} or None


def write_flag(value: Value, m: Delimiters) -> str:
    """The code alone where the version has no room for more."""
    parts = write_concept((value.get("codings"), value.get("text")), m)
    if m.version < _CODED_FLAGS and _FLAGS not in m.beyond:
        parts = parts[:1]
    return m.comp.join([m.escape(part) for part in parts]).rstrip(m.comp)


_FLAGS, _CODED_FLAGS = "hl7v2/obx X8", (2, 7)
