"""The cases as they stand in `cases/**.json`: read, checked against `case.schema.json`, named. Plays nothing.

A case is a promise with its requirement, and either steps (send, expect) or a document that a published schema has to
take or refuse. `docs/conformance.md` is the manual of the language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jsonschema import Draft202012Validator

from conformance_tests import scenarios
from conformance_tests.pointers import ABSENT, edited
from conformance_tests.scenarios import Scenario, ScenarioError

SUITE = "suite.json"
SCENARIOS = "scenarios"
"""Folder of the cases that are written as facts; `scenarios` reads them."""


class CaseError(Exception):
    """The kit's own fault: a case that does not say what it should."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a published schema has to say of a document; `place` is where the fault of a refused one stands."""

    schema: str
    document: Any
    takes: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One promise: with steps to play, or with a verdict of a schema."""

    id: str
    title: str
    clause: str
    since: str
    let: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases of one version, the names that they share, and the schemas that have to be published."""

    version: str
    let: Mapping[str, Any]
    published: Sequence[str]
    schemas_id: str
    cases: Sequence[Case]


def load(folder: Traversable | None = None) -> Suite:
    """Every case of a folder (default: the kit's own). Raises CaseError with all faults at once."""
    root = folder if folder is not None else files("conformance_tests") / "cases"
    taker = Draft202012Validator(json.loads((files("conformance_tests") / "case.schema.json").read_text("utf-8")))
    documents = {path: parsed(text) for path, text in _texts(root, "")}
    faults = [
        f"{path}: {e.json_path}: {e.message}" for path, made in documents.items() for e in taker.iter_errors(made)
    ]
    if faults or SUITE not in documents:
        raise CaseError("\n".join(faults) or f"no {SUITE} among the cases")
    head = documents.pop(SUITE)
    cases = [case for made in documents.values() for case in _cases(made, head["scenes"])]
    if (root / SCENARIOS).is_dir():
        cases += [_judged(scenario) for scenario in _scenarios(root / SCENARIOS)]
    if twice := {case.id for case in cases if sum(other.id == case.id for other in cases) > 1}:
        raise CaseError(f"two cases of one id: {', '.join(sorted(twice))}")
    return Suite(head["version"], head["let"], head["published"], head["schemas_id"], cases)


def parsed(text: str) -> Any:
    """JSON with its numbers as they are written: 98.50 is not 98.5. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refused)


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _texts(folder: Traversable, above: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir() and above + entry.name != SCENARIOS:
            yield from _texts(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(".json"):
            yield above + entry.name, entry.read_text("utf-8")


def _cases(made: Mapping[str, Any], scenes: Mapping[str, Any]) -> Iterator[Case]:
    """Cases of one file; each has the file's clause and version unless it has its own."""
    for written in made["cases"]:
        clause, since = written.get("clause", made["clause"]), written.get("since", made["since"])
        if "steps" in written:
            steps = [step for one in written["steps"] for step in _played(one, scenes)]
            yield Case(written["id"], written["title"], clause, since, written.get("let", {}), steps)
            continue
        base = written["document"]
        taken = Verdict(made["schema"], base, True)
        yield Case(written["id"], written["title"], clause, since, {}, (), taken)
        for spoilt in written.get("refused", ()):
            document = edited(base, {spoilt["at"]: spoilt.get("put", ABSENT)})
            refused = Verdict(made["schema"], document, False, spoilt.get("place", spoilt["at"]))
            yield Case(spoilt["id"], spoilt["because"], spoilt.get("clause", clause), since, {}, (), refused)


def _scenarios(folder: Traversable) -> Sequence[Scenario]:
    try:
        return scenarios.load(folder)
    except ScenarioError as wrong:
        raise CaseError(str(wrong)) from wrong


def _judged(scenario: Scenario) -> Case:
    """A scenario as steps: each check with its facts as told, and again with all of them backwards and twice."""
    steps = [
        {"as": "hospital", "send": {"judge": asked}, "expect": {"status": 200, "judged": one.check}}
        for one in scenario.judgements
        for asked in (one.asked, scenarios.backwards(one.asked))
    ]
    return Case(scenario.id, scenario.title, scenario.clause, scenario.since, {}, steps)


def _played(step: Mapping[str, Any], scenes: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The step, or those of the scene that it names."""
    if "scene" not in step:
        return [step]
    if step["scene"] not in scenes:
        raise CaseError(f"no scene {step['scene']!r}")
    return [inner for one in scenes[step["scene"]] for inner in _played(one, scenes)]
