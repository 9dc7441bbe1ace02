package forebay.conformance.rabbit;

import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.ShutdownSignalException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;

/** Connections with the settings of the suite, and the few steps that every case takes. */
final class Clients {
    private static final String BROKER = System.getenv("BROKER_AMQP");

    private Clients() {}

    /** What a case does with a channel. */
    interface Work {
        void with(Channel channel) throws Exception;
    }

    static ConnectionFactory factory() {
        return factory(BROKER);
    }

    static ConnectionFactory factory(String address) {
        ConnectionFactory factory = new ConnectionFactory();
        int colon = address.lastIndexOf(':');
        factory.setHost(address.substring(0, colon));
        factory.setPort(Integer.parseInt(address.substring(colon + 1)));
        // Cases that are about recovery say so.
        factory.setAutomaticRecoveryEnabled(false);
        return factory;
    }

    static Connection connect() throws Exception {
        return factory().newConnection();
    }

    static void onChannel(Work work) throws Exception {
        onChannel(factory(), work);
    }

    static void onChannel(ConnectionFactory factory, Work work) throws Exception {
        try (Connection connection = factory.newConnection()) {
            work.with(connection.createChannel());
        }
    }

    /** Declares a durable queue. */
    static String queue(Channel channel, Map<String, Object> arguments) throws Exception {
        return channel.queueDeclare(fresh("queue"), true, false, false, arguments).getQueue();
    }

    static String queue(Channel channel) throws Exception {
        return queue(channel, Map.of());
    }

    static String exchange(Channel channel, String type) throws Exception {
        String name = fresh(type);
        channel.exchangeDeclare(name, type, true);
        return name;
    }

    static void send(Channel channel, String exchange, String key, String body) throws Exception {
        channel.basicPublish(
                exchange, key, MessageProperties.PERSISTENT_BASIC, bytes(body));
    }

    static void fill(Channel channel, String queue, List<String> bodies) throws Exception {
        for (String body : bodies) {
            send(channel, "", queue, body);
        }
    }

    static void fill(Channel channel, String queue, String... bodies) throws Exception {
        fill(channel, queue, List.of(bodies));
    }

    static List<String> numbered(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    static String text(byte[] body) {
        return new String(body, java.nio.charset.StandardCharsets.UTF_8);
    }

    static void waitReady(Channel channel, String queue, long count) throws Exception {
        eventually(count + " messages in " + queue, () -> channel.messageCount(queue) == count);
    }

    /** Takes one message, which must be there, without acknowledging it. */
    static GetResponse get(Channel channel, String queue) throws Exception {
        GetResponse message = channel.basicGet(queue, false);
        check(message != null, queue + " is empty");
        return message;
    }

    static long tag(GetResponse message) {
        return message.getEnvelope().getDeliveryTag();
    }

    /** Takes and acknowledges everything that is ready. */
    static List<String> take(Channel channel, String queue) throws Exception {
        List<String> bodies = new ArrayList<>();
        GetResponse message;
        while ((message = channel.basicGet(queue, true)) != null) {
            bodies.add(text(message.getBody()));
        }
        return bodies;
    }

    /** How the broker closed a channel or a connection. */
    record Refusal(int code, String text) {
        static Refusal of(ShutdownSignalException closed) {
            Method reason = closed.getReason();
            if (reason instanceof AMQP.Channel.Close close) {
                return new Refusal(close.getReplyCode(), close.getReplyText());
            }
            if (reason instanceof AMQP.Connection.Close close) {
                return new Refusal(close.getReplyCode(), close.getReplyText());
            }
            throw new AssertionError("not refused by the broker: " + closed, closed);
        }
    }

    /** What the broker refuses, and closes the channel or connection for. */
    static void refuses(int code, String text, Callable<?> act) throws Exception {
        try {
            act.call();
        } catch (Exception refused) {
            for (Throwable cause = refused; cause != null; cause = cause.getCause()) {
                if (cause instanceof ShutdownSignalException closed) {
                    same(new Refusal(code, text), Refusal.of(closed));
                    return;
                }
            }
            throw refused;
        }
        throw new AssertionError("not refused");
    }
}
