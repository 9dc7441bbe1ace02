//! Consumer groups: members, state, committed offsets, lag. Only the shard knows them, so they are
//! asked for before the page is made, a few at a time.

use forebay_broker::group::{
    FetchOffsets, FetchedOffset, GroupCommand, GroupDescription, GroupListing, GroupReply,
    GroupState,
};
use forebay_broker::{Broker, GroupId};

use super::budget::Budgets;
use super::page::{LabelValue, Metric, Page};
use crate::api::lag;
use crate::limits;

const GROUPS: Metric = Metric::gauge("forebay_groups", "Consumer groups in each state.");
const COMPLETE: Metric = Metric::gauge(
    "forebay_metrics_groups_complete",
    "1 if the shard told everything about groups in time for this page.",
);
const MEMBERS: Metric = Metric::gauge("forebay_group_members", "Members of the group.");
const STATE: Metric = Metric::gauge(
    "forebay_group_state",
    "1 for the state that the group is in, 0 for the others.",
);
const LAG_SUM: Metric = Metric::gauge(
    "forebay_group_lag_sum",
    "Records between the group's committed offsets and the ends of their partitions, together.",
);
const LAG_MAX: Metric = Metric::gauge(
    "forebay_group_lag_max",
    "Records between the committed offset and the end of the partition where they are the most.",
);
const COMMITTED: Metric = Metric::gauge(
    "forebay_group_committed_offset",
    "The next offset that the group will read.",
);
const LAG: Metric = Metric::gauge(
    "forebay_group_lag",
    "Records between the group's committed offset and the end of the partition.",
);

/// The states that a group can be seen in.
const STATES: [GroupState; 4] = [
    GroupState::Empty,
    GroupState::PreparingRebalance,
    GroupState::CompletingRebalance,
    GroupState::Stable,
];
const SERIES_OF_A_GROUP: usize = 3 + STATES.len();
const SERIES_OF_A_GROUP_PARTITION: usize = 2;

/// What the shard told about groups.
#[derive(Debug, Default)]
pub(super) struct GroupReadings {
    /// None if it did not even list them.
    listed: Option<Vec<GroupListing>>,
    groups: Vec<GroupReading>,
    complete: bool,
}

#[derive(Debug)]
struct GroupReading {
    description: GroupDescription,
    offsets: Vec<FetchedOffset>,
}

impl GroupReadings {
    /// Asks for as many groups as the page has room for.
    pub(super) async fn gather(broker: &Broker, budgets: &mut Budgets) -> Self {
        let mut readings = Self::default();
        let gathering = readings.ask(broker, budgets);
        // What came before the time was over is shown.
        let in_time = tokio::time::timeout(limits::GROUPS_TIMEOUT, gathering).await;
        readings.complete = matches!(in_time, Ok(Some(())));
        readings
    }

    /// None if the broker has stopped.
    async fn ask(&mut self, broker: &Broker, budgets: &mut Budgets) -> Option<()> {
        let question = GroupCommand::List {
            states: Vec::new(),
            types: Vec::new(),
        };
        let Ok(GroupReply::Listed(listed)) = broker.group(question).await else {
            return None;
        };
        let groups = listed.iter().map(|listing| listing.group.clone());
        let groups = groups.filter(|_| budgets.groups.take(SERIES_OF_A_GROUP));
        let groups: Vec<GroupId> = groups.collect();
        self.listed = Some(listed);
        for some in groups.chunks(limits::GROUP_QUESTIONS / 2) {
            // Questions are on their way when they are made; awaiting them takes the answers.
            let questions: Vec<_> = some.iter().map(|group| questions(broker, group)).collect();
            for (described, fetched) in questions {
                let (described, fetched) = (described.await.ok()?, fetched.await.ok()?);
                // A group that has gone meanwhile is not on the page.
                if let GroupReply::Described(Ok(description)) = described
                    && let GroupReply::OffsetsFetched(offsets) = fetched
                {
                    self.groups.push(GroupReading {
                        description,
                        offsets,
                    });
                }
            }
        }
        Some(())
    }

    pub(super) fn put(&self, broker: &Broker, budgets: &mut Budgets, page: &mut Page) {
        page.put(&COMPLETE, Vec::new(), self.complete);
        if let Some(listed) = &self.listed {
            for state in STATES {
                let count = listed.iter().filter(|group| group.state == state).count();
                page.put(&GROUPS, vec![("state", state.as_str().into())], count);
            }
        }
        for group in &self.groups {
            group.put(broker, budgets, page);
        }
    }
}

type Answer = Result<GroupReply, forebay_broker::Stopped>;

fn questions(
    broker: &Broker,
    group: &GroupId,
) -> (
    impl Future<Output = Answer> + use<>,
    impl Future<Output = Answer> + use<>,
) {
    let describe = GroupCommand::Describe {
        group: group.clone(),
    };
    let fetch = GroupCommand::FetchOffsets(FetchOffsets {
        group: group.clone(),
        partitions: None,
    });
    (broker.group(describe), broker.group(fetch))
}

impl GroupReading {
    fn put(&self, broker: &Broker, budgets: &mut Budgets, page: &mut Page) {
        let group = || LabelValue::from(self.description.group.shared());
        let labels = || vec![("group", group())];
        page.put(&MEMBERS, labels(), self.description.members.len());
        for state in STATES {
            let mut labels = labels();
            labels.push(("state", state.as_str().into()));
            page.put(&STATE, labels, self.description.state == state);
        }
        let offsets: Vec<_> = lag::of(broker, &self.offsets).collect();
        let lags = || offsets.iter().filter_map(|offset| offset.lag);
        page.put(&LAG_SUM, labels(), lags().sum::<u64>());
        page.put(&LAG_MAX, labels(), lags().max().unwrap_or_default());
        if !budgets
            .group_partitions
            .take(SERIES_OF_A_GROUP_PARTITION * offsets.len())
        {
            return;
        }
        for offset in &offsets {
            let labels = || {
                vec![
                    ("group", group()),
                    ("topic", offset.topic.shared().into()),
                    ("partition", LabelValue::Number(offset.partition)),
                ]
            };
            page.put(&COMMITTED, labels(), offset.committed);
            if let Some(lag) = offset.lag {
                page.put(&LAG, labels(), lag);
            }
        }
    }
}
