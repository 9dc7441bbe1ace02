package sqs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

func TestWhatIsSentIsReceived(t *testing.T) {
	queue := create(t, nil)
	body := "größe 🐙"
	sent, err := queue.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: queue.url, MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"text":   {DataType: aws.String("String"), StringValue: aws.String("größe")},
			"binary": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255}},
		},
	})
	check(t, err)
	message := queue.take(1)[0]
	equal(t, *message.Body, body)
	equal(t, *message.MessageId, *sent.MessageId)
	equal(t, *message.MD5OfMessageAttributes, *sent.MD5OfMessageAttributes)
	equal(t, *message.MessageAttributes["text"].StringValue, "größe")
	if !bytes.Equal(message.MessageAttributes["binary"].BinaryValue, []byte{0, 255}) {
		t.Fatal("other bytes")
	}
	equal(t, message.Attributes["ApproximateReceiveCount"], "1")
}

func TestAMebibyte(t *testing.T) {
	queue := create(t, nil)
	body := strings.Repeat("x", 1<<20)
	queue.send(body)
	equal(t, *queue.take(1)[0].Body, body)
	body += "x"
	input := &sqs.SendMessageInput{QueueUrl: queue.url, MessageBody: &body}
	_, err := queue.SendMessage(t.Context(), input)
	expectCode(t, err, "InvalidParameterValue")
}

func expectCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		t.Fatalf("not refused: %v", err)
	}
	if !strings.HasPrefix(refusal.ErrorCode(), code) {
		t.Fatalf("refused with %s", refusal.ErrorCode())
	}
}

func TestErrorsHaveTheirTypes(t *testing.T) {
	queue := create(t, nil)
	var noQueue *types.QueueDoesNotExist
	input := &sqs.GetQueueUrlInput{QueueName: aws.String("there-is-no-such-queue")}
	if _, err := queue.GetQueueUrl(t.Context(), input); !errors.As(err, &noQueue) {
		t.Fatal(err)
	}
	var noHandle *types.ReceiptHandleIsInvalid
	garbage := types.Message{ReceiptHandle: aws.String("garbage")}
	if err := queue.delete(garbage); !errors.As(err, &noHandle) {
		t.Fatal(err)
	}
	var empty *types.EmptyBatchRequest
	batch := &sqs.SendMessageBatchInput{
		QueueUrl: queue.url, Entries: []types.SendMessageBatchRequestEntry{},
	}
	if _, err := queue.SendMessageBatch(t.Context(), batch); !errors.As(err, &empty) {
		t.Fatal(err)
	}
	message := types.Message{ReceiptHandle: aws.String("garbage")}
	if err := queue.change(message, 5); !errors.As(err, &noHandle) {
		t.Fatal(err)
	}
}

func TestBatchesAndTheirFailures(t *testing.T) {
	queue := create(t, nil)
	var entries []types.SendMessageBatchRequestEntry
	for n := range 10 {
		text := fmt.Sprint(n)
		entry := types.SendMessageBatchRequestEntry{Id: &text, MessageBody: &text}
		if n == 4 {
			entry.MessageBody = aws.String("a\x08b")
		}
		entries = append(entries, entry)
	}
	input := &sqs.SendMessageBatchInput{QueueUrl: queue.url, Entries: entries}
	sent, err := queue.SendMessageBatch(t.Context(), input)
	check(t, err)
	equal(t, len(sent.Successful), 9)
	equal(t, len(sent.Failed), 1)
	equal(t, *sent.Failed[0].Id, "4")
	equal(t, *sent.Failed[0].Code, "InvalidMessageContents")
	equal(t, len(queue.take(9)), 9)
}

func TestMessagesComeBackWhenTheirTimeIsOver(t *testing.T) {
	queue := create(t, map[string]string{"VisibilityTimeout": "1"})
	queue.send("a")
	first, again := queue.take(1)[0], queue.take(1)[0]
	equal(t, *again.MessageId, *first.MessageId)
	equal(t, again.Attributes["ApproximateReceiveCount"], "2")
	check(t, queue.change(again, 600))
	equal(t, len(queue.receive(1, 2)), 0)
	check(t, queue.delete(again))
	equal(t, queue.left(), 0)
}

func TestDelays(t *testing.T) {
	queue := create(t, nil)
	input := &sqs.SendMessageInput{
		QueueUrl: queue.url, MessageBody: aws.String("late"), DelaySeconds: 2,
	}
	_, err := queue.SendMessage(t.Context(), input)
	check(t, err)
	equal(t, len(queue.receive(1, 0)), 0)
	equal(t, *queue.take(1)[0].Body, "late")
}

func TestGroupsAreInOrder(t *testing.T) {
	queue := createFifo(t)
	for n := range 5 {
		queue.sendTo("a", fmt.Sprint("a", n))
		queue.sendTo("b", fmt.Sprint("b", n))
	}
	seen := map[byte][]string{}
	for range 10 {
		message := queue.take(1)[0]
		body := *message.Body
		seen[body[0]] = append(seen[body[0]], body)
		check(t, queue.delete(message))
	}
	for group, own := range seen {
		if !slices.IsSorted(own) || len(own) != 5 {
			t.Fatalf("group %c: %v", group, own)
		}
	}
}

func TestAGroupIsBlockedWhileOneOfItIsInFlight(t *testing.T) {
	queue := createFifo(t)
	queue.sendTo("a", "1")
	queue.sendTo("a", "2")
	first := queue.receive(1, 5)
	equal(t, bodies(first)[0], "1")
	equal(t, len(queue.receive(1, 1)), 0)
	check(t, queue.delete(first[0]))
	equal(t, bodies(queue.take(1))[0], "2")
}

func TestDuplicatesAreOne(t *testing.T) {
	queue := createFifo(t)
	first, second := queue.sendTo("a", "same"), queue.sendTo("a", "same")
	equal(t, *first.MessageId, *second.MessageId)
	equal(t, *first.SequenceNumber, *second.SequenceNumber)
	queue.take(1)
	equal(t, len(queue.receive(1, 1)), 0)
}

func TestLongPollsEndWithTheFirstMessage(t *testing.T) {
	queue := create(t, nil)
	found := make(chan []types.Message, 1)
	go func() { found <- queue.receive(10, 20) }()
	time.Sleep(300 * time.Millisecond)
	queue.send("a")
	select {
	case messages := <-found:
		equal(t, bodies(messages)[0], "a")
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on waiting")
	}
}

func TestACancelledPollTakesNothing(t *testing.T) {
	queue := create(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	input := &sqs.ReceiveMessageInput{QueueUrl: queue.url, WaitTimeSeconds: 20}
	if _, err := queue.ReceiveMessage(ctx, input); err == nil {
		t.Fatal("the poll ended by itself")
	}
	time.Sleep(300 * time.Millisecond)
	queue.send("a")
	equal(t, queue.take(1)[0].Attributes["ApproximateReceiveCount"], "1")
}

func TestMessagesDieAfterSoManyReceives(t *testing.T) {
	dead := create(t, nil)
	found, err := dead.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: dead.url, AttributeNames: []types.QueueAttributeName{"QueueArn"},
	})
	check(t, err)
	redrive := fmt.Sprintf(
		`{"deadLetterTargetArn": %q, "maxReceiveCount": 2}`, found.Attributes["QueueArn"],
	)
	queue := create(t, map[string]string{"RedrivePolicy": redrive, "VisibilityTimeout": "1"})
	queue.send("a")
	queue.take(1)
	queue.take(1)
	equal(t, len(queue.receive(1, 2)), 0)
	equal(t, *dead.take(1)[0].Body, "a")
}

func TestSixteenConsumersShareNoMessage(t *testing.T) {
	queue := create(t, nil)
	const count = 500
	var mutex sync.Mutex
	seen := map[string]int{}
	var consumers sync.WaitGroup
	for range 16 {
		consumers.Go(func() {
			for {
				messages := queue.receive(10, 2)
				if len(messages) == 0 {
					return
				}
				mutex.Lock()
				for _, message := range messages {
					seen[*message.Body]++
				}
				mutex.Unlock()
				for _, message := range messages {
					if err := queue.delete(message); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for n := range count {
		queue.send(fmt.Sprint(n))
	}
	consumers.Wait()
	equal(t, len(seen), count)
	for body, times := range seen {
		if times != 1 {
			t.Fatalf("%s was received %d times", body, times)
		}
	}
	equal(t, queue.left(), 0)
}

func TestQueuesAreListedInPages(t *testing.T) {
	queues := []queue{create(t, nil), create(t, nil), create(t, nil)}
	pages := sqs.NewListQueuesPaginator(queues[0].Client, &sqs.ListQueuesInput{
		QueueNamePrefix: aws.String("queue-go-"), MaxResults: aws.Int32(2),
	})
	var found []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		found = append(found, page.QueueUrls...)
	}
	for _, queue := range queues {
		if !slices.Contains(found, *queue.url) {
			t.Fatalf("%s is not in %v", *queue.url, found)
		}
	}
}
