package weir.conformance;

import java.io.Serializable;
import java.time.ZoneId;
import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

/**
 * How a fed row becomes a row of the table.
 *
 * @param types of the columns that are fed: all but computed ones
 * @param isVirtual of each of them; a case may leave out virtual metadata
 * @param produced for each field of the row that the source gives, its place among those columns
 */
record FeedLayout(List<LogicalType> types, List<Boolean> isVirtual, int[] produced)
        implements Serializable {
    /** A row as it stands in a case: an optional kind and a row constructor. */
    GenericRowData read(String line, ZoneId zone) {
        String text = line.strip();
        RowKind kind = RowKind.INSERT;
        for (RowKind candidate : RowKind.values()) {
            if (text.startsWith(candidate.shortString())) {
                kind = candidate;
                text = text.substring(2);
                break;
            }
        }
        List<Literal> items = Literal.parse(text).items();
        GenericRowData fed = new GenericRowData(types.size());
        boolean hasVirtual = items.size() == types.size();
        int next = 0;
        for (int i = 0; i < types.size(); i++) {
            if (isVirtual.get(i) && !hasVirtual) {
                continue;
            }
            if (next >= items.size()) {
                throw new IllegalArgumentException("too few values in " + line);
            }
            fed.setField(i, Convert.toInternal(items.get(next++), types.get(i), zone));
        }
        if (next != items.size()) {
            throw new IllegalArgumentException("too many values in " + line);
        }
        GenericRowData row = new GenericRowData(kind, produced.length);
        for (int i = 0; i < produced.length; i++) {
            row.setField(i, fed.getField(produced[i]));
        }
        return row;
    }
}
