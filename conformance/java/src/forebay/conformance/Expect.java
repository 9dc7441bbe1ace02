package forebay.conformance;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** What every case expects, and how long it waits for it. */
public final class Expect {
    public static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String BROKER_KIND =
            Objects.requireNonNullElse(System.getenv("BROKER_KIND"), "forebay");

    private Expect() {}

    /** A name that no other case uses. */
    public static String fresh(String kind) {
        return kind + "-java-" + UUID.randomUUID().toString().substring(0, 8);
    }

    public static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    public static void eventually(String what, Callable<Boolean> holds) throws Exception {
        Instant deadline = Instant.now().plus(PATIENCE);
        while (!holds.call()) {
            check(Instant.now().isBefore(deadline), "not in time: " + what);
            Thread.yield();
        }
    }

    public static <T> T within(Future<T> future) throws Exception {
        return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    public static void same(Object expected, Object actual) {
        check(Objects.deepEquals(expected, actual), "expected " + expected + ", got " + actual);
    }

    public static void check(boolean holds, String reason) {
        if (!holds) {
            throw new AssertionError(reason);
        }
    }

    /** Ends a case that makes no sense against the original. */
    public static void forebayOnly() {
        if (!BROKER_KIND.equals("forebay")) {
            throw new Skipped("only against Forebay");
        }
    }

    /** Thrown by a case that is left out. */
    static final class Skipped extends RuntimeException {
        Skipped(String reason) {
            super(reason);
        }
    }
}
