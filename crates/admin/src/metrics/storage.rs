//! How full the medium is.

use super::page::{Metric, Page};
use crate::admin::Context;

const FREE: Metric = Metric::gauge(
    "forebay_storage_free_bytes",
    "Bytes that can still be written to the medium of the data folder.",
);
const TOTAL: Metric = Metric::gauge(
    "forebay_storage_size_bytes",
    "Bytes of the whole medium of the data folder.",
);
const RESERVE: Metric = Metric::gauge(
    "forebay_storage_reserve_bytes",
    "Bytes that stay free: below this producers are refused.",
);
const FULL: Metric = Metric::gauge(
    "forebay_storage_full",
    "1 while less is free than the reserve.",
);

/// How full the medium is, as one look at it told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    pub(crate) free_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) reserve_bytes: u64,
}

impl Storage {
    /// Asks the medium; none if it does not say.
    pub(crate) async fn read(context: &Context) -> Option<Self> {
        let configured = context.node.reserve_bytes;
        let broker = context.broker.clone();
        // A system call that a dying disk can hold up.
        let space = tokio::task::spawn_blocking(move || broker.space()).await;
        match space.ok()? {
            Ok(space) => Some(Self {
                free_bytes: space.free_bytes,
                total_bytes: space.total_bytes,
                reserve_bytes: space.reserve(configured),
            }),
            Err(error) => {
                tracing::warn!(%error, "cannot tell how full the medium is");
                None
            }
        }
    }

    /// Whether producers are to be refused. The engine notices at its next journal file.
    pub(crate) fn is_full(self) -> bool {
        self.free_bytes < self.reserve_bytes
    }

    pub(super) fn put(self, page: &mut Page) {
        page.put(&FREE, Vec::new(), self.free_bytes);
        page.put(&TOTAL, Vec::new(), self.total_bytes);
        page.put(&RESERVE, Vec::new(), self.reserve_bytes);
        page.put(&FULL, Vec::new(), self.is_full());
    }
}
