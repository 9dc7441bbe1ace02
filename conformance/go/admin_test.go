package conformance

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestValidTopicsAreCreatedBesideInvalidOnes(t *testing.T) {
	adm, good, existing := admin(t), fresh("good"), topic(t, 1, nil)
	answers, err := adm.CreateTopics(soon(t), 1, 1, nil, good, existing, "not/valid")
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, nil, answers[good].Err)
	wantErr(t, kerr.TopicAlreadyExists, answers[existing].Err)
	wantErr(t, kerr.InvalidTopicException, answers["not/valid"].Err)
}

func TestCreatePartitions(t *testing.T) {
	adm, name := admin(t), topic(t, 2, nil)
	answers, err := adm.UpdatePartitions(soon(t), 5, name)
	if err != nil || answers.Error() != nil {
		t.Fatal(err, answers.Error())
	}
	details, err := adm.ListTopics(soon(t), name)
	if err != nil || len(details[name].Partitions) != 5 {
		t.Fatalf("%v %v", err, details)
	}
}

func TestIncrementalAlterConfigs(t *testing.T) {
	adm, name, value := admin(t), topic(t, 1, nil), "1234"
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}
	if _, err := adm.AlterTopicConfigs(soon(t), change, name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change is described", func() bool {
		configs, err := adm.DescribeTopicConfigs(soon(t), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, config := range configs[0].Configs {
			if config.Key == "retention.ms" {
				return *config.Value == value
			}
		}
		return false
	})
}

func TestDeleteRecordsMovesTheStart(t *testing.T) {
	adm, name := admin(t), topic(t, 1, nil)
	numbered(t, name, 0, 10, 1)
	upTo := kadm.Offsets{}
	upTo.AddOffset(name, 0, 4, -1)
	answers, err := adm.DeleteRecords(soon(t), upTo)
	if err != nil || answers.Error() != nil {
		t.Fatal(err, answers.Error())
	}
	if got := read(t, name, 6); got[0].Offset != 4 {
		t.Fatalf("the log starts at %d", got[0].Offset)
	}
}

func TestGroupsAreListedDescribedAndDeleted(t *testing.T) {
	adm, name, group := admin(t), topic(t, 2, nil), fresh("group")
	numbered(t, name, 0, 10, 2)
	cl := member(t, group, name)
	take(t, cl, 10)
	if err := cl.CommitUncommittedOffsets(soon(t)); err != nil {
		t.Fatal(err)
	}
	lags, err := adm.Lag(soon(t), group)
	if err != nil || lags[group].State != "Stable" || lags[group].Lag.Total() != 0 {
		t.Fatalf("%v %+v", err, lags)
	}
	refused, _ := adm.DeleteGroups(soon(t), group)
	wantErr(t, kerr.NonEmptyGroup, refused[group].Err)
	cl.Close()
	done, _ := adm.DeleteGroups(soon(t), group)
	wantErr(t, nil, done[group].Err)
}

func TestListOffsetsByEverySpec(t *testing.T) {
	adm, name := admin(t), topic(t, 2, nil)
	numbered(t, name, 0, 10, 2)
	start, err := adm.ListStartOffsets(soon(t), name)
	if err != nil {
		t.Fatal(err)
	}
	end, err := adm.ListCommittedOffsets(soon(t), name)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := start.Lookup(name, 1)
	last, _ := end.Lookup(name, 1)
	if first.Offset != 0 || last.Offset != 5 {
		t.Fatalf("%+v %+v", first, last)
	}
	_, err = adm.ListOffsetsAfterMilli(soon(t), 0, name)
	wantErr(t, nil, err)
}

func TestTopicsAreDeleted(t *testing.T) {
	adm, name := admin(t), topic(t, 1, nil)
	answers, err := adm.DeleteTopics(soon(t), name)
	if err != nil || answers.Error() != nil {
		t.Fatal(err, answers.Error())
	}
	err = client(t).ProduceSync(soon(t), &kgo.Record{Topic: name, Value: []byte("v")}).FirstErr()
	wantErr(t, kerr.UnknownTopicOrPartition, err)
}
