//! A policy as it is written.

use serde_json::{Map, Value as Json};

use super::Truth;
use super::condition::Condition;
use super::pattern;
use super::principal::Principals;
use super::request::Request;

/// A policy, read.
#[derive(Clone, Debug)]
pub(crate) struct Policy(Vec<Statement>);

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing: it is not allowed by it, and not denied.
    Silent,
    Allowed,
    Denied,
}

/// A text that is not a policy, or one of which something is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PolicyError(pub(crate) &'static str);

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    principals: Those<Principals>,
    actions: Those<Vec<String>>,
    resources: Those<Vec<String>>,
    conditions: Vec<Condition>,
}

/// Those that are named, or all but them.
#[derive(Clone, Debug)]
enum Those<T> {
    Named(T),
    Others(T),
}

impl<T> Those<T> {
    fn include(&self, named: impl FnOnce(&T) -> bool) -> bool {
        match self {
            Self::Named(those) => named(those),
            Self::Others(those) => !named(those),
        }
    }
}

impl Policy {
    /// Reads the policy of something of a service, such as `sqs`.
    ///
    /// # Errors
    /// If it is not one, or has elements, operators or values that nothing here understands.
    pub(crate) fn parse(text: &str, service: &str) -> Result<Self, PolicyError> {
        let document: Map<String, Json> = serde_json::from_str(text)
            .map_err(|_| PolicyError("The policy is not a JSON object."))?;
        let version = match document.get("Version").map(Json::as_str) {
            None | Some(Some("2008-10-17")) => Version::First,
            Some(Some("2012-10-17")) => Version::Second,
            Some(_) => return Err(PolicyError("The policy's Version is not one.")),
        };
        for name in document.keys() {
            if !["Version", "Id", "Statement"].contains(&&**name) {
                return Err(PolicyError("The policy has an unknown element."));
            }
        }
        let statements = match document.get("Statement") {
            Some(Json::Array(statements)) => &statements[..],
            Some(one) => std::slice::from_ref(one),
            None => return Err(PolicyError("The policy has no Statement.")),
        };
        let statements = statements.iter();
        let statements = statements.map(|statement| Statement::parse(statement, service, version));
        Ok(Self(statements.collect::<Result<_, _>>()?))
    }

    /// What it says of a request: what denies it goes before what allows it.
    pub(crate) fn decide(&self, request: &Request<'_>) -> Decision {
        let action = request.action.to_ascii_lowercase();
        let mut decision = Decision::Silent;
        for statement in &self.0 {
            match (statement.allows, statement.is_of(request, &action)) {
                (_, Truth::No) | (true, Truth::Unknown) => {}
                (false, Truth::Yes | Truth::Unknown) => return Decision::Denied,
                (true, Truth::Yes) => decision = Decision::Allowed,
            }
        }
        decision
    }
}

/// What texts may have in them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    First,
    /// Variables, which nothing here replaces.
    Second,
}

impl Statement {
    fn parse(value: &Json, service: &str, version: Version) -> Result<Self, PolicyError> {
        const ELEMENTS: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let statement = value.as_object();
        let statement = statement.ok_or(PolicyError("A Statement is not an object."))?;
        if statement.keys().any(|name| !ELEMENTS.contains(&&**name)) {
            return Err(PolicyError("A Statement has an unknown element."));
        }
        if version == Version::Second && value.to_string().contains("${") {
            return Err(PolicyError("Policy variables are not supported."));
        }
        let allows = match statement.get("Effect").and_then(Json::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => {
                return Err(PolicyError(
                    "A Statement's Effect is neither Allow nor Deny.",
                ));
            }
        };
        let principals = those(statement, "Principal", "NotPrincipal", Principals::parse)
            .ok_or(PolicyError("A Statement has no valid Principal."))?;
        let actions = those(statement, "Action", "NotAction", |value| {
            let actions = texts(value)?.into_iter();
            let actions: Vec<_> = actions.map(str::to_ascii_lowercase).collect();
            let is_of_service = |action: &String| {
                let of = action.split_once(':').map(|(service, _)| service);
                action == "*" || of == Some(service)
            };
            actions.iter().all(is_of_service).then_some(actions)
        })
        .ok_or(PolicyError("Policy statement action out of service scope!"))?;
        let resources = those(statement, "Resource", "NotResource", |value| {
            Some(texts(value)?.into_iter().map(str::to_owned).collect())
        })
        .ok_or(PolicyError("A Statement has no valid Resource."))?;
        let conditions = match statement.get("Condition") {
            None => Vec::new(),
            Some(value) => Condition::parse_all(value).ok_or(PolicyError(
                "A Statement has an unknown or invalid Condition.",
            ))?,
        };
        Ok(Self {
            allows,
            principals,
            actions,
            resources,
            conditions,
        })
    }

    /// `action` is the request's, in small letters as all those of statements are.
    fn is_of(&self, request: &Request<'_>, action: &str) -> Truth {
        let any = |patterns: &Vec<String>, text: &str| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| pattern::matches(pattern, text))
        };
        let is_meant = self
            .principals
            .include(|principals| principals.include(&request.asker))
            && self.actions.include(|actions| any(actions, action))
            && self
                .resources
                .include(|resources| any(resources, request.resource));
        if !is_meant {
            return Truth::No;
        }
        let conditions = self.conditions.iter();
        Truth::all(conditions.map(|condition| condition.holds(request)))
    }
}

/// What stands under one of two names. None if that is nothing, both, or not valid.
fn those<T>(
    statement: &Map<String, Json>,
    named: &str,
    others: &str,
    read: impl Fn(&Json) -> Option<T>,
) -> Option<Those<T>> {
    match (statement.get(named), statement.get(others)) {
        (Some(value), None) => read(value).map(Those::Named),
        (None, Some(value)) => read(value).map(Those::Others),
        _ => None,
    }
}

/// A text or a list of texts; at least one.
pub(super) fn texts(value: &Json) -> Option<Vec<&str>> {
    let texts = match value {
        Json::String(text) => vec![&**text],
        Json::Array(texts) => texts.iter().map(Json::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    (!texts.is_empty()).then_some(texts)
}
