"""Every EPCIS document of GS1 and openEPCIS, as it stands, and the table of them in `docs/public-files.md`."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from adapters import json_text
from adapters.reading import Read, Unparsable, Unsupported
from tests.adapters.epcis_samples import adapter, count, normal
from tests.standards import ROOT, need, standards_dir

PAGE = ROOT / "docs" / "public-files.md"
HEADING = "## EPCIS"
COLUMNS = (
    *("tried", "recorded", "an event refused", "refused", "crashed"),
    *("leaves", "carried", "lossy", "residual", "ignored", "lost in silence", "written back"),
)
pytestmark = pytest.mark.standards


def sets() -> dict[str, list[Path]]:
    """The documents of each publisher, by version and syntax."""
    folder = need(standards_dir() / "epcis")
    found = {
        "GS1, JSON-LD": [*(folder / "gs1" / "JSON").rglob("*.jsonld")],
        "GS1, XML": [*(folder / "gs1" / "XML").rglob("*.xml")],
    }
    valid = [p for p in (folder / "openepcis" / "2.0").rglob("*") if p.suffix in {".json", ".xml"}]
    for syntax in ("json", "xml"):
        ours = [p for p in valid if p.suffix == f".{syntax}"]
        found[f"openEPCIS 2.0, {syntax.upper()}"] = [p for p in ours if "Invalid" not in p.parts]
        found[f"openEPCIS 2.0, {syntax.upper()}, invalid on purpose"] = [p for p in ours if "Invalid" in p.parts]
    found["openEPCIS 1.2, XML"] = [*(folder / "openepcis" / "1.2").rglob("*.xml")]
    return {name: sorted(paths) for name, paths in found.items()}


@cache
def tried(name: str) -> tuple[Counter[str], Counter[str]]:
    """Counts of a set, and why documents of it were refused."""
    counts: Counter[str] = Counter()
    why: Counter[str] = Counter()
    for path in sets()[name]:
        body = path.read_bytes()
        counts["tried"] += 1
        try:
            read = adapter().read(body)
        except (Unparsable, Unsupported) as refused:
            counts["refused"] += 1
            why[refused.code] += 1
            continue
        except Exception:  # noqa: BLE001 - a crash is counted
            counts["crashed"] += 1
            continue
        _add(counts, why, body, read)
    return counts, why


def _add(counts: Counter[str], why: Counter[str], body: bytes, read: Read) -> None:
    errors = {fault.code for fault in read.faults if fault.severity == "error"}
    counts["an event refused" if errors else "recorded"] += 1
    why.update(errors)
    fates = read.summary()
    leaves = count(body)
    counts["leaves"] += leaves
    counts.update(fates)
    counts["lost in silence"] += abs(leaves - sum(fates.values()))
    stored = json_text.loads(json_text.dumps(read.residual))
    counts["written back"] += normal(adapter().write(read.type, read.frames, stored)[0]) == normal(body)


def table() -> str:
    lines = [f"| | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]
    for name in sets():
        counts, _ = tried(name)
        lines.append(f"| {name} | {' | '.join(str(counts[column]) for column in COLUMNS)} |")
    return "\n".join(lines)


def reasons() -> str:
    lines = ["| | why |", "|---|---|"]
    for name in sets():
        why = ", ".join(f"`{code}` {number}" for code, number in sorted(tried(name)[1].items()))
        lines += [f"| {name} | {why} |"] if why else []
    return "\n".join(lines)


def test_no_document_crashes_and_no_leaf_is_lost_in_silence() -> None:
    for name in sets():
        counts, _ = tried(name)
        assert counts["crashed"] == 0, name
        assert counts["lost in silence"] == 0, name
        assert counts["lossy"] == 0 or name.startswith("openEPCIS"), name


def test_every_document_that_is_read_is_written_back_as_it_came() -> None:
    for name in sets():
        counts, _ = tried(name)
        assert counts["written back"] == counts["recorded"] + counts["an event refused"], name


def test_every_document_that_is_invalid_on_purpose_is_refused() -> None:
    for name in sets():
        if "invalid" in name:
            assert tried(name)[0]["recorded"] == 0, name


def test_the_page_says_what_was_found() -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = re.split(r"^## ", page.partition(HEADING)[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert table() in section
    assert reasons() in section
