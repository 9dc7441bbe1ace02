package forebay.conformance.rabbit;

import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.forebayOnly;
import static forebay.conformance.Expect.same;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.rabbitmq.client.ConnectionFactory;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A Forebay process of a case's own, for what is done to the process itself. */
final class Forebay implements AutoCloseable {
    private final Path folder;
    private String amqp = "127.0.0.1:0";
    private Process process;

    Forebay() throws Exception {
        forebayOnly();
        folder = Files.createTempDirectory("forebay-java");
        // Also when a case takes too long and is given up.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> process.destroyForcibly()));
        start();
    }

    ConnectionFactory factory() {
        return Clients.factory(amqp);
    }

    /** Waits until the server is ready; after the first time it is where its clients know it. */
    void start() throws Exception {
        Path ready = folder.resolve("ready.json");
        Files.deleteIfExists(ready);
        File log = folder.resolve("log").toFile();
        // It ends with this program, also when that is killed.
        List<String> command = List.of(
                "setpriv", "--pdeathsig", "KILL", System.getenv("FOREBAY"), "serve",
                "--kafka", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--amqp", amqp,
                "--aws", "off",
                "--data", folder.resolve("data").toString(), "--ready-file", ready.toString());
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
                .start();
        eventually("the server is ready", () -> {
            check(process.isAlive(), "the server has ended: " + Files.readString(log.toPath()));
            return Files.exists(ready);
        });
        amqp = new ObjectMapper().readTree(ready.toFile()).get("amqp").asText();
    }

    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    void stop() throws InterruptedException {
        process.destroy();
        same(0, process.waitFor());
    }

    @Override
    public void close() throws IOException, InterruptedException {
        kill();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
