//! Deliveries that are not a queue of SQS.
//!
//! What an HTTP endpoint is to be sent waits in a queue of the broker, one a subscription, so that it survives a
//! restart and is tried again when it is due: at least once. What nothing here can send (letters, text messages,
//! functions) is recorded, for people and tests to look at.
//!
//! | module | what it is |
//! |---|---|
//! | `waiting` | the queue of a subscription |
//! | `worker` | takes messages from it, and sends them |
//! | `pace` | no more of them in a second than its policy says |
//! | `request` | one request |
//! | `tls` | the connections of those to `https` endpoints |
//! | `recorder`, `routes` | what was not sent, and where that is shown |

mod pace;
mod recorder;
mod request;
mod routes;
mod tls;
mod waiting;
mod worker;

pub(crate) use recorder::Recorder;
pub(crate) use routes::routes;
pub(crate) use tls::Tls;
pub(crate) use waiting::{Kind, publication};
pub(crate) use worker::deliver;
