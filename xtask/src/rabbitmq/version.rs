//! Which RabbitMQ: each with the Erlang that its Debian has it run on.

use std::path::PathBuf;

use crate::layout::Layout;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// Of Debian sid: suites are proved on it.
    V4_3,
    /// Of Debian bookworm, and of many an installation that is not touched: measured only.
    V3_10,
}

impl Version {
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V4_3 => "4.3",
            Self::V3_10 => "3.10",
        }
    }

    /// What its files and folders are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V4_3 => "rabbitmq",
            Self::V3_10 => "rabbitmq-3.10",
        }
    }

    /// Where `packages.txt` and `sources.list` are.
    pub(crate) fn manifests(self, layout: &Layout) -> PathBuf {
        let folder = layout.conformance.join("rabbitmq");
        match self {
            Self::V4_3 => folder,
            Self::V3_10 => folder.join(self.number()),
        }
    }

    /// Where it is downloaded and unpacked.
    pub(super) fn folder(self, layout: &Layout) -> PathBuf {
        layout.cache.join(self.name())
    }

    /// What a node has as the root of its file system.
    pub(super) fn root(self, layout: &Layout) -> PathBuf {
        self.folder(layout).join("root")
    }
}
