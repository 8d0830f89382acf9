/* The Java client: ADDRESS → results. Run as a source file with Kafka's jars. */
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

public class Matrix {
    static String address;
    static Admin admin;
    static final List<String> out = new ArrayList<>();

    static void say(String name, Object what) {
        out.add("\"" + name + "\": \"" + String.valueOf(what).replace("\\", "\\\\").replace("\"", "'") + "\"");
    }

    interface Call { Object call() throws Exception; }

    static Object result(Call call) {
        try {
            return call.call();
        } catch (ExecutionException e) {
            return e.getCause().getClass().getSimpleName();
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
    }

    static KafkaProducer<String, String> producer(Object... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", address);
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", address);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    static List<String> read(String topic, int partitions, String level) {
        try (var c = consumer("isolation.level", level)) {
            var parts = new ArrayList<TopicPartition>();
            for (int p = 0; p < partitions; p++) parts.add(new TopicPartition(topic, p));
            c.assign(parts);
            c.seekToBeginning(parts);
            var ends = c.endOffsets(parts);
            var got = new ArrayList<String>();
            while (parts.stream().anyMatch(p -> c.position(p) < ends.get(p)))
                for (var r : c.poll(Duration.ofMillis(200))) got.add(r.partition() + " " + r.offset() + " " + r.key() + " " + r.value());
            Collections.sort(got);
            return got;
        }
    }

    static void topics() throws Exception {
        say("create", result(() -> admin.createTopics(List.of(new NewTopic("jv", 3, (short) 1).configs(Map.of("retention.ms", "-1")))).all().get()));
        var made = admin.createTopics(List.of(new NewTopic("jv2", Optional.empty(), Optional.empty())));
        say("created", result(() -> made.numPartitions("jv2").get() + " " + made.replicationFactor("jv2").get()));
        for (var bad : List.of(new NewTopic("jv", 1, (short) 1), new NewTopic("a b", 1, (short) 1), new NewTopic("jvr", 1, (short) 3),
                               new NewTopic("jvc", 1, (short) 1).configs(Map.of("x", "y"))))
            say("create " + bad.name(), result(() -> admin.createTopics(List.of(bad)).all().get()));
        say("more", result(() -> admin.createPartitions(Map.of("jv", NewPartitions.increaseTo(4))).all().get()));
        say("less", result(() -> admin.createPartitions(Map.of("jv", NewPartitions.increaseTo(2))).all().get()));
        var told = admin.describeTopics(List.of("jv")).allTopicNames().get().get("jv");
        say("described", told.partitions().size() + " " + told.isInternal() + " " + !told.topicId().equals(Uuid.ZERO_UUID));
        say("by id", result(() -> admin.describeTopics(TopicCollection.ofTopicIds(List.of(told.topicId()))).allTopicIds().get().values().iterator().next().name()));
        say("unknown", result(() -> admin.describeTopics(List.of("jv-nowhere")).allTopicNames().get()));
        say("delete", result(() -> admin.deleteTopics(List.of("jv2")).all().get()));
        say("delete again", result(() -> admin.deleteTopics(List.of("jv2")).all().get()));
        say("cluster", admin.describeCluster().nodes().get().size());
    }

    static void produce() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (var p = producer("compression.type", codec, "linger.ms", 5)) {
                for (int i = 0; i < 60; i++) p.send(new ProducerRecord<>("jv-" + codec, 0, "k" + i, "v".repeat(i % 40)));
            }
            say("produce " + codec, read("jv-" + codec, 1, "read_uncommitted").size());
        }
        try (var p = producer("max.request.size", 4000000)) {
            say("too large", result(() -> p.send(new ProducerRecord<>("jv-none", 0, "k", "x".repeat(2000000))).get()));
        }
    }

    static int epoch(String id) throws Exception {
        return admin.describeTransactions(List.of(id)).all().get().get(id).producerEpoch();
    }

    /* Version 2 of transactions: each end gives another epoch; batches are on their way while the first of them
       makes their partition part of the transaction. */
    static void secondVersion() throws Exception {
        say("version", admin.describeFeatures().featureMetadata().get().finalizedFeatures().get("transaction.version").maxVersionLevel());
        admin.createTopics(List.of(new NewTopic("jv-tv", 3, (short) 1))).all().get();
        var epochs = new ArrayList<Integer>();
        try (var p = producer("transactional.id", "jv-tv", "batch.size", 60, "max.in.flight.requests.per.connection", 5)) {
            p.initTransactions();
            epochs.add(epoch("jv-tv"));
            for (int n = 0; n < 6; n++) {
                p.beginTransaction();
                /* None in the fourth; the fifth writes to no partition of its own. */
                for (int i = 0; i < 200 && n < 3; i++) p.send(new ProducerRecord<>("jv-tv", i % 3, null, n + "-" + i));
                if (n == 4) p.sendOffsetsToTransaction(Map.of(new TopicPartition("jv-tv", 0), new OffsetAndMetadata(7)), new ConsumerGroupMetadata("jv-tv"));
                if (n % 2 == 0) p.commitTransaction(); else p.abortTransaction();
                epochs.add(epoch("jv-tv"));
            }
            say("version epochs", epochs);
            var read = read("jv-tv", 3, "read_committed");
            boolean inOrder = true;
            for (int part = 0; part < 3; part++) {
                int at = part;
                var mine = new TreeMap<Integer, String>();
                for (var r : read) if (r.startsWith(part + " ")) mine.put(Integer.parseInt(r.split(" ")[1]), r.split(" ")[3]);
                var wanted = new ArrayList<String>();
                for (int n = 0; n < 3; n += 2) for (int i = at; i < 200; i += 3) wanted.add(n + "-" + i);
                inOrder &= wanted.equals(new ArrayList<>(mine.values()));
            }
            say("version order", inOrder);
            say("version offset", admin.listConsumerGroupOffsets("jv-tv").partitionsToOffsetAndMetadata().get().get(new TopicPartition("jv-tv", 0)).offset());
        }
        try (var p = producer("transactional.id", "jv-late", "transaction.timeout.ms", 1000, "delivery.timeout.ms", 900, "request.timeout.ms", 800)) {
            p.initTransactions();
            p.beginTransaction();
            p.send(new ProducerRecord<>("jv-tv", 0, null, "late")).get();
            while (admin.describeTransactions(List.of("jv-late")).all().get().get("jv-late").state() != TransactionState.COMPLETE_ABORT) Thread.sleep(100);
            say("version late", result(() -> p.send(new ProducerRecord<>("jv-tv", 0, null, "later")).get()));
            say("version late commit", result(() -> { p.commitTransaction(); return null; }));
            say("version late abort", result(() -> { p.abortTransaction(); return null; }));
            say("version late then", result(() -> { p.beginTransaction(); p.send(new ProducerRecord<>("jv-tv", 0, null, "then")); p.commitTransaction(); return null; }));
        }
        say("version all", read("jv-tv", 3, "read_committed").size());
    }

    static void transactions() throws Exception {
        var p = producer("transactional.id", "jv-tx");
        p.initTransactions();
        for (int n = 0; n < 4; n++) {
            p.beginTransaction();
            for (int i = 0; i < 6; i++) p.send(new ProducerRecord<>("jv", i % 3, null, n + "-" + i)).get();
            p.sendOffsetsToTransaction(Map.of(new TopicPartition("jv", 0), new OffsetAndMetadata(n)), new ConsumerGroupMetadata("jv-tx"));
            if (n % 2 == 0) p.commitTransaction(); else p.abortTransaction();
        }
        say("committed", read("jv", 3, "read_committed").stream().map(r -> r.split(" ")[3]).sorted().collect(Collectors.toList()));
        say("all", read("jv", 3, "read_uncommitted").size());
        say("offset", admin.listConsumerGroupOffsets("jv-tx").partitionsToOffsetAndMetadata().get().get(new TopicPartition("jv", 0)).offset());
        say("state", admin.describeTransactions(List.of("jv-tx")).all().get().get("jv-tx").state());
        say("listed", admin.listTransactions().all().get().stream().map(TransactionListing::transactionalId).filter(t -> t.startsWith("jv")).collect(Collectors.toList()));
        p.beginTransaction();
        p.send(new ProducerRecord<>("jv", 0, null, "open")).get();
        say("open", read("jv", 1, "read_committed").size());
        say("producers", admin.describeProducers(List.of(new TopicPartition("jv", 0))).all().get().values().iterator().next().activeProducers().stream()
            .filter(a -> a.currentTransactionStartOffset().isPresent()).count());
        var q = producer("transactional.id", "jv-tx");
        q.initTransactions();
        say("fenced", result(() -> { p.commitTransaction(); return null; }));
        say("force", result(() -> admin.fenceProducers(List.of("jv-tx")).all().get()));
        q.beginTransaction();
        say("fenced too", String.valueOf(result(() -> q.send(new ProducerRecord<>("jv", 0, null, "late")).get())).matches("ProducerFenced.*|InvalidProducerEpoch.*"));
        p.close(Duration.ofSeconds(1));
        q.close(Duration.ofSeconds(1));
    }

    static void groups(String strategy) throws Exception {
        String topic = "jv-g-" + strategy, group = "jv-" + strategy;
        admin.createTopics(List.of(new NewTopic(topic, 6, (short) 1))).all().get();
        try (var p = producer()) {
            for (int i = 0; i < 120; i++) p.send(new ProducerRecord<>(topic, i % 6, null, "" + i));
        }
        String name = "org.apache.kafka.clients.consumer." + strategy;
        var members = new ArrayList<KafkaConsumer<String, String>>();
        var seen = new TreeSet<Integer>();
        for (int wanted = 1; wanted <= 3; wanted++) {
            var c = consumer("group.id", group, "partition.assignment.strategy", name, "heartbeat.interval.ms", "200", "session.timeout.ms", "6000");
            c.subscribe(List.of(topic));
            members.add(c);
            boolean isShared = false;
            for (int round = 0; round < 600 && !isShared; round++) {
                for (var m : members) {
                    for (var r : m.poll(Duration.ofMillis(30))) seen.add(Integer.parseInt(r.value()));
                    result(() -> { m.commitSync(); return null; });
                }
                int share = 6 / members.size();
                isShared = members.stream().allMatch(m -> m.assignment().size() == share);
            }
            say(strategy + " " + wanted, isShared);
        }
        say(strategy + " seen", seen.size());
        var told = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        say(strategy + " described", told.groupState() + " " + told.members().size() + " " + told.partitionAssignor());
        say(strategy + " delete", result(() -> admin.deleteConsumerGroups(List.of(group)).all().get()));
        say(strategy + " delete offsets", result(() -> admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all().get()));
        for (var m : members) m.close();
        say(strategy + " offsets", new TreeMap<>(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet().stream()
            .collect(Collectors.toMap(e -> e.getKey().partition(), e -> e.getValue().offset()))));
        say(strategy + " delete offsets then", result(() -> admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all().get()));
        say(strategy + " delete then", result(() -> admin.deleteConsumerGroups(List.of(group)).all().get()));
        say(strategy + " delete again", result(() -> admin.deleteConsumerGroups(List.of(group)).all().get()));
    }

    static void records() throws Exception {
        // The records are of 1970: retention would take them whenever it comes by.
        admin.createTopics(List.of(new NewTopic("jv-r", 1, (short) 1).configs(Map.of("retention.ms", "-1")))).all().get();
        try (var p = producer()) {
            for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>("jv-r", 0, 1000L * (i == 7 ? 100 : i), null, "" + i));
        }
        var part = new TopicPartition("jv-r", 0);
        for (var spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.maxTimestamp(), OffsetSpec.forTimestamp(3500)))
            say("offset " + spec.getClass().getSimpleName(), result(() -> admin.listOffsets(Map.of(part, spec)).all().get().get(part).offset()));
        say("delete records", result(() -> admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(part).get().lowWatermark()));
        say("delete too many", result(() -> admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(400))).all().get()));
        say("left", read("jv-r", 1, "read_uncommitted").size());
    }

    static void configs() throws Exception {
        var topic = new ConfigResource(ConfigResource.Type.TOPIC, "jv");
        Call told = () -> {
            var c = admin.describeConfigs(List.of(topic)).all().get().get(topic);
            return List.of("retention.ms", "cleanup.policy", "segment.bytes").stream()
                .map(k -> k + "=" + c.get(k).value() + " " + c.get(k).source() + " " + c.get(k).type()).collect(Collectors.toList());
        };
        say("configs", result(told));
        var ops = List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "777"), AlterConfigOp.OpType.SET),
                          new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND));
        say("alter", result(() -> admin.incrementalAlterConfigs(Map.of(topic, ops)).all().get()));
        say("configs then", result(told));
        say("bad", result(() -> admin.incrementalAlterConfigs(Map.of(topic, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "x"), AlterConfigOp.OpType.SET)))).all().get()));
        say("log dirs", admin.describeLogDirs(admin.describeCluster().nodes().get().stream().map(Node::id).collect(Collectors.toList())).allDescriptions().get().size());
        for (var type : List.of(ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER, ConfigResource.Type.GROUP, ConfigResource.Type.CLIENT_METRICS))
            say("resources " + type, result(() -> admin.listConfigResources(Set.of(type), new ListConfigResourcesOptions()).all().get().stream()
                .map(ConfigResource::name).filter(n -> n.equals("jv") || n.equals("1")).sorted().collect(Collectors.toList())));
        say("nowhere", result(() -> admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.TOPIC, "jv-nowhere"))).all().get()));
    }

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        admin = Admin.create(Map.of("bootstrap.servers", address));
        topics();
        produce();
        transactions();
        secondVersion();
        groups("RangeAssignor");
        groups("CooperativeStickyAssignor");
        records();
        configs();
        admin.close();
        System.out.println("{" + String.join(", ", out) + "}");
        System.exit(0);
    }
}
