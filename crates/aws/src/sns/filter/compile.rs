//! Reads a policy, and says what is wrong with it in AWS's words.

use super::number::{Bound, Number, NumberRange};
use super::pattern::{Pattern, Scalar, TextPattern, Wildcard};
use super::tokens::{Token, Tokens};
use super::{COMBINATIONS_MAX, FilterError, KEYS_MAX, RULES_MAX, Rule};
use crate::cidr::Cidr;

/// What has to hold together, in each of the ways that a policy allows.
pub(super) type Alternatives = Vec<Vec<Rule>>;

/// Words that a policy means as operators: an `$or` of objects with them is an attribute of that name.
const OPERATORS: [&str; 9] = [
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exact",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
];

pub(super) fn compile(text: &str) -> Result<Alternatives, FilterError> {
    let mut tokens = Tokens::new(text);
    if tokens.next()? != Token::ObjectStart {
        return Err(tokens.refuse("Filter is not an object"));
    }
    // A policy without a key is how a filter is taken away.
    if tokens.clone().next()? == Token::ObjectEnd {
        return Ok(vec![Vec::new()]);
    }
    let alternatives = object(&mut tokens, &Path::default(), vec![Vec::new()])?;
    tokens.next()?;
    check(&alternatives)?;
    Ok(alternatives)
}

/// Where in a message a value is looked for.
#[derive(Clone, Debug, Default)]
struct Path {
    joined: String,
    depth: u32,
    /// Its first key.
    root: String,
}

impl Path {
    fn join(&self, name: &str) -> Self {
        if self.depth == 0 {
            return Self {
                joined: name.to_owned(),
                depth: 1,
                root: name.to_owned(),
            };
        }
        Self {
            joined: format!("{}.{name}", self.joined),
            depth: self.depth + 1,
            root: self.root.clone(),
        }
    }
}

/// What is behind the brace of an object: adds to each of the ways what it wants.
fn object(
    tokens: &mut Tokens<'_>,
    path: &Path,
    mut ways: Alternatives,
) -> Result<Alternatives, FilterError> {
    let mut is_empty = true;
    loop {
        if tokens.next()? == Token::ObjectEnd {
            break;
        }
        is_empty = false;
        let name = tokens.string()?;
        if name == "$or" && is_or(tokens.clone())? {
            ways = or(tokens, path, &ways)?;
            continue;
        }
        let path = path.join(&name);
        match tokens.next()? {
            Token::ObjectStart => ways = object(tokens, &path, ways)?,
            Token::ArrayStart => {
                let patterns = patterns(tokens)?;
                for way in &mut ways {
                    // The last of the same name counts.
                    way.retain(|rule| rule.path != path.joined);
                    way.push(Rule {
                        path: path.joined.clone(),
                        depth: path.depth,
                        root: path.root.clone(),
                        patterns: patterns.clone(),
                    });
                    if way.len() > RULES_MAX {
                        return Err(FilterError::too_complex());
                    }
                }
            }
            _ => return Err(tokens.refuse(format!("\"{name}\" must be an object or an array"))),
        }
    }
    match is_empty {
        true => Err(tokens.refuse("Empty objects are not allowed")),
        false => Ok(ways),
    }
}

/// Whether the value behind `$or` is what AWS takes for alternatives: two objects or more, whose keys are no
/// operators.
fn is_or(mut tokens: Tokens<'_>) -> Result<bool, FilterError> {
    if tokens.next()? != Token::ArrayStart {
        return Ok(false);
    }
    let mut objects = 0;
    let mut depth = 0_usize;
    loop {
        match tokens.next()? {
            Token::ObjectStart | Token::ArrayStart if depth > 0 => depth += 1,
            Token::ObjectStart => {
                objects += 1;
                depth = 1;
            }
            Token::ArrayEnd if depth == 0 => return Ok(objects > 1),
            Token::ObjectEnd | Token::ArrayEnd => depth -= 1,
            Token::Name if depth == 1 && OPERATORS.contains(&&*tokens.string()?) => {
                return Ok(false);
            }
            Token::End => return Ok(false),
            _ if depth == 0 => return Ok(false),
            _ => {}
        }
    }
}

fn or(
    tokens: &mut Tokens<'_>,
    path: &Path,
    ways: &Alternatives,
) -> Result<Alternatives, FilterError> {
    let mut all = Vec::new();
    tokens.next()?;
    while tokens.next()? == Token::ObjectStart {
        all.extend(object(tokens, path, ways.clone())?);
        // Each is at least one combination.
        if all.len() > COMBINATIONS_MAX {
            return Err(FilterError::too_complex());
        }
    }
    Ok(all)
}

/// What is behind the bracket of an array: what a value may match.
fn patterns(tokens: &mut Tokens<'_>) -> Result<Vec<Pattern>, FilterError> {
    let mut patterns = Vec::new();
    loop {
        let pattern = match tokens.next()? {
            Token::ArrayEnd if patterns.is_empty() => {
                return Err(tokens.refuse("Empty arrays are not allowed"));
            }
            Token::ArrayEnd => return Ok(patterns),
            Token::ObjectStart => expression(tokens)?,
            Token::String => Pattern::Exact(text_scalar(tokens)?),
            Token::Number => Pattern::Exact(Scalar::Number(number(tokens)?)),
            Token::True => Pattern::Exact(Scalar::Bool(true)),
            Token::False => Pattern::Exact(Scalar::Bool(false)),
            Token::Null => Pattern::Exact(Scalar::Null),
            _ => {
                let why = "Match value must be String, number, true, false, or null";
                return Err(tokens.refuse(why));
            }
        };
        patterns.push(pattern);
        if patterns.len() > COMBINATIONS_MAX {
            return Err(FilterError::too_complex());
        }
    }
}

fn expression(tokens: &mut Tokens<'_>) -> Result<Pattern, FilterError> {
    if tokens.next()? != Token::Name {
        return Err(tokens.refuse("Match expression name not found"));
    }
    let name = tokens.string()?;
    let pattern = match &*name {
        "numeric" => Pattern::Numeric(numeric(tokens)?),
        "anything-but" => anything_but(tokens)?,
        "exists" => match tokens.next()? {
            Token::True => Pattern::Exists(true),
            Token::False => Pattern::Exists(false),
            _ => {
                let why = "exists match pattern must be either true or false.";
                return Err(tokens.refuse(why));
            }
        },
        "exact" => {
            let text = wanted_string(tokens, "exact")?;
            Pattern::Exact(Scalar::Text(text.into()))
        }
        // AWS says prefix here, too.
        "cidr" => {
            let text = wanted_string(tokens, "prefix")?;
            Pattern::Cidr(Cidr::parse(&text).map_err(FilterError::Policy)?)
        }
        name => match text_operator(name) {
            Some(operator) => {
                let text = wanted_string(tokens, name)?;
                Pattern::Text(operator(&text).map_err(FilterError::Policy)?)
            }
            None => return Err(tokens.refuse(format!("Unrecognized match type {name}"))),
        },
    };
    match tokens.next()? {
        Token::ObjectEnd => Ok(pattern),
        _ => Err(tokens.refuse("Only one key allowed in match expression")),
    }
}

type MakeText = fn(&str) -> Result<TextPattern, String>;

fn text_operator(name: &str) -> Option<MakeText> {
    match name {
        "prefix" => Some(|text| Ok(TextPattern::Prefix(text.into()))),
        "suffix" => Some(|text| Ok(TextPattern::Suffix(text.into()))),
        "equals-ignore-case" => Some(|text| Ok(TextPattern::EqualsIgnoreCase(text.into()))),
        "wildcard" => Some(|text| Wildcard::parse(text).map(TextPattern::Wildcard)),
        _ => None,
    }
}

fn anything_but(tokens: &mut Tokens<'_>) -> Result<Pattern, FilterError> {
    let values = match tokens.next()? {
        Token::String => vec![text_scalar(tokens)?],
        Token::Number => vec![Scalar::Number(number(tokens)?)],
        Token::ArrayStart => {
            let mut values = Vec::new();
            loop {
                values.push(match tokens.next()? {
                    Token::ArrayEnd if values.is_empty() => {
                        return Err(tokens.refuse("Empty arrays are not allowed"));
                    }
                    Token::ArrayEnd => break,
                    Token::String => text_scalar(tokens)?,
                    Token::Number => Scalar::Number(number(tokens)?),
                    _ => {
                        let why = "Inside anything but list, start|null|boolean is not supported.";
                        return Err(tokens.refuse(why));
                    }
                });
            }
            values
        }
        Token::ObjectStart => return anything_but_text(tokens),
        _ => {
            let why = "Value of anything-but must be an array or single string/number value.";
            return Err(tokens.refuse(why));
        }
    };
    Ok(Pattern::AnythingBut(values))
}

fn anything_but_text(tokens: &mut Tokens<'_>) -> Result<Pattern, FilterError> {
    if tokens.next()? != Token::Name {
        return Err(tokens.refuse("Match expression name not found"));
    }
    let name = tokens.string()?;
    let Some(operator) = text_operator(&name) else {
        return Err(tokens.refuse(format!("Unsupported anything-but pattern: {name}")));
    };
    let make = |text: &str| operator(text).map_err(FilterError::Policy);
    let mut patterns = Vec::new();
    if tokens.clone().next()? == Token::ArrayStart {
        tokens.next()?;
        while tokens.clone().next()? != Token::ArrayEnd {
            patterns.push(make(&wanted_string(tokens, &name)?)?);
        }
        tokens.next()?;
        if patterns.is_empty() {
            return Err(tokens.refuse("Empty arrays are not allowed"));
        }
    } else {
        patterns.push(make(&wanted_string(tokens, &name)?)?);
    }
    match tokens.next()? {
        Token::ObjectEnd => Ok(Pattern::AnythingButText(patterns)),
        _ => Err(tokens.refuse("Only one key allowed in match expression")),
    }
}

/// `["=", 5]`, `["<", 5]`, `[">=", 1, "<", 5]`.
fn numeric(tokens: &mut Tokens<'_>) -> Result<NumberRange, FilterError> {
    if tokens.next()? != Token::ArrayStart {
        return Err(tokens.refuse("Value of numeric must be an array."));
    }
    if tokens.next()? != Token::String {
        let found = tokens.raw();
        return Err(tokens.refuse(format!("Invalid member in numeric match: {found}")));
    }
    let operator = tokens.string()?;
    let value = tokens.next()?;
    let bound = |called: &str, included| match value {
        Token::Number => Ok(Bound {
            number: in_range(tokens)?,
            included,
        }),
        _ => Err(tokens.refuse(format!("Value of {called} must be numeric"))),
    };
    let range = match &*operator {
        "=" => NumberRange::only(bound("equals", true)?.number),
        "<" | "<=" => NumberRange {
            bottom: None,
            top: Some(bound(&operator, operator == "<=")?),
        },
        ">" | ">=" => {
            let bottom = bound(&operator, operator == ">=")?;
            return numeric_from(tokens, bottom);
        }
        other => {
            let why = format!("Unrecognized numeric range operator: {other}");
            return Err(tokens.refuse(why));
        }
    };
    match tokens.next()? {
        Token::ArrayEnd => Ok(range),
        _ => Err(tokens.refuse("Too many elements in numeric expression")),
    }
}

/// What follows the lower bound of a range.
fn numeric_from(tokens: &mut Tokens<'_>, bottom: Bound) -> Result<NumberRange, FilterError> {
    let bottom_only = NumberRange {
        bottom: Some(bottom),
        top: None,
    };
    match tokens.next()? {
        Token::ArrayEnd => return Ok(bottom_only),
        Token::String => {}
        _ => {
            let found = tokens.raw();
            return Err(tokens.refuse(format!("Bad value in numeric range: {found}")));
        }
    }
    let operator = tokens.string()?;
    if operator != "<" && operator != "<=" {
        return Err(tokens.refuse(format!("Bad numeric range operator: {operator}")));
    }
    if tokens.next()? != Token::Number {
        return Err(tokens.refuse(format!("Value of {operator} must be numeric")));
    }
    let top = Bound {
        number: in_range(tokens)?,
        included: operator == "<=",
    };
    if tokens.next()? != Token::ArrayEnd {
        return Err(tokens.refuse("Too many terms in numeric range expression"));
    }
    if bottom.number >= top.number {
        return Err(tokens.refuse("Bottom must be less than top"));
    }
    Ok(NumberRange {
        top: Some(top),
        ..bottom_only
    })
}

fn wanted_string(tokens: &mut Tokens<'_>, called: &str) -> Result<String, FilterError> {
    match tokens.next()? {
        Token::String => tokens.string(),
        _ => Err(tokens.refuse(format!("{called} match pattern must be a string"))),
    }
}

fn text_scalar(tokens: &mut Tokens<'_>) -> Result<Scalar, FilterError> {
    Ok(Scalar::Text(tokens.string()?.into()))
}

fn number(tokens: &Tokens<'_>) -> Result<Number, FilterError> {
    let number = Number::parse(tokens.raw());
    number.ok_or_else(|| tokens.refuse("Value must be numeric"))
}

fn in_range(tokens: &Tokens<'_>) -> Result<Number, FilterError> {
    let number = number(tokens)?;
    match number.is_in_range() {
        true => Ok(number),
        false => Err(tokens.refuse("Value must be between -1.0E9 and 1.0E9, inclusive")),
    }
}

/// Counts as AWS does ("Filter policy constraints"): in each of the ways that `$or` makes, the values of a key by
/// its depth, multiplied with those of the others; and of nested keys the first only.
fn check(alternatives: &Alternatives) -> Result<(), FilterError> {
    let mut keys: Vec<&str> = Vec::new();
    let rules = alternatives.iter().flatten();
    keys.extend(rules.map(|rule| &*rule.root));
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > KEYS_MAX {
        let why = format!("Filter policy can not have more than {KEYS_MAX} keys");
        return Err(FilterError::Policy(why));
    }
    let mut combinations = 0_u64;
    for way in alternatives {
        let values = way.iter().map(|rule| {
            let values = u64::try_from(rule.patterns.len()).unwrap_or(u64::MAX);
            values.saturating_mul(rule.depth.into())
        });
        let product = values.fold(1, u64::saturating_mul);
        combinations = combinations.saturating_add(product);
    }
    let limit = u64::try_from(COMBINATIONS_MAX).unwrap_or(u64::MAX);
    match combinations > limit {
        true => Err(FilterError::too_complex()),
        false => Ok(()),
    }
}
