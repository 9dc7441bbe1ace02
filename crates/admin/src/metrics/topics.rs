//! Topics and their partitions.

use forebay_broker::storage::LogReader;
use forebay_broker::topic::{Catalog, Topic};

use super::budget::Budgets;
use super::page::{LabelValue, Metric, Page};

const TOPICS: Metric = Metric::gauge("forebay_topics", "Topics there are.");
const ALL_PARTITIONS: Metric = Metric::gauge("forebay_partitions", "Partitions of all topics.");
const ALL_SIZE: Metric = Metric::gauge(
    "forebay_log_size_bytes",
    "Bytes of record batches kept in all partitions.",
);
const PARTITIONS: Metric = Metric::gauge("forebay_topic_partitions", "Partitions of the topic.");
const SIZE: Metric = Metric::gauge(
    "forebay_topic_size_bytes",
    "Bytes of record batches kept in the topic.",
);
const APPENDED_BYTES: Metric = Metric::counter(
    "forebay_topic_appended_bytes",
    "Bytes of record batches appended to the topic since the process started.",
);
const APPENDED_MESSAGES: Metric = Metric::counter(
    "forebay_topic_appended_messages",
    "Records appended to the topic since it was created.",
);
const FETCHED_BYTES: Metric = Metric::counter(
    "forebay_topic_fetched_bytes",
    "Bytes of record batches handed to consumers since the process started.",
);
const FETCHED_MESSAGES: Metric = Metric::counter(
    "forebay_topic_fetched_messages",
    "Records handed to consumers since the process started.",
);
const START_OFFSET: Metric = Metric::gauge(
    "forebay_topic_start_offset",
    "The first offset of the partition that can be read.",
);
const END_OFFSET: Metric = Metric::gauge(
    "forebay_topic_end_offset",
    "The offset after the partition's last durable record.",
);
const PARTITION_SIZE: Metric = Metric::gauge(
    "forebay_topic_partition_size_bytes",
    "Bytes of record batches kept in the partition.",
);

const SERIES_OF_A_TOPIC: usize = 6;
const SERIES_OF_A_PARTITION: usize = 3;

pub(super) fn read(catalog: &Catalog, budgets: &mut Budgets, page: &mut Page) {
    let topics = catalog.all();
    let (mut partitions, mut size) = (0, 0);
    for topic in &topics {
        partitions += topic.partitions.len();
        let topic_size = topic.partitions.iter().map(LogReader::bytes).sum();
        size += topic_size;
        if budgets.topics.take(SERIES_OF_A_TOPIC) {
            put_topic(topic, topic_size, page);
        }
        let series = SERIES_OF_A_PARTITION * topic.partitions.len();
        if budgets.partitions.take(series) {
            put_partitions(topic, page);
        }
    }
    page.put(&TOPICS, Vec::new(), topics.len());
    page.put(&ALL_PARTITIONS, Vec::new(), partitions);
    page.put(&ALL_SIZE, Vec::new(), size);
}

fn put_topic(topic: &Topic, size: u64, page: &mut Page) {
    let logs = &topic.partitions;
    let labels = || vec![("topic", topic.name.shared().into())];
    let bytes: u64 = logs.iter().map(LogReader::appended_bytes).sum();
    // Offsets are dense: what a log's end has passed is what was appended to it.
    let messages: u64 = logs.iter().map(LogReader::end_offset).sum();
    page.put(&PARTITIONS, labels(), logs.len());
    page.put(&SIZE, labels(), size);
    page.put(&APPENDED_BYTES, labels(), bytes);
    page.put(&APPENDED_MESSAGES, labels(), messages);
    let bytes: u64 = logs.iter().map(LogReader::fetched_bytes).sum();
    let messages: u64 = logs.iter().map(LogReader::fetched_records).sum();
    page.put(&FETCHED_BYTES, labels(), bytes);
    page.put(&FETCHED_MESSAGES, labels(), messages);
}

fn put_partitions(topic: &Topic, page: &mut Page) {
    for (index, log) in topic.partitions.iter().enumerate() {
        let labels = || {
            let partition = LabelValue::Number(index as u64);
            vec![
                ("topic", topic.name.shared().into()),
                ("partition", partition),
            ]
        };
        page.put(&START_OFFSET, labels(), log.start_offset());
        page.put(&END_OFFSET, labels(), log.end_offset());
        page.put(&PARTITION_SIZE, labels(), log.bytes());
    }
}
