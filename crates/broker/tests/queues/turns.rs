//! What an answer waits for, turn by turn of the shard.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_broker::host::{GetMessage, Settlement, VirtualHostId};
use forebay_broker::queue::{HolderId, Outcome};
use forebay_broker::storage::media::Fault;
use forebay_broker::storage::shard::BackgroundJob;
use forebay_broker::storage::{Options, SimulatedDisk};
use forebay_broker::{Broker, BrokerOptions, BrokerShard, CountedRandomness, Environment};

use crate::harness::{ME, Time, publication, queue};

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

#[tokio::test]
async fn an_answer_waits_for_what_was_settled_in_the_same_turn() {
    let disk = SimulatedDisk::new();
    let environment = Environment {
        medium: Arc::new(disk.clone()),
        clock: Arc::new(Time::default()),
        randomness: Arc::new(CountedRandomness::default()),
    };
    let storage = Options {
        journal_file_bytes: 1 << 20,
        ..Options::default()
    };
    let (broker, mut shard, _) =
        Broker::open(environment, storage, BrokerOptions::default()).unwrap();
    let asked = broker.virtual_host(VirtualHostId::DEFAULT);
    let got = drive(&mut shard, async move {
        asked.declare_queue(queue("q"), ME).await.unwrap();
        asked.publish(vec![publication("", "q", "m")]).await;
        let get = GetMessage {
            queue: Bytes::from("q"),
            holder: HolderId(asked.broker().next_id()),
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
