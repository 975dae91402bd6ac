// Sends the messages of a file by HAPI's HL7 v2 client on one line: `java V2Client HOST PORT FILE…`. Prints MSA-1 and
// MSA-2 of each answer, as HAPI parsed it.

import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.util.Terser;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.nio.file.Files;
import java.nio.file.Path;

public final class V2Client {
  public static void main(String[] arguments) throws Exception {
    try (DefaultHapiContext context = new DefaultHapiContext()) {
      context.setValidationContext(ValidationContextFactory.noValidation());
      Connection connection = context.newClient(arguments[0], Integer.parseInt(arguments[1]), false);
      connection.getInitiator().setTimeout(30, java.util.concurrent.TimeUnit.SECONDS);
      for (int index = 2; index < arguments.length; index++) {
        Message message = context.getPipeParser().parse(Files.readString(Path.of(arguments[index])));
        Terser answer = new Terser(connection.getInitiator().sendAndReceive(message));
        System.out.println(answer.get("/MSA-1") + "\t" + answer.get("/MSA-2"));
      }
      connection.close();
    }
  }
}
