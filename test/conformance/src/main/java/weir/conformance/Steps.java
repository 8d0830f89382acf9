package weir.conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.api.common.JobID;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

/** The steps of a case, from its first row to its last expectation. */
final class Steps {
    private static final Pattern SPAN =
            Pattern.compile("(\\d+)\\s*(ms|s|sec|second|seconds|min|minute|minutes|h|hour|hours|d|day|days)");

    private final Conductor conductor;
    private final Map<String, Object> answer;
    private final Map<String, Boolean> hasInstantTime;
    private final List<JsonNode> steps = new ArrayList<>();
    private final List<Map<String, Object>> checks = new ArrayList<>();

    Steps(
            Conductor conductor,
            JsonNode request,
            Map<String, Object> answer,
            Map<String, Boolean> hasInstantTime) {
        this.conductor = conductor;
        this.answer = answer;
        this.hasInstantTime = hasInstantTime;
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
            // In batch mode tasks start one after another, so there is nothing to wait for at rest.
            conductor.start(cluster, job, result, isJoined && !isBatch);
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
            String table = step.get("watermark").asText();
            conductor.watermark(
                    table, step.get("to").asText(), hasInstantTime.getOrDefault(table, false));
        } else if (step.has("clock")) {
            conductor.clock(span(step.get("clock").asText()));
        } else {
            throw new IllegalArgumentException("what is the step " + step + "?");
        }
    }

    private static Duration span(String text) {
        Matcher matcher = SPAN.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException("cannot read the span of time " + text);
        }
        long count = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(count);
            case "s", "sec", "second", "seconds" -> Duration.ofSeconds(count);
            case "min", "minute", "minutes" -> Duration.ofMinutes(count);
            case "h", "hour", "hours" -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
        };
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
