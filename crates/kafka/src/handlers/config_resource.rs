//! What has a configuration, and how that is changed, for all keys that are about configurations.

use hashbrown::{HashMap, HashSet};

use forebay_broker::topic::ConfigSource;
use forebay_broker::topic::config::ConfigChange;
use forebay_broker::{AlterConfig, TopicError, TopicName};

use super::Call;
use crate::errors::Refusal;
use crate::protocol::Str;

/// The kinds of resources, with Kafka's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum ResourceType {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

impl ResourceType {
    pub(super) const ALL: [Self; 5] = [
        Self::Topic,
        Self::Broker,
        Self::BrokerLogger,
        Self::ClientMetrics,
        Self::Group,
    ];

    pub(super) fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i8 == code)
    }

    /// The kind with this code, or what a client is told that asks for one there is not.
    pub(super) fn known(code: i8) -> Result<Self, Refusal> {
        let unknown = || Refusal::invalid(format!("there are no resources of type {code}"));
        Self::from_code(code).ok_or_else(unknown)
    }
}

/// Kafka's code for where a value comes from.
pub(super) fn source_code(source: ConfigSource) -> i8 {
    match source {
        ConfigSource::Topic => 1,
        ConfigSource::Broker => 4,
        ConfigSource::Default => 5,
    }
}

/// What a client wants to have changed about one resource.
pub(super) struct Alteration<'a> {
    pub(super) resource_type: i8,
    pub(super) resource_name: &'a str,
    /// The changes, or what is wrong with them.
    pub(super) changes: Result<Vec<ConfigChange>, Refusal>,
}

/// How changes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// What is not named falls back to its default.
    Replace,
    /// What is not named stays.
    Increment,
}

/// Changes resources, each with a result of its own, in their order.
pub(super) async fn alter(
    call: &Call<'_>,
    alterations: Vec<Alteration<'_>>,
    mode: Mode,
    validate_only: bool,
) -> Vec<Result<(), Refusal>> {
    let mut times: HashMap<(i8, &str), usize> = HashMap::new();
    for asked in &alterations {
        let resource = (asked.resource_type, asked.resource_name);
        *times.entry(resource).or_default() += 1;
    }
    let mut changes = Vec::new();
    let mut results = Vec::with_capacity(alterations.len());
    for asked in alterations {
        let once = times[&(asked.resource_type, asked.resource_name)] == 1;
        let checked = if once {
            check(asked, mode)
        } else {
            Err(Refusal::invalid("the resource is in the request twice"))
        };
        results.push(checked.map(|change| changes.push(change)));
    }
    if !changes.is_empty() {
        let altered = call.broker().alter_configs(changes, validate_only).await;
        let asked = results.iter_mut().filter(|result| result.is_ok());
        for (result, altered) in asked.zip(altered) {
            *result = altered.map_err(Refusal::from);
        }
    }
    results
}

fn check(asked: Alteration<'_>, mode: Mode) -> Result<AlterConfig, Refusal> {
    let name = asked.resource_name;
    let refuse = |message: &str| Err(Refusal::invalid(message));
    match ResourceType::known(asked.resource_type)? {
        ResourceType::Topic if name.is_empty() => {
            return refuse("the defaults of topics are set when the broker starts");
        }
        ResourceType::Topic => {}
        ResourceType::Broker | ResourceType::BrokerLogger => {
            return refuse("the broker's configuration is set when it starts");
        }
        ResourceType::ClientMetrics => {
            return refuse("there are no subscriptions to client metrics");
        }
        ResourceType::Group => return refuse("single groups have no configuration"),
    }
    let changes = asked.changes?;
    TopicName::new(name).map_err(TopicError::from)?;
    Ok(AlterConfig {
        topic: name.to_owned(),
        replace: mode == Mode::Replace,
        changes,
    })
}

/// Fails if a configuration is named twice. The result would depend on their order, which a client
/// that keeps them in a map does not know itself.
pub(super) fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            let message = format!("configuration {name} is in the request twice");
            return Err(Refusal::invalid(message));
        }
    }
    Ok(())
}

/// The value of a change that needs one.
pub(super) fn value(name: &str, value: Option<&Str<'_>>) -> Result<String, Refusal> {
    let missing = || Refusal::invalid(format!("configuration {name} has no value"));
    Ok(value.ok_or_else(missing)?.to_string())
}
