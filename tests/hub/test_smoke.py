import json

from tests.hub import house, world


def test_a(hub, who):
    a = hub.send(world.order(who, "X1"))
    print(a.replace(b"\r", b"\n").decode())
    assert house.msa(a) == ("AA", "X1")
    a = hub.send(world.apheresis(who, "X2"))
    print(a)
    r = hub.http("lakeside").get("/fhir/metadata")
    print(r.text[:300])
    r = hub.http("lakeside").get("/fhir/Patient", params={"identifier": who.mrn})
    print(r.status_code, r.text)
    r = hub.http("lakeside").get("/fhir/ServiceRequest", params={"identifier": who.order})
    print(r.status_code, r.text)
    r = hub.http("heron").post(
        "/epcis/capture",
        content=world.document(world.packing(who), world.departing()),
        headers={"content-type": world.LD},
    )
    print(r.status_code, r.text, r.headers)
    r = hub.http("heron").post(
        "/epcis/events",
        content=world.document(world.departing(at="2026-03-10T15:40:00-05:00")),
        headers={"content-type": world.LD},
    )
    print(r.status_code, r.text, r.headers)
    r = hub.http("heron").post(
        "/epcis/capture",
        content=world.epcis_xml(world.xml_event("https://id.gs1.org/00/" + world.SSCC)),
        headers={"content-type": world.XML},
    )
    print(r.status_code, r.text, r.headers)
    print(hub.dropped("receipts-1.csv", world.receipts(who)))
    print(hub.dropped("qc-1.csv", world.qc(who)))
    print(hub.dropped("qc-2.csv", b"a,b\n1,2\n"))
    for body in (world.patient(who), world.service_request(who)):
        r = hub.http("northern").post("/fhir/" + body["resourceType"], json=body)
        print(r.status_code, r.text, r.headers)
        r = hub.http("northern").post("/fhir/" + body["resourceType"], json=body)
        print(r.status_code, r.text, r.headers)
    r = hub.http("northern").post(
        "/fhir/Observation", content=world.observation(who), headers={"content-type": world.FHIR}
    )
    print(r.status_code, r.text, r.headers)
    print(json.dumps(hub.journey(who))[:3000])
    print(hub.http("watch").get("/api/issues").text)
    print(hub.logs.lines)
