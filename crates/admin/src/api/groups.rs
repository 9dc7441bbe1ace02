//! `/api/v1/groups`: listing consumer groups.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forebay_broker::group::{GroupCommand, GroupListing, GroupReply, GroupState};
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::extract::Query;
use super::listing::Piece;
use crate::admin::Context;

/// Which groups are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    limit: Option<usize>,
    after: Option<String>,
    /// Only groups in this state.
    state: Option<String>,
}

/// A piece of the listing.
#[derive(Serialize)]
pub(super) struct Groups {
    groups: Vec<GroupSummary>,
    /// What to give as `after` for the next piece; null at the end.
    next: Option<String>,
}

/// A group in brief.
#[derive(Serialize)]
struct GroupSummary {
    id: String,
    state: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    protocol_type: Option<String>,
}

impl From<GroupListing> for GroupSummary {
    fn from(listing: GroupListing) -> Self {
        Self {
            id: listing.group.to_string(),
            state: listing.state.as_str(),
            kind: listing.group_type.as_str(),
            protocol_type: listing.protocol_type.as_deref().map(str::to_owned),
        }
    }
}

/// Lists groups, sorted by id.
pub(super) async fn list(
    State(context): State<Context>,
    Query(asked): Query<Asked>,
) -> Result<Json<Groups>, ApiError> {
    let state = asked.state.as_deref().map(parse_state).transpose()?;
    let question = GroupCommand::List {
        states: state.into_iter().collect(),
        types: Vec::new(),
    };
    let GroupReply::Listed(listed) = context.broker.group(question).await? else {
        return Err(ApiError::internal());
    };
    let piece = Piece::new(asked.limit, asked.after);
    let (groups, next) = piece.of(listed, |listing| listing.group.as_str())?;
    let groups = groups.into_iter().map(GroupSummary::from).collect();
    Ok(Json(Groups { groups, next }))
}

fn parse_state(name: &str) -> Result<GroupState, ApiError> {
    GroupState::from_name(name).ok_or_else(|| {
        let known = GroupState::ALL.map(GroupState::as_str).join(", ");
        let message = format!("`{name}` is no state of a group; these are: {known}");
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", message)
    })
}
