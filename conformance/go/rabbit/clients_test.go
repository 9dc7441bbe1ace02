// Package rabbit holds amqp091-go's view of the broker: a test's name is the promise.
package rabbit

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const patience = 30 * time.Second

// How long nothing must come where nothing is to come.
const quiet = 300 * time.Millisecond

func fresh(kind string) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	return kind + "-go-" + hex.EncodeToString(random)
}

func forebayOnly(t *testing.T) {
	t.Helper()
	if kind := os.Getenv("BROKER_KIND"); kind != "" && kind != "forebay" {
		t.Skip("only against Forebay")
	}
}

func url(address string) string { return "amqp://guest:guest@" + address + "/" }

func brokerURL() string { return url(os.Getenv("BROKER_AMQP")) }

func connectTo(t *testing.T, url string, config amqp.Config) *amqp.Connection {
	t.Helper()
	connection, err := amqp.DialConfig(url, config)
	check(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func connect(t *testing.T) *amqp.Connection {
	t.Helper()
	return connectTo(t, brokerURL(), amqp.Config{})
}

// channel ends the case when the broker refuses what it is asked through its own methods.
type channel struct {
	*amqp.Channel
	t *testing.T
}

func channelOf(t *testing.T, connection *amqp.Connection) channel {
	t.Helper()
	opened, err := connection.Channel()
	check(t, err)
	return channel{opened, t}
}

func open(t *testing.T) channel {
	t.Helper()
	return channelOf(t, connect(t))
}

// queue declares a durable queue.
func (c channel) queue(arguments amqp.Table) string {
	c.t.Helper()
	name := fresh("queue")
	_, err := c.QueueDeclare(name, true, false, false, false, arguments)
	check(c.t, err)
	return name
}

func (c channel) exchange(kind string, arguments amqp.Table) string {
	c.t.Helper()
	name := fresh(kind)
	check(c.t, c.ExchangeDeclare(name, kind, true, false, false, false, arguments))
	return name
}

func (c channel) bind(queue, key, exchange string, arguments amqp.Table) {
	c.t.Helper()
	check(c.t, c.QueueBind(queue, key, exchange, false, arguments))
}

func persistent(body string) amqp.Publishing {
	return amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)}
}

func (c channel) send(exchange, key string, message amqp.Publishing) {
	c.t.Helper()
	check(c.t, c.PublishWithContext(c.t.Context(), exchange, key, false, false, message))
}

func (c channel) fill(queue string, bodies ...string) {
	c.t.Helper()
	for _, body := range bodies {
		c.send("", queue, persistent(body))
	}
}

func (c channel) ready(queue string) int {
	c.t.Helper()
	found, err := c.QueueDeclarePassive(queue, true, false, false, false, nil)
	check(c.t, err)
	return found.Messages
}

func (c channel) waitReady(queue string, count int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%d messages in %s", count, queue), func() bool {
		return c.ready(queue) == count
	})
}

// get takes one message, which must be there, without acknowledging it.
func (c channel) get(queue string) amqp.Delivery {
	c.t.Helper()
	message, ok, err := c.Get(queue, false)
	check(c.t, err)
	if !ok {
		c.t.Fatalf("%s is empty", queue)
	}
	return message
}

// take takes and acknowledges everything that is ready.
func (c channel) take(queue string) []string {
	c.t.Helper()
	bodies := []string{}
	for {
		message, ok, err := c.Get(queue, true)
		check(c.t, err)
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(message.Body))
	}
}

func (c channel) consume(queue string, autoAck bool) <-chan amqp.Delivery {
	c.t.Helper()
	deliveries, err := c.Consume(queue, "", autoAck, false, false, false, nil)
	check(c.t, err)
	return deliveries
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(patience):
		t.Fatal("nothing came in time")
		panic("not reached")
	}
}

func nextMany(t *testing.T, from <-chan amqp.Delivery, count int) []amqp.Delivery {
	t.Helper()
	var got []amqp.Delivery
	for range count {
		got = append(got, next(t, from))
	}
	return got
}

func nothing[T any](t *testing.T, from <-chan T) {
	t.Helper()
	select {
	case got := <-from:
		t.Fatalf("nothing was to come, but %+v", got)
	case <-time.After(quiet):
	}
}

func bodies(deliveries []amqp.Delivery) []string {
	var bodies []string
	for _, delivery := range deliveries {
		bodies = append(bodies, string(delivery.Body))
	}
	return bodies
}

func numbered(from, to int) []string {
	var bodies []string
	for n := from; n < to; n++ {
		bodies = append(bodies, fmt.Sprint(n))
	}
	return bodies
}

// refused says how the broker closed a channel or a connection.
func refused(t *testing.T, err error) (int, string) {
	t.Helper()
	var refusal *amqp.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("not refused: %v", err)
	}
	return refusal.Code, refusal.Reason
}

func wantRefusal(t *testing.T, err error, code int, reason string) {
	t.Helper()
	gotCode, gotReason := refused(t, err)
	want(t, code, gotCode)
	want(t, reason, gotReason)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want[T comparable](t *testing.T, want, got T) {
	t.Helper()
	if want != got {
		t.Fatalf("want %v, got %v", want, got)
	}
}

func wantAll[T comparable](t *testing.T, want, got []T) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Fatalf("want %v, got %v", want, got)
	}
}
