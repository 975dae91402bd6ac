"""`python -m conformance_tests`: plays the cases, prints what became of them. Exit code 0, 1 or 2.

0: every case that ran passed; 1: one failed; 2: nothing could be run, and stderr says why.
"""

from __future__ import annotations

import argparse
import json
import secrets
import string
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from conformance_tests import cases, report, requirements
from conformance_tests.cases import Case, CaseError, Suite, Verdict
from conformance_tests.pointers import ABSENT
from conformance_tests.schemas import Schemas
from conformance_tests.steps import FAILED, NOT_RUN, Player, Role, Site

_SIGNS = string.ascii_uppercase + string.digits


class Unusable(Exception):
    """Arguments or a credentials file that nothing can be run with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays what the arguments ask for."""
    given = _parser().parse_args(arguments)
    try:
        suite = cases.load()
        wanted = _wanted(suite, given.only)
        site = _site(given)
        schemas = Schemas(given.schemas, suite.schemas_id, site.seconds) if given.schemas else None
        with httpx.Client(base_url=site.url, timeout=site.seconds, verify=given.ca or True) as client:
            _reached(client, site.url)
            player = Player(site, suite, client, schemas, _name)
            results = [player.play(case) for case in wanted]
    except (Unusable, CaseError, OSError) as wrong:
        sys.stderr.write(f"conformance_tests: {wrong}\n")
        return 2
    if given.json:
        sys.stdout.write(json.dumps(report.document(results, suite.version, site.url), indent=1) + "\n")
    else:
        sys.stdout.write(report.table(results, suite.version))
        if given.requirements:
            sys.stdout.write("\n" + requirements.table(requirements.standing(requirements.load(), results)))
    outcomes = {result.outcome for result in results}
    return 1 if FAILED in outcomes else 2 if outcomes <= {NOT_RUN} else 0


def every(suite: Suite) -> list[Case]:
    """The suite's cases, and one for each schema that has to be published."""
    title = "is published, valid by its dialect, and named as it says"
    clause = "JSON Schema 2020-12 core 8.1.1, 8.2.1"
    published = [
        Case(f"published-{_short(path)}", f"{path} {title}", clause, suite.version, {}, (), Verdict(path, ABSENT, True))
        for path in suite.published
    ]
    return [*published, *suite.cases]


def _short(path: str) -> str:
    return path.removesuffix(".schema.json").replace("/", "-")


def _name() -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(6))


def _wanted(suite: Suite, only: Sequence[str]) -> list[Case]:
    known = every(suite)
    if unknown := set(only) - {case.id for case in known}:
        raise Unusable(f"no case {', '.join(sorted(unknown))}")
    return [case for case in known if not only or case.id in only]


def _site(given: argparse.Namespace) -> Site:
    """The site of the arguments. Raises Unusable."""
    told: dict[str, Any] = {}
    if given.credentials:
        try:
            told = json.loads(Path(given.credentials).read_text("utf-8"))
            roles = {name: Role(**role) for name, role in told.get("roles", {}).items()}
            values = dict(told.get("values", {}))
        except (OSError, ValueError, TypeError, AttributeError) as wrong:
            raise Unusable(f"{given.credentials}: not as docs/conformance.md says ({type(wrong).__name__})") from wrong
    else:
        roles, values = {}, {}
    if given.mllp:
        roles["hospital"] = replace(roles.get("hospital", Role()), mllp=given.mllp)
    if not (given.url or given.schemas or given.mllp):
        raise Unusable("nothing to test: give --url, --mllp or --schemas")
    return Site(given.url.rstrip("/"), roles, values, given.seconds, given.patience)


def _reached(client: httpx.Client, url: str) -> None:
    """Raises Unusable where nobody answers: that is no finding about an implementation."""
    if url:
        try:
            client.get("/")
        except (httpx.TransportError, httpx.InvalidURL) as wrong:
            raise Unusable(f"nobody answers at {url} ({type(wrong).__name__})") from wrong


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conformance_tests", description="Black-box conformance kit")
    parser.add_argument("--url", default="", help="base URL of the implementation, such as https://hub.example")
    parser.add_argument("--mllp", default="", metavar="HOST:PORT", help="where it takes HL7 v2 of the hospital")
    parser.add_argument("--credentials", metavar="FILE", help="JSON: roles with tokens, values of the site")
    parser.add_argument("--schemas", default="", metavar="DIR|URL", help="where the published schemas stand")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="one case; can be repeated")
    parser.add_argument("--json", action="store_true", help="the report as one JSON document")
    parser.add_argument("--requirements", action="store_true", help="where each requirement stands, after the table")
    parser.add_argument("--ca", default="", metavar="FILE", help="certificates that sign the implementation's")
    parser.add_argument("--seconds", type=float, default=20.0, help="longest wait for one answer")
    parser.add_argument("--patience", type=float, default=3.0, help="longest wait for what may come eventually")
    return parser


if __name__ == "__main__":
    sys.exit(main())
