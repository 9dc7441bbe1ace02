//! The access keys of an operator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{DEFAULT_ACCOUNT, is_account};

/// Access keys by their ids.
#[derive(Clone, Default)]
pub struct AccessKeys(Arc<BTreeMap<String, AccessKey>>);

/// A secret and whose it is.
pub(super) struct AccessKey {
    secret: String,
    account: String,
}

/// A text that is no list of access keys. Its words are not repeated: they may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// A line that is something else.
    #[error("line {0} is not 'ACCESS_KEY_ID SECRET_ACCESS_KEY [ACCOUNT]'")]
    Line(usize),
    /// An account that is not one.
    #[error("line {0}: an account has twelve digits")]
    Account(usize),
    /// The same id twice.
    #[error("line {0}: this access key id is there already")]
    Twice(usize),
    /// Nobody could ask for anything.
    #[error("there is no access key in it")]
    Empty,
}

impl AccessKeys {
    /// Reads a line for each key: its id, its secret, and its account if that is not 000000000000. Lines that begin
    /// with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_ascii_whitespace();
            let (Some(id), Some(secret)) = (words.next(), words.next()) else {
                return Err(KeysError::Line(number));
            };
            let account = words.next();
            let account = account.or_else(|| is_account(id).then_some(id));
            let account = account.unwrap_or(DEFAULT_ACCOUNT);
            if !is_account(account) {
                return Err(KeysError::Account(number));
            }
            if words.next().is_some() {
                return Err(KeysError::Line(number));
            }
            let key = AccessKey {
                secret: secret.to_owned(),
                account: account.to_owned(),
            };
            if keys.insert(id.to_owned(), key).is_some() {
                return Err(KeysError::Twice(number));
            }
        }
        match keys.is_empty() {
            true => Err(KeysError::Empty),
            false => Ok(Self(Arc::new(keys))),
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<&AccessKey> {
        self.0.get(id)
    }
}

impl AccessKey {
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }
}

/// How many there are, and nothing of what they are.
impl fmt::Debug for AccessKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AccessKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_key() {
        let keys =
            AccessKeys::parse("# ours\n\nAKIA1 secret/1\n 111122223333 s2 \nAKIA3 s3 444455556666");
        let keys = keys.unwrap();
        let known = |id| {
            let key = keys.find(id).unwrap();
            (key.secret(), key.account())
        };
        assert_eq!(known("AKIA1"), ("secret/1", "000000000000"));
        assert_eq!(known("111122223333"), ("s2", "111122223333"));
        assert_eq!(known("AKIA3"), ("s3", "444455556666"));
        assert!(keys.find("AKIA4").is_none());
        assert_eq!(format!("{keys:?}"), "AccessKeys(3)");
    }

    #[test]
    fn what_is_wrong_is_said_by_its_line_and_without_its_secret() {
        for (text, error) in [
            ("", KeysError::Empty),
            ("\nAKIA1", KeysError::Line(2)),
            ("AKIA1 s 1 2", KeysError::Account(1)),
            ("AKIA1 s 111122223333 more", KeysError::Line(1)),
            ("AKIA1 s\nAKIA1 t", KeysError::Twice(2)),
        ] {
            assert_eq!(AccessKeys::parse(text).unwrap_err(), error, "{text}");
        }
    }
}
