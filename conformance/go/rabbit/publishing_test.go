package rabbit

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// deferred publishes and answers what will be confirmed.
func (c channel) deferred(exchange, key, body string) *amqp.DeferredConfirmation {
	c.t.Helper()
	confirmation, err := c.PublishWithDeferredConfirmWithContext(
		c.t.Context(), exchange, key, false, false, persistent(body))
	check(c.t, err)
	return confirmation
}

func confirmed(t *testing.T, confirmation *amqp.DeferredConfirmation) bool {
	t.Helper()
	soon, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	acked, err := confirmation.WaitContext(soon)
	check(t, err)
	return acked
}

func confirming(t *testing.T) channel {
	t.Helper()
	c := open(t)
	check(t, c.Confirm(false))
	return c
}

func TestConfirms(t *testing.T) {
	c := confirming(t)
	queue := c.queue(nil)
	for n := range 100 {
		confirmation := c.deferred("", queue, fmt.Sprint(n))
		want(t, uint64(n+1), confirmation.DeliveryTag)
		want(t, true, confirmed(t, confirmation))
	}
	wantAll(t, numbered(0, 100), c.take(queue))
}

func TestConfirmsOfManyAtOnce(t *testing.T) {
	c := confirming(t)
	queue := c.queue(nil)
	const count = 5000
	// Those that the client reports one by one, whether the broker confirmed them so or together.
	reported := c.NotifyPublish(make(chan amqp.Confirmation, count))
	var pending []*amqp.DeferredConfirmation
	for n := range count {
		pending = append(pending, c.deferred("", queue, fmt.Sprint(n)))
	}
	for n, confirmation := range pending {
		want(t, true, confirmed(t, confirmation))
		want(t, amqp.Confirmation{DeliveryTag: uint64(n + 1), Ack: true}, next(t, reported))
	}
	want(t, count, c.ready(queue))
}

func TestUnroutableMessageIsConfirmed(t *testing.T) {
	c := confirming(t)
	want(t, true, confirmed(t, c.deferred("amq.direct", fresh("nowhere"), "lost")))
}

func TestMandatoryMessageWithoutAQueueIsReturned(t *testing.T) {
	c := confirming(t)
	returns := c.NotifyReturn(make(chan amqp.Return, 1))
	key := fresh("nowhere")
	message := persistent("lost")
	message.MessageId = "mine"
	confirmation, err := c.PublishWithDeferredConfirmWithContext(
		t.Context(), "amq.direct", key, true, false, message)
	check(t, err)
	want(t, true, confirmed(t, confirmation))
	// It comes before the confirm.
	want(t, 1, len(returns))
	returned := next(t, returns)
	want(t, 312, returned.ReplyCode)
	want(t, "NO_ROUTE", returned.ReplyText)
	want(t, "amq.direct", returned.Exchange)
	want(t, key, returned.RoutingKey)
	want(t, "mine", returned.MessageId)
	want(t, "lost", string(returned.Body))
}

func TestFullQueueRefuses(t *testing.T) {
	c := confirming(t)
	queue := c.queue(amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"})
	want(t, true, confirmed(t, c.deferred("", queue, "fits")))
	want(t, false, confirmed(t, c.deferred("", queue, "does not")))
	wantAll(t, []string{"fits"}, c.take(queue))
}

func TestPropertiesComeBackAsTheyWere(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	sent := amqp.Publishing{
		Headers: amqp.Table{
			"int8": int8(-1), "int16": int16(-2), "int32": int32(-3), "int64": int64(1 << 40),
			"uint8": uint8(200), "float": float32(0.5), "double": 2.25, "true": true,
			"text": "text", "bytes": []byte{0, 255}, "nothing": nil,
			"decimal": amqp.Decimal{Scale: 2, Value: 12345},
			"time":    time.Unix(1_700_000_000, 0).UTC(),
			"list":    []any{int32(1), "two", amqp.Table{"three": int32(3)}},
			"table":   amqp.Table{"nested": amqp.Table{"deeper": true}},
		},
		ContentType: "text/plain", ContentEncoding: "utf-8", DeliveryMode: 2, Priority: 3,
		CorrelationId: "c", ReplyTo: "r", Expiration: "60000", MessageId: "m",
		Timestamp: time.Unix(1_700_000_001, 0).UTC(), Type: "t", UserId: "guest", AppId: "a",
		Body: []byte("body"),
	}
	c.send("", queue, sent)
	got := c.get(queue)
	back := amqp.Publishing{
		Headers: got.Headers, ContentType: got.ContentType, ContentEncoding: got.ContentEncoding,
		DeliveryMode: got.DeliveryMode, Priority: got.Priority, CorrelationId: got.CorrelationId,
		ReplyTo: got.ReplyTo, Expiration: got.Expiration, MessageId: got.MessageId,
		Timestamp: got.Timestamp.UTC(), Type: got.Type, UserId: got.UserId, AppId: got.AppId,
		Body: got.Body,
	}
	if at, ok := back.Headers["time"].(time.Time); ok {
		back.Headers["time"] = at.UTC()
	}
	if !reflect.DeepEqual(sent, back) {
		t.Fatalf("sent %+v\ngot %+v", sent, back)
	}
	want(t, "", got.Exchange)
	want(t, queue, got.RoutingKey)
}

func TestLargeBody(t *testing.T) {
	c := confirming(t)
	queue := c.queue(nil)
	body := bytes.Repeat([]byte("0123456789"), 1<<20)
	confirmation := c.deferred("", queue, string(body))
	want(t, true, confirmed(t, confirmation))
	c.fill(queue, "")
	deliveries := c.consume(queue, true)
	if got := next(t, deliveries).Body; !bytes.Equal(body, got) {
		t.Fatalf("%d other bytes came", len(got))
	}
	want(t, 0, len(next(t, deliveries).Body))
}

func TestTransaction(t *testing.T) {
	connection := connect(t)
	c, other := channelOf(t, connection), channelOf(t, connection)
	queue := c.queue(nil)
	check(t, c.Tx())
	c.fill(queue, "a", "b")
	want(t, 0, other.ready(queue))
	check(t, c.TxCommit())
	want(t, 2, other.ready(queue))
	c.fill(queue, "never")
	check(t, c.TxRollback())
	check(t, c.TxCommit())
	want(t, 2, other.ready(queue))
	// An acknowledgement is part of it, too.
	check(t, c.get(queue).Ack(false))
	check(t, c.TxRollback())
	check(t, c.get(queue).Ack(false))
	check(t, c.TxCommit())
	check(t, c.Close())
	other.waitReady(queue, 1)
}
