//! Receiving, and deleting what was received.

use std::io;

use super::connection::Connection;
use super::fields::Field;
use super::queue::{NUMBER_DIGITS, Queue};

/// A consumer's requests, and what it has received last.
pub(super) struct Taking {
    queue: Queue,
    receive: Vec<u8>,
    handles: Field,
    bodies: Field,
    delete: Vec<u8>,
}

impl Taking {
    /// Up to so many messages at a time; waits for the first so long.
    pub(super) fn new(queue: &Queue, most: usize, wait_seconds: u32) -> Self {
        Self {
            queue: queue.clone(),
            receive: queue.receive(most, wait_seconds),
            handles: Field::new("\"ReceiptHandle\""),
            bodies: Field::new("\"Body\""),
            delete: Vec::new(),
        }
    }

    /// How many messages came.
    pub(super) async fn receive(&mut self, connection: &mut Connection) -> io::Result<usize> {
        let answer = connection.call(&self.receive).await?;
        Ok(prepare_delete(
            &self.queue,
            &self.handles,
            answer,
            &mut self.delete,
        ))
    }

    /// The numbers that the messages that came begin with.
    pub(super) async fn receive_numbered(
        &mut self,
        connection: &mut Connection,
    ) -> io::Result<Vec<u64>> {
        let answer = connection.call(&self.receive).await?;
        let received = prepare_delete(&self.queue, &self.handles, answer, &mut self.delete);
        let numbers: Vec<_> = self.bodies.values(answer).filter_map(number).collect();
        if numbers.len() != received {
            return Err(io::Error::other("a message is not of this load"));
        }
        Ok(numbers)
    }

    /// The request that deletes what came last.
    pub(super) fn delete(&self) -> &[u8] {
        &self.delete
    }
}

fn prepare_delete(queue: &Queue, handles: &Field, answer: &[u8], delete: &mut Vec<u8>) -> usize {
    let handles: Vec<_> = handles.values(answer).collect();
    if !handles.is_empty() {
        *delete = queue.delete(&handles);
    }
    handles.len()
}

fn number(body: &[u8]) -> Option<u64> {
    std::str::from_utf8(body.get(..NUMBER_DIGITS)?)
        .ok()?
        .parse()
        .ok()
}

/// Fails if a batch was refused in part.
pub(super) fn require_deleted(answer: &[u8]) -> io::Result<()> {
    if Field::new("\"Code\"").values(answer).next().is_none() {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(answer);
    Err(io::Error::other(format!("not deleted: {answer}")))
}
