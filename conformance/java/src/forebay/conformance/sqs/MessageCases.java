package forebay.conformance.sqs;

import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.same;
import static forebay.conformance.Expect.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** The synchronous client. */
public final class MessageCases {
    private MessageCases() {}

    private static List<String> bodies(List<Message> messages) {
        return messages.stream().map(Message::body).toList();
    }

    private static String count(Message message) {
        return message.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT);
    }

    public static void whatIsSentIsReceived() {
        try (Queue queue = Queue.standard()) {
            Map<String, MessageAttributeValue> attributes = Map.of(
                    "text",
                    MessageAttributeValue.builder().dataType("String").stringValue("größe").build(),
                    "binary",
                    MessageAttributeValue.builder().dataType("Binary")
                            .binaryValue(SdkBytes.fromByteArray(new byte[] {0, -1})).build());
            var sent = queue.sqs.sendMessage(
                    queue.message("größe 🐙").messageAttributes(attributes).build());
            Message message = queue.take(1).get(0);
            same("größe 🐙", message.body());
            same(sent.messageId(), message.messageId());
            same(sent.md5OfMessageAttributes(), message.md5OfMessageAttributes());
            same(attributes, message.messageAttributes());
            same("1", count(message));
        }
    }

    public static void aMebibyte() {
        try (Queue queue = Queue.standard()) {
            String body = "x".repeat(1 << 20);
            queue.send(body);
            same(body, queue.take(1).get(0).body());
            try {
                queue.send(body + "x");
            } catch (SqsException refusal) {
                same("InvalidParameterValue", refusal.awsErrorDetails().errorCode());
                return;
            }
            throw new AssertionError("it was taken");
        }
    }

    public static void errorsHaveTheirClasses() {
        try (Queue queue = Queue.standard()) {
            refused(QueueDoesNotExistException.class,
                    () -> queue.sqs.getQueueUrl(of -> of.queueName("there-is-no-such-queue")));
            refused(ReceiptHandleIsInvalidException.class, () -> queue.sqs.deleteMessage(
                    of -> of.queueUrl(queue.url).receiptHandle("garbage")));
        }
    }

    private static void refused(Class<? extends SqsException> as, Runnable call) {
        try {
            call.run();
        } catch (SqsException refusal) {
            same(as, refusal.getClass());
            return;
        }
        throw new AssertionError("not refused");
    }

    public static void batchesAndTheirFailures() {
        try (Queue queue = Queue.standard()) {
            List<SendMessageBatchRequestEntry> entries = IntStream.range(0, 10)
                    .mapToObj(n -> SendMessageBatchRequestEntry.builder().id("" + n)
                            .messageBody(n == 4 ? "a\bb" : "" + n).build())
                    .toList();
            var sent = queue.sqs.sendMessageBatch(of -> of.queueUrl(queue.url).entries(entries));
            same(9, sent.successful().size());
            same("4", sent.failed().get(0).id());
            same("InvalidMessageContents", sent.failed().get(0).code());
            same(9, queue.take(9).size());
        }
    }

    public static void messagesComeBackWhenTheirTimeIsOver() {
        try (Queue queue = Queue.standard(QueueAttributeName.VISIBILITY_TIMEOUT, "1")) {
            queue.send("a");
            Message first = queue.take(1).get(0);
            Message again = queue.take(1).get(0);
            same(first.messageId(), again.messageId());
            same("2", count(again));
            queue.sqs.changeMessageVisibility(of -> of.queueUrl(queue.url)
                    .receiptHandle(again.receiptHandle()).visibilityTimeout(600));
            same(List.of(), queue.receive(1, 2));
            queue.delete(again);
            same(0, queue.left());
        }
    }

    public static void delaysOfMessages() {
        try (Queue queue = Queue.standard()) {
            queue.sqs.sendMessage(queue.message("late").delaySeconds(2).build());
            same(List.of(), queue.receive(1, 0));
            same(List.of("late"), bodies(queue.take(1)));
        }
    }

    public static void longPollsEndWithTheFirstMessage() throws Exception {
        try (Queue queue = Queue.standard()) {
            var polling = CompletableFuture.supplyAsync(() -> queue.receive(10, 20));
            queue.send("a");
            same(List.of("a"), bodies(within(polling)));
        }
    }

    public static void groupsAreInOrder() {
        try (Queue queue = Queue.fifo()) {
            for (int n = 0; n < 5; n++) {
                queue.sendTo("a", "a" + n);
                queue.sendTo("b", "b" + n);
            }
            List<String> seen = new ArrayList<>();
            for (int n = 0; n < 10; n++) {
                Message message = queue.take(1).get(0);
                seen.add(message.body());
                queue.delete(message);
            }
            for (String group : List.of("a", "b")) {
                List<String> own = seen.stream().filter(body -> body.startsWith(group)).toList();
                same(IntStream.range(0, 5).mapToObj(n -> group + n).toList(), own);
            }
        }
    }

    public static void aGroupIsBlockedWhileOneOfItIsInFlight() {
        try (Queue queue = Queue.fifo()) {
            queue.sendTo("a", "1");
            queue.sendTo("a", "2");
            Message first = queue.receive(1, 5).get(0);
            same("1", first.body());
            same(List.of(), queue.receive(1, 1));
            queue.delete(first);
            same(List.of("2"), bodies(queue.take(1)));
        }
    }

    public static void duplicatesAreOne() {
        try (Queue queue = Queue.fifo()) {
            var first = queue.sendTo("a", "same");
            var second = queue.sendTo("a", "same");
            same(first.messageId(), second.messageId());
            check(first.sequenceNumber().equals(second.sequenceNumber()), "another number");
            queue.take(1);
            same(List.of(), queue.receive(1, 1));
        }
    }

    public static void messagesDieAfterSoManyReceives() {
        try (Queue dead = Queue.standard()) {
            String redrive = "{\"maxReceiveCount\": \"2\", \"deadLetterTargetArn\": \""
                    + dead.attribute(QueueAttributeName.QUEUE_ARN) + "\"}";
            try (Queue queue = Queue.standard(Map.of(
                    QueueAttributeName.REDRIVE_POLICY, redrive,
                    QueueAttributeName.VISIBILITY_TIMEOUT, "1"))) {
                queue.send("a");
                queue.take(1);
                queue.take(1);
                same(List.of(), queue.receive(1, 2));
                same(List.of("a"), bodies(dead.take(1)));
            }
        }
    }

    public static void queuesAreListedInPages() {
        try (Queue one = Queue.standard(); Queue two = Queue.standard();
                Queue three = Queue.standard()) {
            List<String> found = one.sqs
                    .listQueuesPaginator(of -> of.queueNamePrefix("queue-java").maxResults(2))
                    .queueUrls().stream().toList();
            check(found.containsAll(List.of(one.url, two.url, three.url)), "listed: " + found);
        }
    }
}
