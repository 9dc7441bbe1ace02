//! InitProducerId (key 22): an identity for an idempotent producer (KIP-98). A producer that lost
//! track (KIP-360, version 3) gets a new one as well: without transactions nothing hangs on the old.

use super::Call;
use crate::protocol::ErrorCode;
use crate::protocol::generated::{InitProducerIdRequest, InitProducerIdResponse};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: InitProducerIdRequest<'_>,
) -> InitProducerIdResponse {
    let refused = |error: ErrorCode| InitProducerIdResponse {
        error_code: error as i16,
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    };
    if request.transactional_id.is_some() {
        // Transactions are not served yet; this is fatal to the client, as it should be.
        return refused(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    match call.broker().init_producer().await {
        Ok(identity) => InitProducerIdResponse {
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            ..InitProducerIdResponse::default()
        },
        Err(_) => refused(ErrorCode::CoordinatorNotAvailable),
    }
}
