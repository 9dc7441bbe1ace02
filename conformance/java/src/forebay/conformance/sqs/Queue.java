package forebay.conformance.sqs;

import static forebay.conformance.Expect.PATIENCE;
import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.fresh;

import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.ReceiveMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;

/** A queue of a case's own, which ends with it. The SDK checks the MD5 digests of messages. */
final class Queue implements AutoCloseable {
    final SqsClient sqs = to(SqsClient.builder()).build();
    final String url;

    private Queue(String name, Map<QueueAttributeName, String> attributes) {
        url = sqs.createQueue(to -> to.queueName(name).attributes(attributes)).queueUrl();
    }

    static Queue standard() {
        return new Queue(fresh("queue"), Map.of());
    }

    static Queue standard(QueueAttributeName name, String value) {
        return new Queue(fresh("queue"), Map.of(name, value));
    }

    static Queue standard(Map<QueueAttributeName, String> attributes) {
        return new Queue(fresh("queue"), new HashMap<>(attributes));
    }

    static Queue fifo() {
        return new Queue(fresh("queue") + ".fifo", Map.of(
                QueueAttributeName.FIFO_QUEUE, "true",
                QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"));
    }

    static SqsAsyncClient connectAsync() {
        return to(SqsAsyncClient.builder()).build();
    }

    private static <B extends AwsClientBuilder<B, C>, C> B to(B builder) {
        AwsBasicCredentials anybody = AwsBasicCredentials.create("test", "test");
        return builder
                .endpointOverride(URI.create("http://" + System.getenv("BROKER_AWS")))
                .region(Region.US_EAST_1)
                .credentialsProvider(StaticCredentialsProvider.create(anybody));
    }

    SendMessageResponse send(String body) {
        return sqs.sendMessage(message(body).build());
    }

    SendMessageResponse sendTo(String group, String body) {
        return sqs.sendMessage(message(body).messageGroupId(group).build());
    }

    SendMessageRequest.Builder message(String body) {
        return SendMessageRequest.builder().queueUrl(url).messageBody(body);
    }

    /** One call. */
    List<Message> receive(int count, int seconds) {
        return sqs.receiveMessage(ReceiveMessageRequest.builder()
                .queueUrl(url)
                .maxNumberOfMessages(count)
                .waitTimeSeconds(seconds)
                .messageAttributeNames("All")
                .messageSystemAttributeNames(MessageSystemAttributeName.ALL)
                .build()).messages();
    }

    /** Receives until there are so many. */
    List<Message> take(int count) {
        List<Message> taken = new ArrayList<>();
        Instant deadline = Instant.now().plus(PATIENCE);
        while (taken.size() < count) {
            check(Instant.now().isBefore(deadline), taken.size() + " of " + count + " messages");
            taken.addAll(receive(Math.min(10, count - taken.size()), 2));
        }
        return taken;
    }

    void delete(Message message) {
        sqs.deleteMessage(of -> of.queueUrl(url).receiptHandle(message.receiptHandle()));
    }

    String attribute(QueueAttributeName name) {
        return sqs.getQueueAttributes(of -> of.queueUrl(url).attributeNames(name))
                .attributes().get(name);
    }

    /** Ready or in flight. */
    int left() {
        return Integer.parseInt(attribute(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES))
                + Integer.parseInt(attribute(
                        QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
    }

    @Override
    public void close() {
        sqs.deleteQueue(of -> of.queueUrl(url));
        sqs.close();
    }
}
