package forebay.conformance;

import static forebay.conformance.Clients.consumer;
import static forebay.conformance.Clients.numbered;
import static forebay.conformance.Clients.spin;
import static forebay.conformance.Clients.topic;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Consumer groups of the classic protocol. */
final class GroupCases {
    private GroupCases() {}

    public static void membersJoinAndLeaveWhileConsuming_range() throws Exception {
        joinAndLeave(RangeAssignor.class);
    }

    public static void membersJoinAndLeaveWhileConsuming_cooperativeSticky() throws Exception {
        joinAndLeave(CooperativeStickyAssignor.class);
    }

    private static void joinAndLeave(Class<?> assignor) throws Exception {
        String topic = topic(4, Map.of());
        String group = fresh("group");
        Map<String, Object> config = Map.of(
                "partition.assignment.strategy", List.of(assignor),
                "enable.auto.commit", true,
                "auto.commit.interval.ms", 100);
        Set<Integer> seen = new HashSet<>();
        KafkaConsumer<byte[], byte[]> first = consumer(group, config);
        first.subscribe(List.of(topic));
        numbered(topic, 0, 400, 4);
        eventually("the first member reads", () -> seen.addAll(spin(List.of(first))) | seen.size() >= 50);
        try (KafkaConsumer<byte[], byte[]> second = consumer(group, config)) {
            second.subscribe(List.of(topic));
            eventually("the second member has partitions", () -> {
                seen.addAll(spin(List.of(first, second)));
                return first.assignment().size() == 2 && second.assignment().size() == 2;
            });
            numbered(topic, 400, 800, 4);
            eventually("both read", () -> {
                seen.addAll(spin(List.of(first, second)));
                return seen.size() >= 600;
            });
            first.close();
            numbered(topic, 800, 1000, 4);
            eventually("the second member has everything", () -> {
                seen.addAll(spin(List.of(second)));
                return seen.size() == 1000;
            });
            same(4, second.assignment().size());
        }
    }

    /** A member that goes without a word: its session has to end first. */
    public static void aCrashedMemberIsReplacedAfterItsSession() throws Exception {
        String topic = topic(2, Map.of());
        String group = fresh("group");
        numbered(topic, 0, 10, 2);
        KafkaConsumer<byte[], byte[]> victim = consumer(group, Map.of());
        victim.subscribe(List.of(topic));
        eventually("the victim has partitions", () -> {
            spin(List.of(victim));
            return victim.assignment().size() == 2;
        });
        victim.close(CloseOptions.groupMembershipOperation(
                CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP));
        try (KafkaConsumer<byte[], byte[]> survivor = consumer(group, Map.of())) {
            survivor.subscribe(List.of(topic));
            Set<Integer> seen = new HashSet<>();
            eventually("the survivor has everything", () -> {
                seen.addAll(spin(List.of(survivor)));
                return seen.size() == 10;
            });
        }
    }

    public static void aStaticMemberReturnsWithoutARebalance() throws Exception {
        String topic = topic(2, Map.of());
        String group = fresh("group");
        AtomicInteger disturbed = new AtomicInteger();
        ConsumerRebalanceListener listener = new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                disturbed.incrementAndGet();
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                disturbed.incrementAndGet();
            }
        };
        KafkaConsumer<byte[], byte[]> restarts =
                consumer(group, Map.of("group.instance.id", "restarts"));
        try (KafkaConsumer<byte[], byte[]> stays =
                consumer(group, Map.of("group.instance.id", "stays"))) {
            stays.subscribe(List.of(topic), listener);
            restarts.subscribe(List.of(topic));
            eventually("both have a partition", () -> {
                spin(List.of(stays, restarts));
                return stays.assignment().size() == 1 && restarts.assignment().size() == 1;
            });
            Set<TopicPartition> before = restarts.assignment();
            int calls = disturbed.get();
            restarts.close();
            try (KafkaConsumer<byte[], byte[]> again =
                    consumer(group, Map.of("group.instance.id", "restarts"))) {
                again.subscribe(List.of(topic));
                eventually("the member is back", () -> {
                    spin(List.of(stays, again));
                    return !again.assignment().isEmpty();
                });
                same(before, again.assignment());
                same(calls, disturbed.get());
            }
        }
    }

    public static void aGroupResumesFromItsCommit() throws Exception {
        String topic = topic();
        String group = fresh("group");
        numbered(topic, 0, 20, 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> first = consumer(group, Map.of("max.poll.records", 1))) {
            first.subscribe(List.of(topic));
            Clients.take(first, 7);
            first.commitSync();
        }
        try (KafkaConsumer<byte[], byte[]> second = consumer(group, Map.of())) {
            second.subscribe(List.of(topic));
            same(7, Clients.number(Clients.take(second, 13).get(0)));
            same(7L, second.committed(Set.of(partition)).get(partition).offset());
        }
    }

    public static void commitMetadataComesBack() throws Exception {
        TopicPartition partition = new TopicPartition(topic(), 0);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(fresh("group"), Map.of())) {
            OffsetAndMetadata commit = new OffsetAndMetadata(42, "checkpoint");
            consumer.commitSync(Map.of(partition, commit));
            OffsetAndMetadata back = consumer.committed(Set.of(partition)).get(partition);
            same(42L, back.offset());
            same("checkpoint", back.metadata());
        }
    }

    public static void resetByTime() throws Exception {
        TopicPartition partition = new TopicPartition(topic(), 0);
        // Young enough for retention.ms.
        long base = System.currentTimeMillis() - 3_600_000;
        Clients.produce(
                IntStream.range(0, 100)
                        .mapToObj(n -> new ProducerRecord<byte[], byte[]>(
                                partition.topic(), 0, base + n * 1000L, null, Expect.bytes("" + n)))
                        .toList(),
                Map.of("compression.type", "zstd", "linger.ms", 100));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(null, Map.of())) {
            OffsetAndTimestamp found =
                    consumer.offsetsForTimes(Map.of(partition, base + 41_001)).get(partition);
            same(42L, found.offset());
            same(base + 42_000, found.timestamp());
            Map<TopicPartition, Long> late = new HashMap<>(Map.of(partition, base + 99_001));
            check(consumer.offsetsForTimes(late).get(partition) == null, "nothing is that late");
            consumer.assign(List.of(partition));
            consumer.seek(partition, found.offset());
            same(42, Clients.number(Clients.take(consumer, 1).get(0)));
        }
    }

    public static void earliestAndLatestOffsets() throws Exception {
        TopicPartition partition = new TopicPartition(topic(), 0);
        numbered(partition.topic(), 0, 5, 1);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(null, Map.of())) {
            same(0L, consumer.beginningOffsets(Set.of(partition)).get(partition));
            same(5L, consumer.endOffsets(Set.of(partition)).get(partition));
            consumer.assign(Set.of(partition));
            consumer.poll(Duration.ofMillis(100));
            same(5L, consumer.currentLag(partition).orElse(5L) + consumer.position(partition));
        }
    }
}
