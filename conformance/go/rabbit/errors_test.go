package rabbit

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestMissingQueue(t *testing.T) {
	connection := connect(t)
	reason := "NOT_FOUND - no queue 'nope' in vhost '/'"
	_, _, err := channelOf(t, connection).Get("nope", true)
	wantRefusal(t, err, 404, reason)
	_, err = channelOf(t, connection).QueuePurge("nope", false)
	wantRefusal(t, err, 404, reason)
	_, err = channelOf(t, connection).Consume("nope", "", true, false, false, false, nil)
	wantRefusal(t, err, 404, reason)
	want(t, false, connection.IsClosed())
}

func TestPublishToAMissingExchangeClosesTheChannel(t *testing.T) {
	connection := connect(t)
	c := channelOf(t, connection)
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	c.send("nope", "key", persistent("lost"))
	refusal := next(t, closed)
	wantRefusal(t, refusal, 404, "NOT_FOUND - no exchange 'nope' in vhost '/'")
	want(t, true, refusal.Server)
	want(t, false, connection.IsClosed())
	c = channelOf(t, connection)
	queue := c.queue(nil)
	c.fill(queue, "a new channel works")
	wantAll(t, []string{"a new channel works"}, c.take(queue))
}

func TestDeclaringAgainOtherwise(t *testing.T) {
	connection := connect(t)
	queue := channelOf(t, connection).queue(nil)
	inequivalent := func(argument string) string {
		return "PRECONDITION_FAILED - inequivalent arg '" + argument + "' for queue '" + queue +
			"' in vhost '/': "
	}
	_, err := channelOf(t, connection).QueueDeclare(queue, false, false, false, false, nil)
	wantRefusal(t, err, 406, inequivalent("durable")+"received 'false' but current is 'true'")
	arguments := amqp.Table{"x-message-ttl": int32(1000)}
	_, err = channelOf(t, connection).QueueDeclare(queue, true, false, false, false, arguments)
	wantRefusal(t, err, 406, inequivalent("x-message-ttl")+
		"received the value '1000' of type 'signedint' but current is none")
}

func TestExchangeOfAnotherOrNoType(t *testing.T) {
	connection := connect(t)
	exchange := channelOf(t, connection).exchange("direct", nil)
	err := channelOf(t, connection).
		ExchangeDeclare(exchange, "fanout", true, false, false, false, nil)
	wantRefusal(t, err, 406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange '"+
		exchange+"' in vhost '/': received 'fanout' but current is 'direct'")
	err = channelOf(t, connection).
		ExchangeDeclare(fresh("none"), "bogus", true, false, false, false, nil)
	wantRefusal(t, err, 406, "PRECONDITION_FAILED - unknown exchange type 'bogus'")
}

func TestUnknownDeliveryTag(t *testing.T) {
	c := open(t)
	closed := c.NotifyClose(make(chan *amqp.Error, 1))
	check(t, c.Ack(99, false))
	wantRefusal(t, next(t, closed), 406, "PRECONDITION_FAILED - unknown delivery tag 99")
}

func TestInvalidArguments(t *testing.T) {
	connection := connect(t)
	for _, invalid := range []struct {
		arguments     amqp.Table
		argument, why string
	}{
		{amqp.Table{"x-message-ttl": int32(-1)}, "x-message-ttl", "{value_negative,-1}"},
		{amqp.Table{"x-expires": int32(0)}, "x-expires", "{value_zero,0}"},
		{amqp.Table{"x-overflow": "zzz"}, "x-overflow", "invalid_overflow"},
		{amqp.Table{"x-dead-letter-routing-key": "k"}, "x-dead-letter-routing-key",
			"routing_key_but_no_dlx_defined"},
	} {
		queue := fresh("queue")
		_, err := channelOf(t, connection).
			QueueDeclare(queue, true, false, false, false, invalid.arguments)
		wantRefusal(t, err, 406, "PRECONDITION_FAILED - invalid arg '"+invalid.argument+
			"' for queue '"+queue+"' in vhost '/': "+invalid.why)
	}
}

func TestExclusiveConsumerIsAlone(t *testing.T) {
	connection := connect(t)
	c := channelOf(t, connection)
	queue := c.queue(nil)
	_, err := c.Consume(queue, "", true, true, false, false, nil)
	check(t, err)
	_, err = channelOf(t, connection).Consume(queue, "", true, false, false, false, nil)
	wantRefusal(t, err, 403,
		"ACCESS_REFUSED - queue '"+queue+"' in vhost '/' in exclusive use")
}

func TestConnectionErrorEndsTheConnection(t *testing.T) {
	connection := connect(t)
	c, bystander := channelOf(t, connection), channelOf(t, connection)
	closed := connection.NotifyClose(make(chan *amqp.Error, 1))
	bystanderClosed := bystander.NotifyClose(make(chan *amqp.Error, 1))
	const reason = "NOT_IMPLEMENTED - prefetch_size!=0 (10)"
	wantRefusal(t, c.Qos(0, 10, false), 540, reason)
	wantRefusal(t, next(t, closed), 540, reason)
	wantRefusal(t, next(t, bystanderClosed), 540, reason)
	want(t, true, connection.IsClosed())
	want(t, false, connect(t).IsClosed())
}

func TestWrongPasswordAndUnknownVhost(t *testing.T) {
	address := brokerURL()
	_, err := amqp.DialConfig(address, amqp.Config{
		SASL: []amqp.Authentication{&amqp.PlainAuth{Username: "guest", Password: "wrong"}},
	})
	// The client's own words for 403.
	want[error](t, amqp.ErrCredentials, err)
	_, err = amqp.DialConfig(address, amqp.Config{Vhost: "elsewhere"})
	wantRefusal(t, err, 530, "NOT_ALLOWED - vhost elsewhere not found")
}

func TestBothMechanismsLogIn(t *testing.T) {
	for _, mechanism := range []amqp.Authentication{
		&amqp.PlainAuth{Username: "guest", Password: "guest"},
		&amqp.AMQPlainAuth{Username: "guest", Password: "guest"},
	} {
		connectTo(t, brokerURL(), amqp.Config{SASL: []amqp.Authentication{mechanism}})
	}
}
