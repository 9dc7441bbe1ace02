//! The configuration of topics.

use super::Client;
use super::error::{ClientError, Subject};
use super::retry::Repeat;
use crate::protocol::Str;
use crate::protocol::generated::describe_configs_request::DescribeConfigsResource;
use crate::protocol::generated::describe_configs_response::DescribeConfigsResourceResult;
use crate::protocol::generated::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::generated::{
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

/// `ConfigResource.Type.TOPIC`.
const TOPIC_RESOURCE: i8 = 2;
/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Set on the topic itself.
    Topic,
    /// Set on the broker or the cluster.
    Broker,
    /// Nobody has set it.
    Default,
    /// One that this client does not know.
    Unknown,
}

impl ConfigSource {
    /// By the numbers of `ConfigEntry.ConfigSource`.
    const fn read(source: i8) -> Self {
        match source {
            1 => Self::Topic,
            2..=4 => Self::Broker,
            5 => Self::Default,
            _ => Self::Unknown,
        }
    }
}

/// An entry of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; none if it is a secret.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether it cannot be changed.
    pub read_only: bool,
}

impl Client {
    /// The whole configuration of a topic, by name.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if there is no such topic.
    pub async fn describe_configs(&self, topic: &str) -> Result<Vec<ConfigEntry>, ClientError> {
        self.attempts("describe configuration", Repeat::Lost, || async {
            let request = DescribeConfigsRequest {
                resources: vec![DescribeConfigsResource {
                    resource_type: TOPIC_RESOURCE,
                    resource_name: Str::from(topic),
                    configuration_keys: None,
                }],
                ..DescribeConfigsRequest::default()
            };
            let reply = self.control(&request).await?;
            let response: DescribeConfigsResponse<'_> = reply.read()?;
            let subject = Subject::Topic(topic.to_owned());
            let Some(found) = response.results.first() else {
                return Err(reply.missing(&subject));
            };
            ClientError::check(found.error_code, found.error_message.as_deref(), subject)?;
            let entry = |entry: &DescribeConfigsResourceResult<'_>| ConfigEntry {
                name: entry.name.to_string(),
                value: entry.value.as_ref().map(ToString::to_string),
                source: ConfigSource::read(entry.config_source),
                read_only: entry.read_only,
            };
            let mut entries: Vec<_> = found.configs.iter().map(entry).collect();
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(entries)
        })
        .await
    }

    /// Changes some entries of a topic's configuration and lets others go back to their default.
    ///
    /// # Errors
    /// When the topic is not there, or an entry or a value is none that the broker takes; then
    /// nothing is changed.
    pub async fn incremental_alter_configs(
        &self,
        topic: &str,
        set: &[(String, String)],
        unset: &[String],
    ) -> Result<(), ClientError> {
        // Setting twice is setting once, so a lost answer is no harm.
        self.attempts("alter configuration", Repeat::Lost, || async {
            let changed = set.iter().map(|(name, value)| AlterableConfig {
                name: Str::from(name),
                config_operation: SET,
                value: Some(Str::from(value)),
            });
            let removed = unset.iter().map(|name| AlterableConfig {
                name: Str::from(name),
                config_operation: DELETE,
                value: None,
            });
            let request = IncrementalAlterConfigsRequest {
                resources: vec![AlterConfigsResource {
                    resource_type: TOPIC_RESOURCE,
                    resource_name: Str::from(topic),
                    configs: changed.chain(removed).collect(),
                }],
                validate_only: false,
            };
            let reply = self.control(&request).await?;
            let response: IncrementalAlterConfigsResponse<'_> = reply.read()?;
            let subject = Subject::Topic(topic.to_owned());
            let Some(found) = response.responses.first() else {
                return Err(reply.missing(&subject));
            };
            ClientError::check(found.error_code, found.error_message.as_deref(), subject)
        })
        .await
    }
}
