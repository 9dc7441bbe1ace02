//! DescribeCluster (key 60): the brokers there are. There is one.
//!
//! | version | change |
//! |---|---|
//! | 1 | brokers or controllers (KIP-919); controllers have no port of their own here |
//! | 2 | fenced brokers (KIP-1073), of which there are none |

use super::Call;
use super::authorized_operations as operations;
use crate::errors::Refusal;
use crate::gateway::NODE_ID;
use crate::protocol::generated::describe_cluster_response::DescribeClusterBroker;
use crate::protocol::generated::{DescribeClusterRequest, DescribeClusterResponse};
use crate::protocol::{ErrorCode, Str};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse<'static> {
    let shared = call.shared();
    if request.endpoint_type != BROKERS {
        let (error_code, error_message) = wrong_endpoint(request.endpoint_type).into_fields();
        return DescribeClusterResponse {
            error_code,
            error_message,
            controller_id: -1,
            ..DescribeClusterResponse::default()
        };
    }
    let asked = request.include_cluster_authorized_operations;
    DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: Str::from(&shared.cluster_id),
        controller_id: NODE_ID,
        brokers: vec![DescribeClusterBroker {
            broker_id: NODE_ID,
            host: Str::from(&shared.host),
            port: shared.options.advertised_port.into(),
            rack: None,
            is_fenced: false,
        }],
        cluster_authorized_operations: operations::if_asked(asked, operations::CLUSTER),
        ..DescribeClusterResponse::default()
    }
}

fn wrong_endpoint(endpoint_type: i8) -> Refusal {
    match endpoint_type {
        CONTROLLERS => Refusal::new(
            ErrorCode::MismatchedEndpointType,
            "this is the port of a broker",
        ),
        other => Refusal::new(
            ErrorCode::UnsupportedEndpointType,
            format!("there are no endpoints of type {other}"),
        ),
    }
}
