"""What a material still lacks before it can be released: results, Issues, a decision. A list, never a release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.journey import Journey
from canonical_model.lineage import Thing, above, product_of, ref_of
from canonical_model.protocols import Protocol
from canonical_model.questions.answer import Entry, Listed, Reason, deny, listed, reason_of, roles_for, who_clears
from canonical_model.questions.first import CONTRADICTIONS, Ground, ground, no_protocol
from canonical_model.questions.manufacture import Named
from canonical_model.questions.scanning import as_ref, is_known
from canonical_model.rules.finding import RELEASE, Finding
from canonical_model.rules.missing import Missing
from canonical_model.rules.quality import OUT_OF_HOLD, standing
from canonical_model.rules.release import missing_for_release

KINDS = ("result", "interim", "specification", "region", "issue", "manufacture", "decision")
"""Kinds of entries."""
_LACKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "criterion": ("result", roles_for("result.reported")),
    "interim": ("interim", roles_for("result.reported")),
    "specification": ("specification", roles_for("order.amended")),
    "region": ("region", roles_for("disposition.decided")),
}
"""What is missing -> the kind of the entry, and the roles whose word brings it."""


def what_is_missing_for_release(
    journey: Journey,
    material: Named,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Listed:
    """What stands between a material, batch or container and its release, by the Protocol's Specification.

    `material` names it, or its batch or container: a lot number is often the name of both. Kinds of entries: `result`
    (none that is final and in), `interim` (a preliminary one will do for a conditional release), `specification` and
    `region` (what to hold it against), `issue` (an open one against it), `manufacture` (its batch has not ended),
    `decision` (nobody has decided). The hub releases nothing: an empty list says that quality decided and nothing
    speaks against it.
    """
    on = ground(RELEASE, journey, protocols, now)
    ref = _known(journey, material)
    if ref is None:
        text, settle = "it is not known to belong to this order", "the maker reports the product with its order"
        unknown = deny("I-1", text, settle, roles_for("container.created", "batch.completed"))
        return listed(RELEASE, (), [*unsettled, unknown])
    reasons = [*unsettled, *([no_protocol()] if on.protocol is None else []), *_contradictions(on)]
    return listed(RELEASE, [*_by_rules(on, ref), *_made(on, ref), *_decision(on, ref)], reasons)


def _known(journey: Journey, named: Named) -> dict[str, Any] | None:
    """A reference to the material, batch or container that goes by a name; none where nothing does."""
    found = (as_ref(kind, named) for kind in ("material", "batch", "container"))
    return next((ref for ref in found if is_known(journey, ref)), None)


def _contradictions(on: Ground) -> Iterator[Reason]:
    """What leaves open whether the list is right."""
    yield from (reason_of(f) for f in on.findings if f.blocks and f.rule in CONTRADICTIONS)


def _by_rules(on: Ground, ref: Mapping[str, Any]) -> Iterator[Entry]:
    """What the Specification asks for, and the findings that stand against a release."""
    lacking = missing_for_release(on.journey, on.protocol, ref, on.now, on.findings)
    yield from (_lacking(on, one, ref) for one in lacking if one.what != "issue")
    against = {(one.of, one.facts) for one in lacking if one.what == "issue"}
    for finding in on.findings:
        stands = (finding.about, finding.facts) in against
        if stands or (RELEASE in finding.blocks and _is_about(on.journey, finding, ref)):
            yield _issue(finding)


def _lacking(on: Ground, one: Missing, ref: Mapping[str, Any]) -> Entry:
    kind, roles = _LACKS[one.what]
    about = one.of or (ref["kind"], on.journey.name_of(ref))
    return Entry(kind, one.text, about, "I-6", roles=roles, settle=one.settle, facts=one.facts)


def _issue(finding: Finding) -> Entry:
    clears = who_clears(finding)
    return Entry(
        "issue", finding.text, finding.about, finding.rule, roles=clears, settle=finding.settle, facts=finding.facts
    )


def _is_about(journey: Journey, finding: Finding, ref: Mapping[str, Any]) -> bool:
    """True unless a finding is about another material, batch or container than this one and what it belongs to."""
    kind, name = finding.about
    record = journey.records.get(kind, {}).get(name)
    own = product_of(journey, ref)
    if record is None or kind in {"order", "subject"}:
        return True
    named: set[Thing] = above(
        journey, [{"kind": kind, "identifiers": record.identifiers}], ("container", "material", "batch")
    )
    targets = {thing for thing in named if thing[0] in {"container", "material", "batch"}}
    return not targets or bool(targets & own)


def _made(on: Ground, ref: Mapping[str, Any]) -> Iterator[Entry]:
    """Manufacture has ended with a product."""
    own = product_of(on.journey, ref)
    filled = [product_of(on.journey, ref_of(container)) for container in on.journey.of("container")]
    things = own.union(*(product for product in filled if product & own))
    for batch in on.journey.of("batch"):
        if ("batch", batch.name) in things and batch.state != "completed":
            text = f"the batch is {batch.state or 'not begun'}"
            facts = tuple(event["id"] for event in batch.facts)
            settle, roles = "the maker reports its end", roles_for("batch.completed")
            yield Entry("manufacture", text, ("batch", batch.name), "I-6", roles=roles, settle=settle, facts=facts)


def _decision(on: Ground, ref: Mapping[str, Any]) -> Iterator[Entry]:
    """Quality has decided that it is released, by whatever way."""
    held = standing(on.journey, ref)
    against = sorted({decision.says for decision in held if decision.says not in OUT_OF_HOLD})
    if held and not against:
        return
    text = f"the decision that stands is: {', '.join(against)}" if against else "quality has not decided"
    facts = tuple(decision.event["id"] for decision in held)
    about = (ref["kind"], on.journey.name_of(ref))
    roles, settle = roles_for("disposition.decided"), "quality decides about the material"
    yield Entry("decision", text, about, "I-6", roles=roles, settle=settle, facts=facts)
