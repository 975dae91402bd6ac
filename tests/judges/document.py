"""A document that the hub wrote, and what a judge says of it. Reads and judges nothing."""

from __future__ import annotations

from dataclasses import dataclass

HL7V2, FHIR, EPCIS_JSON, EPCIS_XML, B2MML = "hl7v2", "fhir_r4", "epcis json", "epcis xml", "b2mml"


@dataclass(frozen=True, slots=True)
class Document:
    """One document: a name to find it, its format, its message or resource type, its bytes."""

    name: str
    format: str
    message: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one document: valid where it finds no fault."""

    judge: str
    document: Document
    faults: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.faults
