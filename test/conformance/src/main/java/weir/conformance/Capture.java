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
    private final Map<String, Held> rows = new LinkedHashMap<>();
    private int seen;

    /** How often a row is there; below zero if it was taken back more often than given. */
    private static final class Held {
        String line;
        int count;
    }

    /** Adds a change; the key is null for a table without one, where equal rows are counted. */
    synchronized void add(Row row, String key) {
        changes.add(row.toString());
        RowKind kind = row.getKind();
        boolean isAdded = kind == RowKind.INSERT || kind == RowKind.UPDATE_AFTER;
        row.setKind(RowKind.INSERT);
        String line = row.toString();
        Held held = rows.computeIfAbsent(key == null ? line : key, k -> new Held());
        held.line = line;
        held.count = key == null ? held.count + (isAdded ? 1 : -1) : isAdded ? 1 : 0;
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

    /**
     * The rows that the changes so far amount to, sorted as text; with -D those that were taken
     * back without having been given.
     */
    synchronized List<String> rows() {
        List<String> lines = new ArrayList<>();
        for (Held held : rows.values()) {
            String kind = held.count < 0 ? RowKind.DELETE.shortString() : "+I";
            for (int i = 0; i < Math.abs(held.count); i++) {
                lines.add(kind + held.line.substring(2));
            }
        }
        lines.sort(null);
        return lines;
    }
}
