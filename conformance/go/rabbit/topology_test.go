package rabbit

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestDefaultExchangeRoutesByQueueName(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, "a", "b")
	wantAll(t, []string{"a", "b"}, c.take(queue))
}

// routes binds a queue, publishes with each key, and says which of them arrived, also when the
// binding is gone.
func routes(t *testing.T, kind, binding string, keys ...string) []string {
	t.Helper()
	c := open(t)
	queue, exchange := c.queue(nil), c.exchange(kind, nil)
	c.bind(queue, binding, exchange, nil)
	for _, key := range keys {
		c.send(exchange, key, persistent(key))
	}
	arrived := c.take(queue)
	check(t, c.QueueUnbind(queue, binding, exchange, nil))
	for _, key := range keys {
		c.send(exchange, key, persistent(key))
	}
	wantAll(t, nil, c.take(queue))
	check(t, c.ExchangeDelete(exchange, true, false))
	return arrived
}

func TestDirectExchange(t *testing.T) {
	wantAll(t, []string{"a"}, routes(t, "direct", "a", "b", "a", "a.b"))
}

func TestFanoutExchange(t *testing.T) {
	wantAll(t, []string{"a", "", "b"}, routes(t, "fanout", "ignored", "a", "", "b"))
}

func TestTopicExchange(t *testing.T) {
	arrived := routes(t, "topic", "a.*.#", "a", "a.b", "b.b", "a.b.c", "a..c")
	wantAll(t, []string{"a.b", "a.b.c", "a..c"}, arrived)
}

func TestHeadersExchange(t *testing.T) {
	c := open(t)
	exchange := c.exchange("headers", nil)
	all, some := c.queue(nil), c.queue(nil)
	c.bind(all, "", exchange, amqp.Table{"x-match": "all", "a": int32(1), "b": "two"})
	c.bind(some, "", exchange, amqp.Table{"x-match": "any", "a": int32(1), "b": "two"})
	for body, headers := range map[string]amqp.Table{
		"both": {"a": int32(1), "b": "two", "c": true}, "none": {"a": int32(2)},
	} {
		c.send(exchange, "", amqp.Publishing{Headers: headers, Body: []byte(body)})
	}
	one := amqp.Publishing{Headers: amqp.Table{"a": int32(1), "b": "three"}, Body: []byte("one")}
	c.send(exchange, "", one)
	wantAll(t, []string{"both"}, c.take(all))
	wantAll(t, []string{"both", "one"}, c.take(some))
}

func TestConsistentHashExchange(t *testing.T) {
	c := open(t)
	exchange := c.exchange("x-consistent-hash", nil)
	queues := []string{c.queue(nil), c.queue(nil)}
	for _, queue := range queues {
		c.bind(queue, "10", exchange, nil)
	}
	for range 2 {
		for n := range 100 {
			c.send(exchange, fmt.Sprint(n), persistent(fmt.Sprint(n)))
		}
	}
	total := 0
	for _, queue := range queues {
		times := map[string]int{}
		for _, body := range c.take(queue) {
			times[body]++
			total++
		}
		for body, count := range times {
			if count != 2 {
				t.Fatalf("%s came %d times to one queue: a key stays with its queue", body, count)
			}
		}
		if len(times) < 10 {
			t.Fatalf("one queue has got %d of 100 keys", len(times))
		}
	}
	want(t, 200, total)
}

func TestExchangeToExchangeAndAlternate(t *testing.T) {
	c := open(t)
	unrouted := c.exchange("fanout", nil)
	first := c.exchange("direct", amqp.Table{"alternate-exchange": unrouted})
	second := c.exchange("fanout", nil)
	check(t, c.ExchangeBind(second, "k", first, false, nil))
	through, other := c.queue(nil), c.queue(nil)
	c.bind(through, "", second, nil)
	c.bind(other, "", unrouted, nil)
	c.send(first, "k", persistent("through"))
	c.send(first, "else", persistent("alternate"))
	wantAll(t, []string{"through"}, c.take(through))
	wantAll(t, []string{"alternate"}, c.take(other))
	check(t, c.ExchangeUnbind(second, "k", first, false, nil))
	c.send(first, "k", persistent("unbound"))
	wantAll(t, []string{"unbound"}, c.take(other))
}

func TestServerNamedQueue(t *testing.T) {
	c := open(t)
	queue, err := c.QueueDeclare("", false, false, true, false, nil)
	check(t, err)
	if !strings.HasPrefix(queue.Name, "amq.gen-") {
		t.Fatalf("named %s", queue.Name)
	}
	c.fill(queue.Name, "m")
	wantAll(t, []string{"m"}, c.take(queue.Name))
	// No name is the last queue that the channel declared.
	c.fill(queue.Name, "again")
	wantAll(t, []string{"again"}, c.take(""))
}

func TestExclusiveQueueEndsWithItsConnection(t *testing.T) {
	owner, other := connect(t), connect(t)
	name := fresh("mine")
	_, err := channelOf(t, owner).QueueDeclare(name, false, false, true, false, nil)
	check(t, err)
	_, err = channelOf(t, other).QueueDeclarePassive(name, false, false, false, false, nil)
	wantRefusal(t, err, 405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '"+
		name+"' in vhost '/'. It could be originally declared on another connection or the "+
		"exclusive property value does not match that of the original declaration.")
	check(t, owner.Close())
	_, err = channelOf(t, other).QueueDeclarePassive(name, false, false, false, false, nil)
	wantRefusal(t, err, 404, "NOT_FOUND - no queue '"+name+"' in vhost '/'")
}

func TestAutoDeleteQueueEndsWithItsLastConsumer(t *testing.T) {
	c := open(t)
	name := fresh("auto")
	_, err := c.QueueDeclare(name, false, true, false, false, nil)
	check(t, err)
	want(t, 0, c.ready(name))
	_, err = c.Consume(name, "only", true, false, false, false, nil)
	check(t, err)
	check(t, c.Cancel("only", false))
	_, err = c.QueueDeclarePassive(name, false, true, false, false, nil)
	wantRefusal(t, err, 404, "NOT_FOUND - no queue '"+name+"' in vhost '/'")
}

func TestAutoDeleteExchangeEndsWithItsLastBinding(t *testing.T) {
	connection := connect(t)
	c := channelOf(t, connection)
	name := fresh("auto")
	check(t, c.ExchangeDeclare(name, "fanout", false, true, false, false, nil))
	queue := c.queue(nil)
	c.bind(queue, "", name, nil)
	check(t, c.QueueUnbind(queue, "", name, nil))
	err := channelOf(t, connection).
		ExchangeDeclarePassive(name, "fanout", false, true, false, false, nil)
	wantRefusal(t, err, 404, "NOT_FOUND - no exchange '"+name+"' in vhost '/'")
}

func TestPurgeAndDeleteSayHowMany(t *testing.T) {
	c := open(t)
	queue := c.queue(nil)
	c.fill(queue, "a", "b")
	count, err := c.QueuePurge(queue, false)
	check(t, err)
	want(t, 2, count)
	c.fill(queue, "c")
	count, err = c.QueueDelete(queue, false, false, false)
	check(t, err)
	want(t, 1, count)
	count, err = c.QueueDelete(queue, false, false, false)
	check(t, err)
	want(t, 0, count)
}
