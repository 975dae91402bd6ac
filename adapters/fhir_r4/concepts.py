"""CodeableConcepts by hand, where a table cannot tell their codings apart. Knows no resource and no code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.fhir_r4.context import Document
from mappings.faults import Unreadable

Value = dict[str, Any]


def concept_of(system: str, code: str) -> Value:
    return {"coding": [{"system": system, "code": code}]}


def codings_of(concept: Any) -> list[Value]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [coding for coding in codings if isinstance(coding, dict)] if isinstance(codings, list) else []


def is_of(coding: Any, *systems: str) -> bool:
    return isinstance(coding, dict) and coding.get("system") in systems and isinstance(coding.get("code"), str)


def coded(concept: Any, system: str) -> str | None:
    """The code of one system in a concept."""
    return next((coding["code"] for coding in codings_of(concept) if is_of(coding, system)), None)


def key_of(coding: Mapping[str, Any]) -> str:
    return f"{coding.get('system', '')}|{coding.get('code', '')}"


def text_of(concept: Any) -> Any:
    return concept.get("text") if isinstance(concept, dict) else None


def read_concept(concept: Any, m: Document, *systems: str) -> Value | None:
    """A CodeableConcept without its codings of some systems."""
    codings = [read_coding(c, m) for c in codings_of(concept) if not is_of(c, *systems)]
    said: Value = {"codings": [coding for coding in codings if coding]} if any(codings) else {}
    if text_of(concept) is not None:
        said["text"] = m.text(concept["text"])
    return said or None


def write_concept(concept: Value) -> Value:
    said: Value = {"coding": [dict(coding) for coding in concept["codings"]]} if concept.get("codings") else {}
    return {**said, "text": concept["text"]} if concept.get("text") else said


def read_coding(coding: Any, m: Document) -> Value | None:
    if not isinstance(coding, dict):
        raise Unreadable("shape", "a coding is an object")
    found = {part: m.text(coding[part]) for part in ("system", "version", "code", "display") if coding.get(part)}
    return found if found.keys() & {"code", "display"} else None


# ---- languages ------------------------------------------------------------------------------------------------

LANGUAGES = "urn:ietf:bcp:47"
_REGION = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}))?")
_ISO_639 = frozenset({"urn:oid:2.16.840.1.113883.6.99", "urn:oid:2.16.840.1.113883.6.100"})


def read_language(value: Any, m: Document) -> Value | None:
    return read_concept(value, m)


def write_language(value: Value, m: Document) -> Value | None:
    """A language as R4 wants it, in tags of BCP 47 alone; what has none is told in words."""
    codings = value.get("codings") or ()
    tagged = [tagged for coding in codings if (tagged := _tagged(coding, m))]
    if len(tagged) < len(codings) or any(one not in codings for one in tagged):
        m.no_home("", "identity.language", Unreadable("no-home", "R4 takes tags of BCP 47, no other codes"))
    if tagged:
        return write_concept({**value, "codings": tagged})
    words = [value.get("text"), *(coding.get("display") or coding.get("code") for coding in codings)]
    return next(({"text": text} for text in words if text), None)


def _tagged(coding: Mapping[str, Any], m: Document) -> Value | None:
    """A coding as one of BCP 47, with the words that its sender has for it."""
    tag = language_tag(coding, m)
    if tag is None or coding.get("system") == LANGUAGES:
        return None if tag is None else dict(coding)
    return {"system": LANGUAGES, "code": tag, **({"display": coding["display"]} if coding.get("display") else {})}


def language_tag(coding: Mapping[str, Any], m: Document) -> str | None:
    """The tag of BCP 47 for a code of ISO 639, by whatever name a sender calls that system; None for any other."""
    system, code = coding.get("system", ""), coding.get("code", "")
    if system == LANGUAGES:
        return str(code) or None
    found = _REGION.fullmatch(code)
    if found is None or not (not system or system.startswith("urn:id:") or system in _ISO_639):
        return None
    two = m.codes["language"].reverse
    first = found[1].lower()
    language = two.get(first) or (first if first in two.values() else None)
    return language and (f"{language}-{found[2].upper()}" if found[2] else language)
