//! Verifying snapshots: one checksum covers each.

use super::Check;
use crate::engine::decode_snapshot;
use crate::ids::BlobId;
use crate::media::BlobKey;

impl Check<'_> {
    pub(super) fn snapshot(&mut self, id: BlobId, bytes: u64) {
        let key = BlobKey::snapshot(id);
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        match self.medium.read_blob(key, 0, length) {
            Ok(content) => {
                if let Err(what) = decode_snapshot(id, &content) {
                    self.damaged(key.to_string(), 0, what);
                }
            }
            Err(error) => self.note(error),
        }
        self.did(bytes);
    }
}
