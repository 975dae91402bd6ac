"""What we write is valid by GS1's SHACL shapes of EPCIS 2.0, as pyshacl judges them.

Two faults of the judges are mended on the way: shapes that `sh:node` and `sh:property` mix up are told apart
by their path (pyshacl refuses them), and terms that give `type` another meaning inside a list are renamed (rdflib
knows one `type` only).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.epcis import JSON
from tests.adapters.epcis_samples import adapter, readable
from tests.adapters.test_epcis_facts import TOLD, told
from tests.scale import FULL
from tests.standards import need, standards_dir

pyshacl = pytest.importorskip("pyshacl")
rdflib = pytest.importorskip("rdflib")

SCOPED = frozenset({"sourceList", "destinationList", "bizTransactionList", "sensorReport"})
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

pytestmark = [
    pytest.mark.standards,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::UserWarning"
    ),
]


def folder() -> Path:
    return need(standards_dir() / "epcis" / "gs1")


@cache
def shapes() -> Any:
    """GS1's shapes."""
    from rdflib.namespace import RDF, SH

    graph = rdflib.Graph().parse(folder() / "Ontology" / "EPCIS-SHACL.ttl")
    for shape in list(graph.subjects(SH.path, None)):
        if (shape, RDF.type, SH.NodeShape) in graph:
            graph.remove((shape, RDF.type, SH.NodeShape))
            graph.add((shape, RDF.type, SH.PropertyShape))
    for holder, _, shape in list(graph.triples((None, SH.node, None))):
        if (shape, SH.path, None) in graph:
            graph.remove((holder, SH.node, shape))
            graph.add((holder, SH.property, shape))
    for holder, _, shape in list(graph.triples((None, SH.property, None))):
        if (shape, SH.path, None) not in graph:
            graph.remove((holder, SH.property, shape))
            graph.remove((shape, RDF.type, SH.PropertyShape))
            graph.add((shape, RDF.type, SH.NodeShape))
            graph.add((holder, SH.node, shape))
    return graph


@cache
def context(name: str = "epcis-context-root.jsonld") -> Any:
    """A context of GS1's with those that it names."""
    return _opened(json.loads((folder() / "JSON-LD-Context" / name).read_bytes())["@context"])


def _opened(value: Any) -> Any:
    if isinstance(value, list):
        return [_opened(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, inner in value.items():
        if key == "@context" and isinstance(inner, str):
            made[key] = context(inner.rpartition("/")[2])
        elif key == "@context" and isinstance(inner, list):
            made[key] = [context(i.rpartition("/")[2]) if isinstance(i, str) else _opened(i) for i in inner]
        else:
            made["ownType" if key == "type" and isinstance(inner, dict) and "@id" in inner else key] = _opened(inner)
    return made


def _renamed(value: Any, scoped: bool = False) -> Any:
    if isinstance(value, list):
        return [_renamed(item, scoped) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "ownType" if scoped and key == "type" else key: _renamed(inner, key in SCOPED) for key, inner in value.items()
    }


def wrong(body: bytes) -> str:
    """What the shapes find wrong with a document; an empty text where they find nothing."""
    tree = _renamed(json.loads(body))
    own = tree["@context"] if isinstance(tree["@context"], list) else [tree["@context"]]
    tree["@context"] = [context() if entry == CONTEXT else entry for entry in own]
    graph = rdflib.Graph().parse(data=json.dumps(tree), format="json-ld", base="https://cgt-hub.example/")
    graph = rdflib.Graph().parse(data=graph.serialize(format="nt"), format="nt")
    valid, _, text = pyshacl.validate(graph, shacl_graph=shapes())
    return "" if valid else str(text)


@pytest.mark.parametrize(("type_", "name", "values"), TOLD)
def test_a_fact_that_is_told_is_valid_by_gs1s_shapes(type_: str, name: dict[str, str], values: dict[str, Any]) -> None:
    assert wrong(told(type_, name, values, JSON)) == ""


@pytest.mark.slow
def test_every_document_that_is_read_is_written_as_the_shapes_ask() -> None:
    """A third of them in the usual run."""
    found = readable() if FULL else readable()[::3]
    tried, refused = 0, []
    for name, _, read in found:
        frames = [f for f in read.frames if f["kind"] != "message"]
        body, faults = adapter().write(JSON, frames)
        if any(fault.severity == "error" for fault in faults):
            continue
        tried += 1
        if text := wrong(body):
            refused.append(f"{name}: {text[:400]}")
    assert refused == []
    assert tried > len(found) // 2


def test_the_judge_finds_what_is_wrong() -> None:
    first: Any = TOLD[0]
    body = told(first[0], first[1], first[2], JSON)
    bad = json.loads(body)
    del bad["epcisBody"]["eventList"][0]["eventTime"]
    assert "eventTime" in wrong(json.dumps(bad).encode())
