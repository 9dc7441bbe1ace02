mod documentation;
mod properties;
mod refusals;

use super::{FilterPolicy, FilterScope, FilterableMessage};

/// Attributes: name, type, text.
type Attributes<'a> = [(&'a str, &'a str, &'a str)];

fn takes_attributes(policy: &str, attributes: &Attributes<'_>) -> bool {
    let policy = FilterPolicy::compile(policy, FilterScope::MessageAttributes).unwrap();
    policy.accepts(&FilterableMessage::new(attributes.iter().copied(), ""))
}

fn takes_body(policy: &str, body: &str) -> bool {
    let policy = FilterPolicy::compile(policy, FilterScope::MessageBody).unwrap();
    policy.accepts(&FilterableMessage::new(std::iter::empty(), body))
}
