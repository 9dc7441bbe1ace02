//! Exchanges, queues and consumers of a whole broker on a simulated disk.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod consuming;
mod delaying;
mod dying;
mod forwarding;
mod harness;
mod inspecting;
mod leasing;
mod paging;
mod peeking;
mod policies;
mod recovering;
mod redriving;
mod routing;
mod runs;
mod sharing;
mod stream_policies;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod topics;
mod turns;
mod virtual_hosts;
