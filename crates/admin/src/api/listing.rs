//! Listings in pieces: sorted, from the entry after a named one, so that what comes or goes between
//! two requests neither repeats nor hides the others.

use axum::http::StatusCode;
use serde::Deserialize;

use super::ApiError;
use crate::limits;

/// Which piece is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Piece {
    /// How many entries.
    limit: Option<usize>,
    /// The last entry of the piece before.
    after: Option<String>,
}

impl Piece {
    /// A piece of `limit` entries after the one that is named.
    pub(super) fn new(limit: Option<usize>, after: Option<String>) -> Self {
        Self { limit, after }
    }

    /// The entries asked for of `sorted`, and the name to ask for the next piece with.
    pub(super) fn of<T>(
        &self,
        sorted: Vec<T>,
        name: impl Fn(&T) -> &str,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let limit = entries(self.limit)?;
        let from = match self.after.as_deref() {
            Some(after) => sorted.partition_point(|entry| name(entry) <= after),
            None => 0,
        };
        let more = sorted.len() - from > limit;
        let piece: Vec<T> = sorted.into_iter().skip(from).take(limit).collect();
        let next = piece.last().filter(|_| more);
        let next = next.map(|last| name(last).to_owned());
        Ok((piece, next))
    }
}

/// How many entries of a listing are asked for.
pub(super) fn entries(asked: Option<usize>) -> Result<usize, ApiError> {
    let (default, most) = (limits::LISTING_DEFAULT, limits::LISTING_MAX);
    within(asked.unwrap_or(default), most, "invalid_query")
}

/// A limit that somebody gave, if it is no larger than `most`; otherwise the refusal with this code.
pub(super) fn within(limit: usize, most: usize, code: &'static str) -> Result<usize, ApiError> {
    if limit == 0 || limit > most {
        let message = format!("limit is {limit}; it must lie between 1 and {most}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, code, message));
    }
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(limit: Option<usize>, after: Option<&str>) -> (String, Option<String>) {
        let after = after.map(str::to_owned);
        let names = vec!["a", "b", "c", "d"];
        let (piece, next) = Piece { limit, after }.of(names, |name| name).unwrap();
        (piece.concat(), next)
    }

    #[test]
    fn pieces_follow_each_other_without_gap_or_repetition() {
        assert_eq!(piece(None, None), ("abcd".into(), None));
        assert_eq!(piece(Some(2), None), ("ab".into(), Some("b".into())));
        assert_eq!(piece(Some(2), Some("b")), ("cd".into(), None));
        // The entry that was named may be gone.
        assert_eq!(piece(Some(1), Some("bb")), ("c".into(), Some("c".into())));
        assert_eq!(piece(Some(4), Some("z")), (String::new(), None));
    }

    #[test]
    fn a_limit_beyond_the_bounds_is_refused() {
        for limit in [0, limits::LISTING_MAX + 1] {
            let piece = Piece {
                limit: Some(limit),
                after: None,
            };
            assert!(piece.of(vec!["a"], |name| name).is_err());
        }
    }
}
