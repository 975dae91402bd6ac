"""The canonical model: the fold of an order, and its import with nothing but pydantic."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import jsonschema_rs
import orjson

from benchmarks import messages
from benchmarks.convert import rate
from canonical_model.fold import fold
from canonical_model.json_schema import example_order, order_schema
from canonical_model.order_document import OrderDocument
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules import check
from hub.formats import format_of
from mappings.events import assertions

NOW = datetime(2026, 3, 20, tzinfo=UTC)


def _events(count: int) -> list[dict[str, object]]:
    """Facts of one order, from real messages."""
    v2 = format_of("hl7v2")
    events: list[dict[str, object]] = []
    number = 0
    while len(events) < count:
        body = messages.order(1) if number == 0 else messages.results(1).replace(b"LAB-1", f"LAB-{number}".encode())
        read = v2.read(body)
        for assertion in assertions(read.map, read.frames, f"bench/{number}"):
            if assertion["about"].get("frame"):
                continue
            known = {k: v for k, v in assertion["set"].items() if not (isinstance(v, dict) and "frame" in v)}
            events.append(
                {
                    **assertion,
                    "id": f"{len(events):040x}",
                    "set": known,
                    "recorded": "2026-03-11T12:00:00Z",
                    "reporter": {"partner": "mercy", "role": "hospital"},
                    "source_id": str(number),
                    "ordinal": f"{len(events):06}",
                    "supersedes": [],
                    "body": "",
                }
            )
        number += 1
    return events[:count]


def _documents() -> Iterator[tuple[str, str, str]]:
    """A whole order as one document: by its schema, compiled, and with everything computed again from its facts."""
    document = example_order()
    text = orjson.dumps(document)
    validator = jsonschema_rs.validator_for(order_schema())
    by_schema = rate(lambda _: validator.is_valid(document), 1.0)
    whole = rate(lambda _: OrderDocument.model_validate_json(text), 1.0)
    yield f"order document of {len(text):,} bytes, by schema", f"{1e6 / by_schema:,.0f} µs", ""
    yield "the same, computed again from its facts", f"{1e6 / whole:,.0f} µs", ""


def rows() -> Iterator[tuple[str, str, str]]:
    """What and the figures."""
    for count in (20, 1_000):
        events = _events(count)
        order = [("order", "urn:id:EPIC", "ORD-1")]
        per_second = rate(lambda _, e=events, o=order: fold(o, e), 1.0)  # type: ignore[misc]
        yield f"fold of {count} facts", f"{1e6 / per_second:,.0f} µs", ""
        state = fold(order, events)
        per_second = rate(lambda _, s=state: check(s, DEFAULT_PROTOCOLS, NOW), 1.0)  # type: ignore[misc]
        yield f"all rules on {count} facts", f"{1e6 / per_second:,.0f} µs", ""
    yield from _documents()
    code = "import time,resource;t=time.perf_counter();import canonical_model.rules, canonical_model.frames;"
    code += "print(round(time.perf_counter()-t,3),resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024)"
    begun = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    whole = time.perf_counter() - begun
    yield "import of the canonical model", f"{told[0]} s (process {whole:.2f} s), {told[1]} MB", ""
