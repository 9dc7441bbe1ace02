package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func roundTrip(t *testing.T, codec kgo.CompressionCodec) {
	name := topic(t, 1, nil)
	var sent []*kgo.Record
	for n := range 500 {
		value := strings.Repeat(fmt.Sprint(n, " "), n%50)
		sent = append(sent, &kgo.Record{Topic: name, Value: []byte(value)})
	}
	produce(t, sent, kgo.ProducerBatchCompression(codec))
	for n, record := range read(t, name, 500) {
		if record.Offset != int64(n) || !bytes.Equal(record.Value, sent[n].Value) {
			t.Fatalf("record %d came back as %d %q", n, record.Offset, record.Value)
		}
	}
}

func TestProduceAndConsume_none(t *testing.T)   { roundTrip(t, kgo.NoCompression()) }
func TestProduceAndConsume_gzip(t *testing.T)   { roundTrip(t, kgo.GzipCompression()) }
func TestProduceAndConsume_snappy(t *testing.T) { roundTrip(t, kgo.SnappyCompression()) }
func TestProduceAndConsume_lz4(t *testing.T)    { roundTrip(t, kgo.Lz4Compression()) }
func TestProduceAndConsume_zstd(t *testing.T)   { roundTrip(t, kgo.ZstdCompression()) }

func TestKeysAndHeaders(t *testing.T) {
	name := topic(t, 1, nil)
	headers := []kgo.RecordHeader{
		{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")},
		{Key: "null", Value: nil}, {Key: "empty", Value: []byte{}},
	}
	produce(t, []*kgo.Record{{Topic: name, Key: []byte("k"), Value: []byte("v"), Headers: headers}})
	got := read(t, name, 1)[0]
	if string(got.Key) != "k" || fmt.Sprint(got.Headers) != fmt.Sprint(headers) {
		t.Fatalf("came back as %v", got)
	}
	if got.Headers[2].Value != nil || got.Headers[3].Value == nil {
		t.Fatal("null and empty are different header values")
	}
}

func TestNullKeysAndNullValues(t *testing.T) {
	name := topic(t, 1, nil)
	produce(t, []*kgo.Record{
		{Topic: name},
		{Topic: name, Key: []byte{}},
		{Topic: name, Value: []byte{}},
	})
	got := read(t, name, 3)
	if got[0].Key != nil || got[0].Value != nil || got[1].Key == nil || got[2].Value == nil {
		t.Fatalf("null and empty are mixed up: %v", got)
	}
}

func TestTimestampsOfTheProducer(t *testing.T) {
	name := topic(t, 1, nil)
	stamp := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	produce(t, []*kgo.Record{{Topic: name, Value: []byte("v"), Timestamp: stamp}})
	if got := read(t, name, 1)[0]; !got.Timestamp.Equal(stamp) {
		t.Fatalf("sent %v, got %v", stamp, got.Timestamp)
	}
}

func TestTimestampsOfTheLog(t *testing.T) {
	kind := "LogAppendTime"
	name := topic(t, 1, map[string]*string{"message.timestamp.type": &kind})
	before := time.Now().Truncate(time.Millisecond)
	produce(t, []*kgo.Record{{Topic: name, Value: []byte("v"), Timestamp: time.UnixMilli(1000)}})
	got := read(t, name, 1)[0]
	if got.Timestamp.Before(before) || got.Attrs.TimestampType() != 1 {
		t.Fatalf("got %v of type %d", got.Timestamp, got.Attrs.TimestampType())
	}
}

func TestOrderWithinAPartition(t *testing.T) {
	name := topic(t, 3, nil)
	var sent []*kgo.Record
	for n := range 9000 {
		sent = append(sent, &kgo.Record{
			Topic: name, Partition: int32(n % 3), Value: fmt.Append(nil, n),
		})
	}
	produce(t, sent)
	next := [3]int64{}
	for _, record := range read(t, name, 9000) {
		at := record.Partition
		if record.Offset != next[at] || string(record.Value) != fmt.Sprint(next[at]*3+int64(at)) {
			t.Fatalf("partition %d: want offset %d, got %v", at, next[at], record)
		}
		next[at]++
	}
}

func TestTenMegabyteRecordsWhereConfigured(t *testing.T) {
	limit := fmt.Sprint(11 << 20)
	name := topic(t, 1, map[string]*string{"max.message.bytes": &limit})
	value := bytes.Repeat([]byte{7}, 10<<20)
	produce(t, []*kgo.Record{{Topic: name, Value: value}},
		kgo.ProducerBatchMaxBytes(11<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if got := read(t, name, 1); !bytes.Equal(got[0].Value, value) {
		t.Fatalf("%d bytes came back", len(got[0].Value))
	}
}

func TestRecordTooLargeWhereNotConfigured(t *testing.T) {
	name := topic(t, 1, nil)
	cl := client(t, kgo.ProducerBatchMaxBytes(4<<20),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	record := &kgo.Record{Topic: name, Value: make([]byte, 2<<20)}
	wantErr(t, kerr.MessageTooLarge, cl.ProduceSync(soon(t), record).FirstErr())
}

func TestTopicsAreCreatedByUse(t *testing.T) {
	name := fresh("auto")
	produce(t, []*kgo.Record{{Topic: name, Value: []byte("first")}}, kgo.AllowAutoTopicCreation())
	if got := read(t, name, 1); string(got[0].Value) != "first" {
		t.Fatalf("got %v", got)
	}
}

func TestReadCommittedOnPlainData(t *testing.T) {
	name := topic(t, 1, nil)
	produce(t, []*kgo.Record{{Topic: name, Value: []byte("plain")}})
	read(t, name, 1, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
}

func TestALongPollReturnsWhenDataArrives(t *testing.T) {
	name := topic(t, 1, nil)
	cl := client(t, kgo.ConsumeTopics(name), kgo.FetchMaxWait(5*time.Second),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	produce(t, []*kgo.Record{{Topic: name, Value: []byte("warm")}})
	take(t, cl, 1)
	writer := client(t)
	_ = writer.Ping(soon(t))
	sent := time.Now()
	record := &kgo.Record{Topic: name, Value: []byte("prompt")}
	if err := writer.ProduceSync(soon(t), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	take(t, cl, 1)
	if waited := time.Since(sent); waited > time.Second {
		t.Fatalf("the record took %v to a waiting consumer", waited)
	}
}
