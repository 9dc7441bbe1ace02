//! A queue, and requests about it.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::connection::Connection;
use super::fields::Field;

/// How long a locked message stays away: longer than any load.
const VISIBILITY_SECONDS: u32 = 600;
/// Digits of the number that a message may begin with.
pub(super) const NUMBER_DIGITS: usize = 20;

/// A server, and the name of the queue on it that is used.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The server.
    pub address: SocketAddr,
    /// The queue.
    pub queue: String,
}

/// A queue that is there.
#[derive(Clone)]
pub(super) struct Queue {
    address: SocketAddr,
    /// As the server names it.
    url: String,
}

impl Endpoint {
    /// Makes the queue, or finds it.
    pub(super) async fn open(&self) -> io::Result<Queue> {
        let mut connection = Connection::open(self.address).await?;
        let body = format!(
            r#"{{"QueueName":"{}","Attributes":{{"VisibilityTimeout":"{VISIBILITY_SECONDS}"}}}}"#,
            self.queue
        );
        let answer = connection
            .call(&request(self.address, "CreateQueue", &body))
            .await?;
        let url = Field::new("\"QueueUrl\"");
        let url = url.values(answer).next();
        let url = url.ok_or_else(|| io::Error::other("the queue has no address"))?;
        Ok(Queue {
            address: self.address,
            url: String::from_utf8_lossy(url).into_owned(),
        })
    }
}

impl Queue {
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.address).await
    }

    pub(super) async fn connect_all(&self, count: usize) -> io::Result<Vec<Connection>> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(self.connect().await?);
        }
        Ok(all)
    }

    /// Sends one message, or a batch.
    pub(super) fn send(&self, batch: usize, body_bytes: usize) -> Vec<u8> {
        let message = "x".repeat(body_bytes);
        if batch == 1 {
            return self.about("SendMessage", &format!(r#""MessageBody":"{message}""#));
        }
        let entries = (0..batch).map(|id| format!(r#"{{"Id":"{id}","MessageBody":"{message}"}}"#));
        let entries = entries.collect::<Vec<_>>().join(",");
        self.about("SendMessageBatch", &format!(r#""Entries":[{entries}]"#))
    }

    /// Sends messages that begin with their numbers.
    pub(super) fn send_numbered(&self, body_bytes: usize) -> Numbered {
        let rest = "x".repeat(body_bytes.saturating_sub(NUMBER_DIGITS));
        let (number, width) = (0, NUMBER_DIGITS);
        let request = self.about(
            "SendMessage",
            &format!(r#""MessageBody":"{number:0width$}{rest}""#),
        );
        let at = request.len() - r#""}"#.len() - rest.len() - NUMBER_DIGITS;
        Numbered { request, at }
    }

    pub(super) fn receive(&self, most: usize, wait_seconds: u32) -> Vec<u8> {
        self.about(
            "ReceiveMessage",
            &format!(r#""MaxNumberOfMessages":{most},"WaitTimeSeconds":{wait_seconds}"#),
        )
    }

    /// Deletes what was received, by the handles.
    pub(super) fn delete(&self, handles: &[&[u8]]) -> Vec<u8> {
        if let [handle] = handles {
            let handle = String::from_utf8_lossy(handle);
            return self.about("DeleteMessage", &format!(r#""ReceiptHandle":"{handle}""#));
        }
        let entries = handles.iter().enumerate().map(|(id, handle)| {
            let handle = String::from_utf8_lossy(handle);
            format!(r#"{{"Id":"{id}","ReceiptHandle":"{handle}"}}"#)
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        self.about("DeleteMessageBatch", &format!(r#""Entries":[{entries}]"#))
    }

    /// How many messages wait in it, as far as the server knows.
    pub(super) async fn waiting(&self) -> io::Result<u64> {
        const NAME: &str = "\"ApproximateNumberOfMessages\"";
        let request = self.about(
            "GetQueueAttributes",
            &format!(r#""AttributeNames":[{NAME}]"#),
        );
        let mut connection = self.connect().await?;
        let answer = connection.call(&request).await?;
        let field = Field::new(NAME);
        let number = field
            .values(answer)
            .next()
            .and_then(|it| std::str::from_utf8(it).ok());
        let number = number.and_then(|it| it.parse().ok());
        number.ok_or_else(|| io::Error::other("the queue does not say how much waits"))
    }

    fn about(&self, operation: &str, more: &str) -> Vec<u8> {
        let body = format!(r#"{{"QueueUrl":"{}",{more}}}"#, self.url);
        request(self.address, operation, &body)
    }
}

/// A request whose message has a number.
pub(super) struct Numbered {
    request: Vec<u8>,
    at: usize,
}

impl Numbered {
    pub(super) fn with(&mut self, number: u64) -> io::Result<&[u8]> {
        let mut digits = &mut self.request[self.at..self.at + NUMBER_DIGITS];
        write!(digits, "{number:0NUMBER_DIGITS$}")?;
        Ok(&self.request)
    }
}

/// As the SDKs send it. Nobody checks the signature: no keys are configured.
fn request(address: SocketAddr, operation: &str, body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\n\
         Host: {address}\r\n\
         Content-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: AmazonSQS.{operation}\r\n\
         X-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={:064}\r\n\
         Content-Length: {}\r\n\
         \r\n\
         {body}",
        0,
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue {
            address: ([127, 0, 0, 1], 4566).into(),
            url: "http://127.0.0.1:4566/000000000000/q".to_owned(),
        }
    }

    fn body(request: &[u8]) -> serde_json::Value {
        let text = std::str::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn a_batch_has_as_many_entries_as_it_says() {
        let sent = body(&queue().send(10, 3));
        let entries = sent["Entries"].as_array().unwrap();
        assert_eq!(entries.len(), 10);
        assert_eq!(
            (&entries[9]["Id"], &entries[9]["MessageBody"]),
            (&"9".into(), &"xxx".into())
        );
        let one = body(&queue().delete(&[b"h"]));
        assert_eq!(one["ReceiptHandle"], "h");
        let two = body(&queue().delete(&[b"h", b"i"]));
        assert_eq!(two["Entries"][1]["ReceiptHandle"], "i");
    }

    #[test]
    fn a_number_stands_at_the_beginning_of_its_message() {
        let mut numbered = queue().send_numbered(30);
        for number in [0, 7, u64::MAX] {
            let sent = body(numbered.with(number).unwrap());
            let message = sent["MessageBody"].as_str().unwrap();
            assert_eq!(message, format!("{number:020}{}", "x".repeat(10)));
        }
    }
}
