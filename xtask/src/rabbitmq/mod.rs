//! RabbitMQ from Debian's packages: the original that our own AMQP cases are proved on.

mod install;
mod node;
mod version;

pub(crate) use install::{install, require_privileges};
pub(crate) use node::{RabbitmqNode, answers_amqp};
pub(crate) use version::Version;
