//! A whole broker behind its AWS gateway, and a client of SQS and SNS that says anything. It is all one thread and
//! made-up time, so that long polls cost nothing.
//!
//! ```text
//! how u8 | ...    even  bytes of the connection as they are
//!                 odd   requests: operation u8 (from 128 on by the query protocol) | length u16 | body
//! ```
//!
//! Whatever is sent: nothing panics, nobody waits for ever, memory stays in proportion, every whole request is
//! answered with HTTP that can be read, and afterwards the data folder is in good order.

use std::sync::LazyLock;

use forebay_storage::SimulatedDisk;

use crate::disk::hold::verify;
use crate::memory::{Bound, bounded};
use crate::world::{self, World};

/// What a connection may take.
const SESSION: Bound = Bound {
    base: 64 << 20,
    per_byte: 64,
};
/// Where operations of the query protocol begin.
const QUERY: u8 = 128;
/// What is asked, by number. New ones go to the end: inputs name them by their numbers.
const OPERATIONS: &[&str] = &[
    "CreateQueue",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "SendMessageBatch",
    "DeleteMessageBatch",
    "ChangeMessageVisibilityBatch",
    "GetQueueUrl",
    "ListQueues",
    "GetQueueAttributes",
    "SetQueueAttributes",
    "PurgeQueue",
    "DeleteQueue",
    "TagQueue",
    "UntagQueue",
    "ListQueueTags",
    "AddPermission",
    "RemovePermission",
    "ListDeadLetterSourceQueues",
    "StartMessageMoveTask",
    "CancelMessageMoveTask",
    "ListMessageMoveTasks",
    "CreateTopic",
    "Subscribe",
    "Publish",
    "PublishBatch",
    "SetSubscriptionAttributes",
    "SetTopicAttributes",
    "ListSubscriptionsByTopic",
    "ConfirmSubscription",
    "Unsubscribe",
    "DeleteTopic",
    "TagResource",
];
/// Those from here on are SNS's.
const FIRST_OF_SNS: usize = 23;

static DISK: LazyLock<SimulatedDisk> = LazyLock::new(SimulatedDisk::new);

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    let (sent, requests) = match how % 2 {
        0 => (rest.to_vec(), None),
        _ => {
            let requests = requests(rest);
            let count = requests.len();
            (requests.concat(), Some(count))
        }
    };
    let disk = DISK.after_kill();
    bounded("a session", sent.len(), SESSION, || {
        let answered = world::run(async {
            let mut world = World::open(disk.clone());
            let answered = world.aws_connection(sent.clone()).await;
            world.stop().await;
            answered
        });
        let answers = answers(&answered);
        if let Some(requests) = requests {
            assert_eq!(answers, requests, "every request is answered");
        }
    });
    let damages = verify(&disk).damages;
    assert_eq!(damages, [], "a clean stop leaves a clean folder");
}

fn requests(mut input: &[u8]) -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    while let Some(([operation, length @ ..], rest)) = input.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (body, rest) = rest.split_at(length);
        requests.push(request(*operation, body));
        input = rest;
    }
    requests
}

fn request(operation: u8, body: &[u8]) -> Vec<u8> {
    let index = usize::from(operation % QUERY) % OPERATIONS.len();
    let name = OPERATIONS[index];
    let is_query = operation >= QUERY || index >= FIRST_OF_SNS;
    let (head, prefix) = if is_query {
        let version = match index {
            FIRST_OF_SNS.. => "2010-03-31",
            _ => "2012-11-05",
        };
        (
            "Content-Type: application/x-www-form-urlencoded".to_owned(),
            format!("Action={name}&Version={version}&"),
        )
    } else {
        let head =
            format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{name}");
        (head, String::new())
    };
    let length = prefix.len() + body.len();
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: h:4566\r\n{head}\r\nContent-Length: {length}\r\n\r\n{prefix}"
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Reads answers, each of which is whole. Returns how many there are.
fn answers(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while !bytes.is_empty() {
        assert!(bytes.starts_with(b"HTTP/1.1 "), "an answer begins here");
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.expect("the head of an answer ends") + 4;
        let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
        let headers = head.to_ascii_lowercase();
        let mut lengths = headers
            .lines()
            .filter_map(|line| line.strip_prefix("content-length: "));
        let length = lengths.next().unwrap_or("0");
        let length: usize = length.trim().parse().expect("a length is a number");
        // The answer to what asks to go on has no body.
        let is_interim = head.starts_with("HTTP/1.1 1");
        let body = &bytes[end..end + length];
        if headers.contains("application/x-amz-json") {
            let read: Result<serde_json::Value, _> = serde_json::from_slice(body);
            read.expect("what is said to be JSON is JSON");
        } else {
            std::str::from_utf8(body).expect("XML is text");
        }
        bytes = &bytes[end + length..];
        count += usize::from(!is_interim);
    }
    count
}

/// Inputs to begin with: what clients of SQS and SNS say, by both protocols.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let url = "http://h:4566/000000000000/q";
    let fifo = "http://h:4566/000000000000/q.fifo";
    let json: Vec<(&str, String)> = vec![
        ("CreateQueue", r#"{"QueueName":"dead"}"#.into()),
        ("CreateQueue", r#"{"QueueName":"q","Attributes":{"VisibilityTimeout":"1","DelaySeconds":"0","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":1}"},"tags":{"a":"b"}}"#.into()),
        ("CreateQueue", r#"{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true","ContentBasedDeduplication":"true"}}"#.into()),
        ("SendMessage", format!(r#"{{"QueueUrl":"{url}","MessageBody":"b","MessageAttributes":{{"n":{{"DataType":"Number","StringValue":"1"}},"b":{{"DataType":"Binary","BinaryValue":"AAEC"}}}}}}"#)),
        ("SendMessageBatch", format!(r#"{{"QueueUrl":"{fifo}","Entries":[{{"Id":"1","MessageBody":"a","MessageGroupId":"g"}},{{"Id":"2","MessageBody":"b","MessageGroupId":"g","MessageDeduplicationId":"d"}}]}}"#)),
        ("ReceiveMessage", format!(r#"{{"QueueUrl":"{url}","MaxNumberOfMessages":10,"WaitTimeSeconds":1,"AttributeNames":["All"],"MessageAttributeNames":["All"]}}"#)),
        ("ReceiveMessage", format!(r#"{{"QueueUrl":"{fifo}","MaxNumberOfMessages":10,"VisibilityTimeout":0,"MessageSystemAttributeNames":["All"]}}"#)),
        ("ReceiveMessage", format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":20}}"#)),
        ("GetQueueAttributes", format!(r#"{{"QueueUrl":"{url}","AttributeNames":["All"]}}"#)),
        ("SetQueueAttributes", format!(r#"{{"QueueUrl":"{url}","Attributes":{{"MaximumMessageSize":"1024"}}}}"#)),
        ("ListQueues", r#"{"QueueNamePrefix":"q","MaxResults":1}"#.into()),
        ("DeleteMessageBatch", format!(r#"{{"QueueUrl":"{url}","Entries":[{{"Id":"1","ReceiptHandle":"none"}}]}}"#)),
        ("ListDeadLetterSourceQueues", r#"{"QueueUrl":"http://h:4566/000000000000/dead"}"#.into()),
        ("StartMessageMoveTask", r#"{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#.into()),
        ("TagQueue", format!(r#"{{"QueueUrl":"{url}","Tags":{{"k":"v"}}}}"#)),
        ("AddPermission", format!(r#"{{"QueueUrl":"{url}","Label":"l","AWSAccountIds":["123456789012"],"Actions":["*"]}}"#)),
        ("PurgeQueue", format!(r#"{{"QueueUrl":"{url}"}}"#)),
        ("DeleteQueue", format!(r#"{{"QueueUrl":"{url}"}}"#)),
    ];
    let query: Vec<(&str, &str)> = vec![
        (
            "CreateQueue",
            "QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0",
        ),
        (
            "SendMessage",
            "QueueUrl=http%3A%2F%2Fh%2F000000000000%2Fq&MessageBody=a+b&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v",
        ),
        (
            "SendMessageBatch",
            "QueueUrl=q&SendMessageBatchRequestEntry.1.Id=1&SendMessageBatchRequestEntry.1.MessageBody=x",
        ),
        (
            "ReceiveMessage",
            "QueueUrl=q&MaxNumberOfMessages=10&AttributeName.1=All",
        ),
        (
            "CreateTopic",
            "Name=t&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=d",
        ),
        (
            "Subscribe",
            "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3At&Protocol=sqs&Endpoint=arn%3Aaws%3Asqs%3Aus-east-1%3A000000000000%3Aq&Attributes.entry.1.key=FilterPolicy&Attributes.entry.1.value=%7B%22a%22%3A%5B%22b%22%5D%7D",
        ),
        (
            "Publish",
            "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3At&Message=m&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=b",
        ),
        ("ReceiveMessage", "QueueUrl=q"),
    ];
    let number = |name: &str| {
        let found = OPERATIONS.iter().position(|operation| *operation == name);
        found.expect("an operation that there is") as u8
    };
    let one = |operation: u8, body: &str| {
        let mut request = vec![operation];
        request.extend((body.len() as u16).to_be_bytes());
        request.extend_from_slice(body.as_bytes());
        request
    };
    let json: Vec<_> = json
        .iter()
        .map(|(name, body)| one(number(name), body))
        .collect();
    let query: Vec<_> = query
        .iter()
        .map(|(name, body)| one(number(name) | QUERY, body))
        .collect();
    let mut seeds: Vec<Vec<u8>> = json
        .chunks(9)
        .chain(query.chunks(8))
        .map(|some| [&[1][..], &some.concat()].concat())
        .collect();
    let raw = requests(&json[..2].concat());
    seeds.push([&[0][..], &raw.concat()].concat());
    seeds.push(b"\x00GET /000000000000/q?Action=ReceiveMessage&Version=2012-11-05 HTTP/1.1\r\nHost: h\r\n\r\n".to_vec());
    seeds
}
