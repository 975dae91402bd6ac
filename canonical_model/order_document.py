"""A whole order as one document: state, records, custody, links, facts in order, Issues. Computed from its facts.

The facts are the truth; everything else in the document follows from them. So whoever is given one can compute it
again, and a document that says otherwise is refused with the ids of the rules that it breaks (`RULES`). Whether all
facts of the order are in it, no document can tell: that is the ledger's proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ModelWrapValidatorHandler, Strict, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from canonical_model.as_of import as_of
from canonical_model.catalogue import DOWNWARD, UPWARD
from canonical_model.codes import STATES
from canonical_model.events import Event, EventId, sort_key
from canonical_model.fold import fold
from canonical_model.ids import Key, content_id, issue_id, names
from canonical_model.journey import Attempt, Custody, EventDict, Gap, Handover, Journey, RecordState
from canonical_model.lineage import named_at
from canonical_model.order_views import (
    ChainView,
    IssueView,
    LinkView,
    NameView,
    OtherView,
    RecordView,
    StateView,
)
from canonical_model.personal import unfit_for_log
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from canonical_model.records import RECORDS
from canonical_model.rules import RULES_VERSION, Finding, check, protocol_of
from canonical_model.stage import headline
from canonical_model.values import (
    Exchanged,
    Instant,
    Whole,
    instant_text,
    parse_instant,
)

DOCUMENT_VERSION = 1

RULES: Mapping[str, str] = {
    "D-1": "Every fact stands once, and the facts stand in their order: time, rank, partner, ordinal, id.",
    "D-2": "Claims and superseded facts are those which the facts themselves make such.",
    "D-3": "State, records and custody are what the fold makes of the facts; stages are those that the named Protocol "
    "knows.",
    "D-4": "Every fact is linked to the order by one of its names, and every link is of a fact of the document.",
    "D-5": "The Issues are what the rules find in the facts at `as_of` under the named Protocol: none is left out, "
    "none is added.",
    "D-6": "An Issue's id is made of its rule, its record and its cause, and it rests on facts of the document.",
}
"""What a schema cannot say of an order document. A broken D-5 names the rule of the Issue too, such as I-6."""


class OrderDocument(Exchanged):
    """One therapy order with everything that touches it, at one instant."""

    v: Annotated[int, Strict(), Field(ge=DOCUMENT_VERSION, le=DOCUMENT_VERSION)] = Field(
        description="version of the document"
    )
    as_of: Instant = Field(description="instant for which the rules were asked")
    position: Whole | None = Field(default=None, ge=0, description="position of the log up to which facts are in it")
    protocol: str | None = Field(default=None, description="id@version of the Protocol that governs the order")
    rules: str = Field(description="version of the rule set")
    names: tuple[NameView, ...] = Field(description="what the order is called")
    others: tuple[OtherView, ...] = Field(
        default=(), description="other orders of the patient that the rules knew of, by name"
    )
    state: StateView = Field(description="where it stands")
    records: dict[str, tuple[RecordView, ...]] = Field(description="records by kind, each list by name")
    custody: tuple[ChainView, ...] = Field(description="chain of custody of each container")
    links: tuple[LinkView, ...] = Field(description="why each fact is here")
    facts: tuple[Event, ...] = Field(description="all facts in their order, claims and superseded ones included")
    claims: tuple[EventId, ...] = Field(description="facts said by a party whose word does not decide them")
    superseded: tuple[EventId, ...] = Field(description="facts that later ones put right or took back")
    issues: tuple[IssueView, ...] = Field(description="what needs a person, the worst first")

    @model_validator(mode="wrap")
    @classmethod
    def _follows_from_its_facts(
        cls, data: Any, handler: ModelWrapValidatorHandler[OrderDocument], info: ValidationInfo
    ) -> OrderDocument:
        made = handler(data)
        said = data if isinstance(data, dict) else made.model_dump(mode="json", exclude_none=True)
        _records_fit(said)
        protocols = (info.context or {}).get("protocols", DEFAULT_PROTOCOLS)
        if broken := faults(said, protocols):
            text = "; ".join(f"{rule}: {what}" for rule, what in broken)
            raise PydanticCustomError("order_document", "{text}", {"text": text, "rules": [r for r, _ in broken]})
        return made


def _records_fit(document: Mapping[str, Any]) -> None:
    """Raises what is wrong with the fields of a record by the model of its kind."""
    for kind, records in document["records"].items():
        if kind not in RECORDS:
            raise ValueError(f"no record kind {kind!r}")
        for record in records:
            if "identifiers" in record["fields"]:
                raise ValueError("the names of a record stand beside its fields")
            RECORDS[kind].model_validate(record["fields"])
            for path in unfit_for_log(kind, record["fields"]):
                raise ValueError(f"{kind}.{path}: personal data is sealed, and records are named, in the log")
            if "state" in record and record["state"] not in STATES.get(kind, ()):
                raise ValueError(f"no state {record['state']!r} of {kind}")


# ---- making --------------------------------------------------------------------------------------------------


def order_document(
    journey: Journey,
    protocols: Mapping[str, Protocol],
    as_of: datetime,
    links: Mapping[str, Key] | None = None,
    position: int | None = None,
) -> dict[str, Any]:
    """The document of a journey as plain JSON. Raises nothing; what is wrong with the order stands in its Issues.

    `links`: id of a fact -> the name that led from it to the order, as the log of links says; where none is given, the
    fact's own name nearest to the order. `position`: the log's, where it is known.
    """
    protocol = protocol_of(journey, protocols)
    found = check(journey, {} if protocol is None else {protocol.key: protocol}, as_of).findings
    via = links_of(journey) if links is None else links
    alive = {event["id"] for event in (*journey.facts, *journey.claims)}
    return {
        "v": DOCUMENT_VERSION,
        "as_of": instant_text(as_of),
        **({} if position is None else {"position": position}),
        **({} if protocol is None else {"protocol": protocol.key}),
        "rules": RULES_VERSION,
        "names": _named(journey.names),
        **({"others": _others(journey)} if journey.others else {}),
        **_folded(journey, protocol),
        "links": [{"fact": fact, "via": _via(via[fact])} for fact in _ids(journey.events) if fact in via],
        "facts": journey.events,
        "claims": _ids(journey.claims),
        "superseded": [fact for fact in _ids(journey.events) if fact not in alive],
        "issues": [_issue(finding) for finding in found],
    }


def _named(keys: Iterable[Key]) -> list[dict[str, str]]:
    return [{"system": system, "value": value} for _, system, value in sorted(keys)]


def _others(journey: Journey) -> list[dict[str, Any]]:
    """The patient's other orders, by name."""
    return [
        {
            "names": _named(other.names),
            "state": other.state,
            **({"protocol": other.protocol} if other.protocol else {}),
            **({"replaces": _named(other.replaces)} if other.replaces else {}),
            **({"patient": _named(other.patient)} if other.patient else {}),
        }
        for other in sorted(journey.others, key=lambda one: sorted(one.names))
    ]


def document_as_of(
    order: Iterable[Key], events: Iterable[EventDict], protocols: Mapping[str, Protocol], instant: datetime
) -> dict[str, Any]:
    """The document as it would have been made at an instant: of what had been recorded by then (`as_of.as_of`)."""
    return order_document(as_of(order, events, instant), protocols, instant)


def links_of(journey: Journey) -> dict[str, Key]:
    """For each fact the name by which it belongs to the order: the order's, or of a record that the order knows."""
    return {event["id"]: _nearest(journey, event) for event in journey.events}


def _nearest(journey: Journey, event: EventDict) -> Key:
    kind = event["about"]["kind"]
    said = [event["about"]]
    for field in (*UPWARD.get(kind, ()), *DOWNWARD.get(kind, ())):
        said += named_at(event["set"], field)
    keys = [key for reference in said for key in names(reference)]
    own = [key for key in keys if key in journey.names]
    known = [key for key in keys if key in journey.aliases]
    return next(iter([*own, *known, *keys]))


def _folded(journey: Journey, protocol: Protocol | None) -> dict[str, Any]:
    """What the fold says, as JSON; of the stages those of the Protocol."""
    stage, attempts = headline(journey, protocol)
    return {
        "state": {
            **({"stage": stage} if stage else {}),
            "held": journey.held,
            "attempt": journey.attempt,
            "attempts": [_attempt(attempt) for attempt in attempts],
        },
        "records": {
            kind: [_record(record) for record in journey.of(kind)] for kind in RECORDS if journey.records.get(kind)
        },
        "custody": [_chain(chain) for _, chain in sorted(journey.custody.items())],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "open": attempt.open,
        **({"stage": attempt.stage} if attempt.stage else {}),
        **({"collections": list(attempt.collections)} if attempt.collections else {}),
        **({"batches": list(attempt.batches)} if attempt.batches else {}),
    }


def _record(record: RecordState) -> dict[str, Any]:
    return {
        "name": record.name,
        "identifiers": record.identifiers,
        **({"state": record.state} if record.state else {}),
        "fields": record.fields,
        "facts": _ids(record.facts),
        **({"conflicts": [list(pair) for pair in record.conflicts]} if record.conflicts else {}),
        **(
            {
                "disagreements": [
                    {"why": d.why, "fields": [*d.fields], "facts": [*d.facts]} for d in record.disagreements
                ]
            }
            if record.disagreements
            else {}
        ),
    }


def _chain(chain: Custody) -> dict[str, Any]:
    return {
        "container": chain.container,
        "holder": chain.holder,
        **({"since": chain.since} if chain.since else {}),
        "closed": chain.closed,
        "unsure": chain.unsure,
        "steps": [_step(step) for step in chain.steps],
        **({"gaps": [_gap(gap) for gap in chain.gaps]} if chain.gaps else {}),
    }


def _step(step: Handover) -> dict[str, Any]:
    place = {} if step.place is None else {"place": step.place}
    sides = {"giver": step.giver, "taker": step.taker, "at": step.at, **place}
    return {**sides, "event": step.event, "coarse": step.coarse, "reporters": list(step.reporters)}


def _gap(gap: Gap) -> dict[str, Any]:
    since = {"since": gap.since} if gap.since else {}
    sides = {"holder": gap.holder, "giver": gap.giver, "taker": gap.taker, "at": gap.at, **since}
    return {"why": gap.why, **sides, "event": gap.event}


def _issue(finding: Finding) -> dict[str, Any]:
    kind, name = finding.about
    return {
        "id": finding.id,
        "rule": finding.rule,
        "kind": finding.kind,
        "severity": finding.severity,
        "about": {"kind": kind, "name": name},
        "cause": finding.cause,
        "text": finding.text,
        "settle": finding.settle,
        "facts": list(finding.facts),
        **({"blocks": list(finding.blocks)} if finding.blocks else {}),
        **({"person": True} if finding.person else {}),
        **({"unclear": True} if finding.unclear else {}),
    }


def _via(key: Key) -> dict[str, str]:
    return dict(zip(("kind", "system", "value"), key, strict=True))


def _ids(events: Iterable[EventDict]) -> list[str]:
    return [event["id"] for event in events]


# ---- checking ------------------------------------------------------------------------------------------------

Fault = tuple[str, str]
"""The rule that is broken, and how."""


def faults(document: Mapping[str, Any], protocols: Mapping[str, Protocol]) -> list[Fault]:
    """What of a document does not follow from its facts; `document` fits its schema already.

    `protocols` by id@version: without the one that the document names, and under another version of the rules, D-5 is
    not judged (`is_judged`), and without it D-3 not of stages.
    """
    facts = list(document["facts"])
    found = list(_order(facts))
    if found:
        return found
    journey = fold([("order", name["system"], name["value"]) for name in document["names"]], facts)
    journey.others = tuple(OtherView.model_validate(one).other() for one in document.get("others", ()))
    alive = {event["id"] for event in (*journey.facts, *journey.claims)}
    found += [("D-2", "claims") for _ in [0] if document["claims"] != _ids(journey.claims)]
    superseded = [fact for fact in _ids(journey.events) if fact not in alive]
    found += [("D-2", "superseded") for _ in [0] if document["superseded"] != superseded]
    governing = {key: protocols[key] for key in [document.get("protocol", "")] if key in protocols}
    wanted = {**_folded(journey, protocol_of(journey, governing)), "names": _named(journey.names)}
    said = {part: document[part] for part in wanted}
    if document.get("protocol") and not governing:
        said["state"], wanted["state"] = _stageless(said["state"]), _stageless(wanted["state"])
    found += [("D-3", part) for part, value in wanted.items() if not _same(said[part], value)]
    return [*found, *_links(document, facts), *_issues(document, journey, governing)]


def _stageless(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state without its stages: which of them an order shows, only its Protocol says."""
    attempts = [{name: part[name] for name in part if name != "stage"} for part in state.get("attempts", ())]
    return {**{name: state[name] for name in state if name != "stage"}, "attempts": attempts}


def is_judged(document: Mapping[str, Any], protocols: Mapping[str, Protocol]) -> bool:
    """True when the Issues of a document can be computed again: its rules and its Protocol are known here."""
    return document["rules"] == RULES_VERSION and document.get("protocol", "") in {"", *protocols}


def _order(facts: list[EventDict]) -> Iterable[Fault]:
    keys = [sort_key(fact) for fact in facts]
    if len({fact["id"] for fact in facts}) < len(facts):
        yield "D-1", "a fact stands twice"
    if keys != sorted(keys):
        yield "D-1", "the facts do not stand in their order"


def _same(one: Any, other: Any) -> bool:
    return content_id(one) == content_id(other)


def _links(document: Mapping[str, Any], facts: Iterable[EventDict]) -> Iterable[Fault]:
    linked = [link["fact"] for link in document["links"]]
    told = _ids(facts)
    if set(told) - set(linked):
        yield "D-4", "a fact has no link"
    if set(linked) - set(told) or len(set(linked)) < len(linked):
        yield "D-4", "a link is of no fact of the document, or stands twice"


def _issues(document: Mapping[str, Any], journey: Journey, governing: Mapping[str, Protocol]) -> Iterable[Fault]:
    known = {fact["id"] for fact in journey.events}
    for issue in document["issues"]:
        about = [[issue["about"]["kind"], issue["about"]["name"]]]
        if issue["id"] != issue_id(issue["rule"], about, issue["cause"]) or not set(issue["facts"]) <= known:
            yield "D-6", f"an Issue of rule {issue['rule']}"
    if not is_judged(document, governing):
        return
    wanted = {f.id: _issue(f) for f in check(journey, governing, parse_instant(document["as_of"])).findings}
    said = {issue["id"]: issue for issue in document["issues"]}
    for issue_id_, issue in wanted.items():
        if not _same(said.get(issue_id_), issue):
            how = "is told otherwise" if issue_id_ in said else "is left out"
            yield "D-5", f"an Issue of rule {issue['rule']} {how} ({issue['text']})"
    for issue_id_ in said.keys() - wanted.keys():
        yield "D-5", f"nothing in the facts raises an Issue of rule {said[issue_id_]['rule']}"
