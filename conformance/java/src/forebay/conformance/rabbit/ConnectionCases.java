package forebay.conformance.rabbit;

import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.same;
import static forebay.conformance.rabbit.Clients.connect;
import static forebay.conformance.rabbit.Clients.factory;
import static forebay.conformance.rabbit.Clients.fill;
import static forebay.conformance.rabbit.Clients.get;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.text;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.ShutdownSignalException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What connections agree upon, and how much goes through one. */
public final class ConnectionCases {
    private static final int HEARTBEAT_SECONDS = 1;

    private ConnectionCases() {}

    public static void twoHundredChannels() throws Exception {
        record Line(Channel channel, String queue, Inbox inbox) {}
        try (Connection connection = connect()) {
            List<Line> lines = new ArrayList<>();
            for (int n = 0; n < 200; n++) {
                Channel channel = connection.createChannel();
                String queue = channel.queueDeclare().getQueue();
                lines.add(new Line(channel, queue, Inbox.of(channel, queue)));
            }
            for (int n = 0; n < lines.size(); n++) {
                Line sender = lines.get((n + 1) % lines.size());
                fill(sender.channel(), lines.get(n).queue(), "" + n);
            }
            for (int n = 0; n < lines.size(); n++) {
                Line line = lines.get(n);
                Delivery delivery = line.inbox().next();
                same("" + n, text(delivery.getBody()));
                line.channel().basicAck(delivery.getEnvelope().getDeliveryTag(), false);
                line.channel().close();
            }
        }
    }

    public static void channelNumbersAreUsedAgain() throws Exception {
        ConnectionFactory factory = factory();
        factory.setRequestedChannelMax(3);
        try (Connection connection = factory.newConnection()) {
            same(3, connection.getChannelMax());
            for (int n = 0; n < 20; n++) {
                Channel channel = connection.createChannel();
                same(0L, channel.messageCount(queue(channel)));
                channel.close();
            }
        }
    }

    public static void heartbeatsKeepAnIdleConnection() throws Exception {
        ConnectionFactory factory = factory();
        factory.setRequestedHeartbeat(HEARTBEAT_SECONDS);
        try (Connection connection = factory.newConnection()) {
            same(HEARTBEAT_SECONDS, connection.getHeartbeat());
            CompletableFuture<ShutdownSignalException> end = new CompletableFuture<>();
            connection.addShutdownListener(end::complete);
            // The client gives up a broker that says nothing for so long.
            try {
                throw new AssertionError(end.get(4 * HEARTBEAT_SECONDS, TimeUnit.SECONDS));
            } catch (TimeoutException stillOpen) {
                Channel channel = connection.createChannel();
                same(0L, channel.messageCount(queue(channel)));
            }
        }
    }

    public static void framesAreNoLargerThanAgreed() throws Exception {
        int frame = 8192;
        ConnectionFactory factory = factory();
        factory.setRequestedFrameMax(frame);
        onChannel(factory, channel -> {
            same(frame, channel.getConnection().getFrameMax());
            String queue = queue(channel);
            // A frame larger than agreed would be refused on either side.
            for (int size : new int[] {frame - 9, frame - 8, frame - 7, 10 * frame}) {
                fill(channel, queue, "x".repeat(size));
                same(size, get(channel, queue).getBody().length);
            }
        });
    }

    public static void brokerSaysWhatItCan() throws Exception {
        try (Connection connection = connect()) {
            Map<String, Object> properties = connection.getServerProperties();
            same("RabbitMQ", properties.get("product").toString());
            Map<?, ?> capabilities = (Map<?, ?>) properties.get("capabilities");
            for (String capability : List.of(
                    "publisher_confirms", "exchange_exchange_bindings", "basic.nack",
                    "consumer_cancel_notify", "consumer_priorities", "per_consumer_qos",
                    "authentication_failure_close")) {
                check(Boolean.TRUE.equals(capabilities.get(capability)), capability);
            }
        }
    }
}
