//! `/api/v1/topics/{name}/config`: changing a topic's configuration.
//!
//! The body is a JSON merge patch (RFC 7396): a value sets, null lets the default count again, and
//! what is not named stays.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use forebay_broker::AlterConfig;
use forebay_broker::topic::config::ConfigChange;
use serde::Deserialize;

use super::ApiError;
use super::extract::{Body, Name, Query};
use super::topic::TopicDetail;
use super::topics::Trial;
use crate::admin::Context;

/// A value as people write it: configurations are text, but a number or a truth value in JSON says
/// the same.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub(super) struct ConfigText(pub(super) String);

impl TryFrom<serde_json::Value> for ConfigText {
    type Error = &'static str;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        match value {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            serde_json::Value::Bool(truth) => Ok(Self(truth.to_string())),
            serde_json::Value::Null
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => {
                Err("the value of a configuration is a string, a number, true or false")
            }
        }
    }
}

/// Changes configurations and shows the topic as it is then.
pub(super) async fn change(
    State(context): State<Context>,
    Name(name): Name,
    Query(trial): Query<Trial>,
    Body(patch): Body<BTreeMap<String, Option<ConfigText>>>,
) -> Result<Json<TopicDetail>, ApiError> {
    let changes = patch.into_iter().map(|(name, value)| match value {
        Some(ConfigText(value)) => ConfigChange::Set(name, value),
        None => ConfigChange::Delete(name),
    });
    let change = AlterConfig {
        topic: name.clone(),
        replace: false,
        changes: changes.collect(),
    };
    let altered = context
        .broker
        .alter_configs(vec![change], trial.validate_only);
    altered.await.pop().ok_or_else(ApiError::internal)??;
    TopicDetail::find(&context, &name).map(Json)
}
