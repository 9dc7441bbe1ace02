package rabbit

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func expiring(body, milliseconds string) amqp.Publishing {
	message := persistent(body)
	message.Expiration = milliseconds
	return message
}

// deaths is what the header x-death says, the youngest first.
func deaths(t *testing.T, message amqp.Delivery) []amqp.Table {
	t.Helper()
	list, _ := message.Headers["x-death"].([]any)
	var found []amqp.Table
	for _, entry := range list {
		death, ok := entry.(amqp.Table)
		if !ok {
			t.Fatalf("x-death is %+v", list)
		}
		found = append(found, death)
	}
	return found
}

func TestMessagesExpire(t *testing.T) {
	c := open(t)
	plain, short := c.queue(nil), c.queue(amqp.Table{"x-message-ttl": int32(100)})
	c.fill(short, "a")
	c.send("", plain, expiring("b", "100"))
	c.waitReady(short, 0)
	c.waitReady(plain, 0)
}

func TestQueuesExpire(t *testing.T) {
	c := open(t)
	queue := c.queue(amqp.Table{"x-expires": int32(100)})
	exchange := c.exchange("fanout", nil)
	c.bind(queue, "", exchange, nil)
	// Looking at the queue itself might renew it.
	eventually(t, "its binding is gone with it", func() bool {
		err := open(t).ExchangeDelete(exchange, true, false)
		return err == nil
	})
}

func TestExpiredMessagesAreDeadLettered(t *testing.T) {
	c := open(t)
	dead := c.queue(nil)
	queue := c.queue(amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
	message := expiring("late", "50")
	message.Headers = amqp.Table{"mine": int32(1)}
	c.send("", queue, message)
	c.waitReady(dead, 1)
	found := c.get(dead)
	want(t, "late", string(found.Body))
	want(t, "", found.Expiration)
	want(t, any(int32(1)), found.Headers["mine"])
	want(t, any(queue), found.Headers["x-first-death-queue"])
	want(t, any("expired"), found.Headers["x-first-death-reason"])
	want(t, any(""), found.Headers["x-first-death-exchange"])
	death := deaths(t, found)
	want(t, 1, len(death))
	want(t, any(queue), death[0]["queue"])
	want(t, any("expired"), death[0]["reason"])
	want(t, any(int64(1)), death[0]["count"])
	want(t, any(""), death[0]["exchange"])
	want(t, any("50"), death[0]["original-expiration"])
	keys, _ := death[0]["routing-keys"].([]any)
	wantAll(t, []any{queue}, keys)
}

func TestRejectedMessagesAreDeadLetteredThroughAnExchange(t *testing.T) {
	c := open(t)
	exchange, dead := c.exchange("fanout", nil), c.queue(nil)
	c.bind(dead, "", exchange, nil)
	queue := c.queue(amqp.Table{"x-dead-letter-exchange": exchange})
	c.fill(queue, "poison")
	check(t, c.get(queue).Nack(false, false))
	c.waitReady(dead, 1)
	found := c.get(dead)
	want(t, exchange, found.Exchange)
	want(t, queue, found.RoutingKey)
	want(t, any("rejected"), deaths(t, found)[0]["reason"])
}

func TestRepeatedDeathsAreCounted(t *testing.T) {
	c := open(t)
	// Each is the other's place for the dead: what expires in the one waits in the other.
	parked, work := fresh("parked"), fresh("work")
	for queue, arguments := range map[string]amqp.Table{
		parked: {"x-message-ttl": int32(20), "x-dead-letter-routing-key": work},
		work:   {"x-dead-letter-routing-key": parked},
	} {
		arguments["x-dead-letter-exchange"] = ""
		_, err := c.QueueDeclare(queue, true, false, false, false, arguments)
		check(t, err)
	}
	c.fill(work, "again")
	for range 3 {
		c.waitReady(work, 1)
		check(t, c.get(work).Reject(false))
	}
	c.waitReady(work, 1)
	death := deaths(t, c.get(work))
	want(t, 2, len(death))
	for at, expected := range []amqp.Table{
		{"queue": parked, "reason": "expired"}, {"queue": work, "reason": "rejected"},
	} {
		want(t, expected["queue"], death[at]["queue"])
		want(t, expected["reason"], death[at]["reason"])
		want(t, any(int64(3)), death[at]["count"])
	}
}

func TestLongestQueueDropsItsHead(t *testing.T) {
	c := open(t)
	dead := c.queue(nil)
	queue := c.queue(amqp.Table{
		"x-max-length": int32(2), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
	})
	c.fill(queue, "a", "b", "c")
	wantAll(t, []string{"b", "c"}, c.take(queue))
	c.waitReady(dead, 1)
	want(t, any("maxlen"), deaths(t, c.get(dead))[0]["reason"])
}

func TestLargestQueueDropsItsHead(t *testing.T) {
	c := open(t)
	queue := c.queue(amqp.Table{"x-max-length-bytes": int32(10)})
	c.fill(queue, "12345", "6789", "0", "1")
	wantAll(t, []string{"6789", "0", "1"}, c.take(queue))
}

func TestFullQueueDeadLettersWhatItRefuses(t *testing.T) {
	c := confirming(t)
	dead := c.queue(nil)
	queue := c.queue(amqp.Table{
		"x-max-length": int32(1), "x-overflow": "reject-publish-dlx",
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
	})
	want(t, true, confirmed(t, c.deferred("", queue, "fits")))
	want(t, false, confirmed(t, c.deferred("", queue, "does not")))
	wantAll(t, []string{"fits"}, c.take(queue))
	c.waitReady(dead, 1)
	found := c.get(dead)
	want(t, "does not", string(found.Body))
	want(t, any("maxlen"), deaths(t, found)[0]["reason"])
}

func TestPriorities(t *testing.T) {
	c := open(t)
	queue := c.queue(amqp.Table{"x-max-priority": int32(5)})
	for body, priority := range map[string]uint8{"low": 1, "high": 5, "middle": 3, "none": 0} {
		message := persistent(body)
		message.Priority = priority
		c.send("", queue, message)
	}
	wantAll(t, []string{"high", "middle", "low", "none"}, c.take(queue))
}

func TestQuorumQueueGivesUpOnAMessage(t *testing.T) {
	c := open(t)
	dead := c.queue(nil)
	queue := c.queue(amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeQuorum, "x-delivery-limit": int32(1),
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
	})
	c.fill(queue, "poison")
	deliveries := c.consume(queue, false)
	check(t, next(t, deliveries).Reject(true))
	again := next(t, deliveries)
	want(t, true, again.Redelivered)
	check(t, again.Reject(true))
	c.waitReady(dead, 1)
	want(t, any("delivery_limit"), deaths(t, c.get(dead))[0]["reason"])
}
