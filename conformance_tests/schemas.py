"""The published JSON Schemas, from a folder or a URL, and what the reference validator says by them. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, SchemaError, ValidationError

from conformance_tests.cases import Verdict
from conformance_tests.pointers import ABSENT, at, pointer

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_PLACES = 5


class Unpublished(Exception):
    """A schema that is not where it should be, or no JSON."""


class Schemas:
    """Schemas by their path below `source`, a folder or an http(s) URL; each is read once."""

    def __init__(self, source: str, schemas_id: str, seconds: float = 10.0) -> None:
        self._source, self._id, self._seconds = source.rstrip("/"), schemas_id, seconds
        self._read: dict[str, Draft202012Validator] = {}

    def validator(self, path: str) -> Draft202012Validator:
        """The reference validator of a schema that is itself valid. Raises Unpublished, SchemaError."""
        if path not in self._read:
            try:
                schema = json.loads(self._bytes(path))
            except (OSError, httpx.HTTPError, ValueError) as wrong:
                raise Unpublished(f"{path}: {type(wrong).__name__}") from wrong
            Draft202012Validator.check_schema(schema)
            self._read[path] = Draft202012Validator(schema)
        return self._read[path]

    def _bytes(self, path: str) -> bytes:
        if not self._source.startswith(("http://", "https://")):
            return Path(self._source, path).read_bytes()
        reply = httpx.get(f"{self._source}/{path}", timeout=self._seconds)
        reply.raise_for_status()
        return reply.content

    def fault(self, verdict: Verdict) -> str:
        """Why the schema does not say what it should, or an empty text."""
        try:
            validator = self.validator(verdict.schema)
        except (Unpublished, SchemaError) as wrong:
            return str(wrong).partition("\n")[0]
        if verdict.document is ABSENT:
            return self._own_fault(verdict.schema, validator.schema)
        places = set(_places(validator.iter_errors(verdict.document)))
        if verdict.takes:
            return f"refuses what it has to take, at {_listed(places)}" if places else ""
        if not places:
            return "takes what it has to refuse"
        return "" if verdict.place in places else f"refuses it at {_listed(places)}, not at {verdict.place or '/'}"

    def _own_fault(self, path: str, schema: Any) -> str:
        wanted = {"$schema": DIALECT, "$id": f"{self._id}/{path}"}
        wrong = [f"{word} is not {value}" for word, value in wanted.items() if schema.get(word) != value]
        wrong += [f"{ref} leads nowhere" for ref in _references(schema) if at(schema, ref.removeprefix("#")) is ABSENT]
        return "; ".join(wrong)


def _places(errors: Iterable[ValidationError]) -> Iterator[str]:
    """Where the faults stand; of alternatives that all fail, also where each of them does."""
    for error in errors:
        yield pointer(list(error.absolute_path))
        yield from _places(error.context or ())


def _listed(places: set[str]) -> str:
    shown = sorted(places, key=lambda place: (-len(place), place))[:MOST_PLACES]
    return ", ".join(place or "/" for place in shown)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
