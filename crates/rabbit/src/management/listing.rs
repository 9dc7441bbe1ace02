//! What a listing shows: which rows, in which order, which page of them, and which columns.

use std::cmp::Ordering;
use std::collections::HashMap;

use axum::Json;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use forebay_broker::host::HostError;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use regex::RegexBuilder;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use crate::limits;

/// The query of a request.
pub(super) type Parameters = Query<HashMap<String, String>>;

/// What a request asks of a listing.
#[derive(Debug, Default)]
pub(super) struct ListQuery {
    page: Option<Page>,
    pub(super) names: Names,
    sort: Option<Vec<String>>,
    reverse: bool,
    columns: Option<Vec<Vec<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    number: usize,
    size: usize,
}

/// Which names are shown.
#[derive(Debug, Default)]
pub(super) enum Names {
    #[default]
    All,
    /// Those with this in them, in whatever case.
    Containing(String),
    /// Those that fit a pattern.
    Matching(Box<regex::Regex>),
    /// The pattern is none.
    Never,
}

impl Names {
    fn new(name: &str, is_pattern: bool) -> Self {
        if name.is_empty() {
            return Self::All;
        }
        if !is_pattern {
            return Self::Containing(name.to_lowercase());
        }
        let pattern = RegexBuilder::new(name)
            .case_insensitive(true)
            .size_limit(limits::NAME_PATTERN_BYTES_MAX)
            .build();
        pattern.map_or(Self::Never, |pattern| Self::Matching(Box::new(pattern)))
    }

    pub(super) fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Containing(part) => name.to_lowercase().contains(part),
            Self::Matching(pattern) => pattern.is_match(name),
            Self::Never => false,
        }
    }
}

impl ListQuery {
    /// What a listing without pages is asked.
    pub(super) fn unpaged(parameters: &HashMap<String, String>) -> Self {
        let text = |name: &str| parameters.get(name).filter(|text| !text.is_empty());
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        Self {
            page: None,
            names: Names::All,
            sort: text("sort").map(|text| path(text)),
            reverse: text("sort_reverse").is_some_and(|text| text == "true"),
            columns: text("columns").map(|text| text.split(',').map(path).collect()),
        }
    }

    pub(super) fn parse(parameters: &HashMap<String, String>) -> Result<Self, ApiError> {
        let mut query = Self::unpaged(parameters);
        query.page = page(parameters)?;
        if query.page.is_some() {
            let name = parameters.get("name").map_or("", String::as_str);
            let is_pattern = parameters
                .get("use_regex")
                .is_some_and(|text| text == "true");
            query.names = Names::new(name, is_pattern);
        }
        Ok(query)
    }

    /// Whether the rows are to be given one after the other as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.page.is_none() && self.sort.is_none() && !self.reverse
    }

    /// Whether rows are sorted by anything but their names.
    pub(super) fn is_sorted(&self) -> bool {
        self.sort.is_some()
    }

    /// Whether rows are sorted by this field.
    pub(super) fn is_sorted_by(&self, field: &str) -> bool {
        matches!(self.sort.as_deref(), Some([only]) if only == field)
    }

    /// Whether rows are shown with this field.
    pub(super) fn shows(&self, field: &str) -> bool {
        let names = |path: &Vec<String>| path.first().is_some_and(|name| name == field);
        self.columns
            .as_ref()
            .is_none_or(|columns| columns.iter().any(names))
    }

    /// What a row is sorted by.
    pub(super) fn key(&self, row: &Value) -> Value {
        let Some(path) = &self.sort else {
            return Value::Null;
        };
        path.iter()
            .try_fold(row, |value, name| value.get(name))
            .cloned()
            .unwrap_or_default()
    }

    /// Sorts what is in the order of names by the keys, and cuts the page out of it. `total` is how many
    /// there were before names were looked at.
    pub(super) fn arrange<T>(
        &self,
        mut rows: Vec<(Value, T)>,
        total: usize,
    ) -> Result<Arranged<T>, ApiError> {
        rows.sort_by(|(a, _), (b, _)| compare(a, b));
        if self.reverse {
            rows.reverse();
        }
        let rows = rows.into_iter().map(|(_, row)| row);
        let Some(Page { number, size }) = self.page else {
            return Ok(Arranged {
                rows: rows.collect(),
                envelope: None,
            });
        };
        let filtered = rows.len();
        let pages = filtered.div_ceil(size);
        if number > pages.max(1) {
            let reason =
                format!("Page out of range, page: {number} page size: {size}, len: {filtered}");
            return Err(ApiError::Mistake("page_out_of_range", reason));
        }
        let rows: Vec<_> = rows.skip((number - 1) * size).take(size).collect();
        let envelope = json!({
            "filtered_count": filtered,
            "item_count": rows.len(),
            "page": number,
            "page_count": pages,
            "page_size": size,
            "total_count": total,
        });
        Ok(Arranged {
            rows,
            envelope: Some(envelope),
        })
    }

    /// A row with the columns that are asked for.
    pub(super) fn project(&self, row: Value) -> Value {
        let Some(columns) = &self.columns else {
            return row;
        };
        let mut shown = Value::Object(Map::new());
        for path in columns {
            let found = path.iter().try_fold(&row, |value, name| value.get(name));
            if let Some(found) = found {
                put(&mut shown, path, found.clone());
            }
        }
        shown
    }

    /// The answer with rows that are all there, sorted by name.
    pub(super) fn answer(&self, rows: Vec<Value>) -> Result<Response, ApiError> {
        let total = rows.len();
        let name = |row: &Value| row.get("name").and_then(Value::as_str).map(str::to_owned);
        let shown = rows.into_iter().filter(|row| {
            matches!(self.names, Names::All) || self.names.includes(&name(row).unwrap_or_default())
        });
        let keyed = shown.map(|row| (self.key(&row), row)).collect();
        let arranged = self.arrange(keyed, total)?;
        let rows = arranged.rows.into_iter().map(|row| self.project(row));
        Ok(with_envelope(arranged.envelope, rows.collect()).into_response())
    }
}

/// Rows in their order, with what goes around them if they are a page.
pub(super) struct Arranged<T> {
    pub(super) rows: Vec<T>,
    pub(super) envelope: Option<Value>,
}

/// Rows that come a part at a time as an answer that is sent as they come: there may be more of them than
/// should be in memory at once.
pub(super) fn streamed<S>(query: ListQuery, parts: S) -> Response
where
    S: Stream<Item = Result<Vec<Value>, HostError>> + Send + 'static,
{
    let mut separator = "";
    let rows = parts.map_ok(move |rows| {
        let mut text = String::new();
        for row in rows {
            text.push_str(separator);
            text.push_str(&query.project(row).to_string());
            separator = ",";
        }
        text
    });
    let edge = |edge: &'static str| stream::once(async move { Ok(edge.to_owned()) });
    let whole = edge("[").chain(rows).chain(edge("]"));
    let json = HeaderValue::from_static("application/json");
    let mut response = Response::new(Body::from_stream(whole));
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Rows as an answer.
pub(super) fn with_envelope(envelope: Option<Value>, rows: Vec<Value>) -> Json<Value> {
    Json(match envelope {
        None => Value::Array(rows),
        Some(mut envelope) => {
            envelope["items"] = Value::Array(rows);
            envelope
        }
    })
}

fn page(parameters: &HashMap<String, String>) -> Result<Option<Page>, ApiError> {
    let Some(number) = parameters.get("page") else {
        return Ok(None);
    };
    let invalid = |_| ApiError::bad_request("Pagination parameters are invalid");
    let number: i64 = number.parse().map_err(invalid)?;
    let size = parameters.get("page_size");
    let size: Option<i64> = size.map(|size| size.parse().map_err(invalid)).transpose()?;
    let said = size.map_or_else(|| "undefined".to_owned(), |size| size.to_string());
    let within = |size: &i64| (1..=limits::PAGE_ROWS_MAX).contains(size);
    match size.unwrap_or(limits::PAGE_ROWS_DEFAULT) {
        size if number > 0 && within(&size) => Ok(Some(Page {
            number: usize::try_from(number).unwrap_or(usize::MAX),
            size: usize::try_from(size).unwrap_or(usize::MAX),
        })),
        _ => Err(ApiError::Mistake(
            "invalid_pagination_parameters",
            format!("Invalid pagination parameters: page number {number}, page size {said}"),
        )),
    }
}

/// Puts a value at a path, among what is there.
fn put(into: &mut Value, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    let Value::Object(fields) = into else {
        return;
    };
    if rest.is_empty() {
        fields.insert(name.clone(), value);
        return;
    }
    let next = fields
        .entry(name.clone())
        .or_insert_with(|| Value::Object(Map::new()));
    put(next, rest, value);
}

/// What is nothing comes first, then switches, numbers, texts, and the rest.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => {
                let (x, y) = (x.as_f64().unwrap_or(0.0), y.as_f64().unwrap_or(0.0));
                x.total_cmp(&y)
            }
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(parameters: &[(&str, &str)]) -> Result<ListQuery, ApiError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ListQuery::parse(&parameters.iter().map(owned).collect())
    }

    /// The rows `a` to `e`, each with its place, counted from the end.
    fn rows() -> Vec<(Value, &'static str)> {
        let rows = ["a", "b", "c", "d", "e"].into_iter().zip((0..5).rev());
        rows.map(|(name, place)| (json!(place), name)).collect()
    }

    fn arranged(parameters: &[(&str, &str)]) -> Vec<&'static str> {
        let query = query(parameters).unwrap();
        query.arrange(rows(), 5).unwrap().rows
    }

    #[test]
    fn pages_are_cut_out_of_what_is_sorted() {
        let all = ["e", "d", "c", "b", "a"];
        assert_eq!(arranged(&[("sort", "n")]), all);
        let second = [("sort", "n"), ("page", "2"), ("page_size", "2")];
        assert_eq!(arranged(&second), ["c", "b"]);
        let reversed = [("sort", "n"), ("sort_reverse", "true"), ("page", "1")];
        assert_eq!(arranged(&reversed), ["a", "b", "c", "d", "e"]);
        let last = query(&[("page", "3"), ("page_size", "2")]).unwrap();
        let last = last.arrange(rows(), 7).unwrap();
        let envelope = last.envelope.unwrap();
        assert_eq!(last.rows, ["a"]);
        assert_eq!(
            (&envelope["page_count"], &envelope["total_count"]),
            (&json!(3), &json!(7))
        );
    }

    #[test]
    fn pages_that_are_not_there_are_refused_in_rabbitmqs_words() {
        let reason = |parameters: &[(&str, &str)]| match query(parameters) {
            Err(ApiError::Mistake(_, reason)) => reason,
            Err(ApiError::BadRequest(reason)) => reason.as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(&[("page", "a")]),
            "Pagination parameters are invalid"
        );
        assert_eq!(
            reason(&[("page", "0")]),
            "Invalid pagination parameters: page number 0, page size undefined"
        );
        assert_eq!(
            reason(&[("page", "1"), ("page_size", "501")]),
            "Invalid pagination parameters: page number 1, page size 501"
        );
        let ninth = query(&[("page", "9")]).unwrap();
        let refused = ninth.arrange(rows(), 5).err().unwrap();
        let expected = "Page out of range, page: 9 page size: 100, len: 5".to_owned();
        assert_eq!(refused, ApiError::Mistake("page_out_of_range", expected));
        assert!(
            query(&[("page", "1")])
                .unwrap()
                .arrange::<()>(Vec::new(), 0)
                .is_ok()
        );
    }

    #[test]
    fn names_are_looked_for_in_parts_or_by_patterns() {
        let includes = |name: &str, pattern: &str, of: &str| {
            let query = query(&[("page", "1"), ("name", name), ("use_regex", pattern)]);
            query.unwrap().names.includes(of)
        };
        assert!(includes("Rder", "false", "orders"));
        assert!(!includes("^orders$", "false", "orders"));
        assert!(includes("^orders$", "true", "orders"));
        assert!(!includes("[", "true", "["));
        assert!(
            query(&[("name", "zzz")])
                .unwrap()
                .names
                .includes("only pages have names")
        );
    }

    #[test]
    fn columns_may_be_within_others() {
        let query = query(&[("columns", "name,message_stats.publish,nothing")]).unwrap();
        let row = json!({"name": "q", "messages": 3, "message_stats": {"publish": 1, "ack": 2}});
        let expected = json!({"name": "q", "message_stats": {"publish": 1}});
        assert_eq!(query.project(row), expected);
    }
}
