//! Who a statement is of.

use serde_json::Value;

use super::request::Asker;
use crate::arn::Arn;
use crate::auth::is_account;

/// Those whom a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals(Vec<Principal>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principal {
    Anybody,
    Account(String),
    /// Of IAM or STS.
    Identity(String),
    Service(String),
    /// Somebody who never comes here: of another identity provider, or a canonical user.
    Elsewhere,
}

impl Principals {
    /// Reads `"*"`, or an object of kinds. None if that is no principal.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        if value == "*" {
            return Some(Self(vec![Principal::Anybody]));
        }
        let mut principals = Vec::new();
        for (kind, names) in value.as_object()? {
            for name in super::document::texts(names)? {
                principals.push(Principal::parse(kind, name)?);
            }
        }
        (!principals.is_empty()).then_some(Self(principals))
    }

    pub(super) fn include(&self, asker: &Asker<'_>) -> bool {
        self.0.iter().any(|principal| principal.is(asker))
    }
}

impl Principal {
    fn parse(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "AWS" if name == "*" => Some(Self::Anybody),
            "AWS" if is_account(name) => Some(Self::Account(name.to_owned())),
            "AWS" => {
                let arn: Arn = name.parse().ok()?;
                let is_of_iam = ["iam", "sts"].contains(&&*arn.service);
                if !is_of_iam || !arn.region.is_empty() || !is_account(&arn.account) {
                    return None;
                }
                Some(match &*arn.resource {
                    "root" => Self::Account(arn.account),
                    // One alone is never meant by a pattern.
                    resource if resource.contains(['*', '?']) => return None,
                    _ => Self::Identity(name.to_owned()),
                })
            }
            "Service" => Some(Self::Service(name.to_owned())),
            "Federated" | "CanonicalUser" => Some(Self::Elsewhere),
            _ => None,
        }
    }

    fn is(&self, asker: &Asker<'_>) -> bool {
        match (self, asker) {
            (Self::Anybody, _) => true,
            (Self::Account(account), Asker::Key { account: of, .. }) => account == of,
            (Self::Identity(arn), asker) => asker.arn().as_ref() == Some(arn),
            (Self::Service(name), Asker::Service { name: of, .. }) => name == of,
            _ => false,
        }
    }
}
