//! Every bound of the HTTP side, with its reason.

use std::time::Duration;

use forebay_broker::limits::{PEEKED_MESSAGES_MAX, TOPIC_PARTITIONS_MAX};

/// The largest request body. The largest honest one creates a topic and names every configuration.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// What a connection buffers of a request's head: room for a group id of the greatest length,
/// every byte of it percent-encoded.
pub const HEAD_BYTES_MAX: usize = 128 << 10;
/// Time for a request's head, and the longest a connection stays open without a request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a request's body and its answer together. A slow disk is given some of it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time for which a client may take nothing of an answer that waits for it.
pub const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the shard may take to answer before `/readyz` says that it does not.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Series of one kind (topics, partitions, groups, partitions of groups) on a page of metrics.
/// A monitoring system keeps every series for its whole retention, so what is beyond this is only
/// given to those who ask for it.
pub const SERIES_MAX: usize = 2_000;
/// Series of one kind on a page that was asked for with `per_object=true`: the three of every
/// partition of the largest topic there can be. About 20 MB of text, and a
/// few times that while the page is made.
pub const SERIES_PER_OBJECT_MAX: usize = 3 * TOPIC_PARTITIONS_MAX;
/// Pages with `per_object=true` that are in memory at one time, until their last byte is sent.
pub const PER_OBJECT_PAGES: usize = 2;
/// Questions about groups that a scrape has under way at one time: it shares the shard with
/// consumers that wait for their heartbeats.
pub const GROUP_QUESTIONS: usize = 64;
/// How long a scrape waits for groups; Prometheus itself waits ten seconds for the whole page.
pub const GROUPS_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages that are shown when the request does not say.
pub const MESSAGES_DEFAULT: usize = 50;
/// The most messages that are shown at once: as many as the broker looks at.
pub const MESSAGES_MAX: usize = PEEKED_MESSAGES_MAX;
/// Bytes of a body that are shown when the request does not say.
pub const BODY_SHOWN_DEFAULT: usize = 64 << 10;
/// Bytes of bodies that one request reads, whatever it shows of them.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Entries of a listing when the request does not say.
pub const LISTING_DEFAULT: usize = 1_000;
/// The most entries of a listing.
pub const LISTING_MAX: usize = 10_000;
