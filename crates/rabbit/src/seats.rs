//! Seats: how many connections and channels there may be, by whose they are.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// What seats are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Section {
    /// Connections to a virtual host.
    ConnectionsTo(String),
    /// Connections of a user.
    ConnectionsOf(String),
    /// Channels of all connections of a user.
    ChannelsOf(String),
}

/// How many seats are taken.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<HashMap<Section, u64>>);

/// A seat that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    section: Section,
}

/// All seats are taken: there are no more than these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full(pub(crate) u64);

impl Seats {
    /// Takes a seat, unless `most` are taken.
    pub(crate) fn take(
        self: &Arc<Self>,
        section: Section,
        most: Option<u64>,
    ) -> Result<Seat, Full> {
        let mut taken = self.0.lock();
        let count = taken.get(&section).copied().unwrap_or(0);
        if let Some(most) = most.filter(|most| count >= *most) {
            return Err(Full(most));
        }
        taken.insert(section.clone(), count + 1);
        Ok(Seat {
            seats: Arc::clone(self),
            section,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock();
        if let Some(count) = taken.get_mut(&self.section) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.section);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_given_back() {
        let seats = Arc::new(Seats::default());
        let ann = || Section::ConnectionsOf("ann".to_owned());
        let first = seats.take(ann(), Some(2)).unwrap();
        let _second = seats.take(ann(), Some(2)).unwrap();
        assert_eq!(seats.take(ann(), Some(2)).unwrap_err(), Full(2));
        let other = Section::ConnectionsTo("ann".to_owned());
        drop(seats.take(other, Some(1)).unwrap());
        drop(first);
        drop(seats.take(ann(), Some(2)).unwrap());
        // What is there counts, whatever the bound was when it came.
        assert_eq!(seats.take(ann(), Some(0)).unwrap_err(), Full(0));
        assert!(seats.take(ann(), None).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_who_has_gone() {
        let seats = Arc::new(Seats::default());
        for name in 0..100 {
            drop(seats.take(Section::ChannelsOf(name.to_string()), None));
        }
        assert!(seats.0.lock().is_empty());
    }
}
