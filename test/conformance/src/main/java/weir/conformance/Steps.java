package weir.conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

/** The steps of a case, from its first row to its last expectation. */
final class Steps {
    private final Conductor conductor;
    private final Map<String, Object> answer;
    private final List<JsonNode> steps = new ArrayList<>();
    private final List<Map<String, Object>> checks = new ArrayList<>();

    Steps(Conductor conductor, JsonNode request, Map<String, Object> answer) {
        this.conductor = conductor;
        this.answer = answer;
        request.path("steps").forEach(steps::add);
    }

    /** The input ends before the expectations at the end of the case. */
    private int indexOfEnd() {
        int index = steps.size();
        while (index > 0 && steps.get(index - 1).has("expect")) {
            index--;
        }
        return index;
    }

    void play(
            MiniCluster cluster,
            JobID job,
            CompletableFuture<JobResult> result,
            boolean isBatch,
            boolean isJoined)
            throws Exception {
        int end = indexOfEnd();
        try {
            conductor.start(cluster, job, result, isJoined, isBatch);
            for (JsonNode step : steps.subList(0, end)) {
                if (step.has("expect")) {
                    conductor.rest();
                    check(step);
                } else {
                    play(step);
                }
            }
        } catch (Conductor.Ended ended) {
            // A job of constants only has ended, or it failed: the result tells.
            Thread.yield();
        }
        JobResult last = conductor.end();
        if (last.getSerializedThrowable().isPresent()) {
            answer.put(
                    "failed",
                    Errors.describe(
                            last.getSerializedThrowable()
                                    .get()
                                    .deserializeError(Steps.class.getClassLoader())));
        }
        for (JsonNode step : steps.subList(end, steps.size())) {
            check(step);
        }
        report();
    }

    private void play(JsonNode step) throws Exception {
        if (step.has("feed")) {
            for (JsonNode row : step.get("rows")) {
                conductor.row(step.get("feed").asText(), row.asText());
            }
        } else if (step.has("watermark")) {
            conductor.watermark(
                    step.get("watermark").asText(), step.get("to_us").asLong() / 1000);
        } else if (step.has("clock_us")) {
            conductor.clock(Duration.ofMillis(step.get("clock_us").asLong() / 1000));
        } else {
            throw new IllegalArgumentException("what is the step " + step + "?");
        }
    }

    private void check(JsonNode step) {
        String kind = step.get("expect").asText();
        if (!kind.equals("changes") && !kind.equals("rows")) {
            return;
        }
        String sink = step.path("of").asText("");
        if (sink.isEmpty()) {
            sink = conductor.captures().keySet().stream().findFirst().orElse(Runner.QUERY);
        }
        Capture capture = conductor.capture(sink);
        Map<String, Object> check = new LinkedHashMap<>();
        check.put("expect", kind);
        check.put("of", sink);
        check.put("lines", kind.equals("rows") ? capture.rows() : capture.nextChanges());
        checks.add(check);
    }

    private void report() {
        Map<String, Object> sinks = new LinkedHashMap<>();
        conductor
                .captures()
                .forEach(
                        (name, capture) ->
                                sinks.put(
                                        name,
                                        Map.of(
                                                "changes",
                                                capture.allChanges(),
                                                "rows",
                                                capture.rows())));
        answer.put("checks", checks);
        answer.put("sinks", sinks);
    }
}
