//! Virtual hosts, users, policies and parameters as they are now.

use std::collections::BTreeMap;

use super::change::AccessChange;
use super::{AccessError, Limited, Limits, Pattern, TopicPermission, User};
use crate::host::VirtualHostId;
use crate::limits::{
    ACCESS_NAME_BYTES_MAX, PARAMETER_BYTES_MAX, PARAMETERS_MAX, POLICIES_MAX, USERS_MAX,
    VIRTUAL_HOSTS_MAX,
};
use crate::policy::{Policy, PolicyKind};

/// All of it. Cheap to look into; a change copies it.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    virtual_hosts: BTreeMap<String, VirtualHostEntry>,
    users: BTreeMap<String, User>,
    policies: BTreeMap<(PolicyKind, String, String), Policy>,
    parameters: BTreeMap<Parameter, String>,
}

/// A virtual host, by the name that people give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualHostEntry {
    /// What the broker knows it by.
    pub id: VirtualHostId,
    /// What people say of it.
    pub description: String,
    /// Labels.
    pub tags: Vec<String>,
    /// The type of queues that are declared without one (`classic`, `quorum`); empty: the gateway's.
    pub default_queue_type: String,
    /// How many connections and queues there may be.
    pub limits: Limits,
}

/// What a parameter is called: something that tools keep here, and that means nothing to the broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameter {
    /// Whose it is; none for a global one.
    pub component: Option<String>,
    /// Where; none for a global one.
    pub virtual_host: Option<String>,
    /// Its name.
    pub name: String,
}

impl Directory {
    /// The virtual host of this name.
    pub fn virtual_host(&self, name: &str) -> Option<&VirtualHostEntry> {
        self.virtual_hosts.get(name)
    }

    /// The name of a virtual host.
    pub fn name_of(&self, id: VirtualHostId) -> Option<&str> {
        self.known_as(id).map(|(name, _)| name)
    }

    /// A virtual host, with its name.
    pub fn known_as(&self, id: VirtualHostId) -> Option<(&str, &VirtualHostEntry)> {
        let mut all = self.virtual_hosts();
        all.find(|(_, entry)| entry.id == id)
    }

    /// All virtual hosts, by name.
    pub fn virtual_hosts(&self) -> impl Iterator<Item = (&str, &VirtualHostEntry)> {
        let all = self.virtual_hosts.iter();
        all.map(|(name, entry)| (name.as_str(), entry))
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// All users, by name.
    pub fn users(&self) -> impl Iterator<Item = (&str, &User)> {
        self.users.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// The user of this name, if this is its password.
    pub fn authenticate(&self, name: &str, password: &[u8]) -> Option<&User> {
        let user = self.users.get(name)?;
        let hash = user.password.as_ref()?;
        hash.verifies(password).then_some(user)
    }

    /// All policies of a kind: virtual host, name, policy.
    pub fn policies(&self, kind: PolicyKind) -> impl Iterator<Item = (&str, &str, &Policy)> {
        let all = self
            .policies
            .iter()
            .filter(move |((of, ..), _)| *of == kind);
        all.map(|((_, host, name), policy)| (host.as_str(), name.as_str(), policy))
    }

    /// The policy of a kind with this name.
    pub fn policy(&self, kind: PolicyKind, virtual_host: &str, name: &str) -> Option<&Policy> {
        let key = (kind, virtual_host.to_owned(), name.to_owned());
        self.policies.get(&key)
    }

    /// All parameters, each with its value, a JSON text.
    pub fn parameters(&self) -> impl Iterator<Item = (&Parameter, &str)> {
        let all = self.parameters.iter();
        all.map(|(name, value)| (name, value.as_str()))
    }

    /// The value of a parameter, a JSON text.
    pub fn parameter(&self, name: &Parameter) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.virtual_hosts.is_empty() && self.users.is_empty()
    }

    /// Makes a change. `new` is the id of a virtual host that is founded by it.
    pub(crate) fn apply(
        &mut self,
        change: AccessChange,
        new: Option<VirtualHostId>,
    ) -> Result<(), AccessError> {
        match change {
            AccessChange::PutVirtualHost {
                name,
                description,
                tags,
                default_queue_type,
            } => {
                check_name(&name)?;
                let known = self.virtual_hosts.get(&name);
                if known.is_none() {
                    room(self.virtual_hosts.len(), VIRTUAL_HOSTS_MAX, "virtual hosts")?;
                }
                let id = known.map(|entry| entry.id).or(new);
                let id = id.unwrap_or(VirtualHostId::DEFAULT);
                let limits = known.map(|entry| entry.limits.clone());
                let entry = VirtualHostEntry {
                    id,
                    description,
                    tags,
                    default_queue_type,
                    limits: limits.unwrap_or_default(),
                };
                self.virtual_hosts.insert(name, entry);
            }
            AccessChange::DeleteVirtualHost { name } => {
                found(self.virtual_hosts.remove(&name))?;
                for user in self.users.values_mut() {
                    user.permissions.remove(&name);
                    user.topic_permissions.retain(|(host, _), _| *host != name);
                }
                self.policies.retain(|(_, host, _), _| *host != name);
                self.parameters
                    .retain(|parameter, _| parameter.virtual_host.as_ref() != Some(&name));
            }
            AccessChange::PutUser {
                name,
                password,
                tags,
            } => {
                check_name(&name)?;
                match self.users.get_mut(&name) {
                    Some(user) => (user.password, user.tags) = (password, tags),
                    None => {
                        room(self.users.len(), USERS_MAX, "users")?;
                        self.users.insert(name, User::new(password, tags));
                    }
                }
            }
            AccessChange::DeleteUser { name } => found(self.users.remove(&name))?,
            AccessChange::PutPermission {
                user,
                virtual_host,
                permission,
            } => {
                self.need_virtual_host(&virtual_host)?;
                let user = self.user_mut(&user)?;
                user.permissions.insert(virtual_host, permission);
            }
            AccessChange::DeletePermission { user, virtual_host } => {
                found(self.user_mut(&user)?.permissions.remove(&virtual_host))?;
            }
            AccessChange::PutTopicPermission {
                user,
                virtual_host,
                exchange,
                write,
                read,
            } => {
                self.need_virtual_host(&virtual_host)?;
                let permission = TopicPermission {
                    write: Pattern::expanded(&write, &user, &virtual_host)?,
                    read: Pattern::expanded(&read, &user, &virtual_host)?,
                };
                let user = self.user_mut(&user)?;
                let place = (virtual_host, exchange);
                user.topic_permissions.insert(place, permission);
            }
            AccessChange::DeleteTopicPermission {
                user,
                virtual_host,
                exchange,
            } => {
                let user = self.user_mut(&user)?;
                let before = user.topic_permissions.len();
                user.topic_permissions.retain(|(host, of), _| {
                    *host != virtual_host || exchange.as_ref().is_some_and(|name| name != of)
                });
                found((user.topic_permissions.len() < before).then_some(()))?;
            }
            AccessChange::PutPolicy {
                kind,
                virtual_host,
                name,
                policy,
            } => {
                self.need_virtual_host(&virtual_host)?;
                check_name(&name)?;
                check_text("policy definition", &policy.definition)?;
                let key = (kind, virtual_host, name);
                if !self.policies.contains_key(&key) {
                    room(self.policies.len(), POLICIES_MAX, "policies")?;
                }
                self.policies.insert(key, policy);
            }
            AccessChange::DeletePolicy {
                kind,
                virtual_host,
                name,
            } => found(self.policies.remove(&(kind, virtual_host, name)))?,
            AccessChange::PutParameter { parameter, value } => {
                if let Some(host) = &parameter.virtual_host {
                    self.need_virtual_host(host)?;
                }
                check_name(&parameter.name)?;
                check_text("parameter", &value)?;
                if !self.parameters.contains_key(&parameter) {
                    room(self.parameters.len(), PARAMETERS_MAX, "parameters")?;
                }
                self.parameters.insert(parameter, value);
            }
            AccessChange::DeleteParameter { parameter } => {
                found(self.parameters.remove(&parameter))?;
            }
            AccessChange::SetLimit { of, limit, value } => {
                self.limits_mut(&of)?.set(limit, value);
            }
        }
        Ok(())
    }

    /// What makes all of it again out of nothing, with the ids of what is founded.
    pub(super) fn changes(&self) -> Vec<(AccessChange, Option<VirtualHostId>)> {
        let hosts = self.virtual_hosts.iter().map(|(name, entry)| {
            let put = AccessChange::PutVirtualHost {
                name: name.clone(),
                description: entry.description.clone(),
                tags: entry.tags.clone(),
                default_queue_type: entry.default_queue_type.clone(),
            };
            (put, Some(entry.id))
        });
        let users = self.users.iter().flat_map(|(name, user)| {
            let put = AccessChange::PutUser {
                name: name.clone(),
                password: user.password.clone(),
                tags: user.tags.clone(),
            };
            let permissions = user.permissions.iter().map(move |(host, permission)| {
                AccessChange::PutPermission {
                    user: name.clone(),
                    virtual_host: host.clone(),
                    permission: permission.clone(),
                }
            });
            let topics = user.topic_permissions.iter();
            let topics = topics.map(move |((host, exchange), permission)| {
                AccessChange::PutTopicPermission {
                    user: name.clone(),
                    virtual_host: host.clone(),
                    exchange: exchange.clone(),
                    write: permission.write.as_str().to_owned(),
                    read: permission.read.as_str().to_owned(),
                }
            });
            [put].into_iter().chain(permissions).chain(topics)
        });
        let policies =
            self.policies
                .iter()
                .map(|((kind, host, name), policy)| AccessChange::PutPolicy {
                    kind: *kind,
                    virtual_host: host.clone(),
                    name: name.clone(),
                    policy: policy.clone(),
                });
        let parameters =
            self.parameters
                .iter()
                .map(|(parameter, value)| AccessChange::PutParameter {
                    parameter: parameter.clone(),
                    value: value.clone(),
                });
        let hosts_limits = self
            .virtual_hosts
            .iter()
            .flat_map(|(name, entry)| limits_of(Limited::VirtualHost(name.clone()), &entry.limits));
        let users_limits = self
            .users
            .iter()
            .flat_map(|(name, user)| limits_of(Limited::User(name.clone()), &user.limits));
        let limits = hosts_limits.chain(users_limits);
        let others = users.chain(policies).chain(parameters).chain(limits);
        hosts.chain(others.map(|change| (change, None))).collect()
    }

    fn limits_mut(&mut self, of: &Limited) -> Result<&mut Limits, AccessError> {
        match of {
            Limited::VirtualHost(name) => {
                let entry = self.virtual_hosts.get_mut(name);
                let entry = entry.ok_or_else(|| AccessError::NoVirtualHost(name.clone()))?;
                Ok(&mut entry.limits)
            }
            Limited::User(name) => Ok(&mut self.user_mut(name)?.limits),
        }
    }

    fn need_virtual_host(&self, name: &str) -> Result<(), AccessError> {
        let known = self.virtual_hosts.contains_key(name);
        known
            .then_some(())
            .ok_or_else(|| AccessError::NoVirtualHost(name.to_owned()))
    }

    fn user_mut(&mut self, name: &str) -> Result<&mut User, AccessError> {
        let user = self.users.get_mut(name);
        user.ok_or_else(|| AccessError::NoUser(name.to_owned()))
    }
}

/// What sets limits again.
fn limits_of(of: Limited, limits: &Limits) -> impl Iterator<Item = AccessChange> {
    limits
        .iter()
        .map(move |(limit, value)| AccessChange::SetLimit {
            of: of.clone(),
            limit,
            value: Some(value),
        })
}

fn found<T>(what: Option<T>) -> Result<(), AccessError> {
    what.map(drop).ok_or(AccessError::NotFound)
}

fn room(there: usize, limit: usize, what: &'static str) -> Result<(), AccessError> {
    if there < limit {
        Ok(())
    } else {
        Err(AccessError::TooMany(what))
    }
}

fn check_name(name: &str) -> Result<(), AccessError> {
    if name.is_empty() || name.len() > ACCESS_NAME_BYTES_MAX {
        return Err(AccessError::Name(ACCESS_NAME_BYTES_MAX));
    }
    Ok(())
}

fn check_text(what: &'static str, text: &str) -> Result<(), AccessError> {
    if text.len() > PARAMETER_BYTES_MAX {
        let limit = PARAMETER_BYTES_MAX;
        return Err(AccessError::TooLarge { what, limit });
    }
    Ok(())
}
