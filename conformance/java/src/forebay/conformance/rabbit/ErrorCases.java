package forebay.conformance.rabbit;

import static forebay.conformance.Expect.bytes;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.fresh;
import static forebay.conformance.Expect.same;
import static forebay.conformance.Expect.within;
import static forebay.conformance.rabbit.Clients.connect;
import static forebay.conformance.rabbit.Clients.exchange;
import static forebay.conformance.rabbit.Clients.factory;
import static forebay.conformance.rabbit.Clients.onChannel;
import static forebay.conformance.rabbit.Clients.queue;
import static forebay.conformance.rabbit.Clients.refuses;
import static forebay.conformance.rabbit.Clients.send;
import static forebay.conformance.rabbit.Clients.take;

import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.ShutdownNotifier;
import com.rabbitmq.client.ShutdownSignalException;
import forebay.conformance.rabbit.Clients.Refusal;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** What is refused, and how: codes and texts are RabbitMQ's. */
public final class ErrorCases {
    private ErrorCases() {}

    private static CompletableFuture<ShutdownSignalException> end(ShutdownNotifier of) {
        CompletableFuture<ShutdownSignalException> end = new CompletableFuture<>();
        of.addShutdownListener(end::complete);
        return end;
    }

    public static void missingQueue() throws Exception {
        try (Connection connection = connect()) {
            String text = "NOT_FOUND - no queue 'nope' in vhost '/'";
            refuses(404, text, () -> connection.createChannel().basicGet("nope", true));
            refuses(404, text, () -> connection.createChannel().queuePurge("nope"));
            refuses(404, text, () -> Inbox.of(connection.createChannel(), "nope"));
            check(connection.isOpen(), "only channels are closed");
        }
    }

    public static void publishToAMissingExchangeClosesTheChannel() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            CompletableFuture<ShutdownSignalException> end = end(channel);
            send(channel, "nope", "key", "lost");
            ShutdownSignalException why = within(end);
            same(new Refusal(404, "NOT_FOUND - no exchange 'nope' in vhost '/'"), Refusal.of(why));
            check(!why.isHardError() && !why.isInitiatedByApplication(), "by the broker, softly");
            Channel another = connection.createChannel();
            String queue = queue(another);
            send(another, "", queue, "a new channel works");
            same(List.of("a new channel works"), take(another, queue));
        }
    }

    public static void declaringAgainOtherwise() throws Exception {
        try (Connection connection = connect()) {
            String queue = queue(connection.createChannel());
            String inequivalent = "PRECONDITION_FAILED - inequivalent arg '%s' for queue '" + queue
                    + "' in vhost '/': %s";
            refuses(406,
                    inequivalent.formatted("durable", "received 'false' but current is 'true'"),
                    () -> connection.createChannel()
                            .queueDeclare(queue, false, false, false, null));
            Map<String, Object> arguments = Map.of("x-message-ttl", 1000);
            refuses(406,
                    inequivalent.formatted("x-message-ttl",
                            "received the value '1000' of type 'signedint' but current is none"),
                    () -> connection.createChannel()
                            .queueDeclare(queue, true, false, false, arguments));
        }
    }

    public static void exchangeOfAnotherOrNoType() throws Exception {
        try (Connection connection = connect()) {
            String exchange = exchange(connection.createChannel(), "direct");
            refuses(406,
                    "PRECONDITION_FAILED - inequivalent arg 'type' for exchange '" + exchange
                            + "' in vhost '/': received 'fanout' but current is 'direct'",
                    () -> connection.createChannel().exchangeDeclare(exchange, "fanout", true));
            refuses(406, "PRECONDITION_FAILED - unknown exchange type 'bogus'",
                    () -> connection.createChannel().exchangeDeclare(fresh("none"), "bogus"));
        }
    }

    public static void unknownDeliveryTag() throws Exception {
        onChannel(channel -> {
            CompletableFuture<ShutdownSignalException> end = end(channel);
            channel.basicAck(99, false);
            same(new Refusal(406, "PRECONDITION_FAILED - unknown delivery tag 99"),
                    Refusal.of(within(end)));
        });
    }

    public static void invalidArguments() throws Exception {
        record Invalid(Map<String, Object> arguments, String why) {}
        List<Invalid> all = List.of(
                new Invalid(Map.of("x-message-ttl", -1), "{value_negative,-1}"),
                new Invalid(Map.of("x-expires", 0), "{value_zero,0}"),
                new Invalid(Map.of("x-overflow", "zzz"), "invalid_overflow"),
                new Invalid(Map.of("x-dead-letter-routing-key", "k"),
                        "routing_key_but_no_dlx_defined"));
        try (Connection connection = connect()) {
            for (Invalid invalid : all) {
                String queue = fresh("queue");
                String argument = invalid.arguments().keySet().iterator().next();
                refuses(406,
                        "PRECONDITION_FAILED - invalid arg '" + argument + "' for queue '" + queue
                                + "' in vhost '/': " + invalid.why(),
                        () -> connection.createChannel()
                                .queueDeclare(queue, true, false, false, invalid.arguments()));
            }
        }
    }

    public static void anotherUserCannotBeNamed() throws Exception {
        onChannel(channel -> {
            CompletableFuture<ShutdownSignalException> end = end(channel);
            BasicProperties properties = new BasicProperties.Builder().userId("bob").build();
            channel.basicPublish("amq.direct", "key", properties, bytes("forged"));
            same(new Refusal(406, "PRECONDITION_FAILED - user_id property set to 'bob' but"
                            + " authenticated user was 'guest'"),
                    Refusal.of(within(end)));
        });
    }

    public static void exclusiveConsumerIsAlone() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String queue = queue(channel);
            channel.basicConsume(
                    queue, true, "alone", false, true, Map.of(), (tag, delivery) -> {}, tag -> {});
            refuses(403, "ACCESS_REFUSED - queue '" + queue + "' in vhost '/' in exclusive use",
                    () -> Inbox.of(connection.createChannel(), queue));
        }
    }

    public static void connectionErrorEndsTheConnection() throws Exception {
        Connection connection = connect();
        Channel channel = connection.createChannel();
        CompletableFuture<ShutdownSignalException> end = end(connection);
        CompletableFuture<ShutdownSignalException> bystander = end(connection.createChannel());
        String text = "NOT_IMPLEMENTED - prefetch_size!=0 (10)";
        refuses(540, text, () -> {
            channel.basicQos(10, 0, false);
            return null;
        });
        same(new Refusal(540, text), Refusal.of(within(end)));
        same(new Refusal(540, text), Refusal.of(within(bystander)));
        check(within(end).isHardError(), "a connection error");
        connect().close();
    }

    public static void wrongPasswordAndUnknownVhost() throws Exception {
        ConnectionFactory wrong = factory();
        wrong.setPassword("wrong");
        try {
            wrong.newConnection();
            throw new AssertionError("logged in with a wrong password");
        } catch (AuthenticationFailureException refused) {
            same("ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."
                    + " For details see the broker logfile.", refused.getMessage());
        }
        ConnectionFactory elsewhere = factory();
        elsewhere.setVirtualHost("elsewhere");
        refuses(530, "NOT_ALLOWED - vhost elsewhere not found", elsewhere::newConnection);
    }
}
