//! What a message is called.

use forebay_broker::host::Position;
use md5::{Digest, Md5};
use uuid::Uuid;

/// A message's id: the same wherever it is moved, and another one in every cluster.
pub(crate) fn message_id(cluster: Uuid, position: Position) -> Uuid {
    let mut digest = Md5::new();
    digest.update(cluster.as_bytes());
    digest.update(position.queue.0.to_be_bytes());
    digest.update(position.offset.to_be_bytes());
    uuid::Builder::from_random_bytes(digest.finalize().into()).into_uuid()
}

/// A message's place in its FIFO queue: twenty digits, as AWS has, that grow.
pub(crate) fn sequence_number(offset: u64) -> String {
    const FIRST: u128 = 10_000_000_000_000_000_000;
    (FIRST + u128::from(offset)).to_string()
}

#[cfg(test)]
mod tests {
    use forebay_broker::storage::LogId;

    use super::*;

    #[test]
    fn ids_are_of_a_place_in_a_cluster() {
        let place = |queue, offset| Position {
            queue: LogId(queue),
            offset,
        };
        let id =
            |cluster, queue, offset| message_id(Uuid::from_u128(cluster), place(queue, offset));
        assert_eq!(id(1, 2, 3), id(1, 2, 3));
        let others = [id(2, 2, 3), id(1, 3, 3), id(1, 2, 4), id(1, 3, 2)];
        assert!(!others.contains(&id(1, 2, 3)));
        // They are told for ever: from what is stored, by every version.
        assert_eq!(
            id(1, 2, 3).to_string(),
            "ef47cf8b-965a-4e51-b2e1-71c997c5da1d"
        );
    }

    #[test]
    fn sequence_numbers_grow_and_have_twenty_digits() {
        let numbers = [0, 1, 9, 10, 1 << 40].map(sequence_number);
        assert!(numbers.is_sorted());
        assert!(numbers.iter().all(|number| number.len() == 20));
    }
}
