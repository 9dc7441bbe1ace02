//! The one question that every operation asks.

use std::fmt;

use super::{Directory, Permission, User};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create or delete it.
    Configure,
    /// Publish to it, or bind to it.
    Write,
    /// Consume from it, or bind from it.
    Read,
}

/// What somebody wants to do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A virtual host, to use anything in it.
    VirtualHost(&'a str),
    /// A queue.
    Queue {
        /// Where.
        virtual_host: &'a str,
        /// Its name.
        name: &'a [u8],
    },
    /// An exchange.
    Exchange {
        /// Where.
        virtual_host: &'a str,
        /// Its name.
        name: &'a [u8],
    },
    /// A routing key of a topic exchange.
    Topic {
        /// Where.
        virtual_host: &'a str,
        /// The exchange.
        exchange: &'a [u8],
        /// The key.
        key: &'a [u8],
    },
    /// The broker itself, to those with this tag.
    Broker {
        /// `administrator`, `monitoring`, `policymaker` or `management`.
        tag: &'a str,
    },
}

/// Somebody may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access refused")]
pub struct Denied;

/// Tags, each of which may do what those behind it in the same line may (RabbitMQ, "Management", access
/// and permissions).
const IMPLIED: [(&str, &[&str]); 3] = [
    (
        "administrator",
        &["monitoring", "policymaker", "management"],
    ),
    ("monitoring", &["management"]),
    ("policymaker", &["management"]),
];

/// What the default exchange is called where permissions are looked up.
const DEFAULT_EXCHANGE: &[u8] = b"amq.default";

impl Directory {
    /// Whether a user may do something.
    ///
    /// # Errors
    /// When it may not.
    pub fn authorize(
        &self,
        user: &str,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), Denied> {
        let user = self.user(user).ok_or(Denied)?;
        if user.may(action, resource) {
            Ok(())
        } else {
            Err(Denied)
        }
    }
}

impl User {
    fn may(&self, action: Action, resource: Resource<'_>) -> bool {
        let permission = |virtual_host: &str| self.permissions.get(virtual_host);
        match resource {
            Resource::VirtualHost(name) => permission(name).is_some(),
            Resource::Queue { virtual_host, name } => {
                permission(virtual_host).is_some_and(|granted| granted.allows(action, name))
            }
            Resource::Exchange { virtual_host, name } => {
                let name = if name.is_empty() {
                    DEFAULT_EXCHANGE
                } else {
                    name
                };
                permission(virtual_host).is_some_and(|granted| granted.allows(action, name))
            }
            Resource::Topic {
                virtual_host,
                exchange,
                key,
            } => {
                let exchange = String::from_utf8_lossy(exchange).into_owned();
                let place = (virtual_host.to_owned(), exchange);
                // Without a word about the exchange every key is allowed.
                self.topic_permissions
                    .get(&place)
                    .is_none_or(|granted| match action {
                        Action::Write => granted.write.matches(key),
                        Action::Read => granted.read.matches(key),
                        Action::Configure => true,
                    })
            }
            Resource::Broker { tag } => self.tags.iter().any(|had| {
                let implied = IMPLIED.iter().find(|(implying, _)| implying == had);
                had == tag || implied.is_some_and(|(_, implied)| implied.contains(&tag))
            }),
        }
    }
}

impl Permission {
    fn allows(&self, action: Action, name: &[u8]) -> bool {
        match action {
            Action::Configure => self.configure.matches(name),
            Action::Write => self.write.matches(name),
            Action::Read => self.read.matches(name),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccessChange, Pattern};
    use super::*;
    use crate::host::VirtualHostId;

    fn directory() -> Directory {
        let mut directory = Directory::default();
        let pattern = |text| Pattern::new(text).unwrap();
        let changes = [
            AccessChange::virtual_host("/"),
            AccessChange::PutUser {
                name: "ann".to_owned(),
                password: None,
                tags: vec!["policymaker".to_owned()],
            },
            AccessChange::PutPermission {
                user: "ann".to_owned(),
                virtual_host: "/".to_owned(),
                permission: Permission {
                    configure: pattern("^a\\."),
                    write: pattern("^(amq\\.default|t|a\\..*)$"),
                    read: pattern(""),
                },
            },
            AccessChange::PutTopicPermission {
                user: "ann".to_owned(),
                virtual_host: "/".to_owned(),
                exchange: "t".to_owned(),
                write: "^{username}\\.".to_owned(),
                read: ".*".to_owned(),
            },
        ];
        for change in changes {
            directory
                .apply(change, Some(VirtualHostId::DEFAULT))
                .unwrap();
        }
        directory
    }

    #[test]
    fn every_kind_of_resource_by_every_action() {
        let directory = directory();
        let queue = |name: &'static str| Resource::Queue {
            virtual_host: "/",
            name: name.as_bytes(),
        };
        let exchange = |name: &'static str| Resource::Exchange {
            virtual_host: "/",
            name: name.as_bytes(),
        };
        let topic = |exchange: &'static str, key: &'static str| Resource::Topic {
            virtual_host: "/",
            exchange: exchange.as_bytes(),
            key: key.as_bytes(),
        };
        let elsewhere = Resource::Queue {
            virtual_host: "other",
            name: b"a.b",
        };
        use Action::{Configure, Read, Write};
        let cases = [
            (Configure, queue("a.b"), true),
            (Configure, queue("b"), false),
            (Configure, elsewhere, false),
            (Write, exchange(""), true),
            (Write, exchange("a.x"), true),
            (Write, exchange("x"), false),
            (Read, queue("a.b"), false),
            (Write, topic("t", "ann.k"), true),
            (Write, topic("t", "bob.k"), false),
            (Read, topic("t", "bob.k"), true),
            (Write, topic("other", "bob.k"), true),
            (Read, Resource::VirtualHost("/"), true),
            (Read, Resource::VirtualHost("other"), false),
            (Read, Resource::Broker { tag: "policymaker" }, true),
            (Read, Resource::Broker { tag: "management" }, true),
            (Read, Resource::Broker { tag: "monitoring" }, false),
            (
                Read,
                Resource::Broker {
                    tag: "administrator",
                },
                false,
            ),
        ];
        for (action, resource, allowed) in cases {
            let answer = directory.authorize("ann", action, resource);
            assert_eq!(answer.is_ok(), allowed, "{action} {resource:?}");
            let stranger = directory.authorize("bob", action, resource);
            assert_eq!(
                stranger,
                Err(Denied),
                "a user that is not there may nothing"
            );
        }
    }
}
