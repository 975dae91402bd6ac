"""Faults as an OperationOutcome: what is wrong, where, and the way out. Never a value, a name or a birth date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from adapters.reading import Unparsable, Unsupported
from canonical_model import BASE
from mappings.faults import Fault

CODES = f"{BASE}/cs/fault"
"""Code system of the hub's own fault codes (docs/errors.md)."""

_SEVERITIES = {"error": "error", "warning": "warning", "lost": "information"}

_ISSUES = {
    "required": "required",
    "empty": "required",
    "shape": "structure",
    "fhir-shape": "structure",
    "fhir-xml": "structure",
    "json-syntax": "structure",
    "json-duplicate-key": "structure",
    "json-encoding": "structure",
    "json-number": "structure",
    "json-too-large": "too-long",
    "json-too-deep": "too-long",
    "unknown-element": "structure",
    "one-of-many": "structure",
    "code-invalid": "code-invalid",
    "code-unknown": "code-invalid",
    "code-unreadable": "code-invalid",
    "value": "value",
    "date-unreadable": "value",
    "time-unreadable": "value",
    "number-unreadable": "value",
    "id-unreadable": "value",
    "type-mismatch": "invalid",
    "reference-target": "value",
    "reference-unknown": "not-found",
    "invariant": "invariant",
    "unwritable": "business-rule",
    "modifier-extension": "extension",
    "implicit-rules": "not-supported",
    "not-supported": "not-supported",
    "unsupported-message": "not-supported",
    "piece-unsupported": "not-supported",
    "no-home": "incomplete",
    "precision": "incomplete",
    "withheld": "suppressed",
    "not-found": "not-found",
    "deleted": "deleted",
    "conflict": "conflict",
    "forbidden": "forbidden",
    "login": "login",
    "throttled": "throttled",
}
"""Our code -> issue type (value set issue-type, required). Any other is `processing`."""

_FHIRPATH = re.compile(r"[A-Z][A-Za-z]*(\.[A-Za-z_]+(\[[0-9]+\])?)*")


def outcome(faults: Iterable[Fault]) -> dict[str, Any]:
    """An OperationOutcome of all faults; without any it says that all is well."""
    issues = [_issue(fault) for fault in faults]
    if not issues:
        issues = [{"severity": "information", "code": "informational", "details": {"text": "all is well"}}]
    return {"resourceType": "OperationOutcome", "issue": issues}


def of_exception(wrong: Unparsable | Unsupported) -> dict[str, Any]:
    """An OperationOutcome of what kept a document from being read."""
    return outcome([Fault(wrong.code, wrong.place, wrong.remedy, severity="error")])


def _issue(fault: Fault) -> dict[str, Any]:
    is_path = bool(_FHIRPATH.fullmatch(fault.place))
    text = fault.remedy if is_path or not fault.place else f"{fault.place}: {fault.remedy}"
    issue: dict[str, Any] = {
        "severity": _SEVERITIES.get(fault.severity, "error"),
        "code": _ISSUES.get(fault.code, "processing"),
        "details": {"coding": [{"system": CODES, "code": fault.code}], "text": text},
    }
    if is_path:
        issue["expression"] = [fault.place]
    return issue
