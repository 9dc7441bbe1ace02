package rabbit

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func (f *forebay) open() channel {
	f.t.Helper()
	return channelOf(f.t, connectTo(f.t, url(f.amqp), amqp.Config{}))
}

func TestRestartKeepsDurableQueuesAndTheirMessages(t *testing.T) {
	server := startForebay(t)
	c := server.open()
	queue, exchange := c.queue(nil), c.exchange("topic", nil)
	c.bind(queue, "#", exchange, nil)
	_, err := c.QueueDeclare("lost", false, false, false, false, nil)
	check(t, err)
	check(t, c.Confirm(false))
	for _, body := range []string{"a", "b"} {
		want(t, true, confirmed(t, c.deferred(exchange, "k", body)))
	}
	check(t, c.get(queue).Ack(false))
	// Its answer comes after the acknowledgement was done.
	want(t, 1, c.ready(queue))
	server.stop()
	server.start()
	c = server.open()
	c.send(exchange, "k", persistent("c"))
	wantAll(t, []string{"b", "c"}, c.take(queue))
	_, err = c.QueueDeclarePassive("lost", false, false, false, false, nil)
	wantRefusal(t, err, 404, "NOT_FOUND - no queue 'lost' in vhost '/'")
}

func TestKillLosesNothingThatWasConfirmed(t *testing.T) {
	server := startForebay(t)
	const queue, bySize = "kept", 500
	sent := 0
	// Confirmed, and sent without an answer: the ones must be there, the others may.
	var confirmedBodies []string
	for range 3 {
		c := server.open()
		_, err := c.QueueDeclare(queue, true, false, false, false, nil)
		check(t, err)
		check(t, c.Confirm(false))
		var pending []*amqp.DeferredConfirmation
		for range bySize {
			pending = append(pending, c.deferred("", queue, fmt.Sprint(sent+len(pending))))
		}
		want(t, true, confirmed(t, pending[bySize/2]))
		server.kill()
		for n, confirmation := range pending {
			select {
			case <-confirmation.Done():
				if confirmation.Acked() {
					confirmedBodies = append(confirmedBodies, fmt.Sprint(sent+n))
				}
			default:
			}
		}
		sent += bySize
		server.start()
	}
	arrived := map[string]int{}
	for _, body := range server.open().take(queue) {
		arrived[body]++
	}
	for _, body := range confirmedBodies {
		want(t, 1, arrived[body])
	}
	if len(confirmedBodies) < 3*bySize/2 {
		t.Fatalf("only %d were confirmed", len(confirmedBodies))
	}
}

func TestKillBringsBackWhatWasNotAcknowledged(t *testing.T) {
	server := startForebay(t)
	c := server.open()
	queue := c.queue(nil)
	check(t, c.Confirm(false))
	for _, body := range numbered(0, 10) {
		want(t, true, confirmed(t, c.deferred("", queue, body)))
	}
	held := nextMany(t, c.consume(queue, false), 10)
	check(t, held[3].Ack(true))
	want(t, 0, c.ready(queue))
	server.kill()
	server.start()
	wantAll(t, numbered(4, 10), server.open().take(queue))
}

func TestConnectionAndTopologyRecoverAfterARestart(t *testing.T) {
	server := startForebay(t)
	connection := connectTo(t, url(server.amqp), amqp.Config{
		Recovery: &amqp.Recovery{ReconnectionConfig: &amqp.ReconnectionConfig{
			MaxRetryCount: 1000, RetryInterval: 20 * time.Millisecond,
		}},
	})
	states := make(chan *amqp.StateChanged, 10)
	connection.NotifyStateChange(states)
	c := channelOf(t, connection)
	// Not durable: the client declares, binds and consumes again.
	queue, exchange := fresh("transient"), fresh("exchange")
	_, err := c.QueueDeclare(queue, false, true, true, false, nil)
	check(t, err)
	check(t, c.ExchangeDeclare(exchange, "topic", false, true, false, false, nil))
	c.bind(queue, "k.#", exchange, nil)
	deliveries := c.consume(queue, true)
	c.send(exchange, "k.1", persistent("before"))
	want(t, "before", string(next(t, deliveries).Body))
	server.kill()
	server.start()
	for next(t, states).To != amqp.StateOpen {
	}
	c.send(exchange, "k.2", persistent("after"))
	want(t, "after", string(next(t, deliveries).Body))
}
