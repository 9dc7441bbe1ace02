package forebay.conformance.rabbit;

import static forebay.conformance.Expect.PATIENCE;
import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.rabbit.Clients.connect;
import static forebay.conformance.rabbit.Clients.exchange;
import static forebay.conformance.rabbit.Clients.fill;
import static forebay.conformance.rabbit.Clients.get;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.send;
import static forebay.conformance.rabbit.Clients.tag;
import static forebay.conformance.rabbit.Clients.take;
import static forebay.conformance.rabbit.Clients.text;
import static forebay.conformance.rabbit.Clients.waitReady;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Time to live, dead letters, priorities, lengths. */
public final class QueueArgumentCases {
    private QueueArgumentCases() {}

    private static void publish(
            Channel channel, String queue, String body, BasicProperties.Builder properties)
            throws IOException {
        channel.basicPublish("", queue, properties.deliveryMode(2).build(), bytes(body));
    }

    private static BasicProperties.Builder properties() {
        return new BasicProperties.Builder();
    }

    private static Map<String, Object> deadLetteredTo(String queue, Object... more) {
        Map<String, Object> arguments = new TreeMap<>();
        arguments.put("x-dead-letter-exchange", "");
        arguments.put("x-dead-letter-routing-key", queue);
        for (int at = 0; at < more.length; at += 2) {
            arguments.put((String) more[at], more[at + 1]);
        }
        return arguments;
    }

    /** Text in tables comes as a type of the client's own. */
    private static Object plain(Object value) {
        if (value instanceof LongString) {
            return value.toString();
        }
        if (value instanceof List<?> list) {
            return list.stream().map(QueueArgumentCases::plain).toList();
        }
        return value;
    }

    /** What the header x-death says, the youngest first. */
    private static List<Map<String, Object>> deaths(GetResponse message) {
        List<Map<String, Object>> deaths = new ArrayList<>();
        Object header = message.getProps().getHeaders().get("x-death");
        for (Object entry : (List<?>) header) {
            Map<String, Object> death = new TreeMap<>();
            ((Map<?, ?>) entry).forEach((name, value) -> death.put((String) name, plain(value)));
            deaths.add(death);
        }
        return deaths;
    }

    private static Object reason(GetResponse message) {
        return deaths(message).get(0).get("reason");
    }

    public static void messagesExpire() throws Exception {
        onChannel(channel -> {
            String plain = queue(channel);
            String brief = queue(channel, Map.of("x-message-ttl", 100));
            fill(channel, brief, "a");
            publish(channel, plain, "b", properties().expiration("100"));
            waitReady(channel, brief, 0);
            waitReady(channel, plain, 0);
        });
    }

    public static void queuesExpire() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel, Map.of("x-expires", 100));
            String exchange = exchange(channel, "fanout");
            channel.queueBind(queue, exchange, "");
            // Looking at the queue itself might renew it.
            eventually("its binding is gone with it", () -> {
                try (Connection connection = connect()) {
                    connection.createChannel().exchangeDelete(exchange, true);
                    return true;
                } catch (IOException inUse) {
                    check(inUse.getCause() instanceof ShutdownSignalException, "in use");
                    return false;
                }
            });
        });
    }

    public static void expiredMessagesAreDeadLettered() throws Exception {
        onChannel(channel -> {
            String dead = queue(channel);
            String queue = queue(channel, deadLetteredTo(dead));
            BasicProperties.Builder late = properties().expiration("50").headers(Map.of("mine", 1));
            publish(channel, queue, "late", late);
            waitReady(channel, dead, 1);
            GetResponse found = get(channel, dead);
            same("late", text(found.getBody()));
            same(null, found.getProps().getExpiration());
            Map<String, Object> headers = found.getProps().getHeaders();
            same(1, headers.get("mine"));
            same(queue, plain(headers.get("x-first-death-queue")));
            same("expired", plain(headers.get("x-first-death-reason")));
            same("", plain(headers.get("x-first-death-exchange")));
            List<Map<String, Object>> deaths = deaths(found);
            same(1, deaths.size());
            Map<String, Object> death = deaths.get(0);
            check(death.remove("time") != null, "when it died");
            same(Map.of("queue", queue, "reason", "expired", "count", 1L, "exchange", "",
                            "original-expiration", "50", "routing-keys", List.of(queue)),
                    death);
        });
    }

    public static void rejectedMessagesAreDeadLetteredThroughAnExchange() throws Exception {
        onChannel(channel -> {
            String exchange = exchange(channel, "fanout");
            String dead = queue(channel);
            channel.queueBind(dead, exchange, "");
            String queue = queue(channel, Map.of("x-dead-letter-exchange", exchange));
            fill(channel, queue, "poison");
            channel.basicNack(tag(get(channel, queue)), false, false);
            waitReady(channel, dead, 1);
            GetResponse found = get(channel, dead);
            same(exchange, found.getEnvelope().getExchange());
            same(queue, found.getEnvelope().getRoutingKey());
            same("rejected", reason(found));
        });
    }

    public static void repeatedDeathsAreCounted() throws Exception {
        onChannel(channel -> {
            // Each is the other's place for the dead: what expires in the one waits in the other.
            String parked = fresh("parked");
            String work = queue(channel, deadLetteredTo(parked));
            Map<String, Object> arguments = deadLetteredTo(work, "x-message-ttl", 20);
            channel.queueDeclare(parked, true, false, false, arguments);
            fill(channel, work, "again");
            for (int death = 0; death < 3; death++) {
                waitReady(channel, work, 1);
                channel.basicReject(tag(get(channel, work)), false);
            }
            waitReady(channel, work, 1);
            List<Map<String, Object>> deaths = deaths(get(channel, work));
            same(2, deaths.size());
            for (Map<String, Object> death : deaths) {
                same(3L, death.get("count"));
            }
            same(List.of(parked, "expired"),
                    List.of(deaths.get(0).get("queue"), deaths.get(0).get("reason")));
            same(List.of(work, "rejected"),
                    List.of(deaths.get(1).get("queue"), deaths.get(1).get("reason")));
        });
    }

    public static void longestQueueDropsItsHead() throws Exception {
        onChannel(channel -> {
            String dead = queue(channel);
            String queue = queue(channel, deadLetteredTo(dead, "x-max-length", 2));
            fill(channel, queue, "a", "b", "c");
            same(List.of("b", "c"), take(channel, queue));
            waitReady(channel, dead, 1);
            same("maxlen", reason(get(channel, dead)));
        });
    }

    public static void largestQueueDropsItsHead() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel, Map.of("x-max-length-bytes", 10));
            fill(channel, queue, "12345", "6789", "0", "1");
            same(List.of("6789", "0", "1"), take(channel, queue));
        });
    }

    public static void fullQueueDeadLettersWhatItRefuses() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            String dead = queue(channel);
            String queue = queue(channel,
                    deadLetteredTo(dead, "x-max-length", 1, "x-overflow", "reject-publish-dlx"));
            send(channel, "", queue, "fits");
            check(channel.waitForConfirms(PATIENCE.toMillis()), "the first fits");
            send(channel, "", queue, "does not");
            check(!channel.waitForConfirms(PATIENCE.toMillis()), "the second is refused");
            same(List.of("fits"), take(channel, queue));
            waitReady(channel, dead, 1);
            GetResponse found = get(channel, dead);
            same("does not", text(found.getBody()));
            same("maxlen", reason(found));
        });
    }

    public static void priorities() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel, Map.of("x-max-priority", 5));
            for (int priority : new int[] {1, 5, 3, 9, 0}) {
                publish(channel, queue, "" + priority, properties().priority(priority));
            }
            same(List.of("5", "9", "3", "1", "0"), take(channel, queue));
        });
    }

    public static void quorumQueueGivesUpOnAMessage() throws Exception {
        onChannel(channel -> {
            String dead = queue(channel);
            String queue = queue(channel,
                    deadLetteredTo(dead, "x-queue-type", "quorum", "x-delivery-limit", 1));
            fill(channel, queue, "poison");
            Inbox inbox = Inbox.of(channel, queue);
            channel.basicReject(inbox.next().getEnvelope().getDeliveryTag(), true);
            Delivery again = inbox.next();
            check(again.getEnvelope().isRedeliver(), "marked as redelivered");
            channel.basicReject(again.getEnvelope().getDeliveryTag(), true);
            waitReady(channel, dead, 1);
            same("delivery_limit", reason(get(channel, dead)));
        });
    }
}
