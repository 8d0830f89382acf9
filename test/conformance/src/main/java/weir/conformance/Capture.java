package weir.conformance;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** What has arrived at one captured table. */
final class Capture {
    private final List<String> changes = new ArrayList<>();
    private final Map<String, List<String>> rows = new LinkedHashMap<>();
    private int seen;

    /** Adds a change; the key is null for a table without one, where equal rows are counted. */
    synchronized void add(Row row, String key) {
        changes.add(row.toString());
        RowKind kind = row.getKind();
        boolean isAdded = kind == RowKind.INSERT || kind == RowKind.UPDATE_AFTER;
        row.setKind(RowKind.INSERT);
        String line = row.toString();
        List<String> held = rows.computeIfAbsent(key == null ? line : key, k -> new ArrayList<>());
        if (key != null) {
            held.clear();
        }
        if (isAdded) {
            held.add(line);
        } else if (key == null && !held.isEmpty()) {
            held.remove(held.size() - 1);
        }
    }

    synchronized List<String> allChanges() {
        return List.copyOf(changes);
    }

    /** The changes since the last call. */
    synchronized List<String> nextChanges() {
        List<String> next = List.copyOf(changes.subList(seen, changes.size()));
        seen = changes.size();
        return next;
    }

    /** The rows that the changes so far amount to, sorted as text. */
    synchronized List<String> rows() {
        return rows.values().stream().flatMap(List::stream).sorted().toList();
    }
}
