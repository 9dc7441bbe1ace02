//! Load on an AMQP 0-9-1 broker that costs its generator next to nothing: what is published was
//! encoded once, and what is delivered is looked at no more than it takes to acknowledge it.

mod arrivals;
mod confirms;
mod connection;
mod consume;
mod crowd;
mod load;
mod publish;
mod ring;
mod steady;
mod topology;

pub use consume::Taking;
pub use crowd::{Crowd, declare_queues};
pub use load::{Drain, Load, Publishing};
pub use ring::Content;
pub use steady::Pace;
pub use topology::{Shape, Topology};
