//! The Kafka gateway: bytes on the wire to broker calls and back. It is handed streams and never
//! binds a socket.
//!
//! | module | what it is |
//! |---|---|
//! | [`protocol`] | what the bytes mean: messages generated from Kafka's own schemas |
//! | `frame`, `session` | one connection: frames in, answers out, in order |
//! | `request_memory`, `answer_memory`, `pressure` | what requests and answers may hold, and for how long |
//! | `disk_reads` | what may have to wait for the disk |
//! | `dispatch` | from a request to its handler |
//! | `handlers` | one file an API key |
//! | `fetch` | fetch sessions, and waiting for data |
//! | `versions` | the table of served keys and versions |
//! | [`client`] | the other side: a small client for the command line and for tests |
//! | `errors` | the broker's refusals as Kafka's error codes |

mod answer_memory;
pub mod client;
mod disk_reads;
mod dispatch;
mod errors;
mod fetch;
mod frame;
mod gateway;
mod handlers;
pub mod limits;
mod metrics;
mod pressure;
pub mod protocol;
mod request_memory;
mod session;
mod versions;

pub use gateway::{Gateway, GatewayOptions, NODE_ID};
pub use metrics::{Ending, GatewayMetrics, RequestsInFlight};
pub use versions::{ServedApi, served_apis};
