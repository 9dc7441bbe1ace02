//! `forebay queue`: list, describe, peek, purge, dlq, redrive, subscribe; one file each.

mod describe;
mod dlq;
mod list;
mod message;
mod peek;
mod purge;
mod redrive;
mod subscribe;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin_client::{AdminClient, encoded};
use super::connection::{Global, setting};
use super::failure::{Cause, Failure};
use crate::config::address::HostPort;

/// The most messages that are asked for at once.
const MESSAGES_PART: u64 = 1_000;

/// Look into queues, see why messages died, and send them on their way again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forebay queue list
  forebay queue peek orders.dead
  forebay queue dlq
  forebay queue dlq orders.dead
  forebay queue redrive orders.dead --reason rejected --rate 100/s
  forebay queue subscribe billing orders --from earliest

These commands ask the admin listener: --admin HOST:PORT.")]
pub(crate) struct Queue {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    action: Action,
}

/// Where the queues are.
#[derive(Debug, Args)]
struct Place {
    /// The broker's admin listener
    #[arg(long, global = true, value_name = "HOST:PORT", env = "FOREBAY_ADMIN")]
    #[arg(hide_env_values = true, default_value = "127.0.0.1:15672", value_parser = setting::<HostPort>)]
    admin: HostPort,
    /// The virtual host
    #[arg(long, global = true, value_name = "NAME", default_value = "/")]
    virtual_host: String,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List queues
    List(list::List),
    /// Show what queues hold, have seen, and are configured by
    Describe(describe::Describe),
    /// Show messages without taking them
    Peek(peek::Peek),
    /// Drop every message that is ready
    Purge(purge::Purge),
    /// Show what died: why, how often, when and where
    #[command(after_help = "\
Examples:
  forebay queue dlq                 every queue that the dead of others come to
  forebay queue dlq orders.dead     its messages, by why and where they died")]
    Dlq(dlq::Dlq),
    /// Move messages back to the queues that they died in, or elsewhere
    ///
    /// Every message is in exactly one place at any time, whatever happens to the broker.
    #[command(after_help = "\
Examples:
  forebay queue redrive orders.dead --dry-run
  forebay queue redrive orders.dead --reason rejected --older-than 1h
  forebay queue redrive orders.dead --match 'customer-17' --to orders.repair
  forebay queue redrive orders.dead --to-exchange orders --routing-key retry --rate 50/s")]
    Redrive(redrive::Redrive),
    /// Give a queue what is produced to a topic, from now on or from an earlier place
    Subscribe(subscribe::Subscribe),
    /// End that; what the queue was given stays in it
    Unsubscribe(subscribe::Unsubscribe),
}

impl Queue {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let json = global.json;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let client = AdminClient::connect(&self.place.admin, global.timeout).await?;
            let mut queues = Queues {
                client,
                virtual_host: self.place.virtual_host,
            };
            match self.action {
                Action::List(list) => list.run(&mut queues, json).await,
                Action::Describe(describe) => describe.run(&mut queues, json).await,
                Action::Peek(peek) => peek.run(&mut queues, json).await,
                Action::Purge(purge) => purge.run(&mut queues, json).await,
                Action::Dlq(dlq) => dlq.run(&mut queues, json).await,
                Action::Redrive(redrive) => redrive.run(&mut queues, json).await,
                Action::Subscribe(subscribe) => subscribe.run(&mut queues, json).await,
                Action::Unsubscribe(unsubscribe) => unsubscribe.run(&mut queues, json).await,
            }
        })
    }
}

/// The queues of a virtual host.
struct Queues {
    client: AdminClient,
    virtual_host: String,
}

impl Queues {
    /// All of them, or those that the dead of others come to.
    async fn all(&mut self, dead_letters: bool) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!(
                "/api/v1/queues?virtual_host={}&dead_letters={dead_letters}{after}",
                encoded(&self.virtual_host)
            );
            let mut part = self.client.get(&path).await?;
            if let Value::Array(queues) = part["queues"].take() {
                all.extend(queues);
            }
            match part["next"].as_str() {
                Some(next) => after = format!("&after={}", encoded(next)),
                None => return Ok(all),
            }
        }
    }

    async fn one(&mut self, name: &str) -> Result<Value, Failure> {
        let path = self.path(name, "");
        self.client.get(&path).await
    }

    /// Hands over so many messages from an offset on, with so many bytes of their bodies. Returns where there
    /// may be more.
    async fn messages(
        &mut self,
        name: &str,
        from: u64,
        count: u64,
        body_bytes: u64,
        mut each: impl FnMut(Value),
    ) -> Result<Option<u64>, Failure> {
        let path = self.path(name, "/messages");
        let (mut left, mut next) = (count, Some(from));
        while left > 0
            && let Some(from) = next
        {
            let limit = left.min(MESSAGES_PART);
            let path = format!("{path}&from={from}&limit={limit}&body_bytes={body_bytes}");
            let mut part = self.client.get(&path).await?;
            if let Value::Array(messages) = part["messages"].take() {
                left = left.saturating_sub(messages.len() as u64);
                messages.into_iter().for_each(&mut each);
            }
            next = part["next"].as_u64();
        }
        Ok(next)
    }

    fn path(&self, name: &str, below: &str) -> String {
        let (name, virtual_host) = (encoded(name), encoded(&self.virtual_host));
        format!("/api/v1/queues/{name}{below}?virtual_host={virtual_host}")
    }
}

/// A count in an answer.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn invalid(message: &str) -> Failure {
    Failure::new(Cause::Usage, message)
}
