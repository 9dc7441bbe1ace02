//! The Kafka gateway: bytes on the wire to broker calls and back.

pub mod protocol;
