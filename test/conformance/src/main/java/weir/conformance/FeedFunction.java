package weir.conformance;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkGeneratorSupplier;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.functions.source.RichSourceFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.clock.RelativeClock;

/** The source of one fed table: does what the conductor of the case says, step by step. */
final class FeedFunction extends RichSourceFunction<RowData> {
    private static final long serialVersionUID = 1L;

    private final int caseNumber;
    private final String table;
    private final FeedLayout layout;
    private final WatermarkStrategy<RowData> strategy;

    private transient BlockingQueue<Order> orders;
    private transient WatermarkGenerator<RowData> generator;
    private transient volatile boolean isCancelled;

    /** What a source is told to do next. */
    record Order(Action action, CompletableFuture<Void> done) {}

    interface Action {
        /** Returns false when the input has ended. */
        boolean apply(FeedFunction feed, SourceContext<RowData> context);
    }

    FeedFunction(
            int caseNumber, String table, FeedLayout layout, WatermarkStrategy<RowData> strategy) {
        this.caseNumber = caseNumber;
        this.table = table;
        this.layout = layout;
        this.strategy = strategy;
    }

    @Override
    public void open(Configuration parameters) {
        orders = new LinkedBlockingQueue<>();
        if (strategy != null) {
            generator = strategy.createWatermarkGenerator(new GeneratorContext());
        }
        Conductor.of(caseNumber).register(table, this);
    }

    private final class GeneratorContext implements WatermarkGeneratorSupplier.Context {
        @Override
        public MetricGroup getMetricGroup() {
            return getRuntimeContext().getMetricGroup();
        }

        @Override
        public RelativeClock getInputActivityClock() {
            return VirtualClock.CLOCK;
        }
    }

    CompletableFuture<Void> order(Action action) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        orders.add(new Order(action, done));
        return done;
    }

    static Action row(String line) {
        return (feed, context) -> {
            RowData row = feed.layout.read(line, Conductor.of(feed.caseNumber).zone());
            context.collect(row);
            if (feed.generator != null) {
                WatermarkOutput output = feed.output(context);
                feed.generator.onEvent(row, Long.MIN_VALUE, output);
                feed.generator.onPeriodicEmit(output);
            }
            return true;
        };
    }

    static Action watermark(long millis) {
        return (feed, context) -> {
            context.emitWatermark(
                    new org.apache.flink.streaming.api.watermark.Watermark(millis));
            return true;
        };
    }

    /** Looks at the clock, as a source does from time to time. */
    static Action tick() {
        return (feed, context) -> {
            if (feed.generator != null) {
                feed.generator.onPeriodicEmit(feed.output(context));
            }
            return true;
        };
    }

    static Action end() {
        return (feed, context) -> false;
    }

    private WatermarkOutput output(SourceContext<RowData> context) {
        return new WatermarkOutput() {
            @Override
            public void emitWatermark(Watermark watermark) {
                context.emitWatermark(
                        new org.apache.flink.streaming.api.watermark.Watermark(
                                watermark.getTimestamp()));
            }

            @Override
            public void markIdle() {
                context.markAsTemporarilyIdle();
            }

            @Override
            public void markActive() {}
        };
    }

    @Override
    public void run(SourceContext<RowData> context) throws Exception {
        while (!isCancelled) {
            Order order = orders.take();
            boolean goesOn;
            try {
                synchronized (context.getCheckpointLock()) {
                    goesOn = order.action.apply(this, context);
                }
            } catch (Throwable error) {
                order.done.complete(null);
                throw error;
            }
            order.done.complete(null);
            if (!goesOn) {
                return;
            }
        }
    }

    @Override
    public void cancel() {
        isCancelled = true;
        if (orders != null) {
            order(end());
        }
    }
}
