//! The services that share one address.

use crate::gateway::Shared;
use crate::wire::{Call, Fault, Format, faults};
use crate::{sns, sqs};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Queues.
    Sqs,
    /// Topics.
    Sns,
}

/// The version of SNS's interface, by which a request of the query protocol says whose it is.
const SNS_VERSION: &str = "2010-03-31";

impl Service {
    pub(crate) const ALL: [Self; 2] = [Self::Sqs, Self::Sns];

    /// Its name in scopes and ARNs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
        }
    }

    /// The namespace of its answers in XML.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::Sqs => sqs::NAMESPACE,
            Self::Sns => sns::NAMESPACE,
        }
    }

    /// What it can be asked.
    pub(crate) fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Sqs => &sqs::OPERATIONS,
            Self::Sns => &sns::OPERATIONS,
        }
    }

    /// Whose a request of the query protocol is: what it was signed for says so, or else its version, or what it asks:
    /// SNS sends people to pages where they confirm and unsubscribe, which name only that.
    pub(crate) fn of_query(scope: Option<&str>, version: Option<&str>, action: &str) -> Self {
        match (scope, version) {
            (Some("sns"), _) => Self::Sns,
            (Some("sqs"), _) => Self::Sqs,
            (_, Some(SNS_VERSION)) => Self::Sns,
            (_, None) if sns::OF_PEOPLE.contains(&action) => Self::Sns,
            _ => Self::Sqs,
        }
    }

    /// Does what a request asks, and says so in the body of an answer.
    pub(crate) async fn call(self, shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
        if !self.operations().contains(&call.operation) {
            return Err(match call.format() {
                Format::Json => faults::unknown_operation(),
                Format::Query => faults::invalid_action(call.operation),
            });
        }
        match self {
            Self::Sqs => sqs::call(shared, call).await,
            // Boxed, so that the connections of those who only ask SQS have no room for it.
            Self::Sns => Box::pin(sns::call(&shared.sns, call)).await,
        }
    }
}
