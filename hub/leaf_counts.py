"""How many leaves a message has, counted a second time in a few lines that share nothing with the adapters.

What this count has more than an adapter's account is silent loss. Counted are HL7 v2, JSON (FHIR, EPCIS, ASM, a
courier's feed, the hub's own events) and B2MML. EPCIS in XML and delimited files are not: which of their pieces is a
leaf cannot be told without their tables.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

WHOLE = ""
"""The piece under which a document is counted that is not counted piece by piece."""
_JSON = frozenset({"fhir_r4", "epcis", "canonical", "courier_feed", "asm"})


def counted(body: bytes, format_name: str) -> Mapping[str, int] | None:
    """Leaves per piece of a message that its adapter has read; None where nobody counts them.

    >>> counted(b'{"a": [1, {"b": "x"}], "c": null}', "fhir_r4")
    {'': 2}
    """
    if format_name == "hl7v2":
        return independent_leaves(body)
    try:
        return _document(body, format_name)
    except (ValueError, RecursionError):
        return None


def _document(body: bytes, format_name: str) -> Mapping[str, int] | None:
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if format_name in _JSON and text[:1] in {b"{", b"["}:
        return {WHOLE: _scalars(json.loads(text))}
    if format_name == "b2mml":
        return {WHOLE: _texts(text)}
    return None


def _scalars(value: Any) -> int:
    if isinstance(value, dict | list):
        return sum(map(_scalars, value.values() if isinstance(value, dict) else value))
    return 0 if value is None or value == "" else 1


def _texts(text: bytes) -> int:
    """Attributes and texts of an XML document that say something. Raises ValueError."""
    from lxml import etree

    safe = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        elements = list(etree.fromstring(text, safe).iter())
    except etree.XMLSyntaxError as wrong:
        raise ValueError("not well formed") from wrong
    said = [text for e in elements for text in (*e.attrib.values(), e.text, *(child.tail for child in e))]
    return sum(1 for text in said if text and text.strip())


def independent_leaves(body: bytes) -> dict[str, int]:
    """Non-empty leaves per segment name, counted with nothing but `split`."""
    text = body.decode("latin-1").lstrip("\x0b\ufeff\r\n \xef\xbb\xbf").rstrip("\x1c\r\n")
    separator, others = text[3], text[4 : text.find(text[3], 4)]
    counts: Counter[str] = Counter()
    for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r"):
        if not line.strip():
            continue
        name, *fields = line.split(separator)
        if name in {"MSH", "FHS", "BHS"}:
            counts[name] += 2
            fields = fields[1:]
        leaves = fields
        for delimiter in (others[1:2], others[0:1], others[3:4]):
            if delimiter:
                leaves = [leaf for text_ in leaves for leaf in text_.split(delimiter)]
        counts[name if re.fullmatch("[A-Z][A-Z0-9]{2}", name) else "?"] += sum(1 for leaf in leaves if leaf)
    return dict(counts)
