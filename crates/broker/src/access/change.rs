//! What can be changed about virtual hosts, users and policies, and how that is written down.
//!
//! ```text
//! change  u8: 0 virtual host put: name, description, tag*, default queue type; 1 deleted: name;
//!         2 user put: name, password (presence): algorithm u8 (0 SHA-256; 1 SHA-512), salt and digest;
//!         tag*; 3 deleted: name; 4 permission put: user, virtual host, configure, write, read;
//!         5 deleted: user, virtual host; 6 topic permission put: user, virtual host, exchange, write,
//!         read; 7 deleted: user, virtual host, exchange (presence); 8 policy put: kind u8 (0 of users;
//!         1 of operators), virtual host, name, older policy (not written any more); 9 deleted: kind u8,
//!         virtual host, name;
//!         10 parameter put: component (presence), virtual host (presence), name, value; 11 deleted:
//!         the same without value; 12 limit set: of u8 (0 a virtual host; 1 a user), name, limit u8
//!         (0 connections; 1 queues; 2 channels), value (presence) u64, two's complement; 13 policy put, as 8,
//!         with a policy
//! ```

use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::directory::{Directory, Parameter};
use super::user::{HashAlgorithm, PasswordHash, Permission};
use super::{AccessError, LimitKind, Limited, Pattern};
use crate::host::VirtualHostId;
use crate::policy::{Policy, PolicyKind};

/// A change. To put something that is there replaces it.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessChange {
    /// Founds a virtual host, or changes what is said of it.
    PutVirtualHost {
        /// Its name.
        name: String,
        /// What people say of it.
        description: String,
        /// Labels.
        tags: Vec<String>,
        /// The type of queues that are declared without one; empty: the gateway's.
        default_queue_type: String,
    },
    /// Ends a virtual host, with all that is in it.
    DeleteVirtualHost {
        /// Its name.
        name: String,
    },
    /// Makes a user, or changes it; its permissions stay.
    PutUser {
        /// Its name.
        name: String,
        /// None: nobody logs in with a password.
        password: Option<PasswordHash>,
        /// What it may do beside messaging.
        tags: Vec<String>,
    },
    /// Deletes a user.
    DeleteUser {
        /// Its name.
        name: String,
    },
    /// Says what a user may do in a virtual host.
    PutPermission {
        /// Who.
        user: String,
        /// Where.
        virtual_host: String,
        /// What.
        permission: Permission,
    },
    /// Has a user do nothing any more in a virtual host.
    DeletePermission {
        /// Who.
        user: String,
        /// Where.
        virtual_host: String,
    },
    /// Says with which keys a user may use a topic exchange.
    PutTopicPermission {
        /// Who.
        user: String,
        /// Where.
        virtual_host: String,
        /// The exchange.
        exchange: String,
        /// What is in the keys to publish with; `{username}` and `{vhost}` stand for names.
        write: String,
        /// The same of the keys to bind with.
        read: String,
    },
    /// Takes that back.
    DeleteTopicPermission {
        /// Who.
        user: String,
        /// Where.
        virtual_host: String,
        /// The exchange; none for all of them.
        exchange: Option<String>,
    },
    /// Puts a policy.
    PutPolicy {
        /// Whose.
        kind: PolicyKind,
        /// Where.
        virtual_host: String,
        /// Its name.
        name: String,
        /// What it says.
        policy: Policy,
    },
    /// Deletes a policy.
    DeletePolicy {
        /// Whose.
        kind: PolicyKind,
        /// Where.
        virtual_host: String,
        /// Its name.
        name: String,
    },
    /// Keeps something for a tool.
    PutParameter {
        /// Its name.
        parameter: Parameter,
        /// A JSON text.
        value: String,
    },
    /// Keeps it no more.
    DeleteParameter {
        /// Its name.
        parameter: Parameter,
    },
    /// Limits something of a virtual host or a user.
    SetLimit {
        /// Whose limit it is.
        of: Limited,
        /// Which.
        limit: LimitKind,
        /// How many there may be: a negative number is remembered and bounds nothing. None takes the limit away.
        value: Option<i64>,
    },
}

impl AccessChange {
    /// A virtual host of which nothing is said.
    pub fn virtual_host(name: &str) -> Self {
        Self::PutVirtualHost {
            name: name.to_owned(),
            description: String::new(),
            tags: Vec::new(),
            default_queue_type: String::new(),
        }
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        match self {
            Self::PutVirtualHost {
                name,
                description,
                tags,
                default_queue_type,
            } => {
                put_strings(encoder.u8(0).str(name).str(description), tags).str(default_queue_type);
            }
            Self::DeleteVirtualHost { name } => drop(encoder.u8(1).str(name)),
            Self::PutUser {
                name,
                password,
                tags,
            } => {
                encoder
                    .u8(2)
                    .str(name)
                    .option(password.as_ref(), |encoder, hash| {
                        let algorithm = match hash.algorithm() {
                            HashAlgorithm::Sha256 => 0,
                            HashAlgorithm::Sha512 => 1,
                        };
                        encoder.u8(algorithm).bytes(hash.as_bytes());
                    });
                put_strings(encoder, tags);
            }
            Self::DeleteUser { name } => drop(encoder.u8(3).str(name)),
            Self::PutPermission {
                user,
                virtual_host,
                permission,
            } => {
                encoder
                    .u8(4)
                    .str(user)
                    .str(virtual_host)
                    .str(permission.configure.as_str())
                    .str(permission.write.as_str())
                    .str(permission.read.as_str());
            }
            Self::DeletePermission { user, virtual_host } => {
                encoder.u8(5).str(user).str(virtual_host);
            }
            Self::PutTopicPermission {
                user,
                virtual_host,
                exchange,
                write,
                read,
            } => {
                encoder
                    .u8(6)
                    .str(user)
                    .str(virtual_host)
                    .str(exchange)
                    .str(write)
                    .str(read);
            }
            Self::DeleteTopicPermission {
                user,
                virtual_host,
                exchange,
            } => {
                put_option(encoder.u8(7).str(user).str(virtual_host), exchange);
            }
            Self::PutPolicy {
                kind,
                virtual_host,
                name,
                policy,
            } => {
                encoder.u8(13).u8(kind.number()).str(virtual_host).str(name);
                policy.encode(encoder);
            }
            Self::DeletePolicy {
                kind,
                virtual_host,
                name,
            } => drop(encoder.u8(9).u8(kind.number()).str(virtual_host).str(name)),
            Self::PutParameter { parameter, value } => {
                parameter.encode(encoder.u8(10)).str(value);
            }
            Self::DeleteParameter { parameter } => drop(parameter.encode(encoder.u8(11))),
            Self::SetLimit { of, limit, value } => {
                let (kind, name) = match of {
                    Limited::VirtualHost(name) => (0, name),
                    Limited::User(name) => (1, name),
                };
                let encoder = encoder.u8(12).u8(kind).str(name).u8(limit.number());
                encoder.option(*value, |encoder, value| {
                    encoder.u64(value.cast_unsigned());
                });
            }
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let kind = decoder.u8()?;
        Ok(match kind {
            0 => Self::PutVirtualHost {
                name: take_string(decoder)?,
                description: take_string(decoder)?,
                tags: decoder.list(take_string)?,
                default_queue_type: take_string(decoder)?,
            },
            1 => Self::DeleteVirtualHost {
                name: take_string(decoder)?,
            },
            2 => Self::PutUser {
                name: take_string(decoder)?,
                password: decoder.option(take_hash)?,
                tags: decoder.list(take_string)?,
            },
            3 => Self::DeleteUser {
                name: take_string(decoder)?,
            },
            4 => Self::PutPermission {
                user: take_string(decoder)?,
                virtual_host: take_string(decoder)?,
                permission: Permission {
                    configure: take_pattern(decoder)?,
                    write: take_pattern(decoder)?,
                    read: take_pattern(decoder)?,
                },
            },
            5 => Self::DeletePermission {
                user: take_string(decoder)?,
                virtual_host: take_string(decoder)?,
            },
            6 => Self::PutTopicPermission {
                user: take_string(decoder)?,
                virtual_host: take_string(decoder)?,
                exchange: take_string(decoder)?,
                write: take_string(decoder)?,
                read: take_string(decoder)?,
            },
            7 => Self::DeleteTopicPermission {
                user: take_string(decoder)?,
                virtual_host: take_string(decoder)?,
                exchange: decoder.option(take_string)?,
            },
            8 | 13 => Self::PutPolicy {
                kind: PolicyKind::from_number(decoder.u8()?)?,
                virtual_host: take_string(decoder)?,
                name: take_string(decoder)?,
                policy: Policy::decode(kind == 8, decoder)?,
            },
            9 => Self::DeletePolicy {
                kind: PolicyKind::from_number(decoder.u8()?)?,
                virtual_host: take_string(decoder)?,
                name: take_string(decoder)?,
            },
            10 => Self::PutParameter {
                parameter: Parameter::decode(decoder)?,
                value: take_string(decoder)?,
            },
            11 => Self::DeleteParameter {
                parameter: Parameter::decode(decoder)?,
            },
            12 => Self::SetLimit {
                of: match decoder.u8()? {
                    0 => Limited::VirtualHost(take_string(decoder)?),
                    1 => Limited::User(take_string(decoder)?),
                    _ => return Err(invalid("what is limited")),
                },
                limit: LimitKind::from_number(decoder.u8()?)?,
                value: decoder.option(Decoder::u64)?.map(u64::cast_signed),
            },
            _ => return Err(invalid("kind of access change")),
        })
    }

    /// What it takes in the journal.
    pub(crate) fn stored_bytes(&self) -> usize {
        let mut encoder = Encoder::new();
        self.encode(&mut encoder);
        encoder.finish().len()
    }

    /// Whether it changes what policies say.
    pub(crate) fn is_of_policies(&self) -> bool {
        matches!(self, Self::PutPolicy { .. } | Self::DeletePolicy { .. })
    }

    /// Whether it makes room, or takes something away from somebody: done when the medium is full, too.
    pub(crate) fn is_essential(&self) -> bool {
        matches!(
            self,
            Self::DeleteVirtualHost { .. }
                | Self::DeleteUser { .. }
                | Self::DeletePermission { .. }
                | Self::DeleteTopicPermission { .. }
                | Self::DeletePolicy { .. }
                | Self::DeleteParameter { .. }
        )
    }
}

/// In snapshots: a change that makes each thing, with the id of a virtual host (presence, u64) before it.
impl Directory {
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.list(self.changes(), |encoder, (change, id)| {
            encoder.option(id, |encoder, id| {
                encoder.u64(id.0);
            });
            change.encode(encoder);
        });
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut directory = Self::default();
        decoder.each(|decoder| {
            let id = decoder.option(Decoder::number)?.map(VirtualHostId);
            let change = AccessChange::decode(decoder)?;
            let applied = directory.apply(change, id);
            applied.map_err(|_| invalid("access change"))
        })?;
        Ok(directory)
    }
}

impl Parameter {
    fn encode<'a>(&self, encoder: &'a mut Encoder) -> &'a mut Encoder {
        put_option(encoder, &self.component);
        put_option(encoder, &self.virtual_host);
        encoder.str(&self.name)
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            component: decoder.option(take_string)?,
            virtual_host: decoder.option(take_string)?,
            name: take_string(decoder)?,
        })
    }
}

fn put_strings<'a>(encoder: &'a mut Encoder, strings: &[String]) -> &'a mut Encoder {
    encoder.list(strings, |encoder, text| {
        encoder.str(text);
    })
}

fn put_option(encoder: &mut Encoder, text: &Option<String>) {
    encoder.option(text.as_ref(), |encoder, text| {
        encoder.str(text);
    });
}

pub(crate) fn take_string(decoder: &mut Decoder<'_>) -> Result<String, DecodeError> {
    Ok(decoder.str()?.to_owned())
}

pub(crate) fn take_pattern(decoder: &mut Decoder<'_>) -> Result<Pattern, DecodeError> {
    let pattern: Result<_, AccessError> = Pattern::new(decoder.str()?);
    pattern.map_err(|_| invalid("pattern"))
}

fn take_hash(decoder: &mut Decoder<'_>) -> Result<PasswordHash, DecodeError> {
    let algorithm = match decoder.u8()? {
        0 => HashAlgorithm::Sha256,
        1 => HashAlgorithm::Sha512,
        _ => return Err(invalid("hash algorithm")),
    };
    let hash = PasswordHash::from_parts(algorithm, decoder.bytes()?.to_vec());
    hash.ok_or_else(|| invalid("length of a hash"))
}

fn invalid(what: &'static str) -> DecodeError {
    DecodeError::Invalid { what }
}
