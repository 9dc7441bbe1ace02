//! Whatever the policy and the message, the answer is that of an evaluator that reads the policy anew, and tries
//! every element of every array.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{takes_attributes, takes_body};
use crate::sns::filter::{FilterPolicy, FilterScope};

const TEXTS: [&str; 4] = ["a", "abc", "AB", "10.0.0.7"];
const KEYS: [&str; 3] = ["a", "b", "a.b"];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i32).prop_map(|number| json!(f64::from(number) / 2.0)),
        proptest::sample::select(&TEXTS[..]).prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&TEXTS[..])
}

fn pattern() -> impl Strategy<Value = Value> {
    let text_operator = proptest::sample::select(&["prefix", "suffix", "equals-ignore-case"][..]);
    prop_oneof![
        4 => scalar(),
        2 => (text_operator.clone(), text()).prop_map(|(name, text)| json!({ name: text })),
        1 => any::<bool>().prop_map(|there| json!({ "exists": there })),
        1 => text().prop_map(|text| json!({ "anything-but": [text, 1] })),
        1 => (text_operator, text())
            .prop_map(|(name, text)| json!({ "anything-but": { name: text } })),
        1 => (-2..2_i32, 1..3_i32)
            .prop_map(|(from, more)| json!({ "numeric": [">=", from, "<", from + more] })),
        1 => Just(json!({ "cidr": "10.0.0.0/24" })),
        1 => Just(json!({ "wildcard": "a*c" })),
    ]
}

fn rules() -> impl Strategy<Value = Map<String, Value>> {
    let key = || proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let patterns = || proptest::collection::vec(pattern(), 1..3).prop_map(Value::from);
    let flat = proptest::collection::vec((key(), patterns()), 1..3)
        .prop_map(|entries| entries.into_iter().collect::<Map<_, _>>());
    flat.prop_recursive(2, 8, 2, move |inner| {
        let below = inner.clone().prop_map(Value::from);
        let entry = prop_oneof![
            3 => (key(), patterns()),
            2 => (key(), below),
            1 => (inner.clone(), inner).prop_map(|(one, other)| {
                ("$or".to_owned(), json!([one, other]))
            }),
        ];
        proptest::collection::vec(entry, 1..3).prop_map(|entries| entries.into_iter().collect())
    })
}

fn body() -> impl Strategy<Value = Map<String, Value>> {
    let key = || proptest::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let value = scalar().prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            2 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => proptest::collection::vec((key(), inner), 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    });
    proptest::collection::vec((key(), value), 0..4)
        .prop_map(|entries| entries.into_iter().collect())
}

/// A value of a body, the keys that lead to it, and which elements of which arrays.
struct Found<'a> {
    path: String,
    elements: Vec<(*const Value, usize)>,
    value: &'a Value,
}

fn flatten<'a>(
    value: &'a Value,
    path: &str,
    elements: &[(*const Value, usize)],
    found: &mut Vec<Found<'a>>,
) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                flatten(inner, &path, elements, found);
            }
        }
        Value::Array(inner) => {
            for (number, element) in inner.iter().enumerate() {
                let mut elements = elements.to_vec();
                elements.push((std::ptr::from_ref(value), number));
                flatten(element, path, &elements, found);
            }
        }
        leaf => found.push(Found {
            path: path.to_owned(),
            elements: elements.to_vec(),
            value: leaf,
        }),
    }
}

/// The ways of a policy, each as paths with patterns.
fn ways(policy: &Map<String, Value>, path: &str) -> Vec<Vec<(String, Vec<Value>)>> {
    let mut all = vec![Vec::new()];
    for (key, value) in policy {
        let inner = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        let here: Vec<Vec<(String, Vec<Value>)>> = match value {
            Value::Array(objects) if key == "$or" => objects
                .iter()
                .flat_map(|object| ways(object.as_object().unwrap(), path))
                .collect(),
            Value::Array(patterns) => vec![vec![(inner, patterns.clone())]],
            Value::Object(below) => ways(below, &inner),
            other => panic!("{other}"),
        };
        let mut joined = Vec::new();
        for way in &all {
            joined.extend(here.iter().map(|more| {
                let mut way: Vec<_> = way.clone();
                way.extend(more.iter().cloned());
                way
            }));
        }
        all = joined;
    }
    all
}

fn naive(policy: &Map<String, Value>, body: &Map<String, Value>) -> bool {
    let whole = Value::Object(body.clone());
    let mut found = Vec::new();
    flatten(&whole, "", &[], &mut found);
    let mut ways = ways(policy, "").into_iter();
    ways.any(|rules| holds(&rules, &found, &[]))
}

/// Tries every value for the first rule, and the others with what that leaves.
fn holds(
    rules: &[(String, Vec<Value>)],
    found: &[Found<'_>],
    chosen: &[(*const Value, usize)],
) -> bool {
    let Some(((path, patterns), rest)) = rules.split_first() else {
        return true;
    };
    let here: Vec<&Found<'_>> = found.iter().filter(|found| found.path == *path).collect();
    if here.is_empty() && patterns.contains(&json!({ "exists": false })) {
        return holds(rest, found, chosen);
    }
    here.into_iter().any(|value| {
        let fits = |(array, number): &(*const Value, usize)| {
            let mut chosen = chosen.iter();
            chosen.all(|(other, taken)| other != array || taken == number)
        };
        let mut patterns = patterns.iter();
        if !value.elements.iter().all(fits) || !patterns.any(|one| matches(one, value.value)) {
            return false;
        }
        let chosen = [chosen, &value.elements].concat();
        holds(rest, found, &chosen)
    })
}

fn matches(pattern: &Value, value: &Value) -> bool {
    let Some(operators) = pattern.as_object() else {
        return pattern == value;
    };
    let (name, wanted) = operators.iter().next().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    match (&**name, value.as_str()) {
        ("exists", _) => *wanted == json!(true),
        ("anything-but", _) => match wanted {
            Value::Array(values) => !values.iter().any(|one| match (one, value) {
                (Value::Number(_), Value::Number(_)) => number(one) == number(value),
                _ => one == value,
            }),
            inner => !matches(inner, value),
        },
        ("numeric", _) => {
            value.is_number()
                && number(value) >= number(&wanted[1])
                && number(value) < number(&wanted[3])
        }
        ("prefix", Some(text)) => text.starts_with(wanted.as_str().unwrap()),
        ("suffix", Some(text)) => text.ends_with(wanted.as_str().unwrap()),
        ("equals-ignore-case", Some(text)) => {
            text.to_uppercase() == wanted.as_str().unwrap().to_uppercase()
        }
        ("cidr", Some(text)) => text.starts_with("10.0.0."),
        ("wildcard", Some(text)) => text.len() > 1 && text.starts_with('a') && text.ends_with('c'),
        _ => false,
    }
}

/// Whether a path is named twice: which of them counts is not asked here.
fn names_twice(policy: &Map<String, Value>) -> bool {
    ways(policy, "").iter().any(|rules| {
        let mut paths: Vec<&String> = rules.iter().map(|(path, _)| path).collect();
        paths.sort_unstable();
        paths.windows(2).any(|two| two[0] == two[1])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn bodies_are_taken_as_by_the_naive_evaluator(policy in rules(), body in body()) {
        let text = Value::Object(policy.clone()).to_string();
        let compiled = FilterPolicy::compile(&text, FilterScope::MessageBody);
        prop_assume!(compiled.is_ok() && !names_twice(&policy));
        let taken = takes_body(&text, &Value::Object(body.clone()).to_string());
        prop_assert_eq!(taken, naive(&policy, &body));
    }

    #[test]
    fn attributes_are_taken_as_a_flat_body_is(policy in rules(), body in body()) {
        let text = Value::Object(policy.clone()).to_string();
        let compiled = FilterPolicy::compile(&text, FilterScope::MessageAttributes);
        prop_assume!(compiled.is_ok() && !names_twice(&policy));
        let flat: Map<String, Value> = body
            .into_iter()
            .filter(|(_, value)| match value {
                Value::Array(values) => {
                    values.iter().all(|value| !value.is_array() && !value.is_object())
                }
                other => other.is_string() || other.is_number(),
            })
            .collect();
        let attributes: Vec<(String, &str, String)> = flat
            .iter()
            .map(|(name, value)| match value {
                Value::Array(_) => (name.clone(), "String.Array", value.to_string()),
                Value::String(text) => (name.clone(), "String", text.clone()),
                other => (name.clone(), "Number", other.to_string()),
            })
            .collect();
        let borrowed: Vec<(&str, &str, &str)> = attributes
            .iter()
            .map(|(name, kind, text)| (&**name, *kind, &**text))
            .collect();
        prop_assert_eq!(takes_attributes(&text, &borrowed), naive(&policy, &flat));
    }

    #[test]
    fn no_text_makes_a_policy_panic(text in "[\\[\\]{}\":,a$or*\\\\0-9.eE \n-]{0,40}") {
        let _ = FilterPolicy::compile(&text, FilterScope::MessageBody);
    }
}
