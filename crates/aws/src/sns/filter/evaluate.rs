//! Holds a message against a policy.
//!
//! In a body what a policy wants of the elements of one array has to be found in one element, as with Amazon
//! EventBridge, whose matching SNS uses. So what is found is told bottom up, as sets of rules that hold together: a
//! bit a rule.

use serde_json::{Map, Value};

use super::pattern::{Leaf, Pattern};
use super::{FilterableMessage, Number, Rule};

/// Sets of rules that hold together; none is part of another.
type Holding = Vec<u16>;

/// How many such sets are followed. More than one are there only where arrays are, and where rules hold in
/// different elements of them.
const HOLDING_MAX: usize = 64;

/// A rule that goes on here, with what is left of its path.
#[derive(Clone, Copy)]
struct Going<'r> {
    number: u32,
    rule: &'r Rule,
    left: Option<&'r str>,
}

pub(super) fn accepts_attributes(rules: &[Rule], message: &FilterableMessage<'_>) -> bool {
    rules.iter().all(|rule| {
        let found = message.attribute(&rule.path);
        let values = found.map(AttributeValues::leaves).into_iter().flatten();
        let mut is_there = false;
        for leaf in values {
            is_there = true;
            if rule.matches(leaf) {
                return true;
            }
        }
        !is_there && rule.wants_absence()
    })
}

/// The values of an attribute.
#[derive(Debug)]
pub(super) enum AttributeValues<'a> {
    Text(&'a str),
    Number(Number),
    Array(Vec<Value>),
}

impl AttributeValues<'_> {
    fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        let (one, many) = match self {
            Self::Text(text) => (Some(Leaf::Text(text)), &[][..]),
            Self::Number(number) => (Some(Leaf::Number(*number)), &[][..]),
            Self::Array(values) => (None, &values[..]),
        };
        one.into_iter().chain(many.iter().filter_map(leaf_of))
    }
}

pub(super) fn accepts_body(rules: &[Rule], body: &Map<String, Value>) -> bool {
    let mut wanted = 0_u16;
    let mut going = Vec::with_capacity(rules.len());
    for (number, rule) in (0..).zip(rules) {
        if rule.wants_absence() && !has_leaf(body, &rule.path) {
            continue;
        }
        wanted |= 1 << number;
        going.push(Going {
            number,
            rule,
            left: Some(&rule.path),
        });
    }
    let holding = holding_in(body, &going);
    holding.iter().any(|holds| holds & wanted == wanted)
}

fn holding_in(object: &Map<String, Value>, going: &[Going<'_>]) -> Holding {
    let mut holding = vec![0];
    let mut here = Vec::new();
    for (key, value) in object {
        here.clear();
        here.extend(going.iter().filter_map(|going| {
            let left = step(going.left?, key)?;
            Some(Going { left, ..*going })
        }));
        if !here.is_empty() {
            let found = holding_at(value, &here);
            let mut together = Vec::with_capacity(holding.len() * found.len());
            for one in &holding {
                together.extend(found.iter().map(|other| one | other));
            }
            holding = largest(together);
        }
    }
    holding
}

fn holding_at(value: &Value, going: &[Going<'_>]) -> Holding {
    match value {
        Value::Object(object) => holding_in(object, going),
        Value::Array(elements) => {
            let mut holding = vec![0];
            for element in elements {
                holding.extend(holding_at(element, going));
                holding = largest(holding);
            }
            holding
        }
        _ => {
            let Some(leaf) = leaf_of(value) else {
                return vec![0];
            };
            let arrived = going.iter().filter(|going| going.left.is_none());
            let holds = arrived.filter(|going| going.rule.matches(leaf));
            vec![holds.fold(0, |holds, going| holds | 1 << going.number)]
        }
    }
}

/// Takes a key off a path: `a.b` goes through `a` and then `b`, and through `a.b` alike. None if it does not go
/// through the key; what is left is none at its end.
fn step<'p>(path: &'p str, key: &str) -> Option<Option<&'p str>> {
    let left = path.strip_prefix(key)?;
    match left.is_empty() {
        true => Some(None),
        false => left.strip_prefix('.').map(Some),
    }
}

fn has_leaf(object: &Map<String, Value>, path: &str) -> bool {
    let mut steps = object.iter();
    steps.any(|(key, value)| step(path, key).is_some_and(|left| has_leaf_at(value, left)))
}

fn has_leaf_at(value: &Value, left: Option<&str>) -> bool {
    match (value, left) {
        (Value::Object(object), Some(path)) => has_leaf(object, path),
        (Value::Object(_), None) => false,
        (Value::Array(elements), left) => elements.iter().any(|element| has_leaf_at(element, left)),
        (_, left) => left.is_none(),
    }
}

/// Leaves out what is part of another.
fn largest(mut holding: Holding) -> Holding {
    if holding.len() > 1 {
        holding.sort_unstable_by_key(|holds| std::cmp::Reverse(holds.count_ones()));
        let mut kept: Holding = Vec::with_capacity(holding.len().min(HOLDING_MAX));
        for holds in holding {
            if kept.len() < HOLDING_MAX && !kept.iter().any(|other| holds & other == holds) {
                kept.push(holds);
            }
        }
        return kept;
    }
    holding
}

fn leaf_of(value: &Value) -> Option<Leaf<'_>> {
    match value {
        Value::Null => Some(Leaf::Null),
        Value::Bool(value) => Some(Leaf::Bool(*value)),
        Value::Number(number) => Some(Leaf::Number(Number::new(number.as_f64()?))),
        Value::String(text) => Some(Leaf::Text(text)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

impl Rule {
    fn matches(&self, leaf: Leaf<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(leaf))
    }

    fn wants_absence(&self) -> bool {
        self.patterns.contains(&Pattern::Exists(false))
    }
}
