//! The AWS gateway: SQS and SNS as the AWS SDKs speak them, and broker calls. It is handed streams and never binds a
//! socket.
//!
//! | module | what it is |
//! |---|---|
//! | [`arn`] | names of queues, topics and subscriptions |
//! | [`sns`] | SNS: topics and subscriptions |
//! | [`limits`] | every bound |
//! | [`wire`] | requests, answers and errors of both protocols |

pub mod arn;
pub mod limits;
mod namespace;
pub mod sns;
pub mod wire;
