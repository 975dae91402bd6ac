"""Life cycles: the usual ways from state to state, as data and as diagrams. The fold knows no ways, only facts.

A facet's state is a join of its live facts, so a fact makes its state whatever was known before. The ways here are
those that a life usually takes; what leads along them is read from the event catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from canonical_model.catalogue import EVENTS
from canonical_model.codes import STAGES, STATES
from canonical_model.joins import COMING_AND_GOING, EXCLUSIVE, REOPENING, STATED

START = "[*]"

WAYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "order": (
        (START, "draft"),
        (START, "submitted"),
        ("draft", "submitted"),
        ("submitted", "accepted"),
        ("submitted", "rejected"),
        ("submitted", "cancelled"),
        ("accepted", "completed"),
        ("accepted", "cancelled"),
        ("accepted", "failed"),
        ("completed", "closed"),
    ),
    "consent": ((START, "active"), (START, "refused"), ("active", "expired"), ("active", "withdrawn")),
    "appointment": (
        (START, "proposed"),
        (START, "booked"),
        ("proposed", "held"),
        ("proposed", "booked"),
        ("held", "booked"),
        ("held", "cancelled"),
        ("booked", "booked"),
        ("booked", "done"),
        ("booked", "cancelled"),
        ("booked", "missed"),
    ),
    "collection": (
        (START, "planned"),
        (START, "in-progress"),
        ("planned", "in-progress"),
        ("planned", "cancelled"),
        ("in-progress", "completed"),
        ("in-progress", "failed"),
    ),
    "container": (
        (START, "allocated"),
        (START, "stored"),
        ("stored", "allocated"),
        ("allocated", "unallocated"),
        ("unallocated", "allocated"),
        ("allocated", "issued"),
        ("stored", "issued"),
        ("issued", "returned"),
        ("returned", "stored"),
        ("issued", "emptied"),
        ("stored", "destroyed"),
        ("returned", "destroyed"),
    ),
    "shipment": (
        (START, "planned"),
        (START, "packed"),
        ("planned", "packed"),
        ("planned", "cancelled"),
        ("packed", "in-transit"),
        ("in-transit", "in-transit"),
        ("in-transit", "delivered"),
        ("in-transit", "lost"),
        ("delivered", "accepted"),
        ("delivered", "rejected"),
    ),
    "batch": (
        (START, "planned"),
        (START, "running"),
        ("planned", "running"),
        ("running", "running"),
        ("running", "completed"),
        ("running", "failed"),
        ("running", "terminated"),
    ),
    "result": (
        (START, "reported"),
        ("reported", "corrected"),
        ("reported", "invalidated"),
        ("corrected", "invalidated"),
    ),
    "administration": (
        (START, "planned"),
        (START, "running"),
        ("planned", "thawing"),
        ("planned", "not-done"),
        ("thawing", "running"),
        ("thawing", "not-done"),
        ("running", "completed"),
        ("running", "stopped"),
    ),
    "conditioning": (
        (START, "planned"),
        (START, "running"),
        ("planned", "running"),
        ("running", "completed"),
        ("running", "stopped"),
    ),
    "follow-up": (
        (START, "scheduled"),
        ("scheduled", "completed"),
        ("scheduled", "missed"),
        ("scheduled", "handed-over"),
        ("missed", "lost"),
    ),
    "qualification": ((START, "qualified"), ("qualified", "suspended"), ("suspended", "qualified")),
    "recall": ((START, "open"), ("open", "closed")),
    "notification": ((START, "sent"), ("sent", "confirmed")),
    "complaint": ((START, "open"), ("open", "closed")),
    "issue": (
        (START, "open"),
        ("open", "assessed"),
        ("open", "resolved"),
        ("assessed", "resolved"),
        ("resolved", "open"),
    ),
}
"""Kind -> its usual ways, each from one state to another."""


def events_to(kind: str, state: str) -> list[str]:
    """Event types whose facts make a record of a kind reach a state, by the catalogue."""
    own = [row for row in EVENTS.values() if row.about == kind]
    stated = [row.type for row in own if row.type in STATED and state != row.becomes]
    return [row.type for row in own if row.becomes == state] or stated


def diagram(kind: str) -> list[str]:
    """A life cycle as Mermaid source: states, and the event types on the ways between them."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state}" as {_id(state)}' for state in STATES[kind] if _id(state) != state]
    for start, end in WAYS[kind]:
        label = ", ".join(_short(kind, type_) for type_ in events_to(kind, end))
        lines.append(f"    {_id(start)} --> {_id(end)}{f': {label}' if label else ''}")
    return lines


def stage_diagram() -> list[str]:
    """The headline stages in their order as Mermaid source."""
    ways = [*STAGES[: STAGES.index("closed") + 1]]
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{stage}" as {_id(stage)}' for stage in STAGES if _id(stage) != stage]
    lines += [f"    {_id(one)} --> {_id(other)}" for one, other in zip(["[*]", *ways], [*ways, "[*]"], strict=True)]
    return [*lines, "    cancelled --> [*]", "    failed --> [*]"]


def _id(state: str) -> str:
    return state if state == START else state.replace("-", "_")


def _short(kind: str, type_: str) -> str:
    return type_.removeprefix(f"{kind}.")


def states_page() -> str:
    """The page of all life cycles."""
    lines = [
        "# States",
        "",
        "Generated by `python -m canonical_model.publish`; do not edit. Meanings of the states stand in the",
        "[catalogue](catalogue.md).",
        "",
        "A state is computed from all live facts about a record, never set: of two facts the one whose state stands",
        "further down the list of the catalogue holds, whatever their times. The arrows show the usual way and the",
        "event types (without the family, where that is the kind's name) that lead along it. Where no event type is",
        "written, no fact of the catalogue leads there.",
        "",
        "## Headline",
        "",
        "The furthest stage that the facts of an open attempt support. `cancelled` and `failed` can follow every",
        "other; a failed collection or batch leads back to `scheduled`.",
        "",
        *_fenced(stage_diagram()),
    ]
    for kind in STATES:
        lines += ["", f"## {kind}", "", *_fenced(diagram(kind)), *_notes(kind)]
    return "\n".join(lines) + "\n"


def _fenced(diagram_: Iterable[str]) -> list[str]:
    return ["```mermaid", *diagram_, "```"]


def _notes(kind: str) -> list[str]:
    excluded = "; ".join(f"`{one}` and `{other}`" for one, other in EXCLUSIVE.get(kind, ()))
    going = ", ".join(f"`{state}`" for state in STATES[kind] if state in COMING_AND_GOING.get(kind, ()))
    lines = ["", f"Exclude each other, so that a person decides: {excluded}."] if excluded else []
    again = ", ".join(f"`{type_}`" for type_ in REOPENING.get(kind, ()))
    return [
        *lines,
        *(["", f"Come and go, so that the latest fact holds: {going}."] if going else []),
        *(["", f"Opened again after it was settled, by a later {again}."] if again else []),
    ]
