/* Members of one group, by the Java client: ADDRESS TOPIC GROUP NAME COUNT. As sharing.py. */
import java.time.Duration;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Sharing {
    static volatile boolean isOver;

    static synchronized void say(String sign, String member, Collection<TopicPartition> partitions) {
        if (partitions.isEmpty())
            return;
        System.out.println(System.nanoTime() + " " + sign + " " + member + " "
            + partitions.stream().map(one -> String.valueOf(one.partition())).collect(Collectors.joining(" ")));
        System.out.flush();
    }

    static void takePart(String[] args, String member) {
        Properties p = new Properties();
        p.put("bootstrap.servers", args[0]);
        p.put("group.id", args[2]);
        p.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        p.put("session.timeout.ms", "10000");
        p.put("heartbeat.interval.ms", "1000");
        p.put("auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(args[1]), new ConsumerRebalanceListener() {
                public void onPartitionsAssigned(Collection<TopicPartition> parts) { say("+", member, parts); }
                public void onPartitionsRevoked(Collection<TopicPartition> parts) { say("-", member, parts); }
                public void onPartitionsLost(Collection<TopicPartition> parts) { say("!", member, parts); }
            });
            while (!isOver)
                consumer.poll(Duration.ofMillis(500));
        }
    }

    public static void main(String[] args) throws Exception {
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < Integer.parseInt(args[4]); i++) {
            String member = args[3] + "." + i;
            threads.add(new Thread(() -> takePart(args, member)));
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            isOver = true;
            for (Thread thread : threads)
                try { thread.join(); } catch (InterruptedException e) { return; }
        }));
        for (Thread thread : threads)
            thread.start();
        for (Thread thread : threads)
            thread.join();
    }
}
