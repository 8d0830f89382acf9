package weir.conformance;

import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.JobID;
import org.apache.flink.core.execution.CheckpointType;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;

/**
 * Leads one running job through the steps of its case.
 *
 * <p>The tasks of a job run in threads of their own. Where it matters, that is, where some task has
 * several inputs or where a step looks at results, the conductor lets the job come to rest: it
 * takes a checkpoint, whose barrier passes every task behind all the rows that were sent before.
 */
final class Conductor {
    private static final Map<Integer, Conductor> ALL = new ConcurrentHashMap<>();
    private static final long CHECKPOINT_RETRY_MS = 2;

    private final int caseNumber;
    private final ZoneId zone;
    private final long deadline;
    private final Map<String, List<FeedFunction>> feeds = new ConcurrentHashMap<>();
    private final Map<String, List<String>> fed = new ConcurrentHashMap<>();
    private final Map<String, Boolean> lookups = new ConcurrentHashMap<>();
    private final Map<String, Capture> captures = new ConcurrentHashMap<>();

    private MiniCluster cluster;
    private JobID job;
    private CompletableFuture<JobResult> result;
    private boolean restsAfterEachStep;
    private boolean isBatch;
    private volatile boolean hasEnded;

    /** The job ended before its steps did. */
    static final class Ended extends Exception {
        private static final long serialVersionUID = 1L;
    }

    Conductor(int caseNumber, ZoneId zone, Duration limit) {
        this.caseNumber = caseNumber;
        this.zone = zone;
        this.deadline = System.nanoTime() + limit.toNanos();
        ALL.put(caseNumber, this);
    }

    static Conductor of(int caseNumber) {
        Conductor conductor = ALL.get(caseNumber);
        if (conductor == null) {
            throw new IllegalStateException("case " + caseNumber + " is over");
        }
        return conductor;
    }

    void close() {
        ALL.remove(caseNumber);
    }

    ZoneId zone() {
        return zone;
    }

    void register(String table, FeedFunction feed) {
        feeds.computeIfAbsent(table, t -> new CopyOnWriteArrayList<>()).add(feed);
        if (hasEnded) {
            feed.order(FeedFunction.end());
        }
    }

    void registerLookup(String table) {
        lookups.put(table, true);
    }

    List<String> fedSoFar(String table) {
        List<String> lines = fed.get(table);
        if (lines == null) {
            return List.of();
        }
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    Capture capture(String table) {
        return captures.computeIfAbsent(table, t -> new Capture());
    }

    Map<String, Capture> captures() {
        return new TreeMap<>(captures);
    }

    /** Takes over a job that was just submitted, and waits until all of its tasks run. */
    void start(
            MiniCluster cluster,
            JobID job,
            CompletableFuture<JobResult> result,
            boolean restsAfterEachStep,
            boolean isBatch)
            throws Exception {
        this.cluster = cluster;
        this.job = job;
        this.result = result;
        this.restsAfterEachStep = restsAfterEachStep && !isBatch;
        this.isBatch = isBatch;
        rest();
    }

    /**
     * The sources of a table. In batch mode, where tasks start when those before them have ended,
     * they may have to be waited for.
     */
    private List<FeedFunction> feedsOf(String table) throws Exception {
        while (isBatch && !feeds.containsKey(table) && !lookups.containsKey(table)) {
            if (result.isDone()) {
                throw new Ended();
            }
            if (System.nanoTime() > deadline) {
                throw new TimeoutException();
            }
            Thread.sleep(CHECKPOINT_RETRY_MS);
        }
        return feeds.getOrDefault(table, List.of());
    }

    /** Waits until the job has done all that it was given. */
    void rest() throws Exception {
        while (!isBatch) {
            CompletableFuture<?> checkpoint = cluster.triggerCheckpoint(job, CheckpointType.FULL);
            try {
                await(checkpoint);
                return;
            } catch (java.util.concurrent.ExecutionException notNow) {
                // Tasks are still being deployed, or some have just finished.
                Thread.sleep(CHECKPOINT_RETRY_MS);
            }
        }
    }

    private void await(CompletableFuture<?> future) throws Exception {
        if (result.isDone()) {
            throw new Ended();
        }
        CompletableFuture<?> either = CompletableFuture.anyOf(future, result.handle((r, e) -> r));
        long left = deadline - System.nanoTime();
        if (left <= 0) {
            throw new TimeoutException();
        }
        either.get(left, TimeUnit.NANOSECONDS);
        if (!future.isDone() && result.isDone()) {
            throw new Ended();
        }
    }

    private void restIfNeeded() throws Exception {
        if (restsAfterEachStep) {
            rest();
        }
    }

    private void orderAll(String table, FeedFunction.Action action) throws Exception {
        for (FeedFunction feed : feedsOf(table)) {
            await(feed.order(action));
            restIfNeeded();
        }
    }

    void row(String table, String line) throws Exception {
        List<String> lines = fed.computeIfAbsent(table, t -> new ArrayList<>());
        synchronized (lines) {
            lines.add(line);
        }
        orderAll(table, FeedFunction.row(line));
    }

    void watermark(String table, long millis) throws Exception {
        orderAll(table, FeedFunction.watermark(millis));
    }

    void clock(Duration by) throws Exception {
        // What was sent before shall be worked out at the time when it was sent.
        rest();
        tick();
        tick();
        VirtualClock.advanceTo(VirtualClock.now() + by.toMillis(), this::rest);
        tick();
        rest();
    }

    /**
     * Lets the sources look at the clock, as they do from time to time: once to see that rows have
     * come, once to see that they have stopped, and once to see for how long.
     */
    private void tick() throws Exception {
        for (String table : feeds.keySet()) {
            orderAll(table, FeedFunction.tick());
        }
    }

    /** Ends all inputs, also those that only start now, and waits for the job to end. */
    JobResult end() throws Exception {
        hasEnded = true;
        for (List<FeedFunction> each : feeds.values()) {
            each.forEach(feed -> feed.order(FeedFunction.end()));
        }
        long left = Math.max(1, deadline - System.nanoTime());
        return result.get(left, TimeUnit.NANOSECONDS);
    }
}
