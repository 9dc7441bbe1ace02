package forebay.conformance;

import static forebay.conformance.Expect.PATIENCE;
import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.within;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Clients with the settings of the suite, and the few steps that every case takes. */
final class Clients {
    static final String BROKER = System.getenv("BROKER");

    private Clients() {}

    static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", BROKER));
    }

    static String topic(int partitions, Map<String, String> config) throws Exception {
        String name = fresh("topic");
        try (Admin admin = admin()) {
            NewTopic topic = new NewTopic(name, partitions, (short) 1).configs(config);
            within(admin.createTopics(List.of(topic)).all());
        }
        return name;
    }

    static String topic() throws Exception {
        return topic(1, Map.of());
    }

    static Producer<byte[], byte[]> producer(Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", BROKER, "linger.ms", 2));
        all.putAll(config);
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static List<RecordMetadata> produce(
            List<ProducerRecord<byte[], byte[]>> records, Map<String, Object> config)
            throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        List<RecordMetadata> acknowledged = new ArrayList<>();
        try (Producer<byte[], byte[]> producer = producer(config)) {
            for (ProducerRecord<byte[], byte[]> record : records) {
                sent.add(producer.send(record));
            }
            producer.flush();
            for (Future<RecordMetadata> future : sent) {
                acknowledged.add(within(future));
            }
        }
        return acknowledged;
    }

    /** The values 0 to count - 1 as text, round robin over the partitions. */
    static void numbered(String topic, int from, int to, int partitions) throws Exception {
        produce(
                IntStream.range(from, to)
                        .mapToObj(n -> new ProducerRecord<byte[], byte[]>(
                                topic, n % partitions, null, bytes(String.valueOf(n))))
                        .toList(),
                Map.of());
    }

    static KafkaConsumer<byte[], byte[]> consumer(String group, Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "bootstrap.servers", BROKER,
                "auto.offset.reset", "earliest",
                "enable.auto.commit", false,
                "session.timeout.ms", 6000,
                "heartbeat.interval.ms", 500,
                "metadata.max.age.ms", 1000));
        if (group != null) {
            all.put("group.id", group);
        }
        all.putAll(config);
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<ConsumerRecord<byte[], byte[]>> read(
            String topic, int partitions, int count, Map<String, Object> config) {
        try (Consumer<byte[], byte[]> consumer = consumer(null, config)) {
            Set<TopicPartition> all = IntStream.range(0, partitions)
                    .mapToObj(partition -> new TopicPartition(topic, partition))
                    .collect(Collectors.toSet());
            consumer.assign(all);
            consumer.seekToBeginning(all);
            return take(consumer, count);
        }
    }

    static List<ConsumerRecord<byte[], byte[]>> take(Consumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> taken = new ArrayList<>();
        Instant deadline = Instant.now().plus(PATIENCE);
        while (taken.size() < count) {
            check(Instant.now().isBefore(deadline), taken.size() + " of " + count + " records");
            consumer.poll(Duration.ofMillis(200)).forEach(taken::add);
        }
        return taken;
    }

    static Set<Integer> spin(Collection<? extends Consumer<byte[], byte[]>> consumers) {
        Set<Integer> values = new java.util.HashSet<>();
        for (Consumer<byte[], byte[]> consumer : consumers) {
            consumer.poll(Duration.ofMillis(50)).forEach(r -> values.add(number(r)));
        }
        return values;
    }

    static int number(ConsumerRecord<byte[], byte[]> record) {
        return Integer.parseInt(new String(record.value()));
    }

    /** The simple name of the error that the future fails with, or "none". */
    static String errorOf(Future<?> future) throws Exception {
        try {
            within(future);
            return "none";
        } catch (ExecutionException error) {
            return error.getCause().getClass().getSimpleName();
        }
    }
}
