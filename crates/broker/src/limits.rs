//! Every bound of the broker, with its reason.

use std::time::Duration;

/// Partitions of one topic.
pub const TOPIC_PARTITIONS_MAX: usize = 100_000;
/// Partitions of all topics: each costs memory even when idle.
pub const PARTITIONS_MAX: usize = 1_000_000;
/// Bytes of a configuration value: what fits the two-byte length of Kafka's string type.
pub const CONFIG_VALUE_BYTES_MAX: usize = 32_767;
/// Producer ids that one journal event reserves; ids are plenty, events cost a sync.
pub const PRODUCER_ID_BLOCK: i64 = 1_000;
/// The most that one batch may decompress to where the broker has to look inside (topics that are
/// compacted or recompressed), as a multiple of the topic's largest batch: text compresses tenfold.
pub const BATCH_EXPANSION_MAX: usize = 16;
/// The most that one batch may decompress to, whatever the topic allows: each thread that serves
/// connections may hold this much.
pub const BATCH_DECOMPRESSED_BYTES_MAX: usize = 128 << 20;
/// Producers that a partition remembers. Ids are free, and each costs about 200 bytes for a day. Who
/// wrote longest ago is forgotten first: of a producer that is not remembered every batch is taken,
/// so it loses only the protection of a batch that it sends again after as many others have written.
pub const PRODUCERS_PER_PARTITION_MAX: usize = 10_000;
/// Share (1/n) of the producers that is forgotten at once, so that looking for them costs little an
/// append.
pub const PRODUCERS_FORGOTTEN_SHARE: usize = 8;
/// The weight of a binding to a consistent hash (RabbitMQ: the same). Weights are there to say that one
/// queue is to get more than another, and finer shares than this nobody can tell.
pub const CONSISTENT_HASH_WEIGHT_MAX: u64 = 10_000;
/// Queues there may be: an idle one costs a few kilobytes.
pub const QUEUES_MAX: usize = 1_000_000;
/// Exchanges there may be.
pub const EXCHANGES_MAX: usize = 100_000;
/// Bindings of one exchange: each costs a few hundred bytes.
pub const BINDINGS_PER_EXCHANGE_MAX: usize = 1_000_000;
/// Virtual hosts there may be.
pub const VIRTUAL_HOSTS_MAX: usize = 10_000;
/// Users there may be. A change copies the directory that they are in.
pub const USERS_MAX: usize = 10_000;
/// Policies there may be: each is held against the name of every queue that is declared.
pub const POLICIES_MAX: usize = 1_000;
/// Parameters of tools there may be.
pub const PARAMETERS_MAX: usize = 10_000;
/// Bytes of the name of a virtual host, a user or a policy: what a short string of AMQP holds.
pub const ACCESS_NAME_BYTES_MAX: usize = 255;
/// Bytes of a regular expression over names.
pub const PATTERN_BYTES_MAX: usize = 4_096;
/// Bytes that one may be compiled to.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 1 << 20;
/// Bytes of the definition of a policy, or of a parameter.
pub const PARAMETER_BYTES_MAX: usize = 64 << 10;
/// Bytes of changes that are made at once.
pub const ACCESS_CHANGES_BYTES_MAX: usize = 2 << 20;
/// Messages that are published as one batch: to find one of them costs a look at those before it.
pub const RUN_MESSAGES_MAX: usize = 64;
/// Bytes of such a batch: it is kept until the last of its messages is consumed.
pub const RUN_BYTES_MAX: usize = 16 << 10;
/// Messages that are looked at at once: the shard does nothing else in the meantime.
pub const PEEKED_MESSAGES_MAX: usize = 1_000;
/// Messages that are moved by hand at once, for the same reason.
pub const REDRIVEN_MESSAGES_MAX: usize = 256;
/// Subscriptions of queues to topics there may be: each is a task and a place in every partition.
pub const TOPIC_SUBSCRIPTIONS_MAX: usize = 10_000;
/// Bytes of batches that are read of a partition at once, to be given to a queue.
pub const FORWARD_READ_BYTES: usize = 256 << 10;
/// Messages that a queue is given at once: the shard does nothing else in the meantime.
pub const FORWARDED_MESSAGES_MAX: usize = 256;
/// Bytes of messages that a queue is given at once, if it is more than one: a share of what is committed at once.
pub const FORWARDED_BYTES_MAX: usize = 512 << 10;
/// Bytes of a record that becomes a message. What is larger no client of queues could have sent.
pub const FORWARDED_MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Partitions that are read for queues at once: each may take what a batch decompresses to.
pub const FORWARD_READS_AT_ONCE: usize = 4;
/// How long nothing is forwarded when the disk is full, or cannot be read.
pub const FORWARD_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How often the front of a queue's log is given back: each time is a record of the journal.
pub const QUEUE_TRIM_INTERVAL: Duration = Duration::from_secs(1);
/// The same in bytes of the journal, if that is sooner: what is consumed when a file of the journal is sorted need not
/// be copied.
pub const QUEUE_TRIM_BYTES: u64 = 8 << 20;
/// How often a publisher that waits for room in the journal is looked at.
pub const WAITING_PUBLISH_INTERVAL: Duration = Duration::from_millis(1);
