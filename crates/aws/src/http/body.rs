//! Reading what a request brings.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};

use crate::gateway::Shared;
use crate::limits;
use crate::wire::{Fault, faults};

/// Reads a body. Large ones wait until there is memory for them.
pub(super) async fn read(shared: &Shared, body: Incoming) -> Result<Bytes, Fault> {
    let announced = body.size_hint();
    let most = announced.upper().unwrap_or(u64::MAX);
    if announced.lower() > limits::REQUEST_BYTES_MAX as u64 {
        return Err(faults::too_large(limits::REQUEST_BYTES_MAX));
    }
    let bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let bytes = bytes.min(limits::REQUEST_BYTES_MAX);
    let read = async {
        // Small ones are as many as there are connections, at most.
        let _memory = match bytes > limits::REQUEST_BYTES_FREE {
            true => {
                let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
                let memory = shared.request_memory.acquire_many(kib).await;
                Some(memory.map_err(|_| faults::unavailable("The server is stopping"))?)
            }
            false => None,
        };
        let body = Limited::new(body, limits::REQUEST_BYTES_MAX);
        match body.collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(faults::too_large(limits::REQUEST_BYTES_MAX))
            }
            // Who sent half of it is hardly there to be told.
            Err(error) => Err(faults::malformed(error.to_string())),
        }
    };
    let read = tokio::time::timeout(limits::BODY_TIMEOUT, read).await;
    let bytes = read.unwrap_or_else(|_| Err(faults::timed_out()))?;
    shared.metrics.received_bytes.add(bytes.len() as u64);
    Ok(bytes)
}
