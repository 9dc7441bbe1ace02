package rabbit

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestPrefetchBoundsWhatIsUnacknowledged(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, numbered(0, 10)...)
	check(t, c.Qos(3, 0, false))
	deliveries := c.consume(queue, false)
	first := nextMany(t, deliveries, 3)
	wantAll(t, numbered(0, 3), bodies(first))
	nothing(t, deliveries)
	check(t, first[2].Ack(true))
	wantAll(t, numbered(3, 6), bodies(nextMany(t, deliveries, 3)))
	nothing(t, deliveries)
}

func TestPrefetchIsForEachConsumer(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, numbered(0, 10)...)
	check(t, c.Qos(2, 0, false))
	one := c.consume(queue, false)
	check(t, c.Qos(4, 0, false))
	other := c.consume(queue, false)
	nextMany(t, one, 2)
	nextMany(t, other, 4)
	nothing(t, one)
	nothing(t, other)
}

// RabbitMQ 4.3 has given it up, and takes it for the prefetch of each consumer.
func TestGlobalPrefetchIsSharedByTheChannel(t *testing.T) {
	forebayOnly(t)
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, numbered(0, 10)...)
	check(t, c.Qos(2, 0, true))
	one, other := c.consume(queue, false), c.consume(queue, false)
	either := func() amqp.Delivery {
		t.Helper()
		select {
		case delivery := <-one:
			return delivery
		case delivery := <-other:
			return delivery
		case <-time.After(patience):
			t.Fatal("nothing came in time")
			panic("not reached")
		}
	}
	either()
	last := either()
	nothing(t, one)
	nothing(t, other)
	check(t, last.Ack(true))
	either()
	either()
	nothing(t, one)
	nothing(t, other)
}

func TestRequeuedMessagesKeepTheirPlace(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, numbered(0, 5)...)
	c.get(queue)
	c.get(queue)
	check(t, c.get(queue).Nack(true, true))
	for n, body := range numbered(0, 5) {
		message := c.get(queue)
		want(t, body, string(message.Body))
		want(t, n < 3, message.Redelivered)
		want(t, uint32(4-n), message.MessageCount)
	}
}

func TestRejectedMessagesAreGone(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, "a", "b", "c")
	check(t, c.get(queue).Reject(false))
	check(t, c.get(queue).Reject(true))
	wantAll(t, []string{"b", "c"}, c.take(queue))
}

func TestNoAck(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, numbered(0, 3000)...)
	deliveries := c.consume(queue, true)
	wantAll(t, numbered(0, 3000), bodies(nextMany(t, deliveries, 3000)))
	c.waitReady(queue, 0)
}

func TestConsumersTakeTurns(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	one, other := c.consume(queue, true), c.consume(queue, true)
	c.fill(queue, numbered(0, 10)...)
	nextMany(t, one, 5)
	nextMany(t, other, 5)
}

func TestRecover(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, "a", "b")
	c.get(queue)
	c.get(queue)
	want(t, 0, c.ready(queue))
	check(t, c.Recover(true))
	wantAll(t, []string{"a", "b"}, c.take(queue))
}

func TestCancelledConsumerGetsNoMore(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	deliveries, err := c.Consume(queue, "mine", false, false, false, false, nil)
	check(t, err)
	c.fill(queue, "a", "b")
	first := nextMany(t, deliveries, 2)
	check(t, c.Cancel("mine", false))
	c.fill(queue, "c")
	if more, open := <-deliveries; open {
		t.Fatalf("%s came", more.Body)
	}
	// What it had is still its channel's.
	c.waitReady(queue, 1)
	check(t, first[0].Ack(false))
	check(t, first[1].Nack(false, true))
	wantAll(t, []string{"b", "c"}, c.take(queue))
}

func TestConsumerIsToldThatItsQueueIsGone(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	cancelled := c.NotifyCancel(make(chan string, 1))
	deliveries, err := c.Consume(queue, "mine", false, false, false, false, nil)
	check(t, err)
	_, err = open(t).QueueDelete(queue, false, false, false)
	check(t, err)
	want(t, "mine", next(t, cancelled))
	if _, open := <-deliveries; open {
		t.Fatal("a delivery after the end")
	}
	want(t, false, c.IsClosed())
}

func TestWhatAClosedConnectionHeldComesBack(t *testing.T) {
	connection := connect(t)
	held, c := channelOf(t, connection), open(t)
	queue := c.queue(nil)
	c.fill(queue, numbered(0, 5)...)
	nextMany(t, held.consume(queue, false), 5)
	want(t, 0, c.ready(queue))
	check(t, connection.Close())
	c.waitReady(queue, 5)
	for _, body := range numbered(0, 5) {
		message := c.get(queue)
		want(t, body, string(message.Body))
		want(t, true, message.Redelivered)
	}
}

func TestSingleActiveConsumerIsFollowedByTheNext(t *testing.T) {
	connection := connect(t)
	c := channelOf(t, connection)
	queue := c.queue(amqp.Table{"x-single-active-consumer": true})
	active, waiting := channelOf(t, connection), channelOf(t, connection)
	first, second := active.consume(queue, false), waiting.consume(queue, false)
	c.fill(queue, "a", "b")
	wantAll(t, []string{"a", "b"}, bodies(nextMany(t, first, 2)))
	nothing(t, second)
	check(t, active.Close())
	wantAll(t, []string{"a", "b"}, bodies(nextMany(t, second, 2)))
}
