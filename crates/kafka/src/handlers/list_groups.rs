//! ListGroups (key 16): all groups in brief.
//!
//! | version | change |
//! |---|---|
//! | 1 | throttle time |
//! | 4 | states, also as a filter (KIP-518) |
//! | 5 | types, also as a filter (KIP-848) |

use forebay_broker::group::{GroupCommand, GroupListing, GroupReply, GroupState, GroupType};

use super::{Call, coordinator};
use crate::protocol::generated::list_groups_response::ListedGroup;
use crate::protocol::generated::{ListGroupsRequest, ListGroupsResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: ListGroupsRequest<'_>,
) -> ListGroupsResponse<'static> {
    match list(call, &request).await {
        Ok(groups) => ListGroupsResponse {
            groups: groups.into_iter().map(listed).collect(),
            ..ListGroupsResponse::default()
        },
        Err(error) => ListGroupsResponse {
            error_code: error as i16,
            ..ListGroupsResponse::default()
        },
    }
}

async fn list(
    call: &Call<'_>,
    request: &ListGroupsRequest<'_>,
) -> Result<Vec<GroupListing>, ErrorCode> {
    let states = filter(&request.states_filter, GroupState::from_name);
    let types = filter(&request.types_filter, GroupType::from_name);
    let (Some(states), Some(types)) = (states, types) else {
        return Ok(Vec::new());
    };
    let command = GroupCommand::List { states, types };
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::Listed(groups) => Some(groups),
        _ => None,
    });
    said.await
}

/// The values that are let through: any if it is empty. None at all if `names` are not empty and
/// none of them is known, since nothing is like that.
fn filter<T>(names: &[Str<'_>], parse: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let known: Vec<T> = names.iter().filter_map(|name| parse(name.trim())).collect();
    (names.is_empty() || !known.is_empty()).then_some(known)
}

/// The state and the type are left out of the answer by versions that lack them.
fn listed(group: GroupListing) -> ListedGroup<'static> {
    ListedGroup {
        group_id: group.group.shared().into(),
        protocol_type: group.protocol_type.map(Str::from).unwrap_or_default(),
        group_state: group.state.as_str().into(),
        group_type: type_name(group.group_type).into(),
    }
}

/// As Kafka writes it.
fn type_name(group_type: GroupType) -> &'static str {
    match group_type {
        GroupType::Classic => "classic",
        GroupType::Consumer => "consumer",
        GroupType::Share => "share",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_filter_lets_everything_through() {
        assert_eq!(filter(&[], GroupState::from_name), Some(Vec::new()));
    }

    #[test]
    fn a_filter_for_what_does_not_exist_lets_nothing_through() {
        let names = [Str::from("Assigning")];
        assert_eq!(filter(&names, GroupState::from_name), None);
    }

    #[test]
    fn a_filter_is_read_in_any_case_of_letters() {
        let names = ["stable", " EMPTY ", "Assigning"].map(Str::from);
        let states = vec![GroupState::Stable, GroupState::Empty];
        assert_eq!(filter(&names, GroupState::from_name), Some(states));
    }
}
