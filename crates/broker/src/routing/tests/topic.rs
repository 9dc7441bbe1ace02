//! Topics, against a matcher that tries everything.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::routing::RouterKind;
use crate::routing::topic::Topic;

fn words(key: &str) -> Vec<&str> {
    if key.is_empty() {
        return Vec::new();
    }
    key.split('.').collect()
}

fn fits(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", rest @ ..], _) => (0..=key.len()).any(|skip| fits(rest, &key[skip..])),
        (["*", rest @ ..], [_, left @ ..]) => fits(rest, left),
        ([word, rest @ ..], [first, left @ ..]) => word == first && fits(rest, left),
        _ => false,
    }
}

fn any_key(letters: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    let words = vec(proptest::sample::select(letters), 0..6);
    words.prop_map(|words| &*String::leak(words.join(".")))
}

fn any_pattern() -> impl Strategy<Value = &'static str> {
    any_key(&["a", "b", "", "*", "#"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_found_is_what_trying_everything_finds(
        changes in vec((any_pattern(), 0u32..4, any::<bool>()), 0..60),
        keys in vec(any_key(&["a", "b", "c", "", "*", "#"]), 1..20),
    ) {
        let mut router = Router::new(RouterKind::Topic);
        let mut model: Vec<(&str, u32)> = Vec::new();
        for (pattern, to, adds) in changes {
            let place = model.iter().position(|bound| *bound == (pattern, to));
            let binding = Binding::new(pattern, to);
            if adds {
                prop_assert_eq!(router.bind(binding), Ok(place.is_none()));
                if place.is_none() {
                    model.push((pattern, to));
                }
            } else {
                prop_assert_eq!(router.unbind(&binding), place.is_some());
                place.map(|place| model.remove(place));
            }
        }
        for key in keys {
            let bound = model.iter().filter(|(pattern, _)| fits(&words(pattern), &words(key)));
            let mut expected: Vec<_> = bound.map(|(_, to)| *to).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(route(&router, &Sample::key(key)), expected, "{}", key);
        }
    }

    #[test]
    fn nothing_is_left_of_bindings_that_are_gone(
        patterns in vec((any_pattern(), 0u32..3), 0..40),
    ) {
        let mut topic = Topic::default();
        for (pattern, to) in &patterns {
            topic.bind(&Binding::new(*pattern, *to));
        }
        for (pattern, to) in &patterns {
            topic.unbind(&Binding::new(*pattern, *to));
        }
        prop_assert_eq!(topic.size(), (1, 0));
    }
}

#[test]
fn an_empty_key_has_no_words() {
    let mut router = Router::new(RouterKind::Topic);
    let patterns = ["", "#", "*", "#.#", "*.#"];
    bind_all(
        &mut router,
        (0..)
            .zip(patterns)
            .map(|(to, pattern)| Binding::new(pattern, to)),
    );
    assert_eq!(route(&router, &Sample::key("")), [0, 1, 3]);
    assert_eq!(
        route(&router, &Sample::key(".")),
        [1, 3, 4],
        "two empty words"
    );
}

#[test]
fn many_wildcards_in_a_pattern_do_not_multiply() {
    let mut router = Router::new(RouterKind::Topic);
    let pattern = format!("{}z", "#.".repeat(120));
    router.bind(Binding::new(pattern, 1)).unwrap();
    router
        .bind(Binding::new(["*"; 120].join(".#."), 2))
        .unwrap();
    // Trying everything would take longer than there is time.
    let key = String::leak(["a"; 127].join("."));
    assert_eq!(route(&router, &Sample::key(key)), [2]);
    let key = String::leak(format!("{key}.z"));
    assert_eq!(route(&router, &Sample::key(key)), [1, 2]);
}

/// How many nodes are visited, in place of how long it takes.
#[test]
fn other_bindings_cost_nothing() {
    let visited = |router: &Router<u32>| {
        let mut to = Destinations::new();
        router.route(&Sample::key("site.7.device.3.temperature"), &mut to);
        (to.cursors.visited, to.len())
    };
    let mut router = Router::new(RouterKind::Topic);
    bind_all(
        &mut router,
        [
            Binding::new("site.7.device.*.temperature", 1),
            Binding::new("site.#", 2),
        ],
    );
    let few = visited(&router);
    for n in 8..10_008 {
        router
            .bind(Binding::new(format!("site.{n}.device.*.temperature"), n))
            .unwrap();
    }
    assert_eq!(visited(&router), few);
    assert_eq!(few.1, 2);
}

#[test]
fn once_there_was_a_message_the_next_one_takes_no_memory() {
    let mut router = Router::new(RouterKind::Topic);
    let patterns = ["a.*.c", "#.c", "a.#", "*.*.*", "a.b.c"];
    bind_all(
        &mut router,
        (0..)
            .zip(patterns)
            .map(|(to, pattern)| Binding::new(pattern, to)),
    );
    let mut to = Destinations::new();
    let message = Sample::key("a.b.c");
    router.route(&message, &mut to);
    let taken = allocation_counter::measure(|| {
        to.clear();
        router.route(&message, &mut to);
    });
    assert_eq!((taken.count_total, to.len()), (0, 5));
}
