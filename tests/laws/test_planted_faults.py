"""Engines with a planted fault, each of which the laws must catch. A law that lets one pass proves nothing.

Every fault is one that somebody has built: a residual by position, a row that forgets, a code table that merges two
codes, an identifier that stays where it was, an account that flatters.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters import hl7v2
from adapters.hl7v2.tokenizer import Delimiters
from adapters.reading import Read
from mappings import account, group_writer, groups
from mappings.faults import Fault
from tests.laws import edits, laws, v2
from tests.laws.edits import Edit
from tests.laws.test_hl7v2_laws import HOMELESS

SAMPLES = sorted((Path(__file__).parents[1] / "samples" / "hl7v2").glob("*.hl7"))
BODIES = {path.stem: path.read_bytes() for path in SAMPLES if not path.stem.endswith(".written")}
Adapter = hl7v2.Adapter


# ---- the laws -------------------------------------------------------------------------------------------------


def _put_get(adapter: Adapter, body: bytes, read: Read, edit: Edit) -> None:
    assert laws.put_get(adapter, read, edit, read.residual) <= HOMELESS | v2.IMPLIED | v2.lacking(read.frames)


MESSAGE_LAWS: Mapping[str, Callable[[Adapter, bytes, Read], object]] = {
    "GetPut": lambda adapter, body, read: laws.get_put(adapter, body),
    "no silent loss": lambda adapter, body, read: laws.nothing_lost(body, read),
    "carried": laws.carried_is_written,
    "fresh": lambda adapter, body, read: laws.fresh(adapter, read, HOMELESS | v2.lacking(read.frames)),
    "valid": lambda adapter, body, read: laws.valid(read),
}
EDIT_LAWS: Mapping[str, Callable[[Adapter, bytes, Read, Edit], object]] = {
    "PutGet": _put_get,
    "locality": laws.local,
    "identifiers": laws.no_foreign_identifier,
}


def cases(adapter: Adapter, name: str) -> Iterator[Callable[[], object]]:
    """A law, applied to every sample (and every edit of it)."""
    for body in BODIES.values():
        read = adapter.read(body)
        if name in MESSAGE_LAWS:
            yield lambda b=body, r=read: MESSAGE_LAWS[name](adapter, b, r)  # type: ignore[misc]
            continue
        rng = random.Random(7)
        found = edits.edits_of(read.frames, rng)
        for edit in rng.sample(found, len(found)):
            yield lambda b=body, r=read, e=edit: EDIT_LAWS[name](adapter, b, r, e)  # type: ignore[misc]


def caught(adapter: Adapter, name: str) -> bool:
    """True when the law of that name is broken somewhere."""
    for case in cases(adapter, name):
        try:
            case()
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize("name", [*MESSAGE_LAWS, *EDIT_LAWS])
def test_the_real_engine_keeps_the_law(name: str) -> None:
    assert not caught(hl7v2.base(), name)


# ---- faults of the engine -------------------------------------------------------------------------------------


def by_position(canonical: Any, node: Any) -> Any:
    """A residual that asks for no guard: whatever stood at the place stands there again."""
    if node is None:
        return canonical
    if "in" in node:
        branch = dict(canonical or {})
        branch |= {key: by_position(branch.get(key), inner) for key, inner in node["in"].items()}
        return {key: value for key, value in branch.items() if value is not None} or None
    if "seq" in node:
        old = [entry[-1] for entry in node["seq"]]
        return [*old[: len(canonical or ())], *(canonical or ())[len(old) :]] or None
    return node["w"]


def test_a_residual_by_position_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_writer, "patch", by_position)
    monkeypatch.setattr(group_writer, "_otherwise", lambda node, pieces, m: set())
    with_check_digits = BODIES["adt_a01"].replace(b"PAT-77^^^", b"PAT-77^4^M11^").replace(b"MERCY^AN", b"MERCY^AN~B")
    monkeypatch.setitem(BODIES, "adt_a01", with_check_digits)
    assert caught(hl7v2.base(), "PutGet")


def test_a_check_digit_that_moves_to_another_number_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial that mappings.md tells of: components of PID-3 kept by their place, under whatever number comes."""
    monkeypatch.setitem(BODIES, "adt_a01", BODIES["adt_a01"].replace(b"PAT-77^^^", b"PAT-77^4^M11^"))
    real = Adapter.write

    def write(self: Adapter, message: str, frames: Any, residual: Any = None) -> Any:
        written, faults = real(self, message, frames, residual)
        return written.replace(b"^^^MERCY&1.2.3.4", b"^4^M11^MERCY&1.2.3.4"), faults

    monkeypatch.setattr(Adapter, "write", write)
    assert caught(hl7v2.base(), "identifiers")


def test_frames_that_are_known_by_their_place_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes go to whichever result stands where theirs stood."""

    def nameless(parent: str, group: Any, drafts: Any) -> str:
        return f"{parent}/{group.kind}" if parent else str(group.kind)

    def counted(root: Any, frames: Any, m: Any) -> Any:
        renamed, names, counts = [], {"": ""}, dict[str, int]()
        for frame in frames:
            base = f"{names[frame.get('parent', '')]}/{frame['kind']}".lstrip("/")
            count = counts[base] = counts.get(base, 0) + 1
            names[frame["key"]] = base if count == 1 else f"{base}#{count}"
            renamed.append({**frame, "key": names[frame["key"]], "parent": names[frame.get("parent", "")]})
        return tree(root, renamed, m)

    tree = group_writer._tree
    monkeypatch.setattr(groups, "_base_key", nameless)
    monkeypatch.setattr(group_writer, "_tree", counted)
    assert caught(hl7v2.base(), "locality")


def test_segments_that_no_table_lists_and_nobody_keeps_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_writer, "_stale", lambda text, vacant, m: True)
    assert caught(hl7v2.base(), "GetPut")


def test_an_account_that_calls_everything_carried_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_differing", lambda piece, leaves: iter(()))
    assert caught(hl7v2.base(), "carried")


def test_leaves_that_the_account_never_sees_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Delimiters.leaves
    monkeypatch.setattr(
        Delimiters, "leaves", lambda self, name, piece: (leaf for leaf in real(self, name, piece) if len(leaf[0]) < 3)
    )
    assert caught(hl7v2.base(), "no silent loss")


def test_texts_that_go_out_without_escapes_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delimiters, "escape", lambda self, text: text)
    assert caught(hl7v2.adapter(), "PutGet")


@pytest.mark.parametrize(
    ("sample", "kind", "path"),
    [
        ("oml_o21", "result", "value"),
        ("oml_o21", "result", "test"),
        ("oml_o21", "order", "service"),
        ("oml_o21", "order", "identifiers"),
        ("oru_r01", "result", "value"),
        ("oru_r01", "report", "identifiers"),
        ("oru_r01", "message", "sender"),
    ],
)
@pytest.mark.parametrize("law", ["fresh", "PutGet"])
def test_a_writer_that_drops_what_has_a_field_and_reports_it_is_caught(
    sample: str, kind: str, path: str, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every version that has a field for it: before 2.6 a CE has no place for a text, yet one for the code."""
    real = Adapter.write

    def write(self: Adapter, message: str, frames: Any, residual: Any = None) -> Any:
        kept = [{**f, "set": {n: v for n, v in f["set"].items() if (f["kind"], n) != (kind, path)}} for f in frames]
        written, faults = real(self, message, kept, None)
        return written, [*faults, Fault("no-home", f"{kind}.{path}", "planted", "", "lost")]

    body = re.sub(rb"\|2\.\d(\.\d)?(?=[|\r\n])", b"|2.5.1", BODIES[sample], count=1)
    monkeypatch.setattr(sys.modules[__name__], "BODIES", {sample: body})
    assert hl7v2.base().read(body).frames[0]["set"]["version"] == "2.5.1"
    assert not caught(hl7v2.base(), law)
    monkeypatch.setattr(Adapter, "write", write)
    assert caught(hl7v2.base(), law)


def test_an_identifier_that_stays_after_it_was_taken_away_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Adapter.write

    def write(self: Adapter, message: str, frames: Any, residual: Any = None) -> Any:
        return real(self, message, [_with_the_old(frame) for frame in frames], residual)

    def _with_the_old(frame: Any) -> Any:
        if frame["kind"] != "identity" or frame["set"].get("identifiers"):
            return frame
        stale = [{"system": "urn:oid:1.2.3.4", "assigner": "MERCY", "value": "PAT-77", "type": "mrn"}]
        return {**frame, "set": {**frame["set"], "identifiers": stale}}

    monkeypatch.setattr(Adapter, "write", write)
    assert caught(hl7v2.base(), "PutGet")


# ---- faults of the tables -------------------------------------------------------------------------------------


def planted(folder: Path, tables: Mapping[str, str], codes: Mapping[str, str] | None = None) -> Adapter:
    """The base tables with an overlay that plants a fault."""
    (folder / "codes").mkdir()
    for name, rows in tables.items():
        (folder / f"{name}.yaml").write_text(f"extends: hl7v2/{name}\nrows:\n{rows}", encoding="utf-8")
    for name, text in (codes or {}).items():
        (folder / "codes" / f"{name}.csv").write_text(f"wire,canonical,note\n{text}", encoding="utf-8")
    return hl7v2.adapter(overlays=[folder])


@pytest.mark.parametrize("law", ["fresh", "PutGet"])
def test_a_row_that_reads_and_does_not_write_is_caught(law: str, tmp_path: Path) -> None:
    row = "  - {id: P11, each: 11, into: identity.addresses, as: xad, only: in, why: planted}\n"
    assert caught(planted(tmp_path, {"pid": row}), law)


def test_a_row_that_writes_and_does_not_read_is_caught(tmp_path: Path) -> None:
    row = "  - {id: X11, at: 11, into: result.status, table: result_status, only: out, why: planted}\n"
    adapter = planted(tmp_path, {"obx": row})
    read = adapter.read(BODIES["oru_r01"])
    read.frames[4]["set"]["status"] = "final"
    with pytest.raises(AssertionError, match=r"result\.status"):
        laws.fresh(adapter, read)


def test_a_row_that_writes_into_another_rows_field_is_caught(tmp_path: Path) -> None:
    rows = (
        "  - {id: P18, at: 18, into: identity.account, as: cx, only: in, why: planted}\n"
        "  - {id: P99, at: 19, into: identity.account, as: cx, only: out, why: planted}\n"
    )
    assert caught(planted(tmp_path, {"pid": rows}), "fresh")


def test_two_codes_that_a_table_merges_are_told_as_lossy_and_go_back_as_they_came(tmp_path: Path) -> None:
    adapter = planted(tmp_path, {}, {"name_use": "L,legal,\nA!,legal,planted\n"})
    read = laws.get_put(adapter, BODIES["adt_a01"])
    lossy = [(entry.piece, entry.place) for entry in read.entries() if entry.fate == "lossy"]
    assert ("PID", ("5[2]", "7")) in lossy


def test_a_code_that_only_the_writer_knows_is_caught(tmp_path: Path) -> None:
    adapter = planted(tmp_path, {}, {"sex": "F,female,\nX,male!,planted: read as nothing\n"})
    assert caught(adapter, "PutGet")
