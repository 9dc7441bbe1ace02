//! AlterConfigs (key 33): all that is set for a topic. What is not named is not set any more.
//!
//! | version | change |
//! |---|---|
//! | 2 | flexible |

use forebay_broker::topic::config::ConfigChange;

use super::Call;
use super::config_resource::{self, Alteration, Mode};
use crate::errors::{self, Refusal};
use crate::protocol::generated::alter_configs_request::AlterConfigsResource;
use crate::protocol::generated::alter_configs_response::AlterConfigsResourceResponse;
use crate::protocol::generated::{AlterConfigsRequest, AlterConfigsResponse};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: AlterConfigsRequest<'_>,
) -> AlterConfigsResponse<'static> {
    let alterations = request.resources.iter().map(|resource| Alteration {
        resource_type: resource.resource_type,
        resource_name: &resource.resource_name,
        changes: changes(resource),
    });
    let alterations = alterations.collect();
    let results =
        config_resource::alter(call, alterations, Mode::Replace, request.validate_only).await;
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
    AlterConfigsResponse {
        responses: responses.collect(),
        ..AlterConfigsResponse::default()
    }
}

fn changes(resource: &AlterConfigsResource<'_>) -> Result<Vec<ConfigChange>, Refusal> {
    config_resource::each_once(resource.configs.iter().map(|config| &*config.name))?;
    let changes = resource.configs.iter().map(|config| {
        let value = config_resource::value(&config.name, config.value.as_ref())?;
        Ok(ConfigChange::Set(config.name.to_string(), value))
    });
    changes.collect()
}
