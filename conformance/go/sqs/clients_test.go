// Package sqs holds aws-sdk-go's view of SQS: a test's name is the promise.
package sqs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const patience = 30 * time.Second

// queue is one of a case's own, which ends with it.
type queue struct {
	*sqs.Client
	t   *testing.T
	url *string
}

// The SDK checks the MD5 digests of what it sends and receives.
func connect() *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String("http://" + os.Getenv("BROKER_AWS")),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func fresh() string {
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	return "queue-go-" + hex.EncodeToString(random)
}

func create(t *testing.T, attributes map[string]string) queue {
	t.Helper()
	client, name := connect(), fresh()
	if attributes["FifoQueue"] == "true" {
		name += ".fifo"
	}
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: &name, Attributes: attributes,
	})
	check(t, err)
	t.Cleanup(func() {
		input := &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl}
		_, _ = client.DeleteQueue(context.Background(), input)
	})
	return queue{client, t, created.QueueUrl}
}

func createFifo(t *testing.T) queue {
	t.Helper()
	return create(t, map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
}

func (q queue) send(body string) *sqs.SendMessageOutput {
	q.t.Helper()
	sent, err := q.SendMessage(q.t.Context(), &sqs.SendMessageInput{
		QueueUrl: q.url, MessageBody: &body,
	})
	check(q.t, err)
	return sent
}

func (q queue) sendTo(group, body string) *sqs.SendMessageOutput {
	q.t.Helper()
	sent, err := q.SendMessage(q.t.Context(), &sqs.SendMessageInput{
		QueueUrl: q.url, MessageBody: &body, MessageGroupId: &group,
	})
	check(q.t, err)
	return sent
}

// receive is one call.
func (q queue) receive(count, seconds int32) []types.Message {
	q.t.Helper()
	received, err := q.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl:                    q.url,
		MaxNumberOfMessages:         count,
		WaitTimeSeconds:             seconds,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	check(q.t, err)
	return received.Messages
}

// take receives until there are so many.
func (q queue) take(count int) []types.Message {
	q.t.Helper()
	var taken []types.Message
	deadline := time.Now().Add(patience)
	for len(taken) < count {
		if time.Now().After(deadline) {
			q.t.Fatalf("%d of %d messages", len(taken), count)
		}
		taken = append(taken, q.receive(int32(min(10, count-len(taken))), 2)...)
	}
	return taken
}

func (q queue) delete(message types.Message) error {
	_, err := q.DeleteMessage(q.t.Context(), &sqs.DeleteMessageInput{
		QueueUrl: q.url, ReceiptHandle: message.ReceiptHandle,
	})
	return err
}

func (q queue) change(message types.Message, seconds int32) error {
	_, err := q.ChangeMessageVisibility(q.t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: q.url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: seconds,
	})
	return err
}

// left is how many messages are ready or in flight.
func (q queue) left() int {
	q.t.Helper()
	names := []types.QueueAttributeName{
		"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
	}
	found, err := q.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: q.url, AttributeNames: names,
	})
	check(q.t, err)
	sum := 0
	for _, text := range found.Attributes {
		number, err := strconv.Atoi(text)
		check(q.t, err)
		sum += number
	}
	return sum
}

func bodies(messages []types.Message) []string {
	var texts []string
	for _, message := range messages {
		texts = append(texts, *message.Body)
	}
	return texts
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, expected T) {
	t.Helper()
	if got != expected {
		t.Fatalf("got %v instead of %v", got, expected)
	}
}
