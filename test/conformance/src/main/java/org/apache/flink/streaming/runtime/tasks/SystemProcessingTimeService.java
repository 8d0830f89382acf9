package org.apache.flink.streaming.runtime.tasks;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import org.apache.flink.util.clock.Clock;
import weir.conformance.VirtualClock;

/** Stands before Flink's class of this name, so that timers follow the virtual clock. */
public class SystemProcessingTimeService implements TimerService {
    private volatile boolean isShutDown;

    SystemProcessingTimeService(ExceptionHandler exceptionHandler) {}

    SystemProcessingTimeService(ExceptionHandler exceptionHandler, ThreadFactory threadFactory) {}

    @Override
    public Clock getClock() {
        return VirtualClock.CLOCK;
    }

    @Override
    public ScheduledFuture<?> registerTimer(long timestamp, ProcessingTimeCallback callback) {
        // Tasks measure themselves once a second; only the timers of operators are of interest.
        String name = callback.getClass().getName();
        return name.contains(".StreamTask$") || name.contains(".tasks.mailbox.")
                ? VirtualClock.ignore()
                : VirtualClock.register(timestamp, time -> fire(time, callback));
    }

    @Override
    public ScheduledFuture<?> scheduleAtFixedRate(
            ProcessingTimeCallback callback, long initialDelay, long period) {
        return repeat(VirtualClock.now() + initialDelay, callback, period);
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(
            ProcessingTimeCallback callback, long initialDelay, long period) {
        return repeat(VirtualClock.now() + initialDelay, callback, period);
    }

    private ScheduledFuture<?> repeat(long at, ProcessingTimeCallback callback, long period) {
        return VirtualClock.register(
                at,
                time -> {
                    if (!isShutDown) {
                        repeat(time + period, callback, period);
                        fire(time, callback);
                    }
                });
    }

    private void fire(long time, ProcessingTimeCallback callback) throws Exception {
        if (!isShutDown) {
            callback.onProcessingTime(time);
        }
    }

    @Override
    public boolean isTerminated() {
        return isShutDown;
    }

    @Override
    public CompletableFuture<Void> quiesce() {
        isShutDown = true;
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void shutdownService() {
        isShutDown = true;
    }

    @Override
    public boolean shutdownServiceUninterruptible(long timeoutMs) {
        isShutDown = true;
        return true;
    }

    /** What handles a failed timer; timers of ours run in the task's mailbox and fail there. */
    interface ExceptionHandler {
        void handleException(Exception ex);
    }
}
