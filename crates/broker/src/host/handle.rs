//! Virtual hosts as gateways ask for them.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Bind, ConnectionId, ExchangeDefinition, Forward, Forwarded, GetMessage, Got, HostCommand,
    HostError, HostReply, Publication, PublishError, Published, QueueDefinition, QueueStatus,
    Settlement, Subscribe, Subscribed, VirtualHostId,
};
use crate::broker::Broker;
use crate::error::{Stopped, TopicError};
use crate::machine::{Command, CreatedTopic};
use crate::queue::{Credit, HolderId, PoolId};
use crate::topic::config::Values;
use crate::topic::{MadeAs, StreamName, Topic};

pub(super) type Answer<T> = Result<T, HostError>;

/// A handle to one virtual host of a broker. Clones are cheap.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    broker: Broker,
    id: VirtualHostId,
}

impl Broker {
    /// The virtual host with this id. Whether it is there is said when it is asked something.
    pub fn virtual_host(&self, id: VirtualHostId) -> VirtualHost {
        VirtualHost {
            broker: self.clone(),
            id,
        }
    }

    /// Settles messages, in order. They are on their way when this returns. What was settled may come
    /// back after a power cut.
    pub fn settle(
        &self,
        settlements: Vec<Settlement>,
    ) -> impl Future<Output = Answer<()>> + Send + use<> {
        self.settle_as(settlements, false)
    }

    /// The same, answered when it survives a power cut.
    pub fn settle_durably(
        &self,
        settlements: Vec<Settlement>,
    ) -> impl Future<Output = Answer<()>> + Send + use<> {
        self.settle_as(settlements, true)
    }

    fn settle_as(
        &self,
        settlements: Vec<Settlement>,
        durably: bool,
    ) -> impl Future<Output = Answer<()>> + Send + use<> {
        let asked = self.host(HostCommand::Settle {
            settlements,
            durably,
        });
        async move { asked.await.map(drop) }
    }

    /// Ends a subscription. What the consumer holds stays its own until it is settled or released.
    pub async fn cancel(&self, holder: HolderId) -> Answer<()> {
        self.host(HostCommand::Cancel { holder }).await?;
        Ok(())
    }

    /// Changes what bounds a consumer.
    pub async fn set_credit(&self, holder: HolderId, credit: Credit) -> Answer<()> {
        self.host(HostCommand::SetCredit { holder, credit }).await?;
        Ok(())
    }

    /// Changes how much the consumers of a pool may hold together.
    pub async fn set_pool(&self, pool: PoolId, limit: Option<u32>) -> Answer<()> {
        self.host(HostCommand::SetPool { pool, limit }).await?;
        Ok(())
    }

    /// Says that holders are gone: their subscriptions end, and what they hold comes back.
    pub fn release(
        &self,
        holders: Vec<HolderId>,
        pools: Vec<PoolId>,
    ) -> impl Future<Output = Answer<()>> + Send + use<> {
        let asked = self.host(HostCommand::Release { holders, pools });
        async move { asked.await.map(drop) }
    }

    /// Says that a connection is gone, and its exclusive queues with it.
    pub fn disconnected(
        &self,
        connection: ConnectionId,
    ) -> impl Future<Output = Answer<()>> + Send + use<> {
        let asked = self.host(HostCommand::Disconnected { connection });
        async move { asked.await.map(drop) }
    }

    /// Gives a queue records of a topic.
    pub(crate) async fn give_forward(&self, forward: Forward) -> Answer<Forwarded> {
        match self.host(HostCommand::Forward(forward)).await? {
            HostReply::Forwarded(forwarded) => Ok(forwarded),
            _ => Err(HostError::Stopped),
        }
    }

    /// Asks for what has no virtual host of its own.
    fn host(&self, command: HostCommand) -> impl Future<Output = Answer<HostReply>> + Send + use<> {
        self.ask_host(VirtualHostId::DEFAULT, command)
    }

    fn ask_host(
        &self,
        virtual_host: VirtualHostId,
        command: HostCommand,
    ) -> impl Future<Output = Answer<HostReply>> + Send + use<> {
        let asked = self.ask(move |answer| Command::Host {
            virtual_host,
            command,
            answer,
        });
        async move { asked.await.unwrap_or(Err(HostError::Stopped)) }
    }
}

impl VirtualHost {
    /// Its id.
    pub fn id(&self) -> VirtualHostId {
        self.id
    }

    /// The stream of this name.
    pub fn stream(&self, name: &[u8]) -> Option<Arc<Topic>> {
        self.broker.catalog().stream(self.id, name)
    }

    /// Its streams, sorted by name.
    pub fn streams(&self) -> Vec<Arc<Topic>> {
        self.broker.catalog().streams(self.id)
    }

    /// Makes a stream, with the configuration of the topic that it is.
    pub async fn create_stream(
        &self,
        queue: Bytes,
        configs: Values,
    ) -> Result<CreatedTopic, TopicError> {
        self.create_stream_as(MadeAs::Stream, queue, configs).await
    }

    /// The same, of one that may have been no queue before.
    pub async fn create_stream_as(
        &self,
        made_as: MadeAs,
        queue: Bytes,
        configs: Values,
    ) -> Result<CreatedTopic, TopicError> {
        let stream = StreamName {
            virtual_host: self.id,
            queue,
        };
        let id = uuid::Builder::from_random_bytes(self.broker.random()).into_uuid();
        let asked = self.broker.ask(|answer| Command::CreateStream {
            stream,
            made_as,
            configs,
            id,
            answer,
        });
        asked.await.unwrap_or(Err(TopicError::Stopped))
    }

    /// The broker that it is of.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Publishes messages, each with a result of its own, answered when all are as durable as the queues
    /// that they went to. They are in the broker's hands, in order, when this returns; the future only
    /// waits.
    pub fn publish(
        &self,
        messages: Vec<Publication>,
    ) -> impl Future<Output = Vec<Result<Published, PublishError>>> + Send + use<> {
        self.publish_as(messages, false)
    }

    /// Sends each message to the queue that its only routing key names, and says where it is stored. Answered
    /// as [`Self::publish`] is.
    pub fn send(
        &self,
        messages: Vec<Publication>,
    ) -> impl Future<Output = Vec<Result<Published, PublishError>>> + Send + use<> {
        self.publish_as(messages, true)
    }

    fn publish_as(
        &self,
        messages: Vec<Publication>,
        tells_positions: bool,
    ) -> impl Future<Output = Vec<Result<Published, PublishError>>> + Send + use<> {
        let virtual_host = self.id;
        let count: usize = messages.iter().map(Publication::count).sum();
        let asked = self.broker.ask(move |answer| Command::Publish {
            virtual_host,
            messages,
            tells_positions,
            answer,
        });
        async move {
            let stopped = |Stopped| (0..count).map(|_| Err(PublishError::Stopped)).collect();
            asked.await.unwrap_or_else(stopped)
        }
    }

    /// Makes an exchange; nothing happens if it is there and the same.
    pub async fn declare_exchange(&self, definition: ExchangeDefinition) -> Answer<()> {
        self.host(HostCommand::DeclareExchange(definition)).await?;
        Ok(())
    }

    /// Says whether there is such an exchange.
    pub async fn check_exchange(&self, name: Bytes) -> Answer<()> {
        self.host(HostCommand::CheckExchange { name }).await?;
        Ok(())
    }

    /// Deletes an exchange with its bindings; nothing happens if there is none.
    pub async fn delete_exchange(&self, name: Bytes, if_unused: bool) -> Answer<()> {
        let command = HostCommand::DeleteExchange { name, if_unused };
        self.host(command).await?;
        Ok(())
    }

    /// Binds a queue or an exchange to an exchange.
    pub async fn bind(&self, bind: Bind) -> Answer<()> {
        self.host(HostCommand::Bind(bind)).await?;
        Ok(())
    }

    /// Removes a binding; nothing happens if there is none.
    pub async fn unbind(&self, bind: Bind) -> Answer<()> {
        self.host(HostCommand::Unbind(bind)).await?;
        Ok(())
    }

    /// Makes a queue; says what there is if it is there and the same.
    pub async fn declare_queue(
        &self,
        definition: QueueDefinition,
        connection: ConnectionId,
    ) -> Answer<QueueStatus> {
        let command = HostCommand::DeclareQueue {
            definition,
            connection,
        };
        self.host(command).await.and_then(HostReply::queue)
    }

    /// Gives a queue the settings, arguments and place for its dead of another definition of the same name.
    /// They hold for what it has, too.
    pub async fn alter_queue(&self, definition: QueueDefinition) -> Answer<()> {
        self.host(HostCommand::AlterQueue(definition)).await?;
        Ok(())
    }

    /// Says what there is of a queue.
    pub async fn check_queue(&self, name: Bytes, connection: ConnectionId) -> Answer<QueueStatus> {
        let command = HostCommand::CheckQueue { name, connection };
        self.host(command).await.and_then(HostReply::queue)
    }

    /// Deletes a queue; nothing happens if there is none. Returns how many messages were ready.
    pub async fn delete_queue(
        &self,
        name: Bytes,
        if_unused: bool,
        if_empty: bool,
        connection: ConnectionId,
    ) -> Answer<u64> {
        let command = HostCommand::DeleteQueue {
            name,
            if_unused,
            if_empty,
            connection,
        };
        self.host(command).await.and_then(HostReply::messages)
    }

    /// Drops what is ready in a queue. Returns how many messages that were.
    pub async fn purge_queue(&self, name: Bytes, connection: ConnectionId) -> Answer<u64> {
        let command = HostCommand::PurgeQueue {
            name,
            everything: false,
            connection,
        };
        self.host(command).await.and_then(HostReply::messages)
    }

    /// Drops everything that is in a queue, also what is locked or delayed, and forgets which messages it took
    /// before. Returns how many messages were ready.
    pub async fn purge_everything(&self, name: Bytes) -> Answer<u64> {
        let command = HostCommand::PurgeQueue {
            name,
            everything: true,
            connection: ConnectionId::NOBODY,
        };
        self.host(command).await.and_then(HostReply::messages)
    }

    /// Subscribes a consumer.
    pub async fn subscribe(&self, subscribe: Subscribe) -> Answer<Subscribed> {
        match self.host(HostCommand::Subscribe(subscribe)).await? {
            HostReply::Subscribed(subscribed) => Ok(subscribed),
            _ => Err(HostError::Stopped),
        }
    }

    /// Takes one message of a queue without a subscription.
    pub async fn get_message(&self, get: GetMessage) -> Answer<Option<Got>> {
        match self.host(HostCommand::Get(get)).await? {
            HostReply::Got(got) => Ok(got),
            _ => Err(HostError::Stopped),
        }
    }

    pub(super) fn host(
        &self,
        command: HostCommand,
    ) -> impl Future<Output = Answer<HostReply>> + Send + use<> {
        self.broker.ask_host(self.id, command)
    }
}

impl HostReply {
    fn queue(self) -> Answer<QueueStatus> {
        match self {
            Self::Queue(status) => Ok(status),
            _ => Err(HostError::Stopped),
        }
    }

    fn messages(self) -> Answer<u64> {
        match self {
            Self::Messages(count) => Ok(count),
            _ => Err(HostError::Stopped),
        }
    }
}
