package weir.bench;

import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/**
 * From a number to an event. The source hands each subtask one run of numbers; as in weir, each run is a generator
 * with ids of its own that begins at the first moment, at its part of the rate, so that time goes on in all alike.
 */
final class Events implements GeneratorFunction<Long, RowData> {
    private final long events, rate, seed, base;
    private final int subtasks;
    private final Part[] parts;
    private transient Generator generator;

    Events(long events, long rate, long seed, long base, int subtasks, Part[] parts) {
        this.events = events;
        this.rate = rate;
        this.seed = seed;
        this.base = base;
        this.subtasks = subtasks;
        this.parts = parts;
    }

    @Override
    public void open(SourceReaderContext context) {
        generator = new Generator(seed, base, 1e6 / rate * subtasks);
    }

    @Override
    public RowData map(Long index) {
        long share = events / subtasks, part = Math.min(index / share, subtasks - 1);
        generator.moveTo(1 + share * part, index - share * part + 1);
        int kind = generator.kind();
        GenericRowData row = new GenericRowData(parts.length);
        for (int i = 0; i < parts.length; i++) {
            row.setField(i, parts[i].value(generator, kind));
        }
        return row;
    }
}
