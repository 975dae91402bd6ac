"""Names made from content: the same fact gets the same id wherever and whenever it is received (architecture 3a)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from canonical_model import BASE

ID_BYTES = 20


def canonical_json(value: Any) -> bytes:
    """One spelling of a JSON value: sorted keys, no white space, UTF-8. Holds no floats."""
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


def name_key(kind: str, identifier: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes two names equal: kind, system (without case in host-like systems) and normalised value.

    A chain-of-identity identifier of ISBT 128's shape (data structure 040) is unique by itself, whatever a partner
    writes as its system.
    """
    value = identifier["value"].strip()
    if identifier.get("type") == "coi" and _COI.fullmatch(value):
        return kind, COI_SYSTEM, value
    return kind, normal_system(identifier["system"]), value


def normal_system(system: str) -> str:
    """A system without differences that carry no meaning: ISBT's URIs appear in several letter cases."""
    lowered = system.lower()
    if lowered.startswith(("https://www.isbt128.org/", "http://www.isbt128.org/")):
        return lowered.replace("http://", "https://", 1)
    return system.rstrip("/")
