//! What goes over the wire: two protocols with one model of requests and answers.
//!
//! | module | what it is |
//! |---|---|
//! | `call` | a request, whichever protocol it came by |
//! | `query` | the query protocol's parameters, as a tree that serde reads |
//! | `entries`, `list`, `text` | what typed requests are made of, borrowed from the body |
//! | `answer` | an answer as it is written: JSON or XML |
//! | `fault` | an error as it is written |
//! | `escape`, `scan` | text inside JSON and XML, and what is rare in it |
//!
//! An operation's input is one type that derives `Deserialize`; both protocols fill it. SQS speaks AWS JSON 1.0 and,
//! to older SDKs, the query protocol; SNS speaks the query protocol.
//!
//! Sources: <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>,
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

mod answer;
mod call;
mod entries;
mod escape;
mod fault;
mod list;
pub mod query;
mod scan;
mod text;

pub use answer::Answer;
pub use call::{Body, Call, Caller, Format, Origin};
pub use entries::Entries;
pub(crate) use escape::json as json_string;
pub use fault::{Fault, faults};
pub use list::List;
pub(crate) use scan::position;
pub use text::Text;
