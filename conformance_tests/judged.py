"""What a judgement has to be: an implementation's answer against the check of a scenario. Pure; judges no fact."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance_tests.matchers import mismatch
from conformance_tests.pointers import ABSENT, at

Kept = dict[str, Any]
_STATE = {"stage": "/state/stage", "held": "/state/held", "attempt": "/state/attempt"}


def fault(check: Mapping[str, Any], reply: Any, kept: Kept) -> str:
    """Why an answer is not as the check says, all reasons at once, or an empty text.

    `kept` holds earlier answers of the case by the names of their checks; this one is added.
    """
    document = at(reply, "/document")
    if not isinstance(document, dict):
        return f"there is no document: found {str(reply)[:160]!r}"
    if "name" in check:
        kept[check["name"]] = reply
    faults = [
        *_state(check, document),
        *(why for wanted in check.get("records", ()) for why in _record(wanted, document)),
        *(why for wanted in check.get("custody", ()) for why in _custody(wanted, document)),
        *_issues(check, document),
        *_answers(check, at(reply, "/answers")),
        *_same(check, reply, kept),
    ]
    return "; ".join(faults)


def _state(check: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    for word, pointer in _STATE.items():
        if word in check:
            found = at(document, pointer)
            found = "" if found is ABSENT and word == "stage" else found
            if found != check[word]:
                yield f"{word}: expected {check[word]!r}, found {found!r}"
    if "state" in check:
        own = [one for one in document["records"].get("order", ()) if one["name"] == ""]
        found = own[0].get("state", "") if own else ""
        if found != check["state"]:
            yield f"state: expected {check['state']!r}, found {found!r}"
    if "claims" in check and len(document["claims"]) != check["claims"]:
        yield f"claims: expected {check['claims']}, found {len(document['claims'])}"


# ---- records and custody -------------------------------------------------------------------------------------


def _names(ref: Mapping[str, Any]) -> set[str]:
    return {f"{one['system']}|{one['value']}" for one in ref["identifiers"]}


def known_as(ref: Mapping[str, Any], document: Mapping[str, Any]) -> set[str]:
    """The names that a thing may go by in a document: its own, and that of the record which has one of them."""
    wanted = _names(ref)
    found = set(wanted)
    for record in document["records"].get(ref["kind"], ()):
        if record["name"] in wanted or wanted & _names(record):
            found.add(record["name"])
    return found


def _record(wanted: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    ref = wanted["record"]
    own = known_as(ref, document)
    found = next((r for r in document["records"].get(ref["kind"], ()) if r["name"] in own), None)
    what = f"{ref['kind']} {ref['identifiers'][0]['value']}"
    if wanted.get("present", True) != (found is not None):
        yield f"{what}: expected {'a' if wanted.get('present', True) else 'no'} record"
    if found is None:
        return
    if "state" in wanted and found.get("state", "") != wanted["state"]:
        yield f"{what}: expected state {wanted['state']!r}, found {found.get('state', '')!r}"
    if "facts" in wanted and len(found["facts"]) != wanted["facts"]:
        yield f"{what}: expected {wanted['facts']} facts, found {len(found['facts'])}"
    for pointer, claim in wanted.get("fields", {}).items():
        if why := mismatch(_claim(claim), at(found["fields"], pointer), {}):
            yield f"{what}{pointer}: {why}"


def _claim(claim: Any) -> Any:
    """A claim; a list is meant as it is."""
    return {"equals": claim} if isinstance(claim, list) else claim


def _custody(wanted: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    ref = wanted["container"]
    own = known_as(ref, document)
    chain = next((c for c in document["custody"] if c["container"] in own), None)
    what = f"custody of {ref['identifiers'][0]['value']}"
    if chain is None:
        yield f"{what}: there is none"
        return
    if "holder" in wanted and chain["holder"] not in known_as(wanted["holder"], document):
        yield f"{what}: expected {sorted(_names(wanted['holder']))[0]}, found {chain['holder']!r}"
    if wanted.get("closed", chain["closed"]) != chain["closed"]:
        yield f"{what}: expected closed {wanted['closed']}, found {chain['closed']}"
    found = [gap["why"] for gap in chain.get("gaps", ())]
    if wanted.get("gaps", found) != found:
        yield f"{what}: expected gaps {wanted['gaps']}, found {found}"
    if wanted.get("steps", len(chain["steps"])) != len(chain["steps"]):
        yield f"{what}: expected {wanted['steps']} handovers, found {len(chain['steps'])}"


# ---- Issues and answers --------------------------------------------------------------------------------------


def _issues(check: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    told = document["issues"]
    wanted = check.get("issues", ())
    for one in wanted:
        if not any(_fits(one, issue, document) for issue in told):
            yield f"no Issue {_shown(one)} among {[_brief(issue) for issue in told]}"
    for one in check.get("no_issues", ()):
        yield from (f"an Issue that must not be: {_brief(i)}" for i in told if _fits(one, i, document))
    if check.get("no_other_issues"):
        others = [issue for issue in told if not any(_fits(one, issue, document) for one in wanted)]
        yield from (f"an Issue that is not expected: {_brief(issue)}" for issue in others)


def _fits(wanted: Mapping[str, Any], issue: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    for word in ("rule", "kind", "severity"):
        one_of = wanted.get(word, issue[word])
        if issue[word] not in (one_of if isinstance(one_of, list) else [one_of]):
            return False
    if "about" in wanted:
        ref, thing = wanted["about"], issue["about"]
        if thing["kind"] != ref["kind"] or thing["name"] not in known_as(ref, document):
            return False
    if not set(wanted.get("facts", ())) <= set(issue["facts"]):
        return False
    return "text" not in wanted or re.search(wanted["text"], issue["text"]) is not None


def _shown(wanted: Mapping[str, Any]) -> str:
    named = {w: (v["identifiers"][0]["value"] if w == "about" else v) for w, v in wanted.items() if w != "facts"}
    return " ".join(f"{word} {value}" for word, value in named.items())


def _brief(issue: Mapping[str, Any]) -> str:
    about = f"{issue['about']['kind']} {issue['about']['name'].rpartition('|')[2]}".strip()
    return f"{issue['rule']} {issue['kind']} {issue['severity']} of {about}: {issue['text']}"


def _answers(check: Mapping[str, Any], found: Any) -> Iterator[str]:
    for place, wanted in enumerate(check.get("answers", ())):
        answer = at(found, f"/{place}") if isinstance(found, list) else ABSENT
        if not isinstance(answer, dict) or answer.get("question") != wanted["question"]:
            yield f"{wanted['question']}: no answer"
            continue
        yield from (f"{wanted['question']}: {why}" for why in _answer(wanted, answer))


def _answer(wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    reasons = answer.get("reasons", ())
    named = {reason["rule"] for reason in reasons}
    if "verdict" in wanted and answer.get("verdict") != wanted["verdict"]:
        why = [f"{reason['rule']} {reason['text']}" for reason in reasons]
        yield f"expected {wanted['verdict']}, found {answer.get('verdict')!r} for {why}"
    if missing := set(wanted.get("rules", ())) - named:
        yield f"no reason names {', '.join(sorted(missing))}; named are {sorted(named)}"
    if wrong := set(wanted.get("no_rules", ())) & named:
        yield f"a reason names {', '.join(sorted(wrong))}"
    for pointer, claim in wanted.get("expect", {}).items():
        if wrong_there := mismatch(_claim(claim), at(answer, pointer), {}):
            yield f"{pointer}: {wrong_there}"


# ---- sameness ------------------------------------------------------------------------------------------------


def _same(check: Mapping[str, Any], reply: Mapping[str, Any], kept: Kept) -> Iterator[str]:
    if "same_as" not in check:
        return
    earlier = kept.get(check["same_as"]["check"])
    for part in check["same_as"]["in"]:
        if earlier is None or _part(reply, part) != _part(earlier, part):
            yield f"{part}: not the same as at {check['same_as']['check']}"


def _part(reply: Mapping[str, Any], part: str) -> Any:
    """A part of an answer without what tells of the log alone: which facts, in which order."""
    document = reply["document"]
    if part == "answers":
        return reply.get("answers")
    if part == "issues":
        return sorted((i["rule"], i["kind"], i["severity"], i["about"]["kind"], i["text"]) for i in document["issues"])
    if part == "records":
        return {
            kind: [{word: one.get(word) for word in ("name", "state", "fields")} for one in records]
            for kind, records in document["records"].items()
        }
    return document[part]
