//! Reading partitions from where they stand, round after round.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use forebay_kafka::client::{Client, ClientError, FetchFrom, FetchLimits, Fetched};
use forebay_kafka::protocol::ErrorCode;
use forebay_record::{Batches, Error as RecordError};

use super::printer::Printer;
use crate::cli::bounds::Bounds;
use crate::cli::failure::{Cause, Failure};
use crate::cli::terminal;

/// How long the broker waits for data before it says that there is none.
const WAIT: Duration = Duration::from_millis(500);
/// What one partition and one answer may take, as Kafka's consumers ask for by default.
const PARTITION_BYTES: i32 = 1 << 20;
const ANSWER_BYTES: i32 = 50 << 20;
/// Pause before a broker that went away is tried again.
const BACKOFF: Duration = Duration::from_millis(500);

/// Where a partition is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) next: i64,
    /// Where to end; nowhere when new records are waited for.
    pub(super) end: Option<i64>,
}

impl Place {
    fn is_done(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

/// What a round brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// There may be more.
    More,
    /// Nothing for now.
    Nothing,
    /// All that was wanted is printed.
    Done,
}

/// Reads some partitions of a topic.
pub(super) struct Reader {
    client: Client,
    topic: String,
    places: BTreeMap<i32, Place>,
    /// How many rounds there were: each asks for another partition first.
    rounds: usize,
    /// Since when the broker has been away.
    away: Option<Instant>,
    /// How long a broker may be away.
    patience: Duration,
}

impl Reader {
    pub(super) fn new(
        client: &Client,
        topic: &str,
        places: BTreeMap<i32, Place>,
        patience: Duration,
    ) -> Self {
        Self {
            client: client.clone(),
            topic: topic.to_owned(),
            places,
            rounds: 0,
            away: None,
            patience,
        }
    }

    pub(super) fn places(&self) -> &BTreeMap<i32, Place> {
        &self.places
    }

    /// Fetches once. Dropping it half-way loses nothing: places move in [`Self::print`] only.
    pub(super) async fn fetch(&mut self) -> Result<Vec<Fetched>, Failure> {
        let mut wanted: Vec<FetchFrom> = self
            .places
            .iter()
            .filter(|(_, place)| !place.is_done())
            .map(|(partition, place)| FetchFrom {
                topic: self.topic.clone(),
                partition: *partition,
                offset: place.next,
                max_bytes: PARTITION_BYTES,
            })
            .collect();
        if wanted.is_empty() {
            tokio::time::sleep(if self.places.is_empty() {
                WAIT
            } else {
                Duration::ZERO
            })
            .await;
            return Ok(Vec::new());
        }
        // An answer is filled in the order of the question, so the first one must not be the same
        // partition each time.
        let first = self.rounds % wanted.len();
        wanted.rotate_left(first);
        let limits = FetchLimits {
            min_bytes: 1,
            max_bytes: ANSWER_BYTES,
            max_wait: WAIT,
        };
        match self.client.fetch(&wanted, limits).await {
            Ok(fetched) => {
                self.rounds += 1;
                Ok(fetched)
            }
            Err(error) if error.is_outage() || error.is_transient() => {
                self.wait_for_broker(error).await?;
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A broker may be restarted under a reader.
    async fn wait_for_broker(&mut self, error: ClientError) -> Result<(), Failure> {
        let since = *self.away.get_or_insert_with(|| {
            terminal::note(&format!("{error}; trying again"));
            Instant::now()
        });
        if since.elapsed() >= self.patience {
            return Err(error.into());
        }
        tokio::time::sleep(BACKOFF).await;
        Ok(())
    }

    /// Prints what was fetched and moves on.
    pub(super) async fn print(
        &mut self,
        fetched: &[Fetched],
        printer: &mut Printer,
    ) -> Result<Round, Failure> {
        let mut bytes = 0;
        if !fetched.is_empty() && fetched.iter().all(|found| found.error.is_none()) {
            self.away = None;
        }
        for found in fetched {
            if let Some(error) = &found.error {
                self.fault(found, error).await?;
                // Nothing was read, which says nothing about what there is.
                bytes += 1;
                continue;
            }
            bytes += found.records.len();
            if let Some(place) = self.places.get_mut(&found.partition) {
                print_partition(found, place, printer)?;
            }
        }
        printer.flush()?;
        let is_done = |place: &Place| place.is_done();
        Ok(
            if printer.is_done() || !self.places.is_empty() && self.places.values().all(is_done) {
                Round::Done
            } else if bytes == 0 && self.away.is_none() {
                Round::Nothing
            } else {
                Round::More
            },
        )
    }

    async fn fault(&mut self, found: &Fetched, error: &ClientError) -> Result<(), Failure> {
        let partition = found.partition;
        if error.code() == Some(ErrorCode::OffsetOutOfRange) {
            let bounds = Bounds::of(&self.client, &self.topic, &[partition]).await?;
            let (Some(place), Some(bounds)) =
                (self.places.get_mut(&partition), bounds.get(&partition))
            else {
                return Ok(());
            };
            let next = place.next.clamp(bounds.first, bounds.end);
            terminal::note(&format!(
                "offset {} of {}[{partition}] is gone; going on from {next}",
                place.next, self.topic
            ));
            place.next = next;
            return Ok(());
        }
        if error.is_transient() {
            return self.wait_for_broker(error.clone()).await;
        }
        Err(error.clone().into())
    }
}

fn print_partition(
    found: &Fetched,
    place: &mut Place,
    printer: &mut Printer,
) -> Result<(), Failure> {
    for batch in Batches::new(&found.records) {
        if printer.is_done() || place.is_done() {
            break;
        }
        let batch = match batch {
            Ok(batch) => batch,
            // Answers are cut where they are full.
            Err(RecordError::Truncated { .. }) => break,
            Err(error) => {
                let message = format!(
                    "damaged data at offset {} of {}[{}]: {error}",
                    place.next, found.topic, found.partition
                );
                return Err(Failure::new(Cause::Failed, message));
            }
        };
        place.next = printer.batch(&found.topic, found.partition, &batch, place.next, place.end)?;
    }
    Ok(())
}
