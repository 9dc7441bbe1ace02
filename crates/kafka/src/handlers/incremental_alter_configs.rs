//! IncrementalAlterConfigs (key 44, KIP-339): changes to what is set for a topic.
//!
//! | version | change |
//! |---|---|
//! | 1 | flexible |

use forebay_broker::topic::config::ConfigChange;

use super::Call;
use super::config_resource::{self, Alteration, Mode};
use crate::errors::{self, Refusal};
use crate::protocol::generated::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::generated::incremental_alter_configs_response::AlterConfigsResourceResponse;
use crate::protocol::generated::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

// Codes of Kafka's `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(crate) async fn handle(
    call: &Call<'_>,
    request: IncrementalAlterConfigsRequest<'_>,
) -> IncrementalAlterConfigsResponse<'static> {
    let alterations = request.resources.iter().map(|resource| Alteration {
        resource_type: resource.resource_type,
        resource_name: &resource.resource_name,
        changes: changes(resource),
    });
    let alterations = alterations.collect();
    let results =
        config_resource::alter(call, alterations, Mode::Increment, request.validate_only).await;
    let asked = request.resources.into_iter();
    let responses = asked.zip(results).map(|(resource, result)| {
        let (error_code, error_message) = errors::fields(result);
        AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.into_static(),
        }
    });
    IncrementalAlterConfigsResponse {
        responses: responses.collect(),
        ..IncrementalAlterConfigsResponse::default()
    }
}

fn changes(resource: &AlterConfigsResource<'_>) -> Result<Vec<ConfigChange>, Refusal> {
    config_resource::each_once(resource.configs.iter().map(|config| &*config.name))?;
    resource.configs.iter().map(change).collect()
}

fn change(config: &AlterableConfig<'_>) -> Result<ConfigChange, Refusal> {
    let name = config.name.to_string();
    let value = || config_resource::value(&config.name, config.value.as_ref());
    Ok(match config.config_operation {
        SET => ConfigChange::Set(name, value()?),
        DELETE => ConfigChange::Delete(name),
        APPEND => ConfigChange::Append(name, value()?),
        SUBTRACT => ConfigChange::Subtract(name, value()?),
        other => return Err(Refusal::invalid(format!("there is no operation {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ErrorCode;

    fn asked(operation: i8, value: Option<&'static str>) -> Result<ConfigChange, ErrorCode> {
        let config = AlterableConfig {
            name: "cleanup.policy".into(),
            config_operation: operation,
            value: value.map(Into::into),
        };
        change(&config).map_err(|refusal| refusal.code)
    }

    #[test]
    fn only_a_deletion_goes_without_a_value() {
        for operation in [SET, APPEND, SUBTRACT] {
            assert!(asked(operation, Some("compact")).is_ok());
            assert_eq!(asked(operation, None), Err(ErrorCode::InvalidRequest));
        }
        let deleted = ConfigChange::Delete("cleanup.policy".into());
        assert_eq!(asked(DELETE, None), Ok(deleted));
    }

    #[test]
    fn an_unknown_operation_is_refused() {
        for operation in [-1, 4, i8::MAX] {
            let refused = asked(operation, Some("compact"));
            assert_eq!(refused, Err(ErrorCode::InvalidRequest));
        }
    }
}
