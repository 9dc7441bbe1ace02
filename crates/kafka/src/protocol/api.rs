//! Frames: which header goes with which message, and the two together.
//!
//! A frame to decode is what follows the four bytes of length on the wire; an encoded one begins
//! with them.
//!
//! ```
//! use forebay_kafka::protocol::api::{decode_request_header, decode_response, encode_response};
//! use forebay_kafka::protocol::generated::{
//!     FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator,
//! };
//! use forebay_kafka::protocol::{ApiKey, DecodeError, Rope};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! fn answer(frame: &[u8]) -> Result<Rope, Box<dyn std::error::Error>> {
//!     let head = decode_request_header(frame)?;
//!     let (version, correlation_id) = (head.version, head.header.correlation_id);
//!     match head.key {
//!         ApiKey::FindCoordinator => {
//!             let request: FindCoordinatorRequest<'_> = head.decode_body()?;
//!             let here = |key| Coordinator { key, host: "localhost".into(), ..Default::default() };
//!             let response = FindCoordinatorResponse {
//!                 coordinators: request.coordinator_keys.into_iter().map(here).collect(),
//!                 ..Default::default()
//!             };
//!             Ok(encode_response(version, correlation_id, &response)?)
//!         }
//!         other => Err(DecodeError::UnknownApiKey(other.into()).into()),
//!     }
//! }
//!
//! let frame = b"\0\x0a\0\x04\0\0\0\x07\0\x02me\0\0\x02\x06group\0";
//! let response = answer(frame)?; // or socket.write_all_buf(&mut answer(frame)?).await
//!
//! let bytes = response.into_bytes();
//! let (correlation_id, response) = decode_response::<FindCoordinatorResponse<'_>>(4, &bytes[4..])?;
//! assert_eq!(correlation_id, 7);
//! assert_eq!(response.coordinators[0].key, "group");
//! # Ok(())
//! # }
//! ```

use super::generated::{RequestHeader, ResponseHeader};
use super::{ApiKey, DecodeError, EncodeError, Message, Reader, Request, Response, Rope, Writer};

/// The version of the request header in front of `version` of a request.
///
/// A version beyond those known is taken for a flexible one, as every future version will be: an
/// ApiVersions request from a newer client must be readable enough to be answered.
pub fn request_header_version(key: ApiKey, version: i16) -> i16 {
    match key.flexible_from() {
        Some(first) if version >= first => 2,
        _ => 1,
    }
}

/// The version of the response header in front of `version` of a response.
pub fn response_header_version(key: ApiKey, version: i16) -> i16 {
    match key.flexible_from() {
        // A client that asks for a version which the broker lacks is answered at version 0, and
        // must be able to find the error code without knowing that (KIP-511).
        _ if key == ApiKey::ApiVersions => 0,
        Some(first) if version >= first => 1,
        _ => 0,
    }
}

/// Reads a request's header. The reader that comes with it stands at the first byte of the body.
pub fn decode_request_header(frame: &[u8]) -> Result<RequestHead<'_>, DecodeError> {
    // The header's own version hangs on its first two fields.
    let mut ahead = Reader::new(frame);
    let key = ApiKey::try_from(ahead.i16()?)?;
    let version = ahead.i16()?;

    let mut body = Reader::new(frame);
    let header = RequestHeader::decode(&mut body, request_header_version(key, version))?;
    Ok(RequestHead {
        key,
        version,
        header,
        body,
    })
}

/// A request of which the header has been read and the body not yet.
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    /// The API that is asked for.
    pub key: ApiKey,
    /// The version of the request. May be one that the API does not have.
    pub version: i16,
    /// The header.
    pub header: RequestHeader<'a>,
    /// The bytes after the header.
    pub body: Reader<'a>,
}

impl<'a> RequestHead<'a> {
    /// Reads the body. Bytes behind it are ignored, as Kafka does: librdkafka 2.16 puts three behind
    /// a request for the metadata of all topics.
    pub fn decode_body<T: Request<'a>>(&self) -> Result<T, DecodeError> {
        debug_assert_eq!(self.key, T::API_KEY, "the body of another request");
        T::decode(&mut self.body.clone(), self.version)
    }
}

/// Builds the frame of a request.
pub fn encode_request<'a, T: Request<'a>>(
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &T,
) -> Result<Rope, EncodeError> {
    let header = RequestHeader {
        request_api_key: T::API_KEY.into(),
        request_api_version: version,
        correlation_id,
        client_id: client_id.map(Into::into),
    };
    let mut writer = Writer::framed();
    header.encode(&mut writer, request_header_version(T::API_KEY, version))?;
    request.encode(&mut writer, version)?;
    writer.finish()
}

/// Builds the frame of a response.
pub fn encode_response<'a, T: Response<'a>>(
    version: i16,
    correlation_id: i32,
    response: &T,
) -> Result<Rope, EncodeError> {
    let mut writer = Writer::framed();
    let header = ResponseHeader { correlation_id };
    header.encode(&mut writer, response_header_version(T::API_KEY, version))?;
    response.encode(&mut writer, version)?;
    writer.finish()
}

/// Reads a response to a request that was sent at `version`; answers its correlation id as well.
pub fn decode_response<'a, T: Response<'a>>(
    version: i16,
    frame: &'a [u8],
) -> Result<(i32, T), DecodeError> {
    let mut reader = Reader::new(frame);
    let header_version = response_header_version(T::API_KEY, version);
    let header = ResponseHeader::decode(&mut reader, header_version)?;
    let response = T::decode(&mut reader, version)?;
    reader.expect_end()?;
    Ok((header.correlation_id, response))
}
