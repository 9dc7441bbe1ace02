//! All groups at one point of the journal.
//!
//! Layout: `version u8 (1), list<group str, generation option<GenerationRecord>, topics list<topic
//! str, partitions list<partition i32, CommittedOffset>>>`. A snapshot taken while a group rebalances
//! has its last stored generation, as the journal before it has.

use std::sync::Arc;

use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::GroupCoordinator;
use super::classic::ClassicGroup;
use super::config::GroupConfig;
use super::record::{CommittedOffset, GenerationRecord, group_id, topic_name};

const VERSION: u8 = 1;

impl GroupCoordinator {
    /// Appends everything that the events so far have built.
    pub fn snapshot(&self, encoder: &mut Encoder) {
        let saved: Vec<&ClassicGroup> = self
            .groups
            .values()
            .filter(|group| !group.saved.is_empty())
            .collect();
        encoder.u8(VERSION).list(saved, |encoder, group| {
            encoder
                .str(group.id.as_str())
                .option(group.saved.generation(), |encoder, record| {
                    record.encode(encoder)
                })
                .list(group.saved.topics(), |encoder, (topic, partitions)| {
                    encoder.str(topic.as_str()).list(
                        partitions,
                        |encoder, (partition, committed)| {
                            committed.encode(encoder.i32(*partition));
                        },
                    );
                });
        });
    }

    /// Takes what [`Self::snapshot`] wrote. Later events are applied to the result, then it is
    /// [opened](Self::open).
    pub fn restore(decoder: &mut Decoder<'_>, config: GroupConfig) -> Result<Self, DecodeError> {
        if decoder.u8()? != VERSION {
            return Err(DecodeError::Invalid {
                what: "version of group snapshot",
            });
        }
        let mut coordinator = Self::new(config);
        let groups = decoder.list(|decoder| {
            let mut group = ClassicGroup::new(group_id(decoder)?);
            if let Some(record) = decoder.option(GenerationRecord::decode)? {
                group.saved.store_generation(Arc::new(record));
            }
            decoder.list(|decoder| {
                let topic = topic_name(decoder)?;
                decoder.list(|decoder| {
                    let partition = decoder.i32()?;
                    group
                        .saved
                        .put_offset(&topic, partition, CommittedOffset::decode(decoder)?);
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(group)
        })?;
        coordinator.groups = groups
            .into_iter()
            .map(|group| (group.id.clone(), group))
            .collect();
        Ok(coordinator)
    }
}
