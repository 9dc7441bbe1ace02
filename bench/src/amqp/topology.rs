//! Exchanges and queues that messages go through, and who gets which.

use std::io;

use super::connection::Connection;

/// How a message finds its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// By the name of one queue, all queues in turn.
    Direct,
    /// To every queue.
    Fanout,
    /// By a pattern of so many, all in turn, that lead to the queues in turn.
    Topic {
        /// How many patterns are bound.
        bindings: usize,
    },
}

/// What is declared.
#[derive(Clone, Debug)]
pub struct Topology {
    /// How messages are routed.
    pub shape: Shape,
    /// Queues, and the exchange, are called this and their number.
    pub name: String,
    /// How many queues.
    pub queues: usize,
    /// They are quorum queues, where the broker has those.
    pub quorum: bool,
}

impl Topology {
    /// Names of all queues.
    pub(super) fn queues(&self) -> Vec<String> {
        (0..self.queues)
            .map(|number| format!("{}-{number}", self.name))
            .collect()
    }

    /// Makes the queues, empties them, and makes what leads to them.
    pub(super) fn declare(&self, connection: &mut Connection) -> io::Result<()> {
        let queues = self.queues();
        for queue in &queues {
            connection.declare_queue(queue, self.quorum)?;
            connection.purge(queue)?;
        }
        match self.shape {
            Shape::Direct => Ok(()),
            Shape::Fanout => {
                connection.declare_exchange(&self.name, "fanout")?;
                let mut queues = queues.iter();
                queues.try_for_each(|queue| connection.bind(queue, &self.name, ""))
            }
            Shape::Topic { bindings } => {
                connection.declare_exchange(&self.name, "topic")?;
                (0..bindings).try_for_each(|number| {
                    let queue = &queues[number % queues.len()];
                    connection.bind(queue, &self.name, &format!("site.{number}.*"))
                })
            }
        }
    }

    /// Exchange and routing key of the first messages, which those behind them repeat.
    pub(super) fn addresses(&self) -> Vec<(String, String)> {
        match self.shape {
            Shape::Direct => {
                let queues = self.queues().into_iter();
                queues.map(|queue| (String::new(), queue)).collect()
            }
            Shape::Fanout => vec![(self.name.clone(), String::new())],
            Shape::Topic { bindings } => (0..bindings)
                .map(|number| (self.name.clone(), format!("site.{number}.temperature")))
                .collect(),
        }
    }

    /// In how many queues a message ends up.
    pub(super) fn copies(&self) -> u64 {
        match self.shape {
            Shape::Direct | Shape::Topic { .. } => 1,
            Shape::Fanout => self.queues as u64,
        }
    }

    /// How many of a publisher's messages end up in the queue of that number.
    pub(super) fn share(&self, queue: usize, messages: u64) -> u64 {
        let all = self.queues as u64;
        match self.shape {
            Shape::Fanout => messages,
            Shape::Direct => messages / all + u64::from((queue as u64) < messages % all),
            Shape::Topic { bindings } => {
                let bindings = bindings as u64;
                let of_a_turn = |from: u64| from / all + u64::from((queue as u64) < from % all);
                messages / bindings * of_a_turn(bindings) + of_a_turn(messages % bindings)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_queues_are_all_copies() {
        let topic = |bindings| Shape::Topic { bindings };
        for shape in [Shape::Direct, Shape::Fanout, topic(10), topic(7)] {
            let topology = Topology {
                shape,
                name: "load".to_owned(),
                queues: 3,
                quorum: false,
            };
            for messages in [0, 1, 20, 31] {
                let shares = (0..3).map(|queue| topology.share(queue, messages));
                assert_eq!(shares.sum::<u64>(), messages * topology.copies());
            }
        }
    }
}
