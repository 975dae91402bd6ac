"""Messages to try the playground with. Synthetic; no one here exists."""

from __future__ import annotations

_V2 = "\n".join(
    (
        "MSH|^~\\&|EHR|RIVERSIDE|HUB|HUB|20260310141500-0500||ORU^R01^ORU_R01|S-1|P|2.5.1",
        "PID|1||55102^^^RIVERSIDE&2.16.840.1.113883.3.5555&ISO^MR||SAMPLE^SUE^^^^^L||19800229|F",
        "ORC|RE|RV-77^EHR|RVLAB-3^CELLLAB",
        "OBR|1|RV-77^EHR|RVLAB-3^CELLLAB|APH^Apheresis product^CGT|||20260310090000-0500|20260310130000-0500"
        "||||||||||||||20260310141500-0500|||F",
        "OBX|1|ST|COI^Chain of identity identifier^CGT||CHRVS26000077||||||F",
        "OBX|2|NM|cd3-total^CD3 cells^CGT||2.60|10*9^^UCUM|||||F",
        "SPM|1|RVBAG-9&&https://riverside.example/bag&URI||APH^Apheresis product^CGT|||||||P^Patient^HL70369"
        "|210^mL&&UCUM|||||20260310090000-0500^20260310130000-0500",
        "OBX|1|NM|viability^Viability^CGT||98.50|%^^UCUM|||||F",
        "ZXT|1|something that only the sender understands",
        "",
    )
)
_FHIR = """{
  "resourceType": "Observation",
  "identifier": [{"system": "https://riverside.example/obs", "value": "RVLAB-3-WBC"}],
  "status": "final",
  "code": {"coding": [{"system": "http://loinc.org", "code": "26464-8", "display": "Leukocytes"}]},
  "basedOn": [{"identifier": {"system": "urn:id:EHR", "value": "RV-77"}}],
  "subject": {"identifier": {"system": "urn:oid:2.16.840.1.113883.3.5555", "value": "55102"}},
  "effectiveDateTime": "2026-03-10T12:00:00-05:00",
  "valueQuantity": {"value": 98.50, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
}
"""
_EPCIS = """{
  "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
  "type": "EPCISDocument",
  "schemaVersion": "2.0",
  "creationDate": "2026-03-10T16:00:00Z",
  "epcisBody": {"eventList": [{
    "type": "ObjectEvent",
    "eventTime": "2026-03-10T15:30:00-05:00",
    "eventTimeZoneOffset": "-05:00",
    "bizStep": "departing",
    "action": "OBSERVE",
    "epcList": ["https://id.gs1.org/00/395123450000000017"],
    "readPoint": {"id": "https://id.gs1.org/414/9531110000013"},
    "sourceList": [{"type": "possessing_party", "source": "https://id.gs1.org/414/9531110000013"}],
    "destinationList": [{"type": "possessing_party", "destination": "https://id.gs1.org/414/9531110000044"}]
  }]}
}
"""
_CSV = """CoI;Bag Barcode;SSCC;Received At;Temp;Inspection
CHRVS26000077;https://riverside.example/bag/RVBAG-9;395123450000000017;2026-03-11 07:25;4.3;accepted
"""

SAMPLES = {
    "v2": ("HL7 v2: apheresis results", _V2),
    "fhir": ("FHIR: an Observation", _FHIR),
    "epcis": ("EPCIS: a departure", _EPCIS),
    "csv": ("CSV: a receipt", _CSV),
}
"""Name in the address -> title and message."""
