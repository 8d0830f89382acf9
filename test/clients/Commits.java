/* Transactions without end, by the Java client: ADDRESS TOPIC PARTITIONS FIRST. Each writes its number to all
   partitions; the number is printed when it is committed, again and again through whatever happens to the server. */
import java.util.Properties;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringSerializer;

public class Commits {
    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.put("bootstrap.servers", args[0]);
        p.put("transactional.id", "commits");
        p.put("linger.ms", "0");
        p.put("reconnect.backoff.max.ms", "100");
        int partitions = Integer.parseInt(args[2]), number = Integer.parseInt(args[3]);
        try (var producer = new KafkaProducer<String, String>(p, new StringSerializer(), new StringSerializer())) {
            producer.initTransactions();
            while (true) {
                number++;
                producer.beginTransaction();
                for (int part = 0; part < partitions; part++)
                    producer.send(new ProducerRecord<>(args[1], part, null, String.valueOf(number)));
                try {
                    producer.commitTransaction();
                    System.out.println(number);
                    System.out.flush();
                } catch (KafkaException e) {
                    producer.abortTransaction();
                }
            }
        }
    }
}
