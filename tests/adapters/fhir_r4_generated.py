"""Valid FHIR R4 resources made at random from the structures of R4: every element, or only those that a table carries.

Made from `structures`, which a test holds to the official definitions; each is valid by `validate` before it is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from typing import Any

from adapters import json_text
from adapters.fhir_r4.structures import Element, types
from adapters.fhir_r4.validate import validate
from adapters.json_text import Num

Tree = dict[str, Any]

_WORDS = ("cells", "Größe 漢字", "a|b^c&d~e", 'quo"te', "two words", "<b>&amp;</b>")
_DAYS = ("2026-03-08", "2026-02-28", "2024-02-29", "2026-12-31")
_TIMES = ("2026-03-08T06:40:00-05:00", "2026-03-08T06:40:00.250Z", "2026-10-25T02:30:00+02:00")
_LATER = ("2027-01-01T00:00:00Z", "2027-06-30")
_SYSTEMS = ("urn:oid:1.2.3", "https://a.example/id", "http://snomed.info/sct")
_SKIPPED = frozenset({"id", "extension", "modifierExtension", "implicitRules", "contained", "text", "language"})


def resources(type_: str, seed: int, amount: int, only: Collection[str] = ()) -> Iterator[Tree]:
    """That many valid resources of a type, with elements by chance; `only`: no others than these and the required."""
    rng = random.Random(f"{type_} {seed}")
    while amount:
        tree = json_text.loads(json_text.dumps({"resourceType": type_, **_object(type_, rng, 0, only), "id": "g-1"}))
        if not validate(tree):
            amount -= 1
            yield tree


def _object(type_: str, rng: random.Random, depth: int, only: Collection[str] = ()) -> Tree:
    """An object of a type: what is required, and some of the rest."""
    made = _BY_HAND.get(type_)
    if made is not None:
        return made(rng)
    out: Tree = {}
    chosen: dict[str, str] = {}
    elements = [e for e in types()[type_].values() if e.name not in _SKIPPED]
    rng.shuffle(elements)
    for element in elements:
        if element.choice and element.choice in chosen:
            continue
        wanted = element.required or rng.random() < (0.5 if depth == 0 else 0.3)
        allowed = element.required or not only or depth > 0 or element.name in only
        if wanted and allowed and (depth < 4 or element.required):
            value = _element(element, rng, depth)
            if value not in ({}, []):
                out[element.name] = value
                chosen[element.choice or element.name] = element.name
    return out


def _element(element: Element, rng: random.Random, depth: int) -> Any:
    if not element.repeats:
        return _value(element, rng, depth)
    items = [_value(element, rng, depth) for _ in range(rng.choice((1, 1, 2)))]
    return [item for item in items if item != {}]


def _value(element: Element, rng: random.Random, depth: int) -> Any:
    name, words = element.kind.name, element.kind.words
    if name == "Reference":
        return _reference(rng, words)
    if name == "code" and words:
        return rng.choice(words)
    made = _PRIMITIVES.get(name)
    return made(rng) if made is not None else _object(name, rng, depth + 1)


def _reference(rng: random.Random, words: tuple[str, ...] = ()) -> Tree:
    type_ = rng.choice(words or ("Patient", "ServiceRequest", "Specimen", "BiologicallyDerivedProduct"))
    if rng.random() < 0.5:
        return {"reference": f"{type_}/g-{rng.randrange(9)}"}
    return {"type": type_, "identifier": {"system": rng.choice(_SYSTEMS), "value": f"N-{rng.randrange(99)}"}}


def _coding(rng: random.Random) -> Tree:
    coding: Tree = {"system": rng.choice(_SYSTEMS), "code": f"C{rng.randrange(99)}"}
    return {**coding, "display": rng.choice(_WORDS)} if rng.random() < 0.4 else coding


def _concept(rng: random.Random) -> Tree:
    return {"coding": [_coding(rng)]} if rng.random() < 0.6 else {"text": rng.choice(_WORDS)}


def _quantity(rng: random.Random) -> Tree:
    number = rng.choice(("2.10", "-0.50", "100", "0.000001"))
    return {"value": Num(number), "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"}


def _period(rng: random.Random) -> Tree:
    return {"start": rng.choice((*_TIMES, *_DAYS)), "end": rng.choice(_LATER)}


def _identifier(rng: random.Random) -> Tree:
    return {"system": rng.choice(_SYSTEMS), "value": f"I-{rng.randrange(999)}"}


_BY_HAND: dict[str, Callable[[random.Random], Tree]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Quantity": _quantity,
    "Period": _period,
    "Identifier": _identifier,
    "Annotation": lambda rng: {"text": rng.choice(_WORDS)},
    "Meta": lambda rng: {"profile": [f"https://a.example/sd/{rng.randrange(9)}"]},
    "Ratio": lambda rng: {"numerator": _quantity(rng), "denominator": _quantity(rng)},
    "Range": lambda rng: {"low": _quantity(rng), "high": _quantity(rng)},
    "Attachment": lambda rng: {"contentType": "application/pdf", "data": "JVBERi0x", "title": rng.choice(_WORDS)},
}
"""Data types whose parts depend on each other."""

_PRIMITIVES: dict[str, Callable[[random.Random], Any]] = {
    "boolean": lambda rng: rng.random() < 0.5,
    "integer": lambda rng: Num(str(rng.randrange(-9, 9))),
    "unsignedInt": lambda rng: Num(str(rng.randrange(9))),
    "positiveInt": lambda rng: Num(str(rng.randrange(1, 9))),
    "decimal": lambda rng: Num(rng.choice(("2.10", "-150.0", "0"))),
    "code": lambda rng: rng.choice(("en", "a-code", "X1")),
    "id": lambda rng: f"i-{rng.randrange(99)}",
    "uri": lambda rng: f"urn:oid:1.2.{rng.randrange(99)}",
    "url": lambda rng: f"https://a.example/{rng.randrange(99)}",
    "canonical": lambda rng: f"https://a.example/sd/{rng.randrange(99)}",
    "oid": lambda rng: f"urn:oid:1.2.{rng.randrange(99)}",
    "uuid": lambda rng: f"urn:uuid:6f0f3c5e-7a15-4d9a-8c8e-{rng.randrange(10**12):012}",
    "base64Binary": lambda rng: rng.choice(("JVBERi0x", "QUJD")),
    "date": lambda rng: rng.choice(_DAYS),
    "dateTime": lambda rng: rng.choice((*_DAYS, *_TIMES, "2026", "2026-03")),
    "instant": lambda rng: rng.choice(_TIMES),
    "time": lambda rng: rng.choice(("08:00:00", "23:59:59.5")),
    "string": lambda rng: rng.choice(_WORDS),
    "markdown": lambda rng: rng.choice(_WORDS),
}
