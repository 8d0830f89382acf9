package weir.conformance;

import java.util.LinkedHashSet;
import java.util.Set;

/** Says in one text what an exception of Flink means, without the layers that wrap it. */
final class Errors {
    private static final int LENGTH_MAX = 3000;

    private Errors() {}

    static String describe(Throwable error) {
        Set<String> messages = new LinkedHashSet<>();
        for (Throwable at = error; at != null; at = at.getCause()) {
            String name = at.getClass().getName();
            boolean isWrapper =
                    at.getCause() != null
                            && (name.startsWith("org.apache.flink.runtime.")
                                    || name.startsWith("java.util.concurrent.")
                                    || name.startsWith("org.apache.flink.util."));
            String message = at.getMessage();
            if (!isWrapper) {
                messages.add(
                        message == null || message.isBlank()
                                ? at.getClass().getSimpleName()
                                : message.strip());
            }
            if (at.getCause() == at) {
                break;
            }
        }
        // A message often repeats that of its cause behind its own.
        String text = String.join("\n<- ", messages);
        return text.length() > LENGTH_MAX ? text.substring(0, LENGTH_MAX) + "…" : text;
    }
}
