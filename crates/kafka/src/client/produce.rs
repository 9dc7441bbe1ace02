//! Sending batches, several under way at once.
//!
//! A batch that carries a [`ProducerId`] and a sequence number may be sent again after a lost
//! connection, because the broker knows it again (KIP-98); one without is not, because it might
//! then be there twice.

use bytes::Bytes;
use forebay_record::BatchHeader;

use super::Client;
use super::cluster::{Lane, Started};
use super::error::{ClientError, Subject};
use super::retry::{Attempts, Repeat};
use crate::protocol::generated::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::generated::{
    InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse,
};
use crate::protocol::{ErrorCode, Records, Str};

/// Which acknowledgement to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// None: losses go unseen.
    None,
    /// The leader's.
    Leader,
    /// That of all replicas in sync.
    All,
}

impl Acks {
    const fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// An idempotent producer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerId {
    /// The id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// What the broker says about a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The offset of the batch's first record; not known without acknowledgement, nor of a batch
    /// that had arrived before.
    pub base_offset: Option<i64>,
}

/// A batch on its way. Dropping it leaves open whether it arrives.
pub struct Sent {
    client: Client,
    batch: Batch,
    attempts: Attempts,
    /// The attempt that is under way.
    started: Result<Started<ProduceRequest<'static>>, ClientError>,
}

#[derive(Clone)]
struct Batch {
    topic: String,
    partition: i32,
    bytes: Bytes,
    acks: Acks,
}

impl Client {
    /// Gets an identity for an idempotent producer.
    ///
    /// # Errors
    /// When the broker gives none.
    pub async fn init_producer_id(&self) -> Result<ProducerId, ClientError> {
        self.attempts("get a producer id", Repeat::Lost, || async {
            let request = InitProducerIdRequest {
                transactional_id: None,
                // Without a transactional id it means nothing, but brokers refuse 0.
                transaction_timeout_ms: i32::MAX,
                ..InitProducerIdRequest::default()
            };
            let reply = self.control(&request).await?;
            let response: InitProducerIdResponse = reply.read()?;
            ClientError::check(response.error_code, None, Subject::Cluster)?;
            Ok(ProducerId {
                id: response.producer_id,
                epoch: response.producer_epoch,
            })
        })
        .await
    }

    /// Puts a batch on its way. Batches of a partition reach its leader in the order in which this
    /// is called; [`Sent::acknowledged`] waits for the answer.
    pub async fn send(&self, topic: &str, partition: i32, batch: Bytes, acks: Acks) -> Sent {
        let numbered = BatchHeader::parse(&batch).is_ok_and(|header| header.has_producer_id());
        let batch = Batch {
            topic: topic.to_owned(),
            partition,
            bytes: batch,
            acks,
        };
        let repeat = if numbered {
            Repeat::Numbered
        } else {
            Repeat::Refused
        };
        let what = format!("send to {}", batch.subject());
        let time = self.cluster.options().timeout;
        let started = match tokio::time::timeout(time, self.start_batch(&batch)).await {
            Ok(started) => started,
            Err(_) => Err(ClientError::TimedOut {
                what: what.clone(),
                after: time,
            }),
        };
        Sent {
            client: self.clone(),
            batch,
            attempts: Attempts::new(what, repeat, time),
            started,
        }
    }

    /// Sends a batch and waits for the answer.
    ///
    /// # Errors
    /// Those of [`Sent::acknowledged`].
    pub async fn produce(
        &self,
        topic: &str,
        partition: i32,
        batch: Bytes,
        acks: Acks,
    ) -> Result<Produced, ClientError> {
        let sent = self.send(topic, partition, batch, acks).await;
        sent.acknowledged().await
    }

    async fn start_batch(
        &self,
        batch: &Batch,
    ) -> Result<Started<ProduceRequest<'static>>, ClientError> {
        let leader = self.cluster.leader(&batch.topic, batch.partition).await?;
        let link = self.cluster.link(leader, Lane::Produce).await?;
        let request = ProduceRequest {
            acks: batch.acks.code(),
            timeout_ms: self.timeout_ms(),
            topic_data: vec![TopicProduceData {
                name: Str::Owned(batch.topic.clone()),
                partition_data: vec![PartitionProduceData {
                    index: batch.partition,
                    records: Some(Records::from(batch.bytes.clone())),
                }],
                ..TopicProduceData::default()
            }],
            ..ProduceRequest::default()
        };
        link.start(&request, batch.acks != Acks::None).await
    }
}

impl Batch {
    fn subject(&self) -> Subject {
        Subject::Partition(self.topic.clone(), self.partition)
    }

    async fn acknowledged(
        &self,
        started: Started<ProduceRequest<'static>>,
    ) -> Result<Produced, ClientError> {
        let reply = started.reply().await?;
        if self.acks == Acks::None {
            return Ok(Produced { base_offset: None });
        }
        let response: ProduceResponse<'_> = reply.read()?;
        let mut partitions = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses);
        let Some(answer) = partitions.next() else {
            return Err(reply.missing(&self.subject()));
        };
        // The batch is there: it arrived, and the answer got lost.
        if answer.error_code == ErrorCode::DuplicateSequenceNumber as i16 {
            return Ok(Produced { base_offset: None });
        }
        let message = answer.error_message.as_deref();
        ClientError::check(answer.error_code, message, self.subject())?;
        let base_offset = (answer.base_offset >= 0).then_some(answer.base_offset);
        Ok(Produced { base_offset })
    }
}

impl Sent {
    /// Waits for the acknowledgement; without one to wait for, until the batch is written to the
    /// connection. Sends the batch again where that does no harm.
    ///
    /// # Errors
    /// What the broker has against the batch, or what keeps it from being sent. After
    /// [`ClientError::Lost`] and [`ClientError::TimedOut`] it may have arrived nevertheless.
    pub async fn acknowledged(self) -> Result<Produced, ClientError> {
        let Self {
            client,
            batch,
            mut attempts,
            started,
        } = self;
        let mut first = Some(started);
        loop {
            let started = first.take();
            let attempt = async {
                let started = match started {
                    Some(started) => started?,
                    None => client.start_batch(&batch).await?,
                };
                batch.acknowledged(started).await
            };
            if let Some(result) = attempts.attempt(&client, attempt).await {
                return result;
            }
        }
    }
}
