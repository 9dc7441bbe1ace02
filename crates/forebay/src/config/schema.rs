//! The one table of options. Flags, help, `FOREBAY_*` variables, TOML keys, `--print-config` and
//! docs/configuration.md are all made from it, so an option is described here and nowhere else.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::address::{HostPort, Listen};
use super::log_filter::LogFilter;
use super::product::{Product, ProductVersion};
use super::setting::{Auto, Durability, Limit, LogFormat, Region, Setting};
use super::units::ByteSize;

/// A group of options in help and documents.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) options: &'static [OptionSpec],
}

/// One option.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    /// The TOML key, and the flag without its dashes.
    pub(crate) name: &'static str,
    /// In the form in which a user would write it.
    pub(crate) default: &'static str,
    pub(crate) placeholder: &'static str,
    /// The form that an error message asks for.
    pub(crate) expected: &'static str,
    /// Least and greatest value: bytes, milliseconds or a count.
    pub(crate) bounds: Option<(u64, u64)>,
    /// What Apache Kafka calls it, for people who come from there.
    pub(crate) kafka: &'static [&'static str],
    /// The first paragraph is the short help.
    pub(crate) doc: &'static [&'static str],
    read: fn(&str) -> Option<Shown>,
    show_magnitude: fn(u64) -> String,
    /// A flag that needs no value.
    pub(crate) is_switch: bool,
}

/// A value that was read, in the forms that print-outs need.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) json: Value,
    magnitude: Option<u64>,
}

impl OptionSpec {
    /// The environment variable: `max-connections` is `FOREBAY_MAX_CONNECTIONS`.
    pub(crate) fn env(&self) -> String {
        format!(
            "FOREBAY_{}",
            self.name.replace('-', "_").to_ascii_uppercase()
        )
    }

    /// Reads a value, or says which form was expected.
    pub(crate) fn read(&self, text: &str) -> Result<Shown, String> {
        let shown = (self.read)(text).ok_or_else(|| self.expected.to_owned())?;
        if let (Some(magnitude), Some((least, greatest))) = (shown.magnitude, self.bounds)
            && !(least..=greatest).contains(&magnitude)
        {
            return Err(self.show_bounds().expect("bounds were matched above"));
        }
        Ok(shown)
    }

    /// `1 to 10000`, in the option's own unit.
    pub(crate) fn show_bounds(&self) -> Option<String> {
        let show = self.show_magnitude;
        self.bounds
            .map(|(least, greatest)| format!("{} to {}", show(least), show(greatest)))
    }

    /// The description as paragraphs, source line breaks joined.
    pub(crate) fn paragraphs(&self) -> Vec<String> {
        let mut paragraphs = vec![String::new()];
        for line in self.doc.iter().map(|line| line.trim()) {
            let last = paragraphs.last_mut().expect("starts with one");
            if line.is_empty() {
                paragraphs.push(String::new());
            } else {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
        }
        paragraphs
    }
}

/// Every option, in the order of help and documents.
pub(crate) fn options() -> impl Iterator<Item = &'static OptionSpec> {
    SECTIONS.iter().flat_map(|section| section.options)
}

/// The option of this name.
pub(crate) fn find(name: &str) -> Option<&'static OptionSpec> {
    options().find(|option| option.name == name)
}

fn shown<T: Setting>(text: &str) -> Option<Shown> {
    T::parse(text).map(|value| Shown {
        text: value.show(),
        json: value.json(),
        magnitude: value.magnitude(),
    })
}

/// Makes the typed `Settings` and the table `SECTIONS` from one list.
macro_rules! settings {
    ($(
        $title:literal {$(
            $(#[doc = $doc:literal])+
            $field:ident $name:literal: $type:ty = $default:literal
                $(, in $least:literal ..= $greatest:literal)?
                $(, kafka $($kafka:literal)+)?
                $(, is $switch:ident)?;
        )+}
    )+) => {
        /// The configuration of a broker, read and checked.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct Settings {
            $($($(#[doc = $doc])+ pub(crate) $field: $type,)+)+
        }

        impl Settings {
            /// Builds the settings from the text of each option.
            ///
            /// # Panics
            /// If a text was not checked with [`OptionSpec::read`] before.
            pub(crate) fn from_checked<'a>(text_of: impl Fn(&str) -> &'a str) -> Self {
                Self {
                    $($($field: <$type as Setting>::parse(text_of($name))
                        .expect("every source is checked against the table"),)+)+
                }
            }
        }

        /// The table.
        pub(crate) static SECTIONS: &[Section] = &[$(Section {
            title: $title,
            options: &[$(OptionSpec {
                name: $name,
                default: $default,
                placeholder: <$type as Setting>::PLACEHOLDER,
                expected: <$type as Setting>::EXPECTED,
                bounds: settings!(@bounds $($least, $greatest)?),
                kafka: &[$($($kafka),+)?],
                doc: &[$($doc),+],
                read: shown::<$type>,
                show_magnitude: <$type as Setting>::show_magnitude,
                is_switch: settings!(@switch $($switch)?),
            },)+],
        },)+];
    };
    (@bounds) => { None };
    (@bounds $least:literal, $greatest:literal) => { Some(($least, $greatest)) };
    (@switch) => { false };
    (@switch switch) => { true };
}

settings! {
    "Listeners" {
        /// Where Kafka clients connect
        ///
        /// `host:port`, port 0 for any free port, or `off`. A host name that has both an IPv4
        /// and an IPv6 address is bound on the IPv4 one.
        kafka "kafka": Listen = "127.0.0.1:9092", kafka "listeners";

        /// The address that Kafka clients are told to connect to
        ///
        /// Clients ask any broker for this address and then use it for everything, so it must
        /// be reachable from where they run. `auto` tells them the bound address; a listener on
        /// `0.0.0.0` or `[::]` has no such address, there this option is required. Port 0 stands
        /// for the port that was bound.
        kafka_advertised "kafka-advertised": Auto<HostPort> = "auto",
            kafka "advertised.listeners";

        /// Where RabbitMQ clients connect (AMQP 0-9-1)
        ///
        /// `host:port`, port 0 for any free port, or `off`.
        amqp "amqp": Listen = "127.0.0.1:5672";

        /// What RabbitMQ clients are told that they talk to
        ///
        /// Libraries look at `product` and `version` in the broker's properties to learn what they may
        /// use. Forebay's own version is in `forebay_version`, whatever is said here.
        amqp_product "amqp-product": Product = "RabbitMQ";

        /// The version of RabbitMQ whose behaviour clients may count on
        amqp_version "amqp-version": ProductVersion = "4.3.6";

        /// Where AWS clients connect (SQS and SNS, HTTP)
        ///
        /// `host:port`, port 0 for any free port, or `off`.
        aws "aws": Listen = "127.0.0.1:4566";

        /// The region of AWS clients that name none
        ///
        /// Queues of account 000000000000 in this region are those of the virtual host `/`, which RabbitMQ clients
        /// use, too. Every other account and region has a virtual host of its own, `ACCOUNT/REGION`.
        aws_region "aws-region": Region = "us-east-1";

        /// A file of access keys; without one, AWS clients may have any credentials
        ///
        /// A line for each key: `ACCESS_KEY_ID SECRET_ACCESS_KEY ACCOUNT`, where the account, twelve digits, may be
        /// left out. Requests are then verified by AWS Signature Version 4, a key reaches its own account only, and the
        /// listener may be on any address.
        aws_access_keys "aws-access-keys": Option<PathBuf> = "";

        /// A file of certificate authorities, in PEM, of the endpoints that SNS sends to, beside those of the system
        sns_ca_file "sns-ca-file": Option<PathBuf> = "";

        /// Whether SNS signs what it sends to queues, as AWS does, and not only what it sends to endpoints
        ///
        /// A signature takes about half a millisecond of a core for each message, however many are subscribed.
        sns_sign_queues "sns-sign-queues": bool = "true";

        /// Refuse the name of a deleted queue for 60 seconds, as AWS does
        aws_queue_deleted_recently "aws-queue-deleted-recently": bool = "false", is switch;

        /// Where the management API, metrics and health checks are served (HTTP)
        ///
        /// `host:port`, port 0 for any free port, or `off`.
        admin "admin": Listen = "127.0.0.1:15672";

        /// Let anyone who can reach a listener use it
        ///
        /// Without credentials Forebay only listens on loopback addresses and refuses to start
        /// on others. This option lifts the refusal: use it only where the network itself
        /// keeps strangers out.
        allow_anonymous "allow-anonymous": bool = "false", is switch;

        /// A file of RabbitMQ's definitions to load at every start
        ///
        /// Virtual hosts, users, permissions, policies, exchanges, queues and bindings, as RabbitMQ's and
        /// Forebay's `GET /api/definitions` give them. What is there already stays as it is, but users,
        /// permissions and policies are put again. The broker does not start if the file cannot be loaded.
        load_definitions "load-definitions": Option<PathBuf> = "";

        /// A file to write once everything is ready
        ///
        /// It holds a JSON object from listener name to bound address, such as
        /// `{"kafka":"127.0.0.1:9092","amqp":"127.0.0.1:5672","admin":"127.0.0.1:15672"}`; a
        /// listener that is off is not in it. It appears in one step, a stale one is removed at start, and it is removed
        /// again at shutdown.
        ready_file "ready-file": Option<PathBuf> = "";
    }

    "Storage" {
        /// The folder that holds everything the broker keeps
        ///
        /// It is created if it is missing, and locked: one broker uses it at a time.
        data "data": PathBuf = "./forebay-data", kafka "log.dirs" "log.dir";

        /// What an acknowledgement promises, for topics that do not say otherwise
        ///
        /// `fsync` survives power loss, `os` survives a crash of the broker but not of the
        /// machine, `memory` is gone after a restart. A topic has its own level in
        /// `forebay.durability`.
        durability "durability": Durability = "fsync";

        /// Size of one journal file
        ///
        /// Files take their disk space ahead of use (filled with zeros, unless acknowledgements
        /// hardly ever wait for a sync) and are recycled, so this is also the step in which the
        /// journal takes disk space. A batch may fill at most a quarter of one. `auto` is 64 MiB,
        /// or less where the memory of the machine or container is scarce: then what is remembered
        /// while a file is sorted is less, too.
        journal_file_size "journal-file-size": Auto<ByteSize> = "auto",
            in 1_048_576 ..= 4_294_967_296;

        /// Memory for recent messages, shared by all topics
        ///
        /// A consumer that keeps up is served from here and never touches the disk. `auto` is 24 MiB,
        /// or less where the memory of the machine or container is scarce.
        tail_cache_size "tail-cache-size": Auto<ByteSize> = "auto",
            in 1_048_576 ..= 1_099_511_627_776;

        /// Free disk space below which producers are refused
        ///
        /// Producers then get an error that they retry, consumers go on, and writing resumes by
        /// itself when space returns. Keep it well above twice the journal file size. On a small disk
        /// it is a sixteenth of the disk, if that is less.
        disk_reserve "disk-reserve": ByteSize = "256MiB",
            in 67_108_864 ..= 1_125_899_906_842_624;

        /// How often topics are checked for messages beyond their retention
        retention_check_interval "retention-check-interval": Duration = "30s",
            in 100 ..= 86_400_000, kafka "log.retention.check.interval.ms";

        /// How often compacted topics are checked for keys to clean
        compaction_check_interval "compaction-check-interval": Duration = "15s",
            in 100 ..= 86_400_000, kafka "log.cleaner.backoff.ms";
    }

    "Topics" {
        /// Partitions of a topic that is created without a number of its own
        num_partitions "num-partitions": u32 = "1", in 1 ..= 10_000, kafka "num.partitions";

        /// Create a topic when a client first names it
        auto_create_topics "auto-create-topics": bool = "true",
            kafka "auto.create.topics.enable";

        /// How long messages are kept, for topics that do not say otherwise
        ///
        /// A duration or `unlimited`. A topic has its own value in `retention.ms`.
        retention "retention": Limit<Duration> = "7d",
            kafka "log.retention.ms" "log.retention.minutes" "log.retention.hours";

        /// How many bytes a partition keeps, for topics that do not say otherwise
        ///
        /// A size or `unlimited`. A topic has its own value in `retention.bytes`.
        retention_bytes "retention-bytes": Limit<ByteSize> = "unlimited",
            kafka "log.retention.bytes";

        /// The largest record batch a producer may send, for topics that do not say otherwise
        ///
        /// Measured as sent, so after compression. A topic has its own value in
        /// `max.message.bytes`.
        max_message_size "max-message-size": ByteSize = "1048588", in 1 ..= 1_073_741_824,
            kafka "message.max.bytes";
    }

    "Groups and producers" {
        /// How long a new group waits for more members before its first rebalance
        ///
        /// Zero hands out partitions at once. When many consumers start together, 3s saves
        /// them a few rebalances.
        group_initial_rebalance_delay "group-initial-rebalance-delay": Duration = "0s",
            in 0 ..= 300_000, kafka "group.initial.rebalance.delay.ms";

        /// How long committed offsets outlive the last member of their group
        offsets_retention "offsets-retention": Duration = "7d",
            in 60_000 ..= 315_360_000_000, kafka "offsets.retention.minutes";

        /// How long an idle idempotent producer is remembered
        ///
        /// Until then a message that it sends twice is stored once.
        producer_id_expiration "producer-id-expiration": Duration = "1d",
            in 1_000 ..= 315_360_000_000, kafka "producer.id.expiration.ms";
    }

    "Limits" {
        /// Connections of Kafka, of RabbitMQ and of AWS clients at one time
        ///
        /// So many of each; one more is closed at once. `auto` is 10000, or less where memory is scarce. The limit of
        /// open files is a bound too: a part of it is kept for the broker's own files.
        max_connections "max-connections": Auto<u32> = "auto", in 1 ..= 1_000_000,
            kafka "max.connections";

        /// The largest request a client may send
        max_frame_size "max-frame-size": ByteSize = "100MiB", in 1_024 ..= 2_147_483_647,
            kafka "socket.request.max.bytes";

        /// Memory for requests being served, over all connections
        ///
        /// When it is used up, sockets are read no further until answers have gone out. `auto` is
        /// 128 MiB, or less where the memory of the machine or container is scarce.
        request_memory "request-memory": Auto<ByteSize> = "auto",
            in 1_048_576 ..= 1_099_511_627_776, kafka "queued.max.request.bytes";

        /// Memory for answers that clients have not taken yet, over all connections
        ///
        /// When it is used up, fetches wait, and whoever takes its answer so slowly that it would
        /// not be done within 30 seconds is closed. `auto` is 128 MiB, or less where the memory of
        /// the machine or container is scarce.
        answer_memory "answer-memory": Auto<ByteSize> = "auto",
            in 1_048_576 ..= 1_099_511_627_776;

        /// How long a connection may be silent before it is closed
        ///
        /// Silent is who waits for no answer and sends nothing, or takes nothing of its answer.
        connection_idle_timeout "connection-idle-timeout": Duration = "10m",
            in 1_000 ..= 86_400_000, kafka "connections.max.idle.ms";

        /// How long a client may be silent in the middle of a request
        request_stall_timeout "request-stall-timeout": Duration = "30s",
            in 1_000 ..= 86_400_000;

        /// How long nothing is heard from a client's machine before it is asked whether it is there
        ///
        /// A machine that has lost its power or its network says no goodbye. It is asked four times
        /// (TCP keepalive), so its connection is closed after about twice this time.
        tcp_keepalive "tcp-keepalive": Duration = "1m", in 1_000 ..= 7_200_000;
    }

    "Process" {
        /// How long a shutdown waits for requests being served
        ///
        /// SIGTERM or SIGINT begins the shutdown; a second one ends it at once.
        shutdown_grace "shutdown-grace": Duration = "10s", in 0 ..= 3_600_000;

        /// Threads that serve connections
        ///
        /// `auto` takes one for each core, and two at least: a write to a disk that hangs may keep
        /// one of them.
        worker_threads "worker-threads": Auto<u32> = "auto", in 1 ..= 1_024,
            kafka "num.network.threads" "num.io.threads";

        /// What is logged to standard error
        ///
        /// A level (`error`, `warn`, `info`, `debug`, `trace`, `off`), also by module:
        /// `info,forebay_storage=debug`.
        log_level "log-level": LogFilter = "info";

        /// The shape of log lines: text or json
        ///
        /// With `json` the table that is printed at start becomes a log line too, so that
        /// a collector sees nothing but JSON.
        log_format "log-format": LogFormat = "text";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_is_valid_and_is_shown_as_it_is_written() {
        for option in options() {
            let shown = option.read(option.default);
            let shown = shown.unwrap_or_else(|e| panic!("{}: expected {e}", option.name));
            let again = option.read(&shown.text).unwrap();
            assert_eq!(again, shown, "{}", option.name);
        }
        let settings = Settings::from_checked(|name| find(name).unwrap().default);
        assert_eq!(settings.max_message_size, ByteSize(1_048_588));
        assert_eq!(settings.producer_id_expiration, Duration::from_secs(86_400));
    }

    #[test]
    fn names_are_unique_and_fit_flags_and_variables() {
        let mut seen = HashSet::new();
        for option in options() {
            assert!(seen.insert(option.name), "{} twice", option.name);
            assert!(
                option
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-')
            );
            assert!(
                !option.paragraphs()[0].ends_with('.'),
                "{}: short help",
                option.name
            );
        }
    }

    #[test]
    fn a_value_out_of_bounds_is_told_the_bounds_in_its_unit() {
        let refusal = |name: &str, text| find(name).unwrap().read(text).unwrap_err();
        assert_eq!(refusal("num-partitions", "0"), "1 to 10000");
        assert_eq!(refusal("journal-file-size", "1kB"), "1MiB to 4GiB");
        assert_eq!(refusal("shutdown-grace", "2h"), "0s to 1h");
        assert!(find("worker-threads").unwrap().read("auto").is_ok());
    }
}
