// Drives a hub by HAPI FHIR's generic client: `java FhirClient BASE TOKEN ORDER`. Prints `name<TAB>value` for what it saw.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.PerformanceOptionsEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.server.exceptions.PreconditionFailedException;
import java.util.UUID;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.Enumerations.AdministrativeGender;
import org.hl7.fhir.r4.model.Identifier;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Quantity;
import org.hl7.fhir.r4.model.Reference;
import org.hl7.fhir.r4.model.ServiceRequest;

public final class FhirClient {
  private static final String ORDERS = "urn:id:EHR";
  private static final String PATIENTS = "urn:oid:2.16.840.1.113883.3.7777";

  public static void main(String[] arguments) {
    FhirContext context = FhirContext.forR4();
    context.setPerformanceOptions(PerformanceOptionsEnum.DEFERRED_MODEL_SCANNING);
    IGenericClient client = context.newRestfulGenericClient(arguments[0]);
    client.registerInterceptor(new BearerTokenAuthInterceptor(arguments[1]));
    String number = arguments[2];

    CapabilityStatement capabilities = client.capabilities().ofType(CapabilityStatement.class).execute();
    tell("fhir", capabilities.getFhirVersion().toCode());

    Bundle answer = client.transaction().withBundle(journey(number)).execute();
    tell("entries", String.join(",", answer.getEntry().stream().map(e -> e.getResponse().getStatus().substring(0, 3)).toList()));

    Bundle found = client.search().forResource(ServiceRequest.class)
        .where(ServiceRequest.IDENTIFIER.exactly().systemAndCode(ORDERS, number)).returnBundle(Bundle.class).execute();
    ServiceRequest order = (ServiceRequest) found.getEntryFirstRep().getResource();
    tell("found", String.valueOf(found.getTotal()));
    tell("subject", client.read().resource(Patient.class).withId(order.getSubject().getReferenceElement().getIdPart())
        .execute().getNameFirstRep().getFamily());

    Bundle results = client.search().forResource(Observation.class)
        .where(Observation.BASED_ON.hasId(order.getIdElement().toUnqualifiedVersionless()))
        .returnBundle(Bundle.class).execute();
    tell("value", ((Observation) results.getEntryFirstRep().getResource()).getValueQuantity().getValue().toPlainString());

    Parameters given = new Parameters();
    given.addParameter().setName("container").setValue(new Identifier().setSystem("urn:bags").setValue("BAG-" + number));
    Parameters told = client.operation().onInstance(order.getIdElement().toUnqualifiedVersionless())
        .named("$may-infuse").withParameters(given).execute();
    tell("verdict", told.getParameter("verdict").getValue().primitiveValue());

    order.setPriority(ServiceRequest.ServiceRequestPriority.URGENT);
    tell("updated", client.update().resource(order).withId(order.getIdElement()).execute().getId().getVersionIdPart());
    order.setPriority(ServiceRequest.ServiceRequestPriority.STAT);
    try {
      client.update().resource(order).withId(order.getIdElement()).execute();
      tell("stale", "taken");
    } catch (PreconditionFailedException refused) {
      tell("stale", ((OperationOutcome) refused.getOperationOutcome()).getIssueFirstRep().getCode().toCode());
    }
  }

  private static Bundle journey(String number) {
    String patientKey = "urn:uuid:" + UUID.randomUUID();
    String orderKey = "urn:uuid:" + UUID.randomUUID();
    Patient patient = new Patient();
    patient.addIdentifier().setSystem(PATIENTS).setValue("P-" + number);
    patient.addName().setFamily("Ostrander").addGiven("Wilma");
    patient.setGender(AdministrativeGender.FEMALE).setBirthDateElement(new org.hl7.fhir.r4.model.DateType("1958-11-30"));
    ServiceRequest order = new ServiceRequest();
    order.addIdentifier().setSystem(ORDERS).setValue(number).getType().addCoding()
        .setSystem("http://terminology.hl7.org/CodeSystem/v2-0203").setCode("PLAC");
    order.setStatus(ServiceRequest.ServiceRequestStatus.ACTIVE).setIntent(ServiceRequest.ServiceRequestIntent.ORDER);
    order.getCode().addCoding().setSystem("urn:id:CGT").setCode("AXI-CEL");
    order.setSubject(new Reference(patientKey));
    Observation result = new Observation();
    result.addIdentifier().setSystem("urn:results").setValue("R-" + number);
    result.setStatus(Observation.ObservationStatus.FINAL).setSubject(new Reference(patientKey));
    result.addBasedOn(new Reference(orderKey));
    result.getCode().addCoding().setSystem("http://loinc.org").setCode("26464-8");
    result.setValue(new Quantity().setValue(new java.math.BigDecimal("98.50")).setUnit("%").setCode("%")
        .setSystem("http://unitsofmeasure.org"));
    Bundle bundle = new Bundle();
    bundle.setType(Bundle.BundleType.TRANSACTION);
    bundle.addEntry().setFullUrl(patientKey).setResource(patient).getRequest()
        .setMethod(Bundle.HTTPVerb.POST).setUrl("Patient").setIfNoneExist("identifier=" + PATIENTS + "|P-" + number);
    bundle.addEntry().setFullUrl(orderKey).setResource(order).getRequest()
        .setMethod(Bundle.HTTPVerb.POST).setUrl("ServiceRequest");
    bundle.addEntry().setResource(result).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Observation");
    return bundle;
  }

  private static void tell(String name, String value) {
    System.out.println(name + "\t" + value);
  }
}
