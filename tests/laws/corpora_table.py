"""What becomes of other people's HL7 v2 messages, per type: `python -m tests.laws.corpora_table`. Proves nothing.

The laws themselves are `test_hl7v2_laws`; this says of every message in the folders whether it was read, what its
profile-less reading asserts, and how it stands to the laws.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters import hl7v2
from adapters.reading import Unparsable, Unsupported
from mappings.events import assertions
from tests.laws import edits, laws, v2


@dataclass
class Line:
    """What became of the messages of one type."""

    tried: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    leaves: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    laws: Counter[str] = field(default_factory=Counter)


def table() -> dict[str, Line]:
    """The lines by message type; `other` are files that are no message."""
    lines: dict[str, Line] = {}
    for name, body in everything():
        line = lines.setdefault(v2.type_of(body) or "other", Line())
        line.tried += 1
        _judge(line, name, body)
    return lines


def everything() -> Iterator[tuple[str, bytes]]:
    """Every message of the folders, and every file without one."""
    for path in v2.files():
        whole = path.read_bytes()
        for count, body in enumerate(v2.cut(whole) or [whole], 1):
            yield f"{path.name}#{count}", body


def _judge(line: Line, name: str, body: bytes) -> None:
    adapter = hl7v2.base()
    try:
        read = adapter.read(body)
        facts = assertions(read.map, read.frames, name)
    except (Unparsable, Unsupported) as refused:
        line.fates["refused"] += 1
        line.reasons[refused.code] += 1
        return
    except Exception as crash:  # noqa: BLE001 - that nothing else comes is what the table shows
        line.fates["crashed"] += 1
        line.reasons[type(crash).__name__] += 1
        return
    line.fates["recorded"] += 1
    line.fates["deviations"] += bool(read.faults)
    line.laws["facts"] += len(facts)
    for entry in read.entries():
        if entry.piece in v2.SCOPE:
            line.leaves[entry.fate] += 1
    line.lost += not _holds(lambda: laws.nothing_lost(body, read))
    line.laws["get_put"] += _holds(lambda: laws.get_put(adapter, body))
    rng = random.Random(name)
    found = edits.edits_of(read.frames, rng, 8)
    for edit in rng.sample(found, min(2, len(found))):
        line.laws["edits"] += 1
        line.laws["put_get"] += _holds(lambda edit=edit: laws.put_get(adapter, read, edit, read.residual))


def _holds(law: object) -> bool:
    try:
        law()  # type: ignore[operator]
    except AssertionError:
        return False
    return True


COLUMNS = (
    *("type", "tried", "recorded", "with deviations", "refused, why", "crashed"),
    *("carried of leaves in scope", "lost in silence", "written back", "edits read back"),
)


def rows() -> Iterator[str]:
    """The table in Markdown."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    found = table()
    total = Line()
    for name in sorted(found, key=lambda name: (-found[name].tried, name)):
        line = found[name]
        for counter in ("fates", "reasons", "leaves", "laws"):
            getattr(total, counter).update(getattr(line, counter))
        total.tried, total.lost = total.tried + line.tried, total.lost + line.lost
        if line.fates["recorded"]:
            yield _row(name, line)
    unread = [name for name, line in found.items() if not line.fates["recorded"]]
    yield _row(f"all, with {len(unread)} types that no table reads", total)


def _row(name: str, line: Line) -> str:
    reasons = ", ".join(f"{code} {count}" for code, count in sorted(line.reasons.items()))
    leaves = line.leaves.total()
    said = line.leaves["carried"]
    return (
        f"| {name} | {line.tried} | {line.fates['recorded']} | {line.fates['deviations']} | {reasons or '0'} "
        f"| {line.fates['crashed']} | {f'{100 * said / leaves:.1f} % of {leaves}' if leaves else '-'} | {line.lost} "
        f"| {line.laws['get_put']}/{line.fates['recorded']} | {line.laws['put_get']}/{line.laws['edits']} |"
    )


def main() -> None:
    for row in rows():
        print(row)  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
