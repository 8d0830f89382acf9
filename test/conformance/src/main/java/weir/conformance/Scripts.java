package weir.conformance;

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;

/**
 * Runs whole scripts on a Flink as it comes, with its own connectors, clock and settings, each in a
 * cluster of its own in this process: {@code {"sql", "output", "settings", "stays"}} per line in,
 * one line out when the jobs have ended, with how long the last one took, from its start to its end. What
 * {@code print} writes goes to the file {@code output}.
 * The job of a script that {@code stays} is answered at once, and cancelled by the next line.
 *
 * <p>Started without our agent and with Flink's classes before ours.
 */
public final class Scripts {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Scripts() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        JobClient staying = null;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (staying != null) {
                staying.cancel().get();
                staying = null;
            }
            JsonNode request = JSON.readTree(line);
            Map<String, Object> answer = new LinkedHashMap<>();
            if (request.has("sql")) {
                boolean stays = request.path("stays").asBoolean();
                PrintStream output = output(request.get("output").asText(), stays);
                System.setOut(output);
                staying = run(request, answer);
                if (staying == null) {
                    output.close();
                }
            }
            answers.println(JSON.writeValueAsString(answer));
            answers.flush();
        }
        System.exit(0);
    }

    private static PrintStream output(String path, boolean isWatched) throws IOException {
        return new PrintStream(
                new BufferedOutputStream(new FileOutputStream(path)),
                isWatched,
                StandardCharsets.UTF_8);
    }

    /** The job that goes on, if the request is for one. */
    private static JobClient run(JsonNode request, Map<String, Object> answer) {
        Configuration settings = new Configuration();
        request.path("settings")
                .fields()
                .forEachRemaining(one -> settings.setString(one.getKey(), one.getValue().asText()));
        boolean isRunning = false;
        try {
            TableEnvironment tables =
                    TableEnvironment.create(
                            EnvironmentSettings.newInstance().withConfiguration(settings).build());
            for (String statement : Script.statements(request.get("sql").asText())) {
                isRunning = false;
                TableResult result = tables.executeSql(statement);
                if (result.getJobClient().isEmpty()) {
                    continue;
                }
                isRunning = true;
                if (request.path("stays").asBoolean()) {
                    return result.getJobClient().get();
                }
                answer.put(
                        "millis",
                        result.getJobClient()
                                .get()
                                .getJobExecutionResult()
                                .get()
                                .getNetRuntime(TimeUnit.MILLISECONDS));
            }
        } catch (Exception error) {
            answer.put(isRunning ? "failed" : "refused", Errors.describe(error));
        }
        return null;
    }
}
