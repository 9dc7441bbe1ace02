package forebay.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** JSON lines into a topic and out of it, for the suite in which every client reads every other. */
final class Pipe {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Pipe() {}

    static void feed(String topic, String codec, String file) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(file))) {
            JsonNode node = JSON.readTree(line);
            List<Header> headers = new ArrayList<>();
            for (JsonNode header : node.get("headers")) {
                headers.add(new RecordHeader(header.get(0).asText(), header.get(1).binaryValue()));
            }
            records.add(new ProducerRecord<>(
                    topic,
                    node.get("partition").asInt(),
                    node.get("timestamp").asLong(),
                    node.get("key").binaryValue(),
                    node.get("value").binaryValue(),
                    headers));
        }
        Clients.produce(records, Map.of("compression.type", codec, "linger.ms", 100));
    }

    static void dump(String topic, int count, String file) throws IOException {
        try (PrintWriter out = new PrintWriter(file)) {
            for (ConsumerRecord<byte[], byte[]> record : Clients.read(topic, 2, count, Map.of())) {
                ObjectNode node = JSON.createObjectNode();
                node.put("partition", record.partition());
                node.put("offset", record.offset());
                node.put("timestamp", record.timestamp());
                node.put("key", record.key());
                node.put("value", record.value());
                ArrayNode headers = node.putArray("headers");
                record.headers().forEach(h -> headers.addArray().add(h.key()).add(h.value()));
                out.println(node);
            }
        }
    }
}
