//! What the connection's user may do, and what becomes of the connection when that changes.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::access::{Action, Denied, Directory, LimitKind, Resource};
use forebay_broker::host::VirtualHostId;
use tokio::sync::watch;

use super::Session;
use super::commands::Done;
use super::errors::{Refusal, lossy};
use crate::amqp091::ReplyCode;
use crate::amqp091::method::MethodId;
use crate::seats::{Full, Seat, Section};

/// The user of a connection, and what it is known to be allowed.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) user: String,
    /// The virtual host's name, and what the broker knows it by.
    pub(super) vhost: String,
    vhost_id: VirtualHostId,
    directories: watch::Receiver<Arc<Directory>>,
    directory: Arc<Directory>,
    /// The exchange that was published to last: of that nothing need be looked up.
    published: Option<Published>,
}

#[derive(Debug)]
struct Published {
    exchange: Bytes,
    /// Not every key may be published with.
    checks_keys: bool,
}

impl Access {
    pub(super) fn new(
        user: String,
        vhost: String,
        vhost_id: VirtualHostId,
        mut directories: watch::Receiver<Arc<Directory>>,
    ) -> Self {
        let directory = Arc::clone(&directories.borrow_and_update());
        Self {
            user,
            vhost,
            vhost_id,
            directories,
            directory,
            published: None,
        }
    }

    pub(super) fn vhost_id(&self) -> VirtualHostId {
        self.vhost_id
    }

    /// Waits for a change of virtual hosts, users or permissions.
    pub(super) async fn changed(&mut self) {
        if self.directories.changed().await.is_err() {
            // The broker has stopped, which others say.
            std::future::pending().await
        }
    }

    /// Looks at what there is now. An error ends the connection.
    pub(super) fn update(&mut self) -> Result<(), Refusal> {
        self.directory = Arc::clone(&self.directories.borrow_and_update());
        self.published = None;
        let forced = |text| Err(Refusal::new(ReplyCode::ConnectionForced, text));
        let entry = self.directory.virtual_host(&self.vhost);
        if entry.is_none_or(|entry| entry.id != self.vhost_id) {
            return forced(format!("vhost '{}' is deleted", self.vhost));
        }
        if self.directory.user(&self.user).is_none() {
            return forced(format!("user '{}' is deleted", self.user));
        }
        Ok(())
    }

    fn refresh(&mut self) {
        if self.directories.has_changed().unwrap_or(false) {
            // The loop of the connection looks whether it goes on.
            self.directory = Arc::clone(&self.directories.borrow());
            self.published = None;
        }
    }

    fn require(&self, action: Action, resource: Resource<'_>) -> Done {
        let answer = self.directory.authorize(&self.user, action, resource);
        answer.map_err(|Denied| self.refused(action, resource))
    }

    fn refused(&self, action: Action, resource: Resource<'_>) -> Refusal {
        let what = match resource {
            Resource::Queue { name, .. } => format!("queue '{}'", lossy(name)),
            Resource::Exchange { name: b"", .. } => "exchange 'amq.default'".to_owned(),
            Resource::Exchange { name, .. } => format!("exchange '{}'", lossy(name)),
            Resource::Topic { exchange, key, .. } => {
                format!("topic '{}' in exchange '{}'", lossy(key), lossy(exchange))
            }
            Resource::VirtualHost(_) | Resource::Broker { .. } => "the broker".to_owned(),
        };
        let (vhost, user) = (&self.vhost, &self.user);
        Refusal::access(format_args!(
            "{action} access to {what} in vhost '{vhost}' refused for user '{user}'"
        ))
    }

    /// Whether a queue may be used so.
    pub(super) fn queue(&mut self, action: Action, name: &[u8]) -> Done {
        self.refresh();
        let virtual_host = &self.vhost;
        self.require(action, Resource::Queue { virtual_host, name })
    }

    /// Whether an exchange may be used so.
    pub(super) fn exchange(&mut self, action: Action, name: &[u8]) -> Done {
        self.refresh();
        let virtual_host = &self.vhost;
        self.require(action, Resource::Exchange { virtual_host, name })
    }

    /// Whether an exchange may be bound from with a key.
    pub(super) fn binding(&mut self, exchange: &[u8], key: &[u8]) -> Done {
        self.exchange(Action::Read, exchange)?;
        let virtual_host = &self.vhost;
        let topic = Resource::Topic {
            virtual_host,
            exchange,
            key,
        };
        self.require(Action::Read, topic)
    }

    /// Whether an exchange may be published to with a key.
    pub(super) fn publish(&mut self, exchange: &[u8], key: &[u8]) -> Done {
        self.refresh();
        let known = self.published.as_ref();
        let checks_keys = match known.filter(|known| known.exchange == exchange) {
            Some(known) => known.checks_keys,
            None => {
                self.exchange(Action::Write, exchange)?;
                let checks_keys = self.checks_keys(exchange);
                self.published = Some(Published {
                    exchange: Bytes::copy_from_slice(exchange),
                    checks_keys,
                });
                checks_keys
            }
        };
        if !checks_keys {
            return Ok(());
        }
        let virtual_host = &self.vhost;
        let topic = Resource::Topic {
            virtual_host,
            exchange,
            key,
        };
        self.require(Action::Write, topic)
    }

    fn checks_keys(&self, exchange: &[u8]) -> bool {
        let user = self.directory.user(&self.user);
        user.is_some_and(|user| {
            let mut places = user.topic_permissions.keys();
            places.any(|(host, of)| *host == self.vhost && of.as_bytes() == exchange)
        })
    }

    /// The type of queues that are declared without one; empty: the gateway's.
    pub(super) fn default_queue_type(&mut self) -> String {
        self.refresh();
        let entry = self.directory.virtual_host(&self.vhost);
        entry.map_or_else(String::new, |entry| entry.default_queue_type.clone())
    }

    /// How many channels the user may have open.
    pub(super) fn channels_max(&mut self) -> Option<u64> {
        self.refresh();
        let user = self.directory.user(&self.user)?;
        user.limits.most(LimitKind::Channels)
    }

    /// Whether messages may name another user than the one that publishes them.
    pub(super) fn impersonates(&self) -> bool {
        let user = self.directory.user(&self.user);
        user.is_some_and(|user| user.has_tag("impersonator"))
    }
}

impl Session<'_> {
    /// Counts one more channel of the user, if there may be one more.
    pub(super) fn seat_of_channel(&mut self) -> Result<Seat, Refusal> {
        let most = self.access.channels_max();
        let user = &self.access.user;
        let seat = self
            .shared
            .seats
            .take(Section::ChannelsOf(user.clone()), most);
        seat.map_err(|Full(most)| {
            Refusal::not_allowed(format_args!(
                "number of channels opened for user '{user}' has reached the maximum allowed user limit of \
                 {most}"
            ))
        })
    }

    /// Virtual hosts, users or permissions have changed.
    pub(super) fn access_changed(&mut self) {
        if let Err(refusal) = self.access.update() {
            self.close_connection(MethodId::default(), refusal);
        }
    }
}
