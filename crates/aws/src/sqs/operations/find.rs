//! GetQueueUrl, ListQueues, ListDeadLetterSourceQueues

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use forebay_broker::host::{Part, QueueDescription, VirtualHost};
use serde::Deserialize;

use super::answer;
use crate::gateway::Shared;
use crate::limits;
use crate::namespace::Namespace;
use crate::sqs::definition::Definition;
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, PlaceRef, Queue, is_shown};
use crate::sqs::{access, address};
use crate::wire::{Call, Fault, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GetUrl<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

pub(super) async fn get_url(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: GetUrl<'_> = call.input()?;
    let name = input.queue_name.as_deref();
    let name = name.ok_or(SqsError::MissingParameter("QueueName"))?;
    let account = input.owner.as_deref().unwrap_or(&call.caller.account);
    let place = PlaceRef {
        account,
        region: &call.caller.region,
        name,
    };
    access::check(shared, call, place).await?;
    queues::at(shared, place).await?;
    let url = address::url(call.endpoint, account, name);
    Ok(answer(call, |answer| answer.text("QueueUrl", &url)))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct List<'a> {
    #[serde(borrow)]
    queue_name_prefix: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i64>,
}

/// Queues in the order of their names. Only who says how many it wants is told where to go on.
pub(super) async fn list(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: List<'_> = call.input()?;
    let page = Page::of(input.max_results, input.next_token.as_deref())?;
    let caller = call.caller;
    let namespace = Namespace {
        account: caller.account.clone(),
        region: caller.region.clone(),
    };
    let prefix = input.queue_name_prefix.as_deref().unwrap_or_default();
    let found = match namespace.find(&shared.broker, &shared.options.region) {
        Some(host) => page.walk(&host, prefix, |_| true).await?,
        None => Found::default(),
    };
    Ok(write(call, "QueueUrls", &caller.account, found))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListSources<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i64>,
}

/// Queues whose dead go to this one.
pub(super) async fn list_dead_letter_sources(
    shared: &Shared,
    call: &Call<'_>,
) -> Result<Vec<u8>, Fault> {
    let input: ListSources<'_> = call.input()?;
    let queue = queues::find(shared, call, input.queue_url.as_ref()).await?;
    let page = Page::of(input.max_results, input.next_token.as_deref())?;
    let found = page.sources_of(&queue).await?;
    Ok(write(call, SOURCES, &queue.namespace.account, found))
}

/// Whether any queue's dead go to this one.
pub(super) async fn takes_dead(queue: &Queue) -> Result<bool, SqsError> {
    let one = Page {
        limit: 1,
        is_paged: false,
        after: None,
    };
    Ok(!one.sources_of(queue).await?.names.is_empty())
}

/// The name of the list of queues whose dead go to one: the model says that it is always there, and writes it small.
const SOURCES: &str = "queueUrls";

fn write(call: &Call<'_>, name: &str, account: &str, found: Found) -> Vec<u8> {
    let names = found.names.iter();
    let urls: Vec<String> = names
        .map(|name| address::url(call.endpoint, account, name))
        .collect();
    answer(call, |answer| {
        let urls = urls.iter().map(String::as_str);
        match name {
            SOURCES => answer.required_texts(name, "QueueUrl", urls),
            name => answer.texts(name, "QueueUrl", urls),
        }
        answer.optional_text("NextToken", found.next.as_deref());
    })
}

/// A part of what is in the order of names.
struct Page {
    limit: usize,
    /// The client wants to be told where there is more.
    is_paged: bool,
    after: Option<Bytes>,
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
    next: Option<String>,
}

impl Page {
    fn of(max_results: Option<i64>, token: Option<&str>) -> Result<Self, SqsError> {
        let most = limits::LISTED_MAX;
        let limit = match max_results {
            None => most,
            Some(wanted) => usize::try_from(wanted)
                .ok()
                .filter(|wanted| (1..=most).contains(wanted))
                .ok_or_else(|| {
                    let reason = format!("MaxResults must be an integer between 1 and {most}");
                    SqsError::parameter(&wanted.to_string(), "MaxResults", &reason)
                })?,
        };
        let after = token.map(|token| {
            let name = URL_SAFE_NO_PAD.decode(token);
            let invalid =
                |_| SqsError::parameter(token, "NextToken", "Invalid or expired next token.");
            name.map(Bytes::from).map_err(invalid)
        });
        Ok(Self {
            limit,
            is_paged: max_results.is_some(),
            after: after.transpose()?,
        })
    }

    /// Queues whose dead go to that one.
    async fn sources_of(self, queue: &Queue) -> Result<Found, SqsError> {
        let arn = queue.arn();
        let goes_there = |described: &QueueDescription| {
            let policy = Definition::of(&described.definition).redrive_policy();
            policy.is_ok_and(|policy| policy.is_some_and(|policy| policy.target == arn))
        };
        self.walk(&queue.host, "", goes_there).await
    }

    async fn walk(
        self,
        host: &VirtualHost,
        prefix: &str,
        is_wanted: impl Fn(&QueueDescription) -> bool,
    ) -> Result<Found, SqsError> {
        let mut found = Found::default();
        let mut after = self.after;
        loop {
            let part = Part {
                after: after.take(),
                limit: limits::INSPECTED_AT_ONCE,
            };
            let queues = host.queues(part).await?;
            let Some(last) = queues.last() else {
                return Ok(found);
            };
            after = Some(last.definition.name.clone());
            for queue in &queues {
                let Ok(name) = std::str::from_utf8(&queue.definition.name) else {
                    continue;
                };
                if !name.starts_with(prefix) || !is_shown(queue) || !is_wanted(queue) {
                    continue;
                }
                if found.names.len() == self.limit {
                    found.next = found.names.last().map(|last| URL_SAFE_NO_PAD.encode(last));
                    return Ok(found);
                }
                found.names.push(name.to_owned());
                // Only who asks for pages is told whether there is more.
                if found.names.len() == self.limit && !self.is_paged {
                    return Ok(found);
                }
            }
        }
    }
}
