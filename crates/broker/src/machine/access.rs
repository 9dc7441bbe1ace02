//! Changes of virtual hosts, users and policies, and what follows from them.

use std::sync::Arc;

use forebay_storage::shard::Replies;
use forebay_storage::{Durability, Engine, Now};
use tokio::sync::oneshot;

use super::command::Answer;
use super::{BrokerMachine, Reply};
use crate::access::{AccessChange, AccessError, Directory, PasswordHash, Pattern, Permission};
use crate::event::BrokerEvent;
use crate::host::VirtualHostId;

/// What there is at the first start, as RabbitMQ has it.
const DEFAULT_VIRTUAL_HOST: &str = "/";
const DEFAULT_USER: &str = "guest";
const DEFAULT_PASSWORD: &[u8] = b"guest";

/// A change that is sure to be possible.
struct Checked {
    change: AccessChange,
    founded: Option<VirtualHostId>,
    ended: Option<VirtualHostId>,
}

impl BrokerMachine {
    /// Makes all changes, or none.
    pub(super) fn change_access(
        &mut self,
        changes: Vec<AccessChange>,
        answer: oneshot::Sender<Result<(), AccessError>>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let mut directory = Directory::clone(&self.directory);
        let checked = changes
            .into_iter()
            .map(|change| self.check_access(change, &mut directory))
            .collect::<Result<Vec<_>, _>>();
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => return replies.at_once(Answer::Access(answer, Err(error))),
        };
        self.directory = Arc::new(directory);
        self.make_access_changes(checked, engine, now, replies);
        replies.after(Durability::Fsync, Answer::Access(answer, Ok(())));
    }

    fn check_access(
        &mut self,
        change: AccessChange,
        directory: &mut Directory,
    ) -> Result<Checked, AccessError> {
        let known = |name: &str| directory.virtual_host(name).map(|entry| entry.id);
        let (mut founded, mut ended) = (None, None);
        match &change {
            AccessChange::PutVirtualHost { name, .. } if known(name).is_none() => {
                founded = Some(self.id_for(name));
            }
            AccessChange::DeleteVirtualHost { name } => ended = known(name),
            _ => {}
        }
        directory.apply(change.clone(), founded)?;
        Ok(Checked {
            change,
            founded,
            ended,
        })
    }

    /// An id that no other virtual host has. The default one keeps its own: topics are in it.
    fn id_for(&mut self, name: &str) -> VirtualHostId {
        if name == DEFAULT_VIRTUAL_HOST && !self.host.knows(VirtualHostId::DEFAULT) {
            return VirtualHostId::DEFAULT;
        }
        let id = VirtualHostId(self.next_virtual_host);
        self.next_virtual_host += 1;
        id
    }

    fn make_access_changes(
        &mut self,
        checked: Vec<Checked>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        // The topics of a virtual host may outlive it and its policies.
        let of_policies = checked
            .iter()
            .any(|checked| checked.change.is_of_policies() || checked.ended.is_some());
        for Checked {
            change,
            founded,
            ended,
        } in checked
        {
            Self::store(engine, &BrokerEvent::AccessChanged { change, founded });
            if let Some(id) = ended {
                self.delete_streams(id, engine, now, replies);
            }
            let (host, mut cx) = self.host_with(engine, now, replies);
            if let Some(id) = founded {
                host.found_anew(id, &mut cx);
            }
            if let Some(id) = ended {
                host.end(id, &mut cx);
            }
        }
        let (host, mut cx) = self.host_with(engine, now, replies);
        if of_policies {
            host.follow_policies(cx.directory);
        }
        host.finish(&mut cx);
        if of_policies {
            self.follow_policies_of_streams(engine);
        }
        self.directories.send_replace(Arc::clone(&self.directory));
    }

    /// Shows what was replayed, or what there is at the first start.
    pub(super) fn open_access(&mut self, engine: &mut Engine, now: Now) {
        if self.directory.is_empty() {
            let mut directory = Directory::default();
            let changes = self.first_access_changes();
            for (change, founded) in changes {
                if let Err(error) = directory.apply(change.clone(), founded) {
                    tracing::error!(%error, "the default user cannot be made");
                }
                Self::store(engine, &BrokerEvent::AccessChanged { change, founded });
            }
            self.directory = Arc::new(directory);
            // Nobody is there yet to be told of anything.
            let mut replies = Replies::default();
            let (host, mut cx) = self.host_with(engine, now, &mut replies);
            if !host.knows(VirtualHostId::DEFAULT) {
                host.found_anew(VirtualHostId::DEFAULT, &mut cx);
            }
        }
        self.directories.send_replace(Arc::clone(&self.directory));
    }

    fn first_access_changes(&self) -> Vec<(AccessChange, Option<VirtualHostId>)> {
        let cluster = self.cluster.unwrap_or_default().into_bytes();
        let salt = [cluster[0], cluster[1], cluster[2], cluster[3]];
        let everything = || Pattern::new(".*").ok();
        let user = AccessChange::PutUser {
            name: DEFAULT_USER.to_owned(),
            password: Some(PasswordHash::new(DEFAULT_PASSWORD, salt)),
            tags: vec!["administrator".to_owned()],
        };
        let permission = everything().map(|all| AccessChange::PutPermission {
            user: DEFAULT_USER.to_owned(),
            virtual_host: DEFAULT_VIRTUAL_HOST.to_owned(),
            permission: Permission {
                configure: all.clone(),
                write: all.clone(),
                read: all,
            },
        });
        let host = AccessChange::virtual_host(DEFAULT_VIRTUAL_HOST);
        let rest = [user].into_iter().chain(permission);
        let rest = rest.map(|change| (change, None));
        let first = [(host, Some(VirtualHostId::DEFAULT))];
        first.into_iter().chain(rest).collect()
    }

    /// A change that was made before.
    pub(super) fn replay_access(
        &mut self,
        change: AccessChange,
        founded: Option<VirtualHostId>,
    ) -> Result<(), String> {
        if let Some(id) = founded {
            self.next_virtual_host = self.next_virtual_host.max(id.0 + 1);
        }
        let directory = Arc::make_mut(&mut self.directory);
        let applied = directory.apply(change, founded);
        applied.map_err(|error| error.to_string())
    }
}
