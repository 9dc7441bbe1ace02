//! `forebay queue subscribe` and `forebay queue unsubscribe`.

use clap::Args;
use serde_json::{Value, json};

use super::{Queues, invalid};
use crate::cli::admin_client::encoded;
use crate::cli::failure::Failure;
use crate::cli::position::{FORMS, Position};
use crate::cli::{output, terminal};

/// What `queue subscribe` was told.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  forebay queue subscribe billing orders
  forebay queue subscribe billing orders --from earliest
  forebay queue subscribe billing orders --from -1h

{FORMS}"))]
pub(crate) struct Subscribe {
    /// Name of the queue
    #[arg(value_name = "QUEUE")]
    queue: String,
    /// Name of the topic
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Where to begin, see below
    #[arg(
        long,
        value_name = "POSITION",
        allow_hyphen_values = true,
        default_value = "latest"
    )]
    #[arg(value_parser = Position::parse_now)]
    from: Position,
}

/// What `queue unsubscribe` was told.
#[derive(Debug, Args)]
pub(crate) struct Unsubscribe {
    /// Name of the queue
    #[arg(value_name = "QUEUE")]
    queue: String,
    /// Name of the topic
    #[arg(value_name = "TOPIC")]
    topic: String,
}

impl Subscribe {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let (queue, topic) = (&self.queue, &self.topic);
        let wanted = json!({ "topic": topic, "from": from(self.from)? });
        let path = queues.path(queue, "/subscriptions");
        let answer = queues.client.post(&path, &wanted).await?;
        if json {
            return output::print_json(&answer);
        }
        terminal::note(&match answer["created"].as_bool() {
            Some(true) => format!("queue {queue} is subscribed to topic {topic}"),
            _ => format!("queue {queue} was subscribed to topic {topic}, and goes on where it is"),
        });
        Ok(())
    }
}

impl Unsubscribe {
    pub(super) async fn run(self, queues: &mut Queues, json: bool) -> Result<(), Failure> {
        let (queue, topic) = (&self.queue, &self.topic);
        let below = format!("/subscriptions/{}", encoded(topic));
        let path = queues.path(queue, &below);
        let answer = queues.client.delete(&path).await?;
        if json {
            return output::print_json(&answer);
        }
        terminal::note(&match answer["deleted"].as_bool() {
            Some(true) => format!("queue {queue} is no longer subscribed to topic {topic}"),
            _ => format!("queue {queue} was not subscribed to topic {topic}"),
        });
        Ok(())
    }
}

/// A position as the admin listener has it.
fn from(position: Position) -> Result<Value, Failure> {
    let whole =
        |number: i64| u64::try_from(number).map_err(|_| invalid("an offset is not below zero"));
    Ok(match position {
        Position::Beginning => json!("earliest"),
        Position::End => json!("latest"),
        Position::Offset(offset) => json!({ "offset": whole(offset)? }),
        Position::Last(count) => json!({ "last": whole(count)? }),
        Position::Time(time) => json!({ "timestamp_ms": time.as_millisecond() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_said_as_the_listener_has_them() {
        let said = |text| from(Position::parse_now(text).unwrap()).unwrap();
        assert_eq!(said("earliest"), json!("earliest"));
        assert_eq!(said("end"), json!("latest"));
        assert_eq!(said("7"), json!({ "offset": 7 }));
        assert_eq!(said("-7"), json!({ "last": 7 }));
        let time = said("2026-11-01T00:00:00Z");
        assert_eq!(time, json!({ "timestamp_ms": 1_793_491_200_000_i64 }));
    }
}
