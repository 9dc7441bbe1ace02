//! What clients say of deliveries.

use forebay_broker::queue::Outcome;

use super::Done;
use crate::amqp091::method::basic::{Ack, Nack, RecoverOk, Reject};
use crate::amqp091::session::Session;
use crate::amqp091::session::channel::Mode;
use crate::amqp091::session::errors::Refusal;
use crate::limits;

impl Session<'_> {
    pub(in crate::amqp091::session) fn ack(&mut self, number: u16, ack: &Ack) -> Done {
        self.settle_tag(number, ack.delivery_tag, ack.multiple, Outcome::Ack)
    }

    pub(in crate::amqp091::session) fn nack(&mut self, number: u16, nack: &Nack) -> Done {
        let outcome = match nack.requeue {
            true => Outcome::Nack { delay_ms: None },
            false => Outcome::Reject,
        };
        self.settle_tag(number, nack.delivery_tag, nack.multiple, outcome)
    }

    pub(in crate::amqp091::session) fn reject(&mut self, number: u16, reject: &Reject) -> Done {
        let outcome = match reject.requeue {
            true => Outcome::Fail { delay_ms: None },
            false => Outcome::Reject,
        };
        self.settle_tag(number, reject.delivery_tag, false, outcome)
    }

    fn settle_tag(&mut self, number: u16, tag: u64, multiple: bool, outcome: Outcome) -> Done {
        let channel = self.channel(number)?;
        let mut taken = Vec::new();
        let known = channel.unacked.take(tag, multiple, &mut taken);
        known.ok_or_else(|| Refusal::unknown_tag(tag))?;
        if let Mode::Transaction(transaction) = &mut channel.mode {
            channel.entry.unacked.set(channel.unacked.len());
            let settled = taken.into_iter().map(|taken| (taken, outcome));
            transaction.settled.extend(settled);
            if transaction.settled.len() > limits::TRANSACTION_SETTLEMENTS_MAX {
                return Err(Refusal::precondition("the transaction is too large"));
            }
            return Ok(());
        }
        channel.count_unacked();
        if outcome == Outcome::Ack {
            let count = taken
                .iter()
                .map(|taken| taken.numbers.end - taken.numbers.start);
            let count = count.sum();
            channel.entry.counts.acknowledged.add(count);
            self.shared.metrics.acknowledged.add(count);
        }
        for taken in taken {
            self.settle(taken.settlement(outcome));
        }
        Ok(())
    }

    /// Everything that is not settled comes back.
    pub(super) async fn recover(&mut self, number: u16, requeue: bool, answered: bool) -> Done {
        if !requeue {
            return Err(Refusal::not_implemented("requeue=false"));
        }
        let mut taken = Vec::new();
        let channel = self.channel(number)?;
        channel.unacked.take_all(&mut taken);
        channel.count_unacked();
        for taken in taken {
            self.settle(taken.settlement(Outcome::Nack { delay_ms: None }));
        }
        self.hand_over();
        self.answer(number, !answered, &RecoverOk {});
        Ok(())
    }
}
