//! What is checked and changed about a producer's batch before it reaches the shard: everything that
//! needs no state, so it runs on the connection's own thread.

use bytes::BytesMut;
use forebay_record::{Batch, BatchHeader, Error as RecordError, patch_log_append_time};
use forebay_storage::Now;

use crate::error::AppendError;
use crate::limits::{BATCH_DECOMPRESSED_BYTES_MAX, BATCH_EXPANSION_MAX};
use crate::machine::Append;
use crate::machine::Prepared;
use crate::topic::TopicConfig;
use crate::topic::config::TimestampType;

/// Checks a batch against its topic's rules and makes it what is stored.
pub(crate) fn prepare(append: Append, now: Now) -> Result<Prepared, AppendError> {
    let Append {
        topic,
        partition,
        mut batch,
    } = append;
    let log = topic
        .partition(partition)
        .ok_or(AppendError::UnknownPartition)?
        .id();
    let config = &topic.config;
    let header = validate(&batch, config, now)?;
    if let Some(codec) = config.compression
        && header.compression().is_ok_and(|given| given != codec)
    {
        let rewritten = open(&batch, config)?.recompress(codec).map_err(refusal)?;
        batch = BytesMut::from(&rewritten[..]);
    }
    let log_append_time_ms = match config.timestamp_type {
        TimestampType::CreateTime => None,
        TimestampType::LogAppendTime => {
            patch_log_append_time(&mut batch, now.wall_ms).map_err(refusal)?;
            Some(now.wall_ms)
        }
    };
    // Checked again: recompression may have made it larger.
    if batch.len() > config.batch_bytes_max {
        return Err(AppendError::TooLarge {
            bytes: batch.len(),
            limit: config.batch_bytes_max,
        });
    }
    Ok(Prepared {
        log,
        header,
        batch,
        durability: config.durability,
        log_append_time_ms,
    })
}

fn validate(bytes: &[u8], config: &TopicConfig, now: Now) -> Result<BatchHeader, AppendError> {
    let batch = Batch::only(bytes).map_err(refusal)?;
    if bytes.len() > config.batch_bytes_max {
        return Err(AppendError::TooLarge {
            bytes: bytes.len(),
            limit: config.batch_bytes_max,
        });
    }
    batch.validate_produced().map_err(refusal)?;
    let header = *batch.header();
    if header.is_transactional() {
        return Err(AppendError::Invalid(
            "transactions are not supported yet".to_owned(),
        ));
    }
    if config.timestamp_type == TimestampType::CreateTime && header.max_timestamp >= 0 {
        let ahead = header.max_timestamp.saturating_sub(now.wall_ms);
        let behind = now.wall_ms.saturating_sub(header.max_timestamp);
        if ahead > config.timestamp_ahead_ms || behind > config.timestamp_behind_ms {
            let what = format!(
                "timestamp {} is too far from the broker's clock at {}",
                header.max_timestamp, now.wall_ms
            );
            return Err(AppendError::Timestamp(what));
        }
    }
    if config.policy.compaction.is_some() {
        let summary = open(bytes, config)?.validate().map_err(refusal)?;
        if summary.first_without_key.is_some() {
            let what = "a record without a key cannot go to a compacted topic";
            return Err(AppendError::Invalid(what.to_owned()));
        }
    } else if config.compression.is_some() {
        open(bytes, config)?.validate().map_err(refusal)?;
    }
    Ok(header)
}

fn open<'a>(
    bytes: &'a [u8],
    config: &TopicConfig,
) -> Result<forebay_record::RecordSet<'a>, AppendError> {
    let limit = config.batch_bytes_max.saturating_mul(BATCH_EXPANSION_MAX);
    Batch::only(bytes)
        .and_then(|batch| batch.records(limit.min(BATCH_DECOMPRESSED_BYTES_MAX)))
        .map_err(refusal)
}

fn refusal(error: RecordError) -> AppendError {
    let what = error.to_string();
    match error {
        RecordError::Truncated { .. }
        | RecordError::Length { .. }
        | RecordError::Checksum { .. } => AppendError::Corrupt(what),
        // Kafka 4 says so of the formats that it no longer takes; what never was a format is damage.
        RecordError::Magic { magic: 0 | 1 } => AppendError::Invalid(what),
        RecordError::Magic { .. } => AppendError::Corrupt(what),
        RecordError::Codec { .. } => AppendError::UnknownCodec(what),
        RecordError::Timestamp { .. } => AppendError::Timestamp(what),
        _ => AppendError::Invalid(what),
    }
}
