//! Virtual hosts keep apart what is in them, and users are where the journal says.

use bytes::Bytes;
use forebay_broker::access::{
    AccessChange, AccessError, Action, LimitKind, Limited, Parameter, PasswordHash, Pattern,
    Permission, Resource,
};
use forebay_broker::host::{HostError, VirtualHost};
use forebay_broker::queue::Credit;
use forebay_broker::routing::RouterKind;

use crate::harness::{ME, Running, exchange, publication, queue};

async fn change(running: &Running, change: AccessChange) {
    running.broker.change_access(vec![change]).await.unwrap();
}

/// A virtual host that is founded if it is not there.
async fn other(running: &Running) -> VirtualHost {
    change(running, AccessChange::virtual_host("other")).await;
    let directory = running.broker.directory();
    let id = directory.virtual_host("other").unwrap().id;
    running.broker.virtual_host(id)
}

async fn ready(host: &VirtualHost, name: &'static str) -> Result<u64, HostError> {
    let status = host.check_queue(Bytes::from_static(name.as_bytes()), ME);
    Ok(status.await?.ready)
}

fn ann() -> Vec<AccessChange> {
    let pattern = |text| Pattern::new(text).unwrap();
    vec![
        AccessChange::PutUser {
            name: "ann".to_owned(),
            password: Some(PasswordHash::new(b"secret", [1, 2, 3, 4])),
            tags: vec!["monitoring".to_owned()],
        },
        AccessChange::PutPermission {
            user: "ann".to_owned(),
            virtual_host: "other".to_owned(),
            permission: Permission {
                configure: pattern("^a"),
                write: pattern(".*"),
                read: pattern(""),
            },
        },
        AccessChange::PutTopicPermission {
            user: "ann".to_owned(),
            virtual_host: "other".to_owned(),
            exchange: "t".to_owned(),
            write: "^{username}\\.".to_owned(),
            read: String::new(),
        },
        AccessChange::PutParameter {
            parameter: Parameter {
                component: Some("shovel".to_owned()),
                virtual_host: Some("other".to_owned()),
                name: "p".to_owned(),
            },
            value: "{}".to_owned(),
        },
    ]
}

fn assert_ann(running: &Running) {
    let directory = running.broker.directory();
    assert!(directory.authenticate("ann", b"secret").is_some());
    assert!(directory.authenticate("ann", b"Secret").is_none());
    let may = |name: &'static [u8]| {
        let resource = Resource::Queue {
            virtual_host: "other",
            name,
        };
        directory
            .authorize("ann", Action::Configure, resource)
            .is_ok()
    };
    assert!(may(b"abc"));
    assert!(!may(b"bc"));
    let topics = &directory.user("ann").unwrap().topic_permissions;
    let place = ("other".to_owned(), "t".to_owned());
    assert!(topics[&place].write.matches(b"ann.k"));
    assert!(!topics[&place].write.matches(b"bob.k"));
    assert_eq!(directory.parameters().count(), 1);
}

fn limit(of: Limited, limit: LimitKind, value: Option<i64>) -> AccessChange {
    AccessChange::SetLimit { of, limit, value }
}

#[tokio::test]
async fn there_are_no_more_queues_than_an_operator_allows() {
    let running = Running::new();
    let host = other(&running).await;
    let other = Limited::VirtualHost("other".to_owned());
    let queues = |most| limit(other.clone(), LimitKind::Queues, most);
    change(&running, queues(Some(2))).await;
    for name in ["a", "b"] {
        host.declare_queue(queue(name), ME).await.unwrap();
    }
    let refused = host.declare_queue(queue("c"), ME).await;
    assert_eq!(refused.unwrap_err(), HostError::QueueLimit(2));
    host.declare_queue(queue("a"), ME).await.unwrap();
    running.declare("elsewhere").await;
    let a = Bytes::from_static(b"a");
    host.delete_queue(a, false, false, ME).await.unwrap();
    host.declare_queue(queue("c"), ME).await.unwrap();
    change(&running, queues(Some(-1))).await;
    host.declare_queue(queue("d"), ME).await.unwrap();
    change(&running, queues(Some(0))).await;
    assert_eq!(ready(&host, "d").await, Ok(0), "what is there stays");
    change(&running, queues(None)).await;
    host.declare_queue(queue("e"), ME).await.unwrap();
}

#[tokio::test]
async fn limits_survive_every_end_and_other_changes() {
    let running = Running::new();
    other(&running).await;
    running.broker.change_access(ann()).await.unwrap();
    let of_host = Limited::VirtualHost("other".to_owned());
    let of_ann = Limited::User("ann".to_owned());
    for set in [
        limit(of_host, LimitKind::Queues, Some(0)),
        limit(of_ann.clone(), LimitKind::Channels, Some(7)),
        limit(of_ann, LimitKind::Connections, Some(-2)),
    ] {
        change(&running, set).await;
    }
    let nobody = Limited::User("nobody".to_owned());
    let refused = limit(nobody, LimitKind::Channels, Some(1));
    let refused = running.broker.change_access(vec![refused]).await;
    assert_eq!(refused, Err(AccessError::NoUser("nobody".to_owned())));
    // They are put again, and keep their limits.
    other(&running).await;
    change(&running, ann().remove(0)).await;
    for again in [running.killed(), running.cut(), running.restarted()] {
        let directory = again.broker.directory();
        let host = directory.virtual_host("other").unwrap();
        assert_eq!(host.limits.most(LimitKind::Queues), Some(0));
        let ann = &directory.user("ann").unwrap().limits;
        let set: Vec<_> = ann.iter().collect();
        let kept = [(LimitKind::Connections, -2), (LimitKind::Channels, 7)];
        assert_eq!(set, kept);
    }
}

#[tokio::test]
async fn at_the_first_start_there_is_a_guest() {
    let running = Running::new();
    let directory = running.broker.directory();
    assert!(directory.authenticate("guest", b"guest").is_some());
    let resource = Resource::Queue {
        virtual_host: "/",
        name: b"any",
    };
    let allowed = directory.authorize("guest", Action::Configure, resource);
    assert_eq!(allowed, Ok(()));
    let admin = Resource::Broker {
        tag: "administrator",
    };
    assert_eq!(directory.authorize("guest", Action::Read, admin), Ok(()));
}

#[tokio::test]
async fn a_guest_that_was_deleted_stays_away() {
    let running = Running::new();
    let name = "guest".to_owned();
    change(&running, AccessChange::DeleteUser { name }).await;
    for again in [running.killed(), running.cut(), running.restarted()] {
        assert_eq!(again.broker.directory().users().count(), 0);
        assert_eq!(again.broker.directory().virtual_hosts().count(), 1);
    }
}

#[tokio::test]
async fn names_mean_something_else_in_another_virtual_host() {
    let running = Running::new();
    let other = other(&running).await;
    running.declare("q").await;
    running.publish("", "q", "here").await;
    assert!(matches!(
        ready(&other, "q").await,
        Err(HostError::NoQueue(_))
    ));
    other.declare_queue(queue("q"), ME).await.unwrap();
    assert_eq!(ready(&other, "q").await, Ok(0));
    let twice = vec![
        publication("", "q", "1"),
        publication("amq.fanout", "", "2"),
    ];
    other
        .publish(twice)
        .await
        .into_iter()
        .for_each(|published| {
            published.unwrap();
        });
    assert_eq!(ready(&other, "q").await, Ok(1));
    assert_eq!(running.bodies("q").await, ["here"]);
    // An exchange of the same name may be of another kind.
    running.exchange("x", RouterKind::Fanout).await;
    let topic = exchange("x", RouterKind::Topic);
    other.declare_exchange(topic).await.unwrap();
}

#[tokio::test]
async fn virtual_hosts_and_users_survive_every_end() {
    let running = Running::new();
    let host = other(&running).await;
    host.declare_queue(queue("q"), ME).await.unwrap();
    let messages = vec![publication("", "q", "kept")];
    host.publish(messages).await.remove(0).unwrap();
    running.broker.change_access(ann()).await.unwrap();
    for again in [running.killed(), running.cut(), running.restarted()] {
        assert_ann(&again);
        let host = other(&again).await;
        assert_eq!(ready(&host, "q").await, Ok(1));
        // The exchanges that every one has are there, and others can be made.
        host.check_exchange(Bytes::from_static(b"amq.topic"))
            .await
            .unwrap();
        let made = exchange("made", RouterKind::Direct);
        host.declare_exchange(made).await.unwrap();
        running_twice(again).await;
    }
}

async fn running_twice(running: Running) {
    let again = running.restarted();
    let host = other(&again).await;
    host.check_exchange(Bytes::from_static(b"made"))
        .await
        .unwrap();
    host.check_exchange(Bytes::from_static(b"amq.direct"))
        .await
        .unwrap();
    assert_ann(&again);
}

#[tokio::test]
async fn a_virtual_host_ends_with_all_that_is_in_it() {
    let running = Running::new();
    let host = other(&running).await;
    running.broker.change_access(ann()).await.unwrap();
    host.declare_queue(queue("q"), ME).await.unwrap();
    running.declare("q").await;
    running.publish("", "q", "here").await;
    let mut consumer = running.subscribe("q", Credit::Window(10)).await;
    let name = "other".to_owned();
    change(&running, AccessChange::DeleteVirtualHost { name }).await;
    assert_eq!(ready(&host, "q").await, Err(HostError::NoVirtualHost));
    let lost = host
        .publish(vec![publication("", "q", "m")])
        .await
        .remove(0);
    assert!(lost.is_err());
    let directory = running.broker.directory();
    assert!(directory.user("ann").unwrap().permissions.is_empty());
    assert_eq!(directory.parameters().count(), 0);
    let (_, seen) = consumer.delivery().await;
    assert_eq!(seen[0].body, "here", "the other virtual host goes on");
    // One of the same name is another one.
    for again in [running.killed(), running.restarted()] {
        let host = other(&again).await;
        assert!(matches!(
            ready(&host, "q").await,
            Err(HostError::NoQueue(_))
        ));
        assert_eq!(again.bodies("q").await, ["here"]);
    }
}

#[tokio::test]
async fn changes_are_made_all_or_not_at_all() {
    let running = Running::new();
    let mut changes = ann();
    changes.insert(0, AccessChange::virtual_host("other"));
    changes.push(AccessChange::DeleteUser {
        name: "nobody".to_owned(),
    });
    let refused = running.broker.change_access(changes).await;
    assert_eq!(refused, Err(AccessError::NotFound));
    assert!(running.broker.directory().user("ann").is_none());
    assert!(running.broker.directory().virtual_host("other").is_none());
}

#[tokio::test]
async fn the_default_one_is_the_same_when_it_is_founded_again() {
    let running = Running::new();
    running.declare("q").await;
    let name = "/".to_owned();
    change(&running, AccessChange::DeleteVirtualHost { name }).await;
    assert_eq!(
        ready(&running.host, "q").await,
        Err(HostError::NoVirtualHost)
    );
    let again = running.restarted();
    change(&again, AccessChange::virtual_host("/")).await;
    for again in [again.killed(), again.restarted()] {
        let missing = ready(&again.host, "q").await;
        assert!(matches!(missing, Err(HostError::NoQueue(_))), "{missing:?}");
        again
            .host
            .check_exchange(Bytes::from_static(b"amq.topic"))
            .await
            .unwrap();
        again.declare("q").await;
        assert_eq!(
            again.publish("", "q", "m").await,
            forebay_broker::host::Published::Routed
        );
    }
}
