//! The RabbitMQ gateway: the protocols that RabbitMQ's clients speak.
//!
//! | module | what it is |
//! |---|---|
//! | [`amqp091`] | AMQP 0-9-1 with RabbitMQ's extensions: what the bytes mean |

pub mod amqp091;
pub mod limits;
