package forebay.conformance;

import static forebay.conformance.Clients.admin;
import static forebay.conformance.Clients.errorOf;
import static forebay.conformance.Clients.numbered;
import static forebay.conformance.Clients.topic;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.Expect.within;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ReplicaInfo;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;

/** The Java admin client, with the errors that Kafka gives. */
final class AdminCases {
    private AdminCases() {}

    public static void validTopicsAreCreatedBesideInvalidOnes() throws Exception {
        String good = fresh("good");
        String existing = topic();
        try (Admin admin = admin()) {
            CreateTopicsResult result = admin.createTopics(List.of(
                    new NewTopic(good, 2, (short) 1),
                    new NewTopic(existing, 1, (short) 1),
                    new NewTopic("not/valid", 1, (short) 1),
                    new NewTopic("zero-partitions", 0, (short) 1)));
            Map<String, org.apache.kafka.common.KafkaFuture<Void>> values = result.values();
            same("none", errorOf(values.get(good)));
            same("TopicExistsException", errorOf(values.get(existing)));
            same("InvalidTopicException", errorOf(values.get("not/valid")));
            same("InvalidPartitionsException", errorOf(values.get("zero-partitions")));
            same(2, within(result.numPartitions(good)));
            same("604800000", within(result.config(good)).get("retention.ms").value());
            same(22, within(result.topicId(good)).toString().length());
        }
    }

    public static void validateOnlyCreatesNothing() throws Exception {
        String name = fresh("topic");
        try (Admin admin = admin()) {
            within(admin.createTopics(
                            List.of(new NewTopic(name, 1, (short) 1)),
                            new CreateTopicsOptions().validateOnly(true))
                    .all());
            same(false, within(admin.listTopics().names()).contains(name));
        }
    }

    public static void topicsAreDescribedAndDeletedByIdToo() throws Exception {
        String name = topic(3, Map.of());
        try (Admin admin = admin()) {
            TopicDescription byName =
                    within(admin.describeTopics(List.of(name)).allTopicNames()).get(name);
            same(3, byName.partitions().size());
            Uuid id = byName.topicId();
            TopicCollection ids = TopicCollection.ofTopicIds(List.of(id));
            same(name, within(admin.describeTopics(ids).allTopicIds()).get(id).name());
            within(admin.deleteTopics(ids).all());
            eventually("the topic is gone", () -> {
                try {
                    return !within(admin.listTopics().names()).contains(name);
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            });
            same("UnknownTopicIdException", errorOf(admin.describeTopics(ids).allTopicIds()));
            same("UnknownTopicOrPartitionException", errorOf(admin.deleteTopics(List.of(name)).all()));
        }
    }

    public static void createPartitions() throws Exception {
        String name = topic(2, Map.of());
        try (Admin admin = admin()) {
            within(admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all());
            same(5, within(admin.describeTopics(List.of(name)).allTopicNames()).get(name).partitions().size());
            same("InvalidPartitionsException",
                    errorOf(admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all()));
        }
    }

    public static void incrementalAlterConfigs() throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic());
        try (Admin admin = admin()) {
            alter(admin, resource, "retention.ms", "1000", OpType.SET);
            alter(admin, resource, "cleanup.policy", "compact", OpType.APPEND);
            Config config = config(admin, resource);
            same("1000", config.get("retention.ms").value());
            same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, config.get("retention.ms").source());
            same("delete,compact", config.get("cleanup.policy").value());
            alter(admin, resource, "cleanup.policy", "delete", OpType.SUBTRACT);
            alter(admin, resource, "retention.ms", null, OpType.DELETE);
            config = config(admin, resource);
            same("compact", config.get("cleanup.policy").value());
            same("604800000", config.get("retention.ms").value());
            same(ConfigEntry.ConfigType.LONG, config.get("retention.ms").type());
            same(ConfigEntry.ConfigSource.DEFAULT_CONFIG, config.get("retention.ms").source());
        }
    }

    private static void alter(Admin admin, ConfigResource resource, String name, String value, OpType type)
            throws Exception {
        AlterConfigOp change = new AlterConfigOp(new ConfigEntry(name, value), type);
        within(admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all());
    }

    private static Config config(Admin admin, ConfigResource resource) throws Exception {
        return within(admin.describeConfigs(List.of(resource)).all()).get(resource);
    }

    public static void deleteRecordsMovesTheStart() throws Exception {
        TopicPartition partition = new TopicPartition(topic(), 0);
        numbered(partition.topic(), 0, 10, 1);
        try (Admin admin = admin()) {
            same(4L, within(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4)))
                            .lowWatermarks()
                            .get(partition))
                    .lowWatermark());
            same(4L, offset(admin, partition, OffsetSpec.earliest()).offset());
            same("OffsetOutOfRangeException",
                    errorOf(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(11))).all()));
        }
    }

    public static void listOffsetsByEverySpec() throws Exception {
        TopicPartition partition = new TopicPartition(topic(), 0);
        // Young enough for retention.ms.
        long base = System.currentTimeMillis() - 3_600_000;
        for (long delta : new long[] {0, 5000, 9000, 3000}) {
            Clients.produce(
                    List.of(new ProducerRecord<>(
                            partition.topic(), 0, base + delta, null, Expect.bytes("v"))),
                    Map.of());
        }
        try (Admin admin = admin()) {
            same(0L, offset(admin, partition, OffsetSpec.earliest()).offset());
            same(4L, offset(admin, partition, OffsetSpec.latest()).offset());
            ListOffsetsResult.ListOffsetsResultInfo max =
                    offset(admin, partition, OffsetSpec.maxTimestamp());
            same(2L, max.offset());
            same(base + 9000, max.timestamp());
            same(1L, offset(admin, partition, OffsetSpec.forTimestamp(base + 1)).offset());
            same(-1L, offset(admin, partition, OffsetSpec.forTimestamp(base + 9001)).offset());
            same(0L, offset(admin, partition, OffsetSpec.earliestLocal()).offset());
            same(-1L, offset(admin, partition, OffsetSpec.latestTiered()).offset());
        }
    }

    private static ListOffsetsResult.ListOffsetsResultInfo offset(
            Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
        return within(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition));
    }

    public static void describeCluster() throws Exception {
        try (Admin admin = admin()) {
            DescribeClusterResult cluster = admin.describeCluster();
            same(1, within(cluster.nodes()).size());
            same(within(cluster.controller()).id(), within(cluster.nodes()).iterator().next().id());
            same(22, within(cluster.clusterId()).length());
        }
    }

    public static void describeLogDirs() throws Exception {
        TopicPartition partition = new TopicPartition(topic(), 0);
        Clients.produce(
                List.of(new ProducerRecord<>(partition.topic(), new byte[100_000])), Map.of());
        try (Admin admin = admin()) {
            int broker = within(admin.describeCluster().nodes()).iterator().next().id();
            Map<String, LogDirDescription> dirs =
                    within(admin.describeLogDirs(List.of(broker)).allDescriptions()).get(broker);
            same(1, dirs.size());
            LogDirDescription dir = dirs.values().iterator().next();
            ReplicaInfo replica = dir.replicaInfos().get(partition);
            Expect.check(replica.size() >= 100_000, "size " + replica.size());
            Expect.check(dir.totalBytes().orElse(0) > 0, "the volume's size is told");
        }
    }

    public static void groupsAreListedDescribedAndDeleted() throws Exception {
        String name = topic(2, Map.of());
        String group = fresh("group");
        TopicPartition partition = new TopicPartition(name, 0);
        numbered(name, 0, 10, 2);
        try (Admin admin = admin()) {
            try (KafkaConsumer<byte[], byte[]> member = Clients.consumer(group, Map.of())) {
                member.subscribe(List.of(name));
                Clients.take(member, 10);
                member.commitSync();
                Set<String> listed = new TreeSet<>();
                within(admin.listGroups().all()).stream().map(GroupListing::groupId).forEach(listed::add);
                same(true, listed.contains(group));
                ConsumerGroupDescription description =
                        within(admin.describeConsumerGroups(List.of(group)).all()).get(group);
                same(GroupState.STABLE, description.groupState());
                same(1, description.members().size());
                same("GroupNotEmptyException", errorOf(admin.deleteConsumerGroups(List.of(group)).all()));
                same("GroupSubscribedToTopicException",
                        errorOf(admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all()));
            }
            same(GroupState.EMPTY,
                    within(admin.describeConsumerGroups(List.of(group)).all()).get(group).groupState());
            within(admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all());
            Map<TopicPartition, OffsetAndMetadata> left =
                    within(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
            same(Set.of(new TopicPartition(name, 1)), left.keySet());
            within(admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3))).all());
            within(admin.deleteConsumerGroups(List.of(group)).all());
            same("GroupIdNotFoundException", errorOf(admin.deleteConsumerGroups(List.of(group)).all()));
            same("GroupIdNotFoundException", errorOf(admin.describeConsumerGroups(List.of(group)).all()));
        }
    }
}
