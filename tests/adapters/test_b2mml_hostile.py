"""Hostile and clumsy B2MML: nothing crashes, nothing is lost in silence, and no fault repeats what a document says."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.b2mml import document as opening
from adapters.b2mml import xml_tree
from adapters.b2mml.shape import ALIASES, ORDER, V0401, V0700
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.frames import check
from tests.adapters.b2mml_samples import FRESH, NS, adapter, count, normal, own, tried
from tests.effort import at_most
from tests.scale import share

law = settings(max_examples=share(400), deadline=None)
few = settings(max_examples=share(120), deadline=None)

SECRET = "Tregarthen"
NAMES = sorted({*ORDER, *ALIASES, *(child for children in ORDER.values() for child in children)})
TEXTS = (
    *("", " ", "-", "1", "-0.10", "1e400", "12,5", "NaN", "<5", "2026-03-27T10:00:00Z", "2026-02-30T10:00:00Z"),
    *("9999-12-31T23:59:59-14:00", "CoI", "ExpiryDate", "Disposition", "CHLKS26A00417", "UnRestricted", "Consumed"),
    *("RESTRICTED", "Scrap", "Failed", "Aborting", "Other", "Hold"),
    *("Completed", "Released", "urn:x:y", "https://a b", "\u00e9\U0001f9ec", "a\tb", "Viability", "=cmd()", SECRET),
)
ROOTS: tuple[str, ...] = (
    "MaterialLot",
    "MaterialInformation",
    "OperationsPerformance",
    "ProductionPerformance",
    "OperationsSchedule",
)
ROOTS += ("BatchProductionRecord", "OperationsTestInformation", "ProductionSchedule", "MaterialSubLot", "TestResult")


def document(seed: int) -> bytes:
    """A document of B2MML's words, nearly in the schema's order: what stands where, and what it says, is anybody's."""
    rng = random.Random(seed)
    namespace = rng.choice((V0700, V0401))
    name = rng.choice(ROOTS)
    verb = rng.choice(("", "Sync", "Process"))
    nsmap: Any = {None: namespace, "v": "urn:vendor"}
    root = etree.Element(f"{{{namespace}}}{verb}{name}", nsmap=nsmap)
    inner = root
    if verb:
        etree.SubElement(root, f"{{{namespace}}}{verb}")
        inner = etree.SubElement(etree.SubElement(root, f"{{{namespace}}}DataArea"), f"{{{namespace}}}{name}")
    _grow(inner, name, rng, 0, namespace)
    return etree.tostring(root)


def _grow(element: etree._Element, name: str, rng: random.Random, depth: int, namespace: str) -> None:
    shape = ORDER.get(ALIASES.get(name, name), {})
    for child in shape:
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2)) if depth < 5 else 0):
            below = etree.SubElement(element, f"{{{namespace}}}{child}")
            if rng.random() < 0.1:
                below.set(rng.choice(("schemeURI", "schemeID", "languageID")), rng.choice(TEXTS))
            if ORDER.get(ALIASES.get(child, child)) and rng.random() < 0.85:
                _grow(below, child, rng, depth + 1, namespace)
            else:
                below.text = rng.choice(TEXTS)
    if rng.random() < 0.15:
        stray = etree.SubElement(element, f"{{{rng.choice((namespace, 'urn:vendor'))}}}{rng.choice(NAMES)}")
        stray.text = rng.choice(TEXTS)
        element.insert(rng.randrange(len(element)), stray)
    if rng.random() < 0.03 and len(element):
        element[0].tail = SECRET


@law
@given(st.integers(min_value=0))
def test_words_of_b2mml_in_any_place_are_read_kept_and_counted(seed: int) -> None:
    body = document(seed)
    found = tried(body)
    if not isinstance(found, Read):
        assert isinstance(found, Unparsable | Unsupported)
        return
    for frame in found.frames:
        check(frame)
    assert sum(found.summary().values()) == count(body)
    assert normal(adapter().write(found.type, found.frames, found.residual)[0]) == normal(body)
    assert not [fault for fault in found.faults if SECRET in f"{fault.place}{fault.remedy}"]


@few
@given(st.integers(min_value=0))
def test_what_was_read_of_any_document_can_be_written_fresh(seed: int) -> None:
    found = tried(document(seed))
    if isinstance(found, Read):
        body, _ = adapter().write(FRESH.get(found.type, found.type), found.frames)
        assert isinstance(tried(body), Read)


@law
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_with_a_reason(body: bytes) -> None:
    found = tried(body)
    assert isinstance(found, Unparsable | Unsupported)
    assert found.code
    assert found.remedy


@few
@given(st.integers(0, 3), st.data())
def test_a_damaged_document_is_read_or_refused(which: int, data: st.DataObject) -> None:
    body = bytearray(sorted(own().items())[which][1])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8))
    assert isinstance(tried(bytes(body)), Read | Unparsable | Unsupported)


NAMED = st.text("ABCdef", min_size=1, max_size=4)
TREE = st.recursive(
    st.text("ab <&\u00e9", max_size=6),
    lambda inner: st.dictionaries(NAMED, inner | st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=4),
    max_leaves=12,
)


@law
@given(st.dictionaries(NAMED, TREE, min_size=1, max_size=4))
def test_a_tree_of_any_names_comes_back_from_its_xml(tree: dict[str, Any]) -> None:
    body = xml_tree.dumps("Any", tree, xml_tree.Names())
    name, again, names = xml_tree.loads(body)
    assert normal(xml_tree.dumps(name, again, names)) == normal(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]><MaterialLot/>", "xml-doctype"),
        (f"<MaterialLot xmlns='{NS}'>".encode() + b"<A>" * 80 + b"</A>" * 80 + b"</MaterialLot>", "xml-too-deep"),
        (b"<MaterialLot" + b" " * (16 * 1024 * 1024) + b"/>", "xml-too-large"),
        (f"<MaterialLot xmlns='{NS}'>text<ID>1</ID></MaterialLot>".encode(), "b2mml-shape"),
        (f"<MaterialLot xmlns='{NS}'>text</MaterialLot>".encode(), "b2mml-shape"),
        (f"<SyncMaterialLot xmlns='{NS}'><DataArea/></SyncMaterialLot>".encode(), "b2mml-shape"),
        ("<MaterialLot/>".encode("utf-16"), "xml-encoding"),
    ],
)
def test_what_is_no_document_is_refused_by_its_code(body: bytes, code: str) -> None:
    with pytest.raises(Unparsable) as wrong:
        adapter().read(body)
    assert wrong.value.code == code
    assert SECRET not in str(wrong.value)


def test_what_a_frame_says_cannot_break_out_of_its_element() -> None:
    lot = {"system": "https://foundry.example/id", "value": "</ID><ID>x", "type": "lot", "assumed": True}
    frames = [{"kind": "material", "key": "m", "set": {"identifiers": [lot], "storage": "a\x00\x0b]]><!--"}}]
    body, _ = adapter().write("MaterialInformation", frames)
    found = next(f["set"] for f in adapter().read(body).frames if f["kind"] == "material")
    assert found["identifiers"] == [lot]
    assert found["storage"] == "a]]><!--"


def test_opening_takes_time_by_the_size_of_a_document_and_not_by_its_square() -> None:
    """20,000 lots: a look at all of them for each of them takes many times as long."""
    tree = {"MaterialLot": [{"ID": f"L{n}", "MaterialSubLot": [{"ID": f"S{n}"}]} for n in range(20_000)]}
    with at_most(5):
        opened = opening.opened("MaterialInformation", tree)
    assert len(opened.cuts) == 40_000
    assert {cut.tree["#lot"] for cut in opened.cuts if cut.name == "sublot"} == {f"L{n}" for n in range(20_000)}
