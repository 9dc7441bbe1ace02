//! What a broker still knows after its process was killed, or the power cut.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use forebay_broker::group::{CommitOffset, CommitOffsets, FetchOffsets, GroupCommand, GroupReply};
use forebay_broker::group::{GroupError, PartitionResult};
use forebay_broker::storage::{Clock, Now, SimulatedDisk};
use forebay_broker::topic::config::ConfigChange;
use forebay_broker::{
    AlterConfig, Append, AppendError, AppendedBatch, Broker, GroupId, NewTopic, TopicName, TopicRef,
};
use forebay_record::{BatchBuilder, ProducerStamp};

mod support;

use support::{Shard, open};

/// The same time for ever: nothing here waits for it.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Now {
        Now::new(Duration::ZERO, 1_000_000_000_000)
    }
}

struct Running {
    broker: Broker,
    disk: SimulatedDisk,
    shard: Option<Shard>,
}

impl Running {
    fn on(disk: SimulatedDisk) -> Self {
        let (broker, shard) = open(&disk, Arc::new(Stopped));
        Self {
            broker,
            disk,
            shard: Some(shard),
        }
    }

    /// Another one on what a kill leaves.
    fn killed(&self) -> Self {
        Self::on(self.disk.after_kill())
    }

    /// Another one on what a power cut is sure to leave.
    fn cut(&self) -> Self {
        Self::on(self.disk.after_power_cut(|| false))
    }

    async fn create(&self, name: &str) {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(2),
            configs: BTreeMap::new(),
        };
        for result in self.broker.create_topics(vec![topic], false).await {
            result.unwrap();
        }
    }

    async fn append(&self, stamp: ProducerStamp) -> Result<AppendedBatch, AppendError> {
        let mut builder = BatchBuilder::new().producer(stamp);
        builder
            .add(1_000_000_000_000, None, Some(b"value"), &[])
            .unwrap();
        let append = Append {
            topic: self.broker.topic("orders").unwrap(),
            partition: 0,
            batch: BytesMut::from(&builder.build().unwrap()[..]),
        };
        self.broker.append(vec![append]).await.remove(0)
    }

    async fn commit(&self, topic: &str, partition: i32) -> PartitionResult {
        let command = GroupCommand::CommitOffsets(CommitOffsets {
            group: GroupId::new("readers").unwrap(),
            generation: -1,
            member: None,
            instance: None,
            retention: None,
            offsets: vec![CommitOffset {
                topic: TopicName::new(topic).unwrap(),
                partition,
                offset: 5,
                leader_epoch: None,
                metadata: "".into(),
            }],
        });
        match self.broker.group(command).await.unwrap() {
            GroupReply::OffsetsCommitted(Ok(mut results)) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    async fn committed(&self) -> Vec<(String, i32, i64)> {
        let command = GroupCommand::FetchOffsets(FetchOffsets {
            group: GroupId::new("readers").unwrap(),
            partitions: None,
        });
        match self.broker.group(command).await.unwrap() {
            GroupReply::OffsetsFetched(fetched) => fetched
                .into_iter()
                .filter_map(|one| {
                    Some((one.topic.to_string(), one.partition, one.committed?.offset))
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            let _ = shard.join();
        }
    }
}

fn stamp(id: i64, base_sequence: i32) -> ProducerStamp {
    ProducerStamp {
        id,
        epoch: 0,
        base_sequence,
    }
}

#[tokio::test]
async fn topics_and_their_configurations_outlive_the_process() {
    let running = Running::on(SimulatedDisk::new());
    running.create("orders").await;
    running.create("gone").await;
    let change = AlterConfig {
        topic: "orders".to_owned(),
        replace: false,
        changes: vec![ConfigChange::Set("retention.ms".to_owned(), "7".to_owned())],
    };
    running
        .broker
        .alter_configs(vec![change], false)
        .await
        .remove(0)
        .unwrap();
    running
        .broker
        .create_partitions("orders", 5, false)
        .await
        .unwrap();
    let gone = vec![TopicRef::Name("gone".to_owned())];
    running.broker.delete_topics(gone).await.remove(0).unwrap();
    let before = running.broker.topic("orders").unwrap();
    for after in [running.killed(), running.cut()] {
        assert_eq!(after.broker.cluster_id(), running.broker.cluster_id());
        let topic = after.broker.topic("orders").unwrap();
        assert_eq!((topic.id, topic.partitions.len()), (before.id, 5));
        assert_eq!(topic.config, before.config);
        assert!(after.broker.topic("gone").is_none());
    }
}

#[tokio::test]
async fn a_batch_that_is_sent_again_after_a_crash_is_stored_once() {
    let running = Running::on(SimulatedDisk::new());
    running.create("orders").await;
    let first = running.append(stamp(9, 0)).await.unwrap();
    let second = running.append(stamp(9, 1)).await.unwrap();
    for after in [running.killed(), running.cut()] {
        assert_eq!(
            after.append(stamp(9, 0)).await.unwrap().base_offset,
            first.base_offset
        );
        assert_eq!(
            after.append(stamp(9, 1)).await.unwrap().base_offset,
            second.base_offset
        );
        assert_eq!(
            after.append(stamp(9, 3)).await,
            Err(AppendError::OutOfOrder)
        );
        assert_eq!(after.append(stamp(9, 2)).await.unwrap().base_offset, 2);
    }
}

#[tokio::test]
async fn a_producer_id_is_given_out_once_whatever_happens() {
    let running = Running::on(SimulatedDisk::new());
    let first = running.broker.init_producer().await.unwrap();
    let second = running.broker.init_producer().await.unwrap();
    assert!(first.id < second.id);
    let after = running.cut();
    assert!(after.broker.init_producer().await.unwrap().id > second.id);
}

#[tokio::test]
async fn committed_offsets_outlive_the_process_but_not_their_topic() {
    let running = Running::on(SimulatedDisk::new());
    running.create("orders").await;
    assert_eq!(running.commit("orders", 1).await.result, Ok(()));
    let expected = vec![("orders".to_owned(), 1, 5)];
    assert_eq!(running.killed().committed().await, expected);
    assert_eq!(running.cut().committed().await, expected);
    let gone = vec![TopicRef::Name("orders".to_owned())];
    running.broker.delete_topics(gone).await.remove(0).unwrap();
    assert_eq!(running.cut().committed().await, []);
}

#[tokio::test]
async fn offsets_of_a_topic_that_is_not_there_are_refused_and_leave_nothing_to_its_successor() {
    let running = Running::on(SimulatedDisk::new());
    let refused = Err(GroupError::UnknownTopicOrPartition);
    assert_eq!(running.commit("orders", 0).await.result, refused);
    running.create("orders").await;
    assert_eq!(running.commit("orders", 2).await.result, refused);
    assert_eq!(running.committed().await, []);
}

#[tokio::test]
async fn a_failed_sync_is_never_acknowledged_and_nobody_waits_for_ever() {
    let running = Running::on(SimulatedDisk::new());
    running.create("orders").await;
    running.disk.inject(forebay_storage::media::Fault::Sync);
    assert_eq!(running.append(stamp(9, 0)).await, Err(AppendError::Failed));
    assert_eq!(running.append(stamp(9, 1)).await, Err(AppendError::Failed));
    assert!(running.broker.init_producer().await.is_err());
}
