//! Headers, against what RabbitMQ does binding by binding.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::routing::{BindError, RouterKind};

/// `rabbit_exchange_type_headers:route/3`.
fn fits(binding: &Binding<u32>, message: &Sample) -> bool {
    let wanted = match binding.arguments.get(b"x-match") {
        Some(Value::Bytes(wanted)) => wanted,
        _ => b"all",
    };
    let with_extensions = wanted.ends_with(b"-with-x");
    let mut fit = Vec::new();
    for (name, value) in binding.arguments.iter() {
        if name == "x-match" || !with_extensions && name.starts_with(b"x-") {
            continue;
        }
        let found = message.header(name);
        fit.push(match value {
            Value::Void => found.is_some(),
            _ => found.is_some_and(|found| found == *value),
        });
    }
    if wanted.starts_with(b"any") {
        fit.contains(&true)
    } else {
        !fit.contains(&false)
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    select(vec![
        Value::Void,
        Value::Bool(true),
        Value::Integer(1),
        Value::Float(1.0),
        text("1"),
    ])
}

fn any_headers(most: usize) -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    vec(
        (select(vec!["a", "b", "c", "x-a", "x-b"]), any_value()),
        0..most,
    )
}

fn any_binding() -> impl Strategy<Value = Binding<u32>> {
    let wanted = [
        None,
        Some("all"),
        Some("any"),
        Some("all-with-x"),
        Some("any-with-x"),
    ];
    let binding = (any_headers(4), select(wanted.to_vec()), 0u32..4);
    binding.prop_map(|(mut headers, wanted, destination)| {
        headers.extend(wanted.map(|wanted| ("x-match", text(wanted))));
        Binding {
            arguments: arguments(&headers),
            ..Binding::new("", destination)
        }
    })
}

fn any_message() -> impl Strategy<Value = Sample> {
    any_headers(6).prop_map(|headers| Sample::headers(&headers))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_found_is_what_rabbitmq_finds(
        bindings in vec(any_binding(), 0..40),
        gone in vec(any::<prop::sample::Index>(), 0..30),
        messages in vec(any_message(), 1..20),
    ) {
        let mut router = Router::new(RouterKind::Headers);
        let mut model: Vec<Binding<u32>> = Vec::new();
        for binding in bindings {
            let is_new = !model.contains(&binding);
            prop_assert_eq!(router.bind(binding.clone()), Ok(is_new));
            if is_new {
                model.push(binding);
            }
        }
        for gone in gone {
            if !model.is_empty() {
                let binding = model.remove(gone.index(model.len()));
                prop_assert!(router.unbind(&binding));
            }
        }
        for message in messages {
            let fitting = model.iter().filter(|binding| fits(binding, &message));
            let mut expected: Vec<_> = fitting.map(|binding| binding.destination).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(route(&router, &message), expected, "{:?}", message);
        }
    }
}

fn bound(conditions: &[(&'static str, Value)]) -> Router<u32> {
    let mut router = Router::new(RouterKind::Headers);
    let arguments = arguments(conditions);
    let binding = Binding {
        arguments,
        ..Binding::new("", 1)
    };
    router.bind(binding).unwrap();
    router
}

#[test]
fn no_conditions_are_met_by_all_and_by_none() {
    let message = Sample::headers(&[("a", text("b"))]);
    assert_eq!(route(&bound(&[]), &message), [1]);
    assert_eq!(route(&bound(&[("x-match", text("any"))]), &message), [0; 0]);
    let ignored = [("x-only", text("b"))];
    assert_eq!(route(&bound(&ignored), &message), [1], "x- is no condition");
}

#[test]
fn values_are_compared_by_what_they_are() {
    let wants = |wanted: Value, found: Value| {
        // As the condition that the binding is found by, and as one that is looked at then.
        let first = bound(&[("n", wanted.clone())]);
        let second = bound(&[("a", Value::Void), ("n", wanted)]);
        let message = Sample::headers(&[("a", text("")), ("n", found)]);
        let fits = !route(&first, &message).is_empty();
        assert_eq!(!route(&second, &message).is_empty(), fits);
        fits
    };
    assert!(wants(Value::Integer(1), Value::Integer(1)));
    assert!(!wants(Value::Integer(1), Value::Float(1.0)));
    assert!(!wants(Value::Integer(1), text("1")));
    assert!(!wants(Value::Nested("ab".into()), text("ab")));
    assert!(wants(
        Value::Nested("ab".into()),
        Value::Nested("ab".into())
    ));
    assert!(wants(Value::Float(f64::NAN), Value::Float(f64::NAN)));
    assert!(wants(Value::Void, text("anything")));
}

#[test]
fn of_headers_with_the_same_name_the_first_counts() {
    let message = Sample::headers(&[("n", text("first")), ("n", text("second"))]);
    assert_eq!(route(&bound(&[("n", text("first"))]), &message), [1]);
    assert_eq!(route(&bound(&[("n", text("second"))]), &message), [0; 0]);
}

#[test]
fn what_is_to_match_is_one_of_four() {
    let mut router = Router::new(RouterKind::Headers);
    let mut refused = |wanted: Value| {
        let binding = Binding {
            arguments: arguments(&[("x-match", wanted)]),
            ..Binding::new("", 1)
        };
        router.bind(binding).unwrap_err()
    };
    assert_eq!(refused(Value::Integer(1)), BindError::MatchNotText);
    assert_eq!(
        refused(text("zz")).to_string(),
        "Invalid x-match field value <<\"zz\">>; expected all, any, all-with-x, or any-with-x"
    );
    assert!(router.is_empty());
}
