package weir.conformance;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.operations.DescribeTableOperation;
import org.apache.flink.table.operations.ExplainOperation;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.ShowOperation;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** What a statement prints, in the frame in which Flink prints it. */
final class Output {
    private Output() {}

    /** Empty for statements that only say OK. */
    static String of(TableResult result, Operation operation) {
        boolean isShown =
                operation instanceof ShowOperation
                        || operation instanceof DescribeTableOperation
                        || operation instanceof ExplainOperation
                        || operation.getClass().getSimpleName().startsWith("Describe")
                        || operation.getClass().getSimpleName().startsWith("Show");
        if (!isShown) {
            return "";
        }
        if (operation.getClass().getSimpleName().startsWith("ShowCreate")) {
            // The SQL client shows these texts without a frame.
            try (CloseableIterator<Row> rows = result.collect()) {
                return withoutOurs(rows.next().getField(0) + "\n");
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream before = System.out;
        try (PrintStream printer = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
            System.setOut(printer);
            result.print();
        } finally {
            System.setOut(before);
        }
        return withoutOurs(bytes.toString(StandardCharsets.UTF_8));
    }

    /** SHOW CREATE TABLE of a table that had no connector shows ours. */
    private static String withoutOurs(String text) {
        String ours = "  'connector' = 'feed'|  'feed\\.[a-z-]+' = '[^']*'";
        return text.replaceAll("(?m)^(" + ours + "),?\\s*\\n", "")
                .replaceAll("(\\n| )WITH \\(\\s*\\n\\)", "");
    }
}
