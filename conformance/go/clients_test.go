// Package conformance holds franz-go's view of the broker: a test's name is the promise.
package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func fresh(kind string) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	return kind + "-go-" + hex.EncodeToString(random)
}

func client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append(opts, kgo.SeedBrokers(os.Getenv("BROKER")))
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}

func admin(t *testing.T) *kadm.Client {
	t.Helper()
	return kadm.NewClient(client(t))
}

func topic(t *testing.T, partitions int32, config map[string]*string) string {
	t.Helper()
	name := fresh("topic")
	if _, err := admin(t).CreateTopic(soon(t), partitions, 1, config, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func produce(t *testing.T, records []*kgo.Record, opts ...kgo.Opt) {
	t.Helper()
	opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := client(t, opts...).ProduceSync(soon(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// take reads until count records have come.
func take(t *testing.T, cl *kgo.Client, count int) []*kgo.Record {
	t.Helper()
	ctx := soon(t)
	var taken []*kgo.Record
	for len(taken) < count {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(taken), count, err)
		}
		taken = append(taken, fetches.Records()...)
	}
	return taken
}

func read(t *testing.T, topic string, count int, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	opts = append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	return take(t, client(t, opts...), count)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func wantErr(t *testing.T, want, got error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("want %v, got %v", want, got)
	}
}
