package forebay.conformance.rabbit;

import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.rabbit.Clients.connect;
import static forebay.conformance.rabbit.Clients.fill;
import static forebay.conformance.rabbit.Clients.get;
import static forebay.conformance.rabbit.Clients.numbered;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.tag;
import static forebay.conformance.rabbit.Clients.take;
import static forebay.conformance.rabbit.Clients.text;
import static forebay.conformance.rabbit.Clients.waitReady;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.RpcClient;
import com.rabbitmq.client.RpcClientParams;
import com.rabbitmq.client.RpcServer;
import forebay.conformance.Expect;
import java.util.List;
import java.util.Map;

/** Consumers: prefetch, acknowledgements, what comes back, and when they end. */
public final class ConsumingCases {
    private ConsumingCases() {}

    private static long tagOf(Delivery delivery) {
        return delivery.getEnvelope().getDeliveryTag();
    }

    public static void prefetchBoundsWhatIsUnacknowledged() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, numbered(0, 10));
            channel.basicQos(3);
            Inbox inbox = Inbox.of(channel, queue);
            List<Delivery> first = inbox.next(3);
            inbox.nothing();
            channel.basicAck(tagOf(first.get(2)), true);
            same(numbered(3, 6), inbox.bodies(3));
            inbox.nothing();
        });
    }

    public static void prefetchIsForEachConsumer() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, numbered(0, 10));
            channel.basicQos(2);
            Inbox one = Inbox.of(channel, queue);
            channel.basicQos(4);
            Inbox other = Inbox.of(channel, queue);
            one.next(2);
            other.next(4);
            one.nothing();
            other.nothing();
        });
    }

    /** RabbitMQ 4.3 has given it up, and takes it for the prefetch of each consumer. */
    public static void globalPrefetchIsSharedByTheChannel() throws Exception {
        Expect.forebayOnly();
        onChannel(channel -> {
            String first = queue(channel);
            String second = queue(channel);
            fill(channel, first, "a", "b");
            fill(channel, second, "c", "d");
            channel.basicQos(3, true);
            Inbox one = Inbox.of(channel, first);
            one.next(2);
            Inbox other = Inbox.of(channel, second);
            Delivery third = other.next();
            other.nothing();
            channel.basicAck(tagOf(third), false);
            same(List.of("d"), other.bodies(1));
        });
    }

    public static void requeuedMessagesKeepTheirPlace() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, numbered(0, 5));
            get(channel, queue);
            get(channel, queue);
            channel.basicNack(tag(get(channel, queue)), true, true);
            for (int n = 0; n < 5; n++) {
                GetResponse message = get(channel, queue);
                same(String.valueOf(n), text(message.getBody()));
                same(n < 3, message.getEnvelope().isRedeliver());
                same(4 - n, message.getMessageCount());
            }
        });
    }

    public static void rejectedMessagesAreGone() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, "a", "b", "c");
            channel.basicReject(tag(get(channel, queue)), false);
            channel.basicReject(tag(get(channel, queue)), true);
            same(List.of("b", "c"), take(channel, queue));
        });
    }

    public static void noAck() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, numbered(0, 3000));
            same(numbered(0, 3000), Inbox.autoAck(channel, queue).bodies(3000));
            waitReady(channel, queue, 0);
        });
    }

    public static void consumersTakeTurns() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            Inbox one = Inbox.autoAck(channel, queue);
            Inbox other = Inbox.autoAck(channel, queue);
            fill(channel, queue, numbered(0, 10));
            one.next(5);
            other.next(5);
        });
    }

    public static void recover() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, "a", "b");
            get(channel, queue);
            get(channel, queue);
            same(0L, channel.messageCount(queue));
            channel.basicRecover(true);
            same(List.of("a", "b"), take(channel, queue));
        });
    }

    public static void cancelledConsumerGetsNoMore() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            Inbox inbox = Inbox.of(channel, queue);
            fill(channel, queue, "a", "b");
            List<Delivery> held = inbox.next(2);
            channel.basicCancel(inbox.consumerTag());
            fill(channel, queue, "c");
            inbox.nothing();
            // What it had is still its channel's.
            waitReady(channel, queue, 1);
            channel.basicAck(tagOf(held.get(0)), false);
            channel.basicNack(tagOf(held.get(1)), false, true);
            same(List.of("b", "c"), take(channel, queue));
        });
    }

    public static void consumerIsToldThatItsQueueIsGone() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            Inbox inbox = Inbox.of(channel, queue);
            onChannel(other -> other.queueDelete(queue));
            same(inbox.consumerTag(), inbox.cancelled());
            check(channel.isOpen(), "its channel stays open");
        });
    }

    public static void whatAClosedConnectionHeldComesBack() throws Exception {
        onChannel(channel -> {
            String queue = queue(channel);
            fill(channel, queue, numbered(0, 5));
            Connection connection = connect();
            Inbox.of(connection.createChannel(), queue).next(5);
            same(0L, channel.messageCount(queue));
            connection.close();
            waitReady(channel, queue, 5);
            for (String body : numbered(0, 5)) {
                GetResponse message = get(channel, queue);
                same(body, text(message.getBody()));
                check(message.getEnvelope().isRedeliver(), "marked as redelivered");
            }
        });
    }

    public static void singleActiveConsumerIsFollowedByTheNext() throws Exception {
        try (Connection connection = connect()) {
            Channel active = connection.createChannel();
            Channel waiting = connection.createChannel();
            String queue = queue(active, Map.of("x-single-active-consumer", true));
            Inbox first = Inbox.of(active, queue);
            Inbox second = Inbox.of(waiting, queue);
            fill(waiting, queue, "a", "b");
            same(List.of("a", "b"), first.bodies(2));
            second.nothing();
            active.close();
            same(List.of("a", "b"), second.bodies(2));
        }
    }

    public static void requestsAreAnswered() throws Exception {
        try (Connection connection = connect()) {
            String queue = fresh("requests");
            Channel serving = connection.createChannel();
            serving.queueDeclare(queue, false, false, true, null);
            RpcServer server = new RpcServer(serving, queue) {
                @Override
                public byte[] handleCall(Delivery request, BasicProperties reply) {
                    return Expect.bytes("answer to " + text(request.getBody()));
                }
            };
            Thread loop = new Thread(() -> {
                try {
                    server.mainloop();
                } catch (Exception closed) {
                    // With the connection, at the end of the case.
                }
            });
            loop.start();
            Channel asking = connection.createChannel();
            String answers = asking.queueDeclare().getQueue();
            RpcClientParams params = new RpcClientParams()
                    .channel(asking).exchange("").routingKey(queue).replyTo(answers)
                    .timeout((int) Expect.PATIENCE.toMillis());
            RpcClient client = new RpcClient(params);
            for (String question : numbered(0, 20)) {
                same("answer to " + question, text(client.primitiveCall(Expect.bytes(question))));
            }
            client.close();
        }
    }
}
