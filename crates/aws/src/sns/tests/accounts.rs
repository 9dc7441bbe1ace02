//! Where access keys are configured, a key reaches its own account only.

use super::harness::*;

const OTHER: &str = "123456789012";

#[tokio::test]
async fn a_key_reaches_what_is_of_its_account() {
    let bench = Bench::start_verified();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let subscription = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let redrive = format!(r#"{{"deadLetterTargetArn": "{queue}"}}"#);
    let theirs = bench
        .ask_as(OTHER, REGION, "Action=CreateTopic&Name=t")
        .await
        .unwrap();
    let theirs = element(&theirs, "TopicArn");
    let to_ours = [("RedrivePolicy", &*redrive)];
    for form in [
        format!("Action=GetTopicAttributes&TopicArn={topic}"),
        format!(
            "Action=SetTopicAttributes&TopicArn={topic}&AttributeName=DisplayName&AttributeValue=x"
        ),
        format!("Action=Publish&TopicArn={topic}&Message=x"),
        format!("Action=DeleteTopic&TopicArn={topic}"),
        format!("Action=ListSubscriptionsByTopic&TopicArn={topic}"),
        format!("Action=ListTagsForResource&ResourceArn={topic}"),
        format!("Action=GetSubscriptionAttributes&SubscriptionArn={subscription}"),
        format!(
            "Action=SetSubscriptionAttributes&SubscriptionArn={subscription}&AttributeName=RawMessageDelivery&AttributeValue=true"
        ),
        format!("Action=Unsubscribe&SubscriptionArn={subscription}"),
        // Nor does it put anything into queues of others.
        subscribe_form(&theirs, "sqs", &queue, &[]),
        subscribe_form(&theirs, "sms", "+15551234567", &to_ours),
    ] {
        let refused = bench.ask_as(OTHER, REGION, &form).await.expect_err(&form);
        assert_eq!(refused.code, "AuthorizationError", "{form}");
    }
    bench
        .ask(&format!("Action=Publish&TopicArn={topic}&Message=x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_link_ends_what_nobody_owns() {
    let bench = Bench::start_verified();
    let topic = bench.topic("t").await;
    let queue = bench.queue("q").await;
    let owned = bench.subscribe(&topic, "sqs", &queue, &[]).await;
    let letters = bench.subscribe(&topic, "email", "a@example.com", &[]).await;
    let end = |arn: &str| format!("Action=Unsubscribe&SubscriptionArn={arn}");
    let refused = bench.ask_as_nobody(&end(&owned)).await.unwrap_err();
    assert_eq!(refused.code, "AuthorizationError");
    bench.ask_as_nobody(&end(&letters)).await.unwrap();
}
