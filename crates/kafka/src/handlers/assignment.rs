//! Replica assignments that a client makes itself. There is one node, so every partition is on it
//! whatever the assignment says; what is left is to tell a client whose assignment is nonsense.

use crate::errors::Refusal;
use crate::protocol::ErrorCode;

/// Fails unless each list has brokers, each at most once, and all have the same number of them.
pub(super) fn check<'a>(replicas: impl Iterator<Item = &'a [i32]>) -> Result<(), Refusal> {
    let refuse = |message| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    let mut factor = None;
    for brokers in replicas {
        let mut sorted = brokers.to_vec();
        sorted.sort_unstable();
        match sorted.first() {
            None => return refuse("an assignment has no brokers"),
            Some(..0) => return refuse("an assignment names a broker below zero"),
            Some(0..) => {}
        }
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("an assignment names a broker twice");
        }
        if *factor.get_or_insert(sorted.len()) != sorted.len() {
            return refuse("the assignments have different numbers of replicas");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_lists_of_the_same_length_of_different_brokers() {
        let check = |lists: &[&[i32]]| check(lists.iter().copied()).is_ok();
        assert!(check(&[]));
        assert!(check(&[&[1], &[1]]));
        assert!(check(&[&[1, 2, 3], &[2, 3, 4]]));
        assert!(!check(&[&[]]));
        assert!(!check(&[&[1, 1]]));
        assert!(!check(&[&[-1]]));
        assert!(!check(&[&[1, 2], &[1]]));
    }
}
