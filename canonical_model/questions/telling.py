"""Who must be told of an Issue, and by when: owners, holders of the material, sites that gave it, authorities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from canonical_model.codes import CDMO, HOSPITAL, QA, REGULATOR, SITE, SPONSOR
from canonical_model.events import end_of, instant_of
from canonical_model.ids import name_key
from canonical_model.journey import EventDict, Journey, RecordState, text_of
from canonical_model.lineage import Thing, product_of, ref_of, refs
from canonical_model.origins import Origins
from canonical_model.protocols import Protocol
from canonical_model.questions.answer import Entry, Listed, Reason, dated, deny, listed, roles_for, who_clears
from canonical_model.questions.first import Ground, ground
from canonical_model.rules.finding import Finding, ids
from canonical_model.rules.quality import decisions
from canonical_model.rules.release import region_of
from canonical_model.values import plus

TOLD = "who-must-be-told"
KINDS = ("owner", "sponsor", "authority", "maker", "site", "holder", "party", "notice")
"""Kinds of entries: in what capacity somebody is told; `notice` is what was told already."""
GIVEN = frozenset({"running", "completed", "stopped"})
"""States of an administration of which something reached the patient."""
TO_SPONSOR = frozenset({"critical"})
"""Severities of which whoever answers for the therapy is told besides the owner."""


def who_must_be_told(
    journey: Journey,
    issue: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Listed:
    """Who has to be told of an Issue of this order, by its id: roles, and parties where they are known.

    Everybody who can settle it (`owner`); the sponsor of what is critical; of a recall every party that has or gave
    something of it, and the authority (I-25); of a release that later facts contradict the sites that gave the product,
    and those that still hold it (I-13); of an exceptional release the authority, in the Protocol's time (I-28); of
    custody the parties between which the container went (I-2, I-38). Notices that were sent stand as `done`.
    """
    on = ground(TOLD, journey, protocols, now)
    finding = next((f for f in on.findings if issue in _ids(journey, f)), None)
    record = _record_of(journey, issue)
    if finding is None and record is None:
        settle = "look it up among the Issues of the order"
        unknown = deny("I-30", "no open Issue of this order has this id", settle, (QA,))
        return listed(TOLD, (), [*unsettled, unknown])
    entries = list(_of_finding(on, finding) if finding is not None else _of_record(on, record))
    notices = list(_notices(on, issue, finding))
    return listed(TOLD, [*_unless_sent(on, entries, notices), *_sent(on, notices)], unsettled)


def _ids(journey: Journey, finding: Finding) -> set[str]:
    """The ids of the Issue under every name of its record: an earlier answer was given under another one."""
    kind, name = finding.about
    record = journey.records.get(kind, {}).get(name)
    others = {text_of(name_key(kind, identifier)) for identifier in (record.identifiers if record else ())}
    return {finding.id, *(finding.id_for(other) for other in others)}


def _record_of(journey: Journey, issue: str) -> RecordState | None:
    """An Issue that a person or a quality system opened."""
    for record in journey.of("issue"):
        if record.state != "resolved" and any(i["value"] == issue for i in record.identifiers):
            return record
    return None


def _of_record(on: Ground, record: RecordState | None) -> Iterator[Entry]:
    if record is None:
        return
    said = record.fields
    owner = said.get("owner") or QA
    due = end_of(said["due"]) if said.get("due") else None
    about = ("issue", record.name)
    facts = tuple(event["id"] for event in record.facts)
    settle = "the Issue is assessed and resolved"
    text = "owns the Issue"
    yield Entry(
        "owner", text, about, said.get("rule") or "", roles=(owner,), settle=settle, facts=facts, **dated(due, on.now)
    )
    if said.get("severity") in TO_SPONSOR:
        yield Entry("sponsor", "answers for the therapy", about, said.get("rule") or "", roles=(SPONSOR,), facts=facts)


def _of_finding(on: Ground, finding: Finding) -> Iterator[Entry]:
    yield _entry(finding, "owner", "can settle it", who_clears(finding), settle=finding.settle)
    if finding.severity in TO_SPONSOR and SPONSOR not in who_clears(finding):
        yield _entry(finding, "sponsor", "answers for the therapy", (SPONSOR,))
    for part in BY_RULE.get(finding.rule, ()):
        yield from part(on, finding)


def _entry(finding: Finding, kind: str, text: str, roles: tuple[str, ...], **more: Any) -> Entry:
    return Entry(kind, text, finding.about, finding.rule, roles=roles, facts=finding.facts, **more)


# ---- whom the rules name ----------------------------------------------------------------------------------------


def _authority(on: Ground, finding: Finding) -> Iterator[Entry]:
    """I-28: the authority of the decision's region, in the Protocol's time; of every region where none is stated."""
    limits = on.protocol.notify_within if on.protocol else {}
    for decision in decisions(on.journey):
        if decision.event["id"] in finding.facts:
            region = region_of(on.journey, decision)
            asked = {region: limits[region]} if region in limits else {} if region else limits
            for name, within in sorted(asked.items()):
                text = (
                    f"supervises the therapy in {name or 'the region'}: told within {_hours(within)} h of the decision"
                )
                at = plus(instant_of(decision.event), within)
                yield _entry(finding, "authority", text, (REGULATOR,), **dated(at, on.now))


def _hours(span: timedelta) -> int:
    return int(span.total_seconds() // 3600)


def _regulator(_: Ground, finding: Finding) -> Iterator[Entry]:
    """I-25: the authority is told of a recall; its time limit is its own."""
    yield _entry(finding, "authority", "supervises the recall", (REGULATOR,))


def _makers(_: Ground, finding: Finding) -> Iterator[Entry]:
    yield _entry(finding, "maker", "made the product or has to stop making it", (CDMO,))


def _sites(on: Ground, finding: Finding) -> Iterator[Entry]:
    """I-13, I-25: the sites that gave something of it to a patient, and the physicians there."""
    touched = _touched(on, finding)
    for record in on.journey.of("administration"):
        inside = {on.journey.name_of(ref) for event in record.facts for ref in refs(event["set"].get("containers"))}
        if record.state in GIVEN and (not inside or inside & touched):
            site = record.fields.get("site") or on.journey.order.fields.get("site")
            text = "gave it to the patient: the physician there is told"
            facts = tuple(event["id"] for event in record.facts)
            party = on.journey.name_of(site) if site else _reporter(record)
            yield Entry(
                "site",
                text,
                ("administration", record.name),
                finding.rule,
                roles=(HOSPITAL, SITE),
                party=party,
                facts=facts,
            )


def _reporter(record: RecordState) -> str:
    return next((event["reporter"]["partner"] for event in record.facts), "")


def _holders(on: Ground, finding: Finding) -> Iterator[Entry]:
    """Parties that hold something of it now."""
    for name in sorted(_touched(on, finding)):
        chain = on.journey.custody.get(name)
        if chain is not None and chain.holder and not chain.closed:
            yield Entry(
                kind="holder",
                text="holds something of it",
                about=("container", name),
                rule=finding.rule,
                roles=roles_for("custody.transferred"),
                party=chain.holder,
                facts=(chain.steps[-1].event,) if chain.steps else (),
            )


def _touched(on: Ground, finding: Finding) -> set[str]:
    """Names of the containers that a finding is about: it names one, or something that they come from or belong to."""
    journey = on.journey
    start = set(_things(journey, finding))
    origins = Origins(journey)
    found = {record.name for record in origins.below(start, "container")}
    for container in journey.of("container"):
        ref = ref_of(container)
        if product_of(journey, ref) & start:
            found.add(container.name)
    named = {name for kind, name in start if kind == "container"}
    return found | named or {container.name for container in journey.of("container")}


def _things(journey: Journey, finding: Finding) -> Iterator[Thing]:
    """What a finding is about, with what its record names: a result its lot, a recall its targets."""
    kind, name = finding.about
    if kind not in {"order", "recall", "result", "disposition", "readings", "issue"}:
        yield kind, name
    record = journey.records.get(kind, {}).get(name)
    for field in ("targets", "container", "material", "batch", "shipment") if record is not None else ():
        for ref in refs(record.fields.get(field) if record else None):
            yield ref["kind"], journey.name_of(ref)


def _between(on: Ground, finding: Finding) -> Iterator[Entry]:
    """I-2, I-38: the parties between which a container went, by the reports that do not fit."""
    chain = on.journey.custody.get(finding.about[1])
    steps = [(gap.holder, gap.giver, gap.taker) for gap in chain.gaps if gap.event in finding.facts] if chain else []
    steps += [("", step.giver, step.taker) for step in chain.steps if step.event in finding.facts] if chain else []
    for party in sorted({party for parties in steps for party in parties} - {""}):
        text = "gave, took or held the container: its report is missing or does not fit"
        yield _entry(finding, "party", text, roles_for("custody.transferred"), party=party)


BY_RULE = {
    "I-2": (_between,),
    "I-38": (_between,),
    "I-13": (_sites, _holders),
    "I-25": (_sites, _holders, _makers, _regulator),
    "I-28": (_authority, _sites),
}
"""Rule -> whom else its Issue is told to, besides those who can settle it."""


# ---- what was told already --------------------------------------------------------------------------------------


Notice = tuple[RecordState, EventDict]
"""A notification, and the last fact about it."""


def _notices(on: Ground, issue: str, finding: Finding | None) -> Iterator[Notice]:
    """Notices that were sent about this Issue, or about the recall that it tells of."""
    recalls = [r for r in on.journey.of("recall") if finding and set(ids(r.facts)) & set(finding.facts)]
    for record in on.journey.of("notification"):
        named = record.fields.get("issue") or {"identifiers": ()}
        of_it = any(i["value"] == issue for i in named["identifiers"])
        if of_it or on.journey.record(record.fields.get("recall")) in recalls:
            yield record, record.facts[-1]


def _unless_sent(on: Ground, entries: list[Entry], notices: Sequence[Notice]) -> Iterator[Entry]:
    """The entries but those whose role or party was told, or has acknowledged the recall."""
    sent = [record for record, _ in notices]
    roles = {record.fields.get("role") for record in sent}
    parties = {on.journey.name_of(to) for record in sent for to in refs(record.fields.get("to"))}
    recalls = on.journey.of("recall")
    heard = {on.journey.name_of(ref) for r in recalls for e in r.facts for ref in refs(e["set"].get("told"))}
    for entry in entries:
        acknowledged = entry.rule == "I-25" and entry.party in heard
        known = (entry.party in parties) if entry.party else bool(roles & set(entry.roles)) and entry.kind != "owner"
        if not known and not acknowledged:
            yield entry


def _sent(on: Ground, notices: Sequence[Notice]) -> Iterator[Entry]:
    for record, event in notices:
        said = record.fields
        to = next((on.journey.name_of(ref) for ref in refs(said.get("to"))), "")
        text = "has confirmed that it was told" if record.state == "confirmed" else "was told"
        roles = (said["role"],) if said.get("role") else ()
        about = ("notification", record.name)
        yield Entry("notice", text, about, roles=roles, party=to, facts=(event["id"],), done=True)
