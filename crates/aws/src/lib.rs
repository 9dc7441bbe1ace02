//! The AWS gateway: SQS and SNS as the AWS SDKs speak them, and broker calls. It is handed streams and never binds a
//! socket.
//!
//! | module | what it is |
//! |---|---|
//! | [`arn`] | names of queues, topics and subscriptions |
//! | [`auth`] | who asks: AWS Signature Version 4 |
//! | `cidr` | blocks of IP addresses |
//! | `gateway` | what all connections share |
//! | `http` | a connection, and each of its requests |
//! | [`limits`] | every bound |
//! | `metrics` | what is counted |
//! | `namespace` | accounts and regions are virtual hosts |
//! | `policy` | who else may do what to a queue or a topic |
//! | `service` | whose a request is |
//! | [`sns`] | Amazon SNS |
//! | `sqs` | Amazon SQS |
//! | [`wire`] | requests, answers and errors of both protocols |

pub mod arn;
pub mod auth;
mod cidr;
mod gateway;
mod http;
pub mod limits;
mod metrics;
mod namespace;
mod policy;
mod request_id;
mod service;
pub mod sns;
mod sqs;
pub mod wire;

pub use gateway::{Gateway, GatewayOptions};
pub use metrics::{Ending, GatewayMetrics};
pub use sns::{BadAuthorities, SnsOptions};
