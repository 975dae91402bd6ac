"""Writes `conformance_tests/requirements.csv` anew: `python -m tests.conformance_tests.requiring`.

Rows follow from the published code tables, schemas and questions, from the addresses that are served, and from the
cases; which case looks at what is found in the case (`looking`). Rows `gap/…` are written by hand and stay as they are.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fastapi import FastAPI

from conformance_tests import cases, requirements
from conformance_tests.__main__ import every
from conformance_tests.requirements import COLUMNS
from hub.bootstrap import build
from hub.http.app import create
from hub.http.asking import ARGUMENTS
from hub.settings import Settings
from tests.conformance_tests.looking import addresses, asked_for, looked_at
from tests.standards import ROOT

CODES = ROOT / "canonical_model" / "schemas" / "v1" / "codes"
FILE = ROOT / "conformance_tests" / requirements.FILE
MOST = 6
"""Cases that a row names: enough to see that it is tested, and by what."""
EXCHANGE = ("/fhir", "/epcis", "/webhooks", "/model", "/schemas", "/api/questions", "/health")
"""Addresses that partners use; what is beside them is the hub's own surface."""

Row = tuple[str, str, str, str, str]

_V = "a JSON Schema cannot say it, and the kit refuses documents by schemas alone"
_D = "needs the rules themselves beside the document; the kit has none, and compares what a scenario says instead"
_LISTS: Mapping[str, tuple[str, str, str]] = {
    "issue-kinds.csv": ("issue", "kind", "no scenario of the acceptance list raises it"),
    "stages.csv": ("stage", "stage", "no scenario ends at it"),
}
_UNASKED = {
    "/epcis": "a query that the kit does not ask yet; the hub's own tests do",
    "/fhir": "the kit does not ask it yet; the hub's own tests do",
    "/schemas": "the kit reads the published schemas where --schemas says",
    "/health": "says that a process runs, nothing of the model",
    "/api/questions": "asked of an order, at its own address",
}
_BESIDE = {
    "* /api/*": "the operators' own surface: an implementation may have another",
    "* /feed/*": "a courier's own feed, read by a profile: an implementation may have another",
    "* /*": "pages for people, and what they need: an implementation may have others",
}


def application() -> FastAPI:
    """The application of a hub that has no partners and does not run."""
    home = Path(tempfile.mkdtemp(prefix="cgt-requiring-"))
    (home / "partners").mkdir()
    hub = build(Settings(data=home / "data", partners=home / "partners"))
    try:
        return create(hub, own=False)
    finally:
        hub.close()


def rows() -> list[Row]:
    """Every row, those that are written by hand as they stand in the file."""
    suite = cases.load()
    known = addresses(application())
    marks: dict[str, list[str]] = defaultdict(list)
    for case in every(suite):
        for mark in {*looked_at(case), *(f"address/{one}" for one in asked_for(case, known))}:
            marks[mark].append(case.id)
    return [
        *_rules(marks),
        *_facts(marks),
        *_lists(marks),
        *(_row(f"schema/{one}", one, f"{one} takes and refuses as it says", marks) for one in suite.published),
        *(
            _row(f"question/{one}", "docs/questions.md", f"`{one}` is answered with its reasons", marks)
            for one in ARGUMENTS
        ),
        *_addresses(known, marks),
        *_promises(suite.cases),
        *_by_hand(),
    ]


def _row(id_: str, source: str, text: str, marks: Mapping[str, Iterable[str]], why: str = "", mark: str = "") -> Row:
    found = sorted(set(marks.get(mark or id_, ())))
    return id_, source, text, " ".join(found[:MOST]), "" if found else why


def _table(name: str) -> list[dict[str, str]]:
    with (CODES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rules(marks: Mapping[str, list[str]]) -> Iterator[Row]:
    """A rule may have several rows; cases are found by its number, so its rows name the same ones."""
    count: Counter[str] = Counter()
    for one in _table("rules.csv"):
        numbers = one["rules"].split(", ")
        name = "+".join(numbers)
        count[name] += 1
        found = {"": [case for number in numbers for case in marks.get(f"rule/{number}", ())]}
        why = "no scenario of the acceptance list breaks it; the model's own tests do"
        id_ = f"rule/{name}/{count[name]}"
        yield (id_, *_row("", f"codes/rules.csv {one['rules']}", one["definition"], found, why)[1:])
    for one in _table("document-rules.csv"):
        why = _V if one["rule"].startswith("V") else _D
        yield _row(f"document/{one['rule']}", "codes/document-rules.csv", one["definition"], marks, why)


def _facts(marks: Mapping[str, list[str]]) -> Iterator[Row]:
    why = "no scenario tells it; that its type is known is said by event.schema.json (published-event)"
    for one in _table("event-types.csv"):
        about = one["about"] or "record of any kind"
        text = f"as a fact about a {about} it counts from {one['roles'].replace(' ', ', ')}: {one['definition']}"
        yield _row(f"fact/{one['type']}", "codes/event-types.csv", text, marks, why)


def _lists(marks: Mapping[str, list[str]]) -> Iterator[Row]:
    for file, (word, column, why) in _LISTS.items():
        for one in _table(file):
            yield _row(f"{word}/{one[column]}", f"codes/{file}", one["definition"], marks, why)
    for one in _table("states.csv"):
        id_ = f"state/{one['kind']}/{one['state']}"
        yield _row(id_, "codes/states.csv", one["definition"], marks, "no scenario looks at a record in it")


def _addresses(known: Iterable[str], marks: Mapping[str, list[str]]) -> Iterator[Row]:
    """Addresses of the exchange one by one, all others by what they are for."""
    for one in sorted(known):
        path = one.partition(" ")[2]
        if path.startswith(EXCHANGE) or f"address/{one}" in marks:
            why = next((why for begin, why in _UNASKED.items() if path.startswith(begin)), "")
            yield _row(f"address/{one}", "docs/architecture.md", f"{one} answers as its protocol asks", marks, why)
    text = "what is served beside the exchange is for the hub's own people"
    for pattern, why in _BESIDE.items():
        yield _row(f"address/{pattern}", "docs/operations.md", text, {}, why)


def _promises(found: Iterable[cases.Case]) -> Iterator[Row]:
    """What a played case promises is what its clause asks for; the cases of a scenario promise together."""
    for case in found:
        if case.steps:
            yield f"promise/{case.id}", case.clause, case.title, case.id, ""


def _by_hand() -> list[Row]:
    kept = [one for one in requirements.load(FILE.read_text("utf-8")) if one.id.startswith("gap/")]
    return [(one.id, one.source, one.text, " ".join(one.cases), one.why_not) for one in kept]


def written(found: Iterable[Row]) -> str:
    """The rows as the file has them."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerows([COLUMNS, *found])
    return out.getvalue()


if __name__ == "__main__":
    FILE.write_text(written(rows()), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
