//! Who is measured.

use anyhow::Result;

use crate::bench::comparison;
use crate::bench::server::{Protocol, Seat};
use crate::layout::Layout;

/// A server of SQS and what it promises before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Forebay as it comes: what was sent is on the disk.
    ForebayFsync,
    /// ElasticMQ as it comes: in memory.
    Elasticmq,
    /// Forebay that answers when the operating system has it.
    ForebayOs,
    /// The server of moto: in memory.
    Moto,
}

impl comparison::Contender for Contender {
    const ALL: &'static [Self] = &[
        Self::ForebayFsync,
        Self::Elasticmq,
        Self::ForebayOs,
        Self::Moto,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ForebayFsync => "Forebay fsync",
            Self::Elasticmq => "ElasticMQ",
            Self::ForebayOs => "Forebay os",
            Self::Moto => "moto",
        }
    }
}

impl Contender {
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::ForebayFsync => "default configuration: what was sent survives a power cut",
            Self::Elasticmq => "as it comes: what was sent is in memory, and gone with the process",
            Self::ForebayOs => "`--durability os`: what was sent survives a crash of the server",
            Self::Moto => "`moto_server`: in memory; made for tests, and measured with small sizes",
        }
    }

    /// A fresh data folder of its own.
    pub(crate) fn seat(self, layout: &Layout) -> Result<Seat> {
        match self {
            Self::ForebayFsync => Seat::forebay(layout, "sqs-fsync", Protocol::Aws, "fsync"),
            Self::ForebayOs => Seat::forebay(layout, "sqs-os", Protocol::Aws, "os"),
            Self::Elasticmq => Seat::elasticmq(layout, "elasticmq"),
            Self::Moto => Seat::moto(layout, "moto"),
        }
    }
}
