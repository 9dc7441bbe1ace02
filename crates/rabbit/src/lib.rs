//! The RabbitMQ gateway: the protocols that RabbitMQ's clients speak, and broker calls. It is handed streams
//! and never binds a socket.
//!
//! | module | what it is |
//! |---|---|
//! | [`amqp091`] | AMQP 0-9-1 with RabbitMQ's extensions: what the bytes mean, and the session of a connection |
//! | `gateway` | what all connections share |
//! | `metrics` | what is counted |

pub mod amqp091;
mod gateway;
pub mod limits;
mod metrics;

pub use gateway::{Gateway, GatewayOptions, recall};
pub use metrics::{Ending, GatewayMetrics, Gauge};
