package forebay.conformance.rabbit;

import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.rabbit.Clients.connect;
import static forebay.conformance.rabbit.Clients.exchange;
import static forebay.conformance.rabbit.Clients.fill;
import static forebay.conformance.rabbit.Clients.numbered;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.refuses;
import static forebay.conformance.rabbit.Clients.send;
import static forebay.conformance.rabbit.Clients.take;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Exchanges and queues: declaring, routing, deleting. */
public final class TopologyCases {
    private TopologyCases() {}

    public static void defaultExchangeRoutesByQueueName() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, "a", "b");
            same(List.of("a", "b"), take(channel, queue));
        });
    }

    /** Binds a queue and says with which keys messages arrive in it, until the binding is gone. */
    private static List<String> routes(String type, String binding, String... keys)
            throws Exception {
        List<String> arrived = new ArrayList<>();
        onChannel(channel -> {
            String queue = queue(channel);
            String exchange = exchange(channel, type);
            channel.queueBind(queue, exchange, binding);
            for (String key : keys) {
                send(channel, exchange, key, key);
            }
            arrived.addAll(take(channel, queue));
            channel.queueUnbind(queue, exchange, binding);
            for (String key : keys) {
                send(channel, exchange, key, key);
            }
            same(List.of(), take(channel, queue));
            channel.exchangeDelete(exchange, true);
        });
        return arrived;
    }

    public static void directExchange() throws Exception {
        same(List.of("a"), routes("direct", "a", "b", "a", "a.b"));
    }

    public static void fanoutExchange() throws Exception {
        same(List.of("a", "", "b"), routes("fanout", "ignored", "a", "", "b"));
    }

    public static void topicExchange() throws Exception {
        List<String> arrived = routes("topic", "a.*.#", "a", "a.b", "b.b", "a.b.c", "a..c");
        same(List.of("a.b", "a.b.c", "a..c"), arrived);
    }

    public static void headersExchange() throws Exception {
        onChannel(channel -> {
            String exchange = exchange(channel, "headers");
            String all = queue(channel);
            String some = queue(channel);
            channel.queueBind(all, exchange, "", Map.of("x-match", "all", "a", 1, "b", "two"));
            channel.queueBind(some, exchange, "", Map.of("x-match", "any", "a", 1, "b", "two"));
            Map<String, Map<String, Object>> messages = Map.of(
                    "both", Map.of("a", 1, "b", "two", "c", true),
                    "one", Map.of("a", 1, "b", "three"),
                    "none", Map.of("a", 2));
            for (String body : List.of("both", "one", "none")) {
                BasicProperties properties =
                        new BasicProperties.Builder().headers(messages.get(body)).build();
                channel.basicPublish(exchange, "", properties, bytes(body));
            }
            same(List.of("both"), take(channel, all));
            same(List.of("both", "one"), take(channel, some));
        });
    }

    public static void consistentHashExchange() throws Exception {
        onChannel(channel -> {
            String exchange = exchange(channel, "x-consistent-hash");
            List<String> queues = List.of(queue(channel), queue(channel));
            for (String queue : queues) {
                channel.queueBind(queue, exchange, "10");
            }
            List<String> keys = numbered(0, 100);
            for (String key : keys) {
                send(channel, exchange, key, key);
                send(channel, exchange, key, key);
            }
            int total = 0;
            for (String queue : queues) {
                List<String> taken = take(channel, queue);
                Set<String> unique = new TreeSet<>(taken);
                same(2 * unique.size(), taken.size());
                check(unique.size() >= 10, "one queue has got " + unique.size() + " of 100 keys");
                total += unique.size();
            }
            same(keys.size(), total);
        });
    }

    public static void exchangeToExchangeAndAlternate() throws Exception {
        onChannel(channel -> {
            String unrouted = exchange(channel, "fanout");
            String first = fresh("first");
            Map<String, Object> alternate = Map.of("alternate-exchange", unrouted);
            channel.exchangeDeclare(first, "direct", true, false, alternate);
            String second = exchange(channel, "fanout");
            channel.exchangeBind(second, first, "k");
            String through = queue(channel);
            String other = queue(channel);
            channel.queueBind(through, second, "");
            channel.queueBind(other, unrouted, "");
            send(channel, first, "k", "through");
            send(channel, first, "else", "alternate");
            same(List.of("through"), take(channel, through));
            same(List.of("alternate"), take(channel, other));
            channel.exchangeUnbind(second, first, "k");
            send(channel, first, "k", "unbound");
            same(List.of("unbound"), take(channel, other));
        });
    }

    public static void serverNamedQueue() throws Exception {
        onChannel(channel -> {
            String queue = channel.queueDeclare().getQueue();
            check(queue.startsWith("amq.gen-"), "named " + queue);
            fill(channel, queue, "m");
            same(List.of("m"), take(channel, queue));
        });
    }

    public static void exclusiveQueueEndsWithItsConnection() throws Exception {
        String name = fresh("mine");
        Connection owner = connect();
        try (Connection other = connect()) {
            owner.createChannel().queueDeclare(name, false, true, false, null);
            refuses(405,
                    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '" + name
                            + "' in vhost '/'. It could be originally declared on another"
                            + " connection or the exclusive property value does not match that of"
                            + " the original declaration.",
                    () -> other.createChannel().queueDeclarePassive(name));
            owner.close();
            refuses(404, "NOT_FOUND - no queue '" + name + "' in vhost '/'",
                    () -> other.createChannel().queueDeclarePassive(name));
        }
    }

    public static void autoDeleteQueueEndsWithItsLastConsumer() throws Exception {
        onChannel(channel -> {
            String name = fresh("auto");
            channel.queueDeclare(name, false, false, true, null);
            same(0L, channel.messageCount(name));
            channel.basicCancel(Inbox.of(channel, name).consumerTag());
            refuses(404, "NOT_FOUND - no queue '" + name + "' in vhost '/'",
                    () -> channel.queueDeclarePassive(name));
        });
    }

    public static void autoDeleteExchangeEndsWithItsLastBinding() throws Exception {
        onChannel(channel -> {
            String name = fresh("auto");
            channel.exchangeDeclare(name, "fanout", false, true, null);
            String queue = queue(channel);
            channel.queueBind(queue, name, "");
            channel.queueUnbind(queue, name, "");
            refuses(404, "NOT_FOUND - no exchange '" + name + "' in vhost '/'",
                    () -> channel.exchangeDeclarePassive(name));
        });
    }

    public static void purgeAndDeleteSayHowMany() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, "a", "b");
            same(2, channel.queuePurge(queue).getMessageCount());
            fill(channel, queue, "c");
            same(1, channel.queueDelete(queue).getMessageCount());
            same(0, channel.queueDelete(queue).getMessageCount());
        });
    }

    public static void declaringWithoutWaiting() throws Exception {
        onChannel(channel -> {
            String name = fresh("queue");
            channel.queueDeclareNoWait(name, true, false, false, null);
            channel.queueBindNoWait(name, "amq.direct", name, null);
            send(channel, "amq.direct", name, "routed");
            same(List.of("routed"), take(channel, name));
        });
    }
}
