//! `consume --group`: reading what the group gives us, committing what was printed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use forebay_kafka::client::{Beat, Client, ClientError, Member, MemberOptions, NewOffset};
use forebay_kafka::protocol::ErrorCode;

use super::printer::Printer;
use super::reader::{Place, Reader, Round};
use crate::cli::bounds::Bounds;
use crate::cli::failure::{Cause, Failure};
use crate::cli::interrupt::unless_interrupted;
use crate::cli::terminal;
use crate::signals::Stop;

/// Time between heartbeats: several fit in a session, and a change of the group is noticed soon.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// Time between commits: how much is printed again after a crash.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// A member that reads for `consume`.
pub(super) struct Membership {
    client: Client,
    member: Member,
    group: String,
    topic: String,
    follow: bool,
    patience: Duration,
    /// What was committed last, or stood there when we came.
    committed: BTreeMap<i32, i64>,
}

/// Why reading an assignment came to its end.
enum Ending {
    /// The group changes; join again.
    Changed,
    /// All is printed, or somebody pressed Ctrl-C.
    Finished,
}

impl Membership {
    pub(super) fn new(
        client: &Client,
        group: &str,
        topic: &str,
        follow: bool,
        patience: Duration,
    ) -> Self {
        let topics = [topic.to_owned()];
        Self {
            client: client.clone(),
            member: client.member(group, &topics, MemberOptions::default()),
            group: group.to_owned(),
            topic: topic.to_owned(),
            follow,
            patience,
            committed: BTreeMap::new(),
        }
    }

    /// Reads until the end or Ctrl-C, and leaves the group in any case.
    pub(super) async fn run(
        mut self,
        printer: &mut Printer,
        stop: &mut Stop,
    ) -> Result<(), Failure> {
        let result = self.read(printer, stop).await;
        // The first failure is the one to tell; a member that cannot leave is thrown out later.
        let left = self.member.leave().await;
        result?;
        Ok(left?)
    }

    async fn read(&mut self, printer: &mut Printer, stop: &mut Stop) -> Result<(), Failure> {
        loop {
            let Some(joined) = unless_interrupted(stop, self.join()).await else {
                return Ok(());
            };
            let mut reader = joined?;
            let ending = self.read_assignment(&mut reader, printer, stop).await;
            // Also after a failure: what was printed was printed. A reader that has gone away
            // failed while its records were printed, and may not have seen the last ones.
            let committed = self.commit(&reader).await;
            match ending? {
                Ending::Finished => return committed,
                Ending::Changed => committed?,
            }
        }
    }

    /// Joins the group, and finds out where to go on.
    async fn join(&mut self) -> Result<Reader, Failure> {
        let mut assigned = self.member.join().await?;
        let partitions = assigned.remove(&self.topic).unwrap_or_default();
        if terminal::is_watched() {
            terminal::note(&match partitions.is_empty() {
                true => format!("in group {}: no partition is left for us", self.group),
                false => format!("in group {}: reading partitions {partitions:?}", self.group),
            });
        }
        let bounds = Bounds::of(&self.client, &self.topic, &partitions).await?;
        let asked = BTreeMap::from([(self.topic.clone(), partitions)]);
        self.committed.clear();
        for found in self.client.fetch_offsets(&self.group, Some(&asked)).await? {
            if let Some(offset) = found.offset {
                self.committed.insert(found.partition, offset);
            }
        }
        let places = bounds.into_iter().map(|(partition, bounds)| {
            let committed = self.committed.get(&partition);
            let place = Place {
                next: committed.copied().unwrap_or(bounds.first),
                end: (!self.follow).then_some(bounds.end),
            };
            (partition, place)
        });
        let places = places.collect();
        Ok(Reader::new(
            &self.client,
            &self.topic,
            places,
            self.patience,
        ))
    }

    async fn read_assignment(
        &mut self,
        reader: &mut Reader,
        printer: &mut Printer,
        stop: &mut Stop,
    ) -> Result<Ending, Failure> {
        let mut beaten = Instant::now();
        let mut committed = Instant::now();
        loop {
            let Some(fetched) = unless_interrupted(stop, reader.fetch()).await else {
                return Ok(Ending::Finished);
            };
            let round = reader.print(&fetched?, printer).await?;
            let is_over = match round {
                Round::Done => true,
                Round::Nothing => !self.follow,
                Round::More => false,
            };
            if is_over {
                return Ok(Ending::Finished);
            }
            if committed.elapsed() >= COMMIT_EVERY {
                match self.commit(reader).await {
                    // The reader notices as well, and knows how long to wait.
                    Err(failure) if failure.cause == Cause::Unreachable => {}
                    result => result?,
                }
                committed = Instant::now();
            }
            if beaten.elapsed() >= HEARTBEAT_EVERY {
                match self.member.heartbeat().await {
                    Ok(Beat::Steady) => {}
                    Ok(Beat::Rejoin) => return Ok(Ending::Changed),
                    // As above.
                    Err(error) if error.is_outage() => {}
                    Err(error) => return Err(error.into()),
                }
                beaten = Instant::now();
            }
        }
    }

    /// Commits what has moved.
    async fn commit(&mut self, reader: &Reader) -> Result<(), Failure> {
        let moved = |(partition, place): (&i32, &Place)| {
            let before = self.committed.get(partition).copied();
            (before != Some(place.next)).then(|| NewOffset {
                topic: self.topic.clone(),
                partition: *partition,
                offset: place.next,
            })
        };
        let offsets: Vec<NewOffset> = reader.places().iter().filter_map(moved).collect();
        if offsets.is_empty() {
            return Ok(());
        }
        match self.member.commit(&offsets).await {
            Ok(()) => {
                let new = offsets.iter().map(|new| (new.partition, new.offset));
                self.committed.extend(new);
                Ok(())
            }
            Err(error) if has_moved_on(&error) => {
                terminal::note(&format!(
                    "group {} went on without us; what was printed since the last commit is \
                     read again",
                    self.group
                ));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the group no longer knows us as we are; the next heartbeat says so as well.
fn has_moved_on(error: &ClientError) -> bool {
    matches!(
        error.code(),
        Some(
            ErrorCode::RebalanceInProgress
                | ErrorCode::IllegalGeneration
                | ErrorCode::UnknownMemberId
        )
    )
}
