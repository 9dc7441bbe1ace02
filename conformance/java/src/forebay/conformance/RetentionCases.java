package forebay.conformance;

import static forebay.conformance.Clients.produce;
import static forebay.conformance.Clients.topic;
import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.eventually;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Retention as a client sees it. */
final class RetentionCases {
    private RetentionCases() {}

    public static void retentionBySizeMovesTheStart() throws Exception {
        int mebibyte = 1024 * 1024;
        TopicPartition partition = new TopicPartition(
                topic(1, Map.of("segment.bytes", "" + mebibyte, "retention.bytes", "" + 2 * mebibyte)), 0);
        produce(
                IntStream.range(0, 60)
                        .mapToObj(n -> new ProducerRecord<byte[], byte[]>(
                                partition.topic(), bytes("x".repeat(100 * 1024))))
                        .toList(),
                Map.of("batch.size", 0));
        try (KafkaConsumer<byte[], byte[]> consumer = Clients.consumer(null, Map.of())) {
            eventually("old segments go", () ->
                    consumer.beginningOffsets(Set.of(partition)).get(partition) >= 20);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            Expect.check(Clients.take(consumer, 1).get(0).offset() >= 20, "earliest starts there");
        }
    }
}
