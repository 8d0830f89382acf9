package weir.conformance;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.sink.RichSinkFunction;
import org.apache.flink.table.connector.RuntimeConverter;
import org.apache.flink.table.connector.sink.DynamicTableSink.DataStructureConverter;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.Row;

/** The sink of a captured table: hands each change to the conductor, printed as Flink prints. */
final class CaptureFunction extends RichSinkFunction<RowData> {
    private static final long serialVersionUID = 1L;

    private final int caseNumber;
    private final String table;
    private final int[] keys;
    private final DataStructureConverter converter;

    CaptureFunction(int caseNumber, String table, int[] keys, DataStructureConverter converter) {
        this.caseNumber = caseNumber;
        this.table = table;
        this.keys = keys;
        this.converter = converter;
    }

    @Override
    public void open(Configuration parameters) {
        converter.open(RuntimeConverter.Context.create(CaptureFunction.class.getClassLoader()));
    }

    @Override
    public void invoke(RowData value, Context context) {
        Row row = (Row) converter.toExternal(value);
        Row key = null;
        if (keys.length > 0) {
            key = new Row(keys.length);
            for (int i = 0; i < keys.length; i++) {
                key.setField(i, row.getField(keys[i]));
            }
        }
        Conductor.of(caseNumber).capture(table).add(row, key == null ? null : key.toString());
    }
}
