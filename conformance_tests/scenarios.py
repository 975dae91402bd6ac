"""Scenarios as they stand in `cases/scenarios/*.json`: read, checked against their schema, written out in full.

A scenario says which facts are told of an order and what they come to. Here its shorthand becomes whole events and
whole requests to judge them; `judged` compares the answers. Plays nothing. `docs/conformance.md` is the manual.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jsonschema import Draft202012Validator

from conformance_tests.pointers import edited

COMMON = "common.json"
_TIME = re.compile(r"@(\d{4}(?:-\d\d(?:-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?)?)?)(Z|[+-]\d\d:\d\d)")
_NAME = re.compile(r"@([a-z][a-z0-9_-]*)")
_FACT = re.compile(r"#([a-z0-9][a-z0-9-]*)")
_LENGTHS = {4: "year", 7: "month", 10: "day", 13: "hour", 16: "minute", 19: "second"}
_ENVELOPE = {"v": 1, "set": {}, "source_id": "m", "frame": "f"}
"""What an event says where its fact says nothing; its ordinal is its place among the facts of the case."""

Fact = dict[str, Any]


class ScenarioError(Exception):
    """The kit's own fault: a scenario that does not say what it should."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One check of a case: what is asked of an implementation, and what has to come of it."""

    asked: Mapping[str, Any]
    check: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case of a scenario, written out."""

    number: int
    id: str
    title: str
    clause: str
    since: str
    judgements: Sequence[Judgement]


def load(folder: Traversable | None = None) -> list[Scenario]:
    """Every case of a folder (default: the kit's own). Raises ScenarioError with all faults at once."""
    root = folder if folder is not None else files("conformance_tests") / "cases" / "scenarios"
    taker = Draft202012Validator(json.loads((files("conformance_tests") / "scenario.schema.json").read_text("utf-8")))
    texts = {entry.name: entry for entry in root.iterdir() if entry.name.endswith(".json")}
    documents = {name: json.loads(texts[name].read_text("utf-8")) for name in sorted(texts)}
    faults = [
        f"{name}: {e.json_path}: {e.message}" for name, made in documents.items() for e in taker.iter_errors(made)
    ]
    if faults or COMMON not in documents:
        raise ScenarioError("\n".join(faults) or f"no {COMMON} among the scenarios")
    common = documents.pop(COMMON)
    found = [one for name, made in documents.items() for one in _named(name, made, common)]
    if twice := {one.id for one in found if sum(other.id == one.id for other in found) > 1}:
        raise ScenarioError(f"two cases of one id: {', '.join(sorted(twice))}")
    return found


def _named(name: str, made: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Scenario]:
    try:
        yield from _cases(made, common)
    except (KeyError, IndexError, ValueError) as wrong:
        raise ScenarioError(f"{name}: {wrong}") from wrong


def _cases(made: Mapping[str, Any], common: Mapping[str, Any]) -> Iterator[Scenario]:
    """The cases of one file."""
    names = {**common["names"], **made.get("names", {})}
    scenes = {**common["scenes"], **made.get("scenes", {})}
    whole: dict[str, Mapping[str, Any]] = {}
    for case in made["cases"]:
        like = whole[case["like"]] if "like" in case else {}
        changes = {word: [*like.get(word, ()), *case.get(word, ())] for word in ("without", "with")}
        put = {**like.get("put", {}), **case.get("put", {})}
        whole[case["id"]] = inherited = {**like, **case, **changes, "put": put}
        asked = _asked(inherited, names, scenes, common["protocols"])
        known = asked.pop("known")
        judgements = [_judgement(asked, check, names, known) for check in inherited["checks"]]
        clause = f"{made['clause']}; scenario {made['scenario']}"
        yield Scenario(made["scenario"], case["id"], case["title"], clause, made["since"], judgements)


def _asked(
    case: Mapping[str, Any], names: Mapping[str, Any], scenes: Mapping[str, Any], protocols: Mapping[str, Any]
) -> dict[str, Any]:
    """What an implementation is asked, without instant and questions; and the ids of the named facts."""
    protocol = case.get("protocol", "autologous")
    whole = edited(protocols[protocol] if isinstance(protocol, str) else protocol, case.get("protocol_put", {}))
    listed = [fact for one in [*case["facts"], *case["with"]] for fact in _played(one, scenes)]
    if unknown := {*case["without"], *(p.partition("/")[0] for p in case["put"])} - {f.get("name") for f in listed}:
        raise ValueError(f"{case['id']}: no fact {', '.join(sorted(unknown))}")
    known: dict[str, str] = {}
    facts = []
    for place, fact in enumerate((f for f in listed if f.get("name") not in case["without"]), 1):
        own = {f"/{p.partition('/')[2]}": v for p, v in case["put"].items() if p.partition("/")[0] == fact.get("name")}
        facts.append(_event(edited(fact, own) if own else fact, place, names, known))
    order = filled(case.get("order", "@order"), names, known)
    others = [_other(one, names) for one in case.get("others", ())]
    asked = {"protocol": whole, "order": order["identifiers"], "facts": facts, "known": known}
    return {**asked, "others": others} if others else asked


def _played(one: Mapping[str, Any], scenes: Mapping[str, Any]) -> Iterator[Fact]:
    """The fact, or those of the scene that it names."""
    if "scene" not in one:
        yield dict(one)
        return
    for inner in scenes[one["scene"]]:
        yield from _played(inner, scenes)


def _event(fact: Fact, place: int, names: Mapping[str, Any], known: dict[str, str]) -> Fact:
    """The whole event of a fact; its id, made of its content where it has none, is known under its name from here."""
    name = fact.get("name", "")
    said = {word: filled(value, names, known) for word, value in fact.items() if word != "name"}
    event = {**_ENVELOPE, "ordinal": f"{place:04}", "recorded": said["occurred"]["at"], **said}
    text = json.dumps(event, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    event.setdefault("id", hashlib.sha256(text.encode()).hexdigest()[:40])
    if name:
        known[name] = event["id"]
    return event


def _other(one: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Another order of the patient, as a request tells it."""
    told = {word: filled(value, names, {}) for word, value in one.items()}
    made: dict[str, Any] = {"names": _names(told["order"]), "state": told["state"]}
    if "protocol" in told:
        made["protocol"] = told["protocol"]
    if "replaces" in told:
        made["replaces"] = _names(told["replaces"])
    return made


def _names(ref: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"system": one["system"], "value": one["value"]} for one in ref["identifiers"]]


def _judgement(
    asked: Mapping[str, Any], check: Mapping[str, Any], names: Mapping[str, Any], known: Mapping[str, str]
) -> Judgement:
    wanted = filled(check, names, known)
    questions = [{"question": a["question"], **a.get("arguments", {})} for a in wanted.get("answers", ())]
    moment = {word: wanted[word] for word in ("at", "recorded_until") if word in wanted}
    return Judgement({**asked, **moment, **({"questions": questions} if questions else {})}, wanted)


def filled(value: Any, names: Mapping[str, Any], known: Mapping[str, str]) -> Any:
    """A value with its shorthand written out: `@name`, `@2026-03-08T10:00:00-05:00`, `#fact`. Raises ValueError."""
    if isinstance(value, dict):
        return {key: filled(inner, names, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(item, names, known) for item in value]
    if not isinstance(value, str):
        return value
    if named := _NAME.fullmatch(value):
        return filled(_of(names, named[1], "name"), names, known)
    if time := _TIME.fullmatch(value):
        return when(time[1], time[2])
    if fact := _FACT.fullmatch(value):
        return _of(known, fact[1], "fact before it")
    return value


def _of(known: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in known:
        raise ValueError(f"no {what} {name!r}")
    return known[name]


def when(local: str, zone: str) -> dict[str, Any]:
    """A time of the model: its first instant in UTC, the text without offset, the offset, how much was stated."""
    full = local + "0001-01-01T00:00:00"[len(local) :] if len(local) < 19 else local
    offset = timezone(_span(zone)) if zone != "Z" else UTC
    instant = datetime.fromisoformat(full).replace(tzinfo=offset).astimezone(UTC)
    text = instant.isoformat(timespec="microseconds" if instant.microsecond else "seconds").removesuffix("+00:00")
    return {"at": f"{text}Z", "local": local, "zone": zone, "precision": _LENGTHS.get(len(local), "fraction")}


def _span(zone: str) -> timedelta:
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return -span if zone[0] == "-" else span


def backwards(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same request with its facts told last first, and each of them twice: it has to come to the same."""
    facts = asked["facts"][::-1]
    return {**asked, "facts": [*facts, *facts]}
