package forebay.conformance;

import static forebay.conformance.Clients.BROKER;
import static forebay.conformance.Clients.numbered;
import static forebay.conformance.Clients.topic;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Kafka's command-line tools, each as a process of its own, as a user runs it. */
final class ToolCases {
    private static final String TOOLS = "org.apache.kafka.tools.";

    private ToolCases() {}

    public static void kafkaTopics() throws Exception {
        String name = fresh("topic");
        tool("TopicCommand", "--create", "--topic", name, "--partitions", "3",
                "--config", "retention.ms=1000");
        check(tool("TopicCommand", "--list").lines().anyMatch(name::equals), "it is in the list");
        String described = tool("TopicCommand", "--describe", "--topic", name);
        check(described.contains("PartitionCount: 3"), described);
        check(described.contains("retention.ms=1000"), described);
        tool("TopicCommand", "--alter", "--topic", name, "--partitions", "5");
        check(tool("TopicCommand", "--describe", "--topic", name).contains("PartitionCount: 5"), "altered");
        tool("TopicCommand", "--delete", "--topic", name);
        check(tool("TopicCommand", "--list").lines().noneMatch(name::equals), "it is gone");
    }

    public static void kafkaConsoleProducerAndConsumer() throws Exception {
        String name = topic();
        run("ConsoleProducer", "k1:first\nk2:second\n", "--bootstrap-server", BROKER, "--topic", name,
                "--reader-property", "parse.key=true", "--reader-property", "key.separator=:");
        String read = run("consumer.ConsoleConsumer", "", "--bootstrap-server", BROKER, "--topic", name,
                "--from-beginning", "--max-messages", "2", "--timeout-ms", "20000",
                "--formatter-property", "print.key=true", "--formatter-property", "print.offset=true");
        check(read.contains("Offset:0\tk1\tfirst") && read.contains("Offset:1\tk2\tsecond"), read);
    }

    public static void kafkaConfigs() throws Exception {
        String name = topic();
        String[] entity = {"--entity-type", "topics", "--entity-name", name};
        configs(entity, "--alter", "--add-config", "retention.ms=1234,cleanup.policy=[compact,delete]");
        String described = configs(entity, "--describe");
        check(described.contains("retention.ms=1234"), described);
        check(described.contains("cleanup.policy=compact,delete"), described);
        configs(entity, "--alter", "--delete-config", "retention.ms");
        check(!configs(entity, "--describe").contains("retention.ms=1234"), "deleted");
        check(configs(entity, "--describe", "--all").contains("retention.ms=604800000"), "the default");
    }

    private static String configs(String[] entity, String... arguments) throws Exception {
        List<String> all = new ArrayList<>(List.of("--bootstrap-server", BROKER));
        all.addAll(List.of(entity));
        all.addAll(List.of(arguments));
        return process("kafka.admin.ConfigCommand", "", all);
    }

    public static void kafkaConsumerGroups() throws Exception {
        String name = topic();
        String group = fresh("group");
        numbered(name, 0, 10, 1);
        tool("consumer.group.ConsumerGroupCommand", "--reset-offsets", "--group", group, "--topic", name,
                "--to-earliest", "--execute");
        check(tool("consumer.group.ConsumerGroupCommand", "--list").contains(group), "it is listed");
        String described = tool("consumer.group.ConsumerGroupCommand", "--describe", "--group", group);
        List<String> row = List.of(described.lines()
                .filter(line -> line.startsWith(group))
                .findFirst()
                .orElseThrow()
                .trim()
                .split("\\s+"));
        check(row.containsAll(List.of(name, "0", "10")), "offset 0, end 10, lag 10: " + row);
        tool("consumer.group.ConsumerGroupCommand", "--reset-offsets", "--group", group, "--topic", name,
                "--shift-by", "4", "--execute");
        String moved = tool("consumer.group.ConsumerGroupCommand", "--describe", "--group", group, "--offsets");
        check(moved.matches("(?s).*\\s4\\s+10\\s+6\\s.*"), moved);
        check(tool("consumer.group.ConsumerGroupCommand", "--describe", "--group", group, "--state")
                .contains("Empty"), "its state");
        tool("consumer.group.ConsumerGroupCommand", "--delete", "--group", group);
        check(!tool("consumer.group.ConsumerGroupCommand", "--list").contains(group), "it is gone");
    }

    public static void kafkaGetOffsets() throws Exception {
        String name = topic(2, Map.of());
        numbered(name, 0, 10, 2);
        same(List.of(name + ":0:5", name + ":1:5"),
                tool("GetOffsetShell", "--topic", name).lines().filter(l -> l.startsWith(name)).toList());
        same(List.of(name + ":0:0", name + ":1:0"),
                tool("GetOffsetShell", "--topic", name, "--time", "earliest")
                        .lines().filter(l -> l.startsWith(name)).toList());
    }

    public static void kafkaDeleteRecords() throws Exception {
        String name = topic();
        numbered(name, 0, 10, 1);
        Path plan = temporary("delete-records", ".json");
        Files.writeString(plan, "{\"version\":1,\"partitions\":[{\"topic\":\"" + name
                + "\",\"partition\":0,\"offset\":4}]}");
        String answer = tool("DeleteRecordsCommand", "--offset-json-file", plan.toString());
        check(answer.contains("low_watermark: 4"), answer);
    }

    public static void kafkaLogDirs() throws Exception {
        String name = topic();
        numbered(name, 0, 10, 1);
        String answer = tool("LogDirsCommand", "--describe", "--topic-list", name);
        check(answer.contains("\"partition\":\"" + name + "-0\""), answer);
    }

    public static void kafkaBrokerApiVersions() throws Exception {
        String answer = tool("BrokerApiVersionsCommand");
        check(answer.contains("Produce(0): 0 to 13"), answer);
        check(answer.contains("Fetch(1): 4 to 18"), answer);
    }

    public static void kafkaProducerPerfTest() throws Exception {
        String name = topic();
        String answer = run("ProducerPerformance", "", "--topic", name, "--num-records", "20000",
                "--record-size", "1024", "--throughput", "-1",
                "--producer-props", "bootstrap.servers=" + BROKER, "acks=all");
        check(answer.contains("20000 records sent"), answer);
    }

    private static String tool(String tool, String... arguments) throws Exception {
        List<String> all = new ArrayList<>(List.of("--bootstrap-server", BROKER));
        all.addAll(List.of(arguments));
        return process(TOOLS + tool, "", all);
    }

    private static String run(String tool, String input, String... arguments) throws Exception {
        return process(TOOLS + tool, input, List.of(arguments));
    }

    private static String process(String main, String input, List<String> arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                "-cp", System.getProperty("java.class.path"), main));
        command.addAll(arguments);
        Path in = Files.writeString(temporary("tool", ".in"), input);
        Path out = temporary("tool", ".out");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(in.toFile())
                .redirectOutput(out.toFile())
                .start();
        boolean ended = process.waitFor(40, TimeUnit.SECONDS);
        String output = Files.readString(out);
        if (!ended) {
            process.destroyForcibly();
            throw new AssertionError(main + " is still running: " + output);
        }
        check(process.exitValue() == 0, "exit " + process.exitValue() + ": " + output);
        return output;
    }

    private static Path temporary(String name, String suffix) throws IOException {
        Path file = Files.createTempFile(name, suffix);
        file.toFile().deleteOnExit();
        return file;
    }
}
