"""Documents that are refused, each for one reason: by every JSON Schema validator, or only by the rules of the model.

A validator of somebody else's is right when it refuses the first set; an implementation of the model is right when it
refuses both. Each example of the second set names the published rule that it breaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from canonical_model import examples
from canonical_model.fold import fold
from canonical_model.ids import name_key
from canonical_model.json_schema import documents, example_order
from canonical_model.order_document import order_document
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.values import parse_instant

Document = dict[str, Any]

NOW: datetime = parse_instant("2026-04-20T00:00:00Z")
DROP = object()

Place = tuple[str | int, ...]

BY_SCHEMA: tuple[tuple[str, str, Place, Any, str], ...] = (
    ("event-without-time", "event", ("occurred",), DROP, "a fact says when it happened"),
    ("event-without-reporter", "event", ("reporter",), DROP, "a fact says who said it"),
    ("event-of-unknown-type", "event", ("type",), "order.eaten", "types are those of the catalogue"),
    ("event-of-another-kind", "event", ("about", "kind"), "container", "order.submitted is about an order"),
    ("event-about-nobody", "event", ("about", "identifiers"), [], "a record is named"),
    ("event-of-another-version", "event", ("v",), 2, "the envelope has one version"),
    ("event-with-short-id", "event", ("id",), "abc", "an id has forty hexadecimal digits"),
    ("event-with-unknown-field", "event", ("set", "colour"), "red", "fields are those of the kind"),
    ("event-with-null", "event", ("set", "priority"), None, "what is not stated is left out"),
    (
        "event-with-a-name-in-set",
        "event",
        ("set", "identifiers"),
        [{"system": "s", "value": "v"}],
        "names stand in about",
    ),
    ("event-with-free-text", "event", ("set", "note"), "told by phone", "free text is sealed in the log"),
    (
        "event-with-a-person",
        "event",
        ("set", "requesters"),
        [{"name": {"family": "F"}}],
        "people are actors in the log",
    ),
    ("event-of-unknown-role", "event", ("reporter", "role"), "king", "roles are those of the list"),
    ("event-clears-unknown-field", "event", ("clear",), ["colour"], "only fields of the kind are cleared"),
    ("instant-with-offset", "event", ("occurred", "at"), "2026-03-01T08:00:00+01:00", "instants are UTC"),
    ("instant-without-zone", "event", ("recorded",), "2026-03-01T08:00:00", "instants end in Z"),
    ("precision-unlike-text", "event", ("occurred", "precision"), "day", "the precision is that of the local text"),
    ("weight-as-number", "records/order", ("weight", "value"), 70.1, "numbers are text, with their digits"),
    ("weight-not-a-number", "records/order", ("weight", "value"), "NaN", "a number has digits"),
    ("weight-with-comma", "records/order", ("weight", "value"), "70,1", "the decimal sign is a point"),
    ("attempt-as-text", "records/order", ("attempt",), "2", "a count is a number"),
    ("unknown-programme", "records/order", ("programme",), "hobby", "the vocabulary is closed"),
    ("reference-to-a-frame", "event", ("set", "patient"), {"frame": "s"}, "the log names records, not frames"),
    ("identifier-without-system", "records/order", ("identifiers", 0), {"value": "P1"}, "a value alone names nothing"),
    ("empty-identifier", "records/order", ("identifiers", 0, "value"), "", "a name has a character"),
    ("concept-of-nothing", "records/order", ("service",), {}, "a concept has a coding or a text"),
    (
        "coding-of-nothing",
        "records/order",
        ("service", "codings", 0),
        {"system": "s"},
        "a coding has a code or a display",
    ),
    ("value-of-two-forms", "records/result", ("value",), {"boolean": True, "time": "08:00"}, "a value has one form"),
    ("value-of-no-form", "records/result", ("value",), {}, "a value has one form"),
    ("unknown-evaluation", "records/result", ("evaluation",), "maybe", "the vocabulary is closed"),
    ("unknown-decision", "records/disposition", ("decision",), "fine", "the vocabulary is closed"),
    ("yes-as-text", "records/subject", ("deceased",), "false", "yes and no are booleans"),
    ("label-with-a-name", "records/container", ("label", "patient_name"), "F", "person data of a label is the vault's"),
    ("point-without-value", "records/readings", ("points", 0, "value"), DROP, "a point has a value"),
    ("step-with-unknown-status", "records/batch", ("steps", 0, "status"), "half", "the vocabulary is closed"),
    ("frame-of-another-kind", "frame/order", ("kind",), "container", "a frame says its own kind"),
    ("frame-without-key", "frame/order", ("key",), "", "a frame has a key in its message"),
    ("frame-without-set", "frame/order", ("set",), DROP, "a frame says what it sets"),
    ("order-without-facts", "order-document", ("facts",), DROP, "an order rests on facts"),
    ("order-with-unknown-stage", "order-document", ("state", "stage"), "lost", "stages are those of the list"),
    ("order-with-unknown-kind", "order-document", ("records", "bag"), [], "kinds are those of the model"),
    (
        "order-with-a-set-state",
        "order-document",
        ("records", "order", 0, "state"),
        "eaten",
        "states are those of the kind",
    ),
    (
        "order-with-unknown-issue",
        "order-document",
        ("issues", 0, "kind"),
        "bad-luck",
        "kinds of Issue are those of the list",
    ),
    ("order-with-a-broken-fact", "order-document", ("facts", 0, "type"), "order.eaten", "every fact is an event"),
)
"""Name, schema, place in its example, what is put there, why it is refused."""


class Refused(NamedTuple):
    """A document that must be refused: by which schema, for which rule (empty: the schema itself), and why."""

    name: str
    schema: str
    rule: str
    why: str
    document: Document

    def plain(self) -> dict[str, Any]:
        """The example as it is published."""
        shown = {"schema": f"{self.schema}.schema.json", "why": self.why}
        return {**shown, **({"rule": self.rule} if self.rule else {}), "document": self.document}


def refused_by_schema() -> list[Refused]:
    """Examples that every validator of the schema refuses, and the model too."""
    published = documents()
    return [
        Refused(name, schema, "", why, _changed(published[f"{schema}.schema.json"]["examples"][0], place, value))
        for name, schema, place, value, why in BY_SCHEMA
    ]


def _copy(document: Document) -> Document:
    copied: Document = json.loads(json.dumps(document))
    return copied


def _changed(document: Document, place: Place, value: Any) -> Document:
    changed = _copy(document)
    node: Any = changed
    for step in place[:-1]:
        node = node[step]
    if value is DROP:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return changed


# ---- by rule -----------------------------------------------------------------------------------------------------


def refused_by_rule() -> list[Refused]:
    """Examples that fit their schema and that the model refuses, each with the rule that it breaks."""
    return [*_values(), *_documents(), *_hidden()]


def _values() -> list[Refused]:
    fact = examples.order_facts()[0]
    leap = {**fact["occurred"], "at": "2026-02-29T08:00:00Z", "local": "2026-02-29T08:00:00"}
    return [
        Refused("no-such-day", "event", "V-1", "2026 is no leap year", {**fact, "occurred": leap}),
        Refused(
            "no-such-zone", "event", "V-2", "no zone of that name", _changed(fact, ("occurred", "zone"), "Mars/Base")
        ),
        Refused("supersedes-itself", "event", "V-3", "a fact takes itself back", {**fact, "supersedes": [fact["id"]]}),
    ]


def _documents() -> list[Refused]:
    made = example_order()
    edits: tuple[tuple[str, str, str, Callable[[Document], Any]], ...] = (
        ("facts-out-of-order", "D-1", "two facts change places", lambda d: d["facts"].insert(0, d["facts"].pop(1))),
        ("fact-twice", "D-1", "a fact stands twice", lambda d: d["facts"].insert(0, d["facts"][0])),
        (
            "claim-made-up",
            "D-2",
            "a fact with authority is called a claim",
            lambda d: d["claims"].append(d["facts"][0]["id"]),
        ),
        ("stage-set", "D-3", "the stage is not what the facts support", lambda d: d["state"].update(stage="infused")),
        ("holder-set", "D-3", "the holder is not whom the facts name", lambda d: d["custody"][0].update(holder="x|y")),
        ("decision-hidden", "D-3", "a field is left out of its record", _without_decision),
        ("fact-unlinked", "D-4", "a fact has no link", lambda d: d["links"].pop()),
        (
            "issue-renamed",
            "D-6",
            "the id is not made of rule, record and cause",
            lambda d: d["issues"][0].update(id="0" * 40),
        ),
    )
    found = []
    for name, rule, why, edit in edits:
        changed = _copy(made)
        edit(changed)
        found.append(Refused(name, "order-document", rule, why, changed))
    return found


def _without_decision(document: Document) -> None:
    del document["records"]["disposition"][0]["fields"]["decision"]


def _hidden() -> list[Refused]:
    """Orders that leave out an Issue which their facts raise, one for each of several rules."""
    found = []
    for rule, (why, facts) in _troubles().items():
        names = [name_key("order", identifier) for identifier in facts[0]["about"]["identifiers"]]
        made = order_document(fold(names, facts), DEFAULT_PROTOCOLS, NOW)
        kept = [issue for issue in made["issues"] if issue["rule"] != rule]
        if len(kept) < len(made["issues"]):
            found.append(Refused(f"hides-{rule.lower()}", "order-document", rule, why, {**made, "issues": kept}))
    return found


def _troubles() -> Mapping[str, tuple[str, list[Document]]]:
    """Rule -> what went wrong, and the facts of an order to which that happened."""
    order, collected, bag, *_ = facts = examples.order_facts()
    other = {"coi": {**examples.identifier("coi"), "value": "CHA999926000099"}}
    subject, administration = examples.ref("subject"), examples.ref("administration")
    courier = {"kind": "party", "identifiers": [{"system": "https://courier.example/id/party", "value": "C"}]}
    stranger = examples.fact(
        *("custody.transferred", bag["about"], "2026-03-08T09:00:00", "courier", "courier"),
        giver=courier,
        taker=examples.ref("party"),
    )
    dead = examples.fact("subject.deceased", subject, "2026-03-01T09:00:00", "mercy", "hospital")
    infused = examples.fact(
        *("infusion.started", administration, "2026-03-22T09:00:00", "mercy", "hospital"),
        order=order["about"],
        containers=[bag["about"]],
    )
    return {
        "I-1": ("the label carries another order's identifier", [order, collected, _labelled(bag, other)]),
        "I-2": ("a party gives what it does not hold", [order, collected, bag, stranger]),
        "I-4": ("manufacture did not start in its window", [order, collected, bag]),
        "I-6": ("released without results in limits", facts),
        "I-7": ("infused without a release", [order, collected, bag, infused]),
        "I-9": ("infused after death", [order, collected, bag, dead, infused]),
        "I-32": ("a result is outside its limit", facts),
    }


def _labelled(fact: Document, label: Document) -> Document:
    return {**fact, "set": {**fact["set"], "label": label}}
