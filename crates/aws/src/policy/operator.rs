//! The operators of conditions.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::cmp::Ordering;

use jiff::Timestamp;

use super::pattern;
use crate::cidr::Cidr;

/// An operator with what stands around its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    kind: Kind,
    is_negated: bool,
    /// Whether it holds of a request that has nothing under the key. None: it asks just that.
    if_absent: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    TextInAnyCase,
    TextLike,
    Number(Order),
    Date(Order),
    Bool,
    Address,
    Arn,
    Null,
}

/// How something is to stand to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A value of a condition, read as its operator has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Comparison {
    Text(String),
    TextInAnyCase(String),
    TextLike(String),
    Number(Order, f64),
    Date(Order, Timestamp),
    Bool(bool),
    Address(Cidr),
    Arn(String),
    Absent(bool),
}

impl Operator {
    /// The operator of a name, which may be written in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        // Everything that is known here is one value: what holds of it holds of all and of any.
        let (of_all, name) = match name.split_once(':') {
            Some(("forallvalues", name)) => (Some(true), name.to_owned()),
            Some(("foranyvalue", name)) => (Some(false), name.to_owned()),
            Some(_) => return None,
            None => (None, name),
        };
        let plain = name.strip_suffix("ifexists");
        let (kind, is_negated) = Self::plain(plain.unwrap_or(&name))?;
        if kind == Kind::Null {
            let is_plain = plain.is_none() && of_all.is_none();
            return is_plain.then_some(Self {
                kind,
                is_negated,
                if_absent: None,
            });
        }
        let if_absent = plain.is_some() || of_all.unwrap_or(is_negated);
        Some(Self {
            kind,
            is_negated,
            if_absent: Some(if_absent),
        })
    }

    /// What it compares, and whether it says what is not.
    fn plain(name: &str) -> Option<(Kind, bool)> {
        let order = |name: &str| {
            Some(match name {
                "equals" | "notequals" => Order::Equal,
                "lessthan" => Order::Less,
                "lessthanequals" => Order::LessOrEqual,
                "greaterthan" => Order::Greater,
                "greaterthanequals" => Order::GreaterOrEqual,
                _ => return None,
            })
        };
        Some(match name {
            "stringequals" => (Kind::Text, false),
            "stringnotequals" => (Kind::Text, true),
            "stringequalsignorecase" => (Kind::TextInAnyCase, false),
            "stringnotequalsignorecase" => (Kind::TextInAnyCase, true),
            "stringlike" => (Kind::TextLike, false),
            "stringnotlike" => (Kind::TextLike, true),
            "arnequals" | "arnlike" => (Kind::Arn, false),
            "arnnotequals" | "arnnotlike" => (Kind::Arn, true),
            "bool" => (Kind::Bool, false),
            "ipaddress" => (Kind::Address, false),
            "notipaddress" => (Kind::Address, true),
            "null" => (Kind::Null, false),
            name => {
                let is_negated = name.ends_with("notequals");
                if let Some(name) = name.strip_prefix("numeric") {
                    (Kind::Number(order(name)?), is_negated)
                } else {
                    let name = name.strip_prefix("date")?;
                    (Kind::Date(order(name)?), is_negated)
                }
            }
        })
    }

    pub(super) fn is_negated(self) -> bool {
        self.is_negated
    }

    pub(super) fn if_absent(self) -> Option<bool> {
        self.if_absent
    }

    /// A value as this operator compares with it. None if it cannot.
    pub(super) fn comparison(self, value: &str) -> Option<Comparison> {
        let text = || value.to_owned();
        Some(match self.kind {
            Kind::Text => Comparison::Text(text()),
            Kind::TextInAnyCase => Comparison::TextInAnyCase(value.to_lowercase()),
            Kind::TextLike => Comparison::TextLike(text()),
            Kind::Number(order) => Comparison::Number(order, number(value)?),
            Kind::Date(order) => Comparison::Date(order, date(value)?),
            Kind::Bool => Comparison::Bool(truth(value)?),
            Kind::Address => Comparison::Address(block(value)?),
            Kind::Arn => Comparison::Arn(text()),
            Kind::Null => Comparison::Absent(truth(value)?),
        })
    }
}

impl Comparison {
    /// Whether what is found is as it is to be. What is of another kind is not.
    pub(super) fn holds_of(&self, found: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == found,
            Self::TextInAnyCase(wanted) => *wanted == found.to_lowercase(),
            Self::TextLike(wanted) => pattern::matches(wanted, found),
            Self::Number(order, wanted) => {
                let ordering = number(found).and_then(|found| found.partial_cmp(wanted));
                ordering.is_some_and(|ordering| order.admits(ordering))
            }
            Self::Date(order, wanted) => {
                date(found).is_some_and(|found| order.admits(found.cmp(wanted)))
            }
            Self::Bool(wanted) => truth(found) == Some(*wanted),
            Self::Address(block) => block.contains(found),
            Self::Arn(wanted) => pattern::matches_arn(wanted, found),
            // Asked of whether there is something, not of what.
            Self::Absent(_) => false,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A date of ISO 8601, or seconds since the Unix epoch.
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp())
}

fn truth(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// `ADDRESS/BITS`, or an address.
fn block(text: &str) -> Option<Cidr> {
    match text.contains('/') {
        true => Cidr::parse(text).ok(),
        false => text.parse().ok().map(Cidr::of),
    }
}
