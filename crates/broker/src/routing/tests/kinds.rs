//! What all kinds of exchanges have in common, and what those do that look at no pattern.

use super::*;
use crate::routing::{BindError, HashOn, RouterKind};

fn consistent_hash() -> Router<u32> {
    Router::new(RouterKind::ConsistentHash(HashOn::RoutingKey))
}

/// Enough keys to tell shares apart.
fn keys() -> impl Iterator<Item = Sample> {
    (0..20_000).map(|n| Sample::key(String::leak(format!("key.{n}"))))
}

#[test]
fn a_binding_that_is_there_is_not_added_again() {
    for kind in [
        RouterKind::Direct,
        RouterKind::Fanout,
        RouterKind::Topic,
        RouterKind::Headers,
        RouterKind::ConsistentHash(HashOn::RoutingKey),
        RouterKind::Random,
        RouterKind::ModulusHash,
    ] {
        let mut router = Router::new(kind.clone());
        assert_eq!(router.bind(Binding::new("1", 5)), Ok(true));
        assert_eq!(router.bind(Binding::new("1", 5)), Ok(false), "{kind:?}");
        assert_eq!(route(&router, &Sample::key("1")), [5]);
        assert!(router.unbind(&Binding::new("1", 5)));
        assert!(!router.unbind(&Binding::new("1", 5)));
        assert_eq!(route(&router, &Sample::key("1")), [0; 0], "{kind:?}");
        assert!(router.is_empty());
    }
}

#[test]
fn bindings_that_differ_in_their_arguments_live_on_their_own() {
    for kind in [RouterKind::Direct, RouterKind::Fanout, RouterKind::Topic] {
        let mut router = Router::new(kind);
        let plain = Binding::new("k", 1);
        let with_arguments = Binding {
            arguments: arguments(&[("a", Value::Integer(1))]),
            ..plain.clone()
        };
        bind_all(&mut router, [plain.clone(), with_arguments.clone()]);
        assert_eq!(route(&router, &Sample::key("k")), [1]);
        assert!(router.unbind(&plain));
        assert_eq!(route(&router, &Sample::key("k")), [1]);
        assert!(router.unbind(&with_arguments));
        assert_eq!(route(&router, &Sample::key("k")), [0; 0]);
    }
}

#[test]
fn a_destination_gets_a_message_once_however_many_bindings_and_keys_lead_there() {
    let message = Sample {
        keys: vec!["a", "b"],
        ..Sample::default()
    };
    let mut router = Router::new(RouterKind::Direct);
    bind_all(&mut router, ["a", "b"].map(|key| Binding::new(key, 1)));
    bind_all(&mut router, [Binding::new("b", 2), Binding::new("c", 3)]);
    assert_eq!(route(&router, &message), [1, 2]);
    let mut router = Router::new(RouterKind::Topic);
    bind_all(&mut router, ["a", "#", "*"].map(|key| Binding::new(key, 1)));
    let mut to = Destinations::new();
    router.route(&message, &mut to);
    assert_eq!((to.len(), to.is_empty()), (1, false));
}

#[test]
fn destinations_of_several_exchanges_are_gathered() {
    let mut router = Router::new(RouterKind::Fanout);
    bind_all(&mut router, [Binding::new("", 2), Binding::new("", 1)]);
    let mut to = Destinations::new();
    to.add(1);
    router.route(&Sample::key("any"), &mut to);
    assert_eq!(to.iter().collect::<Vec<_>>(), [1, 2]);
    to.clear();
    assert!(to.is_empty());
}

#[test]
fn weights_are_shares() {
    let mut router = consistent_hash();
    bind_all(
        &mut router,
        [("1", 1), ("2", 2), ("7", 7)].map(|(key, to)| Binding::new(key, to)),
    );
    let mut counts = [0_usize; 8];
    for message in keys() {
        let [to] = route(&router, &message)[..] else {
            panic!("not one destination")
        };
        counts[to as usize] += 1;
    }
    for weight in [1, 2, 7] {
        let expected = weight * 2000;
        let found = counts[weight];
        assert!(
            found.abs_diff(expected) < expected / 8,
            "{found} of {expected}"
        );
    }
}

#[test]
fn another_destination_takes_keys_and_moves_no_others() {
    let mut router = consistent_hash();
    bind_all(&mut router, (0..5).map(|to| Binding::new("3", to)));
    let before: Vec<_> = keys().map(|message| route(&router, &message)).collect();
    router.bind(Binding::new("3", 5)).unwrap();
    let mut moved = 0;
    for (message, before) in keys().zip(&before) {
        let now = route(&router, &message);
        assert!(now == *before || now == [5]);
        moved += usize::from(now == [5]);
    }
    assert!((2000..5000).contains(&moved), "{moved} of 20000");
    router.unbind(&Binding::new("3", 5));
    let after: Vec<_> = keys().map(|message| route(&router, &message)).collect();
    assert_eq!(after, before);
}

#[test]
fn buckets_in_the_middle_can_go() {
    let mut router = consistent_hash();
    bind_all(
        &mut router,
        [("10000", 1), ("1", 2), ("10000", 3)].map(|(key, to)| Binding::new(key, to)),
    );
    assert!(router.unbind(&Binding::new("1", 2)));
    let mut found: Vec<_> = keys()
        .flat_map(|message| route(&router, &message))
        .collect();
    assert_eq!(found.len(), 20_000);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [1, 3]);
}

#[test]
fn who_is_next_in_the_row_takes_over_from_who_leaves() {
    let mut router = consistent_hash();
    bind_all(&mut router, (0..5).map(|to| Binding::new("3", to)));
    let before: Vec<_> = keys().map(|message| route(&router, &message)).collect();
    router.unbind(&Binding::new("3", 1));
    for (message, before) in keys().zip(&before) {
        let now = route(&router, &message);
        match before[..] {
            [0] => assert_eq!(now, [0]),
            [1] => assert_eq!(now, [2]),
            _ => {}
        }
    }
}

#[test]
fn the_first_weight_of_a_destination_counts_until_none_is_left() {
    let mut router = consistent_hash();
    bind_all(
        &mut router,
        [("1", 1), ("10000", 1), ("1", 2)].map(|(key, to)| Binding::new(key, to)),
    );
    let share = |router: &Router<u32>| keys().filter(|key| route(router, key) == [1]).count();
    assert!((9000..11_000).contains(&share(&router)));
    assert!(router.unbind(&Binding::new("1", 1)));
    assert!((9000..11_000).contains(&share(&router)));
    assert!(router.unbind(&Binding::new("10000", 1)));
    assert_eq!(share(&router), 0);
}

#[test]
fn weights_are_whole_numbers_that_mean_something() {
    let refused = |key: &'static str| consistent_hash().bind(Binding::new(key, 1)).unwrap_err();
    assert_eq!(refused("0"), BindError::WeightTooSmall);
    assert_eq!(refused("-5"), BindError::WeightTooSmall);
    assert_eq!(refused("10001"), BindError::WeightTooLarge);
    assert_eq!(refused("99999999999999999999"), BindError::WeightTooLarge);
    assert_eq!(
        refused("1.5").to_string(),
        "The binding key must be an integer: <<\"1.5\">>"
    );
    assert_eq!(
        refused("10001").to_string(),
        "The binding key must not exceed 10000"
    );
}

#[test]
fn hashes_go_by_headers_and_properties_too() {
    let bindings = || (0..50).map(|to| Binding::new("1", to));
    let mut by_header = Router::new(RouterKind::ConsistentHash(HashOn::Header("id".into())));
    bind_all(&mut by_header, bindings());
    let by_property = HashOn::Property(HashProperty::CorrelationId);
    let mut by_property = Router::new(RouterKind::ConsistentHash(by_property));
    bind_all(&mut by_property, bindings());
    let mut by = [Vec::new(), Vec::new()];
    for id in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let message = Sample {
            keys: vec![id],
            ..Sample::headers(&[("id", text("same"))])
        };
        by[0].extend(route(&by_header, &message));
        let message = Sample {
            correlation_id: Some(id),
            ..Sample::key("same")
        };
        by[1].extend(route(&by_property, &message));
    }
    assert!(by[0].iter().all(|to| *to == by[0][0]), "the same header");
    assert!(by[1].iter().any(|to| *to != by[1][0]), "other properties");
    assert_eq!(
        route(&by_header, &Sample::key("x")),
        route(&by_header, &Sample::key("y"))
    );
}

/// How many of all keys go to each of ten destinations.
fn shares(router: &Router<u32>) -> [usize; 10] {
    let mut shares = [0; 10];
    let mut to = Destinations::new();
    for message in keys() {
        to.clear();
        router.route(&message, &mut to);
        assert_eq!(to.len(), 1);
        shares[to.iter().next().unwrap() as usize] += 1;
    }
    shares
}

#[test]
fn one_of_all_is_each_alike_often() {
    for kind in [
        RouterKind::Random,
        RouterKind::LocalRandom,
        RouterKind::ModulusHash,
    ] {
        let mut router = Router::new(kind.clone());
        bind_all(&mut router, (0..10).map(|to| Binding::new("", to)));
        let shares = shares(&router);
        let is_fair = |share: &usize| (1_800..2_200).contains(share);
        assert!(shares.iter().all(is_fair), "{kind:?}: {shares:?}");
    }
}

#[test]
fn lots_follow_from_their_seed() {
    let mut router = Router::new(RouterKind::Random);
    bind_all(&mut router, (0..10).map(|to| Binding::new("", to)));
    let drawn = |seed| {
        let mut to = Destinations::new();
        to.reseed(seed);
        let draw = |_| {
            to.clear();
            router.route(&Sample::key("k"), &mut to);
            to.iter().next().unwrap()
        };
        (0..100).map(draw).collect::<Vec<u32>>()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn a_modulus_goes_by_the_key_and_by_which_destinations_there_are() {
    let mut router = Router::new(RouterKind::ModulusHash);
    bind_all(&mut router, (0..7).map(|to| Binding::new("", to)));
    let mut other = Router::new(RouterKind::ModulusHash);
    bind_all(&mut other, (0..10).rev().map(|to| Binding::new("x", to)));
    for gone in 7..10 {
        other.unbind(&Binding::new("x", gone));
    }
    for message in keys().take(100) {
        assert_eq!(route(&router, &message), route(&other, &message));
    }
}

#[test]
fn a_local_random_exchange_has_bindings_without_a_key() {
    let mut router = Router::new(RouterKind::LocalRandom);
    let refused = router.bind(Binding::new("k", 1));
    assert_eq!(refused, Err(BindError::KeyNotEmpty(Bytes::from("k"))));
    bind_all(&mut router, [Binding::new("", 1)]);
    assert_eq!(route(&router, &Sample::key("any")), [1]);
}
