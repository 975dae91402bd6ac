"""The judges: each takes the documents of its formats and says what is wrong in each. None of them is ours.

A judge whose schemas or tools are not here raises `Missing` with the reason: it is told as skipped, never as passed.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema_rs
from lxml import etree

from tests.adapters.test_hl7v2_validity import Fresh, findings, waivers
from tests.judges import tools
from tests.judges.document import B2MML, EPCIS_JSON, EPCIS_XML, FHIR, HL7V2, Document
from tests.judges.tools import Missing
from tests.standards import standards_dir

Faults = Mapping[str, Sequence[str]]
"""Name of a document -> what is wrong in it; a document that is not named was not judged."""


@dataclass(frozen=True, slots=True)
class Judge:
    """One judge: its name, the formats that it takes, what it says of documents by name, and which release it is."""

    name: str
    formats: tuple[str, ...]
    judge: Callable[[Sequence[Document]], Faults]
    release: str = ""


def official(*path: str) -> Path:
    """An official schema. Raises Missing where it is not here."""
    found = standards_dir().joinpath(*path)
    if not found.exists():
        raise Missing("no official schemas here (set CGT_STANDARDS)")
    return found


@contextmanager
def _folder(documents: Sequence[Document], ending: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """The documents as files that a program can be pointed at, and the name of each by its file."""
    with tempfile.TemporaryDirectory(prefix="judged-") as home:
        names = {}
        for number, document in enumerate(documents):
            file = Path(home) / f"{number:05}{ending}"
            file.write_bytes(document.body)
            names[file.name] = document.name
        yield Path(home), names


# ---- FHIR -----------------------------------------------------------------------------------------------------


@cache
def _fhir_definitions() -> dict[str, Any]:
    """The schema's definitions; a resource inside another is looked at by itself, by its own definition."""
    schema = json.loads(official("fhir", "r4", "fhir.schema.json").read_bytes())
    return {**schema["definitions"], "ResourceList": {}, "Resource": {}, "integer64": {}}


@cache
def _fhir_schema(type_: str) -> Any:
    return jsonschema_rs.validator_for({"$ref": f"#/definitions/{type_}", "definitions": _fhir_definitions()})


def fhir_schema(documents: Sequence[Document]) -> Faults:
    """The JSON Schema of R4, by the resource's own definition."""
    return {document.name: _schema_faults(json.loads(document.body)) for document in documents}


def _schema_faults(tree: Any) -> list[str]:
    """What is wrong in a resource and in those that it holds."""
    type_ = str(tree.get("resourceType"))
    if type_ not in _fhir_definitions():
        return [f"R4 has no resource {type_}"]
    held = [*tree.get("contained", ()), *(e["resource"] for e in tree.get("entry", ()) if "resource" in e)]
    return [*_said(_fhir_schema(type_), tree), *(fault for inner in held for fault in _schema_faults(inner))]


def _said(validator: Any, tree: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, e.instance_path))}: {str(e)[:160]}".split("\n")[0] for e in validator.iter_errors(tree)
    ]


def medplum(documents: Sequence[Document]) -> Faults:
    """`validateResource` of @medplum/core, with the definitions that it comes with."""
    home = tools.node()
    driver = home / "medplum.mjs"
    driver.write_bytes((tools.HERE / "medplum.mjs").read_bytes())
    with _folder(documents, ".json") as (folder, names):
        lines = tools.ask(["node", str(driver), str(folder)], home).splitlines()
    return {names[told["name"]]: told["faults"] for told in map(json.loads, lines)}


def hapi_fhir(documents: Sequence[Document]) -> Faults:
    """HAPI FHIR's validator: profiles, invariants, required codes. Without a terminology server."""
    java = tools.java(*DRIVERS)
    found: dict[str, list[str]] = {}
    with _folder(documents, ".json") as (folder, names):
        for line in tools.ask([*java, "FhirJudge", str(folder)]).splitlines():
            what, file, text = line.split("\t", 2)
            faults = found.setdefault(names[file], [])
            if what == "fault":
                faults.append(text)
    return found


DRIVERS = tuple(
    tools.HERE.parent / place for place in ("judges/FhirJudge.java", "clients/FhirClient.java", "clients/V2Client.java")
)
"""Our sources in Java, of judges and clients alike: they are compiled together."""


# ---- XML ------------------------------------------------------------------------------------------------------


@cache
def _xsd(*path: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(official(*path)))


def _by_xsd(documents: Sequence[Document], *path: str) -> Faults:
    schema = _xsd(*path)
    found: dict[str, list[str]] = {}
    for document in documents:
        try:
            tree = etree.fromstring(document.body, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as wrong:
            found[document.name] = [str(wrong)]
            continue
        schema.validate(tree)
        found[document.name] = [f"line {error.line}: {error.message}" for error in schema.error_log]  # type: ignore[attr-defined]
    return found


def b2mml_xsd(documents: Sequence[Document]) -> Faults:
    """MESA's XML Schema of B2MML V0700."""
    return _by_xsd(documents, "isa95", "b2mml-v0700", "AllSchemas.xsd")


def epcis_xsd(documents: Sequence[Document]) -> Faults:
    """GS1's XML Schema of EPCIS 2.0."""
    return _by_xsd(documents, "epcis", "gs1", "XSD", "EPCglobal-epcis-2_0.xsd")


# ---- EPCIS in JSON --------------------------------------------------------------------------------------------


def epcis_schema(documents: Sequence[Document]) -> Faults:
    """GS1's JSON Schema of EPCIS 2.0, with its formats asserted."""
    schema = json.loads(official("epcis", "gs1", "EPCIS-JSON-Schema.json").read_bytes())
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    return {document.name: _said(validator, json.loads(document.body)) for document in documents}


@cache
def _shapes() -> tuple[Any, Any]:
    """GS1's shapes and ontology. A shape with a path is one of a property (SHACL 2.3), whatever it is declared as."""
    from rdflib import RDF, SH, Graph

    folder = official("epcis", "gs1", "Ontology")
    shapes = Graph().parse(folder / "EPCIS-SHACL.ttl")
    for shape in set(shapes.subjects(SH.path)):
        shapes.remove((shape, RDF.type, SH.NodeShape))
        shapes.add((shape, RDF.type, SH.PropertyShape))
        for holder in set(shapes.subjects(SH.node, shape)):
            shapes.remove((holder, SH.node, shape))
            shapes.add((holder, SH.property, shape))
    return shapes, Graph().parse(folder / "EPCIS.ttl").parse(folder / "CBV.ttl")


@cache
def _context() -> Any:
    """GS1's JSON-LD context with the contexts that it names on the web put in their place."""
    folder = official("epcis", "gs1", "JSON-LD-Context")

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: whole(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [whole(inner) for inner in value]
        if isinstance(value, str) and value.startswith("https://gs1.github.io/EPCIS/"):
            return whole(json.loads((folder / value.rpartition("/")[2]).read_bytes())["@context"])
        return value

    return whole(json.loads((folder / "epcis-context-root.jsonld").read_bytes())["@context"])


def epcis_shacl(documents: Sequence[Document]) -> Faults:
    """GS1's SHACL shapes of EPCIS 2.0, over the document as RDF; its context is read from here, not from the web."""
    from pyshacl import validate
    from rdflib import Graph

    shapes, ontology = _shapes()
    found: dict[str, list[str]] = {}
    for document in documents:
        tree = json.loads(document.body)
        given = tree.get("@context", [])
        own = [part for part in (given if isinstance(given, list) else [given]) if isinstance(part, dict)]
        data = Graph().parse(data=json.dumps({**tree, "@context": [_context(), *own]}), format="json-ld")
        if not len(data):
            found[document.name] = ["the document says nothing as RDF"]
            continue
        _, _, text = validate(data, shacl_graph=shapes, ont_graph=ontology, inference="none")
        said = re.findall(r"^\s*Message: (.+)$", text, re.MULTILINE)
        found[document.name] = [one for one in said if one not in SHACL_WAIVERS]
    return found


SHACL_WAIVERS = (
    "Within sourceList or destinationList, sourceOrDestinationType ('type') is mandatory, single-valued and must be an "
    "IRI/URI",
    "Within a QuantityElement, quantity is optional and must be an xsd:decimal with only one value",
)
"""Found in GS1's own examples too: rdflib reads neither a term by the context of its property nor a whole number as a
decimal. The judges by JSON Schema look at both."""


# ---- HL7 v2 ---------------------------------------------------------------------------------------------------


def hl7apy_strict(documents: Sequence[Document]) -> Faults:
    """hl7apy STRICT without the findings that are its own faults (tests/laws/hl7apy_waivers.csv)."""
    known = waivers()
    found: dict[str, list[str]] = {}
    for document in documents:
        text = document.body.decode()
        head = text.split("\r", 1)[0].split("|")
        message = head[8].split("^")
        structure = message[2] if len(message) > 2 else "_".join(message)
        fresh = Fresh(document.name, structure, head[11].partition("^")[0], text)
        found[document.name] = [one for one in findings(text) if not any(w.covers(fresh, one) for w in known)]
    return found


def _pinned(file: str, pattern: str) -> str:
    """The release that a file of pinned tools names."""
    found = re.search(pattern, (tools.HERE / file).read_text(encoding="utf-8"))
    assert found is not None, file
    return found[1]


JUDGES = (
    Judge("R4 JSON Schema", (FHIR,), fhir_schema, "4.0.1"),
    Judge("@medplum/core", (FHIR,), medplum, _pinned("package.json", r'"@medplum/core": "([\d.]+)"')),
    Judge("HAPI FHIR validator", (FHIR,), hapi_fhir, _pinned("pom.xml", r"<hapi\.fhir>([\d.]+)<")),
    Judge("B2MML V0700 XSD", (B2MML,), b2mml_xsd, "V0700"),
    Judge("EPCIS JSON Schema", (EPCIS_JSON,), epcis_schema, "2.0"),
    Judge("EPCIS SHACL", (EPCIS_JSON,), epcis_shacl, f"2.0, pyshacl {version('pyshacl')}"),
    Judge("EPCIS XSD", (EPCIS_XML,), epcis_xsd, "2.0"),
    Judge("hl7apy STRICT", (HL7V2,), hl7apy_strict, version("hl7apy")),
)
