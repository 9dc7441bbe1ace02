package forebay.conformance.rabbit;

import static forebay.conformance.Expect.PATIENCE;
import static forebay.conformance.Expect.check;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What a consumer is given. */
final class Inbox {
    /** How long nothing must come where nothing is to come. */
    private static final long QUIET_MS = 300;

    private final BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> cancelled = new LinkedBlockingQueue<>();
    private final String consumerTag;

    private Inbox(Channel channel, String queue, boolean autoAck) throws IOException {
        consumerTag = channel.basicConsume(
                queue, autoAck, (tag, delivery) -> deliveries.add(delivery), cancelled::add);
    }

    static Inbox of(Channel channel, String queue) throws IOException {
        return new Inbox(channel, queue, false);
    }

    static Inbox autoAck(Channel channel, String queue) throws IOException {
        return new Inbox(channel, queue, true);
    }

    String consumerTag() {
        return consumerTag;
    }

    /** The consumer that the broker says has ended. */
    String cancelled() throws InterruptedException {
        return soon(cancelled);
    }

    Delivery next() throws InterruptedException {
        return soon(deliveries);
    }

    List<Delivery> next(int count) throws InterruptedException {
        List<Delivery> next = new ArrayList<>();
        while (next.size() < count) {
            next.add(next());
        }
        return next;
    }

    List<String> bodies(int count) throws InterruptedException {
        return next(count).stream().map(delivery -> Clients.text(delivery.getBody())).toList();
    }

    void nothing() throws InterruptedException {
        check(deliveries.poll(QUIET_MS, TimeUnit.MILLISECONDS) == null, "nothing was to come");
    }

    private static <T> T soon(BlockingQueue<T> from) throws InterruptedException {
        T next = from.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        check(next != null, "nothing came in time");
        return next;
    }
}
