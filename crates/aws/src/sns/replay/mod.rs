//! The archive of a FIFO topic, told again to the queue of one subscription.
//!
//! While it is replayed a subscription is told nothing else: what is published meanwhile is in the archive behind what is
//! replayed, and has its turn there. So there is one order, and where the replay is, is all that a restart has to know.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-subscriber.html>
//!
//! | module | what it is |
//! |---|---|
//! | `policy` | from when until when |
//! | `progress` | how far it is |
//! | `replayer` | the task that tells |

mod policy;
mod progress;
mod replayer;

pub(crate) use self::policy::ReplayPolicy;
pub(crate) use self::progress::Replay;
pub(crate) use self::replayer::replay;
