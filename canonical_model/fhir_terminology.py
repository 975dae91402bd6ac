"""The model's code lists as FHIR R4 CodeSystem, ValueSet and ConceptMap resources. Makes them; sends them nowhere.

Each list has the URL `<base>/cs/<list>` as CodeSystem and `<base>/vs/<list>` as ValueSet of all its codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from canonical_model import BASE, MODEL_VERSION
from canonical_model.catalogue import EVENTS
from canonical_model.codes import ISSUE_KINDS, ROLE_MEANINGS, STAGE_MEANINGS, STATE_MEANINGS
from canonical_model.events import RULES as EVENT_RULES
from canonical_model.order_document import RULES as DOCUMENT_RULES
from canonical_model.values import RULES as VALUE_RULES
from canonical_model.vocabularies import TESTS, VOCABULARIES

Resource = dict[str, Any]

LOINC = "http://loinc.org"
DRAFT_DATE = "2026-11-22"
"""Date of the lists (CodeSystem.date): set by hand when they change, so that the same lists make the same bytes."""


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list: its name, title, what it is for, its codes with their meanings, and further properties of a code."""

    name: str
    title: str
    description: str
    codes: Mapping[str, str]
    properties: Mapping[str, Callable[[str], str]] | None = None

    @property
    def system(self) -> str:
        """URI of the code system."""
        return f"{BASE}/cs/{self.name}"


def code_lists() -> list[CodeList]:
    """All lists of the model."""
    return [*_main_lists(), *_states(), *(_vocabulary(name, codes) for name, codes in VOCABULARIES.items())]


def _main_lists() -> Iterable[CodeList]:
    about = {"about": lambda code: EVENTS[code].about or "any", "becomes": lambda code: EVENTS[code].becomes}
    meanings = {row.type: row.definition for row in EVENTS.values()}
    yield CodeList("event-type", "Event types", "Kinds of fact in the life of a therapy order.", meanings, about)
    yield CodeList("stage", "Stages", "Headline stages of a therapy order; computed, never set.", STAGE_MEANINGS)
    yield CodeList("issue-kind", "Issue kinds", "What an Issue is about.", ISSUE_KINDS)
    yield CodeList("role", "Roles", "Roles in which partners and persons speak.", ROLE_MEANINGS)
    rules = {**VALUE_RULES, **EVENT_RULES, **DOCUMENT_RULES}
    yield CodeList("document-rule", "Rules of documents", "What a JSON Schema cannot say of a document.", rules)
    tests = {code: row[0] for code, row in TESTS.items()}
    unit = {"unit": lambda code: TESTS[code][1]}
    yield CodeList("test", "Tests", "Tests of starting material and product.", tests, unit)


def _states() -> Iterable[CodeList]:
    for kind, meanings in STATE_MEANINGS.items():
        yield CodeList(
            f"{kind}-state", f"States of {kind}", f"States of the facet of a record of kind {kind}.", meanings
        )


def _vocabulary(name: str, codes: Mapping[str, str]) -> CodeList:
    words = name.replace("-", " ")
    return CodeList(name, words.capitalize(), f"Values of the vocabulary {words}.", codes)


def code_system(made: CodeList) -> Resource:
    """A list as CodeSystem: complete, case-sensitive, in its order."""
    further = made.properties or {}
    properties = [{"code": name, "type": "string"} for name in further]
    return {
        **_head("CodeSystem", "cs", made),
        "caseSensitive": True,
        "valueSet": f"{BASE}/vs/{made.name}",
        "content": "complete",
        "count": len(made.codes),
        **({"property": properties} if properties else {}),
        "concept": [_concept(code, meaning, further) for code, meaning in made.codes.items()],
    }


def _concept(code: str, meaning: str, further: Mapping[str, Callable[[str], str]]) -> Resource:
    said = [{"code": name, "valueString": value} for name, of in further.items() if (value := of(code))]
    shown = {"code": code, "display": code.replace("-", " ").replace(".", " "), "definition": meaning}
    return {**shown, **({"property": said} if said else {})}


def value_set(made: CodeList) -> Resource:
    """All codes of a list as ValueSet."""
    compose = {"include": [{"system": made.system, "version": MODEL_VERSION}]}
    return {**_head("ValueSet", "vs", made), "immutable": False, "compose": compose}


def loinc_map() -> Resource:
    """Hub test codes and the LOINC codes that were found for them: optional, and to be checked against a release."""
    found = [
        {"code": code, "target": [{"code": loinc, "equivalence": stands}]}
        for code, (_, _, loinc, stands) in TESTS.items()
        if loinc
    ]
    words = "Hub test codes and LOINC codes; not yet checked against a licensed release of LOINC. "
    rights = "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee; see https://loinc.org/license/."
    tests = next(one for one in code_lists() if one.name == "test")
    head = _head("ConceptMap", "cm", CodeList("test-loinc", "Tests to LOINC", words, {}))
    group = {"source": tests.system, "target": LOINC, "element": found}
    ends = {"sourceUri": f"{BASE}/vs/test", "targetUri": f"{LOINC}/vs"}
    return {**head, "copyright": rights, **ends, "group": [group]}


def _head(type_: str, folder: str, made: CodeList) -> Resource:
    """What all resources say of themselves."""
    return {
        "resourceType": type_,
        "id": made.name,
        "url": f"{BASE}/{folder}/{made.name}",
        "version": MODEL_VERSION,
        "name": "".join(word.capitalize() for word in made.name.split("-")),
        "title": made.title,
        "status": "draft",
        "experimental": False,
        "date": DRAFT_DATE,
        "publisher": "CGT Hub",
        "description": made.description,
        "copyright": "CC0-1.0",
    }


def resources() -> dict[str, Resource]:
    """Every resource by its path below `schemas/v1/fhir`."""
    lists = code_lists()
    systems = {f"CodeSystem-{made.name}.json": code_system(made) for made in lists}
    sets = {f"ValueSet-{made.name}.json": value_set(made) for made in lists}
    return {**systems, **sets, "ConceptMap-test-loinc.json": loinc_map()}
