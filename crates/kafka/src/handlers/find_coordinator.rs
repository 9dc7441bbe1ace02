//! FindCoordinator (key 10): who looks after a group. There is one node, so it is always this one.
//!
//! | version | change |
//! |---|---|
//! | 1 | key types: group, transaction |
//! | 4 | several keys at once |
//! | 6 | share groups, which are not served |

use super::Call;
use crate::gateway::NODE_ID;
use crate::protocol::generated::find_coordinator_response::Coordinator;
use crate::protocol::generated::{FindCoordinatorRequest, FindCoordinatorResponse};
use crate::protocol::{ErrorCode, Str};

const GROUP: i8 = 0;

pub(crate) async fn handle(
    call: &Call<'_>,
    request: FindCoordinatorRequest<'_>,
) -> FindCoordinatorResponse<'static> {
    let shared = call.shared();
    let coordinator = |key: &Str<'_>| {
        let here = Coordinator {
            key: key.clone().into_static(),
            node_id: NODE_ID,
            host: Str::from(&shared.host),
            port: shared.options.advertised_port.into(),
            error_code: ErrorCode::None as i16,
            error_message: None,
        };
        match refusal(request.key_type, key) {
            None => here,
            Some((error, message)) => Coordinator {
                node_id: -1,
                host: Str::default(),
                port: -1,
                error_code: error as i16,
                error_message: Some(message.into()),
                ..here
            },
        }
    };
    if call.version >= 4 {
        return FindCoordinatorResponse {
            coordinators: request.coordinator_keys.iter().map(coordinator).collect(),
            ..FindCoordinatorResponse::default()
        };
    }
    let Coordinator {
        node_id,
        host,
        port,
        error_code,
        error_message,
        ..
    } = coordinator(&request.key);
    FindCoordinatorResponse {
        node_id,
        host,
        port,
        error_code,
        error_message: error_message.filter(|_| call.version >= 1),
        ..FindCoordinatorResponse::default()
    }
}

fn refusal(key_type: i8, key: &str) -> Option<(ErrorCode, &'static str)> {
    match key_type {
        GROUP if key.is_empty() => Some((ErrorCode::InvalidGroupId, "the group id is empty")),
        GROUP => None,
        // Fatal to the client, as it should be: waiting would not help.
        1 => Some((ErrorCode::InvalidRequest, "transactions are not served yet")),
        _ => Some((
            ErrorCode::InvalidRequest,
            "this kind of coordinator is not served",
        )),
    }
}
