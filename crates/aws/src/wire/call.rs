//! A request, whichever protocol it came by.

use std::net::IpAddr;

use serde::Deserialize;

use super::answer::Answer;
use super::fault::{Fault, faults};
use super::query::Parameters;
use crate::auth::DEFAULT_ACCOUNT;

/// How a request was written, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// AWS JSON 1.0: an object, answered by an object.
    Json,
    /// The query protocol: a form or a query string, answered in XML.
    Query,
}

/// Who asks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// For example `us-east-1`.
    pub region: String,
    /// The id of the access key, if the request names one.
    pub access_key: Option<String>,
}

impl Caller {
    /// Somebody who says nothing, in a region.
    pub(crate) fn nobody(region: &str) -> Self {
        Self {
            account: DEFAULT_ACCOUNT.to_owned(),
            region: region.to_owned(),
            access_key: None,
        }
    }
}

/// Where a request comes from, as far as policies ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The other end of its connection.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
    /// The page that led to it.
    pub referer: Option<&'a str>,
}

/// The parameters of a request.
#[derive(Debug)]
pub enum Body<'a> {
    /// An object.
    Json(&'a [u8]),
    /// Of a form or a query string.
    Query(Parameters<'a>),
}

/// A request.
#[derive(Debug)]
pub struct Call<'a> {
    /// What is to be done: `SendMessage`.
    pub operation: &'a str,
    /// The parameters.
    pub body: Body<'a>,
    /// Who asks.
    pub caller: &'a Caller,
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// Scheme and host as the client wrote them: `http://localhost:4566`.
    pub endpoint: &'a str,
    /// The host alone, with its port.
    pub host: &'a str,
    /// The path that it was sent to. Older clients send to a queue's.
    pub path: &'a str,
    /// What the client is told to call it by when it complains.
    pub request_id: &'a str,
}

/// What most answers fit into.
const ANSWER_BYTES: usize = 512;

impl<'a> Call<'a> {
    /// How it was written.
    pub fn format(&self) -> Format {
        match self.body {
            Body::Json(_) => Format::Json,
            Body::Query(_) => Format::Query,
        }
    }

    /// Its parameters. What is not known is passed over, as AWS does.
    pub fn input<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Fault> {
        match &self.body {
            // Some clients send nothing where there are no parameters.
            Body::Json([]) => read_json(b"{}"),
            Body::Json(bytes) => read_json(bytes),
            Body::Query(parameters) => parameters.read(),
        }
    }

    /// An answer with members, in which `capacity` more bytes are expected than most have. `namespace` is the
    /// service's, for XML.
    pub fn answer(
        &self,
        namespace: &str,
        capacity: usize,
        write: impl FnOnce(&mut Answer),
    ) -> Vec<u8> {
        let mut answer = Answer::new(self.format(), ANSWER_BYTES + capacity);
        match self.format() {
            Format::Json => answer.braces(write),
            Format::Query => self.envelope(&mut answer, namespace, |answer| {
                let result = format!("{}Result", self.operation);
                answer.structure(&result, write);
            }),
        }
        answer.finish()
    }

    /// An answer of an operation that has none but that it is done.
    pub fn done(&self, namespace: &str) -> Vec<u8> {
        let mut answer = Answer::new(self.format(), ANSWER_BYTES);
        match self.format() {
            Format::Json => answer.braces(|_| ()),
            Format::Query => self.envelope(&mut answer, namespace, |_| ()),
        }
        answer.finish()
    }

    fn envelope(&self, answer: &mut Answer, namespace: &str, write: impl FnOnce(&mut Answer)) {
        let response = format!("{}Response", self.operation);
        answer.raw(b"<?xml version=\"1.0\"?><");
        answer.raw(response.as_bytes());
        answer.raw(b" xmlns=\"");
        answer.raw(namespace.as_bytes());
        answer.raw(b"\">");
        write(answer);
        answer.structure("ResponseMetadata", |answer| {
            answer.text("RequestId", self.request_id);
        });
        answer.close(&response);
    }
}

fn read_json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| faults::malformed(error.to_string()))
}
