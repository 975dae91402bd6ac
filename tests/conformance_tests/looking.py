"""What a case looks at: facts, rules, Issues, stages, states, schemas, questions and addresses. Plays no case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from conformance_tests.cases import Case

QUESTION = re.compile(r"(?:/questions/|\$)([a-z]+(?:-[a-z]+)+)\b")


def looked_at(case: Case) -> set[str]:
    """Marks of what a case sends and expects, such as `fact/order.accepted` or `rule/I-7`."""
    if case.verdict is not None:
        return {f"schema/{case.verdict.schema}"}
    return {mark for step in case.steps for mark in _step(step)}


def _step(step: Mapping[str, Any]) -> Iterator[str]:
    send = step["send"]
    if "judge" in send:
        yield from (f"fact/{fact['type']}" for fact in send["judge"]["facts"])
        yield from _check(step["expect"].get("judged", {}))
    if "webhook" in send:
        yield "address/POST /webhooks/{partner}"
        yield from (f"fact/{value}" for at, value in send.get("put", {}).items() if at == "/type")
        if "/type" not in send.get("put", {}):
            yield "fact/order.accepted"
    for found in QUESTION.findall(send.get("http", "")):
        yield f"question/{found}"
    for value in _texts(step["expect"]):
        if re.fullmatch(r"I-\d+", value):
            yield f"rule/{value}"


def _check(check: Mapping[str, Any]) -> Iterator[str]:
    for issue in [*check.get("issues", ()), *check.get("no_issues", ())]:
        yield from (f"rule/{rule}" for rule in _listed(issue.get("rule")))
        yield from (f"issue/{kind}" for kind in _listed(issue.get("kind")))
    for answer in check.get("answers", ()):
        yield f"question/{answer['question']}"
        yield from (f"rule/{rule}" for rule in [*answer.get("rules", ()), *answer.get("no_rules", ())])
    if check.get("stage"):
        yield f"stage/{check['stage']}"
    if check.get("state"):
        yield f"state/order/{check['state']}"
    for record in check.get("records", ()):
        if record.get("state"):
            yield f"state/{record['record']['kind']}/{record['state']}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


# ---- addresses ---------------------------------------------------------------------------------------------------


def addresses(app: FastAPI) -> set[str]:
    """Every method and path that an application serves; of files that it hands out the folder."""
    found = {f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods}
    for route in app.routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", getattr(route, "path", ""))
        methods = getattr(route, "methods", None)
        if methods:
            found |= {f"{method} {path}" for method in methods - {"HEAD"}}
        elif path:
            found.add(f"GET {path}/*")
    return found


def asked_for(case: Case, known: Iterable[str]) -> set[str]:
    """Which of the known addresses a case asks for."""
    sent = [step["send"].get("http", "") for step in case.steps]
    plain = [re.sub(r"\{\{(\w+)\}\}", r"\1", one).partition("?")[0] for one in sent if one]
    named = [
        one.replace(" fhir/", " /fhir/").replace(" epcis/", " /epcis/").replace(" api/", " /api/") for one in plain
    ]
    named += ["POST /model/judge" for step in case.steps if "judge" in step["send"]]
    return {address for address in known if any(_pattern(address).fullmatch(one) for one in named)}


def _pattern(address: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(address)).replace(r"/\*", "/.+"))
