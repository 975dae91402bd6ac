// Judges FHIR R4 resources by HAPI FHIR's validator: every file of a folder; one line per fault (name, place, text), and
// one per file that was looked at. No terminology server: only the code systems that come with it are known. Of what R4
// takes over from R5 it is told the one extension that we write: it fetches none from the network.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

public final class FhirJudge {
  public static void main(String[] arguments) throws Exception {
    FhirContext context = FhirContext.forR4();
    var support = new ValidationSupportChain(
        new DefaultProfileValidationSupport(context),
        new SnapshotGeneratingValidationSupport(context),
        taken(context),
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context));
    var instances = new FhirInstanceValidator(support);
    instances.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    FhirValidator validator = context.newValidator().registerValidatorModule(instances);
    List<Path> files;
    try (var listed = Files.list(Path.of(arguments[0]))) {
      files = listed.sorted().collect(Collectors.toList());
    }
    for (Path file : files) {
      for (SingleValidationMessage said : validator.validateWithResult(Files.readString(file)).getMessages()) {
        if (said.getSeverity() == ResultSeverityEnum.ERROR || said.getSeverity() == ResultSeverityEnum.FATAL) {
          tell("fault", file, said.getLocationString() + ": " + said.getMessage());
        }
      }
      tell("judged", file, "");
    }
  }

  private static final String EXPIRY = """
      {
        "resourceType": "StructureDefinition",
        "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-BiologicallyDerivedProduct.expirationDate",
        "name": "ExpiryOfAProduct", "status": "active", "fhirVersion": "4.0.1", "abstract": false,
        "kind": "complex-type", "type": "Extension", "derivation": "constraint",
        "context": [{"type": "element", "expression": "BiologicallyDerivedProduct"}],
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "differential": {"element": [
          {"id": "Extension", "path": "Extension", "max": "1"},
          {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
          {"id": "Extension.url", "path": "Extension.url",
            "fixedUri": "http://hl7.org/fhir/5.0/StructureDefinition/extension-BiologicallyDerivedProduct.expirationDate"},
          {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": "dateTime"}]}
        ]}
      }""";

  private static PrePopulatedValidationSupport taken(FhirContext context) {
    var definitions = new PrePopulatedValidationSupport(context);
    definitions.addStructureDefinition(context.newJsonParser().parseResource(StructureDefinition.class, EXPIRY));
    return definitions;
  }

  private static void tell(String what, Path file, String text) {
    System.out.println(what + "\t" + file.getFileName() + "\t" + text.replaceAll("\\s+", " "));
  }
}
