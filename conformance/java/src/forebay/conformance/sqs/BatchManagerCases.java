package forebay.conformance.sqs;

import static forebay.conformance.Expect.check;
import static forebay.conformance.Expect.eventually;
import static forebay.conformance.Expect.same;
import static forebay.conformance.Expect.within;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.DeleteMessageResponse;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** SqsAsyncBatchManager: it makes batches of single calls, and receives ahead. */
public final class BatchManagerCases {
    private BatchManagerCases() {}

    private interface Work {
        void with(Queue queue, SqsAsyncBatchManager manager) throws Exception;
    }

    private static void managing(Queue opened, Work work) throws Exception {
        try (opened; SqsAsyncClient client = Queue.connectAsync();
                SqsAsyncBatchManager manager = client.batchManager()) {
            work.with(opened, manager);
        }
    }

    private static List<CompletableFuture<SendMessageResponse>> send(
            Queue queue, SqsAsyncBatchManager manager, int count) {
        List<CompletableFuture<SendMessageResponse>> sent = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            sent.add(manager.sendMessage(queue.message("" + n).build()));
        }
        return sent;
    }

    public static void singleCallsAreSentAsBatches() throws Exception {
        managing(Queue.standard(), (queue, manager) -> {
            Set<String> ids = new HashSet<>();
            for (var sent : send(queue, manager, 100)) {
                ids.add(within(sent).messageId());
            }
            same(100, ids.size());
            same(100, queue.left());
        });
    }

    public static void messagesAreReceivedAheadAndDeletedInBatches() throws Exception {
        managing(Queue.standard(), (queue, manager) -> {
            for (var sent : send(queue, manager, 100)) {
                within(sent);
            }
            Set<String> seen = new HashSet<>();
            List<CompletableFuture<DeleteMessageResponse>> deleted = new ArrayList<>();
            eventually("a hundred messages", () -> {
                var received = within(manager.receiveMessage(of -> of.queueUrl(queue.url)));
                for (Message message : received.messages()) {
                    check(seen.add(message.body()), "twice: " + message.body());
                    deleted.add(manager.deleteMessage(of -> of.queueUrl(queue.url)
                            .receiptHandle(message.receiptHandle())));
                }
                return seen.size() == 100;
            });
            for (var one : deleted) {
                within(one);
            }
            same(0, queue.left());
        });
    }

    public static void timeOutsAreChangedInBatches() throws Exception {
        managing(Queue.standard(), (queue, manager) -> {
            for (var sent : send(queue, manager, 10)) {
                within(sent);
            }
            List<CompletableFuture<?>> changed = new ArrayList<>();
            for (Message message : queue.take(10)) {
                changed.add(manager.changeMessageVisibility(of -> of.queueUrl(queue.url)
                        .receiptHandle(message.receiptHandle()).visibilityTimeout(0)));
            }
            for (var one : changed) {
                within(one);
            }
            same(10, queue.take(10).size());
        });
    }

    public static void oneFailureOfABatchIsThatCallsAlone() throws Exception {
        managing(Queue.standard(), (queue, manager) -> {
            var good = send(queue, manager, 5);
            var bad = manager.sendMessage(queue.message("a\bb").build());
            for (var sent : good) {
                within(sent);
            }
            try {
                within(bad);
            } catch (ExecutionException failure) {
                check(failure.getCause() instanceof SqsException, "" + failure.getCause());
                same(5, queue.left());
                return;
            }
            throw new AssertionError("it was taken");
        });
    }

    public static void groupsAreInOrderThroughTheManager() throws Exception {
        managing(Queue.fifo(), (queue, manager) -> {
            for (int n = 0; n < 5; n++) {
                within(manager.sendMessage(
                        queue.message("" + n).messageGroupId("g").build()));
            }
            List<String> seen = queue.take(5).stream().map(Message::body).toList();
            same(List.of("0", "1", "2", "3", "4"), seen);
        });
    }
}
