package weir.conformance;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.Delayed;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.operators.ProcessingTimeService.ProcessingTimeCallback;
import org.apache.flink.util.clock.Clock;

/**
 * The time that the case under test sees: it stands still unless a step of the case advances it.
 *
 * <p>Flink reads the wall clock in three ways, and all of them end here: the timer service of the
 * tasks (its class is replaced by ours), the time of state's expiry (likewise), and
 * System.currentTimeMillis() in table functions and generated code (rewritten by ClockAgent). What
 * the cluster does for itself, such as heartbeats, keeps to real time.
 */
public final class VirtualClock {
    /** 2024-01-01 00:00:00 UTC, where each case begins. */
    public static final long START = 1_704_067_200_000L;

    private static volatile long now = START;
    private static long sequence;
    private static final PriorityQueue<Timer> TIMERS =
            new PriorityQueue<>(
                    Comparator.<Timer>comparingLong(t -> t.time).thenComparingLong(t -> t.number));

    private VirtualClock() {}

    public static long now() {
        return now;
    }

    public static synchronized void reset() {
        now = START;
        TIMERS.clear();
    }

    public static synchronized ScheduledFuture<?> register(
            long time, ProcessingTimeCallback callback) {
        Timer timer = new Timer(time, sequence++, callback);
        TIMERS.add(timer);
        return timer;
    }

    /** A timer that never fires. */
    public static ScheduledFuture<?> ignore() {
        return new Timer(Long.MAX_VALUE, 0, time -> {});
    }

    /** Called after each timer that an advance has fired, to let what it started come to rest. */
    public interface Rest {
        void await() throws Exception;
    }

    /** Advances to a time, stopping at each timer on the way as real time would. */
    public static void advanceTo(long target, Rest rest) throws Exception {
        while (true) {
            Timer due = takeDue(target);
            if (due == null) {
                break;
            }
            now = Math.max(now, due.time);
            due.callback.onProcessingTime(due.time);
            rest.await();
        }
        now = Math.max(now, target);
    }

    private static synchronized Timer takeDue(long target) {
        while (!TIMERS.isEmpty() && TIMERS.peek().time <= target) {
            Timer timer = TIMERS.poll();
            if (!timer.isCancelled) {
                timer.isDone = true;
                return timer;
            }
        }
        return null;
    }

    /** The clock as an object, for the interfaces of Flink that want one. */
    public static final Clock CLOCK =
            new Clock() {
                @Override
                public long absoluteTimeMillis() {
                    return now;
                }

                @Override
                public long relativeTimeMillis() {
                    return now;
                }

                @Override
                public long relativeTimeNanos() {
                    return now * 1_000_000L;
                }
            };

    private static final class Timer implements ScheduledFuture<Object> {
        final long time;
        final long number;
        final ProcessingTimeCallback callback;
        volatile boolean isCancelled;
        volatile boolean isDone;

        Timer(long time, long number, ProcessingTimeCallback callback) {
            this.time = time;
            this.number = number;
            this.callback = callback;
        }

        @Override
        public long getDelay(TimeUnit unit) {
            return unit.convert(time - now, TimeUnit.MILLISECONDS);
        }

        @Override
        public int compareTo(Delayed other) {
            return Long.compare(
                    getDelay(TimeUnit.MILLISECONDS), other.getDelay(TimeUnit.MILLISECONDS));
        }

        @Override
        public boolean cancel(boolean mayInterrupt) {
            isCancelled = true;
            return !isDone;
        }

        @Override
        public boolean isCancelled() {
            return isCancelled;
        }

        @Override
        public boolean isDone() {
            return isDone || isCancelled;
        }

        @Override
        public Object get() {
            return null;
        }

        @Override
        public Object get(long timeout, TimeUnit unit) {
            return null;
        }
    }
}
