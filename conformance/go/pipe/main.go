// Pipe sends JSON lines to a topic and writes a topic as JSON lines, for the suite in which every
// client reads every other.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type line struct {
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   [][2]any `json:"headers"`
}

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	verb, topic, file := os.Args[1], os.Args[2], os.Args[4]
	switch verb {
	case "feed":
		feed(ctx, topic, codecs[os.Args[3]], file)
	case "dump":
		count, err := strconv.Atoi(os.Args[3])
		must(err)
		dump(ctx, topic, count, file)
	default:
		log.Fatal("feed TOPIC CODEC FILE, or dump TOPIC COUNT FILE")
	}
}

func feed(ctx context.Context, topic string, codec kgo.CompressionCodec, file string) {
	in, err := os.Open(file)
	must(err)
	var records []*kgo.Record
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var l line
		must(json.Unmarshal(lines.Bytes(), &l))
		record := &kgo.Record{
			Topic: topic, Partition: l.Partition, Key: l.Key, Value: l.Value,
			Timestamp: time.UnixMilli(l.Timestamp),
		}
		for _, header := range l.Headers {
			record.Headers = append(record.Headers,
				kgo.RecordHeader{Key: header[0].(string), Value: unbase64(header[1])})
		}
		records = append(records, record)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("BROKER")),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec))
	must(err)
	defer cl.Close()
	must(cl.ProduceSync(ctx, records...).FirstErr())
}

func dump(ctx context.Context, topic string, count int, file string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("BROKER")), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(err)
	defer cl.Close()
	out, err := os.Create(file)
	must(err)
	lines := json.NewEncoder(out)
	for read := 0; read < count; {
		fetches := cl.PollFetches(ctx)
		must(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			l := line{
				Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(),
				Key: r.Key, Value: r.Value, Headers: [][2]any{},
			}
			for _, header := range r.Headers {
				l.Headers = append(l.Headers, [2]any{header.Key, header.Value})
			}
			must(lines.Encode(l))
			read++
		})
	}
	must(out.Close())
}

// unbase64 decodes as encoding/json does for a []byte field; null stays nil.
func unbase64(value any) []byte {
	raw, err := json.Marshal(value)
	must(err)
	var bytes []byte
	must(json.Unmarshal(raw, &bytes))
	return bytes
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
