use super::harness::*;

#[tokio::test]
async fn a_queue_is_subscribed_once() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let raw = [("RawMessageDelivery", "true")];
    let first = bench.subscribe(&topic, "sqs", &queue, &raw).await;
    assert!(first.starts_with(&format!("{topic}:")), "{first}");
    assert_eq!(bench.subscribe(&topic, "sqs", &queue, &raw).await, first);
    assert_eq!(bench.subscribe(&topic, "sqs", &queue, &[]).await, first);
    let other = subscribe_form(&topic, "sqs", &queue, &[("RawMessageDelivery", "false")]);
    assert_eq!(
        bench.refusal(&other).await.1,
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    );
    let bench = bench.restart();
    let by_topic = format!("Action=ListSubscriptionsByTopic&TopicArn={topic}");
    let listed = bench.ask(&by_topic).await.unwrap();
    assert!(
        listed.contains(&format!("<SubscriptionArn>{first}</SubscriptionArn>")),
        "{listed}"
    );
    assert_eq!(element(&listed, "Endpoint"), queue);
    let get = format!("Action=GetSubscriptionAttributes&SubscriptionArn={first}");
    let shown = bench.ask(&get).await.unwrap();
    for (name, value) in [
        ("RawMessageDelivery", "true"),
        ("PendingConfirmation", "false"),
        ("ConfirmationWasAuthenticated", "true"),
        ("Protocol", "sqs"),
        ("Owner", ACCOUNT),
    ] {
        assert_eq!(attribute(&shown, name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn endpoints_are_what_their_protocols_take() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let fifo = bench.queue("q.fifo").await;
    let cases = [
        (
            "test-protocol",
            "x",
            "Invalid parameter: Amazon SNS does not support this protocol string: test-protocol",
        ),
        (
            "sqs",
            "http://localhost/q",
            "Invalid parameter: SQS endpoint ARN",
        ),
        (
            "sqs",
            &fifo,
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        (
            "http",
            "https://x/",
            "Invalid parameter: Endpoint must match the specified protocol",
        ),
        (
            "sms",
            "NAA+15551234567",
            "Invalid SMS endpoint: NAA+15551234567",
        ),
        ("email", "nobody", "Invalid parameter: Email address"),
    ];
    for (protocol, endpoint, why) in cases {
        let form = subscribe_form(&topic, protocol, endpoint, &[]);
        assert_eq!(bench.refusal(&form).await.1, why);
    }
    let none = format!("{topic}x");
    let form = subscribe_form(&none, "sqs", &fifo, &[]);
    assert_eq!(bench.refusal(&form).await.0, "NotFound");
}

#[tokio::test]
async fn attributes_are_refused_in_the_words_of_aws() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let set = |name: &str, value: &str| {
        format!(
            "Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName={name}&AttributeValue={}",
            escaped(value)
        )
    };
    let no_json = "failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start \
                   field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
                   line: 1, column: 2]";
    let cases = [
        ("Fake", "x", "AttributeName".to_owned()),
        ("RawMessageDelivery", "test-ValUe", "RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false.".to_owned()),
        ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false.".to_owned()),
        ("RedrivePolicy", r#"{"deadLetterTargetArn": "fake"}"#, "RedrivePolicy: deadLetterTargetArn is an invalid arn".to_owned()),
        ("RedrivePolicy", "{invalidjson}", format!("RedrivePolicy: {no_json}")),
        ("FilterPolicy", "{invalidjson}", format!("FilterPolicy: {no_json}")),
        (
            "FilterPolicy",
            r#"{"a": {"b": ["c"]}}"#,
            "Filter policy scope MessageAttributes does not support nested filter policy".to_owned(),
        ),
        (
            "FilterPolicyScope",
            "RandomValue",
            "FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes".to_owned(),
        ),
    ];
    for (name, value, why) in cases {
        assert_eq!(
            bench.refusal(&set(name, value)).await,
            ("InvalidParameter", format!("Invalid parameter: {why}"))
        );
    }
    bench
        .ask(&set("FilterPolicyScope", "MessageBody"))
        .await
        .unwrap();
    bench
        .ask(&set("FilterPolicy", r#"{"a": {"b": ["c"]}}"#))
        .await
        .unwrap();
    assert_eq!(
        bench
            .refusal(&set("FilterPolicyScope", "MessageAttributes"))
            .await
            .1,
        "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"
    );
}

#[tokio::test]
async fn what_is_no_subscription_is_told_so() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let end = |arn: &str| format!("Action=Unsubscribe&SubscriptionArn={arn}");
    let cases = [
        (
            "",
            "SubscriptionArn Reason: no value for required parameter",
        ),
        (
            "randomstring",
            "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1",
        ),
        (
            "arn:aws:sns:us-east-1:random",
            "SubscriptionArn Reason: An ARN must have at least 6 elements, not 5",
        ),
        (&topic, "SubscriptionId"),
    ];
    for (arn, why) in cases {
        assert_eq!(
            bench.refusal(&end(arn)).await.1,
            format!("Invalid parameter: {why}")
        );
    }
    bench.ask(&end(&format!("{topic}:0b5e1c9e"))).await.unwrap();
}

#[tokio::test]
async fn an_unsubscribed_queue_is_told_nothing_any_more() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    bench
        .ask(&format!(
            "Action=Unsubscribe&SubscriptionArn={subscription}"
        ))
        .await
        .unwrap();
    bench
        .ask(&format!("Action=Publish&TopicArn={topic}&Message=x"))
        .await
        .unwrap();
    assert!(bench.take(&queue).await.is_empty());
    let get = format!("Action=GetTopicAttributes&TopicArn={topic}");
    let shown = bench.ask(&get).await.unwrap();
    assert_eq!(
        attribute(&shown, "SubscriptionsDeleted").as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn a_letter_is_recorded_and_its_token_confirms() {
    let bench = Bench::start();
    let topic = bench.topic("t").await;
    let form = subscribe_form(&topic, "email", "a@example.com", &[]);
    let answer = bench.ask(&form).await.unwrap();
    assert_eq!(element(&answer, "SubscriptionArn"), "pending confirmation");
    let listed = bench.ask("Action=ListSubscriptions").await.unwrap();
    assert_eq!(element(&listed, "SubscriptionArn"), "PendingConfirmation");
    let publish = format!("Action=Publish&TopicArn={topic}&Message=x");
    bench.ask(&publish).await.unwrap();
    let recorded = bench.recorded();
    assert_eq!(recorded.len(), 1, "only the question is sent: {recorded:?}");
    let token = recorded[0]["Token"].as_str().unwrap().to_owned();

    let confirm = format!("Action=ConfirmSubscription&TopicArn={topic}&Token=");
    assert_eq!(
        bench.refusal(&format!("{confirm}{token}0")).await.1,
        "Invalid parameter: Token"
    );
    let elsewhere = confirm.replace(":t&", ":none&");
    assert_eq!(
        bench.refusal(&format!("{elsewhere}{token}")).await.1,
        "Invalid parameter: Token"
    );
    for _ in 0..2 {
        let answer = bench.ask(&format!("{confirm}{token}")).await.unwrap();
        assert!(element(&answer, "SubscriptionArn").starts_with(&topic));
    }
    bench.ask(&publish).await.unwrap();
    assert_eq!(bench.recorded()[1]["Message"], "x");
}
