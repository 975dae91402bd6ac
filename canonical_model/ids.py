"""Names made from content: the same fact gets the same id wherever and whenever it is received."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from canonical_model import BASE
from canonical_model.identifiers import known
from canonical_model.scans import is_scan, read_scan

try:  # the same bytes, ten times faster, where it is installed
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

ID_BYTES = 20


def canonical_json(value: Any) -> bytes:
    """One spelling of a JSON value: sorted keys, no white space, UTF-8. Holds no floats."""
    if orjson is not None:
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # a number beyond 64 bits; the standard library spells the rest alike
            pass
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def content_id(*parts: Any) -> str:
    """Hex id of the parts' canonical JSON: 160 bits of SHA-256."""
    return hashlib.sha256(canonical_json(parts)).hexdigest()[: ID_BYTES * 2]


def event_id(
    partner: str, source_id: str, digest: str, frame: str, type_: str, about: Mapping[str, Any], data: Sequence[Any]
) -> str:
    """Id of an event: who said it, in which message with which content, of which frame, and what."""
    return content_id("event", partner, source_id, digest, frame, type_, about, data)


def issue_id(rule: str, about: Sequence[Any], cause: str) -> str:
    """Id of an Issue: the same rule about the same thing for the same cause is one Issue, however often it is found."""
    return content_id("issue", rule, sorted(canonical_json(a).decode() for a in about), cause)


COI_SYSTEM = f"{BASE}/id/coi"
"""System of a chain-of-identity identifier that came without one; ICCBBA has not published a URI for it."""

_COI = re.compile(r"CH[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{2}[0-9]{2}[A-Z0-9]{6}")

Key = tuple[str, str, str]
"""What makes two names equal: kind, normal system, normal value."""

WEAK_TYPES = frozenset({"group"})
"""Identifier types that several records share, such as a placer's group number (HL7 ORC-4): they name none of them."""


def name_key(kind: str, identifier: Mapping[str, Any]) -> Key:
    """What makes two names equal: kind, system (without case in host-like systems) and normalised value; spellings of
    ISBT 128 and GS1 numbers that the alias table knows (`identifiers.aliases`) are one.

    A chain-of-identity identifier of ISBT 128's shape (data structure 040) is unique by itself, whatever a partner
    writes as its system.
    """
    return _key(kind, identifier["system"], identifier["value"], identifier.get("type") in _MAY_BE_COI)


_MAY_BE_COI = frozenset({None, "coi"})


@lru_cache(maxsize=1 << 15)
def _key(kind: str, system: str, value: str, may_be_coi: bool) -> Key:
    value = value.strip()
    if is_scan(value) and (found := named_by_scan(kind, value)):
        system, value = found["system"], found["value"]
    if may_be_coi and _COI.fullmatch(value):
        return kind, COI_SYSTEM, value
    named = known({"system": system, "value": value})
    return kind, normal_system(named["system"]), named["value"]


def named_by_scan(kind: str, text: str) -> Mapping[str, Any] | None:
    """The identifier of a record of this kind that a scanned text holds, the strongest where it holds several.

    >>> named_by_scan("order", "&/CHA999926000012")["value"]
    'CHA999926000012'
    """
    return next(iter(read_scan(text).naming(kind)), None)


def names(ref: Mapping[str, Any]) -> list[Key]:
    """The names by which a reference can be told from others; the weak ones only where there is nothing else."""
    kind, identifiers = ref["kind"], ref["identifiers"]
    if len(identifiers) == 1:
        return [name_key(kind, identifiers[0])]
    found = [name_key(kind, i) for i in identifiers if i.get("type") not in WEAK_TYPES]
    return found or [name_key(kind, i) for i in identifiers]


def normal_system(system: str) -> str:
    """A system without differences that carry no meaning: ISBT's URIs appear in several letter cases."""
    lowered = system.lower()
    if lowered.startswith(("https://www.isbt128.org/", "http://www.isbt128.org/")):
        return lowered.replace("http://", "https://", 1).rstrip("/")
    return system.rstrip("/")
