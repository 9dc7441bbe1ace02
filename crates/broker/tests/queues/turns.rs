//! What an answer waits for, turn by turn of the shard.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_broker::host::{
    DeadLetterTarget, GetMessage, QueueDefinition, Settlement, Subscribe, VirtualHostId,
};
use forebay_broker::queue::{Credit, HolderId, Outcome, QueueSettings, Subscription};
use forebay_broker::storage::media::Fault;
use forebay_broker::storage::shard::BackgroundJob;
use forebay_broker::storage::{Options, SimulatedDisk};
use forebay_broker::{Broker, BrokerOptions, BrokerShard, CountedRandomness, Environment};

use crate::harness::{ME, Running, Time, mortal, publication, queue};

async fn drive<T: Send + 'static>(
    shard: &mut BrokerShard,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let work = tokio::spawn(work);
    while !work.is_finished() {
        shard.turn(&mut BackgroundJob::run).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    work.await.unwrap()
}

fn open(disk: &SimulatedDisk) -> (Broker, BrokerShard) {
    let environment = Environment {
        medium: Arc::new(disk.clone()),
        clock: Arc::new(Time::default()),
        randomness: Arc::new(CountedRandomness::default()),
    };
    let storage = Options {
        journal_file_bytes: 1 << 20,
        ..Options::default()
    };
    let opened = Broker::open(environment, storage, BrokerOptions::default());
    let (broker, shard, _) = opened.unwrap();
    (broker, shard)
}

#[tokio::test]
async fn an_answer_waits_for_what_was_settled_in_the_same_turn() {
    let disk = SimulatedDisk::new();
    let (broker, mut shard) = open(&disk);
    let asked = broker.virtual_host(VirtualHostId::DEFAULT);
    let got = drive(&mut shard, async move {
        asked.declare_queue(queue("q"), ME).await.unwrap();
        asked.publish(vec![publication("", "q", "m")]).await;
        let get = GetMessage {
            queue: Bytes::from("q"),
            holder: HolderId(asked.broker().next_id()),
            auto_ack: false,
            connection: ME,
        };
        asked.get_message(get).await.unwrap().unwrap()
    });
    let delivery = got.await.delivery;
    let number = delivery.number.unwrap();
    drop(broker.settle(vec![Settlement {
        holder: delivery.holder,
        numbers: number..number + 1,
        outcome: Outcome::Ack,
    }]));
    let answer = broker.settle_durably(Vec::new());
    // Both are in the mailbox: one turn takes them, and its write fails.
    disk.inject(Fault::Write);
    assert!(shard.turn(&mut BackgroundJob::run).is_err());
    assert!(
        answer.await.is_err(),
        "what was not written is not answered for"
    );
}

#[tokio::test]
async fn many_that_die_at_once_are_in_one_place_whenever_the_process_dies() {
    const COUNT: u64 = 40;
    let disk = SimulatedDisk::new();
    let (broker, mut shard) = open(&disk);
    let host = broker.virtual_host(VirtualHostId::DEFAULT);
    let holder = HolderId(broker.next_id());
    let (notices, _taken) = tokio::sync::mpsc::unbounded_channel();
    drive(&mut shard, async move {
        let settings = QueueSettings::default();
        let dying = mortal("q", "", settings);
        let dying = QueueDefinition {
            dead_letter: dying.dead_letter.map(|target| DeadLetterTarget {
                routing_key: Some("grave".into()),
                ..target
            }),
            ..dying
        };
        host.declare_queue(queue("grave"), ME).await.unwrap();
        host.declare_queue(dying, ME).await.unwrap();
        for number in 0..COUNT {
            // Together they are more than one entry of the journal takes.
            let body = format!("{number:>60000}");
            host.publish(vec![publication("", "q", &body)]).await;
        }
        let subscription = Subscription {
            credit: Credit::Unlimited,
            ..Subscription::default()
        };
        let subscribe = Subscribe {
            queue: "q".into(),
            holder,
            subscription,
            notices,
            connection: ME,
        };
        host.subscribe(subscribe).await.unwrap();
    })
    .await;
    drop(broker.settle(vec![Settlement {
        holder,
        numbers: 0..COUNT,
        outcome: Outcome::Reject,
    }]));
    let mut moved_in_pieces = false;
    loop {
        shard.turn(&mut BackgroundJob::run).unwrap();
        let after = Running::on(disk.after_kill(), Time::default());
        let dead = broker.virtual_host(VirtualHostId::DEFAULT);
        let dead = drive(&mut shard, async move {
            dead.check_queue("grave".into(), ME).await.unwrap().ready
        })
        .await;
        moved_in_pieces |= (1..COUNT).contains(&dead);
        while after.ready("q").await + after.ready("grave").await < COUNT {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut bodies = after.bodies("q").await;
        bodies.extend(after.bodies("grave").await);
        let mut numbers: Vec<u64> = bodies
            .iter()
            .map(|body| body.trim().parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
        if dead == COUNT {
            break;
        }
    }
    assert!(moved_in_pieces, "one entry took them all");
}
