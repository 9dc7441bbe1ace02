//! Disks whose content nobody wrote, with every checksum right: what a newer version, a bug or an
//! attacker may leave behind. See [`crate::disk`].

use crate::disk;

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    disk::hold::everything(&disk::forge(input));
}

/// Steps of a program, with nothing bent; see `disk::forge`.
mod step {
    pub(super) const CREATE_LOGS: &[u8] = &[4, 1, 2, 0, 4, 2, 1, 0, 4, 3, 0, 0];
    pub(super) const APPEND: &[u8] = &[0, 1, 2, 3, b'a', b'b', b'c', 0, 0, 0, 2, 0, 1, b'x', 0, 0];
    pub(super) const EVENT: &[u8] = &[3, 2, b'e', b'v', 0];
    pub(super) const CLOSE: &[u8] = &[8, 0];
    pub(super) const NEW_EPOCH: &[u8] = &[15, 0];
    pub(super) const ROLL: &[u8] = &[9, 0, 0];
    /// Of two logs with two batches each: two chunks, two feet, two sections, all of it, the record.
    pub(super) const SORT: &[u8] = &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    pub(super) const INSTALL_AGAIN: &[u8] = &[11, 0, 0, 0, 0, 0];
    pub(super) const START: &[u8] = &[6, 1, 3, 0];
    pub(super) const DURABILITY: &[u8] = &[7, 2, 2, 0];
    pub(super) const DELETE: &[u8] = &[5, 3, 0];
    /// The mark, the machine's state, itself, and a bend for whatever is in its logs.
    pub(super) const SNAPSHOT: &[u8] = &[12, 0, 1, b'm', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/// Programs that forge what a well-behaved engine would have written, or nearly.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    use step::*;
    let programs: [&[&[u8]]; 7] = [
        &[
            CREATE_LOGS,
            CLOSE,
            APPEND,
            CLOSE,
            APPEND,
            EVENT,
            CLOSE,
            NEW_EPOCH,
        ],
        &[
            CREATE_LOGS,
            APPEND,
            CLOSE,
            START,
            DURABILITY,
            DELETE,
            APPEND,
            CLOSE,
            NEW_EPOCH,
        ],
        &[
            CREATE_LOGS,
            APPEND,
            APPEND,
            CLOSE,
            ROLL,
            APPEND,
            CLOSE,
            ROLL,
            EVENT,
            CLOSE,
            NEW_EPOCH,
        ],
        &[
            CREATE_LOGS,
            APPEND,
            APPEND,
            CLOSE,
            SORT,
            CLOSE,
            INSTALL_AGAIN,
            APPEND,
            NEW_EPOCH,
        ],
        &[
            CREATE_LOGS,
            APPEND,
            CLOSE,
            SNAPSHOT,
            APPEND,
            CLOSE,
            NEW_EPOCH,
        ],
        &[
            CREATE_LOGS,
            APPEND,
            APPEND,
            CLOSE,
            SORT,
            CLOSE,
            APPEND,
            SNAPSHOT,
            EVENT,
            NEW_EPOCH,
        ],
        &[
            CREATE_LOGS,
            APPEND,
            APPEND,
            CLOSE,
            ROLL,
            SORT,
            CLOSE,
            ROLL,
            SNAPSHOT,
            START,
            NEW_EPOCH,
        ],
    ];
    let program = |steps: &[&[u8]]| [&[0], &steps.concat()[..]].concat();
    programs.into_iter().map(program).collect()
}
