package weir.bench;

import java.io.Serializable;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/** A column of what is read: the kind of the event, a ROW of one kind, or a field of it. */
record Part(int kind, int[] fields, boolean isRow) implements Serializable {
    private static final int EVENT_TYPE = -1;

    /** The table's columns are the kind and a ROW for each kind. */
    static Part of(List<LogicalType> columns, int[] path) {
        if (path[0] == 0) {
            return new Part(EVENT_TYPE, null, false);
        }
        int kind = path[0] - 1;
        RowType row = (RowType) columns.get(path[0]);
        if (path.length == 2) {
            return new Part(kind, new int[] {NexmarkFactory.field(kind, row, path[1])}, false);
        }
        int[] fields = new int[row.getFieldCount()];
        for (int i = 0; i < fields.length; i++) {
            fields[i] = NexmarkFactory.field(kind, row, i);
        }
        return new Part(kind, fields, true);
    }

    Object value(Generator generator, int eventKind) {
        if (kind == EVENT_TYPE) {
            return eventKind;
        }
        if (kind != eventKind) {
            return null;
        }
        if (!isRow) {
            return generator.value(fields[0]);
        }
        GenericRowData row = new GenericRowData(fields.length);
        for (int i = 0; i < fields.length; i++) {
            row.setField(i, generator.value(fields[i]));
        }
        return row;
    }
}
