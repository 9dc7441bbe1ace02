//! `forebay group list`.

use forebay_kafka::client::Client;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::table::Table;
use crate::cli::{output, terminal};

/// Prints every group and its state.
pub(super) async fn run(client: &Client, json: bool) -> Result<(), Failure> {
    let groups = client.list_groups().await?;
    if json {
        let groups = groups.iter().map(|group| {
            json!({
                "name": group.name,
                "state": group.state,
                "protocol_type": group.protocol_type,
            })
        });
        return output::print_json(&Value::Array(groups.collect()));
    }
    if groups.is_empty() {
        terminal::note("no groups yet; forebay consume TOPIC --group NAME makes one");
        return Ok(());
    }
    let mut table = Table::new(["GROUP", "STATE", "TYPE"]);
    for group in &groups {
        // A group that only has offsets was never told what it is.
        let kind = match group.protocol_type.as_str() {
            "" => "-",
            kind => kind,
        };
        table.row([&group.name, &group.state, kind]);
    }
    output::print_data(&table)
}
