//! Class tx: publishes and settlements that happen when they are committed.

use forebay_broker::host::{PublishError, Published};

use super::{Done, not_for_us};
use crate::amqp091::method::tx::{CommitOk, Method, RollbackOk, SelectOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::channel::{Mode, Transaction};
use crate::amqp091::session::errors::{self, Refusal};
use crate::registry::ChannelMode;

impl Session<'_> {
    pub(super) async fn tx(&mut self, number: u16, method: &Method) -> Done {
        match method {
            Method::Select(_) => {
                let channel = self.channel(number)?;
                match channel.mode {
                    Mode::Plain => {
                        channel.mode = Mode::Transaction(Transaction::default());
                        channel.entry.set_mode(ChannelMode::Transaction);
                    }
                    Mode::Transaction(_) => {}
                    Mode::Confirm { .. } => {
                        return Err(Refusal::precondition(
                            "cannot switch from confirm to tx mode",
                        ));
                    }
                }
                self.answer(number, false, &SelectOk {});
                Ok(())
            }
            Method::Commit(_) => {
                let transaction = self.take_transaction(number)?;
                self.commit(number, transaction).await?;
                self.answer(number, false, &CommitOk {});
                Ok(())
            }
            Method::Rollback(_) => {
                // What was settled within is unsettled again, and its tags are as before.
                let transaction = self.take_transaction(number)?;
                let channel = self.channel(number)?;
                let taken = transaction.settled.into_iter().map(|(taken, _)| taken);
                channel.unacked.put_back(taken.collect());
                channel.count_unacked();
                self.answer(number, false, &RollbackOk {});
                Ok(())
            }
            method => Err(not_for_us(method)),
        }
    }

    fn take_transaction(&mut self, number: u16) -> Result<Transaction, Refusal> {
        match &mut self.channel(number)?.mode {
            Mode::Transaction(transaction) => Ok(std::mem::take(transaction)),
            _ => Err(Refusal::precondition("channel is not transactional")),
        }
    }

    /// Publishes and settles, and waits until both are durable.
    async fn commit(&mut self, number: u16, mut transaction: Transaction) -> Done {
        let broker = &self.shared.broker;
        let publications = transaction.publications.iter_mut();
        for (publication, slot) in publications.zip(&mut transaction.slots) {
            if self.shared.replies.send(self.host.id(), publication) {
                slot.returned = None;
            }
        }
        let published = self.host.publish(transaction.publications);
        let settled = transaction.settled.into_iter();
        let settlements = settled.map(|(taken, outcome)| taken.settlement(outcome));
        let settlements: Vec<_> = settlements
            .filter_map(|settlement| self.streams.settle(settlement))
            .collect();
        let settled = broker.settle_durably(settlements);
        let outcomes = published.await;
        settled
            .await
            .map_err(|error| self.named_queue(b"").refusal(error))?;
        let mut refused = None;
        for (slot, outcome) in transaction.slots.iter().zip(outcomes) {
            match (outcome, &slot.returned) {
                (Ok(Published::Unroutable), Some(returned)) => self.give_back(number, returned),
                (Ok(Published::Refused) | Err(PublishError::StorageFull), _) => {
                    refused = Some(Refusal::precondition("partial tx completion"));
                }
                (Ok(_), _) => {}
                (Err(error), _) => refused = Some(errors::publish(&self.access.vhost, &error)),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}
