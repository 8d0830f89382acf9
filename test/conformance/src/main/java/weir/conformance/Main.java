package weir.conformance;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Answers cases as Flink does: one JSON object per line in, one per line out.
 *
 * <p>{@code run} reads standard input; {@code serve SOCKET} listens at a Unix socket, takes one
 * case at a time from its callers in turn, and ends by itself when nobody has asked for a while.
 */
public final class Main {
    private static final Duration IDLE_MAX = Duration.ofMinutes(20);
    private static final ObjectMapper JSON = new ObjectMapper();

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        try (Runner runner = new Runner()) {
            if (arguments.length == 2 && arguments[0].equals("serve")) {
                serve(runner, Path.of(arguments[1]));
            } else {
                answerAll(
                        runner::run,
                        new BufferedReader(
                                new InputStreamReader(System.in, StandardCharsets.UTF_8)),
                        new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
            }
        }
        System.exit(0);
    }

    private static void answerAll(
            Function<JsonNode, Map<String, Object>> runner, BufferedReader in, Writer out)
            throws Exception {
        PrintWriter printer = new PrintWriter(out);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            long began = System.nanoTime();
            JsonNode request = JSON.readTree(line);
            Map<String, Object> answer = runner.apply(request);
            answer.put("ms", (System.nanoTime() - began) / 1_000_000);
            printer.println(JSON.writeValueAsString(answer));
            printer.flush();
            if (printer.checkError()) {
                return;
            }
        }
    }

    private static void serve(Runner runner, Path path) throws Exception {
        Files.deleteIfExists(path);
        AtomicLong lastUse = new AtomicLong(System.nanoTime());
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            Thread watch = new Thread(() -> endWhenIdle(lastUse, path), "idle");
            watch.setDaemon(true);
            watch.start();
            while (true) {
                SocketChannel caller = server.accept();
                new Thread(() -> serve(runner, caller, lastUse), "caller").start();
            }
        }
    }

    private static void serve(Runner runner, SocketChannel caller, AtomicLong lastUse) {
        try (caller) {
            answerAll(
                    request -> {
                        lastUse.set(System.nanoTime());
                        return runner.run(request);
                    },
                    new BufferedReader(Channels.newReader(caller, StandardCharsets.UTF_8)),
                    Channels.newWriter(caller, StandardCharsets.UTF_8));
        } catch (Exception gone) {
            System.err.println("a caller went away: " + gone.getMessage());
        }
    }

    private static void endWhenIdle(AtomicLong lastUse, Path path) {
        while (true) {
            try {
                Thread.sleep(10_000);
            } catch (InterruptedException ended) {
                return;
            }
            if (System.nanoTime() - lastUse.get() > IDLE_MAX.toNanos()) {
                path.toFile().delete();
                System.exit(0);
            }
        }
    }
}
