//! Who is measured.

use anyhow::Result;

use crate::bench::comparison;
use crate::bench::server::{Protocol, Seat};
use crate::layout::Layout;
use crate::rabbitmq::Version;

/// A broker and what it promises before it confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Forebay as it comes: confirmed is on the disk.
    ForebayFsync,
    /// Forebay that confirms what the operating system has, as classic queues do.
    ForebayOs,
    /// RabbitMQ with classic queues: confirmed is written and not synced.
    Classic,
    /// RabbitMQ with quorum queues, of one node here: confirmed is on the disk.
    Quorum,
    /// The RabbitMQ of Debian bookworm, with classic queues.
    Old,
}

impl comparison::Contender for Contender {
    const ALL: &'static [Self] = &[
        Self::ForebayFsync,
        Self::Classic,
        Self::ForebayOs,
        Self::Quorum,
        Self::Old,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ForebayFsync => "Forebay fsync",
            Self::ForebayOs => "Forebay os",
            Self::Classic => "RabbitMQ classic",
            Self::Quorum => "RabbitMQ quorum",
            Self::Old => "RabbitMQ 3.10 classic",
        }
    }
}

impl Contender {
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::ForebayFsync => "default configuration: a confirm survives a power cut",
            Self::ForebayOs => "`--durability os`: a confirm survives a crash of the broker",
            Self::Classic => "durable classic queues: a confirm survives a crash of the broker",
            Self::Quorum => "quorum queues of one node: a confirm survives a power cut",
            Self::Old => "as RabbitMQ classic, of Debian bookworm",
        }
    }

    pub(crate) fn is_quorum(self) -> bool {
        self == Self::Quorum
    }

    /// A fresh data folder of its own.
    pub(crate) fn seat(self, layout: &Layout) -> Result<Seat> {
        match self {
            Self::ForebayFsync => Seat::forebay(layout, "amqp-fsync", Protocol::Amqp, "fsync"),
            Self::ForebayOs => Seat::forebay(layout, "amqp-os", Protocol::Amqp, "os"),
            Self::Classic | Self::Quorum => Seat::rabbitmq(layout, Version::V4_3),
            Self::Old => Seat::rabbitmq(layout, Version::V3_10),
        }
    }
}
