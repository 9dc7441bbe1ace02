//! HTTP: health, metrics, management API. Handed connections, it serves them; it binds no socket
//! and knows no protocol but its own.
//!
//! | module | what it is |
//! |---|---|
//! | [`Admin`] | the routes, over one broker |
//! | [`serve_connection`] | one HTTP connection from its first byte to its last |
//! | [`Admin::mount`] | what gateways bring: RabbitMQ's management API |
//! | [`Readiness`] | what `/readyz` says, in the hands of whoever starts and stops the process |
//! | `health` | `/livez`, `/readyz`, `/healthz` |
//! | [`metrics`] | `/metrics`: an OpenMetrics page, read from counters at the moment of the scrape |
//! | `api` | `/api/v1/...`: topics, partitions, configuration, groups, queues and their messages as JSON |
//! | [`limits`] | every bound, with its reason |
//!
//! A page of another origin can read nothing here, because no CORS header is ever sent, and it can
//! change nothing, because every change needs a method or a content type that browsers ask about
//! first.

mod admin;
mod api;
mod connection;
mod health;
mod index;
pub mod limits;
pub mod metrics;
mod node;
mod readiness;
mod write_stall;

pub use admin::Admin;
pub use connection::serve_connection;
pub use metrics::MetricsSource;
pub use node::{BuildInfo, ListenerInfo, NodeInfo};
pub use readiness::{Readiness, State};
pub use write_stall::WriteStall;
