"""What the dispositions of an event say against the things handled: the finding of a look, and Issues. One-way.

Like readings they follow from their handling frame and are never written from. References are to CBV 2.0 (7.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.codes import KEPT, CodeTable

Frame = dict[str, Any]
Codes = Mapping[str, CodeTable]

SYSTEM = "https://ref.gs1.org/cbv/Disp"
RECEIPT = frozenset({"receiving", "accepting"})
"""Steps by which a consignee takes things; only what nothing speaks against is taken as wanted."""
_LOOKS = RECEIPT | {"arriving", "inspecting"}
_ENDED = frozenset({"destroyed", "disposed", "dispensed", "retail_sold", "inactive"})
"""States of what is no more to be had: it cannot be received."""
_LEAVING = frozenset({"destroying", "decommissioning"})
"""Steps that put things out of the way: that they are expired or recalled is their reason."""
_TAKEN_ALL_THE_SAME = frozenset({"damaged"})
"""What is taken with a remark: the damage may be the packaging's."""


def inspection_of(handled: Mapping[str, Any], codes: Codes) -> dict[str, Any] | None:
    """What a look on arrival, receipt or inspection found: by what speaks against the things, else a pass."""
    if handled.get("step") not in _LOOKS:
        return None
    found = _against(handled, codes)
    if not found:
        passed = handled["step"] == "inspecting" and "conformant" in _said(handled)
        return {"result": "accepted"} if passed else None
    inspection: dict[str, Any] = {"conditions": [_concept(disposition) for disposition in found]}
    if found.keys() <= _TAKEN_ALL_THE_SAME:
        return inspection
    unsure = all(kind == "mapping" or disposition in _TAKEN_ALL_THE_SAME for disposition, kind in found.items())
    return {"result": "conditional" if unsure else "rejected", **inspection}


def issues_of(frame: Frame, codes: Codes) -> list[Frame]:
    """One Issue frame for each disposition that speaks against the things handled."""
    handled = frame["set"]
    if "correction" in handled:  # what was declared wrong found nothing
        return []
    return [
        {
            "kind": "issue",
            "key": f"{frame['key']}/issue:{disposition}",
            "parent": frame["key"],
            "set": {"kind": kind, "cause": disposition, "finding": _concept(disposition)},
        }
        for disposition, kind in _against(handled, codes).items()
    ]


def _against(handled: Mapping[str, Any], codes: Codes) -> dict[str, str]:
    """Disposition -> kind of Issue. A private term may mean anything: at a receipt somebody must say what."""
    step = handled.get("step")
    if step in _LEAVING:
        return {}
    known = codes["disposition_issue"].forward
    found: dict[str, str] = {}
    for disposition in _said(handled):
        if kind := known.get(disposition.removeprefix(KEPT)):
            found[disposition] = kind
        elif step in RECEIPT and disposition in _ENDED:
            found[disposition] = "duplicate"
        elif step in RECEIPT and disposition.startswith(KEPT):
            found[disposition] = "mapping"
    return found


def _said(handled: Mapping[str, Any]) -> list[str]:
    """The passing disposition and those that last, in this order."""
    passing = [handled["disposition"]] if "disposition" in handled else []
    return list(dict.fromkeys([*passing, *handled.get("persistent", ())]))


def _concept(disposition: str) -> dict[str, Any]:
    """A term of the vocabulary as a coding; a private one is a URI and says itself."""
    if disposition.startswith(KEPT):
        return {"text": disposition.removeprefix(KEPT)}
    return {"codings": [{"system": SYSTEM, "code": disposition}]}
