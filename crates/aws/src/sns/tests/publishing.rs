use serde_json::Value;

use super::harness::*;
use crate::sqs::message::Stored;

fn publish(topic: &str, message: &str) -> String {
    format!(
        "Action=Publish&TopicArn={topic}&Message={}",
        escaped(message)
    )
}

fn with_attribute(form: &str, at: usize, name: &str, data_type: &str, value: &str) -> String {
    let field = match data_type.starts_with("Binary") {
        true => "BinaryValue",
        false => "StringValue",
    };
    let entry = format!("MessageAttributes.entry.{at}");
    format!(
        "{form}&{entry}.Name={name}&{entry}.Value.DataType={data_type}&{entry}.Value.{field}={}",
        escaped(value)
    )
}

#[tokio::test]
async fn a_queue_is_sent_a_notification() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let form = format!("{}&Subject=Hello", publish(&topic, "a \"b\"\n\u{1}ä"));
    let form = with_attribute(&form, 1, "colour", "String", "red");
    let form = with_attribute(&form, 2, "picture", "Binary", "AgME");
    let answer = bench.ask(&form).await.unwrap();
    let bodies = bench.bodies(&queue).await;
    let notification: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(notification["Type"], "Notification");
    assert_eq!(notification["MessageId"], element(&answer, "MessageId"));
    assert_eq!(notification["TopicArn"], topic);
    assert_eq!(notification["Subject"], "Hello");
    assert_eq!(notification["Message"], "a \"b\"\n\u{1}ä");
    let unsubscribe =
        format!("http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={subscription}");
    assert_eq!(notification["UnsubscribeURL"], unsubscribe);
    let attributes = serde_json::json!({
        "colour": {"Type": "String", "Value": "red"},
        "picture": {"Type": "Binary", "Value": "AgME"},
    });
    assert_eq!(notification["MessageAttributes"], attributes);
    let timestamp = notification["Timestamp"].as_str().unwrap();
    assert_eq!(
        (timestamp.len(), &timestamp[19..20], &timestamp[23..]),
        (24, ".", "Z")
    );
    assert_eq!(notification["SignatureVersion"], "2");
    let certificate = notification["SigningCertURL"].as_str().unwrap();
    assert!(certificate.starts_with("http://localhost:4566/SimpleNotificationService-"));
}

#[tokio::test]
async fn who_asks_for_raw_messages_gets_them() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queues = [bench.queue("q1").await, bench.queue("q2").await];
    for queue in &queues {
        bench
            .subscribe(&topic, "sqs", queue, &[("RawMessageDelivery", "true")])
            .await;
    }
    let form = with_attribute(&publish(&topic, "as it is"), 1, "n", "Number.int", "6");
    bench
        .ask(&with_attribute(&form, 2, "b", "Binary", "AgME"))
        .await
        .unwrap();
    for queue in &queues {
        let message = bench.take(queue).await.remove(0);
        assert_eq!(&message.body[..], b"as it is");
        let attributes = Stored::new(message).attributes(&bench.broker);
        let attributes: Vec<_> = attributes
            .iter()
            .map(|one| (&*one.name, &*one.data_type, &*one.value))
            .collect();
        let expected: [(&str, &str, &[u8]); 2] =
            [("b", "Binary", &[2, 3, 4]), ("n", "Number.int", b"6")];
        assert_eq!(attributes, expected);
    }
}

#[tokio::test]
async fn filters_say_who_is_told() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let by_attribute = bench.queue("attribute").await;
    let by_body = bench.queue("body").await;
    let policy = r#"{"n": [{"numeric": [">", 5]}]}"#;
    let raw = ("RawMessageDelivery", "true");
    bench
        .subscribe(
            &topic,
            "sqs",
            &by_attribute,
            &[("FilterPolicy", policy), raw],
        )
        .await;
    let of_body = [
        ("FilterPolicy", policy),
        ("FilterPolicyScope", "MessageBody"),
        raw,
    ];
    let subscription = bench.subscribe(&topic, "sqs", &by_body, &of_body).await;
    for form in [
        publish(&topic, "none"),
        publish(&topic, r#"{"n": 6}"#),
        publish(&topic, r#"{"n": 5}"#),
        with_attribute(&publish(&topic, "six"), 1, "n", "Number", "6"),
        with_attribute(&publish(&topic, "text"), 1, "n", "String", "6"),
        with_attribute(&publish(&topic, "bytes"), 1, "n", "Binary", "Ng=="),
    ] {
        bench.ask(&form).await.unwrap();
    }
    assert_eq!(bench.bodies(&by_attribute).await, ["six"]);
    assert_eq!(bench.bodies(&by_body).await, [r#"{"n": 6}"#]);
    // The next message is held against the policy as it is then.
    let set = format!(
        "Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName=FilterPolicy&AttributeValue="
    );
    bench.ask(&set).await.unwrap();
    bench.ask(&publish(&topic, "anything")).await.unwrap();
    assert_eq!(bench.bodies(&by_body).await, ["anything"]);
}

#[tokio::test]
async fn each_protocol_has_a_word_of_its_own() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    bench
        .subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")])
        .await;
    let json = |message: &str| format!("{}&MessageStructure=json", publish(&topic, message));
    bench
        .ask(&json(r#"{"default": "d", "sqs": "for queues"}"#))
        .await
        .unwrap();
    bench
        .ask(&json(r#"{"default": "d", "email": "for letters"}"#))
        .await
        .unwrap();
    assert_eq!(bench.bodies(&queue).await, ["for queues", "d"]);
    for (message, why) in [
        (r#"{"sqs": "x"}"#, "No default entry in JSON message body"),
        ("x", "JSON message body failed to parse"),
    ] {
        let refused = bench.refusal(&json(message)).await;
        assert_eq!(
            refused.1,
            format!("Invalid parameter: Message Structure - {why}")
        );
    }
}

#[tokio::test]
async fn messages_are_refused_in_the_words_of_aws() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let long = "x".repeat((256 << 10) + 1);
    let message = publish(&topic, "x");
    let cases = [
        (publish(&topic, ""), "Invalid parameter: Empty message"),
        (
            format!("Action=Publish&TopicArn={topic}&Message={long}"),
            "Invalid parameter: Message too long",
        ),
        (format!("{message}&Subject="), "Invalid parameter: Subject"),
        (
            format!("{message}&Subject=a%0Ab"),
            "Invalid parameter: Subject",
        ),
        (
            format!("{message}&MessageDeduplicationId=x"),
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ),
        (
            with_attribute(&message, 1, "attr1", "String", ""),
            "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'.",
        ),
        (
            with_attribute(&message, 1, "attr1", "Map", "x"),
            "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            with_attribute(&message, 1, "a%5Eb", "String", "x"),
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (
            format!(
                "{message}&MessageAttributes.entry.1.Name=attr1&MessageAttributes.entry.1.Value.StringValue=x"
            ),
            "1 validation error detected: Value null at 'messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null",
        ),
        (
            "Action=Publish&Message=x&TargetArn=arn:aws:sns:us-east-1:000000000000:endpoint/a/b/c"
                .to_owned(),
            "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified",
        ),
    ];
    for (form, why) in cases {
        assert_eq!(bench.refusal(&form).await.1, why);
    }
}

#[tokio::test]
async fn a_batch_is_told_of_each_of_its_messages() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    bench
        .subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")])
        .await;
    let batch = |entries: &[(&str, &str)]| {
        let mut form = format!("Action=PublishBatch&TopicArn={topic}");
        for (at, (id, message)) in entries.iter().enumerate() {
            let entry = format!("PublishBatchRequestEntries.member.{}", at + 1);
            form += &format!("&{entry}.Id={id}&{entry}.Message={message}");
        }
        form
    };
    let answer = bench.ask(&batch(&[("a", "1"), ("b", "2")])).await.unwrap();
    assert_eq!(answer.matches("<MessageId>").count(), 2, "{answer}");
    assert!(answer.contains("<Failed></Failed>"), "{answer}");
    assert_eq!(bench.bodies(&queue).await, ["1", "2"]);

    let eleven: Vec<(String, &str)> = (0..11).map(|id| (id.to_string(), "x")).collect();
    let eleven: Vec<(&str, &str)> = eleven
        .iter()
        .map(|(id, message)| (&**id, *message))
        .collect();
    let half = "x".repeat(140 << 10);
    let long = "x".repeat(81);
    let cases = [
        (batch(&[]), "EmptyBatchRequest"),
        (batch(&eleven), "TooManyEntriesInBatchRequest"),
        (batch(&[("a", "1"), ("a", "2")]), "BatchEntryIdsNotDistinct"),
        (batch(&[("a.b", "1")]), "InvalidBatchEntryId"),
        (batch(&[(&long, "1")]), "InvalidBatchEntryId"),
        (batch(&[("a", &half), ("b", &half)]), "BatchRequestTooLong"),
    ];
    for (form, code) in cases {
        assert_eq!(bench.refusal(&form).await.0, code);
    }
    assert!(
        bench.bodies(&queue).await.is_empty(),
        "a refused batch goes nowhere"
    );
}

#[tokio::test]
async fn what_a_queue_does_not_take_is_in_the_dead_letter_queue() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let dead = bench.queue("dead").await;
    let redrive = format!(r#"{{"deadLetterTargetArn": "{dead}"}}"#);
    let gone = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:gone");
    for raw in ["true", "false"] {
        let attributes = [("RedrivePolicy", &*redrive), ("RawMessageDelivery", raw)];
        let subscription = bench.subscribe(&topic, "sqs", &gone, &attributes).await;
        bench.ask(&publish(&topic, "x")).await.unwrap();
        let bodies = bench.bodies(&dead).await;
        assert_eq!(bodies.len(), 1);
        assert!(bodies[0].contains('x'));
        bench
            .ask(&format!(
                "Action=Unsubscribe&SubscriptionArn={subscription}"
            ))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn more_than_memory_allows_at_once_reaches_everybody_in_order() {
    let bench = Bench::start();
    let topic = bench.topic("t.fifo").await;
    let message = "x".repeat(250 << 10);
    let count = crate::limits::SNS_FAN_OUT_BYTES_MAX / message.len() + 5;
    let mut queues = Vec::new();
    for number in 0..count {
        let queue = bench.queue(&format!("q{number}")).await;
        bench.subscribe(&topic, "sqs", &queue, &[]).await;
        queues.push(queue);
    }
    // The second fits into one piece, and would overtake the end of the first.
    let form =
        |body: &str| format!("Action=Publish&TopicArn={topic}&MessageGroupId=g&Message={body}");
    let (one, two) = (form(&message), form("small"));
    let (one, two) = tokio::join!(bench.ask(&one), bench.ask(&two));
    let number = |answer: Result<String, _>| element(&answer.unwrap(), "SequenceNumber");
    let mut numbers = [number(one), number(two)];
    numbers.sort_unstable();
    for queue in &queues {
        let found = bench.bodies(queue).await;
        let found: Vec<String> = found
            .iter()
            .map(|body| {
                serde_json::from_str::<Value>(body).unwrap()["SequenceNumber"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(found, numbers);
    }
}

#[tokio::test]
async fn a_queue_that_is_called_like_a_topic_is_told_nothing_unless_it_is_subscribed() {
    let bench = Bench::start();
    let topic = bench.topic("same").await;
    let queue = bench.queue("same").await;
    bench.ask(&publish(&topic, "x")).await.unwrap();
    assert!(bench.take(&queue).await.is_empty());
}
