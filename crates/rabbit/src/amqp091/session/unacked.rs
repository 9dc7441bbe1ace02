//! What a channel was given and has not settled: delivery tags, and what they stand for.

use std::collections::VecDeque;
use std::ops::Range;

use forebay_broker::host::Settlement;
use forebay_broker::queue::{HolderId, Outcome};

/// Deliveries of one channel. Tags count up from 1; what was given in a row is one entry.
#[derive(Debug, Default)]
pub(super) struct Unacked {
    runs: VecDeque<Run>,
    /// The tag of the last delivery.
    last_tag: u64,
    count: u64,
}

/// Deliveries in a row to one holder, under tags and numbers in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    tag: u64,
    count: u64,
    holder: HolderId,
    number: u64,
}

impl Run {
    fn end(&self) -> u64 {
        self.tag + self.count
    }
}

/// Deliveries that left the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    tag: u64,
    pub(super) holder: HolderId,
    pub(super) numbers: Range<u64>,
}

impl Taken {
    /// What the broker is told of them.
    pub(super) fn settlement(self, outcome: Outcome) -> Settlement {
        Settlement {
            holder: self.holder,
            numbers: self.numbers,
            outcome,
        }
    }
}

/// Adds a settlement behind others: to the last, if it goes on where that ends.
pub(super) fn append_settlement(to: &mut Vec<Settlement>, next: Settlement) {
    if let Some(last) = to.last_mut()
        && last.holder == next.holder
        && last.outcome == next.outcome
        && last.numbers.end == next.numbers.start
    {
        last.numbers.end = next.numbers.end;
    } else {
        to.push(next);
    }
}

impl Unacked {
    /// A tag for a delivery that needs no settlement of the client.
    pub(super) fn next_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }

    /// A tag for a delivery that is to be settled.
    pub(super) fn add(&mut self, holder: HolderId, number: u64) -> u64 {
        let tag = self.next_tag();
        self.count += 1;
        if let Some(last) = self.runs.back_mut()
            && last.end() == tag
            && last.holder == holder
            && last.number + last.count == number
        {
            last.count += 1;
        } else {
            self.runs.push_back(Run {
                tag,
                count: 1,
                holder,
                number,
            });
        }
        tag
    }

    /// How many are to be settled.
    pub(super) fn len(&self) -> u64 {
        self.count
    }

    /// Takes one delivery out, or with `multiple` all up to it, where 0 stands for all there are. None if
    /// there is no such delivery.
    pub(super) fn take(&mut self, tag: u64, multiple: bool, out: &mut Vec<Taken>) -> Option<()> {
        if !multiple {
            return self.take_one(tag, out);
        }
        if tag == 0 {
            self.take_all(out);
            return Some(());
        }
        // As RabbitMQ has it, the tag itself must be there.
        self.find(tag)?;
        while let Some(front) = self.runs.front_mut() {
            if front.tag > tag {
                break;
            }
            let count = front.count.min(tag + 1 - front.tag);
            out.push(Taken {
                tag: front.tag,
                holder: front.holder,
                numbers: front.number..front.number + count,
            });
            self.count -= count;
            front.tag += count;
            front.number += count;
            front.count -= count;
            if front.count == 0 {
                self.runs.pop_front();
            }
        }
        Some(())
    }

    /// Takes everything out.
    pub(super) fn take_all(&mut self, out: &mut Vec<Taken>) {
        self.count = 0;
        out.extend(self.runs.drain(..).map(|run| Taken {
            tag: run.tag,
            holder: run.holder,
            numbers: run.number..run.number + run.count,
        }));
    }

    /// Puts back what was taken out.
    pub(super) fn put_back(&mut self, taken: Vec<Taken>) {
        for taken in taken {
            let count = taken.numbers.end - taken.numbers.start;
            let at = self.runs.partition_point(|run| run.tag < taken.tag);
            let run = Run {
                tag: taken.tag,
                count,
                holder: taken.holder,
                number: taken.numbers.start,
            };
            self.runs.insert(at, run);
            self.count += count;
        }
    }

    /// Whether something is to be settled that went to a holder.
    pub(super) fn holds(&self, holder: HolderId) -> bool {
        self.runs.iter().any(|run| run.holder == holder)
    }

    /// Whom everything went to that is to be settled.
    pub(super) fn holders(&self) -> impl Iterator<Item = HolderId> {
        self.runs.iter().map(|run| run.holder)
    }

    fn find(&self, tag: u64) -> Option<usize> {
        let at = self.runs.partition_point(|run| run.end() <= tag);
        self.runs.get(at).filter(|run| run.tag <= tag)?;
        Some(at)
    }

    fn take_one(&mut self, tag: u64, out: &mut Vec<Taken>) -> Option<()> {
        let at = self.find(tag)?;
        let run = &mut self.runs[at];
        let before = tag - run.tag;
        let number = run.number + before;
        let holder = run.holder;
        out.push(Taken {
            tag,
            holder,
            numbers: number..number + 1,
        });
        self.count -= 1;
        let behind = Run {
            tag: tag + 1,
            count: run.count - before - 1,
            holder,
            number: number + 1,
        };
        run.count = before;
        match (before, behind.count) {
            (0, 0) => {
                self.runs.remove(at);
            }
            (0, _) => *run = behind,
            (_, 0) => {}
            _ => self.runs.insert(at + 1, behind),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: HolderId = HolderId(1);
    const B: HolderId = HolderId(2);

    fn filled() -> Unacked {
        let mut unacked = Unacked::default();
        for number in 10..15 {
            unacked.add(A, number); // tags 1 to 5
        }
        unacked.add(B, 7); // tag 6
        unacked
    }

    fn taken(unacked: &mut Unacked, tag: u64, multiple: bool) -> Option<Vec<(u64, Range<u64>)>> {
        let mut out = Vec::new();
        unacked.take(tag, multiple, &mut out)?;
        Some(
            out.into_iter()
                .map(|taken| (taken.holder.0, taken.numbers))
                .collect(),
        )
    }

    #[test]
    fn one_is_taken_out_of_the_middle_and_only_once() {
        let mut unacked = filled();
        assert_eq!(taken(&mut unacked, 3, false), Some(vec![(1, 12..13)]));
        assert_eq!(taken(&mut unacked, 3, false), None);
        assert_eq!(taken(&mut unacked, 4, false), Some(vec![(1, 13..14)]));
        assert_eq!(taken(&mut unacked, 1, false), Some(vec![(1, 10..11)]));
        let rest = vec![(1, 11..12), (1, 14..15), (2, 7..8)];
        assert_eq!(taken(&mut unacked, 6, true), Some(rest));
        assert_eq!(unacked.len(), 0);
    }

    #[test]
    fn many_are_taken_up_to_a_tag_that_must_be_there() {
        let mut unacked = filled();
        assert_eq!(taken(&mut unacked, 2, true), Some(vec![(1, 10..12)]));
        assert_eq!(taken(&mut unacked, 2, true), None);
        assert_eq!(taken(&mut unacked, 7, true), None);
        assert_eq!(
            taken(&mut unacked, 0, true),
            Some(vec![(1, 12..15), (2, 7..8)])
        );
        assert_eq!(
            taken(&mut unacked, 0, true),
            Some(vec![]),
            "nothing is fine"
        );
    }

    #[test]
    fn what_is_put_back_can_be_taken_again() {
        let mut unacked = filled();
        let mut out = Vec::new();
        unacked.take(3, false, &mut out).unwrap();
        unacked.take(2, true, &mut out).unwrap();
        unacked.put_back(out);
        assert_eq!(unacked.len(), 6);
        let all = vec![(1, 10..12), (1, 12..13), (1, 13..15), (2, 7..8)];
        assert_eq!(taken(&mut unacked, 6, true), Some(all));
    }

    #[test]
    fn tags_go_on_whatever_is_settled() {
        let mut unacked = filled();
        taken(&mut unacked, 0, true);
        assert_eq!(unacked.next_tag(), 7);
        assert_eq!(unacked.add(A, 15), 8);
        assert_eq!(
            taken(&mut unacked, 7, false),
            None,
            "it needs no settlement"
        );
        assert_eq!(taken(&mut unacked, 0, false), None);
    }
}
