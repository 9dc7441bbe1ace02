//! The AWS gateway: SQS and SNS as the AWS SDKs speak them, and broker calls. It is handed requests and never
//! binds a socket.
//!
//! | module | what it is |
//! |---|---|
//! | [`arn`] | names of queues, topics and subscriptions |

pub mod arn;
