"""Synthetic FHIR R4 documents, with the frames that they are read as, written by hand. Nobody in them exists."""

from __future__ import annotations

from typing import Any

V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
OWN_TYPES = "https://cgt-hub.example/cs/identifier-type"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
SERVER = "https://fhir.mercy.example/r4"
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
MAIDEN_NAME = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"


def typed(code: str, system: str = V2_0203) -> str:
    return f'{{"coding":[{{"system":"{system}","code":"{code}"}}]}}'


PATIENT = f"""{{
  "resourceType": "Patient", "id": "p-77",
  "meta": {{"versionId": "3", "lastUpdated": "2026-03-01T08:00:00.250Z",
    "profile": ["https://mercy.example/sd/patient"]}},
  "text": {{"status": "generated", "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">Zed</div>"}},
  "extension": [
    {{"url": "https://mercy.example/sd/ward", "valueString": "7b"}},
    {{"url": "{MAIDEN_NAME}", "valueString": "Quux"}}
  ],
  "identifier": [
    {{"use": "usual", "type": {typed("MR")}, "system": "urn:oid:1.2.3.4", "value": "PAT-77",
      "period": {{"start": "2019-05"}}, "assigner": {{"display": "Mercy"}}}},
    {{"type": {{"coding": [{{"system": "{V2_0203}", "code": "XQ"}}], "text": "old number"}},
      "system": "urn:oid:1.2.3.5", "value": "9"}},
    {{"value": "no-system"}}
  ],
  "active": true,
  "name": [
    {{"use": "official", "family": "van Zed", "given": ["Ann", "Bea"], "prefix": ["Dr", "Prof"], "suffix": ["MD"]}},
    {{"use": "nickname", "text": "Annie", "period": {{"end": "2020-01-01"}}}}
  ],
  "telecom": [
    {{"system": "phone", "use": "mobile", "value": "+1 555 0100"}},
    {{"system": "email", "use": "work", "value": "ann@example.org", "rank": 1}}
  ],
  "gender": "female",
  "birthDate": "1980-02-29",
  "_birthDate": {{"extension": [{{"url": "{BIRTH_TIME}", "valueDateTime": "1980-02-29T10:15:00-05:00"}}]}},
  "deceasedBoolean": false,
  "address": [{{"use": "home", "type": "both", "line": ["1 Main St", "Apt 4"], "city": "Springfield",
    "postalCode": "62701", "country": "US"}}],
  "multipleBirthInteger": 2,
  "communication": [{{"language": {{"coding": [{{"system": "urn:ietf:bcp:47", "code": "en"}}]}}, "preferred": true}}],
  "contact": [{{"name": {{"text": "Next of Kin"}}}}],
  "link": [{{"other": {{"reference": "Patient/p-12"}}, "type": "replaces"}}]
}}"""

PATIENT_FRAMES: list[dict[str, Any]] = [
    {
        "kind": "subject",
        "key": "subject",
        "set": {
            "stated_at": {
                "at": "2026-03-01T08:00:00.250000Z",
                "local": "2026-03-01T08:00:00.250",
                "zone": "Z",
                "precision": "fraction",
            },
            "active": True,
            "sex": "female",
            "birth_year": 1980,
            "deceased": False,
            "replaces": {
                "kind": "subject",
                "identifiers": [{"system": f"{SERVER}/Patient", "value": "p-12", "type": "resource"}],
            },
        },
    },
    {
        "kind": "identity",
        "key": "subject/identity",
        "parent": "subject",
        "set": {
            "identifiers": [
                {"system": f"{SERVER}/Patient", "value": "p-77", "type": "resource"},
                {
                    "system": "urn:oid:1.2.3.4",
                    "value": "PAT-77",
                    "use": "usual",
                    "type": "mrn",
                    "period": {
                        "start": {
                            "at": "2019-05-01T00:00:00Z",
                            "local": "2019-05",
                            "zone": "UTC",
                            "precision": "month",
                            "assumed_zone": True,
                        }
                    },
                    "assigner": "Mercy",
                },
                {"system": "urn:oid:1.2.3.5", "value": "9", "type": "x-XQ"},
                {"system": "urn:oid:9.9", "value": "no-system", "assumed": True},
            ],
            "names": [
                {"use": "legal", "family": "van Zed", "given": ["Ann", "Bea"], "prefix": "Dr Prof", "suffix": "MD"},
                {
                    "use": "nickname",
                    "text": "Annie",
                    "period": {
                        "end": {
                            "at": "2020-01-01T00:00:00Z",
                            "local": "2020-01-01",
                            "zone": "UTC",
                            "precision": "day",
                            "assumed_zone": True,
                        }
                    },
                },
            ],
            "telecoms": [
                {"value": "+1 555 0100", "system": "mobile"},
                {"value": "ann@example.org", "system": "email", "use": "work"},
            ],
            "birth_date": "1980-02-29",
            "birth_time": "1980-02-29T10:15:00-05:00",
            "addresses": [
                {
                    "use": "home",
                    "lines": ["1 Main St", "Apt 4"],
                    "city": "Springfield",
                    "postal_code": "62701",
                    "country": "US",
                }
            ],
            "birth_order": 2,
            "multiple_birth": True,
            "language": {"codings": [{"system": "urn:ietf:bcp:47", "code": "en"}]},
            "mother_names": [{"family": "Quux"}],
        },
    },
]

ORDER = f"""{{
  "resourceType": "ServiceRequest", "id": "o-1",
  "identifier": [
    {{"type": {typed("PLAC")}, "system": "urn:oid:1.2.3.6", "value": "PLC-1"}},
    {{"type": {typed("FILL")}, "system": "urn:oid:1.2.3.7", "value": "FIL-1"}},
    {{"type": {typed("coi", OWN_TYPES)}, "system": "https://www.isbt128.org/uri/ChainOfIdentity",
      "value": "CHABC0126ABCDEF"}}
  ],
  "requisition": {{"type": {typed("PGN")}, "system": "urn:oid:1.2.3.8", "value": "GRP-9"}},
  "status": "on-hold", "intent": "original-order", "priority": "urgent", "doNotPerform": false,
  "category": [{{"text": "cell therapy"}}],
  "code": {{"coding": [{{"system": "urn:oid:1.2.3.9", "code": "CART", "display": "CAR-T therapy",
    "userSelected": true}}], "text": "CAR-T"}},
  "orderDetail": [{{"text": "autologous"}}],
  "subject": {{"reference": "Patient/p-77", "display": "Ann van Zed"}},
  "occurrenceDateTime": "2026-05-04",
  "authoredOn": "2026-03-01T10:15:00+01:00",
  "requester": {{"identifier": {{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}},
    "display": "Dr Adam Smith"}},
  "performer": [{{"reference": "Organization/cdmo", "display": "Cell Works"}}, {{"reference": "Practitioner/44"}}],
  "reasonCode": [{{"coding": [{{"system": "http://hl7.org/fhir/sid/icd-10", "code": "C83.3"}}]}}],
  "insurance": [{{"reference": "Coverage/5"}}],
  "note": [{{"text": "first note"}}, {{"text": "second note"}}],
  "extension": [{{"url": "http://hl7.org/fhir/StructureDefinition/request-statusReason",
    "valueCodeableConcept": {{"text": "fever"}}}}]
}}"""

ORDER_FRAMES: list[dict[str, Any]] = [
    {
        "kind": "order",
        "key": f"order:{SERVER}/ServiceRequest~o-1",
        "set": {
            "identifiers": [
                {"system": "urn:oid:1.2.3.8", "value": "GRP-9", "type": "group"},
                {"system": f"{SERVER}/ServiceRequest", "value": "o-1", "type": "resource"},
                {"system": "urn:oid:1.2.3.6", "value": "PLC-1", "type": "placer"},
                {"system": "urn:oid:1.2.3.7", "value": "FIL-1", "type": "filler"},
                {"system": "https://www.isbt128.org/uri/ChainOfIdentity", "value": "CHABC0126ABCDEF", "type": "coi"},
            ],
            "state": "on-hold",
            "control_reason": {"text": "fever"},
            "intent": "original-order",
            "categories": [{"text": "cell therapy"}],
            "priority": "urgent",
            "do_not_perform": False,
            "service": {
                "codings": [{"system": "urn:oid:1.2.3.9", "code": "CART", "display": "CAR-T therapy"}],
                "text": "CAR-T",
            },
            "placer_information": [{"text": "autologous"}],
            "patient": {
                "kind": "subject",
                "identifiers": [{"system": f"{SERVER}/Patient", "value": "p-77", "type": "resource"}],
            },
            "target": {
                "at": "2026-05-04T00:00:00Z",
                "local": "2026-05-04",
                "zone": "UTC",
                "precision": "day",
                "assumed_zone": True,
            },
            "stated_at": {
                "at": "2026-03-01T09:15:00Z",
                "local": "2026-03-01T10:15:00",
                "zone": "+01:00",
                "precision": "second",
            },
            "requesters": [
                {
                    "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"},
                    "name": {"text": "Dr Adam Smith"},
                }
            ],
            "performers": [
                {"identifier": {"system": f"{SERVER}/Practitioner", "value": "44", "type": "resource"}},
            ],
            "performing_organizations": [
                {
                    "name": "Cell Works",
                    "identifier": {"system": f"{SERVER}/Organization", "value": "cdmo", "type": "resource"},
                }
            ],
            "reasons": [{"codings": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "C83.3"}]}],
            "note": "first note\n\n---\n\nsecond note",
        },
    }
]

RESULT = f"""{{
  "resourceType": "Observation", "id": "r-5",
  "identifier": [{{"system": "urn:oid:1.2.3.10", "value": "RES-5"}}],
  "basedOn": [{{"type": "ServiceRequest", "identifier": {{"type": {typed("PLAC")}, "system": "urn:oid:1.2.3.6",
    "value": "PLC-1"}}}}],
  "status": "amended",
  "category": [{{"coding": [{{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
    "code": "laboratory"}}]}}],
  "code": {{"coding": [{{"system": "{LOINC}", "code": "95836-3"}}]}},
  "subject": {{"reference": "https://other.example/fhir/Patient/8"}},
  "effectivePeriod": {{"start": "2026-03-07T10:00:00Z", "end": "2026-03-07T11:00:00Z"}},
  "issued": "2026-03-08T06:30:00.000+01:00",
  "performer": [{{"display": "Eve Jones"}}, {{"type": "Organization", "identifier": {{"system": "urn:oid:1.2.3.11",
    "value": "QC1"}}, "display": "QC Lab"}}],
  "valueQuantity": {{"value": 2.10, "comparator": ">=", "unit": "million per kg", "system": "{UCUM}",
    "code": "10*6/kg"}},
  "interpretation": [{{"coding": [{{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "code": "N"}}]}}],
  "note": [{{"text": "counted twice"}}],
  "bodySite": {{"text": "bag"}},
  "method": {{"text": "flow cytometry"}},
  "specimen": {{"reference": "Specimen/s-1", "display": "S-1"}},
  "device": {{"identifier": {{"system": "urn:oid:1.2.3.12", "value": "CYT-1"}}}},
  "referenceRange": [{{"low": {{"value": 1.0, "system": "{UCUM}", "code": "10*6/kg"}}, "text": "at least 1"}}],
  "hasMember": [{{"reference": "Observation/r-6"}}],
  "component": [
    {{"code": {{"text": "CD4 share"}}, "valueQuantity": {{"value": 61.0, "unit": "%"}},
      "referenceRange": [{{"high": {{"value": 80, "unit": "%"}}}}]}},
    {{"code": {{"text": "CD8 share"}}, "dataAbsentReason": {{"text": "not asked"}}}}
  ]
}}"""

RESULT_FRAMES: list[dict[str, Any]] = [
    {
        "kind": "result",
        "key": f"result:{SERVER}/Observation~r-5",
        "set": {
            "identifiers": [
                {"system": f"{SERVER}/Observation", "value": "r-5", "type": "resource"},
                {"system": "urn:oid:1.2.3.10", "value": "RES-5"},
            ],
            "order": {
                "kind": "order",
                "identifiers": [{"system": "urn:oid:1.2.3.6", "value": "PLC-1", "type": "placer"}],
            },
            "status": "amended",
            "categories": [
                {
                    "codings": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "laboratory",
                        }
                    ]
                }
            ],
            "test": {"codings": [{"system": LOINC, "code": "95836-3"}]},
            "patient": {
                "kind": "subject",
                "identifiers": [{"system": "https://other.example/fhir/Patient", "value": "8", "type": "resource"}],
            },
            "observed": {
                "start": {
                    "at": "2026-03-07T10:00:00Z",
                    "local": "2026-03-07T10:00:00",
                    "zone": "Z",
                    "precision": "second",
                },
                "end": {
                    "at": "2026-03-07T11:00:00Z",
                    "local": "2026-03-07T11:00:00",
                    "zone": "Z",
                    "precision": "second",
                },
            },
            "reported_at": {
                "at": "2026-03-08T05:30:00Z",
                "local": "2026-03-08T06:30:00.000",
                "zone": "+01:00",
                "precision": "fraction",
            },
            "laboratory": {"name": "QC Lab", "identifier": {"system": "urn:oid:1.2.3.11", "value": "QC1"}},
            "observers": [{"name": {"text": "Eve Jones"}}],
            "value": {
                "quantity": {
                    "value": "2.10",
                    "comparator": ">=",
                    "unit_text": "million per kg",
                    "unit_system": UCUM,
                    "unit": "10*6/kg",
                }
            },
            "interpretation": [
                {
                    "codings": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                            "code": "N",
                        }
                    ]
                }
            ],
            "note": "counted twice",
            "sites": [{"text": "bag"}],
            "methods": [{"text": "flow cytometry"}],
            "material": {
                "kind": "material",
                "identifiers": [{"system": f"{SERVER}/Specimen", "value": "s-1", "type": "resource"}],
            },
            "devices": [{"system": "urn:oid:1.2.3.12", "value": "CYT-1"}],
            "limit": {"low": {"value": "1.0", "unit_system": UCUM, "unit": "10*6/kg"}},
            "reference_range": "at least 1",
            "members": [
                {
                    "kind": "result",
                    "identifiers": [{"system": f"{SERVER}/Observation", "value": "r-6", "type": "resource"}],
                }
            ],
            "components": [
                {
                    "test": {"text": "CD4 share"},
                    "value": {"quantity": {"value": "61.0", "unit": "%"}},
                    "limit": {"high": {"value": "80", "unit": "%"}},
                },
                {"test": {"text": "CD8 share"}, "absent_reason": {"text": "not asked"}},
            ],
        },
    }
]

BUNDLE = f"""{{
  "resourceType": "Bundle", "id": "b-1", "type": "transaction",
  "identifier": {{"system": "https://mercy.example/messages", "value": "MSG-1"}},
  "timestamp": "2026-03-08T06:40:00+01:00",
  "entry": [
    {{"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001",
      "resource": {{"resourceType": "Patient", "id": "tmp", "identifier": [{{"system": "urn:oid:1.2.3.4",
        "value": "PAT-77"}}], "name": [{{"family": "Zed"}}]}},
      "request": {{"method": "POST", "url": "Patient"}}}},
    {{"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000002",
      "resource": {{"resourceType": "Practitioner", "name": [{{"family": "Smith"}}]}},
      "request": {{"method": "POST", "url": "Practitioner"}}}},
    {{"fullUrl": "{SERVER}/ServiceRequest/o-1",
      "resource": {{"resourceType": "ServiceRequest", "id": "o-1", "status": "active", "intent": "order",
        "code": {{"text": "CAR-T"}},
        "identifier": [{{"system": "urn:oid:1.2.3.6", "value": "PLC-1"}}],
        "subject": {{"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}},
        "requester": {{"reference": "urn:uuid:00000000-0000-4000-8000-000000000002", "display": "Dr Smith"}}}},
      "request": {{"method": "PUT", "url": "ServiceRequest/o-1"}}}},
    {{"resource": {{"resourceType": "Observation", "status": "final", "code": {{"text": "CD3"}}, "valueInteger": 5,
        "basedOn": [{{"reference": "ServiceRequest/o-1"}}], "subject": {{"reference": "#donor"}},
        "contained": [{{"resourceType": "Condition", "id": "c", "subject": {{"reference": "#donor"}}}},
          {{"resourceType": "Patient", "id": "donor", "gender": "male"}}]}},
      "request": {{"method": "POST", "url": "Observation"}}}},
    {{"request": {{"method": "DELETE", "url": "Observation/old"}}}}
  ]
}}"""
