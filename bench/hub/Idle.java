/* A consumer of many partitions in which nothing happens: ADDRESS TOPIC PARTITIONS SECONDS. Says "begin" when it has
   settled, then what it has sent and received in that time. */
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Idle {
    static KafkaConsumer<byte[], byte[]> consumer;

    static double metric(String name) {
        return consumer.metrics().entrySet().stream().filter(e -> e.getKey().name().equals(name) && e.getKey().group().equals("consumer-metrics"))
            .mapToDouble(e -> (Double) e.getValue().metricValue()).findFirst().getAsDouble();
    }

    static void pollFor(double seconds) {
        long until = System.nanoTime() + (long) (seconds * 1e9);
        while (System.nanoTime() < until) consumer.poll(Duration.ofMillis(200));
    }

    public static void main(String[] args) {
        Properties p = new Properties();
        p.put("bootstrap.servers", args[0]);
        p.put("enable.auto.commit", "false");
        consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        var all = new ArrayList<TopicPartition>();
        for (int i = 0; i < Integer.parseInt(args[2]); i++) all.add(new TopicPartition(args[1], i));
        consumer.assign(all);
        consumer.seekToEnd(all);
        for (var one : all) consumer.position(one);
        pollFor(3);
        double received = metric("incoming-byte-total"), sent = metric("outgoing-byte-total");
        System.out.println("begin");
        System.out.flush();
        pollFor(Double.parseDouble(args[3]));
        System.out.printf(Locale.ROOT, "sent=%.0f received=%.0f%n", metric("outgoing-byte-total") - sent, metric("incoming-byte-total") - received);
        System.out.flush();
        System.exit(0);
    }
}
