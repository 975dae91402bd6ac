"""What becomes of the official FHIR R4 examples, by resource type: `python -m tests.adapters.fhir_r4_table`.

Tried, recorded (with facts), kept (read whole, but no fact comes of it), refused with a reason, crashed; leaves
carried, ignored for a reason, kept for the sender alone, lost without a word (counted without the adapter); written
back.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters import fhir_r4, json_text
from adapters.fhir_r4 import Adapter
from adapters.fhir_r4.validate import validate
from adapters.reading import Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from mappings.events import assertions
from tests.standards import standards_dir

TYPES = (
    "Patient",
    "ServiceRequest",
    "Observation",
    "Appointment",
    "BiologicallyDerivedProduct",
    "DetectedIssue",
    "DocumentReference",
    "MedicationAdministration",
    "Procedure",
    "Specimen",
    "Task",
)
SERVER = "https://fhir.mercy.example/r4"


@dataclass(slots=True)
class Line:
    """What became of the examples of one type."""

    type: str
    files: Counter[str] = field(default_factory=Counter)
    leaves: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)


def adapter() -> Adapter:
    return fhir_r4.adapter(event_types={name: row.about for name, row in EVENTS.items()}, server=SERVER)


def lines(folder: Path | None = None) -> Iterator[Line]:
    """One line for each type that there are examples of."""
    made = adapter()
    for type_ in TYPES:
        files = sorted((folder or standards_dir() / "fhir" / "r4" / "examples").glob(f"{type_}-*.json"))
        line = Line(type_)
        for file in files:
            _add(line, made, file)
        if files:
            yield line


def _add(line: Line, made: Adapter, file: Path) -> None:
    body = file.read_bytes()
    line.files["tried"] += 1
    try:
        faults = [fault for fault in validate(json_text.loads(body)) if fault.severity == "error"]
        if faults:
            line.files["refused"] += 1
            line.reasons.append(f"{file.stem}: {faults[0].code} at {faults[0].place}")
        read = made.read(body)
        written, lost = made.write(read.type, read.frames, json_text.loads(json_text.dumps(read.residual)))
    except (Unparsable, Unsupported) as refused:
        line.files["refused"] += 1
        line.reasons.append(f"{file.stem}: {refused.code} at {refused.place}")
        return
    except Exception as crashed:  # noqa: BLE001 - the count of these is what the table is for
        line.files["crashed"] += 1
        line.reasons.append(f"{file.stem}: {type(crashed).__name__}")
        return
    if not faults:
        line.files["recorded" if assertions(read.map, read.frames, "examples/1") else "kept"] += 1
    told = read.summary()
    line.leaves += told
    line.leaves["all"] += leaves(json.loads(body))
    line.leaves["silent"] += leaves(json.loads(body)) - sum(told.values())
    line.files["written"] += _same(written, body) and not [fault for fault in lost if fault.severity == "lost"]


def _same(one: bytes, other: bytes) -> bool:
    """Equal as JSON with the digits of numbers, by the standard library alone."""

    def parse(body: bytes) -> Any:
        return json.loads(body, parse_float=lambda text: ("#", text), parse_int=lambda text: ("#", text))

    return bool(parse(one) == parse(other))


def leaves(value: Any) -> int:
    """Scalars of a document."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else value is not None


FILES = ("tried", "recorded", "kept", "refused", "crashed", "written")


def table(found: list[Line]) -> str:
    """The lines as a table of Markdown."""
    total = Line("all")
    for line in found:
        total.files += line.files
        total.leaves += line.leaves
    head = (
        "| resource | tried | recorded | kept | refused | crashed | written back "
        "| leaves | carried | ignored | kept for its sender | silent loss |"
    )
    rows = [head, "| --- |" + " ---: |" * 11]
    for line in [*found, total]:
        carried = line.leaves["carried"] + line.leaves["lossy"]
        parts = (line.leaves["all"], carried, line.leaves["ignored"], line.leaves["residual"], line.leaves["silent"])
        counts = [*(line.files[name] for name in FILES), *parts]
        rows.append(f"| {line.type} | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    made_lines = list(lines())
    reasons = [f"- {reason}" for made_line in made_lines for reason in made_line.reasons]
    sys.stdout.write("\n".join([table(made_lines), "", *reasons]) + "\n")
