"""What quality said of an order: approvals with evidence, results out of limit, deviations, Issues. Judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from canonical_model.ids import name_key
from canonical_model.journey import EventDict, is_ref, text_of
from canonical_model.rules import SEVERITIES
from hub.reports.reader import Order
from hub.reports.shape import Approval, IssueAct, OutOfLimit, ReportIssue

EVIDENCE = (
    "physician_request",
    "risk_evaluation",
    "acceptance",
    "consent",
    "certificate",
    "notifications",
    "ethics",
    "basis",
)
"""Fields of a disposition that name what it rests on."""
ISSUE = ("id", "journey", "rule", "kind", "severity", "text", "settle", "facts", "opened", "closed", "times")


def approvals(order: Order) -> Iterator[Approval]:
    """Decisions of quality in the order of time, those taken back included."""
    for event in order.facts:
        if event["about"]["kind"] != "disposition":
            continue
        said = order.values(event)
        about = [said[name] for name in ("container", "material", "batch") if is_ref(said.get(name))]
        decided = "revoked" if event["type"] == "disposition.revoked" else str(said.get("decision", ""))
        yield Approval.model_validate(
            {
                "decision": decided,
                "about": tuple(about),
                "specification": said.get("specification", ""),
                "signer": said.get("signer"),
                "role": said.get("role", ""),
                "evidence": {name: found for name in EVIDENCE if (found := tuple(_named(said.get(name))))},
                "told": order.source(event),
            }
        )


def _named(value: Any) -> Iterator[str]:
    """Names that a reference, an identifier, or a list of them holds."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _named(item)
    elif is_ref(value):
        yield f"{value['kind']} {value['identifiers'][0]['value']}"
    elif isinstance(value, Mapping) and "value" in value:
        yield str(value["value"])


def out_of_limit(order: Order) -> Iterator[OutOfLimit]:
    """Results that count and that their laboratory calls outside their limit."""
    for record in order.state.of("result") if order.reader.sees("result") else ():
        said = order.reader.shown("result", record.fields) or {}
        if said.get("evaluation") == "out" and record.state != "invalidated":
            limit = said.get("limit") or {}
            ends = [f"{word} {_quantity(limit[end])}" for end, word in (("low", "≥"), ("high", "≤")) if end in limit]
            yield OutOfLimit.model_validate(
                {
                    "test": said.get("test"),
                    "value": _value(said.get("value") or {}),
                    "limit": " ".join(ends) or str(said.get("reference_range", "")),
                    "told": order.source(record.facts[-1]),
                }
            )


def _value(value: Mapping[str, Any]) -> str:
    """A result's value as people read it."""
    if "quantity" in value:
        return _quantity(value["quantity"])
    if value.get("concepts"):
        coding = (value["concepts"][0].get("codings") or [{}])[0]
        return str(coding.get("display") or coding.get("code") or value["concepts"][0].get("text") or "")
    text = value.get("text")
    return " ".join(text) if isinstance(text, list | tuple) else ""


def _quantity(quantity: Mapping[str, Any]) -> str:
    words = (quantity.get("comparator"), quantity.get("value"), quantity.get("unit_text") or quantity.get("unit"))
    return " ".join(str(word) for word in words if word)


# ---- Issues -----------------------------------------------------------------------------------------------------


def issues(order: Order, rows: Iterable[tuple[Any, ...]], read: Callable[[str], Iterable[str]]) -> list[ReportIssue]:
    """Issues of the hub and deviations of quality systems, the open ones first, the worst first.

    An Issue that rests on a fact of which the reader sees nothing is left out: its text would tell of it.
    """
    if not order.reader.sees("issue"):
        return []
    acts = _acts(order)
    found = []
    for row in rows:
        one: dict[str, Any] = dict(zip(ISSUE, row, strict=True))
        one["facts"] = read(one["facts"])
        if may_see(order, one["facts"]):
            found.append(_issue(order, one, acts.pop(one["id"], [])))
    found += [issue for events in acts.values() if (issue := _deviation(order, events)) is not None]
    return sorted(found, key=lambda i: (i.closed is not None, _rank(i.severity), i.opened, i.id))


def may_see(order: Order, facts: Iterable[str]) -> bool:
    """True when the reader sees something of every fact that an Issue rests on; the hub's own people see all Issues."""
    return order.reader.sees_all(facts, order.by_id)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _issue(order: Order, one: Mapping[str, Any], acts: list[tuple[EventDict, IssueAct]]) -> ReportIssue:
    names = ("id", "rule", "kind", "severity", "text", "settle", "opened")
    external = [name for event, _ in acts for name in event["set"].get("external", ())]
    rests = [order.by_id[fact]["about"] for fact in one["facts"] if fact in order.by_id]
    about = {order.state.name_of(ref): ref for ref in rests if order.reader.sees(ref["kind"])}
    shown = {**{name: one[name] for name in names}, "closed": one["closed"], "external": tuple(external)}
    shown["about"] = tuple(about.values())
    return ReportIssue.model_validate({**shown, "acts": tuple(act for _, act in acts)})


def _acts(order: Order) -> dict[str, list[tuple[EventDict, IssueAct]]]:
    """What was told of each Issue, by its id; of one that a quality system told, by that system's number."""
    found: dict[str, list[tuple[EventDict, IssueAct]]] = {}
    for event in order.state.events:
        if event["about"]["kind"] == "issue":
            said = order.values(event)
            act = IssueAct.model_validate(
                {
                    "act": event["type"].partition(".")[2],
                    "person": said.get("person"),
                    "text": _words(said.get("resolution")) or _words(said.get("assessment")),
                    "evidence": tuple(ref for ref in said.get("evidence", ()) if is_ref(ref)),
                    "told": order.source(event),
                }
            )
            found.setdefault(event["about"]["identifiers"][0]["value"], []).append((event, act))
    return found


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(str(line) for line in value)
    return value if isinstance(value, str) else ""


def _deviation(order: Order, acts: list[tuple[EventDict, IssueAct]]) -> ReportIssue | None:
    """A deviation that only a quality system knows: what the hub says of an Issue of another order is none."""
    first = acts[0][0]
    record = order.state.record(first["about"])
    if record is None or first["reporter"]["role"] == "hub":
        return None
    said = order.reader.shown("issue", record.fields) or {}
    closed = [event["recorded"] for event, _ in acts if event["type"] == "deviation.closed"]
    return ReportIssue.model_validate(
        {
            "id": text_of(name_key("issue", first["about"]["identifiers"][0])),
            "rule": said.get("rule", ""),
            "kind": said.get("kind", "deviation"),
            "severity": said.get("severity", ""),
            "text": said.get("text") or "a deviation that a quality system opened",
            "opened": first["recorded"],
            "closed": closed[-1] if closed and record.state == "resolved" else None,
            "external": tuple(first["about"]["identifiers"]),
            "acts": tuple(act for _, act in acts),
        }
    )
