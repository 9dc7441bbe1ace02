//! Names of parameters taken apart at their dots.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::limits;

/// A parameter, and those whose names go on from its own.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) value: Option<Cow<'a, str>>,
    pub(super) children: BTreeMap<Cow<'a, str>, Node<'a>>,
}

/// More than any request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Parameters.
    #[error("a request has no more than {} parameters", limits::PARAMETERS_MAX)]
    Parameters,
    /// Dots in a name.
    #[error(
        "a parameter's name has no more than {} parts",
        limits::PARAMETER_DEPTH_MAX
    )]
    Depth,
}

impl<'a> Node<'a> {
    /// Puts the parameter that is the `count`th of its request. Of two with one name the last counts.
    pub(super) fn put(
        &mut self,
        name: Cow<'a, str>,
        value: Cow<'a, str>,
        count: usize,
    ) -> Result<(), TooMuch> {
        if count > limits::PARAMETERS_MAX {
            return Err(TooMuch::Parameters);
        }
        let node = match name {
            Cow::Borrowed(name) => self.descend(name.split('.').map(Cow::Borrowed))?,
            Cow::Owned(name) => {
                self.descend(name.split('.').map(|part| Cow::Owned(part.to_owned())))?
            }
        };
        node.value = Some(value);
        Ok(())
    }

    fn descend(&mut self, parts: impl Iterator<Item = Cow<'a, str>>) -> Result<&mut Self, TooMuch> {
        let mut node = self;
        for (depth, part) in parts.enumerate() {
            if depth == limits::PARAMETER_DEPTH_MAX {
                return Err(TooMuch::Depth);
            }
            node = node.children.entry(part).or_default();
        }
        Ok(node)
    }

    /// Whether it is named for nothing: `TagKey=` is an empty list.
    fn is_empty(&self) -> bool {
        let has_value = self.value.as_ref().is_some_and(|value| !value.is_empty());
        !has_value && self.children.is_empty()
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.get(name)
    }

    /// Its children as the elements of a list or map, in the order of their numbers. Some lists have a name for each
    /// of them before the number (`Tags.member.1`, `Attributes.entry.1`).
    pub(super) fn elements(&self) -> Vec<&Self> {
        let named = ["member", "entry"];
        let inner = named.iter().find_map(|name| self.child(name));
        let numbered = inner.unwrap_or(self).children.iter();
        let mut elements: Vec<(u64, &Self)> = numbered
            .filter_map(|(number, child)| Some((number.parse().ok()?, child)))
            .collect();
        elements.sort_by_key(|(number, _)| *number);
        // Of one alone some clients leave out the number.
        if elements.is_empty() && inner.is_none() && !self.is_empty() {
            return vec![self];
        }
        elements.into_iter().map(|(_, child)| child).collect()
    }
}
