"""DetectedIssue and the model's Issue: what was found, and whether it is settled. Pairs of functions."""

from __future__ import annotations

from typing import Any

from adapters.fhir_r4.concepts import coded, is_of, read_coding
from adapters.fhir_r4.context import Document
from canonical_model import BASE
from mappings.faults import Unreadable

Value = dict[str, Any]

ISSUE_KINDS = f"{BASE}/cs/issue-kind"
RULES = f"{BASE}/cs/rule"


def read_finding(concept: Any, m: Document) -> tuple[str | None, str | None, Value | None]:
    """DetectedIssue.code: the hub's kind of Issue and rule, and whatever another system calls it."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(concept, dict) or not isinstance(codings, list | None):
        raise Unreadable("shape", "a CodeableConcept is expected here")
    kind, rule = coded(concept, ISSUE_KINDS), coded(concept, RULES)
    own = [read_coding(coding, m) for coding in codings or () if not is_of(coding, ISSUE_KINDS, RULES)]
    named = {"codings": [coding for coding in own if coding]} if any(own) else {}
    text = {"text": m.text(concept["text"])} if concept.get("text") is not None else {}
    return kind, rule, {**named, **text} or None


def write_finding(value: tuple[str | None, str | None, Value | None], m: Document) -> Value:  # noqa: ARG001
    kind, rule, finding = value
    codings = [{"system": system, "code": code} for system, code in ((ISSUE_KINDS, kind), (RULES, rule)) if code]
    codings += [dict(coding) for coding in (finding or {}).get("codings", ())]
    text = (finding or {}).get("text")
    return {**({"coding": codings} if codings else {}), **({"text": text} if text else {})}


_STATES = frozenset({"open", "assessed", "resolved"})


def read_issue_status(code: Any, state: Any, m: Document) -> tuple[str | None, str | None]:
    """DetectedIssue.status is that of an observation; whether it is settled, an extension says."""
    if code is not None and m.text(code) in {"entered-in-error", "cancelled"}:
        return None, "entered-in-error"
    if state is not None:
        if m.text(state) not in _STATES:
            raise Unreadable("code-unknown", "use open, assessed or resolved")
        return state, None
    return "open", None


def write_issue_status(value: tuple[str | None, str | None], m: Document) -> tuple[str, str | None]:
    state, action = value
    if state is not None and state not in _STATES:
        m.no_home("", "issue.status", Unreadable("no-home", "an Issue is open, assessed or resolved"))
    return ("entered-in-error" if action == "entered-in-error" else "final"), state
