//! The coordinator's promises, by topic.
