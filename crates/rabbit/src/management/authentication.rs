//! Who asks, and what they may. The user's permissions hold here as they do for clients of AMQP; tags say
//! who may look at more than messages.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forebay_broker::Broker;
use forebay_broker::access::{Action, Denied, Directory, Resource};
use forebay_broker::host::VirtualHost;
use std::net::SocketAddr;

use super::Context;
use super::error::ApiError;
use crate::amqp091::session::LOOPBACK_USER;

/// Who is logged in, and what there was to know about that when the request came.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) name: String,
    pub(super) directory: Arc<Directory>,
    broker: Broker,
}

/// What only some may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Anything at all here.
    Management,
    /// Look at what is another's.
    Monitoring,
    /// Put policies and parameters.
    Policymaker,
    /// Everything.
    Administrator,
}

impl Tag {
    fn name(self) -> &'static str {
        match self {
            Self::Management => "management",
            Self::Monitoring => "monitoring",
            Self::Policymaker => "policymaker",
            Self::Administrator => "administrator",
        }
    }

    fn refusal(self) -> ApiError {
        ApiError::AccessRefused(match self {
            Self::Management => "Not management user",
            Self::Monitoring => "Not monitor user",
            Self::Policymaker => "User not authorised to access object",
            Self::Administrator => "Not administrator user",
        })
    }
}

/// Who the headers of a request say that it is, from where it comes.
fn authenticate(
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
    broker: &Broker,
) -> Result<Principal, ApiError> {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.ok_or(ApiError::NoCredentials)?;
    let (name, password) = credentials(given.as_bytes()).ok_or(ApiError::LoginFailed)?;
    let is_near = peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
    if name == LOOPBACK_USER && !is_near {
        return Err(ApiError::LoginFailed);
    }
    let directory = broker.directory();
    let known = directory.authenticate(&name, password.as_bytes());
    known.ok_or(ApiError::LoginFailed)?;
    Ok(Principal {
        name,
        directory,
        broker: broker.clone(),
    })
}

/// RFC 7617: `Basic` and the base64 of `user:password`.
fn credentials(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Lets through who is logged in and may be here: before that nothing more is read of a request.
pub(super) async fn required(
    State(context): State<Context>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| *peer);
    let known = authenticate(request.headers(), peer, &context.gateway.broker);
    context.logins.count(known.is_ok());
    let principal = known?;
    principal.require(Tag::Management)?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let known = parts.extensions.get::<Self>();
        known.cloned().ok_or(ApiError::NoCredentials)
    }
}

impl Principal {
    /// What the user is tagged with.
    pub(super) fn tags(&self) -> Vec<String> {
        let user = self.directory.user(&self.name);
        user.map(|user| user.tags.clone()).unwrap_or_default()
    }

    /// Whether messages may name another user.
    pub(super) fn impersonates(&self) -> bool {
        let user = self.directory.user(&self.name);
        user.is_some_and(|user| user.has_tag("impersonator"))
    }

    fn is_allowed(&self, action: Action, resource: Resource<'_>) -> bool {
        self.directory.authorize(&self.name, action, resource) != Err(Denied)
    }

    pub(super) fn has(&self, tag: Tag) -> bool {
        self.is_allowed(Action::Read, Resource::Broker { tag: tag.name() })
    }

    /// Refuses who may not do what only some may.
    pub(super) fn require(&self, tag: Tag) -> Result<(), ApiError> {
        match self.has(tag) {
            true => Ok(()),
            false => Err(tag.refusal()),
        }
    }

    /// Whether something of somebody is shown: to who may look at everything, and to themselves.
    pub(super) fn sees_those_of(&self, user: &str) -> bool {
        user == self.name || self.has(Tag::Monitoring)
    }

    /// Whether anything in a virtual host is shown: to its users, and to administrators.
    pub(super) fn uses(&self, vhost: &str) -> bool {
        self.is_allowed(Action::Read, Resource::VirtualHost(vhost)) || self.has(Tag::Administrator)
    }

    /// The virtual host of this name. What may not be used is as if it were not there.
    pub(super) fn virtual_host(&self, name: &str) -> Result<VirtualHost, ApiError> {
        let entry = self.directory.virtual_host(name);
        let entry = entry.ok_or(ApiError::NoObject)?;
        if !self.uses(name) {
            return Err(ApiError::NotFound("Not Found".to_owned()));
        }
        Ok(self.broker.virtual_host(entry.id))
    }

    /// The same, to make something in it.
    pub(super) fn declaring_in(&self, name: &str) -> Result<VirtualHost, ApiError> {
        match self.virtual_host(name) {
            Err(ApiError::NoObject) => Err(ApiError::NotFound("vhost_not_found".to_owned())),
            found => found,
        }
    }

    /// Virtual hosts that may be used, by their names.
    pub(super) fn virtual_hosts(&self) -> Vec<(String, VirtualHost)> {
        let all = self.directory.virtual_hosts();
        let used = all.filter(|(name, _)| self.uses(name));
        used.map(|(name, entry)| (name.to_owned(), self.broker.virtual_host(entry.id)))
            .collect()
    }

    /// Whether a queue may be used so.
    pub(super) fn may_queue(
        &self,
        action: Action,
        virtual_host: &str,
        name: &[u8],
    ) -> Result<(), ApiError> {
        match self.is_allowed(action, Resource::Queue { virtual_host, name }) {
            true => Ok(()),
            false => Err(ApiError::ACCESS_REFUSED),
        }
    }

    /// Whether an exchange may be used so.
    pub(super) fn may_exchange(
        &self,
        action: Action,
        virtual_host: &str,
        name: &[u8],
    ) -> Result<(), ApiError> {
        match self.is_allowed(action, Resource::Exchange { virtual_host, name }) {
            true => Ok(()),
            false => Err(ApiError::ACCESS_REFUSED),
        }
    }

    /// Whether an exchange may be used so with a key.
    pub(super) fn may_topic(
        &self,
        action: Action,
        virtual_host: &str,
        exchange: &[u8],
        key: &[u8],
    ) -> Result<(), ApiError> {
        let topic = Resource::Topic {
            virtual_host,
            exchange,
            key,
        };
        match self.is_allowed(action, topic) {
            true => Ok(()),
            false => Err(ApiError::ACCESS_REFUSED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_name_and_a_password_with_anything_in_it() {
        let read = |text: &str| {
            let read = credentials(text.as_bytes())?;
            Some(format!("{} {}", read.0, read.1))
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(read(&basic("ann:a:b")).as_deref(), Some("ann a:b"));
        let lower = basic("ann:p").replace("Basic", "basic");
        assert_eq!(read(&lower).as_deref(), Some("ann p"));
        for wrong in [
            "Bearer x",
            "Basic",
            "Basic ???",
            "Basic /////w==",
            &basic("ann"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
