//! ListConfigResources (key 74): what DescribeConfigs can be asked about.
//!
//! | version | change |
//! |---|---|
//! | 0 | subscriptions to client metrics (KIP-1000), of which there are none |
//! | 1 | all kinds of resources (KIP-1142) |

use super::Call;
use super::config_resource::ResourceType;
use crate::gateway::NODE_ID;
use crate::protocol::generated::list_config_resources_response::ConfigResource;
use crate::protocol::generated::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse<'static> {
    let types: Option<Vec<ResourceType>> = match call.version {
        0 => Some(vec![ResourceType::ClientMetrics]),
        _ if request.resource_types.is_empty() => Some(ResourceType::ALL.to_vec()),
        _ => {
            let types = request.resource_types.iter();
            types.map(|code| ResourceType::from_code(*code)).collect()
        }
    };
    let Some(types) = types else {
        return ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion as i16,
            ..ListConfigResourcesResponse::default()
        };
    };
    let listed = ResourceType::ALL
        .into_iter()
        .filter(|kind| types.contains(kind));
    ListConfigResourcesResponse {
        config_resources: listed.flat_map(|kind| resources(call, kind)).collect(),
        ..ListConfigResourcesResponse::default()
    }
}

fn resources(call: &Call<'_>, kind: ResourceType) -> Vec<ConfigResource<'static>> {
    let resource = |resource_name| ConfigResource {
        resource_name,
        resource_type: kind as i8,
    };
    match kind {
        ResourceType::Topic => {
            let topics = call.broker().catalog().all();
            let named = topics
                .iter()
                .map(|topic| resource(topic.name.shared().into()));
            named.collect()
        }
        ResourceType::Broker | ResourceType::BrokerLogger => {
            vec![resource(Str::from(NODE_ID.to_string()))]
        }
        // Nothing can be set for these, so none has anything set.
        ResourceType::ClientMetrics | ResourceType::Group => Vec::new(),
    }
}
