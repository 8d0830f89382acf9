package weir.conformance;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.LookupFunction;
import org.apache.flink.types.RowKind;

/** A fed table as a database that is asked by key: it holds what was fed so far. */
public final class FeedLookup extends LookupFunction {
    private static final long serialVersionUID = 1L;

    private final int caseNumber;
    private final String table;
    private final FeedLayout layout;
    private final int[] keys;
    private final int[] primaryKey;

    FeedLookup(int caseNumber, String table, FeedLayout layout, int[] keys, int[] primaryKey) {
        this.caseNumber = caseNumber;
        this.table = table;
        this.layout = layout;
        this.keys = keys;
        this.primaryKey = primaryKey;
    }

    @Override
    public void open(FunctionContext context) {
        Conductor.of(caseNumber).registerLookup(table);
    }

    @Override
    public Collection<RowData> lookup(RowData key) {
        Conductor conductor = Conductor.of(caseNumber);
        List<RowData> found = new ArrayList<>();
        for (String line : conductor.fedSoFar(table)) {
            GenericRowData row = layout.read(line, conductor.zone());
            boolean isAdded =
                    row.getRowKind() == RowKind.INSERT || row.getRowKind() == RowKind.UPDATE_AFTER;
            row.setRowKind(RowKind.INSERT);
            if (primaryKey.length > 0) {
                found.removeIf(held -> hasSameKey((GenericRowData) held, row));
            }
            if (!isAdded) {
                found.remove(row);
            } else {
                found.add(row);
            }
        }
        found.removeIf(row -> !matches((GenericRowData) row, (GenericRowData) key));
        return found;
    }

    private boolean hasSameKey(GenericRowData one, GenericRowData two) {
        for (int position : primaryKey) {
            if (!Objects.equals(one.getField(position), two.getField(position))) {
                return false;
            }
        }
        return true;
    }

    private boolean matches(GenericRowData row, GenericRowData key) {
        for (int i = 0; i < keys.length; i++) {
            if (!Objects.equals(row.getField(keys[i]), key.getField(i))) {
                return false;
            }
        }
        return true;
    }
}
