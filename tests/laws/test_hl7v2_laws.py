"""The laws, on every message of other people's corpora that the slice reads (mappings.md, The laws).

Other folders than the ones here work as well: CGT_CORPORA and CGT_STANDARDS say where to look.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from adapters import hl7v2
from adapters.hl7v2 import Unparsable, Unsupported, tokenizer
from adapters.reading import Read
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from mappings import events
from tests.effort import at_most
from tests.laws import edits, laws, v2
from tests.scale import share
from tests.standards import need

pytestmark = pytest.mark.standards

OF_A_VERSION = ("identifiers", "parents", "target", "target_priority", "result_group", "parent_result_group")
HOMELESS = frozenset(
    {"material.accessions", "material.coi", "material.shipment", "result.interpretation"}
    | {f"{kind}.{path}" for kind in ("order", "report") for path in (*OF_A_VERSION, "specimen_source")}
    | v2.HOMELESS
)
"""Written afresh, or in another version, a message says these only where that version has a field for them."""


@pytest.fixture(scope="module")
def adapter() -> hl7v2.Adapter:
    """The base tables, every path checked against the published schemas and every event against the catalogue."""
    return hl7v2.adapter(set_schemas(), event_types={name: row.about for name, row in EVENTS.items()})


@pytest.fixture(scope="module")
def corpus() -> tuple[tuple[str, bytes], ...]:
    for folder in v2.folders():
        need(folder)
    return v2.messages()


@pytest.fixture(scope="module")
def reads(adapter: hl7v2.Adapter, corpus: tuple[tuple[str, bytes], ...]) -> list[tuple[str, bytes, Read]]:
    return [(name, body, adapter.read(body)) for name, body in corpus]


def every(messages: Iterator[tuple[str, Callable[[], object]]]) -> int:
    """Applies a law to every message and names all that break it."""
    broken, count = [], 0
    for name, law in messages:
        count += 1
        try:
            law()
        except AssertionError as wrong:
            broken.append(f"{name}: {str(wrong)[:300]}")
    assert not broken, f"{len(broken)} of {count}:\n" + "\n".join(broken[:20])
    return count


def test_the_corpora_hold_every_type_of_the_slice(corpus: tuple[tuple[str, bytes], ...]) -> None:
    assert v2.SEEN <= {v2.type_of(body) for _, body in corpus} <= set(v2.SLICE)


def test_a_message_is_written_as_it_was_read(adapter: hl7v2.Adapter, corpus: tuple[tuple[str, bytes], ...]) -> None:
    every((name, lambda body=body: laws.get_put(adapter, body)) for name, body in corpus)  # type: ignore[misc]


def test_no_leaf_is_lost_in_silence(reads: list[tuple[str, bytes, Read]]) -> None:
    every((name, lambda b=body, r=read: laws.nothing_lost(b, r)) for name, body, read in reads)  # type: ignore[misc]


def test_what_is_called_carried_is_written_from_the_frames_alone(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    every(
        (name, lambda b=body, r=read: laws.carried_is_written(adapter, b, r))  # type: ignore[misc]
        for name, body, read in reads
    )


def test_frames_that_are_written_afresh_are_read_as_the_same_frames(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    every((name, lambda r=read: laws.fresh(adapter, r, HOMELESS | v2.lacking(r.frames))) for name, _, read in reads)  # type: ignore[misc]


def test_every_frame_is_a_valid_frame(reads: list[tuple[str, bytes, Read]]) -> None:
    every((name, lambda r=read: laws.valid(r)) for name, _, read in reads)  # type: ignore[misc]


def test_every_message_asserts_facts_of_the_catalogue(reads: list[tuple[str, bytes, Read]]) -> None:
    for name, _, read in reads:
        for assertion in events.assertions(read.map, read.frames, name):
            row = EVENTS[assertion["type"]]
            assert row.about in {None, "", assertion["about"]["kind"]}, (name, assertion["type"])


# ---- edits ----------------------------------------------------------------------------------------------------


def chosen(name: str, read: Read, most: int) -> list[edits.Edit]:
    """Some of a message's edits, the same ones in every run; fewer of a message that is long."""
    rng = random.Random(name)
    found = edits.edits_of(read.frames, rng, most * 4)
    return rng.sample(found, min(len(found), max(2, most * 40 // max(40, len(read.frames)))))


def put_get(adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]], most: int) -> None:
    homeless: set[str] = set()

    def law(read: Read, edit: edits.Edit) -> None:
        lacking = v2.lacking(read.frames) | v2.lacking(edit.apply(read.frames))
        homeless.update(laws.put_get(adapter, read, edit, read.residual) - v2.IMPLIED - lacking)
        homeless.update(laws.put_get(adapter, read, edit, None) - v2.IMPLIED - lacking)

    count = every(
        (name, lambda r=read, e=edit: law(r, e))  # type: ignore[misc]
        for name, _, read in reads
        for edit in chosen(name, read, most)
    )
    assert count > len(reads)
    assert homeless <= HOMELESS


def locality(adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]], most: int) -> None:
    outside = Counter[bool]()

    def law(body: bytes, read: Read, edit: edits.Edit) -> None:
        outside[not laws.local(adapter, body, read, edit)] += 1

    count = every(
        (name, lambda b=body, r=read, e=edit: law(b, r, e))  # type: ignore[misc]
        for name, body, read in reads
        for edit in chosen(f"local {name}", read, most)
    )
    assert outside[True] < count / 20


def emission(adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]], most: int) -> None:
    count = every(
        (name, lambda b=body, r=read, e=edit: laws.no_foreign_identifier(adapter, b, r, e))  # type: ignore[misc]
        for name, body, read in reads
        for edit in chosen(f"emission {name}", read, most)
    )
    assert count > len(reads)


def test_an_edited_message_is_read_as_it_was_edited(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    put_get(adapter, reads, 4)


def test_an_edit_changes_only_the_fields_that_its_rows_name(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    locality(adapter, reads, 4)


def test_no_edit_sends_an_identifier_that_nobody_said(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    emission(adapter, reads, 4)


@pytest.mark.slow
def test_no_edit_at_all_sends_an_identifier_that_nobody_said(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    emission(adapter, reads, share(200))


@pytest.mark.slow
def test_every_edit_is_read_as_it_was_edited(adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]) -> None:
    put_get(adapter, reads, share(200))


@pytest.mark.slow
def test_every_edit_is_local(adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]) -> None:
    locality(adapter, reads, share(200))


def test_an_identifier_that_is_taken_away_is_nowhere_in_pid_3(
    adapter: hl7v2.Adapter, reads: list[tuple[str, bytes, Read]]
) -> None:
    """Taking one of several identifiers away leaves none of its number, check digit and authority in PID-3."""
    tried = 0
    for name, body, read in reads:
        identity = next((f for f in read.frames if f["kind"] == "identity"), None)
        identifiers = identity["set"].get("identifiers", []) if identity else []
        for gone in range(len(identifiers)) if len(identifiers) > 1 else ():
            frames = [dict(frame) for frame in read.frames]
            at = next(n for n, f in enumerate(frames) if f["kind"] == "identity")
            left = [item for n, item in enumerate(identifiers) if n != gone]
            frames[at] = {**frames[at], "set": {**frames[at]["set"], "identifiers": left}}
            written, _ = adapter.write(read.type, frames, read.residual)
            before, after = _pid_3(body.decode(read.charset)), _pid_3(written.decode(read.charset))
            taken = before - after
            assert after <= before, f"{name}: PID-3 holds an identifier that nobody sent"
            assert sum(taken.values()) == 1, f"{name}: {sum(taken.values())} repeats of PID-3 are gone"
            assert next(iter(taken))[0] == identifiers[gone]["value"], f"{name}: another identifier is gone"
            tried += 1
    assert tried > 50


def _pid_3(text: str) -> Counter[tuple[str, ...]]:
    """Per repeat of PID-3: number, check digit and authority."""
    repeats: dict[tuple[int, int], dict[tuple[int, int], str]] = {}
    for line, segment, (field, repeat, comp, sub), leaf in v2.leaves(text):
        if segment == "PID" and field == 3:
            repeats.setdefault((line, repeat), {})[comp, sub] = leaf
    return Counter(
        tuple(parts.get(place, "") for place in ((1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (4, 3)))
        for parts in repeats.values()
        if (1, 1) in parts
    )


# ---- coverage -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shares(reads: list[tuple[str, bytes, Read]]) -> dict[str, Counter[str]]:
    """Leaves per fate of the segments in scope."""
    found: dict[str, Counter[str]] = {name: Counter() for name in v2.SCOPE}
    for _, _, read in reads:
        for entry in read.entries():
            if entry.piece in found:
                found[entry.piece][entry.fate] += 1
    return found


@pytest.mark.parametrize("segment", v2.SCOPE)
def test_nine_leaves_of_ten_are_carried_or_set_aside_for_a_reason(
    segment: str, shares: dict[str, Counter[str]]
) -> None:
    fates = shares[segment]
    total = fates.total()
    assert (fates["carried"] + fates["ignored"]) / total >= v2.LEAST.get(segment, 0.90)
    assert fates["ignored"] / total <= v2.MOST.get(segment, 0.25)


# ---- whatever comes -------------------------------------------------------------------------------------------


def test_any_file_is_read_or_refused_with_a_reason(adapter: hl7v2.Adapter) -> None:
    """Licences, JSON, other types, broken messages: nothing but Unparsable and Unsupported, and never slowly."""
    for folder in v2.folders():
        need(folder)
    told = Counter[str]()
    for path in v2.files():
        for body in tokenizer.messages(path.read_bytes()):
            with at_most(20):
                try:
                    adapter.read(body).summary()
                    told["read"] += 1
                except (Unparsable, Unsupported) as wrong:
                    told[wrong.code] += 1
                    assert wrong.place and wrong.remedy
    assert told["read"] > 200
