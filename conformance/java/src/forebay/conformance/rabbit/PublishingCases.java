package forebay.conformance.rabbit;

import static forebay.conformance.Expect.PATIENCE;
import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.Expect.within;
import static forebay.conformance.rabbit.Clients.connect;
import static forebay.conformance.rabbit.Clients.fill;
import static forebay.conformance.rabbit.Clients.get;
import static forebay.conformance.rabbit.Clients.numbered;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.send;
import static forebay.conformance.rabbit.Clients.tag;
import static forebay.conformance.rabbit.Clients.take;
import static forebay.conformance.rabbit.Clients.waitReady;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Return;
import java.math.BigDecimal;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;

/** Confirms, returns, transactions. */
public final class PublishingCases {
    private PublishingCases() {}

    public static void confirms() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            String queue = queue(channel);
            for (String body : numbered(0, 100)) {
                send(channel, "", queue, body);
                channel.waitForConfirmsOrDie(PATIENCE.toMillis());
            }
            same(numbered(0, 100), take(channel, queue));
        });
    }

    public static void confirmsOfManyAtOnce() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            String queue = queue(channel);
            ConcurrentSkipListSet<Long> pending = new ConcurrentSkipListSet<>();
            Set<Long> refused = new ConcurrentSkipListSet<>();
            channel.addConfirmListener(
                    (last, multiple) ->
                            (multiple ? pending.headSet(last, true) : Set.of(last))
                                    .forEach(pending::remove),
                    (last, multiple) -> refused.add(last));
            for (String body : numbered(0, 5000)) {
                pending.add(channel.getNextPublishSeqNo());
                send(channel, "", queue, body);
            }
            eventually("all are confirmed", pending::isEmpty);
            same(Set.of(), refused);
            same(5000L, channel.messageCount(queue));
        });
    }

    public static void unroutableMessageIsConfirmed() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            send(channel, "amq.direct", fresh("nowhere"), "lost");
            check(channel.waitForConfirms(PATIENCE.toMillis()), "acknowledged");
        });
    }

    public static void mandatoryMessageWithoutAQueueIsReturned() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            CompletableFuture<Return> returned = new CompletableFuture<>();
            channel.addReturnListener(returned::complete);
            String key = fresh("nowhere");
            BasicProperties properties = new BasicProperties.Builder().messageId("mine").build();
            channel.basicPublish("amq.direct", key, true, properties, bytes("lost"));
            channel.waitForConfirmsOrDie(PATIENCE.toMillis());
            // It comes before the confirm.
            check(returned.isDone(), "returned");
            Return back = within(returned);
            same(312, back.getReplyCode());
            same("NO_ROUTE", back.getReplyText());
            same("amq.direct", back.getExchange());
            same(key, back.getRoutingKey());
            same("mine", back.getProperties().getMessageId());
            same("lost", Clients.text(back.getBody()));
        });
    }

    public static void fullQueueRefuses() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            Map<String, Object> arguments =
                    Map.of("x-max-length", 1, "x-overflow", "reject-publish");
            String queue = queue(channel, arguments);
            send(channel, "", queue, "fits");
            check(channel.waitForConfirms(PATIENCE.toMillis()), "the first fits");
            send(channel, "", queue, "does not");
            check(!channel.waitForConfirms(PATIENCE.toMillis()), "the second is refused");
            same(List.of("fits"), take(channel, queue));
        });
    }

    public static void propertiesComeBackAsTheyWere() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            Map<String, Object> headers = new TreeMap<>(Map.of(
                    "byte", (byte) -1, "short", (short) -2, "int", -3, "long", 1L << 40,
                    "float", 0.5f, "double", 2.25, "true", true, "bytes", new byte[] {0, -1},
                    "decimal", new BigDecimal("123.45"),
                    "time", new Date(1_700_000_000_000L)));
            headers.put("nothing", null);
            headers.put("list", List.of(1, true, Map.of("three", 3)));
            headers.put("table", Map.of("nested", Map.of("deeper", true)));
            BasicProperties sent = new BasicProperties.Builder()
                    .headers(headers).contentType("text/plain").contentEncoding("utf-8")
                    .deliveryMode(2).priority(3).correlationId("c").replyTo("r")
                    .expiration("60000").messageId("m").timestamp(new Date(1_700_000_001_000L))
                    .type("t").userId("guest").appId("a").build();
            channel.basicPublish("", queue, sent, bytes("body"));
            GetResponse got = get(channel, queue);
            Map<String, Object> back = new HashMap<>(got.getProps().getHeaders());
            same(headers.keySet(), new java.util.TreeSet<>(back.keySet()));
            headers.forEach((name, value) -> same(value, back.get(name)));
            same(sent.builder().headers(null).build(),
                    got.getProps().builder().headers(null).build());
            same("body", Clients.text(got.getBody()));
            same("", got.getEnvelope().getExchange());
            same(queue, got.getEnvelope().getRoutingKey());
        });
    }

    public static void textInHeadersComesBack() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            String text = "grüße ".repeat(10_000);
            Map<String, Object> headers = Map.of("text", text);
            BasicProperties properties = new BasicProperties.Builder().headers(headers).build();
            // A header of several tens of kilobytes fits in one frame.
            channel.basicPublish("", queue, properties, bytes(""));
            Object back = get(channel, queue).getProps().getHeaders().get("text");
            same(text, ((LongString) back).toString());
        });
    }

    public static void largeBody() throws Exception {
        onChannel(channel -> {
            channel.confirmSelect();
            String queue = queue(channel);
            byte[] body = bytes("0123456789".repeat(1 << 20));
            channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, body);
            fill(channel, queue, "");
            channel.waitForConfirmsOrDie(PATIENCE.toMillis());
            Inbox inbox = Inbox.autoAck(channel, queue);
            same(body, inbox.next().getBody());
            same(0, inbox.next().getBody().length);
        });
    }

    public static void transaction() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            Channel other = connection.createChannel();
            String queue = queue(channel);
            channel.txSelect();
            fill(channel, queue, "a", "b");
            same(0L, other.messageCount(queue));
            channel.txCommit();
            same(2L, other.messageCount(queue));
            fill(channel, queue, "never");
            channel.txRollback();
            channel.txCommit();
            same(2L, other.messageCount(queue));
            // An acknowledgement is part of it, too.
            channel.basicAck(tag(get(channel, queue)), false);
            channel.txRollback();
            channel.basicAck(tag(get(channel, queue)), false);
            channel.txCommit();
            channel.close();
            waitReady(other, queue, 1);
        }
    }

    /** Many threads publish, each through a channel of its own. */
    public static void publishersSideBySide() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String queue = queue(channel);
            List<CompletableFuture<Void>> publishers = numbered(0, 8).stream()
                    .map(name -> CompletableFuture.runAsync(() -> publish(connection, queue, name)))
                    .toList();
            for (CompletableFuture<Void> publisher : publishers) {
                within(publisher);
            }
            Map<String, Integer> last = new HashMap<>();
            for (String body : take(channel, queue)) {
                String[] parts = body.split("-");
                int number = Integer.parseInt(parts[1]);
                same(number, last.merge(parts[0], 0, (before, zero) -> before + 1));
            }
            same(8, last.size());
            check(last.values().stream().allMatch(number -> number == 499), "all came: " + last);
        }
    }

    private static void publish(Connection connection, String queue, String name) {
        try {
            Channel channel = connection.createChannel();
            channel.confirmSelect();
            for (String number : numbered(0, 500)) {
                send(channel, "", queue, name + "-" + number);
            }
            channel.waitForConfirmsOrDie(PATIENCE.toMillis());
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }
}
