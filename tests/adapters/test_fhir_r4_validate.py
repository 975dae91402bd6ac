"""The validator of FHIR R4: what it refuses, that it says so everywhere at once, and that its structures are R4's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters import json_text
from adapters.fhir_r4 import outcome, structures
from adapters.fhir_r4.structures import Element
from adapters.fhir_r4.validate import MAX_FAULTS, validate
from adapters.reading import Unparsable
from mappings.faults import Fault
from tests.adapters import fhir_r4_samples as samples
from tests.standards import need, standards_dir

R4 = standards_dir() / "fhir" / "r4"

PATIENT = json_text.loads(samples.PATIENT.encode())
ORDER = json_text.loads(samples.ORDER.encode())
RESULT = json_text.loads(samples.RESULT.encode())
BUNDLE = json_text.loads(samples.BUNDLE.encode())


def changed(resource: dict[str, Any], **elements: Any) -> dict[str, Any]:
    """A resource with elements in another form, parsed as if it came so; None takes an element away."""
    tree = {**copy.deepcopy(resource), **elements}
    return {name: _num(value) for name, value in tree.items() if value is not None}


def _num(value: Any) -> Any:
    return json_text.loads(json_text.dumps(_text(value)))


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_text(inner) for inner in value]
    return json_text.Num(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def said(resource: Any, expected: str = "") -> list[tuple[str, str]]:
    return sorted((fault.code, fault.place) for fault in validate(resource, expected))


@pytest.mark.parametrize("resource", [PATIENT, ORDER, RESULT, BUNDLE])
def test_a_valid_resource_has_no_faults(resource: dict[str, Any]) -> None:
    assert validate(resource) == []


REFUSED = [
    # A required primitive: the official JSON schema asks for none.
    (changed(RESULT, status=None), "required", "Observation.status"),
    (changed(ORDER, intent=None), "required", "ServiceRequest.intent"),
    (changed(ORDER, subject=None), "required", "ServiceRequest.subject"),
    (changed(RESULT, note=[{"time": "2026-01-01"}]), "required", "Observation.note[0].text"),
    # One of many.
    (changed(RESULT, valueString="x"), "one-of-many", "Observation"),
    (changed(PATIENT, deceasedDateTime="2026-01-01"), "one-of-many", "Patient"),
    (changed(RESULT, effectiveDateTime="2026-01-01"), "one-of-many", "Observation"),
    # Codes of required bindings: fhir.resources checks none.
    (changed(RESULT, status="done"), "code-invalid", "Observation.status"),
    (changed(ORDER, priority="soon"), "code-invalid", "ServiceRequest.priority"),
    (changed(PATIENT, gender="F"), "code-invalid", "Patient.gender"),
    (changed(PATIENT, name=[{"use": "legal"}]), "code-invalid", "Patient.name[0].use"),
    # Dates: the official schema accepts the 31st of February.
    (changed(PATIENT, birthDate="1971-02-31"), "value", "Patient.birthDate"),
    (changed(PATIENT, birthDate="1900-02-29"), "value", "Patient.birthDate"),
    (changed(PATIENT, birthDate="1980-2-1"), "value", "Patient.birthDate"),
    (changed(PATIENT, birthDate="1980-01-01T00:00:00Z"), "value", "Patient.birthDate"),
    (changed(ORDER, authoredOn="2026-03-01T10:15:00"), "value", "ServiceRequest.authoredOn"),
    (changed(ORDER, authoredOn="2026-03-01T10:15Z"), "value", "ServiceRequest.authoredOn"),
    (changed(ORDER, authoredOn="2026-03-01T24:00:00Z"), "value", "ServiceRequest.authoredOn"),
    (changed(RESULT, issued="2026-03-01"), "value", "Observation.issued"),
    # Nothing is empty: both others accept an empty list.
    (changed(RESULT, category=[]), "empty", "Observation.category"),
    (changed(RESULT, code={}), "empty", "Observation.code"),
    (changed(RESULT, method={"text": ""}), "value", "Observation.method.text"),
    (changed(RESULT, method={"text": " \t"}), "value", "Observation.method.text"),
    (changed(RESULT, method={"text": "a\x00b"}), "value", "Observation.method.text"),
    # Where a reference may lead: neither of the others looks.
    (changed(ORDER, subject={"reference": "Organization/1"}), "reference-target", "ServiceRequest.subject.reference"),
    (
        changed(ORDER, subject={"reference": "https://x.example/fhir/Observation/1/_history/2"}),
        "reference-target",
        "ServiceRequest.subject.reference",
    ),
    (changed(RESULT, specimen={"type": "Patient"}), "reference-target", "Observation.specimen.type"),
    (changed(RESULT, subject={"reference": "#nobody"}), "reference-unknown", "Observation.subject.reference"),
    # Shapes.
    (changed(RESULT, code=[{"text": "x"}]), "shape", "Observation.code"),
    (changed(RESULT, performer={"display": "x"}), "shape", "Observation.performer"),
    (changed(PATIENT, active="true"), "shape", "Patient.active"),
    (changed(PATIENT, name=None, identifier=None, telecom=None, active=1), "shape", "Patient.active"),
    (changed(RESULT, valueQuantity={"value": "2.10"}), "shape", "Observation.valueQuantity.value"),
    (changed(PATIENT, multipleBirthInteger=2.5), "shape", "Patient.multipleBirthInteger"),
    (changed(PATIENT, nickname="x"), "unknown-element", "Patient.nickname"),
    (changed(RESULT, code={"text": "x", "value": 1}), "unknown-element", "Observation.code.value"),
    (changed(PATIENT, id="a b"), "value", "Patient.id"),
    # Invariants that a table would trip over.
    (
        changed(RESULT, effectivePeriod={"start": "2026-02-02", "end": "2026-02-01"}),
        "invariant",
        "Observation.effectivePeriod",
    ),
    (changed(RESULT, valueQuantity={"value": 1, "code": "mg"}), "invariant", "Observation.valueQuantity.code"),
    (
        changed(RESULT, valueQuantity=None, valueRatio={"numerator": {"value": 1}}),
        "invariant",
        "Observation.valueRatio",
    ),
    (changed(RESULT, dataAbsentReason={"text": "x"}), "invariant", "Observation.dataAbsentReason"),
    (changed(RESULT, referenceRange=[{"age": {"low": {"value": 1}}}]), "invariant", "Observation.referenceRange[0]"),
    (changed(ORDER, code=None), "invariant", "ServiceRequest.orderDetail"),
    (changed(PATIENT, contact=[{"gender": "male"}]), "invariant", "Patient.contact[0]"),
    (changed(PATIENT, telecom=[{"value": "1"}]), "invariant", "Patient.telecom[0].system"),
    (changed(PATIENT, extension=[{"url": "urn:x"}]), "invariant", "Patient.extension[0]"),
    (
        changed(
            PATIENT, extension=[{"url": "urn:x", "valueCode": "a", "extension": [{"url": "urn:y", "valueCode": "b"}]}]
        ),
        "invariant",
        "Patient.extension[0]",
    ),
    # What a receiver may not pass over.
    (
        changed(PATIENT, modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
        "modifier-extension",
        "Patient.modifierExtension",
    ),
    (changed(PATIENT, implicitRules="urn:rules"), "implicit-rules", "Patient.implicitRules"),
    # Active content.
    (
        changed(
            PATIENT, text={"status": "generated", "div": '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///x">]><div>&x;</div>'}
        ),
        "value",
        "Patient.text.div",
    ),
    (changed(PATIENT, text={"status": "generated", "div": "<div><!ENTITY x></div>"}), "value", "Patient.text.div"),
]


@pytest.mark.parametrize(("resource", "code", "place"), REFUSED)
def test_what_is_wrong_is_named_at_its_place_and_alone(resource: dict[str, Any], code: str, place: str) -> None:
    assert said(resource) == [(code, place)]


@pytest.mark.parametrize(
    ("resource", "expected", "code"),
    [
        (PATIENT, "Observation", "type-mismatch"),
        ({"resourceType": "Claim"}, "", "not-supported"),
        ({}, "", "shape"),
        ([], "", "shape"),
        (None, "", "shape"),
        ({"resourceType": ["Patient"]}, "", "shape"),
    ],
)
def test_another_type_than_expected_is_refused(resource: Any, expected: str, code: str) -> None:
    assert [found for found, _ in said(resource, expected)] == [code]


def test_all_faults_are_found_at_once() -> None:
    resource = changed(RESULT, status="x", code=None, category=[], issued="now", foo=True)
    assert [place for _, place in said(resource)] == [
        "Observation.status",
        "Observation.category",
        "Observation.code",
        "Observation.foo",
        "Observation.issued",
    ]


def test_no_fault_repeats_what_was_sent() -> None:
    resource = changed(
        PATIENT,
        gender="Smith-Gender",
        birthDate="Smith-Date",
        name=[{"family": "", "Smith Element": "x"}],
        identifier=[{"value": {"Smith": "x"}}],
    )
    resource["Smith was here"] = True
    text = json.dumps([fault.plain() for fault in validate(resource)])
    assert "Smith" not in text


def test_a_bundle_is_checked_to_the_last_entry() -> None:
    bundle = copy.deepcopy(BUNDLE)
    del bundle["entry"][0]["request"]
    bundle["entry"][2]["fullUrl"] = bundle["entry"][0]["fullUrl"]
    bundle["entry"][2]["resource"]["status"] = "x"
    bundle["entry"][3]["resource"]["contained"][1]["gender"] = "x"
    del bundle["entry"][3]["resource"]["code"]
    assert said(bundle) == [
        ("code-invalid", "Bundle.entry[2].resource.status"),
        ("code-invalid", "Bundle.entry[3].resource.contained[1].gender"),
        ("invariant", "Bundle.entry[0].request"),
        ("invariant", "Bundle.entry[2].fullUrl"),
        ("required", "Bundle.entry[3].resource.code"),
    ]


def test_a_null_stands_only_where_an_extension_stands_beside_it() -> None:
    name = {"given": ["Ann", None], "_given": [None, {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}]}
    assert validate(changed(PATIENT, name=[name])) == []
    assert said({**PATIENT, "active": None}) == [("shape", "Patient.active")]


def test_a_number_beyond_every_machine_is_refused_and_raises_nothing() -> None:
    body = samples.RESULT.replace('"value": 2.10', '"value": 1e999').encode()
    assert ("value", "Observation.valueQuantity.value") in said(json_text.loads(body))


def test_a_flood_of_faults_is_cut() -> None:
    assert (
        len(validate(changed(PATIENT, name=[{"use": "x", "period": {"end": str(n)}} for n in range(500)])))
        == MAX_FAULTS
    )


def test_a_long_text_does_not_make_a_pattern_slow() -> None:
    for text in ("a " * 100_000, " " * 200_000, "1" * 200_000, "<" * 100_000, "a/" * 100_000):
        validate(changed(PATIENT, id=text, birthDate=text, text={"status": "generated", "div": text}))
        validate(changed(ORDER, subject={"reference": text}))


# ---- OperationOutcome -----------------------------------------------------------------------------------------


def test_an_outcome_of_faults_is_a_valid_resource() -> None:
    faults = validate(
        changed(RESULT, status="x", code=None, valueString="x", modifierExtension=[{"url": "urn:x", "valueCode": "a"}])
    )
    faults += [Fault("no-home", "order.callback", "…", severity="lost"), Fault("odd", "", "…")]
    made = outcome.outcome(faults)
    assert validate(_num(made)) == []
    assert [issue["severity"] for issue in made["issue"]] == ["error"] * 4 + ["information", "warning"]
    status = next(i for i in made["issue"] if i.get("expression") == ["Observation.status"])
    assert status["code"] == "code-invalid"
    assert status["details"]["coding"] == [{"system": outcome.CODES, "code": "code-invalid"}]
    assert status["details"]["text"].startswith("use one of: registered")


def test_every_code_of_an_issue_is_one_of_fhirs() -> None:
    words = structures.types()["OperationOutcome.Issue"]["code"].kind.words
    assert set(outcome._ISSUES.values()) <= set(words)


def test_an_outcome_without_faults_says_that_all_is_well() -> None:
    made = outcome.outcome([])
    assert validate(_num(made)) == []
    assert made["issue"][0]["severity"] == "information"


def test_what_could_not_be_read_is_an_outcome_too() -> None:
    made = outcome.of_exception(Unparsable("json-syntax", "line 1 column 2", "send well-formed JSON"))
    assert validate(_num(made)) == []
    assert made["issue"][0]["details"]["text"] == "line 1 column 2: send well-formed JSON"


# ---- the structures are those of R4 ---------------------------------------------------------------------------


@pytest.mark.standards
@pytest.mark.parametrize("type_", structures.SERVED)
def test_the_official_examples_are_valid(type_: str) -> None:
    for file in sorted(need(R4 / "examples").glob(f"{type_}-*.json")):
        found = said(json_text.loads(file.read_bytes()))
        assert found == OWN_FAULTS.get(file.stem, []), file.stem


OWN_FAULTS = {
    # R4 lets no Device perform an Observation; the example names one.
    "Observation-clinical-gender": [("reference-target", "Observation.performer[0].reference")],
}


_EVERYWHERE = (".id", ".extension", ".modifierExtension")


def _definition(name: str) -> dict[str, Any]:
    """Official elements of a resource by path."""
    file = need(R4 / "definitions" / f"StructureDefinition-{name}.json")
    elements = json.loads(file.read_text(encoding="utf-8"))["snapshot"]["element"]
    return {e["path"]: e for e in elements if "." in e["path"] and not e["path"].endswith(_EVERYWHERE)}


def _ours(type_: str, path: str) -> Iterator[tuple[str, Element]]:
    """Our elements of a resource and its backbones, by official path."""
    for element in structures.types()[type_].values():
        here = f"{path}.{element.choice}[x]" if element.choice else f"{path}.{element.name}"
        if not here.endswith(_EVERYWHERE):
            yield here, element
        if element.kind.name.lower() == here.lower():  # any other use of a backbone element only refers to it
            yield from _ours(element.kind.name, here)


@pytest.mark.standards
@pytest.mark.parametrize("type_", structures.SERVED)
def test_the_elements_of_a_resource_are_those_of_its_definition(type_: str) -> None:
    official = _definition(type_)
    ours = list(_ours(type_, type_))
    assert {path for path, _ in ours} == official.keys()
    for path, element in ours:
        assert element.required == (official[path]["min"] > 0), path
        assert element.repeats == (official[path]["max"] == "*"), path
        targets = {
            t.rpartition("/")[2] for kind in official[path].get("type", []) for t in kind.get("targetProfile", [])
        }
        if element.kind.name == "Reference" and targets:
            assert set(element.kind.words) == targets - {"Resource"}, path


def test_data_types_have_the_fields_of_fhir_resources() -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for name, elements in structures.types().items():
        model = get_fhir_model_class(name.replace(".", ""))
        fields = {field.alias or key: field for key, field in model.model_fields.items()}
        known = {key for key in fields if not key.startswith("_")} - {"fhir_comments", "resourceType"}
        # R4B took Meta from the values of an extension and added two types.
        later = {"valueCodeableReference", "valueRatioRange"}
        assert set(elements) - {"valueMeta"} == known - {"resource_type", "valueMeta"} - later, name
        for element in (e for e in elements.values() if e.name in fields):
            extra = fields[element.name].json_schema_extra or {}
            assert isinstance(extra, dict)
            required = fields[element.name].is_required() or bool(extra.get("element_required"))
            assert (element.required and not element.choice) == required, f"{name}.{element.name}"
            assert element.choice == (extra.get("one_of_many") or ""), f"{name}.{element.name}"


@pytest.mark.standards
def test_codes_of_required_bindings_are_the_official_ones() -> None:
    official = json.loads(need(R4 / "fhir.schema.json").read_text(encoding="utf-8"))["definitions"]
    compared = 0
    for name, elements in structures.types().items():
        found = official.get(name.replace("Bundle.Entry.", "Bundle_").replace(".", "_"), {}).get("properties", {})
        for element in elements.values():
            listed = found.get(element.name, {}).get("items", found.get(element.name, {})).get("enum")
            if listed:
                assert set(element.kind.words) == set(listed), f"{name}.{element.name}"
                compared += 1
    assert compared > 20


def test_the_structures_need_no_file_from_outside_the_package() -> None:
    folder = Path(structures.__file__).parent
    assert (folder / "structures.yaml").is_file()
    assert "standards" not in Path(structures.__file__).read_text(encoding="utf-8")
