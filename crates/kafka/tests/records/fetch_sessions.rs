//! Fetch sessions (KIP-227).

use std::time::{Duration, Instant};

use forebay_broker::TopicRef;
use forebay_kafka::protocol::generated::fetch_request::{
    FetchPartition, FetchTopic, ForgottenTopic,
};
use forebay_kafka::protocol::generated::fetch_response::PartitionData;
use forebay_kafka::protocol::generated::{FetchRequest, FetchResponse};
use forebay_kafka::protocol::{ErrorCode, Records};

use crate::support::{Client, Server};
use crate::{batch, code, produce, produced};

/// A fetch of version 12 that does not wait.
pub(crate) fn fetch(
    topic: &'static str,
    session_epoch: i32,
    partitions: &[FetchPartition],
) -> FetchRequest<'static> {
    FetchRequest {
        session_epoch,
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![FetchTopic {
            topic: topic.into(),
            partitions: partitions.to_vec(),
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

pub(crate) fn partition(partition: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    }
}

fn only<'a>(answer: &'a FetchResponse<'static>) -> &'a PartitionData<'static> {
    assert_eq!(answer.error_code, 0);
    assert_eq!(answer.responses.len(), 1, "{answer:?}");
    assert_eq!(answer.responses[0].partitions.len(), 1);
    &answer.responses[0].partitions[0]
}

fn bytes(data: &PartitionData<'_>) -> usize {
    data.records.as_ref().map_or(0, Records::len)
}

/// A session of one client, which keeps the epochs.
struct Follower {
    client: Client,
    id: i32,
    epoch: i32,
}

impl Follower {
    async fn begin(
        server: &Server,
        topic: &'static str,
        from: &[FetchPartition],
    ) -> (Self, FetchResponse<'static>) {
        let mut client = server.connect();
        let answer = client.ask(12, fetch(topic, 0, from)).await;
        let follower = Self {
            client,
            id: answer.session_id,
            epoch: 0,
        };
        assert_ne!(follower.id, 0);
        (follower, answer)
    }

    fn next(&mut self, request: FetchRequest<'static>) -> FetchRequest<'static> {
        self.epoch += 1;
        FetchRequest {
            session_id: self.id,
            session_epoch: self.epoch,
            ..request
        }
    }

    /// Asks for news, saying nothing.
    async fn news(&mut self) -> FetchResponse<'static> {
        let request = self.next(FetchRequest {
            topics: Vec::new(),
            ..fetch("", 0, &[])
        });
        self.client.ask(12, request).await
    }

    async fn move_to(&mut self, topic: &'static str, to: FetchPartition) -> FetchResponse<'static> {
        let request = self.next(fetch(topic, 0, &[to]));
        self.client.ask(12, request).await
    }
}

async fn write(server: &Server, topic: &'static str) {
    let answer = server
        .connect()
        .ask(9, produce(topic, -1, Some(batch(10))))
        .await;
    assert_eq!(produced(&answer), ErrorCode::None);
}

#[tokio::test]
async fn what_a_client_dropped_is_sent_again_from_the_same_offset() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    write(&server, "orders").await;
    let (mut follower, first) = Follower::begin(&server, "orders", &[partition(0, 0)]).await;
    let size = bytes(only(&first));
    assert!(size > 0);
    // The client says nothing of the partition, so it still is at offset 0.
    assert_eq!(bytes(only(&follower.news().await)), size);
    assert_eq!(bytes(only(&follower.news().await)), size);
    follower.move_to("orders", partition(0, 1)).await;
    assert!(follower.news().await.responses.is_empty());
}

#[tokio::test]
async fn an_error_is_told_each_time_and_its_end_too() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let (mut follower, first) = Follower::begin(&server, "orders", &[partition(0, 9)]).await;
    assert_eq!(code(only(&first).error_code), ErrorCode::OffsetOutOfRange);
    let again = follower.news().await;
    assert_eq!(code(only(&again).error_code), ErrorCode::OffsetOutOfRange);
    let back = follower.move_to("orders", partition(0, 0)).await;
    assert_eq!(code(only(&back).error_code), ErrorCode::None);
    assert!(follower.news().await.responses.is_empty());
}

#[tokio::test]
async fn a_topic_that_is_created_later_is_found_by_the_session_that_follows_it() {
    let server = Server::start();
    let (mut follower, first) = Follower::begin(&server, "orders", &[partition(0, 0)]).await;
    assert_eq!(
        code(only(&first).error_code),
        ErrorCode::UnknownTopicOrPartition
    );
    server.create_topic("orders", 1).await;
    assert_eq!(
        code(only(&follower.news().await).error_code),
        ErrorCode::None
    );
    write(&server, "orders").await;
    assert!(bytes(only(&follower.news().await)) > 0);
}

#[tokio::test]
async fn a_topic_that_is_deleted_and_created_again_is_followed_on() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let (mut follower, _) = Follower::begin(&server, "orders", &[partition(0, 0)]).await;
    let deleted = server
        .broker
        .delete_topics(vec![TopicRef::Name("orders".to_owned())])
        .await;
    assert!(deleted[0].is_ok());
    let gone = follower.news().await;
    assert_eq!(
        code(only(&gone).error_code),
        ErrorCode::UnknownTopicOrPartition
    );
    server.create_topic("orders", 1).await;
    write(&server, "orders").await;
    assert!(bytes(only(&follower.news().await)) > 0);
}

#[tokio::test]
async fn a_topic_that_is_deleted_wakes_who_waits_for_it() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let (mut follower, _) = Follower::begin(&server, "orders", &[partition(0, 0)]).await;
    let request = follower.next(FetchRequest {
        max_wait_ms: 60_000,
        topics: Vec::new(),
        ..fetch("", 0, &[])
    });
    let sent = follower.client.send(12, &request).await;
    server
        .broker
        .delete_topics(vec![TopicRef::Name("orders".to_owned())])
        .await;
    let answer = follower.client.receive::<FetchRequest<'_>>(12, sent).await;
    assert_eq!(
        code(only(&answer).error_code),
        ErrorCode::UnknownTopicOrPartition
    );
}

#[tokio::test]
async fn what_was_looked_at_while_waiting_is_still_news_and_counted_once() {
    let server = Server::start();
    server.create_topic("orders", 2).await;
    let (mut follower, _) = Follower::begin(&server, "orders", &[partition(0, 0)]).await;
    write(&server, "orders").await;
    let request = follower.next(FetchRequest {
        max_wait_ms: 200,
        min_bytes: 1 << 19,
        ..fetch("orders", 0, &[partition(1, 0)])
    });
    let sent = follower.client.send(12, &request).await;
    write(&server, "orders").await;
    let answer = follower.client.receive::<FetchRequest<'_>>(12, sent).await;
    let mut told: Vec<_> = answer.responses[0]
        .partitions
        .iter()
        .map(|p| (p.partition_index, p.high_watermark))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(0, 2), (1, 0)]);
    let topic = server.broker.topic("orders").unwrap();
    assert_eq!(topic.partitions[0].fetched_records(), 2);
}

#[tokio::test]
async fn a_fetch_waits_for_as_many_bytes_as_it_wants_and_no_longer() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    let request = FetchRequest {
        max_wait_ms: 60_000,
        min_bytes: 3 * batch(10).len() as i32,
        ..fetch("orders", -1, &[partition(0, 0)])
    };
    let started = Instant::now();
    let sent = client.send(12, &request).await;
    for _ in 0..3 {
        write(&server, "orders").await;
    }
    let answer = client.receive::<FetchRequest<'_>>(12, sent).await;
    assert_eq!(bytes(only(&answer)), 3 * batch(10).len());
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn the_first_batch_that_does_not_fit_ends_an_answer_and_begins_the_next() {
    let server = Server::start();
    server.create_topic("orders", 3).await;
    for (index, value_bytes) in [(0, 300), (1, 600), (2, 10)] {
        let mut request = produce("orders", -1, Some(batch(value_bytes)));
        request.topic_data[0].partition_data[0].index = index;
        let answer = server.connect().ask(9, request).await;
        assert_eq!(produced(&answer), ErrorCode::None);
    }
    let max_bytes = batch(600).len() as i32;
    let all = [partition(0, 0), partition(1, 0), partition(2, 0)];
    let with_data = |answer: &FetchResponse<'_>| {
        let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
        let with_data = partitions.filter(|data| bytes(data) > 0);
        with_data
            .map(|data| data.partition_index)
            .collect::<Vec<_>>()
    };
    let mut client = server.connect();
    let beginning = FetchRequest {
        max_bytes,
        ..fetch("orders", 0, &all)
    };
    let first = client.ask(12, beginning).await;
    assert_eq!(with_data(&first), [0]);
    let mut follower = Follower {
        client,
        id: first.session_id,
        epoch: 0,
    };
    let more = follower.next(FetchRequest {
        max_bytes,
        ..fetch("orders", 0, &[partition(0, 1)])
    });
    assert_eq!(with_data(&follower.client.ask(12, more).await), [1]);
}

#[tokio::test]
async fn a_partition_that_was_forgotten_is_told_of_anew_when_it_is_added_again() {
    let server = Server::start();
    server.create_topic("orders", 2).await;
    let both = [partition(0, 0), partition(1, 0)];
    let (mut follower, _) = Follower::begin(&server, "orders", &both).await;
    let forgotten = follower.next(FetchRequest {
        topics: Vec::new(),
        forgotten_topics_data: vec![ForgottenTopic {
            topic: "orders".into(),
            partitions: vec![0],
            ..ForgottenTopic::default()
        }],
        ..fetch("", 0, &[])
    });
    follower.client.ask(12, forgotten).await;
    write(&server, "orders").await;
    assert!(follower.news().await.responses.is_empty());
    let back = follower.move_to("orders", partition(0, 0)).await;
    assert!(bytes(only(&back)) > 0);
}

#[tokio::test]
async fn a_wrong_epoch_is_refused_and_the_session_goes_on() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let (mut follower, _) = Follower::begin(&server, "orders", &[partition(0, 0)]).await;
    follower.epoch = 5;
    assert_eq!(
        code(follower.news().await.error_code),
        ErrorCode::InvalidFetchSessionEpoch
    );
    follower.epoch = 0;
    assert_eq!(code(follower.news().await.error_code), ErrorCode::None);
    follower.id += 1;
    assert_eq!(
        code(follower.news().await.error_code),
        ErrorCode::FetchSessionIdNotFound
    );
}

#[tokio::test]
async fn negative_sizes_and_offsets_are_answered() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    write(&server, "orders").await;
    let mut client = server.connect();
    let odd = FetchRequest {
        max_wait_ms: i32::MIN,
        min_bytes: -1,
        max_bytes: -1,
        ..fetch(
            "orders",
            -1,
            &[FetchPartition {
                partition_max_bytes: -1,
                ..partition(0, 0)
            }],
        )
    };
    // The first batch is given whatever the sizes, so that every reader makes progress.
    assert!(bytes(only(&client.ask(12, odd).await)) > 0);
    for offset in [-1, i64::MIN, i64::MAX] {
        let answer = client
            .ask(12, fetch("orders", -1, &[partition(0, offset)]))
            .await;
        assert_eq!(code(only(&answer).error_code), ErrorCode::OffsetOutOfRange);
    }
    for index in [-1, 1, i32::MAX] {
        let answer = client
            .ask(12, fetch("orders", -1, &[partition(index, 0)]))
            .await;
        assert_eq!(
            code(only(&answer).error_code),
            ErrorCode::UnknownTopicOrPartition
        );
    }
}

/// What the first partition gives is more than was reserved for it, and others follow.
#[tokio::test]
async fn a_first_batch_beyond_what_was_asked_for_leaves_the_next_partitions_in_place() {
    let server = Server::start();
    server.create_topic("pair", 3).await;
    let mut client = server.connect();
    for index in 0..3 {
        let mut request = produce("pair", -1, Some(batch(100_000)));
        request.topic_data[0].partition_data[0].index = index;
        assert_eq!(produced(&client.ask(9, request).await), ErrorCode::None);
    }
    for bytes_max in [-1, 0, 1, 1_000, 99_000, 150_000] {
        let asked: Vec<_> = (0..3)
            .map(|index| FetchPartition {
                partition_max_bytes: bytes_max,
                ..partition(index, 0)
            })
            .collect();
        for session_epoch in [-1, 0] {
            let answer = client.ask(12, fetch("pair", session_epoch, &asked)).await;
            let given = |data: &PartitionData<'_>| bytes(data) >= 100_000;
            let partitions = &answer.responses[0].partitions;
            assert!(given(&partitions[0]), "{bytes_max}: progress is made");
            for data in &partitions[1..] {
                assert_eq!(given(data), bytes_max == 150_000, "{bytes_max}");
            }
        }
    }
}

#[tokio::test]
async fn a_session_does_not_grow_beyond_its_limit() {
    let server = Server::start();
    let mut client = server.connect();
    let most = forebay_kafka::limits::FETCH_SESSION_PARTITIONS_MAX as i32;
    let many: Vec<_> = (0..=most).map(|index| partition(index, 0)).collect();
    let declined = client.ask(12, fetch("orders", 0, &many)).await;
    assert_eq!((declined.error_code, declined.session_id), (0, 0));
    let (mut follower, _) = Follower::begin(&server, "orders", &many[..1]).await;
    let more = follower.next(fetch("orders", 0, &many));
    let refused = follower.client.ask(12, more).await;
    assert_eq!(code(refused.error_code), ErrorCode::FetchSessionIdNotFound);
    let again = follower.news().await;
    assert_eq!(code(again.error_code), ErrorCode::FetchSessionIdNotFound);
}
