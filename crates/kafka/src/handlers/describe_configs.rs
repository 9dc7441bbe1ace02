//! DescribeConfigs (key 32).
//!
//! | version | change |
//! |---|---|
//! | 1 | synonyms: the same setting one floor below, and its default |
//! | 3 | types and documentation |
//! | 4 | flexible |
//!
//! Topics have all of Kafka's configurations, whether they do anything here or not. The broker has
//! those that have a counterpart, all set at start, under its id as well as under no name. Its
//! loggers, groups and client metrics have none.

use forebay_broker::topic::{CONFIGS, ConfigSource, Topic};
use forebay_broker::{TopicError, TopicName};
use hashbrown::HashSet;

use super::Call;
use super::broker_configs::{self, BrokerConfig, ConfigType};
use super::config_resource::{ResourceType, source_code};
use crate::errors::Refusal;
use crate::gateway::NODE_ID;
use crate::protocol::Str;
use crate::protocol::generated::describe_configs_request::DescribeConfigsResource;
use crate::protocol::generated::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::protocol::generated::{DescribeConfigsRequest, DescribeConfigsResponse};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DescribeConfigsRequest<'_>,
) -> DescribeConfigsResponse<'static> {
    let wishes = Wishes {
        synonyms: request.include_synonyms,
        documentation: request.include_documentation,
    };
    let mut seen = HashSet::new();
    let results = request.resources.iter().map(|resource| {
        // A few bytes of request are answered with thousands: once, not as often as somebody asks.
        let first = seen.insert((resource.resource_type, &*resource.resource_name));
        let described = if first {
            describe(call, resource, wishes)
        } else {
            Err(Refusal::invalid("the resource is in the request twice"))
        };
        let failure = |refusal: Refusal| {
            let (error_code, error_message) = refusal.into_fields();
            DescribeConfigsResult {
                error_code,
                error_message,
                ..DescribeConfigsResult::default()
            }
        };
        let success = |configs| DescribeConfigsResult {
            configs,
            ..DescribeConfigsResult::default()
        };
        DescribeConfigsResult {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone().into_static(),
            ..described.map_or_else(failure, success)
        }
    });
    DescribeConfigsResponse {
        results: results.collect(),
        ..DescribeConfigsResponse::default()
    }
}

/// What a client wants to know beyond values.
#[derive(Clone, Copy)]
struct Wishes {
    synonyms: bool,
    documentation: bool,
}

/// A configuration before anybody said how much of it to tell.
struct Found {
    name: &'static str,
    kind: ConfigType,
    read_only: bool,
    doc: &'static str,
    /// Where a value may come from, the one that counts first.
    layers: Vec<Layer>,
}

/// One of the places that say what a configuration is.
struct Layer {
    name: &'static str,
    value: Str<'static>,
    source: ConfigSource,
}

fn describe(
    call: &Call<'_>,
    resource: &DescribeConfigsResource<'_>,
    wishes: Wishes,
) -> Result<Vec<DescribeConfigsResourceResult<'static>>, Refusal> {
    let name = &*resource.resource_name;
    let mut found = match ResourceType::known(resource.resource_type)? {
        ResourceType::Topic => {
            TopicName::new(name).map_err(TopicError::from)?;
            let unknown = || TopicError::Unknown(name.to_owned());
            of_topic(&*call.broker().topic(name).ok_or_else(unknown)?)
        }
        ResourceType::Broker => {
            if !name.is_empty() {
                this_broker(name)?;
            }
            let all = broker_configs::all(call.shared());
            all.into_iter().map(of_broker).collect()
        }
        ResourceType::BrokerLogger => {
            this_broker(name)?;
            Vec::new()
        }
        ResourceType::ClientMetrics | ResourceType::Group if name.is_empty() => {
            return Err(Refusal::invalid("the resource has no name"));
        }
        ResourceType::ClientMetrics | ResourceType::Group => Vec::new(),
    };
    if let Some(keys) = &resource.configuration_keys
        && !keys.is_empty()
    {
        let keys: HashSet<&str> = keys.iter().map(|key| &**key).collect();
        found.retain(|config| keys.contains(config.name));
    }
    Ok(found
        .into_iter()
        .map(|config| told(config, wishes))
        .collect())
}

/// Fails unless `name` is this broker's id.
fn this_broker(name: &str) -> Result<(), Refusal> {
    match name.parse() {
        Ok(NODE_ID) => Ok(()),
        _ => Err(Refusal::invalid(format!("the only broker is {NODE_ID}"))),
    }
}

fn of_topic(topic: &Topic) -> Vec<Found> {
    let config = &topic.config;
    let found = CONFIGS.iter().map(|definition| {
        let name = definition.name;
        let default_name = broker_configs::default_name(name);
        let set = config.overrides().get(name);
        let layers = [
            set.map(|value| Layer {
                name,
                value: value.clone().into(),
                source: ConfigSource::Topic,
            }),
            config.broker_default(name).map(|value| Layer {
                name: default_name,
                value: value.to_owned().into(),
                source: ConfigSource::Broker,
            }),
            Some(Layer {
                name: default_name,
                value: definition.default.into(),
                source: ConfigSource::Default,
            }),
        ];
        Found {
            name,
            kind: definition.kind.into(),
            read_only: false,
            doc: definition.doc,
            layers: layers.into_iter().flatten().collect(),
        }
    });
    found.collect()
}

fn of_broker(config: BrokerConfig) -> Found {
    let name = config.name;
    let set = config.set.map(|value| (value, ConfigSource::Broker));
    let default = (config.default, ConfigSource::Default);
    let layers = set.into_iter().chain([default]);
    let layers = layers.map(|(value, source)| Layer {
        name,
        value: value.into(),
        source,
    });
    Found {
        name,
        kind: config.kind,
        read_only: true,
        doc: config.doc,
        layers: layers.collect(),
    }
}

fn told(config: Found, wishes: Wishes) -> DescribeConfigsResourceResult<'static> {
    let counts = config.layers.first();
    let value = counts.map(|layer| layer.value.clone());
    let source = counts.map_or(ConfigSource::Default, |layer| layer.source);
    let synonyms = config.layers.into_iter().filter(|_| wishes.synonyms);
    let synonyms = synonyms.map(|layer| DescribeConfigsSynonym {
        name: layer.name.into(),
        value: Some(layer.value),
        source: source_code(layer.source),
    });
    DescribeConfigsResourceResult {
        name: config.name.into(),
        value,
        read_only: config.read_only,
        config_source: source_code(source),
        is_sensitive: false,
        synonyms: synonyms.collect(),
        config_type: config.kind as i8,
        documentation: Some(config.doc)
            .filter(|_| wishes.documentation)
            .map(Str::from),
    }
}
