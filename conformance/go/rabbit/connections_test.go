package rabbit

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestTwoHundredChannels(t *testing.T) {
	connection := connect(t)
	type pair struct {
		channel    channel
		queue      string
		deliveries <-chan amqp.Delivery
	}
	var pairs []pair
	for range 200 {
		c := channelOf(t, connection)
		name := fresh("queue")
		_, err := c.QueueDeclare(name, false, false, true, false, nil)
		check(t, err)
		pairs = append(pairs, pair{c, name, c.consume(name, false)})
	}
	for n, to := range pairs {
		pairs[(n+1)%len(pairs)].channel.fill(to.queue, fmt.Sprint(n))
	}
	for n, of := range pairs {
		delivery := next(t, of.deliveries)
		want(t, fmt.Sprint(n), string(delivery.Body))
		check(t, delivery.Ack(false))
		check(t, of.channel.Close())
	}
}

func TestChannelNumbersAreUsedAgain(t *testing.T) {
	connection := connectTo(t, brokerURL(), amqp.Config{ChannelMax: 3})
	for range 20 {
		c := channelOf(t, connection)
		want(t, 0, c.ready(c.queue(nil)))
		check(t, c.Close())
	}
}

const heartbeat = time.Second

func TestHeartbeatsKeepAnIdleConnection(t *testing.T) {
	connection := connectTo(t, brokerURL(), amqp.Config{Heartbeat: heartbeat})
	want(t, heartbeat, connection.Config.Heartbeat)
	c := channelOf(t, connection)
	closed := connection.NotifyClose(make(chan *amqp.Error, 1))
	// The client gives up a broker that says nothing for so long.
	select {
	case reason := <-closed:
		t.Fatal(reason)
	case <-time.After(4 * heartbeat):
	}
	want(t, 0, c.ready(c.queue(nil)))
}

// stalling is a connection whose writes are swallowed once it is told so, as if the peer had gone.
type stalling struct {
	net.Conn
	stalled atomic.Bool
}

func (s *stalling) Write(bytes []byte) (int, error) {
	if s.stalled.Load() {
		return len(bytes), nil
	}
	return s.Conn.Write(bytes)
}

func TestClientWithoutHeartbeatsIsDropped(t *testing.T) {
	var wire *stalling
	connection := connectTo(t, brokerURL(), amqp.Config{
		Heartbeat: heartbeat,
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := amqp.DefaultDial(patience)(network, address)
			wire = &stalling{Conn: conn}
			return wire, err
		},
	})
	c, other := channelOf(t, connection), open(t)
	queue := other.queue(nil)
	other.fill(queue, "held")
	nextMany(t, c.consume(queue, false), 1)
	want(t, 0, other.ready(queue))
	wire.stalled.Store(true)
	other.waitReady(queue, 1)
	want(t, true, other.get(queue).Redelivered)
}

func TestFramesAreNoLargerThanAgreed(t *testing.T) {
	const frame = 8192
	connection := connectTo(t, brokerURL(), amqp.Config{FrameSize: frame})
	want(t, frame, connection.Config.FrameSize)
	c := channelOf(t, connection)
	queue := c.queue(nil)
	// A frame larger than agreed would be refused on either side.
	for _, size := range []int{frame - 9, frame - 8, frame - 7, 10 * frame} {
		body := make([]byte, size)
		c.send("", queue, amqp.Publishing{Body: body})
		want(t, size, len(c.get(queue).Body))
	}
}
