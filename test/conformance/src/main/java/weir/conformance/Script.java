package weir.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Cuts a script into statements as Flink's SQL client does. */
final class Script {
    private static final Pattern WHOLE_SET =
            Pattern.compile(
                    "^(EXECUTE|EXPLAIN)\\b.*?\\bSTATEMENT\\s+SET\\s+BEGIN\\b",
                    Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    private static final Pattern END = Pattern.compile("^END$", Pattern.CASE_INSENSITIVE);

    private Script() {}

    /** The statements without their semicolons; a statement set that is executed is one of them. */
    static List<String> statements(String script) {
        List<String> statements = new ArrayList<>();
        StringBuilder set = null;
        for (String piece : pieces(script)) {
            boolean isEnd = END.matcher(piece).matches();
            if (set == null && WHOLE_SET.matcher(piece).find()) {
                set = new StringBuilder();
            }
            if (set != null) {
                set.append(piece).append(isEnd ? "" : ";\n");
            } else if (!piece.isEmpty()) {
                statements.add(piece);
            }
            if (set != null && isEnd) {
                statements.add(set.toString());
                set = null;
            }
        }
        if (set != null) {
            statements.add(set.toString());
        }
        return statements;
    }

    private static List<String> pieces(String script) {
        List<String> pieces = new ArrayList<>();
        StringBuilder piece = new StringBuilder();
        int at = 0;
        while (at < script.length()) {
            char c = script.charAt(at);
            int next = at + 1;
            if (c == '\'' || c == '`' || c == '"') {
                next = afterQuote(script, at, c);
            } else if (script.startsWith("--", at)) {
                int end = script.indexOf('\n', at);
                at = end < 0 ? script.length() : end;
                continue;
            } else if (script.startsWith("/*", at) && !script.startsWith("/*+", at)) {
                int end = script.indexOf("*/", at + 2);
                at = end < 0 ? script.length() : end + 2;
                piece.append(' ');
                continue;
            } else if (c == ';') {
                pieces.add(piece.toString().strip());
                piece.setLength(0);
                at = next;
                continue;
            }
            piece.append(script, at, next);
            at = next;
        }
        pieces.add(piece.toString().strip());
        return pieces;
    }

    private static int afterQuote(String script, int at, char quote) {
        int end = at + 1;
        while (end < script.length()) {
            if (script.charAt(end) == quote) {
                if (end + 1 < script.length() && script.charAt(end + 1) == quote) {
                    end += 2;
                    continue;
                }
                return end + 1;
            }
            end++;
        }
        return script.length();
    }
}
