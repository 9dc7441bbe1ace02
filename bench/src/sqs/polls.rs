//! Receivers that wait for what does not come.

use std::io;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::load::{all_of, on_one_thread};
use super::queue::Endpoint;

/// The longest wait there is.
const WAIT_SECONDS: u32 = 20;

/// Many receivers of an empty queue.
#[derive(Clone, Debug)]
pub struct Polls {
    /// Where.
    pub endpoint: Endpoint,
    /// How many, each on a connection of its own.
    pub count: usize,
}

impl Polls {
    /// Has them wait, again and again; calls `waiting` when all of them do. Ends only if something fails.
    pub fn run(&self, waiting: impl FnOnce()) -> io::Result<()> {
        on_one_thread(async {
            let queue = self.endpoint.open().await?;
            let receive: Arc<[u8]> = queue.receive(1, WAIT_SECONDS).into();
            let at_once = queue.receive(1, 0);
            let mut polls = JoinSet::new();
            for _ in 0..self.count {
                let (mut connection, receive) = (queue.connect().await?, Arc::clone(&receive));
                // The server has taken it when it answers: no more are on their way than it has room for.
                connection.call(&at_once).await?;
                polls.spawn(async move {
                    loop {
                        connection.call(&receive).await?;
                    }
                });
            }
            // Each has written its request before this goes on.
            tokio::task::yield_now().await;
            waiting();
            all_of::<()>(polls).await.map(drop)
        })
    }
}
