"""Examples of every published schema: one of each kind that fills every field, and one order from facts. Data alone.

The examples are made from the schema: `example_values` says for a field's name what stands in it, the schema says of
what form it is. All of them tell of one invented order of an autologous therapy; no person, place or number is real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from canonical_model.example_values import (
    CODES,
    DECIMALS,
    LISTS,
    MOMENT,
    MOMENTS,
    NAMES,
    NUMBERS,
    OWN_CODES,
    OWN_LISTS,
    OWN_PEERS,
    OWN_TEXTS,
    PEERS,
    TEXTS,
    UCUM,
    WHOLES,
    WORDS,
)
from canonical_model.ids import event_id
from canonical_model.values import LOCAL_LENGTHS

Schema = Mapping[str, Any]


class Maker:
    """Makes an example from a schema: every field of the kind is filled."""

    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions

    def of(self, node: Schema, field: str, owner: str) -> Any:
        """An example of what stands in a field of an owner (a kind or a value type)."""
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            known = _known(name, field, owner)
            return self.filled(self._definitions[name], name) if known is None else known
        if "anyOf" in node:
            return self.of(node["anyOf"][-1], field, owner)
        if "enum" in node:
            return WORDS[field] if WORDS.get(field) in node["enum"] else node["enum"][0]
        if node["type"] == "array":
            own = OWN_LISTS.get(f"{owner}.{field}", LISTS.get(field))
            return own if own and _type(node["items"]) == "string" else [self.of(node["items"], field, owner)]
        if node["type"] == "string":
            return self._text(node, field, owner)
        return WHOLES.get(field, 1) if node["type"] == "integer" else field not in {"deceased", "do_not_perform"}

    def filled(self, node: Schema, owner: str) -> Any:
        """An object with all of its fields; of a value that has one form the first form."""
        if "properties" not in node:
            return self.of(node, owner, owner)
        fields = {name: self.of(inner, name, owner) for name, inner in node["properties"].items()}
        return dict(list(fields.items())[: node.get("maxProperties")])

    def _text(self, node: Schema, field: str, owner: str) -> str:
        if "number" in node.get("title", "") or node.get("pattern", "").startswith("^-?[0-9]{1,40}"):
            return DECIMALS.get(field, "1")
        return OWN_TEXTS.get(f"{owner}.{field}", TEXTS.get(field, field.replace("_", " ")))


def _type(node: Schema) -> str:
    return "string" if "enum" in node else str(node.get("type", ""))


def _known(name: str, field: str, owner: str) -> Any:
    """The example of a value type that several fields hold; None where it is made field by field."""
    if name == "Identifier":
        return identifier(_peer(field, owner))
    if name == "Ref":
        return ref(_peer(field, owner))
    if name == "Concept":
        code, display = OWN_CODES.get(f"{owner}.{field}", CODES.get(field, (_code(field), field.replace("_", " "))))
        return {"codings": [{"code": code, "display": display}]}
    if name == "When":
        return when(MOMENTS.get(field, MOMENT))
    if name == "Quantity":
        value, unit = NUMBERS.get(field, ("1", "1"))
        return {"value": value, "unit": unit, "unit_system": UCUM}
    values: dict[str, Any] = {
        "Period": {"start": when(MOMENTS["start"]), "end": when(MOMENTS["end"])},
        "Sealed": {"sealed": "t-7d1"},
        "Actor": {"actor": "a-19c"},
        "Person": {"identifier": identifier("person"), "name": {"family": "Example", "given": ["Pat"]}},
        "Name": {"use": "official", "family": "Example", "given": ["Robin"]},
        "Address": {"use": "home", "lines": ["1 Main Street"], "city": "Springfield", "country": "US"},
        "Telecom": {"use": "home", "system": "phone", "value": "+1 555 0100"},
        "Measurement": {"quantity": {"value": "91.50", "unit": "%", "unit_system": UCUM}},
        "Range": {"low": {"value": "80", "unit": "%", "unit_system": UCUM}},
        "Participation": {"person": {"actor": "a-19c"}, "period": {"start": when(MOMENTS["start"])}},
        "Organization": {"name": "Mercy Laboratory", "identifier": identifier("party")},
        "Place": {"name": "Cryo store 2", "identifier": identifier("location")},
        "Precision": "second",
        "Comparator": ">=",
    }
    if field == "transport_temperature":
        return {"low": {"value": "2", "unit": "Cel"}, "high": {"value": "8", "unit": "Cel"}}
    return values.get(name)


def _peer(field: str, owner: str) -> str:
    own = OWN_PEERS.get(f"{owner.lower()}.{field}")
    return own or PEERS.get(field) or (field if field in NAMES else owner.lower() if owner.lower() in NAMES else "coi")


def _code(field: str) -> str:
    return field.replace("_", "-").upper()


def identifier(kind: str) -> dict[str, Any]:
    """What a thing of a kind is called in the examples."""
    system, value, type_ = NAMES[kind]
    return {"system": system, "value": value, **({"type": type_} if type_ else {})}


def ref(kind: str, *others: str) -> dict[str, Any]:
    """A reference to the thing of a kind, under further names where asked."""
    return {"kind": kind, "identifiers": [identifier(kind), *map(identifier, others)]}


def when(local: str) -> dict[str, Any]:
    """A When in UTC from as much of a local text as is stated."""
    at = local + "0001-01-01T00:00:00"[len(local) :]
    return {"at": f"{at}Z", "local": local, "zone": "Z", "precision": LOCAL_LENGTHS[len(local)]}


def record_example(kind: str, schema: Schema) -> dict[str, Any]:
    """A record of a kind with every field, as the log has it. `schema`: the published schema of the record."""
    made: dict[str, Any] = Maker(schema.get("$defs", {})).filled(schema, kind)
    return made


def frame_example(kind: str, schema: Schema) -> dict[str, Any]:
    """A frame of a kind. `schema`: the published schema of the frame."""
    definitions = schema["$defs"]
    fields = definitions[schema["properties"]["set"]["$ref"].rpartition("/")[2]]
    filled = Maker(definitions).filled(fields, kind)
    kept = {name: _in_message(value) for name, value in filled.items()}
    return {"kind": kind, "key": f"{kind}-1", "set": kept, "clear": ["note"] if "note" in kept else []}


def _in_message(value: Any) -> Any:
    """A value as a message has it: other records of the message by their frames."""
    if isinstance(value, list):
        return [_in_message(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == {"kind", "identifiers"}:
            return {"frame": f"{value['kind']}-1"}
        return {name: _in_message(inner) for name, inner in value.items()}
    return value


# ---- one order ---------------------------------------------------------------------------------------------------

Facts = Sequence[Mapping[str, Any]]


def fact(type_: str, about: dict[str, Any], local: str, partner: str, role: str, **said: Any) -> dict[str, Any]:
    """One event of the examples, told by a partner at the moment when it happened."""
    occurred = when(local)
    source = f"{partner}/{type_}"
    return {
        "v": 1,
        "id": event_id(partner, source, "", type_, type_, about, [said, occurred, role]),
        "type": type_,
        "about": about,
        "set": said,
        "clear": [],
        "occurred": occurred,
        "recorded": occurred["at"],
        "reporter": {"partner": partner, "role": role},
        "source_id": source,
        "ordinal": "1",
        "frame": type_,
    }


def order_facts() -> list[dict[str, Any]]:
    """The facts of the example order, from the prescription to a decision that its result does not support."""
    hospital, cdmo = ref("party"), {"kind": "party", "identifiers": [{"system": NAMES["party"][0], "value": "CDMO"}]}
    order, bag, patient = ref("order", "coi"), ref("container"), ref("subject")
    viability = {"quantity": {"value": "74.0", "unit": "%"}}
    limit = {"low": {"value": "80", "unit": "%"}}
    test = {"codings": [{"code": "viability"}]}
    return [
        fact(
            "order.submitted",
            order,
            "2026-03-01T08:00:00",
            "mercy",
            "hospital",
            service={"codings": [{"code": "AXI-CEL"}]},
            patient=patient,
            protocol="autologous-car-t@1",
        ),
        fact(
            "collection.completed",
            ref("collection"),
            "2026-03-08T06:40:00",
            "mercy",
            "hospital",
            order=order,
            donor=patient,
            outputs=[bag],
        ),
        fact(
            "container.created",
            bag,
            "2026-03-08T06:45:00",
            "mercy",
            "hospital",
            order=order,
            collection=ref("collection"),
            label={"coi": identifier("coi")},
            holder=hospital,
        ),
        fact("custody.transferred", bag, "2026-03-08T12:00:00", "mercy", "hospital", giver=hospital, taker=cdmo),
        fact("custody.transferred", bag, "2026-03-08T12:00:00", "cdmo", "cdmo", giver=hospital, taker=cdmo),
        fact("batch.started", ref("batch"), "2026-03-09T08:00:00", "cdmo", "cdmo", order=order, inputs=[bag]),
        fact("batch.completed", ref("batch"), "2026-03-17T16:00:00", "cdmo", "cdmo", outputs=[ref("material")]),
        fact(
            "result.reported",
            ref("result"),
            "2026-03-18T09:00:00",
            "lab",
            "qc-lab",
            material=ref("material"),
            batch=ref("batch"),
            test=test,
            status="final",
            value=viability,
            limit=limit,
            evaluation="out",
        ),
        fact(
            "disposition.decided",
            ref("disposition"),
            "2026-03-20T10:00:00",
            "cdmo",
            "cdmo",
            batch=ref("batch"),
            material=ref("material"),
            decision="released",
            signer={"actor": "a-19c"},
        ),
    ]


def event_facts() -> list[dict[str, Any]]:
    """The facts of the example order, and a correction that fills every field of the envelope."""
    facts = order_facts()
    result = facts[-2]
    corrected = fact("result.corrected", result["about"], "2026-03-19T09:00:00", "lab", "qc-lab", evaluation="in")
    envelope = {
        "clear": ["?limit.high"],
        "causes": [facts[-3]["id"]],
        "supersedes": [result["id"]],
        "reason": "counted again",
        "configuration": "9c1f0a",
        "body": "3b7e51",
        "lenient": False,
    }
    return [*facts, {**corrected, **envelope}]
