//! What is asked, and what is known of who asks.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

use super::{Decision, Policy, Truth};
use crate::wire::Call;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker<'a> {
    /// Somebody who signed with an access key.
    Key {
        /// Whose key it is.
        account: &'a str,
        access_key: &'a str,
        address: IpAddr,
        is_secure: bool,
        user_agent: Option<&'a str>,
        referer: Option<&'a str>,
    },
    /// A service, for something of somebody's.
    Service {
        /// `sns.amazonaws.com`
        name: &'a str,
        /// What it acts for.
        source_arn: &'a str,
        /// Whose that is.
        source_account: &'a str,
    },
}

impl<'a> Asker<'a> {
    /// Who sends a request.
    pub(crate) fn of(call: &'a Call<'_>) -> Self {
        Self::Key {
            account: &call.caller.account,
            access_key: call.caller.access_key.as_deref().unwrap_or_default(),
            address: call.origin.address,
            is_secure: call.endpoint.starts_with("https:"),
            user_agent: call.origin.user_agent,
            referer: call.origin.referer,
        }
    }

    fn is_of(&self, owner: &str) -> bool {
        match self {
            Self::Key { account, .. } => *account == owner,
            Self::Service { source_account, .. } => *source_account == owner,
        }
    }

    /// Its name in policies, if it is somebody.
    pub(crate) fn arn(&self) -> Option<String> {
        match self {
            Self::Key {
                account,
                access_key,
                ..
            } => Some(format!("arn:aws:iam::{account}:user/{access_key}")),
            Self::Service { .. } => None,
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) asker: Asker<'a>,
    /// `sqs:SendMessage`
    pub(crate) action: &'a str,
    /// The ARN of what it is asked of.
    pub(crate) resource: &'a str,
    /// In milliseconds since the Unix epoch.
    pub(crate) now_ms: i64,
}

/// What is known of a request under some key.
pub(super) enum Value<'a> {
    Known(Cow<'a, str>),
    /// It has no such thing.
    Absent,
    /// It may have, on AWS.
    Unknown,
}

impl Value<'_> {
    pub(super) fn is_absent(&self) -> Truth {
        match self {
            Self::Known(_) => Truth::No,
            Self::Absent => Truth::Yes,
            Self::Unknown => Truth::Unknown,
        }
    }
}

impl<'a> Request<'a> {
    /// Whether it is to be done. Owners may do everything that their policies do not deny, and others what policies
    /// allow, if that is of what can be `shared` at all.
    ///
    /// # Errors
    /// Says why not, in AWS's words.
    pub(crate) fn check(
        &self,
        policy: Option<&Policy>,
        owner: &str,
        shared: &[&str],
    ) -> Result<(), String> {
        let decision = policy.map_or(Decision::Silent, |policy| policy.decide(self));
        let Self {
            action, resource, ..
        } = self;
        let is_shared = || {
            let operation = action.split_once(':').map(|(_, operation)| operation);
            operation.is_some_and(|operation| {
                let mut shared = shared.iter();
                shared.any(|shared| shared.eq_ignore_ascii_case(operation))
            })
        };
        let why = match decision {
            Decision::Denied => "with an explicit deny in a resource-based policy".to_owned(),
            _ if self.asker.is_of(owner) => return Ok(()),
            Decision::Allowed if is_shared() => return Ok(()),
            Decision::Allowed | Decision::Silent => {
                format!("because no resource-based policy allows the {action} action")
            }
        };
        let who = self.asker.arn().unwrap_or_default();
        Err(format!(
            "User: {who} is not authorized to perform: {action} on resource: {resource} {why}"
        ))
    }

    /// What is known under a key of conditions, whose name may be written in any case.
    pub(super) fn value(&self, key: &str) -> Value<'a> {
        let some = |value: Option<Cow<'a, str>>| value.map_or(Value::Absent, Value::Known);
        let text = |value: Option<&'a str>| some(value.map(Cow::Borrowed));
        let of_time = |format: fn(Timestamp) -> String| {
            let now = Timestamp::from_millisecond(self.now_ms).ok();
            some(now.map(format).map(Cow::Owned))
        };
        match (&*key.to_ascii_lowercase(), self.asker) {
            ("aws:currenttime", _) => of_time(|now| now.to_string()),
            ("aws:epochtime", _) => of_time(|now| now.as_second().to_string()),
            ("aws:securetransport", Asker::Key { is_secure, .. }) => {
                text(Some(if is_secure { "true" } else { "false" }))
            }
            ("aws:sourceip", Asker::Key { address, .. }) => {
                some(Some(Cow::Owned(address.to_canonical().to_string())))
            }
            ("aws:useragent", Asker::Key { user_agent, .. }) => text(user_agent),
            ("aws:referer", Asker::Key { referer, .. }) => text(referer),
            ("aws:principalarn", asker) => some(asker.arn().map(Cow::Owned)),
            // The older name is SNS's own.
            ("aws:principalaccount" | "aws:sourceowner", Asker::Key { account, .. }) => {
                text(Some(account))
            }
            ("aws:sourcearn", Asker::Service { source_arn, .. }) => text(Some(source_arn)),
            ("aws:sourceaccount" | "aws:sourceowner", Asker::Service { source_account, .. }) => {
                text(Some(source_account))
            }
            // Services come from nowhere, safely; nobody else acts for anything.
            ("aws:securetransport", Asker::Service { .. }) => text(Some("true")),
            (
                "aws:sourceip"
                | "aws:useragent"
                | "aws:referer"
                | "aws:principalaccount"
                | "aws:sourcearn"
                | "aws:sourceaccount",
                _,
            ) => Value::Absent,
            _ => Value::Unknown,
        }
    }
}
