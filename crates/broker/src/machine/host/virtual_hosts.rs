//! Virtual hosts come and go.

use bytes::Bytes;

use super::by_name::ByName;
use super::{Cx, ExchangeId, Host, Names};
use crate::event::HostEvent;
use crate::host::{ExchangeDefinition, HostError, Passed, VirtualHostId};
use crate::routing::{Arguments, RouterKind};

/// Exchanges that every virtual host has from its foundation on, and that are never journaled. They have
/// ids in a row.
const PREDECLARED: [(&str, RouterKind, &str); 6] = [
    ("amq.direct", RouterKind::Direct, "direct"),
    ("amq.fanout", RouterKind::Fanout, "fanout"),
    ("amq.topic", RouterKind::Topic, "topic"),
    ("amq.headers", RouterKind::Headers, "headers"),
    ("amq.match", RouterKind::Headers, "headers"),
    ("amq.rabbitmq.trace", RouterKind::Topic, "topic"),
];

impl Names {
    /// Whether an exchange is always there, and never journaled.
    pub(super) fn has_predeclared(&self, id: ExchangeId) -> bool {
        let first = self.predeclared.0;
        (first..first + PREDECLARED.len() as u64).contains(&id.0)
    }
}

impl Host {
    /// What is called what in a virtual host.
    pub(super) fn names(&self, vhost: VirtualHostId) -> Result<&Names, HostError> {
        self.names.get(&vhost).ok_or(HostError::NoVirtualHost)
    }

    pub(in crate::machine) fn knows(&self, vhost: VirtualHostId) -> bool {
        self.names.contains_key(&vhost)
    }

    /// Founds a virtual host that the journal does not know.
    pub(in crate::machine) fn found_anew(&mut self, vhost: VirtualHostId, cx: &mut Cx<'_>) {
        let predeclared = ExchangeId(self.next_exchange);
        self.found(vhost, predeclared);
        let founded = HostEvent::Founded {
            virtual_host: vhost,
            predeclared,
        };
        cx.store(true, founded);
    }

    /// Takes a virtual host in, with the exchanges that every one has.
    pub(super) fn found(&mut self, vhost: VirtualHostId, predeclared: ExchangeId) {
        let names = Names {
            predeclared,
            exchanges: ByName::default(),
            queues: ByName::default(),
            passed: Passed::default(),
        };
        self.names.insert(vhost, names);
        for (id, (name, kind, kind_name)) in (predeclared.0..).zip(PREDECLARED) {
            let id = ExchangeId(id);
            self.next_exchange = self.next_exchange.max(id.0 + 1);
            let definition = ExchangeDefinition {
                name: Bytes::from_static(name.as_bytes()),
                kind,
                kind_name: Bytes::from_static(kind_name.as_bytes()),
                durable: true,
                auto_delete: false,
                internal: name == "amq.rabbitmq.trace",
                alternate: None,
                arguments: Arguments::default(),
            };
            self.put_exchange(vhost, id, definition);
        }
    }

    /// Ends a virtual host, with all that is in it.
    pub(in crate::machine) fn end(&mut self, vhost: VirtualHostId, cx: &mut Cx<'_>) {
        let queues = self.queues.iter();
        let queues = queues.filter(|(_, state)| state.virtual_host == vhost);
        let mut queues: Vec<_> = queues.map(|(id, _)| *id).collect();
        queues.sort_unstable();
        for id in queues {
            self.drop_queue(id, cx);
        }
        let ended = HostEvent::Ended {
            virtual_host: vhost,
        };
        cx.store(true, ended);
        self.forget(vhost);
    }

    /// Removes a virtual host whose queues are gone, with its exchanges.
    pub(super) fn forget(&mut self, vhost: VirtualHostId) {
        if let Some(names) = self.names.remove(&vhost) {
            for id in names.exchanges.after(None) {
                self.exchanges.remove(&id);
            }
        }
    }
}
