package forebay.conformance.rabbit;

import static forebay.conformance.Expect.PATIENCE;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.Expect.within;
import static forebay.conformance.rabbit.Clients.exchange;
import static forebay.conformance.rabbit.Clients.fill;
import static forebay.conformance.rabbit.Clients.get;
import static forebay.conformance.rabbit.Clients.numbered;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.refuses;
import static forebay.conformance.rabbit.Clients.send;
import static forebay.conformance.rabbit.Clients.tag;
import static forebay.conformance.rabbit.Clients.take;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** What outlives the broker: restarts in good order, and kill -9. */
public final class DurabilityCases {
    private static final int RECOVERY_INTERVAL_MS = 20;

    private DurabilityCases() {}

    public static void restartKeepsDurableQueuesAndTheirMessages() throws Exception {
        try (Forebay server = new Forebay()) {
            Connection connection = server.factory().newConnection();
            Channel before = connection.createChannel();
            before.confirmSelect();
            String queue = queue(before);
            String exchange = exchange(before, "topic");
            before.queueBind(queue, exchange, "#");
            before.queueDeclare("lost", false, false, false, null);
            send(before, exchange, "k", "a");
            send(before, exchange, "k", "b");
            before.waitForConfirmsOrDie(PATIENCE.toMillis());
            before.basicAck(tag(get(before, queue)), false);
            // Its answer comes after the acknowledgement was done.
            same(1L, before.messageCount(queue));
            server.stop();
            server.start();
            onChannel(server.factory(), channel -> {
                send(channel, exchange, "k", "c");
                same(List.of("b", "c"), take(channel, queue));
                refuses(404, "NOT_FOUND - no queue 'lost' in vhost '/'",
                        () -> channel.queueDeclarePassive("lost"));
            });
        }
    }

    public static void killLosesNothingThatWasConfirmed() throws Exception {
        try (Forebay server = new Forebay()) {
            String queue = fresh("kept");
            // Sent without an answer may arrive or not, and is not asked about.
            Set<String> confirmed = ConcurrentHashMap.newKeySet();
            for (int life = 0; life < 3; life++) {
                Connection connection = server.factory().newConnection();
                Channel channel = connection.createChannel();
                channel.queueDeclare(queue, true, false, false, null);
                channel.confirmSelect();
                NavigableMap<Long, String> pending = new ConcurrentSkipListMap<>();
                channel.addConfirmListener(
                        (last, multiple) -> {
                            Map<Long, String> answered = multiple
                                    ? pending.headMap(last, true)
                                    : pending.subMap(last, true, last, true);
                            confirmed.addAll(answered.values());
                            answered.clear();
                        },
                        (last, multiple) -> {});
                int already = confirmed.size();
                for (String number : numbered(0, 500)) {
                    String body = life + "-" + number;
                    pending.put(channel.getNextPublishSeqNo(), body);
                    send(channel, "", queue, body);
                }
                eventually("half are confirmed", () -> confirmed.size() >= already + 250);
                server.kill();
                server.start();
                connection.abort();
            }
            onChannel(server.factory(), channel -> {
                List<String> arrived = take(channel, queue);
                check(arrived.containsAll(confirmed), "nothing is lost");
                same(arrived.size(), Set.copyOf(arrived).size());
            });
        }
    }

    public static void killBringsBackWhatWasNotAcknowledged() throws Exception {
        try (Forebay server = new Forebay()) {
            Channel channel = server.factory().newConnection().createChannel();
            channel.confirmSelect();
            String queue = queue(channel);
            fill(channel, queue, numbered(0, 10));
            channel.waitForConfirmsOrDie(PATIENCE.toMillis());
            Delivery fourth = Inbox.of(channel, queue).next(10).get(3);
            channel.basicAck(fourth.getEnvelope().getDeliveryTag(), true);
            same(0L, channel.messageCount(queue));
            server.kill();
            server.start();
            onChannel(server.factory(),
                    after -> same(numbered(4, 10), take(after, queue)));
        }
    }

    public static void connectionAndTopologyRecoverAfterARestart() throws Exception {
        try (Forebay server = new Forebay();
                Connection connection = recovering(server).newConnection()) {
            CompletableFuture<Void> recovered = recovery(connection);
            Channel channel = connection.createChannel();
            // Neither is durable: the client declares, binds and consumes again.
            String exchange = fresh("exchange");
            channel.exchangeDeclare(exchange, "topic", false, true, null);
            String queue = channel.queueDeclare().getQueue();
            channel.queueBind(queue, exchange, "k.#");
            channel.basicQos(1);
            Inbox inbox = Inbox.of(channel, queue);
            send(channel, exchange, "k.1", "before");
            Delivery stale = inbox.next();
            server.kill();
            server.start();
            within(recovered);
            // It is of the time before: the client keeps it to itself.
            channel.basicAck(stale.getEnvelope().getDeliveryTag(), false);
            send(channel, exchange, "k.2", "after");
            Delivery after = inbox.next();
            same("after", Clients.text(after.getBody()));
            channel.basicAck(after.getEnvelope().getDeliveryTag(), false);
            send(channel, exchange, "k.3", "again");
            same(List.of("again"), inbox.bodies(1));
        }
    }

    public static void confirmsGoOnAfterARecovery() throws Exception {
        try (Forebay server = new Forebay();
                Connection connection = recovering(server).newConnection()) {
            CompletableFuture<Void> recovered = recovery(connection);
            Channel channel = connection.createChannel();
            channel.confirmSelect();
            String queue = queue(channel);
            send(channel, "", queue, "before");
            channel.waitForConfirmsOrDie(PATIENCE.toMillis());
            server.kill();
            server.start();
            within(recovered);
            send(channel, "", queue, "after");
            channel.waitForConfirmsOrDie(PATIENCE.toMillis());
            same(List.of("before", "after"), take(channel, queue));
        }
    }

    private static ConnectionFactory recovering(Forebay server) {
        ConnectionFactory factory = server.factory();
        factory.setAutomaticRecoveryEnabled(true);
        factory.setTopologyRecoveryEnabled(true);
        factory.setNetworkRecoveryInterval(RECOVERY_INTERVAL_MS);
        return factory;
    }

    private static CompletableFuture<Void> recovery(Connection connection) {
        CompletableFuture<Void> recovered = new CompletableFuture<>();
        ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
            @Override
            public void handleRecovery(Recoverable recoverable) {
                recovered.complete(null);
            }

            @Override
            public void handleRecoveryStarted(Recoverable recoverable) {}
        });
        return recovered;
    }
}
