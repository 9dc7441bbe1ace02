//! The RabbitMQ gateway: the protocols that RabbitMQ's clients speak, and broker calls. It is handed streams
//! and never binds a socket.
//!
//! | module | what it is |
//! |---|---|
//! | [`amqp091`] | AMQP 0-9-1 with RabbitMQ's extensions: what the bytes mean, and the session of a connection |
//! | `gateway` | what all connections share |
//! | [`management`] | RabbitMQ's management API over HTTP, as a router to be mounted |
//! | `registry` | who is connected |
//! | `seats` | how many may be |
//! | `metrics` | what is counted |

pub mod amqp091;
mod gateway;
pub mod limits;
pub mod management;
mod metrics;
mod registry;
mod seats;

pub use gateway::{Gateway, GatewayOptions, recall};
pub use metrics::{Ending, GatewayMetrics, Gauge};
