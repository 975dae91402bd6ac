"""The questions as operations of FHIR: what each takes and answers, as data; Parameters taken apart and written.

Every question of the model is an operation of ServiceRequest: `$may-infuse`, `$what-is-due`. At an instance the order
is the resource; at the type it is named. Asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.json_text import Num
from canonical_model import BASE
from canonical_model.questions import ALLOW, CANNOT_TELL, DENY, VERDICTS, Entry, Listed, Reason
from hub.answers import QUESTIONS, Given
from hub.http.asking import ARGUMENTS
from hub.http.fhir_request import Refused
from hub.http.problems import refusal
from mappings.faults import Fault

Tree = dict[str, Any]
Asked = list[tuple[str, Any]]
"""Arguments by name, in their order: an identifier as `{system, value}`, a text, or a reference as `{reference}`."""

OF = "ServiceRequest"
ARGUMENT = {"containers": "container"}
"""Argument of a question -> its name as a parameter, where the one is a list of the other."""
FIELD = {name: field for field, name in ARGUMENT.items()}
TEXTS = frozenset({"issue", "partner"})
_MOST = {"containers": "200", "issue": "1", "partner": "1"}
_SAYS = {
    "order": "names of the order, all of which agree; left out where the order is the resource",
    "container": "containers as they were scanned, each by one name; over GET as system|value",
    "patient": "names of whoever is in the bed, such as a medical record number, or the Patient",
    "batch": "names of the batch",
    "shipment": "names of the shipment",
    "material": "names of the material, batch or container",
    "issue": "the id of an Issue of the order",
    "partner": "ask as this partner; for the hub's own people",
}


def definition(question: str) -> str:
    """The canonical address of an operation's definition."""
    return f"{BASE}/OperationDefinition/{question}"


# ---- what is asked --------------------------------------------------------------------------------------------


def from_query(pairs: Sequence[tuple[str, str]]) -> Asked:
    """The arguments of a question that is asked by GET. Raises Refused with all faults."""
    asked: Asked = []
    wrong: list[Fault] = []
    for name, text in pairs:
        if name in {"_format", "_pretty"}:
            continue
        value = text if name in TEXTS else _token(text)
        if value is None:
            wrong.append(refusal("value", name if name in _SAYS else "…", "name a thing as system|value"))
        asked.append((name, value))
    if wrong:
        raise Refused(400, *dict.fromkeys(wrong))
    return asked


def _token(text: str) -> Tree | None:
    system, _, value = text.rpartition("|")
    if system and value:
        return {"system": system, "value": value}
    return None


def from_parameters(resource: Any) -> Asked:
    """The arguments of a question that is asked by POST of Parameters. Raises Refused with all faults."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Parameters":
        raise Refused(422, refusal("type-mismatch", "resourceType", "send Parameters to an operation"))
    given = resource.get("parameter", [])
    if not isinstance(given, list):
        raise Refused(422, refusal("shape", "Parameters.parameter", "a list is expected here"))
    asked: Asked = []
    wrong: list[Fault] = []
    for index, parameter in enumerate(given):
        at = f"Parameters.parameter[{index}]"
        name = parameter.get("name") if isinstance(parameter, dict) else None
        if not isinstance(name, str):
            wrong.append(refusal("required", f"{at}.name", "give the parameter its name"))
            continue
        value = _value(name, parameter)
        if value is None:
            wrong.append(refusal("value", at, "give it as valueIdentifier with system and value, or valueReference"))
        asked.append((name, value))
    if wrong:
        raise Refused(422, *wrong)
    return asked


def _value(name: str, parameter: Mapping[str, Any]) -> Any:
    """A parameter's value, or None where it has none that can be read."""
    if name in TEXTS:
        texts = [parameter.get(f"value{kind}") for kind in ("String", "Code", "Id")]
        return next((text for text in texts if isinstance(text, str) and text), None)
    if isinstance(text := parameter.get("valueString"), str):
        return _token(text)
    reference = parameter.get("valueReference")
    if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
        return {"reference": reference["reference"]}
    identifier = parameter.get("valueIdentifier") or (reference or {}).get("identifier")
    if isinstance(identifier, dict):
        system, value = identifier.get("system"), identifier.get("value")
        if isinstance(system, str) and isinstance(value, str) and system and value:
            return {"system": system, "value": value}
    return None


def body_of(asked: Asked) -> dict[str, Any]:
    """The arguments as the question takes them (hub.http.asking)."""
    body: dict[str, Any] = {}
    for name, value in asked:
        if name in TEXTS:
            body[name] = value
        else:
            body.setdefault(FIELD.get(name, name), []).append(value)
    return body


# ---- what is answered -----------------------------------------------------------------------------------------


def parameters(given: Given, at: str, issues: Mapping[tuple[str, str], Tree]) -> Tree:
    """An answer as Parameters: the verdict or the list, what it rests on, and every reason.

    `issues` are references to the Issues behind the reasons, by rule and text.
    """
    answer = given.answer
    head = [_code("question", answer.question)]
    if not isinstance(answer, Listed):
        head.append(_code("verdict", answer.verdict))
    head += [{"name": "position", "valueInteger": Num(str(given.position))}, {"name": "asked-at", "valueInstant": at}]
    told = [_group("reason", _reason(reason, issues)) for reason in answer.reasons]
    if isinstance(answer, Listed):
        told = [*(_group("item", _item(entry)) for entry in answer.items), *told]
        head.append({"name": "withheld", "valueInteger": Num(str(given.withheld))})
    return {"resourceType": "Parameters", "parameter": [*head, *told]}


def _group(name: str, parts: Iterator[Tree]) -> Tree:
    return {"name": name, "part": list(parts)}


def _code(name: str, value: str) -> Tree:
    return {"name": name, "valueCode": value}


def _string(name: str, value: str) -> Tree:
    return {"name": name, "valueString": value}


def _reason(reason: Reason, issues: Mapping[tuple[str, str], Tree]) -> Iterator[Tree]:
    yield _code("rule", reason.rule)
    yield _code("verdict", reason.verdict)
    yield _string("text", reason.text)
    yield _string("settle", reason.settle)
    if issue := issues.get((reason.rule, reason.text)):
        yield {"name": "issue", "valueReference": issue}
    if reason.container:
        system, _, value = reason.container.rpartition("|")
        yield {"name": "container", "valueIdentifier": {**({"system": system} if system else {}), "value": value}}
    yield from (_code("clears", role) for role in reason.clears)
    yield from (_string("fact", fact) for fact in reason.facts)


def _item(entry: Entry) -> Iterator[Tree]:
    yield _code("kind", entry.kind)
    yield _string("text", entry.text)
    if entry.rule:
        yield _code("rule", entry.rule)
    if entry.at:
        yield {"name": "at", "valueInstant": entry.at}
        yield {"name": "late", "valueBoolean": entry.late}
    yield from (_code("role", role) for role in entry.roles)
    for name, text in (("party", entry.party), ("settle", entry.settle)):
        if text:
            yield _string(name, text)
    yield {"name": "done", "valueBoolean": entry.done}


# ---- OperationDefinition --------------------------------------------------------------------------------------


def operation(question: str) -> Tree:
    """The OperationDefinition of a question."""
    is_verdict = question in VERDICTS
    words = question.replace("-", " ")
    answered = f"with {ALLOW}, {DENY} or {CANNOT_TELL}, which is treated as no" if is_verdict else "with a list"
    return {
        "resourceType": "OperationDefinition",
        "id": question,
        "url": definition(question),
        "name": "".join(word.capitalize() for word in question.split("-")),
        "title": f"{words[0].upper()}{words[1:]}?",
        "status": "active",
        "kind": "operation",
        "description": f"Asks of an order: {words}? It is answered {answered}, and with the reasons.",
        "affectsState": False,
        "code": question,
        "resource": [OF],
        "system": False,
        "type": True,
        "instance": True,
        "parameter": [*_taken(question), *(_VERDICT_OUT if is_verdict else _LIST_OUT)],
    }


def _taken(question: str) -> Iterator[Tree]:
    for field, about in ARGUMENTS[question].model_fields.items():
        name = ARGUMENT.get(field, field)
        least = "1" if about.is_required() and field != "order" else "0"
        yield _parameter(
            name, "in", least, _MOST.get(field, "20"), "string" if name in TEXTS else "Identifier", _SAYS[name]
        )


def _parameter(name: str, use: str, least: str, most: str, kind: str, says: str, *parts: Tree) -> Tree:
    shown: Tree = {"name": name, "use": use, "min": Num(least), "max": most, "documentation": says}
    return {**shown, "part": list(parts)} if parts else {**shown, "type": kind}


def _out(name: str, least: str, most: str, kind: str, says: str, *parts: Tree) -> Tree:
    return _parameter(name, "out", least, most, kind, says, *parts)


_HEAD_OUT = (
    _out("position", "1", "1", "integer", "the place in the log that the answer rests on"),
    _out("asked-at", "1", "1", "instant", "when it was answered"),
)
_REASON_OUT = _out(
    "reason",
    "0",
    "*",
    "",
    "why the answer is not allow, or not whole",
    _out("rule", "1", "1", "code", "the rule that says so"),
    _out("verdict", "1", "1", "code", f"{DENY} or {CANNOT_TELL}"),
    _out("text", "1", "1", "string", "what is in the way"),
    _out("settle", "1", "1", "string", "what would settle it"),
    _out("issue", "0", "1", "Reference", "the DetectedIssue behind it"),
    _out("container", "0", "1", "Identifier", "the container that it is about"),
    _out("clears", "0", "*", "code", "the roles whose word settles it"),
    _out("fact", "0", "*", "string", "the ids of the facts that it rests on"),
)
_QUESTION_OUT = _out("question", "1", "1", "code", "what was asked")
_VERDICT_OUT = (
    _QUESTION_OUT,
    _out("verdict", "1", "1", "code", f"{ALLOW}, {DENY} or {CANNOT_TELL}"),
    *_HEAD_OUT,
    _REASON_OUT,
)
_LIST_OUT = (
    _QUESTION_OUT,
    *_HEAD_OUT,
    _out("withheld", "1", "1", "integer", "how many entries the asker may not see"),
    _out(
        "item",
        "0",
        "*",
        "",
        "one entry of the list",
        _out("kind", "1", "1", "code", "what kind of entry it is"),
        _out("text", "1", "1", "string", "what it says"),
        _out("rule", "0", "1", "code", "the rule that asks for it"),
        _out("at", "0", "1", "instant", "its date"),
        _out("late", "0", "1", "boolean", "whether the date has passed"),
        _out("role", "0", "*", "code", "who owes it, or is to be told"),
        _out("party", "0", "1", "string", "the very party, where it is known"),
        _out("settle", "0", "1", "string", "what would settle it"),
        _out("done", "1", "1", "boolean", "whether it has been seen to"),
    ),
    _REASON_OUT,
)

OPERATIONS: Mapping[str, Tree] = {question: operation(question) for question in QUESTIONS}
"""Question -> its OperationDefinition."""
