package forebay.conformance;

import static forebay.conformance.Clients.produce;
import static forebay.conformance.Clients.read;
import static forebay.conformance.Clients.topic;
import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.same;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;

/** What goes in comes out: codecs, keys, headers, timestamps, order, sizes. */
final class RecordCases {
    private static final int MEBIBYTE = 1024 * 1024;

    private RecordCases() {}

    public static void produceAndConsume_none() throws Exception {
        roundTrip("none");
    }

    public static void produceAndConsume_gzip() throws Exception {
        roundTrip("gzip");
    }

    public static void produceAndConsume_snappy() throws Exception {
        roundTrip("snappy");
    }

    public static void produceAndConsume_lz4() throws Exception {
        roundTrip("lz4");
    }

    public static void produceAndConsume_zstd() throws Exception {
        roundTrip("zstd");
    }

    private static void roundTrip(String codec) throws Exception {
        String topic = topic();
        List<ProducerRecord<byte[], byte[]>> sent = IntStream.range(0, 500)
                .mapToObj(n -> new ProducerRecord<byte[], byte[]>(
                        topic, bytes((n + " ").repeat(n % 50))))
                .toList();
        produce(sent, Map.of("compression.type", codec));
        List<ConsumerRecord<byte[], byte[]>> got = read(topic, 1, 500, Map.of());
        for (int n = 0; n < 500; n++) {
            same(sent.get(n).value(), got.get(n).value());
            same((long) n, got.get(n).offset());
        }
    }

    public static void keysAndHeaders() throws Exception {
        String topic = topic();
        List<Header> headers = List.of(
                new RecordHeader("a", bytes("1")),
                new RecordHeader("a", bytes("2")),
                new RecordHeader("null", (byte[]) null),
                new RecordHeader("empty", new byte[0]));
        produce(List.of(new ProducerRecord<>(topic, null, bytes("key"), bytes("v"), headers)), Map.of());
        ConsumerRecord<byte[], byte[]> record = read(topic, 1, 1, Map.of()).get(0);
        same(bytes("key"), record.key());
        same(headers, Arrays.asList(record.headers().toArray()));
    }

    public static void nullKeysAndNullValues() throws Exception {
        String topic = topic();
        byte[] empty = new byte[0];
        produce(
                List.of(
                        new ProducerRecord<>(topic, null, null),
                        new ProducerRecord<>(topic, empty, null),
                        new ProducerRecord<>(topic, null, empty)),
                Map.of());
        List<ConsumerRecord<byte[], byte[]>> got = read(topic, 1, 3, Map.of());
        check(got.get(0).key() == null && got.get(0).value() == null, "both are null");
        check(got.get(1).key().length == 0 && got.get(1).value() == null, "an empty key is no null");
        check(got.get(2).key() == null && got.get(2).value().length == 0, "an empty value is no null");
    }

    public static void timestampsOfTheProducer() throws Exception {
        String topic = topic();
        long now = System.currentTimeMillis();
        produce(List.of(new ProducerRecord<>(topic, null, now - 5000, null, bytes("v"))), Map.of());
        ConsumerRecord<byte[], byte[]> record = read(topic, 1, 1, Map.of()).get(0);
        same(now - 5000, record.timestamp());
        same(TimestampType.CREATE_TIME, record.timestampType());
    }

    public static void timestampsOfTheLog() throws Exception {
        String topic = topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
        long before = System.currentTimeMillis();
        RecordMetadata sent = produce(
                        List.of(new ProducerRecord<>(topic, null, 1000L, null, bytes("v"))), Map.of())
                .get(0);
        ConsumerRecord<byte[], byte[]> record = read(topic, 1, 1, Map.of()).get(0);
        same(TimestampType.LOG_APPEND_TIME, record.timestampType());
        check(record.timestamp() >= before, "the log's own clock");
        same(sent.timestamp(), record.timestamp());
    }

    public static void orderWithinAPartition() throws Exception {
        String topic = topic(3, Map.of());
        Clients.numbered(topic, 0, 9000, 3);
        long[] next = new long[3];
        for (ConsumerRecord<byte[], byte[]> record : read(topic, 3, 9000, Map.of())) {
            int partition = record.partition();
            same(next[partition], record.offset());
            same((int) (next[partition] * 3 + partition), Clients.number(record));
            next[partition]++;
        }
    }

    public static void tenMegabyteRecordsWhereConfigured() throws Exception {
        String topic = topic(1, Map.of("max.message.bytes", String.valueOf(11 * MEBIBYTE)));
        byte[] value = new byte[10 * MEBIBYTE];
        Arrays.fill(value, (byte) 7);
        Map<String, Object> large =
                Map.of("max.request.size", 12 * MEBIBYTE, "buffer.memory", 40L * MEBIBYTE);
        produce(List.of(new ProducerRecord<>(topic, value)), large);
        same(value, read(topic, 1, 1, Map.of("max.partition.fetch.bytes", 1024)).get(0).value());
    }

    public static void recordTooLargeWhereNotConfigured() throws Exception {
        String topic = topic();
        try {
            produce(
                    List.of(new ProducerRecord<>(topic, new byte[2 * MEBIBYTE])),
                    Map.of("max.request.size", 4 * MEBIBYTE));
        } catch (ExecutionException error) {
            check(error.getCause() instanceof RecordTooLargeException, "got " + error.getCause());
            return;
        }
        throw new AssertionError("a record of 2 MiB was taken");
    }

    public static void topicsAreCreatedByUse() throws Exception {
        String topic = Expect.fresh("auto");
        produce(List.of(new ProducerRecord<>(topic, bytes("first"))), Map.of());
        same(bytes("first"), read(topic, 1, 1, Map.of()).get(0).value());
    }

    public static void readCommittedOnPlainData() throws Exception {
        String topic = topic();
        Clients.numbered(topic, 0, 5, 1);
        same(5, read(topic, 1, 5, Map.of("isolation.level", "read_committed")).size());
    }

    public static void aLongPollReturnsWhenDataArrives() throws Exception {
        String topic = topic();
        Clients.numbered(topic, 0, 1, 1);
        try (Consumer<byte[], byte[]> consumer =
                Clients.consumer(null, Map.of("fetch.max.wait.ms", 5000))) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            Clients.take(consumer, 1);
            same(0, consumer.poll(java.time.Duration.ofMillis(500)).count());
            long sent = System.nanoTime();
            Clients.numbered(topic, 1, 2, 1);
            Clients.take(consumer, 1);
            long waited = (System.nanoTime() - sent) / 1_000_000;
            check(waited < 1500, "the record took " + waited + " ms with its producer's start");
        }
    }
}
