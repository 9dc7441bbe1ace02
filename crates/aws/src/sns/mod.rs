//! SNS: topics, and who is told of what is published to them.
//!
//! | module | what it is |
//! |---|---|
//! | [`filter`] | which messages of a topic a subscription wants |

pub mod filter;
