//! Policies hold for streams by their names, at once, and for as long as they are there.

use bytes::Bytes;
use forebay_broker::access::AccessChange;
use forebay_broker::policy::{ApplyTo, Policy, PolicyKind, PolicyRules};
use forebay_broker::topic::config::{ConfigChange, Values};
use forebay_broker::{AlterConfig, NewTopic};

use crate::harness::Running;
use crate::policies::{delete, policy, put};

/// More than a log keeps together.
const BODY_BYTES: usize = 40 << 10;
const BODY: u64 = BODY_BYTES as u64;
const USER: PolicyKind = PolicyKind::User;

fn streams(rules: PolicyRules) -> Policy {
    Policy {
        apply_to: ApplyTo::Streams,
        ..policy(".*", rules)
    }
}

fn at_most(bytes: u64) -> PolicyRules {
    PolicyRules {
        max_bytes: Some(bytes),
        ..PolicyRules::default()
    }
}

fn young(max_age_ms: u64) -> PolicyRules {
    PolicyRules {
        max_age_ms: Some(max_age_ms),
        ..PolicyRules::default()
    }
}

impl Running {
    async fn stream(&self, name: &str, configs: &[(&str, &str)]) {
        let name = Bytes::copy_from_slice(name.as_bytes());
        let created = self.host.create_stream(name, values(configs)).await;
        created.unwrap();
    }

    /// As clients of Kafka make one.
    async fn make_topic(&self, name: &str) {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(1),
            configs: Values::new(),
        };
        let mut made = self.broker.create_topics(vec![topic], false).await;
        made.remove(0).unwrap();
    }

    async fn publish_to(&self, stream: &str, count: usize) {
        let body = "x".repeat(BODY_BYTES);
        for _ in 0..count {
            self.publish("", stream, &body).await;
        }
    }

    fn start(&self, topic: &str) -> u64 {
        self.broker.topic(topic).unwrap().partitions[0].start_offset()
    }

    /// Its first offset when what is let go at once is gone.
    async fn settled(&self, topic: &str) -> u64 {
        for _ in 0..10 {
            self.pass(0).await;
        }
        self.start(topic)
    }

    /// The same after everything was looked at in its turn.
    async fn looked_at(&self, topic: &str) -> u64 {
        self.pass(30_000).await;
        self.settled(topic).await
    }
}

fn values(configs: &[(&str, &str)]) -> Values {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    configs.iter().map(owned).collect()
}

#[tokio::test]
async fn a_policy_trims_a_stream_that_is_there_and_one_to_come() {
    let running = Running::new();
    running.stream("there", &[]).await;
    running.publish_to("there", 10).await;
    put(&running, USER, "p", streams(at_most(3 * BODY))).await;
    assert_eq!(running.settled("there").await, 7);
    running.stream("later", &[]).await;
    running.publish_to("later", 10).await;
    assert_eq!(running.looked_at("later").await, 7);
}

#[tokio::test]
async fn a_policy_ends_when_it_is_deleted() {
    let running = Running::new();
    running.stream("s", &[]).await;
    put(&running, USER, "p", streams(at_most(3 * BODY))).await;
    running.publish_to("s", 10).await;
    assert_eq!(running.looked_at("s").await, 7);
    delete(&running, USER, "p").await;
    running.publish_to("s", 10).await;
    assert_eq!(running.looked_at("s").await, 7);
    let again = running.restarted();
    assert_eq!(again.looked_at("s").await, 7);
}

#[tokio::test]
async fn a_policy_goes_on_after_every_end() {
    let mut running = Running::new();
    running.stream("s", &[("retention.bytes", "-1")]).await;
    let two = policy("^s$", at_most(2 * BODY));
    put(&running, USER, "p", two).await;
    let ends = [Running::killed, Running::cut];
    let mut published = 0;
    for end in ends.into_iter().cycle().take(4) {
        // What it is after one of them is what is restarted, so that snapshots are read as well.
        running = end(&running).restarted();
        running.publish_to("s", 5).await;
        published += 5;
        assert_eq!(running.looked_at("s").await, published - 2);
    }
}

#[tokio::test]
async fn what_is_put_for_all_queues_leaves_the_topics_of_others_alone() {
    let running = Running::new();
    running.make_topic("made").await;
    running.stream("declared", &[]).await;
    for stream in ["made", "declared"] {
        running.publish_to(stream, 10).await;
    }
    let rules = PolicyRules {
        max_age_ms: Some(1),
        ..at_most(BODY)
    };
    put(&running, USER, "all", policy(".*", rules.clone())).await;
    let queues = Policy {
        apply_to: ApplyTo::Queues,
        priority: 1,
        ..policy(".*", rules.clone())
    };
    put(&running, USER, "queues", queues.clone()).await;
    put(&running, PolicyKind::Operator, "queues", queues).await;
    for again in [running.killed(), running.cut(), running.restarted()] {
        assert_eq!(again.looked_at("made").await, 0);
        assert!(again.looked_at("declared").await >= 9);
        let streams = Policy {
            priority: -1,
            ..streams(at_most(4 * BODY))
        };
        put(&again, USER, "streams", streams).await;
        assert_eq!(again.settled("made").await, 6);
    }
}

/// A stream of three messages, of which a policy keeps those of the last hour.
async fn with_an_hour() -> Running {
    let running = Running::new();
    running.stream("s", &[("retention.ms", "-1")]).await;
    running.publish_to("s", 3).await;
    put(&running, USER, "p", streams(young(3_600_000))).await;
    running
}

#[tokio::test]
async fn a_policy_lets_go_of_what_is_too_old() {
    let running = with_an_hour().await;
    assert_eq!(running.looked_at("s").await, 0);
    running.pass(3_600_000).await;
    assert_eq!(running.looked_at("s").await, 3);
}

#[tokio::test]
async fn a_configuration_that_is_changed_waits_for_the_end_of_the_policy() {
    let running = Running::new();
    running.stream("s", &[]).await;
    running.publish_to("s", 10).await;
    put(&running, USER, "p", streams(at_most(6 * BODY))).await;
    assert_eq!(running.settled("s").await, 4);
    let alter = AlterConfig {
        topic: "s".to_owned(),
        replace: false,
        changes: vec![ConfigChange::Set(
            "retention.bytes".to_owned(),
            BODY.to_string(),
        )],
    };
    let mut altered = running.broker.alter_configs(vec![alter], false).await;
    altered.remove(0).unwrap();
    assert_eq!(running.looked_at("s").await, 4);
    let config = &running.broker.topic("s").unwrap().config;
    assert_eq!(config.overrides()["retention.bytes"], BODY.to_string());
    delete(&running, USER, "p").await;
    assert_eq!(running.settled("s").await, 9);
}

#[tokio::test]
async fn policies_end_with_their_virtual_host_and_its_topics_stay() {
    let running = with_an_hour().await;
    let name = "/".to_owned();
    let end = AccessChange::DeleteVirtualHost { name };
    running.broker.change_access(vec![end]).await.unwrap();
    running.pass(7_200_000).await;
    assert_eq!(running.looked_at("s").await, 0);
}
