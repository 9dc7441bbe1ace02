package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func numbered(t *testing.T, topic string, from, to, partitions int) {
	t.Helper()
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(n % partitions), Value: fmt.Append(nil, n),
		})
	}
	produce(t, records)
}

func member(t *testing.T, group, topic string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return client(t, append(opts,
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
}

func TestMembersJoinAndLeaveWhileConsuming(t *testing.T) {
	name, group := topic(t, 4, nil), fresh("group")
	seen := make(chan string, 10_000)
	start := func() *kgo.Client {
		cl := member(t, group, name, kgo.BlockRebalanceOnPoll())
		go func() {
			for {
				fetches := cl.PollRecords(t.Context(), 100)
				if fetches.IsClientClosed() || t.Context().Err() != nil {
					return
				}
				fetches.EachRecord(func(r *kgo.Record) { seen <- string(r.Value) })
				_ = cl.CommitUncommittedOffsets(t.Context())
				cl.AllowRebalance()
			}
		}()
		return cl
	}
	unique := map[string]bool{}
	collect := func(count int) {
		t.Helper()
		deadline := time.After(patience)
		for len(unique) < count {
			select {
			case value := <-seen:
				unique[value] = true
			case <-deadline:
				t.Fatalf("%d of %d values", len(unique), count)
			}
		}
	}
	first := start()
	numbered(t, name, 0, 400, 4)
	collect(50)
	start()
	adm := admin(t)
	eventually(t, "two members share the group", func() bool {
		groups, err := adm.DescribeGroups(soon(t), group)
		return err == nil && groups[group].State == "Stable" && len(groups[group].Members) == 2
	})
	numbered(t, name, 400, 800, 4)
	collect(800)
	first.CloseAllowingRebalance()
	numbered(t, name, 800, 1000, 4)
	collect(1000)
}

func TestAGroupResumesFromItsCommit(t *testing.T) {
	name, group := topic(t, 1, nil), fresh("group")
	numbered(t, name, 0, 20, 1)
	first := member(t, group, name)
	records := take(t, first, 20)
	if err := first.CommitRecords(soon(t), records[6]); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := member(t, group, name)
	if got := take(t, second, 13); string(got[0].Value) != "7" {
		t.Fatalf("resumed at %s", got[0].Value)
	}
}

func TestCommitMetadataComesBack(t *testing.T) {
	name, group := topic(t, 1, nil), fresh("group")
	adm := admin(t)
	commit := kadm.Offsets{}
	commit.Add(kadm.Offset{Topic: name, At: 42, LeaderEpoch: -1, Metadata: "checkpoint"})
	if err := adm.CommitAllOffsets(soon(t), group, commit); err != nil {
		t.Fatal(err)
	}
	back, err := adm.FetchOffsets(soon(t), group)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := back.Lookup(name, 0)
	if got.At != 42 || got.Metadata != "checkpoint" {
		t.Fatalf("came back as %+v", got)
	}
}

func TestResetByTime(t *testing.T) {
	name := topic(t, 1, nil)
	base := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	var records []*kgo.Record
	for n := range 100 {
		records = append(records, &kgo.Record{
			Topic: name, Value: fmt.Append(nil, n), Timestamp: base.Add(time.Duration(n) * time.Second),
		})
	}
	produce(t, records, kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	at := base.Add(41*time.Second + time.Millisecond)
	cl := client(t, kgo.ConsumeTopics(name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(at.UnixMilli())))
	if got := take(t, cl, 58); string(got[0].Value) != "42" {
		t.Fatalf("started at %s", got[0].Value)
	}
}

func TestAStaticMemberReturnsWithoutARebalance(t *testing.T) {
	name, group := topic(t, 2, nil), fresh("group")
	assigned := make(chan map[string][]int32, 10)
	start := func() *kgo.Client {
		return member(t, group, name, kgo.InstanceID("static"),
			kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
				assigned <- parts
			}))
	}
	first := start()
	<-assigned
	adm := admin(t)
	before := describe(t, adm, group)
	first.Close()
	start()
	<-assigned
	after := describe(t, adm, group)
	if len(after.Members) != 1 || after.Members[0].MemberID == before.Members[0].MemberID {
		t.Fatalf("a restarted static member replaces the old one: %+v", after.Members)
	}
}

func describe(t *testing.T, adm *kadm.Client, group string) kadm.DescribedGroup {
	t.Helper()
	groups, err := adm.DescribeGroups(soon(t), group)
	if err != nil {
		t.Fatal(err)
	}
	return groups[group]
}
