//! Who is measured.

use anyhow::Result;

use crate::bench::comparison;
use crate::bench::server::{Protocol, Seat};
use crate::layout::Layout;

/// A broker and what it promises before it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Forebay as it comes: acknowledged is on the disk.
    ForebayFsync,
    /// Forebay that acknowledges what the operating system has, as Kafka does by default.
    ForebayOs,
    /// Kafka as it comes: acknowledged is in the page cache.
    KafkaDefault,
    /// Kafka that syncs every batch before it acknowledges it, as Forebay does by default.
    KafkaFlush,
}

impl comparison::Contender for Contender {
    const ALL: &'static [Self] = &[
        Self::ForebayFsync,
        Self::KafkaDefault,
        Self::ForebayOs,
        Self::KafkaFlush,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ForebayFsync => "Forebay fsync",
            Self::ForebayOs => "Forebay os",
            Self::KafkaDefault => "Kafka default",
            Self::KafkaFlush => "Kafka flush",
        }
    }
}

impl Contender {
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::ForebayFsync => "default configuration: an acknowledgement survives a power cut",
            Self::ForebayOs => {
                "`--durability os`: an acknowledgement survives a crash of the broker"
            }
            Self::KafkaDefault => {
                "`config/server.properties` and start scripts of the distribution: an acknowledgement \
                 survives a crash of the broker"
            }
            Self::KafkaFlush => {
                "the same with `log.flush.interval.messages=1`: an acknowledgement survives a power cut"
            }
        }
    }

    /// Whether reading is measured: what an acknowledgement promises makes no difference to it.
    pub(crate) fn is_default(self) -> bool {
        matches!(self, Self::ForebayFsync | Self::KafkaDefault)
    }

    /// A fresh data folder of its own.
    pub(crate) fn seat(self, layout: &Layout) -> Result<Seat> {
        match self {
            Self::ForebayFsync => Seat::forebay(layout, "forebay-fsync", Protocol::Kafka, "fsync"),
            Self::ForebayOs => Seat::forebay(layout, "forebay-os", Protocol::Kafka, "os"),
            Self::KafkaDefault => Seat::kafka(layout, "kafka-default", ""),
            Self::KafkaFlush => Seat::kafka(layout, "kafka-flush", "log.flush.interval.messages=1"),
        }
    }
}
