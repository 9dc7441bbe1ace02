//! Tasks that each work for one subscription.

use std::collections::HashMap;
use std::sync::Arc;

use forebay_broker::host::VirtualHostId;
use tokio::task::{AbortHandle, JoinSet};

use super::Sns;
use super::subscription::Subscription;

/// Has a task run for each subscription that asks for one, for as long as this is polled. A task is told which one it is
/// for by virtual host and id: what the subscription is may change while it runs.
pub(super) async fn for_each<T>(
    sns: Arc<Sns>,
    asks: fn(&Subscription) -> bool,
    begin: impl Fn(Arc<Sns>, VirtualHostId, String) -> T,
) where
    T: Future<Output = ()> + Send + 'static,
{
    let mut directories = sns.broker.directories();
    let mut running: HashMap<(VirtualHostId, String), AbortHandle> = HashMap::new();
    let mut tasks = JoinSet::new();
    loop {
        // What changes from here on is looked at next.
        directories.mark_unchanged();
        let index = sns.registry.index();
        running.retain(|_, task| !task.is_finished());
        for (host, subscription) in index.all_told() {
            let place = (host, subscription.id.clone());
            if asks(subscription) && !running.contains_key(&place) {
                let task = begin(Arc::clone(&sns), host, place.1.clone());
                running.insert(place, tasks.spawn(task));
            }
        }
        tokio::select! {
            changed = directories.changed() => if changed.is_err() {
                return;
            },
            // It may have ended because it was done, while more was asked for.
            Some(_) = tasks.join_next() => {}
        }
    }
}
